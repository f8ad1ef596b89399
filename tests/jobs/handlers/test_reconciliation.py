"""A day of a store reconciled: what is found and nothing else, again and again, in whatever order the reports came."""

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.base import Command
from mobile_contract.schema.field_stock import TakeOverParts
from mobile_contract.schema.reconciliation import ExceptionKind as Kind
from mobile_contract.schema.reconciliation import ExceptionState, KindCount, StockException
from mobile_contract.schema.reconciliation_commands import ReconcileDay
from mobile_contract.schema.stock import MoveKind, StockMove
from mobile_contract.schema.stock_commands import ConfirmTransfer, ReverseMove, ShipTransfer, StockLine
from tests.arrange import NOW, Org, organisation
from tests.jobs import stored
from tests.jobs.material_scene import Scene
from tests.jobs.material_scene import scene as arranged
from tests.jobs.reconciling import (
    EVENING,
    TODAY,
    another_store,
    called_off,
    drawn,
    ended,
    exceptions,
    next_job,
    reconciled,
    returned,
    summary,
    used,
)
from tests.sync.phone import phone_of

D = Decimal


@pytest.fixture
async def scene(org: Org) -> Scene:
    """Arrange a store and a job."""
    return await arranged(org)


def kinds(found: Sequence[StockException]) -> list[tuple[Kind, D | None]]:
    return [(each.kind, each.difference) for each in found]


async def standing(scene: Scene, kind: MoveKind) -> UUID:
    """Name the one move of a kind that was not reversed."""
    moves = await stored.every(scene.org, StockMove)
    undone = {move.reverses_id for move in moves}
    (found,) = (move.id for move in moves if move.kind is kind and move.id not in undone)
    return found


async def replenished(scene: Scene, quantity: int) -> None:
    """Send clamps to the van for no job, and have the crew take them over."""
    lines = (StockLine(part_id=scene.org.parts["clamp"], quantity=D(quantity)),)
    transfer_id, van = scene.org.new_id(), scene.org.vans["alpha"]
    sent = ShipTransfer(transfer_id=transfer_id, from_location_id=scene.store, to_location_id=van, lines=lines)
    await scene.org.ok(sent, by="wes")
    await scene.org.ok(TakeOverParts(transfer_id=transfer_id, lines=lines), by="amy")


async def test_a_day_that_agrees_finds_nothing_and_says_how_much_it_compared(scene: Scene) -> None:
    await drawn(scene, "clamp", 5)
    await used(scene, "clamp", 3)
    await returned(scene, "clamp", 2)
    await ended(scene)
    await next_job(scene)
    await drawn(scene, "pump", 1)
    assert await reconciled(scene) == []
    told = await summary(scene)
    assert (told.day, told.moves, told.jobs, told.matched, told.under_way, told.found) == (TODAY, 9, 2, 1, 1, ())
    assert (told.reconciled_at, told.reconciled_by) == (EVENING, scene.org.people["wes"])


async def test_every_kind_of_discrepancy_is_found_and_nothing_else(scene: Scene) -> None:
    await scene.catalogue("meter", serialised=True, part_class="meter")
    await drawn(scene, "clamp", 5)
    await used(scene, "clamp", 4)
    await ended(scene)
    short = scene.job
    over = await next_job(scene)
    await drawn(scene, "pump", 1)
    await used(scene, "pump", 2)
    await ended(scene)
    unknown = await next_job(scene)
    await called_off(scene)
    await scene.org.ok(scene.moving(f.UsePart, "valve", 1), by="amy", now=NOW + timedelta(minutes=1))
    swapped = await next_job(scene)
    await drawn(scene, "meter", 2, serials=("A", "B"))
    await used(scene, "meter", 1, serial="A")
    await used(scene, "meter", 1, serial="X")
    await ended(scene)
    unsigned = await next_job(scene)
    form_id = scene.org.new_id()
    await scene.org.ok(m.OpenForm(job_id=unsigned.job_id, form_id=form_id), by="wes")
    await drawn(scene, "clamp", 1, form_id=form_id, copy_kept=True)
    await used(scene, "clamp", 1)
    for copy_no in (1, 2):
        await scene.org.ok(m.HandInCopy(job_id=unsigned.job_id, form_id=form_id, copy_no=copy_no), by="wes")
    await ended(scene)
    found = await reconciled(scene)
    assert {(e.kind, e.job_id, e.difference) for e in found} == {
        (Kind.SHORT, short.job_id, D(1)),
        (Kind.OVER, over.job_id, D(1)),
        (Kind.UNKNOWN_JOB, unknown.job_id, D(1)),
        (Kind.SERIAL_MISMATCH, swapped.job_id, D(1)),
        (Kind.MISSING_SIGNATURE, unsigned.job_id, None),
    }
    mismatch = next(e for e in found if e.kind is Kind.SERIAL_MISMATCH)
    assert (mismatch.serials_missing, mismatch.serials_extra) == (("B",), ("X",))
    counts = {each.kind: each.count for each in (await summary(scene)).found}
    assert counts == dict.fromkeys((each.kind for each in found), 1)


