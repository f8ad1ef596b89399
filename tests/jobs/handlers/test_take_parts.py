"""Urgent parts taken before anybody approved them: booked at once, approved afterwards and marked so, completed by the store's issue."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from jobs.event import EventName
from jobs.stock_locations import TRANSIT, place_id
from mobile_contract.rules.ladder import approval_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import Allowance, Approval
from mobile_contract.schema.approval_commands import GrantAllowance, WithdrawAllowance
from mobile_contract.schema.job import Flag
from mobile_contract.schema.material import RequestState
from mobile_contract.schema.stock import MoveKind, StockMove
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.material_scene import Scene, scene
from tests.jobs.phones import from_phone

HOUR = timedelta(hours=1)


@pytest.fixture
async def at(org: Org) -> Scene:
    """Give a store with parts and a job."""
    return await scene(org)


async def allowed(at: Scene, ceiling: str = "100") -> UUID:
    grant = GrantAllowance(
        allowance_id=at.org.new_id(),
        crew_id=at.org.crews["alpha"],
        ceiling=Decimal(ceiling),
        from_at=NOW - HOUR,
        to_at=NOW + HOUR,
    )
    await at.org.ok(grant, by="gus", now=NOW - HOUR)
    return grant.allowance_id


def taking(at: Scene, allowance_id: UUID | None, code: str = "clamp", quantity: str = "2") -> f.TakeParts:
    line = f.TakenLine(part_id=at.org.parts[code], quantity=Decimal(quantity))
    return f.TakeParts(
        job_id=at.job.job_id,
        visit_id=at.job.visit_id,
        request_id=at.org.new_id(),
        allowance_id=allowance_id,
        lines=(line,),
    )


async def test_parts_taken_under_an_allowance_are_in_the_van_and_wait_for_their_approval(at: Scene) -> None:
    command = taking(at, await allowed(at))
    assert (await at.told(command, by="amy")).flags == ()
    request = await at.request(command.request_id)
    assert (request.state, request.taken_at, request.urgent) == (RequestState.WAITING_APPROVAL, NOW, True)
    assert request.lines[0].received == Decimal(2)
    approval = await stored.one(at.org, Approval, approval_id(command.request_id))
    assert (approval.after_the_fact, approval.allowance_id) == (True, command.allowance_id)
    assert await at.held("clamp", at.org.vans["alpha"]) == Decimal(2)
    assert (await at.held("clamp"), await at.held("clamp", place_id(at.org.id, TRANSIT))) == (Decimal(100), Decimal(-2))
    (move,) = await stored.of_job(at.org, StockMove, at.job.job_id)
    assert (move.kind, move.request_id, move.line_no) == (MoveKind.TAKEN, command.request_id, 1)
    assert (await stored.one(at.org, Allowance, command.allowance_id or UUID(int=0))).drawn == Decimal(25)
    names = [event.name for event in await stored.events(at.org, at.job.job_id)]
    assert names[-1] is EventName.PARTS_TAKEN


async def test_the_store_completes_what_was_taken_by_issuing_it_once_it_is_approved(at: Scene) -> None:
    command = taking(at, await allowed(at))
    await at.org.ok(command, by="amy")
    assert (await at.told(at.issuing(command.request_id))).code == "request_state"
    await at.decide(command.request_id)
    assert (await at.request(command.request_id)).state is RequestState.RECEIVED
    await at.issued(command.request_id)
    assert (await at.held("clamp"), await at.held("clamp", place_id(at.org.id, TRANSIT))) == (Decimal(98), Decimal(0))
    assert (await at.request(command.request_id)).lines[0].issued == Decimal(2)


async def test_what_was_taken_stays_taken_though_it_is_rejected_afterwards(at: Scene) -> None:
    command = taking(at, await allowed(at))
    await at.org.ok(command, by="amy")
    reject = d.Reject(job_id=at.job.job_id, approval_id=approval_id(command.request_id), reason="not needed")
    await at.org.ok(reject, by="eve")
    request = await at.request(command.request_id)
    assert (request.state, request.lines[0].received) == (RequestState.REJECTED, Decimal(2))


async def test_what_was_taken_counts_toward_the_day_of_the_job(at: Scene) -> None:
    await at.org.ok(taking(at, await allowed(at), quantity="4"), by="amy")
    request = await at.request(await at.asked(at.line("clamp", "0.001")))
    assert request.day_total == Decimal("50.0125")


async def test_parts_taken_without_an_allowance_that_covers_them_are_booked_and_flagged(at: Scene) -> None:
    allowance_id = await allowed(at, "30")
    assert (await at.told(taking(at, None), by="amy")).flags == (Flag.ALLOWANCE_UNKNOWN,)
    assert (await at.told(taking(at, allowance_id), by="bob")).flags[:1] == (Flag.ALLOWANCE_UNKNOWN,)
    assert Flag.ALLOWANCE_EXCEEDED in (await at.told(taking(at, allowance_id, quantity="3"), by="amy")).flags
    assert Flag.ALLOWANCE_EXPIRED in (await at.told(taking(at, allowance_id), by="amy", now=NOW + HOUR)).flags
    await at.org.ok(WithdrawAllowance(allowance_id=allowance_id, reason="lost phone"), by="gus", now=NOW + HOUR)
    assert await at.held("clamp", at.org.vans["alpha"]) == Decimal(7)


async def test_the_same_taking_is_the_same_fact(at: Scene) -> None:
    command = taking(at, await allowed(at))
    await at.org.ok(command, by="amy")
    (again,) = await from_phone(at.org, command)
    assert (again.status, again.code) == ("applied", "unchanged")
    other = replace(command, lines=(replace(command.lines[0], quantity=Decimal(3)),))
    (reused,) = await from_phone(at.org, other)
    assert (reused.status, reused.code) == ("quarantined", "id_reused")
    assert await at.held("clamp", at.org.vans["alpha"]) == Decimal(2)


async def test_pieces_with_serials_are_taken_one_by_one(at: Scene) -> None:
    await at.catalogue("meter", serialised=True)
    command = taking(at, await allowed(at), "meter")
    named = replace(command, lines=(replace(command.lines[0], serials=("A1", "A2")),))
    assert (await at.told(named, by="amy")).flags == ()
    moves = await stored.of_job(at.org, StockMove, at.job.job_id)
    assert sorted((move.serial, move.quantity) for move in moves) == [("A1", Decimal(1)), ("A2", Decimal(1))]
    without = replace(command, request_id=at.org.new_id())
    assert Flag.SERIAL_MISSING in (await at.told(without, by="amy")).flags


async def test_a_use_that_arrives_before_the_taking_ends_the_same(at: Scene) -> None:
    command, used = taking(at, await allowed(at)), at.moving(f.UsePart, "clamp", 2)
    assert (await at.told(used, by="amy", now=NOW + HOUR / 2)).flags == (Flag.VAN_BELOW_ZERO,)
    await at.org.ok(command, by="amy")
    await at.decide(command.request_id)
    request = await at.request(command.request_id)
    assert (request.state, request.lines[0].used) == (RequestState.USED, Decimal(2))
    assert await at.held("clamp", at.org.vans["alpha"]) == Decimal(0)
