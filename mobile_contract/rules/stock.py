"""How moves add up. Pure: ids of levels, the order of moves and counts in time, what is free, what a loan costs; phones count alike."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from mobile_contract.ids import marked_id
from mobile_contract.rules.exact import product, total
from mobile_contract.schema.stock import (
    NOTHING,
    LocationKind,
    StockLevel,
    StockMove,
    StockTransfer,
    TransferLine,
    TransferState,
)
from mobile_contract.schema.stock_commands import StockLine

LEVELLED: Final = frozenset({LocationKind.STORE, LocationKind.BIN, LocationKind.VAN, LocationKind.REPAIR_SHOP})
"""Kinds of location whose balance is kept; of all others it is summed when somebody asks."""
GUARDED: Final = LEVELLED - {LocationKind.VAN}
"""Kinds of location that never hold less than nothing: what would take more is refused."""

Moment = tuple[datetime, int, int]
"""A place in the order of moves and counts: of one instant the moves come first, then the counts by id."""
Sort = tuple[UUID, str, str]
"""What makes two pieces the same on a transfer: part, lot, serial."""


class Told(Struct, frozen=True, kw_only=True):
    """What one side of a transfer says: where it stands, what left or came there, when, and by whose hand."""

    location_id: UUID
    lines: Sequence[StockLine]
    at: datetime
    by: UUID | None


def level_id(location_id: UUID, part_id: UUID) -> UUID:
    """Name the level of a part at a location: the first 16 bytes of SHA-256 over both ids' bytes, marked as a UUID of version 8."""
    return marked_id(bytearray(sha256(location_id.bytes + part_id.bytes).digest()[:16]), 8)


@lru_cache(4096)
def place_id(org_id: UUID, kind: LocationKind) -> UUID:
    """Name the location of a kind that every organisation has; a phone and an import name the same without asking."""
    return uuid5(org_id, f"stock_location/{kind.value}")


@lru_cache(4096)
def personal_van_id(org_id: UUID, person_id: UUID | None) -> UUID:
    """Name what a person without a crew's van carries; None: whoever it was, nobody knows."""
    return uuid5(org_id, f"stock_location/van/{person_id}")


def van_of_crews(planned: UUID | None, own: Iterable[UUID], van_id_of: Callable[[UUID], UUID | None]) -> UUID | None:
    """Choose the van of a person: of their own crews that of the visit first, then the lowest id; else that of the visit's crew.

    `planned` is the visit's crew; `van_id_of` gives a crew's van. None where none of these crews has one.
    """
    known = sorted(own)
    asked = [*(id for id in known if id == planned), *known, *([planned] if planned is not None else [])]
    return next((van_id for van_id in map(van_id_of, asked) if van_id is not None), None)


def moment_of_count(as_of: datetime, count_id: UUID) -> Moment:
    """Place a count in time; its own differences stand there too."""
    return as_of, 1, count_id.int


def moment_of(move: StockMove) -> Moment:
    """Place a move in time."""
    return moment_of_count(move.occurred_at, move.count_id) if move.count_id else (move.occurred_at, 0, 0)


def effect(move: StockMove, location_id: UUID) -> Decimal:
    """Tell by how much a move changes what a location holds."""
    into = move.quantity if move.to_location_id == location_id else NOTHING
    return into - move.quantity if move.from_location_id == location_id else into


def available(level: StockLevel) -> Decimal:
    """Tell how much is there and promised to nobody; below zero where more was promised than is there."""
    return total([level.quantity, -level.reserved])


def to_reorder(level: StockLevel) -> Decimal:
    """Tell how much to order: nothing above the reorder point, else the reorder quantity, or what is missing up to the point."""
    left = available(level)
    if level.reorder_point is None or left > level.reorder_point:
        return NOTHING
    return level.reorder_quantity if level.reorder_quantity is not None else total([level.reorder_point, -left])


def nights(lent_at: datetime, back_at: datetime, zone: str) -> int:
    """Count the nights between two instants in an IANA zone; what came back before it left has none."""
    local = ZoneInfo(zone)
    return max(0, (back_at.astimezone(local).date() - lent_at.astimezone(local).date()).days)


def overnight_charge(per_night: Decimal, count: int, quantity: Decimal) -> Decimal:
    """Price the nights of a loan: each piece, each night."""
    return product(product(per_night, Decimal(count)), quantity)


def merged_lines(lines: Iterable[TransferLine]) -> tuple[TransferLine, ...]:
    """Add up the lines of one part, lot and serial; in their order, so that either side may report first."""
    sent: dict[Sort, list[Decimal]] = {}
    received: dict[Sort, list[Decimal]] = {}
    for line in lines:
        sort = (line.part_id, line.lot, line.serial)
        sent.setdefault(sort, []).append(line.sent)
        received.setdefault(sort, []).append(line.received)
    return tuple(
        TransferLine(part_id=s[0], lot=s[1], serial=s[2], sent=total(sent[s]), received=total(received[s]))
        for s in sorted(sent)
    )


def with_sent(transfer: StockTransfer, told: Told, *, to_location_id: UUID | None, reason: str = "") -> StockTransfer:
    """Put what the sender says on a transfer, whether the receiver was heard before or not."""
    lines = [TransferLine(part_id=x.part_id, lot=x.lot, serial=x.serial, sent=x.quantity) for x in told.lines]
    left = replace(
        transfer,
        from_location_id=told.location_id,
        to_location_id=to_location_id,
        lines=merged_lines([*transfer.lines, *lines]),
        shipped_at=told.at,
        shipped_by=told.by,
        reason=reason,
    )
    return replace(left, state=transfer_state(left))


def with_received(transfer: StockTransfer, told: Told, *, from_location_id: UUID | None) -> StockTransfer:
    """Put what the receiver says on a transfer; where it came from counts only while the sender has not said it."""
    lines = [TransferLine(part_id=x.part_id, lot=x.lot, serial=x.serial, received=x.quantity) for x in told.lines]
    came = replace(
        transfer,
        from_location_id=transfer.from_location_id or from_location_id,
        arrived_location_id=told.location_id,
        lines=merged_lines([*transfer.lines, *lines]),
        confirmed_at=told.at,
        confirmed_by=told.by,
    )
    return replace(came, state=transfer_state(came))


def transfer_state(transfer: StockTransfer) -> TransferState:
    """Tell what a transfer has come to from what both sides said, whoever was first."""
    if transfer.confirmed_at is None:
        return TransferState.SHIPPED
    if transfer.shipped_at is None:
        return TransferState.TAKEN
    same = transfer.to_location_id == transfer.arrived_location_id
    if same and all(line.sent == line.received for line in transfer.lines):
        return TransferState.CONFIRMED
    return TransferState.DIFFERS
