"""What a warehouse does with its stock: takes it in, puts it away, scraps it, has it mended, reverses a mistake, orders in time. All decisions."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from jobs.balances import repair_shop_of
from jobs.context import Deed
from jobs.handlers.door import handles
from jobs.requests import refold
from jobs.result import Applied, PutAside, Refused, Result
from jobs.stock import Booking, book, book_all, level_of
from jobs.stock_locations import REPAIR_SHOP, SCRAP, SUPPLIER, place
from jobs.stock_names import line_move_id, reversal_id
from jobs.stock_places import HOLDING, SHELVES, place_fault, store_of
from jobs.work import Work
from mobile_contract.rules.exact import is_exact, total
from mobile_contract.rules.material import in_force
from mobile_contract.rules.stock import LEVELLED
from mobile_contract.schema.material import IssueSlip, Part
from mobile_contract.schema.stock import LocationKind, MoveKind, StockMove
from mobile_contract.schema.stock_commands import (
    MovesPart,
    MoveStock,
    OpenStock,
    PricedStockLine,
    ReceiveStock,
    ReverseMove,
    ScrapStock,
    SendToRepair,
    SetReorderPoint,
    TakeFromRepair,
)

_FOR_GOOD = frozenset({MoveKind.REVERSED, MoveKind.COUNTED})
_WORN = HOLDING | {LocationKind.RETURNED}


@handles(ReceiveStock)
def receive_stock(work: Work, command: ReceiveStock, deed: Deed) -> Result:
    """Take a delivery in: one move from the supplier for each line."""
    fault = place_fault(work, "location_id", command.location_id, SHELVES)
    if fault is not None:
        return fault
    lines = _incoming(work, command.receipt_id, command.location_id, command.lines)
    return _all(work, deed, (replace(b, kind=MoveKind.PURCHASED, reason=command.reference) for b in lines))


@handles(OpenStock)
def open_stock(work: Work, command: OpenStock, deed: Deed) -> Result:
    """Take over what a location held when the ledger began."""
    as_of = command.as_of or deed.occurrence.at
    fault = place_fault(work, "location_id", command.location_id, HOLDING) or future_fault(as_of, deed)
    if fault is not None:
        return fault
    lines = _incoming(work, command.opening_id, command.location_id, command.lines)
    opened = (replace(b, kind=MoveKind.OPENING, reason=command.reference, occurred_at=as_of) for b in lines)
    return _all(work, deed, opened)


@handles(MoveStock)
def move_stock(work: Work, command: MoveStock, deed: Deed) -> Result:
    """Put a part elsewhere in its store."""
    ends = {"from_location_id": command.from_location_id, "to_location_id": command.to_location_id}
    for field, id in ends.items():
        fault = place_fault(work, field, id, SHELVES)
        if fault is not None:
            return fault
    source, target = ends.values()
    if source == target or store_of(work, source) != store_of(work, target):
        return Refused("location_wrong", {"field": "to_location_id"})
    return _one(work, deed, _booking(command, MoveKind.PUT_AWAY, source, target))


@handles(ScrapStock)
def scrap_stock(work: Work, command: ScrapStock, deed: Deed) -> Result:
    """Write off what cannot be used any more."""
    fault = place_fault(work, "location_id", command.location_id, _WORN | {LocationKind.REPAIR_SHOP})
    if fault is not None:
        return fault
    return _one(work, deed, _booking(command, MoveKind.SCRAPPED, command.location_id, place(work, SCRAP)))


@handles(SendToRepair)
def send_to_repair(work: Work, command: SendToRepair, deed: Deed) -> Result:
    """Send a part to a repair shop."""
    shop = _repair_shop(work, command, _WORN)
    if isinstance(shop, Refused):
        return shop
    return _one(work, deed, _booking(command, MoveKind.SENT_TO_REPAIR, command.location_id, shop))


@handles(TakeFromRepair)
def take_from_repair(work: Work, command: TakeFromRepair, deed: Deed) -> Result:
    """Take a part back from a repair shop; more than it has is refused."""
    shop = _repair_shop(work, command, HOLDING)
    if isinstance(shop, Refused):
        return shop
    return _one(work, deed, _booking(command, MoveKind.BACK_FROM_REPAIR, shop, command.location_id))


@handles(ReverseMove)
def reverse_move(work: Work, command: ReverseMove, deed: Deed) -> Result:
    """Undo a mistaken move by its opposite, at the instant of the mistake: a count made since then keeps what it found.

    A count's difference, a reversal, and what a transfer or a loan moved are not undone so: count again, book anew, confirm, take back.
    Nor is an issue while crews have more of its slip than would be left: their receipts are reversed first.
    """
    mistake = work.get(StockMove, command.move_id)
    if mistake is not None and _received(work, mistake):
        return Refused("issue_received")
    return undo_move(work, command, deed)


def undo_move(work: Work, command: ReverseMove, deed: Deed) -> Result:
    """Undo a move as `reverse_move` does, but an issue also when it was received: for whoever books it anew in its place."""
    mistake = work.get(StockMove, command.move_id)
    if mistake is None:
        return Refused("unknown_reference", {"field": "move_id"})
    if mistake.kind in _FOR_GOOD or mistake.transfer_id is not None or mistake.loan_id is not None:
        return Refused("move_not_reversible", {"kind": mistake.kind.value})
    if work.get(StockMove, reversal_id(mistake.id)) is not None:
        return Applied(code="unchanged")
    opposite = Booking(
        kind=MoveKind.REVERSED,
        part_id=mistake.part_id,
        quantity=mistake.quantity,
        source=mistake.to_location_id,
        target=mistake.from_location_id,
        move_id=reversal_id(mistake.id),
        job_id=mistake.job_id,
        visit_id=mistake.visit_id,
        request_id=mistake.request_id,
        slip_id=mistake.slip_id,
        line_no=mistake.line_no,
        reverses_id=mistake.id,
        serial=mistake.serial,
        lot=mistake.lot,
        reason=command.reason,
        unit_cost=mistake.unit_cost,
        occurred_at=mistake.occurred_at,
    )
    booked = _one(work, deed, opposite)
    if isinstance(booked, Applied) and mistake.job_id is not None:
        refold(work, mistake.job_id)
    return booked


@handles(SetReorderPoint)
def set_reorder_point(work: Work, command: SetReorderPoint, deed: Deed) -> Result:
    """Say when a part is to be ordered anew at a location."""
    fault = place_fault(work, "location_id", command.location_id, LEVELLED)
    if fault is not None:
        return fault
    if work.get(Part, command.part_id) is None:
        return Refused("unknown_reference", {"field": "part_id"})
    for field in ("reorder_point", "reorder_quantity"):
        number: Decimal | None = getattr(command, field)
        if number is not None and not (is_exact(number) and number >= 0):
            return Refused("number_invalid", {"field": field})
    level = level_of(work, command.location_id, command.part_id)
    changed = replace(level, reorder_point=command.reorder_point, reorder_quantity=command.reorder_quantity)
    if changed == level:
        return Applied(code="unchanged")
    work.put(changed)
    return Applied()


def future_fault(as_of: datetime, deed: Deed) -> Refused | None:
    """Refuse an instant that had not come when the command was made: nobody can have counted then."""
    return Refused("as_of_future") if as_of > deed.occurrence.at else None


def _received(work: Work, mistake: StockMove) -> bool:
    """Tell whether crews have more of an issued line than its slip would have given out without this move; the job's moves are loaded."""
    slip = work.get(IssueSlip, mistake.slip_id)
    if mistake.kind is not MoveKind.ISSUED or slip is None:
        return False
    line = (mistake.line_no, mistake.part_id)
    came = total(each.received for each in slip.lines if (each.line_no, each.part_id) == line)
    moves = in_force(work.of_job(StockMove, slip.job_id))
    given = [m for m in moves if m.kind is MoveKind.ISSUED and m.slip_id == slip.id and (m.line_no, m.part_id) == line]
    if mistake.id not in {move.id for move in given}:
        return False
    same = (m for m in moves if m.kind is MoveKind.RECEIVED and m.part_id == mistake.part_id and mistake.serial)
    return came > total(m.quantity for m in given if m.id != mistake.id) or any(
        m.serial == mistake.serial for m in same
    )


