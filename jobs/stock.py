"""Book moves: the one place where a level changes. Owns what a store refuses and how late moves meet earlier counts; knows no request.

A move is never edited and never refused for what a van holds. What a count found stays found: a move that is told later, of an instant
before the count, is met by an adjusting move of that count, so that every order of arrival ends in the same balances.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from jobs.below_zero import follow
from jobs.context import Deed
from jobs.handlers.identity import seen_before
from jobs.result import Applied, PutAside, Refused
from jobs.stock_locations import COUNT_DIFFERENCE, place, place_id
from jobs.timeline import CountMark
from jobs.work import Work
from mobile_contract.rules.exact import is_quantity, total
from mobile_contract.rules.stock import (
    GUARDED,
    LEVELLED,
    Moment,
    available,
    effect,
    level_id,
    moment_of,
    moment_of_count,
)
from mobile_contract.schema.material import Part
from mobile_contract.schema.stock import (
    NOTHING,
    LocationKind,
    MoveKind,
    StockCount,
    StockLevel,
    StockLocation,
    StockMove,
)

_STAMPS = (
    "unit_cost",
    "unit",
    "currency",
    "from_location_id",
    "to_location_id",
    "occurred_at",
    "recorded_at",
    "actor_id",
    "command_id",
)
"""What the server says about a move: a command sent again names the same move, whatever these have become."""


class Booking(Struct, frozen=True, kw_only=True):
    """A move to be: what, how much, from where to where and why.

    `from_reserved`: how much of it had been promised by `reserve`, and is promised no more. Without `unit_cost` it is the catalogue's,
    without `occurred_at` the deed's.
    """

    kind: MoveKind
    part_id: UUID
    quantity: Decimal
    source: UUID
    target: UUID
    move_id: UUID
    job_id: UUID | None = None
    visit_id: UUID | None = None
    request_id: UUID | None = None
    slip_id: UUID | None = None
    line_no: int | None = None
    transfer_id: UUID | None = None
    count_id: UUID | None = None
    loan_id: UUID | None = None
    reverses_id: UUID | None = None
    serial: str = ""
    lot: str = ""
    reason: str = ""
    unit_cost: Decimal | None = None
    occurred_at: datetime | None = None
    from_reserved: Decimal = NOTHING


Booked = StockMove | Applied | Refused | PutAside


def book(work: Work, deed: Deed, booking: Booking) -> Booked:
    """Book a move and bring the levels of both ends up to it.

    Gives the move; `unchanged` where it was booked before; PutAside `id_reused` where its id is another move's; Refused for an unknown part
    or location, a quantity that cannot be, and `stock_short` (part_id, location_id, available, asked) where a store, a bin, a repair shop
    or the place of returns would hold less than nothing. Raises LookupError where the command did not name a level in `jobs.balances`.
    """
    part = work.get(Part, booking.part_id)
    if part is None:
        return Refused("unknown_reference", {"field": "part_id"})
    if not is_quantity(booking.quantity):
        return Refused("quantity_invalid", {"field": "quantity"})
    for field, id in (("from_location_id", booking.source), ("to_location_id", booking.target)):
        if work.get(StockLocation, id) is None:
            return Refused("unknown_reference", {"field": field})
    move = _move(work, deed, booking, part)
    known = seen_before(work, move, *_STAMPS)
    if known is not None:
        return known
    short = _short(work, move, booking.from_reserved)
    if short is not None:
        return short
    if booking.from_reserved:
        level = level_of(work, move.from_location_id, move.part_id)
        work.put(replace(level, reserved=max(NOTHING, total([level.reserved, -booking.from_reserved]))))
    post(work, move)
    return move


def book_all(work: Work, deed: Deed, bookings: Iterable[Booking]) -> list[StockMove] | Refused | PutAside:
    """Book moves in their order; the first that cannot be is the answer for all. Gives those that were not booked before."""
    moves: list[StockMove] = []
    for booking in bookings:
        booked = book(work, deed, booking)
        if isinstance(booked, Refused | PutAside):
            return booked
        if isinstance(booked, StockMove):
            moves.append(booked)
    return moves


def level_of(work: Work, location_id: UUID, part_id: UUID) -> StockLevel:
    """Give what a location holds of a part: its level, or an empty one that is no row yet.

    Raises LookupError when it was not loaded, as when a command before it in the batch changed whose van it is: then the commands
    are run one by one, each with what it needs.
    """
    if (location_id, part_id) not in work.timelines:
        raise LookupError(f"the level of part {part_id} at {location_id} was not loaded")
    id = level_id(location_id, part_id)
    return work.get(StockLevel, id) or StockLevel(id=id, location_id=location_id, part_id=part_id)


def below_zero(work: Work, location_id: UUID, part_id: UUID) -> bool:
    """Tell whether more left a location than is known to have come in."""
    return level_of(work, location_id, part_id).quantity < 0


def reserve(work: Work, location_id: UUID, part_id: UUID, quantity: Decimal) -> Refused | None:
    """Promise some of what a location holds; a negative quantity takes a promise back. `stock_short` where less is free."""
    level = level_of(work, location_id, part_id)
    free = available(level)
    if quantity > 0 and free < quantity:
        return _stock_short(level, free, quantity)
    work.put(replace(level, reserved=max(NOTHING, total([level.reserved, quantity]))))
    return None


def balance_before(work: Work, location_id: UUID, part_id: UUID, moment: Moment) -> Decimal:
    """Sum what a location held of a part at a moment; the command has asked for the past of it in `jobs.balances`."""
    now = level_of(work, location_id, part_id).quantity
    fresh = (m for m in work.fresh_moves() if m.part_id == part_id and moment_of(m) > moment)
    stored = work.timelines[(location_id, part_id)].moved_after(moment)
    return total([now, -stored, *(-effect(m, location_id) for m in fresh)])


def post(work: Work, move: StockMove) -> None:
    """Put a move that has been checked, and what follows from it: levels, or the adjusting move of the first later count."""
    work.put(move)
    for location_id in {move.from_location_id, move.to_location_id}:
        if not _is_levelled(work, location_id):
            continue
        later = _next_count(work, location_id, move)
        if later is None:
            level = level_of(work, location_id, move.part_id)
            changed = replace(level, quantity=total([level.quantity, effect(move, location_id)]))
            work.put(changed)
            follow(work, move, changed)
        else:
            # Into the table of counts goes what came, and the other way round: the count has seen it already.
            work.put(_adjusting(work, move, location_id, later))


def difference(work: Work, deed: Deed, count: StockCount, *, part_id: UUID, more: Decimal) -> StockMove | None:
    """Make the move that a count's difference is: `more` was found than expected (below zero: less). None: nothing differed."""
    if not more:
        return None
    place(work, COUNT_DIFFERENCE)
    part = work.get(Part, part_id)
    assert part is not None  # the count has looked
    found, lost = count.location_id, place_id(work.org.org_id, COUNT_DIFFERENCE)
    booking = Booking(
        kind=MoveKind.COUNTED,
        part_id=part_id,
        quantity=abs(more),
        source=lost if more > 0 else found,
        target=found if more > 0 else lost,
        move_id=uuid5(count.id, str(part_id)),
        count_id=count.id,
        occurred_at=count.as_of,
    )
    return _move(work, deed, booking, part)


