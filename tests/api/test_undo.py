"""Taking commands back: each kind leads back to how things stood, and what the field has done since wins."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import HoldReason, LockKind, VisitLock
from mobile_contract.schema.people import Crew
from mobile_contract.schema.planning import LockVisit, SwapVisits, WithdrawVisit
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW, Assigned
from tests.sync.looking import events, rows

HOUR = timedelta(hours=1)
MORNING: dict[str, Any] = {"planned_start_at": NOW + HOUR, "planned_end_at": NOW + 2 * HOUR}
NOON: dict[str, Any] = {"planned_start_at": NOW + 4 * HOUR, "planned_end_at": NOW + 6 * HOUR}


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(site, pool, seed, "max", "cal", "amy")


async def sent(desk: Office, command: Command, *, by: str = "dan") -> UUID:
    """Send a command that takes effect and give its id."""
    command_id = desk.org.new_id()
    (answer,) = await desk.org.send(command, by=by, ids=[command_id])
    assert answer.took_effect, answer
    return command_id


async def undo(desk: Office, command_id: UUID, *, key: UUID | None = None, by: str = "dan") -> httpx.Response:
    return await desk.post(f"/commands/{command_id}/undo", {}, key=key or desk.org.new_id(), by=by)


async def undone(desk: Office, command_id: UUID) -> list[str]:
    """Take a command back and name the commands that did it."""
    answer = await undo(desk, command_id)
    assert answer.status_code == 200, answer.text
    return [step["name"] for step in answer.json()["steps"]]


async def standing(desk: Office, job_id: UUID) -> tuple[Any, ...]:
    """Say how a job stands: state, hold, title, and each visit that is not called off with its plan and lock; ids and versions aside."""
    (job,) = await rows(
        desk.org, "select state, held_for, held_until, title from job where org_id = $1 and id = $2", job_id
    )
    visits = await rows(
        desk.org,
        "select state, crew_id, person_id, planned_start_at, planned_end_at, lock from visit"
        " where org_id = $1 and job_id = $2 and state <> 'cancelled' order by planned_start_at, id",
        job_id,
    )
    return (*job.values(), *(tuple(visit.values()) for visit in visits))


async def planned(desk: Office) -> Assigned:
    """Have a job whose visit is planned for the morning by crew alpha, and not sent."""
    job_id, visit_id = await desk.org.open_job(), desk.org.new_id()
    command = d.PlanVisit(job_id=job_id, visit_id=visit_id, crew_id=desk.org.crews["alpha"], **MORNING)
    await desk.org.ok(command, by="dan")
    return Assigned(job_id, visit_id)


async def dispatched(desk: Office, crew: str = "alpha", when: dict[str, Any] = MORNING) -> Assigned:
    """Have a job to which a crew is sent at a time."""
    job_id, visit_id = await desk.org.open_job(), desk.org.new_id()
    command = d.AssignVisit(job_id=job_id, visit_id=visit_id, crew_id=desk.org.crews[crew], **when)
    await desk.org.ok(command, by="dan")
    return Assigned(job_id, visit_id)


def named(given: Assigned) -> dict[str, Any]:
    return {"job_id": given.job_id, "visit_id": given.visit_id}


async def test_an_assignment_is_taken_back_by_withdrawing_the_visit(desk: Office) -> None:
    job_id = await desk.org.open_job()
    before = await standing(desk, job_id)
    command = d.AssignVisit(job_id=job_id, visit_id=desk.org.new_id(), crew_id=desk.org.crews["alpha"])
    assert await undone(desk, await sent(desk, command)) == ["withdraw_visit"]
    assert await standing(desk, job_id) == before
    assert (await events(desk.org, job_id))[-2:] == ["visit_assigned", "visit_cancelled"]


@pytest.mark.parametrize(
    "change",
    [
        lambda desk, g: d.ReassignVisit(**named(g), plan_version=1, crew_id=desk.org.crews["beta"]),
        lambda desk, g: d.ReassignVisit(**named(g), plan_version=1, crew_id=desk.org.crews["alpha"], **NOON),
        lambda desk, g: d.ReassignVisit(**named(g), plan_version=1, person_id=desk.org.people["bob"], **NOON),
        lambda desk, g: LockVisit(**named(g), plan_version=1, lock=VisitLock(kind=LockKind.RESOURCE)),
        lambda desk, g: WithdrawVisit(**named(g), plan_version=1, reason="x"),
        lambda desk, g: d.HoldJob(job_id=g.job_id, reason=HoldReason.ACCESS, until=NOW + HOUR),
        lambda desk, g: d.CancelJob(job_id=g.job_id, reason="x"),
        lambda desk, g: d.EditJob(job_id=g.job_id, changes={"title": d.FieldEdit(was="leak", set="burst")}),
    ],
    ids=["crew", "time", "person", "lock", "withdrawal", "hold", "cancellation", "edit"],
)
async def test_after_undo_a_job_stands_as_before(desk: Office, change: Any) -> None:
    given = await dispatched(desk)
    before = await standing(desk, given.job_id)
    command_id = await sent(desk, change(desk, given))
    assert await standing(desk, given.job_id) != before
    await undone(desk, command_id)
    assert await standing(desk, given.job_id) == before


async def test_a_visit_that_was_only_planned_is_planned_again_and_not_sent(desk: Office) -> None:
    given = await planned(desk)
    before = await standing(desk, given.job_id)
    moved = d.PlanVisit(**named(given), crew_id=desk.org.crews["beta"], **NOON)
    assert await undone(desk, await sent(desk, moved)) == ["plan_visit"]
    assert await standing(desk, given.job_id) == before
    away = d.AssignVisit(**named(given), crew_id=desk.org.crews["beta"])
    assert await undone(desk, await sent(desk, away)) == ["withdraw_visit", "plan_visit"]
    assert await standing(desk, given.job_id) == before


async def test_an_unlocking_and_a_release_come_back_as_they_were(desk: Office) -> None:
    given = await dispatched(desk)
    hold = d.HoldJob(job_id=given.job_id, reason=HoldReason.WEATHER, until=NOW + HOUR, note="wind")
    lock = VisitLock(kind=LockKind.TIME_RANGE, from_at=NOW, to_at=NOW + 3 * HOUR)
    await desk.org.ok(LockVisit(**named(given), plan_version=1, lock=lock), hold, by="dan")
    before = await standing(desk, given.job_id)
    unlocked = await sent(desk, LockVisit(**named(given), plan_version=1))
    released = await sent(desk, d.ReleaseJob(job_id=given.job_id))
    assert await undone(desk, released) == ["hold_job"]
    assert await undone(desk, unlocked) == ["lock_visit"]
    assert await standing(desk, given.job_id) == before
    longer = d.HoldJob(job_id=given.job_id, reason=HoldReason.CUSTOMER)
    assert await undone(desk, await sent(desk, longer)) == ["hold_job"]
    assert await standing(desk, given.job_id) == before


async def test_a_swap_is_swapped_back(desk: Office) -> None:
    one, other = await dispatched(desk), await dispatched(desk, "beta", NOON)
    before = [await standing(desk, given.job_id) for given in (one, other)]
    swap = SwapVisits(
        **named(one), plan_version=1, other_job_id=other.job_id, other_visit_id=other.visit_id, other_plan_version=1
    )
    command_id = await sent(desk, swap)
    assert [await standing(desk, given.job_id) for given in (one, other)] != before
    assert await undone(desk, command_id) == ["swap_visits"]
    assert [await standing(desk, given.job_id) for given in (one, other)] == before


async def test_what_the_field_has_done_since_wins(desk: Office) -> None:
    for fact in ("accepts", "travels"):
        job_id, visit_id = await desk.org.open_job(), desk.org.new_id()
        assign = d.AssignVisit(job_id=job_id, visit_id=visit_id, crew_id=desk.org.crews["alpha"])
        command_id = await sent(desk, assign)
        went_on: dict[str, Command] = {
            "accepts": d.AcceptVisit(job_id=job_id, visit_id=visit_id, plan_version=1),
            "travels": f.StartTravel(job_id=job_id, visit_id=visit_id),
        }
        await desk.org.ok(went_on[fact], by="amy")
        before = await standing(desk, job_id)
        refused = await undo(desk, command_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "undo_overtaken"), fact
        assert await standing(desk, job_id) == before


async def test_a_plan_that_was_changed_since_is_not_taken_back(desk: Office) -> None:
    given = await dispatched(desk)
    first = await sent(desk, d.ReassignVisit(**named(given), plan_version=1, crew_id=desk.org.crews["beta"]))
    second = await sent(desk, d.ReassignVisit(**named(given), plan_version=2, crew_id=desk.org.crews["alpha"], **NOON))
    assert (await undo(desk, first)).json()["code"] == "undo_overtaken"
    await undone(desk, second)
    # Taking back is a deed of its own: the first one is not the last word any more.
    assert (await undo(desk, first)).json()["code"] == "undo_overtaken"


async def test_the_same_undo_again_is_answered_with_what_it_did(desk: Office) -> None:
    given = await dispatched(desk)
    command_id, key = await sent(desk, WithdrawVisit(**named(given), plan_version=1)), desk.org.new_id()
    first = (await undo(desk, command_id, key=key)).json()
    recorded = await events(desk.org, given.job_id)
    again = (await undo(desk, command_id, key=key)).json()
    assert [s["command_id"] for s in again["steps"]] == [s["command_id"] for s in first["steps"]]
    assert again["repeated"] is True
    assert await events(desk.org, given.job_id) == recorded
    assert (await undo(desk, command_id)).json()["code"] == "undo_overtaken"


async def test_under_the_key_of_something_else_nothing_is_taken_back(desk: Office) -> None:
    given, other = await dispatched(desk), await dispatched(desk, "beta", NOON)
    moved = await sent(desk, d.ReassignVisit(**named(given), plan_version=1, crew_id=desk.org.crews["beta"]))
    locked = await sent(desk, LockVisit(**named(other), plan_version=1, lock=VisitLock(kind=LockKind.RESOURCE)))
    before = [await standing(desk, each.job_id) for each in (given, other)]
    for key in (moved, locked):
        refused = await undo(desk, moved, key=key)
        assert (refused.status_code, refused.json()["code"]) == (409, "id_reused")
    assert [await standing(desk, each.job_id) for each in (given, other)] == before
    key = desk.org.new_id()
    assert (await undo(desk, moved, key=key)).status_code == 200
    another = await undo(desk, locked, key=key)
    assert (another.status_code, another.json()["code"]) == (409, "id_reused")
    assert await standing(desk, other.job_id) == before[1]


async def test_the_key_of_an_undo_is_no_other_commands(desk: Office) -> None:
    given, key = await dispatched(desk), desk.org.new_id()
    away = WithdrawVisit(**named(given), plan_version=1)
    assert (await undo(desk, await sent(desk, away), key=key)).status_code == 200
    (answer,) = await desk.org.send(d.HoldJob(job_id=given.job_id, reason=HoldReason.ACCESS), by="dan", ids=[key])
    assert (answer.took_effect, answer.code) == (False, "id_reused")


async def test_an_undo_can_itself_be_taken_back(desk: Office) -> None:
    given = await dispatched(desk)
    command_id = await sent(desk, d.ReassignVisit(**named(given), plan_version=1, crew_id=desk.org.crews["beta"]))
    after = await standing(desk, given.job_id)
    (step,) = (await undo(desk, command_id)).json()["steps"]
    assert await undone(desk, UUID(step["command_id"])) == ["reassign_visit"]
    assert await standing(desk, given.job_id) == after


async def test_all_steps_take_effect_or_none(desk: Office) -> None:
    """The crew that had the visit has left meanwhile: nothing changes, not even the reopening before it."""
    given = await dispatched(desk, "beta")
    command_id = await sent(desk, d.CancelJob(job_id=given.job_id, reason="x"))
    (crew,) = await rows(desk.org, "select id, code, name from crew where org_id = $1 and code = 'beta'")
    await desk.org.ok(d.SaveCrew(crew=Crew(**crew, active=False)))
    before = await standing(desk, given.job_id)
    refused = await undo(desk, command_id)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_reference")
    assert await standing(desk, given.job_id) == before


async def test_what_no_command_takes_back_is_refused(desk: Office) -> None:
    job_id = desk.org.new_id()
    opened = await sent(desk, d.OpenJob(job_id=job_id, job_type="repair"))
    refused = await undo(desk, opened)
    assert (refused.status_code, refused.json()["code"]) == (409, "undo_not_possible")
    nothing = await undo(desk, desk.org.new_id())
    assert (nothing.status_code, nothing.json()["code"]) == (404, "not_found")


async def test_who_may_not_plan_takes_nothing_back_and_others_of_the_office_may(
    desk: Office, site: Site, pool: asyncpg.Pool
) -> None:
    given = await dispatched(desk)
    command_id = await sent(desk, WithdrawVisit(**named(given), plan_version=1))
    for name in ("cal", "amy"):
        refused = await undo(desk, command_id, by=name)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    other = await office(site, pool, 80)
    strange = await undo(other, command_id)
    assert (strange.status_code, strange.json()["code"]) == (404, "not_found")
    assert (await undo(desk, command_id, by="max")).status_code == 200