def _incoming(work: Work, id: UUID, location_id: UUID, lines: Sequence[PricedStockLine]) -> Iterable[Booking]:
    """Make the moves from the supplier; each line is one by its number, so that a delivery may name a part twice."""
    supplier = place(work, SUPPLIER)
    for number, line in enumerate(lines, start=1):
        yield Booking(
            kind=MoveKind.PURCHASED,
            part_id=line.part_id,
            quantity=line.quantity,
            source=supplier,
            target=location_id,
            move_id=line_move_id(id, number),
            line_no=number,
            serial=line.serial,
            lot=line.lot,
            unit_cost=line.unit_cost,
        )


def _booking(command: MovesPart, kind: MoveKind, source: UUID, target: UUID) -> Booking:
    return Booking(
        kind=kind,
        part_id=command.part_id,
        quantity=command.quantity,
        source=source,
        target=target,
        move_id=command.move_id,
        serial=command.serial,
        lot=command.lot,
        reason=getattr(command, "reason", ""),
    )


def _repair_shop(work: Work, command: SendToRepair | TakeFromRepair, kinds: Collection[LocationKind]) -> UUID | Refused:
    """Name the shop that mends, once it is one and the part's other place is of one of the kinds."""
    if command.repair_shop_id is None:
        shop, fault = place(work, REPAIR_SHOP), None
    else:
        shop = repair_shop_of(work, command)
        fault = place_fault(work, "repair_shop_id", shop, {LocationKind.REPAIR_SHOP})
    return fault or place_fault(work, "location_id", command.location_id, kinds) or shop


def _one(work: Work, deed: Deed, booking: Booking) -> Result:
    booked = book(work, deed, booking)
    return Applied() if isinstance(booked, StockMove) else booked


def _all(work: Work, deed: Deed, bookings: Iterable[Booking]) -> Result:
    wanted = list(bookings)
    for number, booking in enumerate(wanted, start=1):
        if booking.unit_cost is not None and not (is_exact(booking.unit_cost) and booking.unit_cost >= 0):
            return Refused("number_invalid", {"field": f"lines/{number}/unit_cost"})
    booked = book_all(work, deed, wanted)
    if isinstance(booked, Refused | PutAside):
        return booked
    return Applied() if booked else Applied(code="unchanged")
