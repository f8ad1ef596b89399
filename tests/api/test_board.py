"""The board of the dispatch console: what is on it, and who may see it."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from uuid_utils.compat import uuid7

from api.services import system_clock
from api.store import api_keys
from api.store import board as store
from geo.store import positions
from jobs.store.tables import columns_of
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.board import Board, BoardChanges, BoardCrew, BoardPlace
from mobile_contract.schema.job import JobState, VisitState
from mobile_contract.schema.people import Person, Role
from sync.tokens import TokenKind, mint_token
from sync.transaction import org_transaction
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW, Org


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(site, pool, seed, "cal", "amy")


async def board_of(desk: Office, *, by: str = "dan", **params: Any) -> Board:
    answer = await desk.raw("/board", by=by, **params)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Board)


async def changes_of(desk: Office, since: str, *, by: str = "dan") -> BoardChanges:
    answer = await desk.raw("/board/changes", by=by, since=since)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=BoardChanges)


async def seen_at(org: Org, name: str, lon: float, lat: float, *, now: datetime) -> None:
    fix = positions.Fix(
        person_id=org.people[name], device_id=None, lon_deg=lon, lat_deg=lat, accuracy_m=8.0, mock=False, at=now
    )
    async with org_transaction(org.pool, org.id) as conn:
        await positions.record(conn, org.id, [fix], received_at=now)


async def key(org: Org, *scopes: str) -> dict[str, str]:
    token = mint_token(TokenKind.API_KEY, org.id, uuid7())
    new = api_keys.NewKey(
        key_id=token.id, name="k", secret_hash=token.secret_hash, scopes=scopes, made_by=None, expires_at=None
    )
    async with org_transaction(org.pool, org.id) as conn:
        await api_keys.add(conn, org.id, new, now=NOW)
    return {"Authorization": f"Bearer {token.text}"}


async def test_board_shows_open_jobs_with_their_visits_and_who_could_go(desk: Office) -> None:
    waiting = await desk.org.open_job(title="burst main")
    given = await desk.org.assigned_job()
    board = await board_of(desk)
    jobs = {job.id: job for job in board.jobs}
    assert jobs[waiting].state is JobState.READY
    assert jobs[waiting].title == "burst main"
    assert jobs[given.job_id].state is JobState.SCHEDULED
    assert [(v.job_id, v.state, v.crew_id) for v in board.visits] == [
        (given.job_id, VisitState.DISPATCHED, desk.org.crews["alpha"])
    ]
    crews = {crew.id: crew for crew in board.crews}
    assert {p.person_id for p in crews[desk.org.crews["alpha"]].people} == {
        desk.org.people["amy"],
        desk.org.people["ali"],
    }
    assert {t.code for t in board.job_types} >= {"repair"}
    assert len(board.districts) == 2
    assert board.zone == "Asia/Shanghai"


async def test_who_has_no_role_in_the_office_sees_no_board(desk: Office) -> None:
    version = (await board_of(desk)).version
    asked: list[tuple[str, dict[str, Any]]] = [("/board", {}), ("/board/changes", {"since": version})]
    for path, params in asked:
        refused = await desk.raw(path, by="amy", **params)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        keyed = await key(desk.org, "positions")
        refused = await desk.site.client.get(f"/api/v1{path}", params=params, headers=keyed)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await desk.site.client.get(f"/api/v1{path}", params=params)).status_code == 401


async def test_only_who_may_send_crews_sees_where_they_are(desk: Office) -> None:
    version = (await board_of(desk)).version
    await seen_at(desk.org, "amy", 116.41, 39.95, now=system_clock())
    alpha = desk.org.crews["alpha"]

    def place_of(crews: tuple[BoardCrew, ...]) -> BoardPlace | None:
        return {crew.id: crew for crew in crews}[alpha].place

    shown = place_of((await board_of(desk)).crews)
    assert shown is not None
    assert (shown.person_id, shown.lon_deg) == (desk.org.people["amy"], 116.41)
    assert place_of((await board_of(desk, by="cal")).crews) is None
    for scopes, sees in ((("read",), False), (("read", "positions"), True)):
        answer = await desk.site.client.get("/api/v1/board", headers=await key(desk.org, *scopes))
        assert (place_of(msgspec.json.decode(answer.content, type=Board).crews) is not None) is sees
    assert place_of((await changes_of(desk, version)).crews) == shown
    # The version was the dispatcher's; what is shown is asked of who comes with it.
    assert alpha not in {crew.id for crew in (await changes_of(desk, version, by="cal")).crews}


async def test_board_holds_nothing_of_another_organisation(site: Site, pool: asyncpg.Pool, desk: Office) -> None:
    other = await office(site, pool, 77)
    version = (await board_of(other)).version
    hidden = await desk.org.assigned_job()
    await seen_at(desk.org, "amy", 116.41, 39.95, now=system_clock())
    text = (await other.raw("/board")).text
    assert [str(id) for id in (hidden.job_id, hidden.visit_id, *desk.org.crews.values()) if str(id) in text] == []
    changes = await changes_of(other, version)
    assert (changes.jobs, changes.visits, changes.crews, changes.reload) == ((), (), (), False)
    # A version of theirs is none here.
    assert (await changes_of(desk, version)).reload


async def test_a_phone_is_shown_with_when_it_last_synced_and_what_it_had_not_sent(desk: Office) -> None:
    device = await desk.org.device(crew="alpha", now=system_clock())
    own = await desk.org.device("bob", now=system_clock())
    async with org_transaction(desk.org.pool, desk.org.id) as conn:
        await conn.execute(
            "update sync_device_seen set seen_at = $3, pulled_at = $3, unsent = 7 where org_id = $1 and device_id = $2",
            desk.org.id,
            device.id,
            NOW,
        )
    crews = {crew.id: crew for crew in (await board_of(desk)).crews}
    (phone,) = crews[desk.org.crews["alpha"]].phones
    assert (phone.device_id, phone.seen_at, phone.pulled_at, phone.unsent) == (device.id, NOW, NOW, 7)
    (phone,) = crews[desk.org.crews["beta"]].phones
    assert (phone.device_id, phone.holder, phone.pulled_at) == (own.id, "Bob", None)


async def test_somebody_of_the_field_without_a_crew_has_a_row_of_their_own(desk: Office) -> None:
    zoe = Person(id=desk.org.new_id(), code="zoe", name="Zoe", roles=(Role.TECHNICIAN,))
    await desk.org.ok(d.SavePerson(person=zoe))
    crews = {crew.id: crew for crew in (await board_of(desk)).crews}
    assert (crews[zoe.id].alone, crews[zoe.id].name, [p.person_id for p in crews[zoe.id].people]) == (
        True,
        "Zoe",
        [zoe.id],
    )
    assert [crew.name for crew in crews.values() if crew.alone] == ["Zoe"]


@pytest.mark.parametrize(
    ("from_at", "to_at"),
    [
        ("2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"),
        ("2026-03-02T00:00:00Z", "2026-04-03T00:00:00Z"),
        ("9999-12-31T23:00:00Z", None),
    ],
)
async def test_days_that_are_none_or_too_many_are_refused(desk: Office, from_at: str, to_at: str | None) -> None:
    asked: dict[str, Any] = {"from_at": from_at} | ({"to_at": to_at} if to_at else {})
    refused = await desk.raw("/board", **asked)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


async def test_what_ended_is_on_the_board_of_its_day(desk: Office) -> None:
    job_id = await desk.org.open_job()
    await desk.org.ok(d.CancelJob(job_id=job_id, reason="x"), by="dan", now=NOW)
    day = {"from_at": NOW.isoformat(), "to_at": (NOW + timedelta(hours=1)).isoformat()}
    assert [job.id for job in (await board_of(desk, **day)).jobs] == [job_id]
    assert (await board_of(desk)).jobs == ()


async def test_answers_are_written_without_what_means_nothing(desk: Office) -> None:
    """What the database writes is what the contract's Structs would: nothing more, nothing spelled out."""
    await desk.org.assigned_job()
    raw = (await desk.raw("/board")).json()
    board = msgspec.json.decode((await desk.raw("/board")).content, type=Board)
    assert [set(job) for job in raw["jobs"]] == [set(msgspec.to_builtins(job)) for job in board.jobs]
    assert [set(visit) for visit in raw["visits"]] == [set(msgspec.to_builtins(visit)) for visit in board.visits]
    assert [set(crew) for crew in raw["crews"]] == [set(msgspec.to_builtins(crew)) for crew in board.crews]
    assert set(raw) == {f.encode_name for f in msgspec.structs.fields(Board)}
    changes = (await desk.raw("/board/changes", since=board.version)).json()
    assert set(changes) == {f.encode_name for f in msgspec.structs.fields(BoardChanges)}


