"""Counts: what a location held at an instant. Differences become moves of the count; a count that found what was expected is kept too."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from jobs.context import Deed
from jobs.handlers.door import handles
from jobs.handlers.stock import future_fault
from jobs.handlers.transfer import flags_of
from jobs.result import Applied, Refused, Result
from jobs.stock import balance_before, difference, level_of, post
from jobs.stock_locations import van, van_of
from jobs.stock_places import place_fault
from jobs.work import Work
from mobile_contract.rules.exact import is_exact, total
from mobile_contract.rules.stock import GUARDED, LEVELLED, moment_of_count
from mobile_contract.schema.field_stock import CountVan
from mobile_contract.schema.material import Part
from mobile_contract.schema.stock import CountedLine, CountMode, StockCount, StockLocation
from mobile_contract.schema.stock_commands import CountLine, CountStock


class Counting(Struct, frozen=True, kw_only=True):
    """A count as it was told."""

    count_id: UUID
    location_id: UUID
    mode: CountMode
    as_of: datetime
    lines: Sequence[CountLine]
    note: str


@handles(CountStock)
def count_stock(work: Work, command: CountStock, deed: Deed) -> Result:
    """Keep what a location was found to hold; refused where a store would hold less than nothing now."""
    as_of = command.as_of or deed.occurrence.at
    fault = place_fault(work, "location_id", command.location_id, LEVELLED) or future_fault(as_of, deed)
    if fault is not None:
        return fault
    counting = Counting(
        count_id=command.count_id,
        location_id=command.location_id,
        mode=command.mode,
        as_of=as_of,
        lines=command.lines,
        note=command.note,
    )
    return _count(work, counting, deed)


@handles(CountVan)
def count_van(work: Work, command: CountVan, deed: Deed) -> Result:
    """Keep what the crew's van was found to hold at the instant of the report."""
    counting = Counting(
        count_id=command.count_id,
        location_id=van(work, van_of(work, command, deed), deed.person_id),
        mode=command.mode,
        as_of=deed.occurrence.at,
        lines=command.lines,
        note=command.note,
    )
    counted = _count(work, counting, deed)
    if not isinstance(counted, Applied) or counted.code == "unchanged":
        return counted
    return Applied(flags=tuple(sorted(flag.value for flag in flags_of(deed))))


def _count(work: Work, counting: Counting, deed: Deed) -> Result:
    found = _found(work, counting.lines)
    if isinstance(found, Refused):
        return found
    known = work.get(StockCount, counting.count_id)
    if known is not None:
        said = (counting.location_id, counting.mode, counting.note, found)
        kept = (known.location_id, known.mode, known.note, {line.part_id: line.quantity for line in known.lines})
        return Applied(code="unchanged") if said == kept else Refused("id_reused")
    moment = moment_of_count(counting.as_of, counting.count_id)
    expected = {part_id: balance_before(work, counting.location_id, part_id, moment) for part_id in found}
    count = StockCount(
        id=counting.count_id,
        location_id=counting.location_id,
        mode=counting.mode,
        as_of=counting.as_of,
        lines=tuple(CountedLine(part_id=p, quantity=found[p], expected=expected[p]) for p in sorted(found)),
        counted_by=deed.person_id,
        recorded_at=deed.received_at,
        note=counting.note,
    )
    work.put(count)
    return _settle(work, count, deed)


def _settle(work: Work, count: StockCount, deed: Deed) -> Result:
    """Book the differences, and remember of each level when it was counted last."""
    location = work.get(StockLocation, count.location_id)
    guarded = location is not None and location.kind in GUARDED
    for line in count.lines:
        more = total([line.quantity, -line.expected])
        move = difference(work, deed, count, part_id=line.part_id, more=more)
        if move is not None:
            post(work, move)
        level = level_of(work, count.location_id, line.part_id)
        if guarded and level.quantity < 0:
            detail = {"part_id": str(line.part_id), "location_id": str(count.location_id), "available": "0"}
            return Refused("stock_short", {**detail, "asked": str(-level.quantity)})
        work.put(replace(level, counted_at=max(count.as_of, level.counted_at or count.as_of)))
    return Applied()


def _found(work: Work, lines: Sequence[CountLine]) -> dict[UUID, Decimal] | Refused:
    """Add up what was found of each part: it may lie in two places of one van."""
    amounts: dict[UUID, list[Decimal]] = {}
    for line in lines:
        if work.get(Part, line.part_id) is None:
            return Refused("unknown_reference", {"field": "part_id"})
        if not (is_exact(line.quantity) and line.quantity >= 0):
            return Refused("quantity_invalid", {"field": "quantity"})
        amounts.setdefault(line.part_id, []).append(line.quantity)
    return {part_id: total(each) for part_id, each in amounts.items()}