def _move(work: Work, deed: Deed, booking: Booking, part: Part) -> StockMove:
    return StockMove(
        id=booking.move_id,
        part_id=part.id,
        quantity=booking.quantity,
        kind=booking.kind,
        from_location_id=booking.source,
        to_location_id=booking.target,
        job_id=booking.job_id,
        visit_id=booking.visit_id,
        request_id=booking.request_id,
        serial=booking.serial,
        unit_cost=part.unit_cost if booking.unit_cost is None else booking.unit_cost,
        occurred_at=booking.occurred_at or deed.occurrence.at,
        recorded_at=deed.received_at,
        actor_id=deed.person_id,
        lot=booking.lot,
        unit=part.unit,
        currency=work.org.currency,
        slip_id=booking.slip_id,
        line_no=booking.line_no,
        transfer_id=booking.transfer_id,
        count_id=booking.count_id,
        loan_id=booking.loan_id,
        reverses_id=booking.reverses_id,
        reason=booking.reason,
        command_id=deed.command_id,
    )


def _short(work: Work, move: StockMove, from_reserved: Decimal) -> Refused | None:
    """Refuse what a guarded location does not have free. A move of before a count takes nothing from what the count found."""
    location = work.get(StockLocation, move.from_location_id)
    if location is not None and location.kind is LocationKind.RETURNED:
        return _never_returned(work, move)
    if location is None or location.kind not in GUARDED or _next_count(work, location.id, move) is not None:
        return None
    level = level_of(work, location.id, move.part_id)
    # What was promised is given as long as it is there; what was not must be free.
    free = min(level.quantity, total([max(NOTHING, available(level)), min(from_reserved, level.reserved)]))
    return _stock_short(level, free, move.quantity) if free < move.quantity else None


