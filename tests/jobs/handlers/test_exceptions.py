"""Exceptions end by moves with a reason, all of them or a part; afterwards the day agrees, and the ledger still adds up."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from jobs.event import EventName
from jobs.stock_locations import COUNT_DIFFERENCE, CUSTOMER, RETURNED, SCRAP, TRANSIT, Place, place_id
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.field_stock import CountVan
from mobile_contract.schema.reconciliation import ACTIONS, ExceptionState, ResolveAction, StockException
from mobile_contract.schema.reconciliation import ExceptionKind as Kind
from mobile_contract.schema.stock import MoveKind, StockMove
from mobile_contract.schema.stock_commands import ConfirmTransfer, CountLine, ShipTransfer, StockLine
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.material_scene import Scene
from tests.jobs.material_scene import scene as arranged
from tests.jobs.reconciling import (
    EVENING,
    another_store,
    called_off,
    drawn,
    ended,
    moves_of,
    next_job,
    reconciled,
    resolve,
    returned,
    used,
)

A = ResolveAction
D = Decimal


@pytest.fixture
async def scene(org: Org) -> Scene:
    """Arrange a store and a job."""
    return await arranged(org)


async def short(scene: Scene, *, received: bool = True) -> StockException:
    """Have two of five clamps go missing."""
    await drawn(scene, "clamp", 5, received=received)
    if received:
        await used(scene, "clamp", 3)
    await ended(scene)
    (found,) = await reconciled(scene)
    return found


async def over(scene: Scene) -> StockException:
    """Have one clamp more used than was issued."""
    await drawn(scene, "clamp", 1)
    await used(scene, "clamp", 2)
    await ended(scene)
    (found,) = await reconciled(scene)
    return found


async def now(scene: Scene, exception: StockException) -> StockException:
    return await stored.one(scene.org, StockException, exception.id)


async def agrees(scene: Scene, exception: StockException) -> None:
    """Say that nothing is open any more, that the exception stays resolved, and that every part adds up to nothing."""
    assert await reconciled(scene, now=EVENING + timedelta(hours=1)) == []
    assert (await now(scene, exception)).state is ExceptionState.RESOLVED
    for code in scene.org.parts:
        moves = [move for move in await stored.every(scene.org, StockMove) if move.part_id == scene.org.parts[code]]
        places = {id for move in moves for id in (move.from_location_id, move.to_location_id)}
        assert sum([await scene.held(code, place) for place in places], D(0)) == 0


@pytest.mark.parametrize(
    ("action", "kind", "end"),
    [
        (A.BOOK_USE, MoveKind.USED, CUSTOMER),
        (A.BOOK_RETURN, MoveKind.RETURNED, RETURNED),
        (A.WRITE_OFF, MoveKind.SCRAPPED, SCRAP),
        (A.ACCEPT, MoveKind.COUNTED, COUNT_DIFFERENCE),
    ],
)
async def test_what_is_missing_went_somewhere(scene: Scene, action: A, kind: MoveKind, end: Place) -> None:
    exception = await short(scene)
    answer = await resolve(scene, exception, action)
    assert answer.took_effect, answer
    (move,) = await moves_of(scene, exception)
    assert (move.kind, move.quantity, move.job_id) == (kind, D(2), scene.job.job_id)
    assert (move.from_location_id, move.to_location_id) == (scene.org.vans["alpha"], place_id(scene.org.id, end))
    assert (move.reason, move.actor_id) == ("asked the crew", scene.org.people["wes"])
    (resolution,) = (await now(scene, exception)).resolutions
    assert (resolution.action, resolution.reason, resolution.by) == (action, "asked the crew", scene.org.people["wes"])
    assert await scene.held("clamp", scene.org.vans["alpha"]) == 0
    await agrees(scene, exception)


async def test_what_was_never_received_comes_out_of_transit(scene: Scene) -> None:
    exception = await short(scene, received=False)
    assert (await resolve(scene, exception, A.BOOK_USE, quantity="5")).took_effect
    (move,) = await moves_of(scene, exception)
    assert (move.from_location_id, move.to_location_id) == (
        place_id(scene.org.id, TRANSIT),
        place_id(scene.org.id, CUSTOMER),
    )
    await agrees(scene, exception)


async def test_an_exception_may_end_in_parts(scene: Scene) -> None:
    exception = await short(scene)
    assert (await resolve(scene, exception, A.BOOK_USE, quantity="0.5")).took_effect
    left = await now(scene, exception)
    assert (left.state, left.difference) == (ExceptionState.OPEN, D("1.5"))
    assert (await reconciled(scene))[0].difference == D("1.5")
    assert (await resolve(scene, exception, A.BOOK_RETURN)).took_effect
    done = await now(scene, exception)
    assert [(r.action, r.quantity) for r in done.resolutions] == [(A.BOOK_USE, D("0.5")), (A.BOOK_RETURN, D("1.5"))]
    await agrees(scene, exception)


async def test_a_count_made_since_has_seen_what_is_completed(scene: Scene) -> None:
    exception = await short(scene)
    lines = (CountLine(part_id=scene.org.parts["clamp"], quantity=D(0)),)
    counted = CountVan(count_id=scene.org.new_id(), lines=lines)
    await scene.org.ok(counted, by="amy", now=NOW + timedelta(hours=1))
    assert (await resolve(scene, exception, A.BOOK_USE)).took_effect
    assert await scene.held("clamp", scene.org.vans["alpha"]) == 0
    await agrees(scene, exception)


async def test_the_store_says_that_it_gave_out_what_was_used_beyond_the_slip(scene: Scene) -> None:
    exception = await over(scene)
    assert (await resolve(scene, exception, A.BOOK_ISSUE, location_id=scene.store)).took_effect
    assert {move.kind for move in await moves_of(scene, exception)} == {MoveKind.ISSUED, MoveKind.RECEIVED}
    assert (await scene.held("clamp"), await scene.held("clamp", scene.org.vans["alpha"])) == (D(98), D(0))
    await agrees(scene, exception)


async def test_a_store_never_gives_out_what_it_does_not_have(scene: Scene) -> None:
    empty = await over(scene)
    van = scene.org.vans["alpha"]
    taken = (StockLine(part_id=scene.org.parts["clamp"], quantity=D(99)),)
    sent = ShipTransfer(transfer_id=scene.org.new_id(), from_location_id=scene.store, to_location_id=van, lines=taken)
    await scene.org.ok(sent, by="wes", now=EVENING)
    answer = await resolve(scene, empty, A.BOOK_ISSUE, location_id=scene.store)
    assert answer.code == "stock_short"
    assert (await now(scene, empty)).state is ExceptionState.OPEN


@pytest.mark.parametrize("action", [A.REVERSE, A.REBOOK, A.ACCEPT])
async def test_a_use_too_many_is_reversed_rebooked_or_stands(scene: Scene, action: A) -> None:
    right = scene.job
    await drawn(scene, "clamp", 1)
    await ended(scene)
    await next_job(scene)
    move_id = await used(scene, "clamp", 1)
    await ended(scene)
    found = {e.kind: e for e in await reconciled(scene)}
    assert set(found) == {Kind.OVER, Kind.SHORT}
    named: dict[str, Any] = {"move_id": move_id} if action is not A.ACCEPT else {}
    if action is A.REBOOK:
        named["to_job_id"] = right.job_id
    assert (await resolve(scene, found[Kind.OVER], action, **named)).took_effect
    left = [e.kind for e in await reconciled(scene)]
    # Booked on the job for which it was issued, both agree.
    assert left == ([] if action is A.REBOOK else [Kind.SHORT])
    assert (await now(scene, found[Kind.OVER])).state is ExceptionState.RESOLVED
    kinds = {move.kind for move in await moves_of(scene, found[Kind.OVER])}
    wanted = {
        A.REVERSE: {MoveKind.REVERSED},
        A.REBOOK: {MoveKind.REVERSED, MoveKind.USED},
        A.ACCEPT: {MoveKind.COUNTED},
    }
    assert kinds == wanted[action]


async def test_a_use_on_a_job_that_was_called_off_is_booked_where_it_belongs(scene: Scene) -> None:
    right = scene.job
    await drawn(scene, "clamp", 1)
    await ended(scene)
    wrong = await next_job(scene)
    await called_off(scene)
    move_id = await used(scene, "clamp", 1, now=NOW + timedelta(minutes=1))
    found = {e.kind: e for e in await reconciled(scene)}
    assert found[Kind.UNKNOWN_JOB].job_id == wrong.job_id
    named: dict[str, Any] = {"move_id": move_id, "to_job_id": right.job_id}
    answer = await resolve(scene, found[Kind.UNKNOWN_JOB], A.REBOOK, **named)
    assert answer.took_effect, answer
    await agrees(scene, found[Kind.UNKNOWN_JOB])


async def swapped(scene: Scene) -> tuple[StockException, UUID]:
    await scene.catalogue("meter", serialised=True, part_class="meter")
    await drawn(scene, "meter", 2, serials=("A", "B"))
    await used(scene, "meter", 1, serial="A")
    move_id = await used(scene, "meter", 1, serial="X")
    await ended(scene)
    (found,) = await reconciled(scene)
    return found, move_id


async def test_a_serial_is_corrected_by_booking_the_use_anew(scene: Scene) -> None:
    exception, move_id = await swapped(scene)
    assert (await resolve(scene, exception, A.REBOOK, move_id=move_id, serial="B")).took_effect
    assert {move.serial for move in await moves_of(scene, exception)} == {"X", "B"}
    await agrees(scene, exception)


async def test_two_serials_are_corrected_one_after_the_other(scene: Scene) -> None:
    await scene.catalogue("meter", serialised=True, part_class="meter")
    await drawn(scene, "meter", 2, serials=("A", "B"))
    wrong = {serial: await used(scene, "meter", 1, serial=serial) for serial in ("X", "Y")}
    await ended(scene)
    (exception,) = await reconciled(scene)
    for said, right in (("X", "A"), ("Y", "B")):
        assert (await resolve(scene, exception, A.REBOOK, move_id=wrong[said], serial=right)).took_effect
    await agrees(scene, exception)


async def test_serials_may_stand_as_they_are(scene: Scene) -> None:
    exception, _ = await swapped(scene)
    assert (await resolve(scene, exception, A.ACCEPT)).took_effect
    moves = {(move.serial, move.to_location_id) for move in await moves_of(scene, exception)}
    assert moves == {("B", place_id(scene.org.id, COUNT_DIFFERENCE)), ("X", scene.org.vans["alpha"])}
    await agrees(scene, exception)


async def test_missing_meters_are_named_by_their_serials(scene: Scene) -> None:
    await scene.catalogue("meter", serialised=True, part_class="meter")
    await drawn(scene, "meter", 3, serials=("A", "B", "C"))
    await used(scene, "meter", 1, serial="B")
    await ended(scene)
    (exception,) = await reconciled(scene)
    for wrong in ({"quantity": "1"}, {"quantity": "1", "serials": ("B",)}, {"quantity": "2", "serials": ("A",)}):
        assert (await resolve(scene, exception, A.BOOK_USE, **wrong)).code == "serials_needed"
    assert (await resolve(scene, exception, A.BOOK_USE, quantity="1", serials=("C",))).took_effect
    assert (await now(scene, exception)).serials_missing == ("A",)
    assert (await resolve(scene, exception, A.WRITE_OFF)).took_effect
    assert {(move.kind, move.serial) for move in await moves_of(scene, exception)} == {
        (MoveKind.USED, "C"),
        (MoveKind.SCRAPPED, "A"),
    }
    await agrees(scene, exception)


async def test_a_van_below_zero_gets_the_receipt_it_lacks(scene: Scene) -> None:
    await drawn(scene, "clamp", 3, received=False)
    await used(scene, "clamp", 3)
    await ended(scene)
    (exception,) = await reconciled(scene)
    assert (await resolve(scene, exception, A.BOOK_RECEIPT)).code == "unknown_reference"
    assert (await resolve(scene, exception, A.BOOK_RECEIPT, to_job_id=scene.job.job_id)).took_effect
    assert await scene.held("clamp", place_id(scene.org.id, TRANSIT)) == 0
    await agrees(scene, exception)


async def test_a_missing_signature_stays_accepted(scene: Scene) -> None:
    form_id = scene.org.new_id()
    await scene.org.ok(m.OpenForm(job_id=scene.job.job_id, form_id=form_id), by="wes")
    await drawn(scene, "clamp", 1, form_id=form_id, copy_kept=True)
    await used(scene, "clamp", 1)
    await ended(scene)
    for copy_no in (1, 2):
        await scene.org.ok(m.HandInCopy(job_id=scene.job.job_id, form_id=form_id, copy_no=copy_no), by="wes")
    (exception,) = await reconciled(scene)
    assert exception.kind is Kind.MISSING_SIGNATURE
    assert (await resolve(scene, exception, A.ACCEPT)).took_effect
    assert await moves_of(scene, exception) == []
    await agrees(scene, exception)


async def test_what_a_transfer_lost_is_written_off_from_its_way(scene: Scene) -> None:
    depot, transfer_id = await another_store(scene), scene.org.new_id()
    sent, came = ((StockLine(part_id=scene.org.parts["clamp"], quantity=D(n)),) for n in (4, 3))
    ship = ShipTransfer(transfer_id=transfer_id, from_location_id=scene.store, to_location_id=depot, lines=sent)
    await scene.org.ok(ship, ConfirmTransfer(transfer_id=transfer_id, location_id=depot, lines=came), by="wes")
    (exception,) = await reconciled(scene)
    assert exception.kind is Kind.TRANSFER_DIFFERS
    assert (await resolve(scene, exception, A.ACCEPT)).took_effect
    assert await scene.held("clamp", place_id(scene.org.id, TRANSIT)) == 0
    await agrees(scene, exception)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"action": A.BOOK_ISSUE}, "action_not_possible"),
        ({"action": A.BOOK_USE, "quantity": "3"}, "quantity_invalid"),
        ({"action": A.BOOK_USE, "quantity": "0"}, "quantity_invalid"),
        ({"action": A.BOOK_USE, "quantity": "-1"}, "quantity_invalid"),
        ({"action": A.REVERSE}, "unknown_reference"),
        ({"action": A.REVERSE, "move_id": UUID(int=1)}, "unknown_reference"),
        ({"action": A.BOOK_USE, "to_job_id": UUID(int=1)}, "unknown_reference"),
    ],
)
async def test_what_does_not_fit_is_refused_and_changes_nothing(scene: Scene, said: dict[str, Any], code: str) -> None:
    exception = await short(scene)
    before = await stored.every(scene.org, StockMove)
    answer = await resolve(scene, exception, **said)
    assert answer.code == code
    assert await now(scene, exception) == exception
    assert await stored.every(scene.org, StockMove) == before


async def test_a_move_of_another_job_is_not_reversed_for_this_one(scene: Scene) -> None:
    await drawn(scene, "clamp", 1)
    foreign = await used(scene, "clamp", 1)
    await next_job(scene)
    exception = await over(scene)
    assert (await resolve(scene, exception, A.REVERSE, move_id=foreign)).code == "unknown_reference"


async def test_what_came_back_since_it_was_found_is_not_booked_twice(scene: Scene) -> None:
    exception = await short(scene)
    await returned(scene, "clamp", 2)
    for action in (A.BOOK_RETURN, A.BOOK_USE, A.ACCEPT):
        assert (await resolve(scene, exception, action)).code == "exception_changed"
    assert await scene.held("clamp", scene.org.vans["alpha"]) == 0
    assert await reconciled(scene) == []


async def test_what_left_transit_since_it_was_found_is_not_taken_out_of_it_again(scene: Scene) -> None:
    exception = await short(scene, received=False)
    await scene.org.ok(scene.moving(f.ReceivePart, "clamp", 5), by="amy")
    assert (await resolve(scene, exception, A.BOOK_USE)).code == "exception_changed"
    (again,) = await reconciled(scene)
    assert (await resolve(scene, again, A.BOOK_USE)).took_effect
    assert await scene.held("clamp", place_id(scene.org.id, TRANSIT)) == 0
    await agrees(scene, again)


async def test_a_meter_that_turned_up_since_is_not_written_off(scene: Scene) -> None:
    await scene.catalogue("meter", serialised=True, part_class="meter")
    await drawn(scene, "meter", 2, serials=("A", "B"))
    await ended(scene)
    (exception,) = await reconciled(scene)
    await returned(scene, "meter", 1, serial="B")
    assert (await resolve(scene, exception, A.WRITE_OFF)).code == "exception_changed"
    (again,) = await reconciled(scene)
    assert (again.serials_missing, again.difference) == (("A",), D(1))
    assert (await resolve(scene, again, A.WRITE_OFF)).took_effect


async def test_only_shelves_give_out_what_was_used_beyond_the_slip(scene: Scene) -> None:
    exception = await over(scene)
    elsewhere = (scene.org.vans["alpha"], place_id(scene.org.id, CUSTOMER), place_id(scene.org.id, TRANSIT))
    for location_id in elsewhere:
        answer = await resolve(scene, exception, A.BOOK_ISSUE, location_id=location_id)
        assert (answer.code, answer.detail["field"]) == ("location_wrong", "location_id")
    assert await now(scene, exception) == exception


async def test_without_a_job_only_a_move_of_the_exceptions_place_is_reversed(scene: Scene) -> None:
    elsewhere = next(m for m in await stored.every(scene.org, StockMove) if m.part_id == scene.org.parts["clamp"])
    await drawn(scene, "clamp", 3, received=False)
    move_id = await used(scene, "clamp", 3)
    await ended(scene)
    (exception,) = await reconciled(scene)
    assert (exception.kind, exception.job_id) == (Kind.VAN_BELOW_ZERO, None)
    assert (await resolve(scene, exception, A.REVERSE, move_id=elsewhere.id)).code == "unknown_reference"
    assert (await resolve(scene, exception, A.REVERSE, move_id=move_id)).took_effect


async def test_an_issue_that_was_received_is_booked_elsewhere_but_not_reversed(scene: Scene) -> None:
    exception = await short(scene)
    (issued,) = [move for move in await stored.every(scene.org, StockMove) if move.kind is MoveKind.ISSUED]
    assert (await resolve(scene, exception, A.REVERSE, move_id=issued.id)).code == "issue_received"
    right = await next_job(scene)
    assert (await resolve(scene, exception, A.REBOOK, move_id=issued.id, to_job_id=right.job_id)).took_effect
    assert await scene.held("clamp", place_id(scene.org.id, TRANSIT)) == 0


async def test_who_comes_second_is_told_that_it_is_over(scene: Scene) -> None:
    exception = await short(scene)
    assert (await resolve(scene, exception, A.BOOK_USE)).took_effect
    again = await resolve(scene, exception, A.BOOK_RETURN)
    assert (again.code, again.detail) == ("exception_closed", {"state": "resolved"})


async def test_crews_may_not_end_exceptions(scene: Scene) -> None:
    exception = await short(scene)
    assert (await resolve(scene, exception, A.ACCEPT, by="amy")).code == "forbidden"


async def test_the_job_tells_what_was_corrected(scene: Scene) -> None:
    exception = await short(scene)
    assert (await resolve(scene, exception, A.BOOK_USE)).took_effect
    last = (await stored.events(scene.org, scene.job.job_id))[-1]
    assert (last.name, last.detail["exception_id"]) == (EventName.STOCK_CORRECTED, str(exception.id))
    assert (last.detail["action"], last.detail["reason"]) == ("book_use", "asked the crew")


def test_every_kind_may_be_ended_somehow() -> None:
    assert set(ACTIONS) == set(Kind)
    assert all(ACTIONS.values())
    assert {action for actions in ACTIONS.values() for action in actions} == set(ResolveAction)
