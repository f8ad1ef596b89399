"""Who is suggested for a job and what the backlog's plan makes of it: people, shifts, places and load from a real database."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from geo.candidates import Dispatched, Reason, Suggestion
from jobs.dispatching import assignment_command, load_backlog, plan_backlog, suggest
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import LocalText, Priority, Skill
from mobile_contract.schema.job import Job, JobState, JobType, Visit, VisitState
from mobile_contract.schema.people import Crew, Person, Role, Shift
from sync.transaction import org_transaction
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.telling import fact, tell

HOUR = timedelta(hours=1)


async def on_shift(org: Org, *names: str, from_at: datetime = NOW - HOUR, to_at: datetime = NOW + 8 * HOUR) -> None:
    shifts = [Shift(id=org.new_id(), person_id=org.people[n], from_at=from_at, to_at=to_at) for n in names]
    await org.ok(*[d.SaveShift(shift=shift) for shift in shifts])


async def seen(org: Org, name: str, point: tuple[float, float], at: datetime = NOW) -> None:
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute(
            """insert into position (org_id, person_id, lon_deg, lat_deg, accuracy_m, mock, at, received_at)
               values ($1, $2, $3, $4, 10, false, $5, $5)""",
            org.id, org.people[name], *point, at,
        )  # fmt: skip


async def suggested(org: Org, job_id: UUID, now: datetime = NOW) -> list[Suggestion]:
    async with org_transaction(org.pool, org.id) as conn:
        found = await suggest(conn, org.id, job_id, now=now)
    assert found is not None
    return found


def names(org: Org, suggestions: list[Suggestion], *, eligible: bool = True) -> list[str]:
    known = {id: name for name, id in org.people.items()}
    return [known[s.person_id] for s in suggestions if s.eligible is eligible]


async def job_at(org: Org, lon: float, lat: float, **said: Any) -> UUID:
    command = d.OpenJob(job_id=org.new_id(), job_type="repair", lon_deg=lon, lat_deg=lat, reported_at=NOW)
    await org.ok(replace(command, **said), by="dan")
    return command.job_id


EAST = (116.45, 39.95)


async def test_the_nearest_capable_come_first_with_their_reasons(org: Org) -> None:
    await on_shift(org, "amy", "ali", "bob")
    await seen(org, "bob", (116.451, 39.951))
    await seen(org, "amy", (116.48, 39.98))
    found = await suggested(org, await job_at(org, *EAST))
    assert names(org, found) == ["bob", "amy"]
    assert found[0].reasons == (Reason.OWN_DISTRICT,)
    assert found[0].travel_s is not None and found[0].travel_s < 120
    assert names(org, found, eligible=False) == ["ali"]
    assert Reason.NO_POSITION in found[2].reasons


async def test_who_is_off_shift_is_not_suggested_and_who_starts_soon_is_told_so(org: Org) -> None:
    await on_shift(org, "amy", to_at=NOW)
    await on_shift(org, "bob", from_at=NOW + timedelta(minutes=30))
    for name in ("amy", "bob"):
        await seen(org, name, EAST)
    found = await suggested(org, await job_at(org, *EAST))
    assert names(org, found) == ["bob"]
    assert Reason.STARTS_LATER in found[0].reasons


async def test_a_crew_comes_from_its_base_when_no_position_is_known(org: Org) -> None:
    await on_shift(org, "bob")
    crew = await stored.one(org, Crew, org.crews["beta"])
    await org.ok(d.SaveCrew(crew=replace(crew, lon_deg=116.46, lat_deg=39.96)))
    found = await suggested(org, await job_at(org, *EAST))
    assert names(org, found) == ["bob"]
    assert Reason.POSITION_FROM_BASE in found[0].reasons


async def test_a_person_starts_from_home_rather_than_from_the_crews_base(org: Org) -> None:
    await on_shift(org, "bob")
    crew = await stored.one(org, Crew, org.crews["beta"])
    await org.ok(
        d.SaveCrew(crew=replace(crew, lon_deg=116.46, lat_deg=39.96)),
        d.SavePerson(
            person=Person(
                id=org.people["bob"], code="bob", name="Bob", roles=(Role.TECHNICIAN,), lon_deg=EAST[0], lat_deg=EAST[1]
            )
        ),
    )
    (found,) = await suggested(org, await job_at(org, *EAST))
    assert found.travel_s == 0


async def test_a_missing_skill_leaves_out_and_says_so(org: Org) -> None:
    gas = JobType(
        id=org.new_id(), code="gas", version=1, name=LocalText(en="Gas"), required_skills=(Skill(code="gas"),)
    )
    await on_shift(org, "amy", "bob")
    for name in ("amy", "bob"):
        await seen(org, name, EAST)
    skilled = Person(
        id=org.people["amy"], code="amy", name="Amy", roles=(Role.TECHNICIAN,), skills=(Skill(code="gas", level=2),)
    )
    await org.ok(d.LoadJobType(job_type=gas), d.SavePerson(person=skilled))
    found = await suggested(org, await job_at(org, *EAST, job_type="gas"))
    assert names(org, found) == ["amy"]
    assert [s.reasons[0] for s in found if not s.eligible] == [Reason.SKILL_MISSING]


async def test_a_crew_of_the_neighbouring_district_comes_after_the_own(org: Org) -> None:
    await on_shift(org, "amy", "bob")
    for name in ("amy", "bob"):
        await seen(org, name, (116.399, 39.95))
    found = await suggested(org, await job_at(org, 116.398, 39.95))
    assert names(org, found) == ["amy", "bob"]
    assert found[0].reasons == (Reason.OWN_DISTRICT,)
    assert found[1].reasons == (Reason.NEIGHBOURING_DISTRICT,)


async def test_who_works_far_away_is_not_even_looked_at(org: Org) -> None:
    outline = '{"type":"Polygon","coordinates":[[[120,30],[120.1,30],[120.1,30.1],[120,30.1],[120,30]]]}'
    far = d.SaveDistrict(district_id=org.new_id(), code="far", name_en="Far", outline_geojson=outline)
    await org.ok(far)
    await on_shift(org, "amy", "bob")
    assert await suggested(org, await job_at(org, 120.05, 30.05)) == []


async def test_a_crew_of_the_district_above_works_in_those_below(org: Org) -> None:
    ring = [[119, 29], [121, 29], [121, 31], [119, 31], [119, 29]]
    inner = [[120, 30], [120.1, 30], [120.1, 30.1], [120, 30.1], [120, 30]]
    above, below = org.new_id(), org.new_id()
    await org.ok(
        d.SaveDistrict(
            district_id=above, code="A", name_en="A", outline_geojson=f'{{"type":"Polygon","coordinates":[{ring}]}}'
        )
    )
    await org.ok(
        d.SaveDistrict(
            district_id=below, code="A1", name_en="A1", parent_id=above,
            outline_geojson=f'{{"type":"Polygon","coordinates":[{inner}]}}',
        )
    )  # fmt: skip
    crew = await stored.one(org, Crew, org.crews["beta"])
    await org.ok(d.SaveCrew(crew=replace(crew, district_ids=(above,))))
    await on_shift(org, "bob")
    await seen(org, "bob", (120.05, 30.05))
    found = await suggested(org, await job_at(org, 120.06, 30.06))
    assert names(org, found) == ["bob"]
    assert found[0].reasons == (Reason.OWN_DISTRICT,)


async def test_work_already_given_and_work_under_way_count_against_a_candidate(org: Org) -> None:
    await on_shift(org, "amy", "bob")
    for name in ("amy", "bob"):
        await seen(org, name, EAST)
    for _ in range(2):
        await org.assigned_job("beta", "east")
    busy = await org.assigned_job("alpha", "east")
    await tell(org, fact(f.StartWork, busy), at=NOW - timedelta(minutes=20))
    by_name = dict(zip(("bob", "amy"), await suggested(org, await job_at(org, *EAST)), strict=True))
    assert {t.name: t.seconds for t in by_name["bob"].terms} == {"load": 1800.0}
    assert Reason.BUSY in by_name["amy"].reasons
    assert {t.name: t.seconds for t in by_name["amy"].terms} == {"wait": 2400.0}


async def test_nobody_is_suggested_for_an_unknown_job(org: Org) -> None:
    async with org_transaction(org.pool, org.id) as conn:
        assert await suggest(conn, org.id, org.new_id(), now=NOW) is None


async def test_a_job_without_a_place_says_so_of_everybody(org: Org) -> None:
    await on_shift(org, "amy")
    command = d.OpenJob(job_id=org.new_id(), job_type="repair")
    await org.ok(command)
    (found,) = await suggested(org, command.job_id)
    assert (found.eligible, found.reasons) == (False, (Reason.JOB_NOT_LOCATED,))


async def planned(org: Org, **which: Any) -> Dispatched:
    async with org_transaction(org.pool, org.id) as conn:
        backlog = await load_backlog(conn, org.id, now=NOW, **which)
    return plan_backlog(backlog, now=NOW)


async def test_the_backlog_becomes_assignments_that_commands_make_so(org: Org) -> None:
    await on_shift(org, "amy", "bob")
    await seen(org, "amy", (116.35, 39.95))
    await seen(org, "bob", EAST)
    west, east = await job_at(org, 116.351, 39.95), await job_at(org, 116.452, 39.95)
    lost = d.OpenJob(job_id=org.new_id(), job_type="repair")
    await org.ok(lost)
    plan = await planned(org)
    assert {a.job_id: a.crew_id for a in plan.assignments} == {west: org.crews["alpha"], east: org.crews["beta"]}
    commands = [assignment_command(a, org.new_id()) for a in plan.assignments]
    await org.ok(*commands, by="dan")
    for command in commands:
        assert (await stored.one(org, Job, command.job_id)).state is JobState.SCHEDULED
        visit = await stored.one(org, Visit, command.visit_id)
        assert (visit.state, visit.person_id) == (VisitState.DISPATCHED, None)
        assert visit.planned_start_at is not None and visit.planned_start_at >= NOW
    assert (await planned(org)).assignments == ()


async def test_the_backlog_of_a_district_holds_the_urgent_first(org: Org) -> None:
    await on_shift(org, "amy")
    await seen(org, "amy", EAST)
    slow = await job_at(org, 116.451, 39.95)
    urgent = await job_at(org, 116.49, 39.99, priority=Priority.EMERGENCY)
    other = await job_at(org, 116.35, 39.95)
    plan = await planned(org, district_id=org.districts["east"])
    assert [a.job_id for a in plan.assignments] == [urgent, slow]
    assert other not in {u.job_id for u in plan.unassigned}


@pytest.mark.parametrize("rows", [1, 40])
async def test_suggesting_takes_one_query_however_many_people_there_are(org: Org, rows: int) -> None:
    people = [
        Person(id=org.new_id(), code=f"p{i}", name=f"P{i}", roles=(Role.TECHNICIAN,), lon_deg=116.45, lat_deg=39.95)
        for i in range(rows)
    ]
    shifts = [Shift(id=org.new_id(), person_id=p.id, from_at=NOW - HOUR, to_at=NOW + HOUR * 9) for p in people]
    await org.ok(*[d.SavePerson(person=p) for p in people], *[d.SaveShift(shift=s) for s in shifts])
    job_id = await job_at(org, *EAST)
    asked: list[str] = []
    async with org_transaction(org.pool, org.id) as conn:
        with conn.query_logger(lambda record: asked.append(record.query)):
            found = await suggest(conn, org.id, job_id, now=NOW, limit=100)
    assert found is not None and len(found) == rows
    assert len(asked) == 2, "the job with its candidates, and the organisation's zone"
