"""Material between stores and vans: what left and what came, each told by its own side, in any order. What differs is kept, not refused."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from jobs.context import Deed
from jobs.handlers.door import handles
from jobs.result import Applied, PutAside, Refused, Result
from jobs.stock import Booking, below_zero, book_all
from jobs.stock_locations import TRANSIT, place, van, van_of
from jobs.stock_names import received_move_id, sent_move_id
from jobs.stock_places import HOLDING, SHELVES, place_fault
from jobs.work import Work
from mobile_contract.rules.exact import total
from mobile_contract.rules.stock import Told, with_received, with_sent
from mobile_contract.schema.field_stock import HandOverParts, TakeOverParts
from mobile_contract.schema.job import Flag
from mobile_contract.schema.stock import MoveKind, StockTransfer, TransferState
from mobile_contract.schema.stock_commands import ConfirmTransfer, ShipTransfer, StockLine


class Side(Struct, frozen=True, kw_only=True):
    """What one side of a transfer says: which transfer, where (the sender also: where to), what, and of what kind the moves are."""

    transfer_id: UUID
    location_id: UUID
    other_id: UUID | None
    lines: Sequence[StockLine]
    kind: MoveKind
    reason: str = ""


@handles(ShipTransfer)
def ship_transfer(work: Work, command: ShipTransfer, deed: Deed) -> Result:
    """Send material from a store; refused where the store does not have it free."""
    source, target = command.from_location_id, command.to_location_id
    fault = place_fault(work, "from_location_id", source, SHELVES)
    fault = fault or place_fault(work, "to_location_id", target, HOLDING)
    if fault is not None:
        return fault
    if source == target:
        return Refused("location_wrong", {"field": "to_location_id"})
    side = Side(
        transfer_id=command.transfer_id,
        location_id=source,
        other_id=target,
        lines=_pieces(command.lines),
        kind=MoveKind.SHIPPED,
        reason=command.reason,
    )
    return _leave(work, deed, side)


@handles(HandOverParts)
def hand_over_parts(work: Work, command: HandOverParts, deed: Deed) -> Result:
    """Book parts out of the crew's van, on their way to another van or a store."""
    fault = place_fault(work, "to_location_id", command.to_location_id, HOLDING)
    if fault is not None and fault.code != "location_inactive":
        return fault
    van_id = van(work, van_of(work, command, deed), deed.person_id)
    side = Side(
        transfer_id=command.transfer_id,
        location_id=van_id,
        other_id=command.to_location_id,
        lines=_pieces(command.lines),
        kind=MoveKind.HANDED_OVER,
    )
    return _flagged(work, deed, side, _leave(work, deed, side))


@handles(ConfirmTransfer)
def confirm_transfer(work: Work, command: ConfirmTransfer, deed: Deed) -> Result:
    """Take a transfer into a store as it came; one that nobody has sent cannot be confirmed."""
    fault = place_fault(work, "location_id", command.location_id, SHELVES)
    if fault is not None:
        return fault
    known = work.get(StockTransfer, command.transfer_id)
    if known is None or known.shipped_at is None:
        return Refused("unknown_reference", {"field": "transfer_id"})
    side = Side(
        transfer_id=command.transfer_id,
        location_id=command.location_id,
        other_id=None,
        lines=_pieces(command.lines),
        kind=MoveKind.ARRIVED,
    )
    return _arrive(work, deed, side)


@handles(TakeOverParts)
def take_over_parts(work: Work, command: TakeOverParts, deed: Deed) -> Result:
    """Book parts of a transfer into the crew's van, though its sender may not have reported yet."""
    van_id = van(work, van_of(work, command, deed), deed.person_id)
    side = Side(
        transfer_id=command.transfer_id,
        location_id=van_id,
        other_id=command.from_location_id,
        lines=_pieces(command.lines),
        kind=MoveKind.TAKEN_OVER,
    )
    return _flagged(work, deed, side, _arrive(work, deed, side))