async def test_a_late_report_settles_what_it_explains(scene: Scene) -> None:
    await drawn(scene, "clamp", 5)
    await used(scene, "clamp", 3)
    await ended(scene)
    (found,) = await reconciled(scene)
    assert (found.kind, found.difference, found.issued, found.used, found.returned) == (
        Kind.SHORT,
        D(2),
        D(5),
        D(3),
        D(0),
    )
    assert (found.location_id, found.found_at, found.day) == (scene.org.vans["alpha"], EVENING, TODAY)
    await returned(scene, "clamp", 1)
    later = EVENING + timedelta(hours=1)
    (less,) = await reconciled(scene, now=later)
    assert (less.id, less.difference, less.found_at, less.changed_at) == (found.id, D(1), EVENING, later)
    await returned(scene, "clamp", 1)
    assert await reconciled(scene, now=later) == []
    (settled,) = await exceptions(scene)
    assert (settled.state, settled.settled_at, settled.resolutions) == (ExceptionState.SETTLED, later, ())


async def test_what_was_settled_opens_again_when_it_holds_again(scene: Scene) -> None:
    await drawn(scene, "clamp", 1)
    move_id = await used(scene, "clamp", 1)
    await ended(scene)
    assert await reconciled(scene) == []
    await scene.org.ok(ReverseMove(move_id=move_id, reason="never built in"), by="wes")
    (found,) = await reconciled(scene)
    await used(scene, "clamp", 1)
    assert await reconciled(scene) == []
    mistake = ReverseMove(move_id=await standing(scene, MoveKind.USED), reason="never built in")
    await scene.org.ok(mistake, by="wes", now=EVENING)
    (again,) = await reconciled(scene)
    assert (again.id, again.state, again.settled_at) == (found.id, ExceptionState.OPEN, None)


async def test_reconciling_again_changes_nothing(scene: Scene) -> None:
    await drawn(scene, "clamp", 5)
    await ended(scene)
    first = await reconciled(scene)
    assert kinds(first) == [(Kind.SHORT, D(5))]
    assert await reconciled(scene, now=EVENING + timedelta(hours=3)) == first
    assert (await summary(scene)).found == (KindCount(kind=Kind.SHORT, count=1),)


async def test_a_job_that_ends_days_later_is_looked_at_on_that_day(scene: Scene) -> None:
    await drawn(scene, "clamp", 5)
    assert await reconciled(scene) == []
    await ended(scene, now=NOW + timedelta(days=3))
    assert await reconciled(scene, TODAY + timedelta(days=2), now=EVENING + timedelta(days=3)) == []
    (found,) = await reconciled(scene, TODAY + timedelta(days=3), now=EVENING + timedelta(days=3))
    assert (found.kind, found.day) == (Kind.SHORT, TODAY + timedelta(days=3))


