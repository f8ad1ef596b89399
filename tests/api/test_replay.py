"""A day told again: it begins as things stood, each step says how they stood from then on, and it ends as they are stored."""

import contextlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from geo.store import positions
from jobs.context import Occurrence
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command, Position
from mobile_contract.schema.job import HoldReason, JobState, VisitState
from mobile_contract.schema.replay import Replay
from sync.execute import run
from sync.transaction import org_transaction
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW, Org, ask_of
from tests.sync.looking import rows

HERE = Position(lon_deg=116.44, lat_deg=39.95)
STEPS = 120


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(site, pool, seed, "cal", "amy")


async def told(desk: Office, from_at: datetime, to_at: datetime, *, by: str = "dan") -> Replay:
    answer = await desk.raw("/replay", by=by, from_at=from_at.isoformat(), to_at=to_at.isoformat())
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Replay)


async def report(org: Org, command: Command, *, at: datetime, received: datetime, by: str = "amy") -> None:
    """Report something that happened earlier than it was received."""
    ask = replace(ask_of(command, org.actor(by), id=org.new_id(), now=received), occurrence=Occurrence(at=at))
    (answer,) = await run(org.pool, org.id, [ask], now=received)
    assert answer.took_effect, answer


class Standing:
    """What a page shows while it replays: a plain application of the steps."""

    def __init__(self, replay: Replay) -> None:
        self.jobs: dict[UUID, JobState] = {job.id: job.state for job in replay.jobs if job.state is not None}
        self.visits: dict[UUID, tuple[VisitState, UUID | None, UUID | None]] = {
            visit.id: (visit.state, visit.crew_id, visit.person_id) for visit in replay.visits
        }
        self._steps = list(replay.steps)

    def until(self, at: datetime) -> "Standing":
        """Go on up to an instant."""
        while self._steps and self._steps[0].at <= at:
            step = self._steps.pop(0)
            self.jobs[step.job_id] = step.job_state
            if step.visit_id is not None and step.visit_state is not None:
                self.visits[step.visit_id] = (step.visit_state, step.crew_id, step.person_id)
        return self


async def test_a_report_that_came_late_is_told_when_it_happened_and_says_when_the_office_learned_of_it(
    desk: Office,
) -> None:
    org, hour = desk.org, timedelta(hours=1)
    standing = await org.open_job(now=NOW - timedelta(days=2))
    given = await org.assigned_job(now=NOW)
    visit: dict[str, Any] = {"job_id": given.job_id, "visit_id": given.visit_id, "position": HERE}
    await report(org, f.ArriveOnSite(**visit), at=NOW + hour, received=NOW + 5 * hour)
    await org.ok(d.HoldJob(job_id=standing, reason=HoldReason.WEATHER), by="dan", now=NOW + 3 * hour)
    replay = await told(desk, NOW - hour, NOW + 6 * hour)
    jobs = {job.id: job for job in replay.jobs}
    assert (jobs[standing].state, jobs[given.job_id].state) == (JobState.READY, None)
    arrival = next(step for step in replay.steps if step.name == "arrived")
    assert (arrival.at, arrival.recorded_at) == (NOW + hour, NOW + 5 * hour)
    assert (arrival.job_state, arrival.visit_state) == (JobState.IN_PROGRESS, VisitState.ON_SITE)
    assert arrival.crew_id == org.crews["alpha"]
    shown = Standing(replay).until(NOW + 2 * hour)
    assert shown.jobs == {standing: JobState.READY, given.job_id: JobState.IN_PROGRESS}
    assert shown.until(NOW + 4 * hour).jobs[standing] is JobState.ON_HOLD