def _never_returned(work: Work, move: StockMove) -> Refused | None:
    """Refuse what crews never gave back, or somebody took before: to the store, to be scrapped or mended, or as it never happened."""
    here = move.from_location_id
    fresh = (effect(m, here) for m in work.fresh_moves() if m.part_id == move.part_id)
    free = total([work.given_back[move.part_id], *fresh])
    level = StockLevel(id=level_id(here, move.part_id), location_id=here, part_id=move.part_id)
    return _stock_short(level, free, move.quantity) if free < move.quantity else None


def _stock_short(level: StockLevel, free: Decimal, asked: Decimal) -> Refused:
    detail = {
        "part_id": level.part_id,
        "location_id": level.location_id,
        "available": max(NOTHING, free),
        "asked": asked,
    }
    return Refused("stock_short", {key: str(value) for key, value in detail.items()})


def _is_levelled(work: Work, location_id: UUID) -> bool:
    location = work.get(StockLocation, location_id)
    return location is not None and location.kind in LEVELLED


def _next_count(work: Work, location_id: UUID, move: StockMove) -> CountMark | None:
    """Find the first count of the part at the location that stands after the move."""
    moment = moment_of(move)
    level = work.get(StockLevel, level_id(location_id, move.part_id))
    if level is None or level.counted_at is None or (level.counted_at, 1) < moment[:2]:
        return None
    known = work.timelines[(location_id, move.part_id)]
    if move.occurred_at < known.since:
        raise LookupError(f"counts of part {move.part_id} at {location_id} were not loaded since {move.occurred_at}")
    marks = set(known.counts) | {
        CountMark(count.as_of, count.id)
        for count in work.all(StockCount)
        if count.location_id == location_id and any(line.part_id == move.part_id for line in count.lines)
    }
    later = [mark for mark in marks if moment_of_count(mark.as_of, mark.count_id) > moment]
    return min(later, key=lambda mark: moment_of_count(mark.as_of, mark.count_id), default=None)


def _adjusting(work: Work, move: StockMove, location_id: UUID, count: CountMark) -> StockMove:
    """Make the move by which a count goes on saying what it said, though something before it became known."""
    lost = place(work, COUNT_DIFFERENCE)
    came = effect(move, location_id) > 0
    return replace(
        move,
        id=uuid5(count.count_id, f"{move.id}/{location_id}"),
        kind=MoveKind.COUNTED,
        from_location_id=location_id if came else lost,
        to_location_id=lost if came else location_id,
        job_id=None,
        visit_id=None,
        request_id=None,
        slip_id=None,
        line_no=None,
        transfer_id=None,
        loan_id=None,
        reverses_id=None,
        reason="",
        count_id=count.count_id,
        occurred_at=count.as_of,
    )