async def test_what_never_left_transit_is_short_without_a_van(scene: Scene) -> None:
    await drawn(scene, "clamp", 5, received=False)
    await ended(scene)
    (found,) = await reconciled(scene)
    assert (found.kind, found.difference, found.in_transit, found.location_id) == (Kind.SHORT, D(5), D(5), None)


async def test_cable_has_a_tolerance_by_its_class_and_pieces_have_none(scene: Scene) -> None:
    await scene.catalogue("cable", unit="m", part_class="cable", unit_cost=1)
    await drawn(scene, "cable", 20)
    await used(scene, "cable", "19")
    await ended(scene)
    assert await reconciled(scene) == []
    await next_job(scene)
    await drawn(scene, "cable", 20)
    await used(scene, "cable", "18.99")
    await ended(scene)
    assert kinds(await reconciled(scene)) == [(Kind.SHORT, D("1.01"))]


async def test_van_stock_that_came_for_no_job_may_be_used_on_any(scene: Scene) -> None:
    await replenished(scene, 2)
    await used(scene, "clamp", 2)
    await ended(scene)
    assert await reconciled(scene) == []
    late = await next_job(scene)
    await scene.org.ok(scene.moving(f.UsePart, "clamp", 1), by="amy", now=NOW + timedelta(minutes=9))
    await ended(scene)
    (found,) = await reconciled(scene)
    assert (found.kind, found.job_id, found.difference) == (Kind.OVER, late.job_id, D(1))


async def test_a_van_below_zero_is_found_when_no_job_says_why(scene: Scene) -> None:
    await drawn(scene, "clamp", 3, received=False)
    await used(scene, "clamp", 3)
    await ended(scene)
    (found,) = await reconciled(scene)
    assert (found.kind, found.location_id, found.difference) == (Kind.VAN_BELOW_ZERO, scene.org.vans["alpha"], D(3))


async def test_copies_that_are_due_are_missed_until_they_come(scene: Scene) -> None:
    form_id = scene.org.new_id()
    await scene.org.ok(m.OpenForm(job_id=scene.job.job_id, form_id=form_id), by="wes")
    await drawn(scene, "clamp", 1, form_id=form_id)
    assert await reconciled(scene, now=NOW + timedelta(hours=6, minutes=59)) == []
    (found,) = await reconciled(scene, now=NOW + timedelta(hours=7))
    assert (found.kind, found.copies, found.subject_id) == (Kind.COPY_MISSING, (1, 2, 3), form_id)
    for copy_no in (1, 2, 3):
        await scene.org.ok(m.HandInCopy(job_id=scene.job.job_id, form_id=form_id, copy_no=copy_no), by="wes")
    assert await reconciled(scene, now=EVENING) == []


async def test_copy_three_that_says_less_than_the_slips_is_found(scene: Scene) -> None:
    form_id = scene.org.new_id()
    await scene.org.ok(m.OpenForm(job_id=scene.job.job_id, form_id=form_id), by="wes")
    await drawn(scene, "clamp", 2, received=False, form_id=form_id, copy_kept=True)
    await used(scene, "clamp", 2)
    # Nobody has received it: what a crew has is not reversed.
    await scene.org.ok(ReverseMove(move_id=await standing(scene, MoveKind.ISSUED), reason="another slip"), by="wes")
    await ended(scene)
    found = {(e.kind, e.difference) for e in await reconciled(scene, now=NOW + timedelta(hours=1))}
    assert (Kind.FORM_DIFFERS, D(2)) in found


async def test_transfers_that_nobody_confirmed_by_the_next_day(scene: Scene) -> None:
    lines = (StockLine(part_id=scene.org.parts["clamp"], quantity=D(4)),)
    depot = await another_store(scene)
    transfer_id = scene.org.new_id()
    sent = ShipTransfer(transfer_id=transfer_id, from_location_id=scene.store, to_location_id=depot, lines=lines)
    await scene.org.ok(sent, by="wes")
    assert await reconciled(scene) == []
    tomorrow, morning = TODAY + timedelta(days=1), NOW + timedelta(days=1)
    (found,) = await reconciled(scene, tomorrow, now=morning)
    assert (found.kind, found.subject_id, found.location_id) == (Kind.TRANSFER_UNCONFIRMED, transfer_id, depot)
    came = (StockLine(part_id=scene.org.parts["clamp"], quantity=D(3)),)
    await scene.org.ok(ConfirmTransfer(transfer_id=transfer_id, location_id=depot, lines=came), by="wes", now=morning)
    (differs,) = await reconciled(scene, tomorrow, now=morning)
    assert (differs.kind, differs.subject_id) == (Kind.TRANSFER_DIFFERS, transfer_id)