async def test_what_was_over_before_the_span_is_not_told(desk: Office) -> None:
    over = await desk.org.open_job(now=NOW - timedelta(days=2))
    await desk.org.ok(d.CancelJob(job_id=over, reason="x"), by="dan", now=NOW - timedelta(days=1))
    later = await desk.org.open_job(now=NOW + timedelta(hours=9))
    replay = await told(desk, NOW, NOW + timedelta(hours=8))
    assert {over, later} & {job.id for job in replay.jobs} == set()
    before = await told(desk, NOW - timedelta(days=1, hours=1), NOW - timedelta(hours=2))
    assert [(job.id, job.state) for job in before.jobs] == [(over, JobState.READY)]
    assert [step.name for step in before.steps] == ["job_cancelled"]


async def random_history(org: Org, draw: random.Random) -> list[datetime]:
    """Let a few jobs live: decisions as time goes, facts that happened up to two hours before they came."""
    jobs = [(await org.open_job(now=NOW), org.new_id()) for _ in range(5)]
    clock, moments = NOW, []
    for _ in range(STEPS):
        clock += timedelta(minutes=draw.randint(1, 9))
        moments.append(clock)
        job_id, visit_id = draw.choice(jobs)
        visit: dict[str, Any] = {"job_id": job_id, "visit_id": visit_id}
        crew_id = draw.choice(list(org.crews.values()))
        planned: dict[str, Any] = {"planned_start_at": clock, "planned_end_at": clock + timedelta(hours=1)}
        command: Command = draw.choice(
            [
                d.PlanVisit(**visit, **planned),
                d.AssignVisit(**visit, crew_id=crew_id),
                d.AssignVisit(job_id=job_id, visit_id=org.new_id(), crew_id=crew_id),
                d.HoldJob(job_id=job_id, reason=HoldReason.ACCESS),
                d.ReleaseJob(job_id=job_id),
                d.CancelJob(job_id=job_id, reason="x"),
                d.CloseJob(job_id=job_id),
                d.ReopenJob(job_id=job_id, reason="x"),
            ]
        )
        if draw.random() < 0.5:
            await org.send(command, by="dan", now=clock)
            continue
        fact: Command = draw.choice(
            [
                f.StartTravel(**visit),
                f.ArriveOnSite(**visit),
                f.StartWork(**visit),
                f.PauseWork(**visit),
                f.ReportNoAccess(**visit, reason="nobody home"),
                f.CompleteVisit(**visit),
                f.CompleteVisit(**visit, follow_up=True),
            ]
        )
        at = clock - timedelta(minutes=draw.randint(0, 120))
        ask = replace(ask_of(fact, org.actor("amy"), id=org.new_id(), now=clock), occurrence=Occurrence(at=at))
        await run(org.pool, org.id, [ask], now=clock)
    return moments