def flags_of(deed: Deed) -> list[Flag]:
    """Name the flags that follow from how a report came that belongs to no visit."""
    flags = {Flag.CLOCK_SUSPECT: deed.occurrence.suspect, Flag.AFTER_UNRESOLVED: deed.after_unresolved}
    return [flag for flag, holds in flags.items() if holds]


def _leave(work: Work, deed: Deed, side: Side) -> Result:
    transfer = _known(work, side)
    if transfer.shipped_at is not None:
        said = (side.location_id, side.other_id, _sorted(side.lines))
        return _again(transfer, said, (transfer.from_location_id, transfer.to_location_id, _told(transfer, "sent")))
    moved = book_all(work, deed, _bookings(side, side.location_id, place(work, TRANSIT)))
    if isinstance(moved, Refused | PutAside):
        return moved
    work.put(with_sent(transfer, _said(side, deed), to_location_id=side.other_id, reason=side.reason))
    return Applied()


def _arrive(work: Work, deed: Deed, side: Side) -> Result:
    transfer = _known(work, side)
    if transfer.confirmed_at is not None:
        said = (side.location_id, _sorted(side.lines))
        return _again(transfer, said, (transfer.arrived_location_id, _told(transfer, "received")))
    moved = book_all(work, deed, _bookings(side, place(work, TRANSIT), side.location_id))
    if isinstance(moved, Refused | PutAside):
        return moved
    work.put(with_received(transfer, _said(side, deed), from_location_id=side.other_id))
    return Applied()


def _known(work: Work, side: Side) -> StockTransfer:
    known = work.get(StockTransfer, side.transfer_id)
    return known or StockTransfer(id=side.transfer_id, state=TransferState.SHIPPED)


def _again(transfer: StockTransfer, said: object, kept: object) -> Result:
    """Answer a side that has spoken already: the same is the same, other words are a slip."""
    if said == kept:
        return Applied(code="unchanged")
    return Refused("transfer_told", {"state": transfer.state.value})


def _bookings(side: Side, source: UUID, target: UUID) -> Iterable[Booking]:
    name = sent_move_id if side.kind in (MoveKind.SHIPPED, MoveKind.HANDED_OVER) else received_move_id
    for line in side.lines:
        yield Booking(
            kind=side.kind,
            part_id=line.part_id,
            quantity=line.quantity,
            source=source,
            target=target,
            move_id=name(side.transfer_id, line),
            transfer_id=side.transfer_id,
            serial=line.serial,
            lot=line.lot,
            reason=side.reason,
        )


def _pieces(lines: Iterable[StockLine]) -> tuple[StockLine, ...]:
    """Add up what is named twice: a move of a transfer is known by its part, lot and serial."""
    amounts: dict[tuple[UUID, str, str], list[Decimal]] = {}
    for line in lines:
        amounts.setdefault((line.part_id, line.lot, line.serial), []).append(line.quantity)
    return tuple(
        StockLine(part_id=part_id, lot=lot, serial=serial, quantity=total(each))
        for (part_id, lot, serial), each in amounts.items()
    )


def _said(side: Side, deed: Deed) -> Told:
    return Told(location_id=side.location_id, lines=side.lines, at=deed.occurrence.at, by=deed.person_id)


def _sorted(lines: Iterable[StockLine]) -> list[tuple[UUID, str, str, Decimal]]:
    return sorted((line.part_id, line.lot, line.serial, line.quantity) for line in lines)


def _told(transfer: StockTransfer, side: str) -> list[tuple[UUID, str, str, Decimal]]:
    amounts = ((line, getattr(line, side)) for line in transfer.lines)
    return sorted((line.part_id, line.lot, line.serial, amount) for line, amount in amounts if amount)


def _flagged(work: Work, deed: Deed, side: Side, result: Result) -> Result:
    if not isinstance(result, Applied) or result.code == "unchanged":
        return result
    flags = flags_of(deed)
    if side.kind is MoveKind.HANDED_OVER and any(below_zero(work, side.location_id, x.part_id) for x in side.lines):
        flags.append(Flag.VAN_BELOW_ZERO)
    return Applied(flags=tuple(sorted(flag.value for flag in flags)))