_COLUMNS = ", ".join(columns_of("job"))
# Copies of a job, each a second older than the one before.
_OLDER = f"""
insert into job (org_id, {_COLUMNS})
select c.org_id, {", ".join(f"c.{name}" for name in columns_of("job"))} from job j, generate_series(1, $3) n, jsonb_populate_record(
  j, jsonb_build_object('id', gen_random_uuid(), 'number', 'old-' || n, 'reported_at', j.reported_at - n * interval '1 second')) c
where j.org_id = $1 and j.id = $2"""


async def test_of_more_than_a_board_holds_the_oldest_and_least_urgent_are_left_out_and_it_says_so(
    desk: Office, owner: asyncpg.Connection
) -> None:
    org = desk.org
    new, urgent, begun = await org.open_job(), await org.open_job(), await org.open_job()
    await org.ok(f.StartTravel(job_id=begun, visit_id=await org.assign(begun)), by="amy")
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute(_OLDER, org.id, new, store.JOBS_MAX - 3)
    await owner.execute("analyze job")
    assert (await board_of(desk)).truncated is False
    old = "update job set reported_at = reported_at - interval '9 days', priority = $3 where org_id = $1 and id = $2"
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute(_OLDER, org.id, new, 2)
        await conn.execute(old, org.id, urgent, "urgent")
        await conn.execute(old, org.id, begun, "low")
        await conn.execute("update job set state = 'in_progress' where org_id = $1 and id = $2", org.id, begun)
    board = await board_of(desk)
    assert (board.truncated, len(board.jobs)) == (True, store.JOBS_MAX)
    held = {job.id for job in board.jobs}
    assert held >= {new, urgent, begun}
    oldest = [job.reported_at for job in board.jobs if job.id not in (urgent, begun)]
    async with org_transaction(org.pool, org.id) as conn:
        left = await conn.fetch(
            "select reported_at from job where org_id = $1 and id <> all($2) order by id limit 10", org.id, held
        )
    assert len(left) == 2
    assert max(row["reported_at"] for row in left) < min(oldest)