async def test_after_the_last_step_everything_stands_as_it_is_stored_and_spans_fit_together(
    desk: Office, seed: int
) -> None:
    moments = await random_history(desk.org, random.Random(seed))
    end = moments[-1] + timedelta(hours=1)
    jobs = {row["id"]: row["state"] for row in await rows(desk.org, "select id, state from job where org_id = $1")}
    visits = {
        row["id"]: (row["state"], row["crew_id"], row["person_id"])
        for row in await rows(desk.org, "select id, state, crew_id, person_id from visit where org_id = $1")
    }
    whole = Standing(await told(desk, end - timedelta(days=1), end)).until(end)
    assert whole.jobs == jobs
    assert whole.visits == visits
    middle = moments[len(moments) // 2]
    first = Standing(await told(desk, end - timedelta(days=1), middle)).until(middle)
    second = await told(desk, middle, end)
    begins = Standing(second)
    over = {id: state for id, state in first.jobs.items() if id not in begins.jobs}
    assert begins.jobs == {id: state for id, state in first.jobs.items() if id not in over}
    assert set(over.values()) <= {
        JobState.COMPLETED,
        JobState.CLOSED,
        JobState.CANCELLED,
        JobState.CANNOT_COMPLETE,
    }
    assert begins.visits == {id: visit for id, visit in first.visits.items() if id in begins.visits}
    assert begins.until(end).jobs == {id: state for id, state in jobs.items() if id in begins.jobs}


async def drove(org: Org, name: str, *minutes: int) -> None:
    fixes = [
        positions.Fix(
            person_id=org.people[name], device_id=None, lon_deg=116.4 + i / 1000, lat_deg=39.95, accuracy_m=8.0,
            mock=False, at=NOW + timedelta(minutes=minute),
        )
        for i, minute in enumerate(minutes)
    ]  # fmt: skip
    async with org_transaction(org.pool, org.id) as conn:
        await positions.record(conn, org.id, fixes, received_at=NOW)


async def test_tracks_break_where_nothing_was_heard_and_are_for_who_may_see_positions(desk: Office) -> None:
    await drove(desk.org, "amy", 0, 1, 2, 30, 31)
    await drove(desk.org, "bob", 5)
    end = NOW + timedelta(hours=1)
    tracks = (await told(desk, NOW, end)).tracks
    alpha, beta = desk.org.crews["alpha"], desk.org.crews["beta"]
    assert sorted((t.crew_id == alpha, [p[0] for p in t.points]) for t in tracks) == [
        (False, [300.0]),
        (True, [0.0, 60.0, 120.0]),
        (True, [1800.0, 1860.0]),
    ]
    assert {t.crew_id for t in tracks} == {alpha, beta}
    assert (await told(desk, NOW, end, by="cal")).tracks == ()


async def test_a_replay_is_for_the_office_of_its_organisation_and_of_a_day(
    desk: Office, site: Site, pool: asyncpg.Pool
) -> None:
    await desk.org.assigned_job()
    await drove(desk.org, "amy", 0, 1)
    other = await office(site, pool, 78)
    day: dict[str, Any] = {"from_at": NOW.isoformat(), "to_at": (NOW + timedelta(days=1)).isoformat()}
    strange = msgspec.json.decode((await other.raw("/replay", **day)).content, type=Replay)
    assert (strange.jobs, strange.visits, strange.steps, strange.tracks) == ((), (), (), ())
    refused = await desk.raw("/replay", by="amy", **day)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    long = {**day, "to_at": (NOW + timedelta(hours=25, seconds=1)).isoformat()}
    refused = await desk.raw("/replay", **long)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
    answer = await desk.raw("/replay", **day)
    again = await desk.raw("/replay", headers={"If-None-Match": answer.headers["etag"]}, **day)
    assert again.status_code == 304


async def test_a_day_on_which_clocks_are_put_back_is_told_whole(desk: Office) -> None:
    """The last Sunday of October in Berlin, from midnight to midnight: 25 hours, the last of which are part of the day."""
    berlin = ZoneInfo("Europe/Berlin")
    from_at, to_at = (datetime(2025, 10, day, tzinfo=berlin).astimezone(UTC) for day in (26, 27))
    assert to_at - from_at == timedelta(hours=25)
    last = to_at - timedelta(minutes=10)
    job_id = desk.org.new_id()
    opened = d.OpenJob(job_id=job_id, job_type="repair", reported_at=last)
    await desk.org.ok(opened, by="dan", now=last)
    day = await told(desk, from_at, to_at)
    assert [(step.at, step.job_id) for step in day.steps] == [(last, job_id)]
    october: dict[str, Any] = {"from_at": "2025-09-30T22:00:00Z", "to_at": "2025-10-31T23:00:00Z"}
    assert (await desk.raw("/board", **october)).status_code == 200


async def test_who_would_wait_for_long_for_other_replays_is_sent_away_to_come_again(
    desk: Office, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = site.services.replays
    monkeypatch.setattr(gate, "line", 0)
    span: dict[str, Any] = {"from_at": NOW.isoformat(), "to_at": (NOW + timedelta(hours=1)).isoformat()}
    async with contextlib.AsyncExitStack() as others:
        for _ in range(gate.limit):
            await others.enter_async_context(gate.enter())
        refused = await desk.raw("/replay", **span)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        assert int(refused.headers["retry-after"]) > 0
    assert (await desk.raw("/replay", **span)).status_code == 200
