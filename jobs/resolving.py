"""What the end of an exception books: moves that complete what nobody booked, or that bring the ledger to what stands. Books nothing itself.

A completing move has the time of the last that is known of the part on the job, so that a count made since then has seen it.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

from msgspec import Struct

from jobs.context import Deed
from jobs.exception_names import completed_at
from jobs.result import Refused
from jobs.stock import Booking
from jobs.stock_locations import COUNT_DIFFERENCE, CUSTOMER, RETURNED, SCRAP, TRANSIT, Place, place
from jobs.stock_places import SHELVES, place_fault
from jobs.work import Work
from mobile_contract.rules.exact import is_quantity
from mobile_contract.schema.material import Part
from mobile_contract.schema.reconciliation import ExceptionKind, ResolveAction, StockException
from mobile_contract.schema.reconciliation_commands import ResolveException
from mobile_contract.schema.stock import NOTHING, LocationKind, MoveKind, StockTransfer

_ONE: Final = Decimal(1)
# Where what is missing went, by what is said of it.
_ENDS: Final[dict[ResolveAction, tuple[MoveKind, Place]]] = {
    ResolveAction.BOOK_USE: (MoveKind.USED, CUSTOMER),
    ResolveAction.BOOK_RETURN: (MoveKind.RETURNED, RETURNED),
    ResolveAction.WRITE_OFF: (MoveKind.SCRAPPED, SCRAP),
    ResolveAction.ACCEPT: (MoveKind.COUNTED, COUNT_DIFFERENCE),
}


class Plan(Struct, frozen=True, kw_only=True):
    """The moves that end an exception, how much of it they end (None: all), and the serials among them."""

    bookings: tuple[Booking, ...] = ()
    quantity: Decimal | None = None
    serials: tuple[str, ...] = ()


class _Piece(Struct, frozen=True):
    """How much of the part, of which serial."""

    serial: str
    quantity: Decimal


class _Leg(Struct, frozen=True):
    """What kind of move, from where to where."""

    kind: MoveKind
    source: UUID
    target: UUID


def plan(work: Work, command: ResolveException, exception: StockException, deed: Deed) -> Plan | Refused:
    """Plan the moves of an action that completes or accepts; what reverses is the handler's.

    Refused: `quantity_invalid` for more than is missing, `serials_needed` where it is not said which of several, `unknown_reference` for a
    place or a job that is not named, `location_wrong` for an issue from anything but shelves, or anything else from what is no van.
    """
    if command.location_id is not None:
        kinds = SHELVES if command.action is ResolveAction.BOOK_ISSUE else {LocationKind.VAN}
        fault = place_fault(work, "location_id", command.location_id, kinds)
        if fault is not None:
            return fault
    draft = _Draft(work, command, exception, deed)
    if exception.kind is ExceptionKind.TRANSFER_DIFFERS:
        return Plan(bookings=tuple(draft.of_transfer()))
    if exception.difference is None or exception.kind is ExceptionKind.FORM_DIFFERS:
        return Plan()
    quantity = exception.difference if command.quantity is None else command.quantity
    if not is_quantity(quantity) or quantity > exception.difference:
        return Refused("quantity_invalid", {"field": "quantity", "at_most": str(exception.difference)})
    if exception.kind is ExceptionKind.SERIAL_MISMATCH:
        return draft.swapped()
    pieces = _pieces(work, command, exception, quantity)
    if isinstance(pieces, Refused):
        return pieces
    made = draft.of(pieces)
    if isinstance(made, Refused):
        return made
    return Plan(
        bookings=tuple(made), quantity=quantity, serials=tuple(piece.serial for piece in pieces if piece.serial)
    )


def _pieces(
    work: Work, command: ResolveException, exception: StockException, quantity: Decimal
) -> list[_Piece] | Refused:
    """Tell which pieces it is about: of a part with serials each by its own."""
    part = work.get(Part, exception.part_id)
    if part is None or not part.serialised:
        return [_Piece("", quantity)]
    known = exception.serials_missing if exception.kind is ExceptionKind.SHORT else exception.serials_extra
    serials = command.serials or known
    if len(serials) != quantity or (known and not set(serials) <= set(known)):
        return Refused("serials_needed", {"serials": ", ".join(known)})
    return [_Piece(serial, _ONE) for serial in serials]


class _Draft:
    """Makes the moves of one end, numbered, so that each has an id that follows from the command."""

    def __init__(self, work: Work, command: ResolveException, exception: StockException, deed: Deed) -> None:
        self._work, self._command, self._exception, self._deed = work, command, exception, deed
        self._at = completed_at(work, exception, deed)
        self._made = 0

    def of(self, pieces: Sequence[_Piece]) -> list[Booking] | Refused:
        """Make the moves that the exception and the action ask for."""
        transit = self._place(TRANSIT)
        van = self._exception.location_id
        match self._exception.kind, self._command.action:
            case ExceptionKind.SHORT, _:
                return self._missing(pieces)
            case ExceptionKind.TAKEN_NOT_ISSUED, _:
                return self._over([(MoveKind.ISSUED, self._command.location_id, transit)], pieces)
            case ExceptionKind.OVER, ResolveAction.BOOK_ISSUE:
                given = (MoveKind.ISSUED, self._command.location_id, transit)
                return self._over([given, (MoveKind.RECEIVED, transit, van)], pieces)
            case ExceptionKind.VAN_BELOW_ZERO, ResolveAction.BOOK_RECEIPT:
                # A receipt belongs to the job of its slip.
                if self._command.to_job_id is None:
                    return Refused("unknown_reference", {"field": "to_job_id"})
                return self._over([(MoveKind.RECEIVED, transit, van)], pieces)
            case _:
                return self._over([(MoveKind.COUNTED, self._place(COUNT_DIFFERENCE), van)], pieces)

    def swapped(self) -> Plan | Refused:
        """Let the serials stand as they are: what was issued is gone, what was used was there."""
        missing, extra, van = (
            self._exception.serials_missing,
            self._exception.serials_extra,
            self._exception.location_id,
        )
        if not len(missing) == len(extra) == self._exception.difference:
            return Refused("serials_needed", {"serials": ", ".join((*missing, *extra))})
        lost = self._place(COUNT_DIFFERENCE)
        gone = self._over([(MoveKind.COUNTED, van, lost)], [_Piece(serial, _ONE) for serial in missing])
        there = self._over([(MoveKind.COUNTED, lost, van)], [_Piece(serial, _ONE) for serial in extra])
        if isinstance(gone, Refused) or isinstance(there, Refused):
            return Refused("unknown_reference", {"field": "location_id"})
        return Plan(bookings=(*gone, *there))

    def of_transfer(self) -> list[Booking]:
        """Write off what left and never came; what came and never left was there."""
        transfer = self._work.get(StockTransfer, self._exception.subject_id)
        transit, lost = self._place(TRANSIT), self._place(COUNT_DIFFERENCE)
        made: list[Booking] = []
        for line in transfer.lines if transfer is not None else ():
            off = line.sent - line.received
            if off:
                ends = (transit, lost) if off > 0 else (lost, transit)
                made.append(self._move(_Leg(MoveKind.COUNTED, *ends), _Piece(line.serial, abs(off)), line.part_id))
        return made

    def _missing(self, pieces: Sequence[_Piece]) -> list[Booking] | Refused:
        """Say where it went: first what never came out of transit, the rest from the van."""
        kind, end = _ENDS[self._command.action]
        target, transit = self._place(end), self._place(TRANSIT)
        van, waiting = self._command.location_id or self._exception.location_id, self._exception.in_transit or NOTHING
        made: list[Booking] = []
        for piece in pieces:
            on_road = min(piece.quantity, max(NOTHING, waiting))
            waiting -= on_road
            if on_road > 0:
                made.append(self._move(_Leg(kind, transit, target), _Piece(piece.serial, on_road)))
            if piece.quantity > on_road:
                if van is None:
                    return Refused("unknown_reference", {"field": "location_id"})
                made.append(self._move(_Leg(kind, van, target), _Piece(piece.serial, piece.quantity - on_road)))
        return made

    def _over(
        self, legs: Sequence[tuple[MoveKind, UUID | None, UUID | None]], pieces: Sequence[_Piece]
    ) -> list[Booking] | Refused:
        """Move each piece along the legs; a leg without an end needs the place that the command does not name."""
        made: list[Booking] = []
        for kind, source, target in legs:
            if source is None or target is None:
                return Refused("unknown_reference", {"field": "location_id"})
            made += [self._move(_Leg(kind, source, target), piece) for piece in pieces]
        return made

    def _place(self, shipped: Place) -> UUID:
        return place(self._work, shipped)

    def _move(self, leg: _Leg, piece: _Piece, part_id: UUID | None = None) -> Booking:
        self._made += 1
        about = part_id or self._exception.part_id
        assert about is not None  # a difference is one of a part
        return Booking(
            kind=leg.kind,
            part_id=about,
            quantity=piece.quantity,
            source=leg.source,
            target=leg.target,
            move_id=uuid5(self._deed.command_id, f"move/{self._made}"),
            job_id=self._exception.job_id or self._command.to_job_id,
            serial=piece.serial,
            reason=self._command.reason,
            occurred_at=self._at,
        )