async def test_the_order_in_which_reports_arrive_changes_nothing(pool: asyncpg.Pool, seed: int) -> None:
    results = []
    for turn in range(4):
        scene = await arranged(await organisation(pool, seed))
        await drawn(scene, "clamp", 5, received=False)
        jobs = {scene.job.job_id: "one"}
        first = [
            scene.moving(f.ReceivePart, "clamp", 5),
            scene.moving(f.UsePart, "clamp", 2),
            scene.moving(f.UsePart, "clamp", 1),
        ]
        first += [scene.moving(f.UsePart, "pump", 1), scene.moving(f.ReturnPart, "clamp", 1)]
        jobs[(await next_job(scene)).job_id] = "two"
        await drawn(scene, "pump", 2, received=False)
        second = [
            scene.moving(f.ReceivePart, "pump", 2),
            scene.moving(f.UsePart, "pump", 3),
            scene.moving(f.UsePart, "valve", 1),
        ]
        told = list(enumerate([*first, *second]))
        random.Random(seed + turn).shuffle(told)
        between = random.Random(seed + turn).randrange(len(told))
        for place, (minute, report) in enumerate(told):
            await reported(scene, report, minute)
            if place == between:
                await reconciled(scene)
        for job_id in jobs:
            await scene.org.ok(d.CancelJob(job_id=job_id, reason="over"), by="dan", now=NOW + timedelta(hours=1))
        found = await reconciled(scene)
        results.append(
            sorted((str(e.kind), jobs.get(e.job_id), e.difference, e.used, e.returned) for e in found if e.job_id)
        )
    assert results[0] == [
        ("over", "one", D(1), D(1), D(0)),
        ("over", "two", D(1), D(1), D(0)),
        ("over", "two", D(1), D(3), D(0)),
        ("short", "one", D(1), D(3), D(1)),
    ]
    assert all(result == results[0] for result in results)


async def reported(scene: Scene, command: Command, minute: int) -> None:
    await scene.org.ok(command, by="amy", now=NOW + timedelta(minutes=minute))


@pytest.mark.parametrize("held", [False, True])
async def test_a_day_reconciled_in_one_batch_with_moves_before_it_has_seen_them(
    scene: Scene, held: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where all of it was held by the same command and goes on with it."""
    await drawn(scene, "clamp", 5)
    phone, first = await phone_of(scene.org, "wes"), scene.org.new_id()
    after = (first,) if held else ()
    lines = (StockLine(part_id=scene.org.parts["clamp"], quantity=D(2)),)
    ship = [
        ShipTransfer(
            transfer_id=scene.org.new_id(),
            from_location_id=scene.store,
            to_location_id=scene.org.vans["alpha"],
            lines=lines,
        )
        for _ in range(3)
    ]
    phone.do(ship[0], after=after)
    phone.do(ReconcileDay(day=TODAY), after=after)
    phone.do(ship[1], after=after)
    phone.do(ReconcileDay(day=TODAY), after=after)
    if held:
        assert [outcome.status for outcome in await phone.taken()] == ["held"] * 4
        phone.do(ship[2], id=first)
        await phone.taken()
    outcomes = await phone.taken()
    assert {(outcome.status, outcome.code) for outcome in outcomes} == {("applied", "ok")}, outcomes
    assert [record for record in caplog.records if record.exc_info] == []
    moves = await stored.every(scene.org, StockMove)
    assert (await summary(scene)).moves == len([move for move in moves if move.occurred_at.date() == TODAY])
