"""Parts as crews report them: asked for, taken at once, received into the van, used, given back. Nothing of it is refused.

The ladder says who decides about a request; a van may go below zero, since an offline use can arrive before its receipt.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from jobs.approving import Asked, ask, draw
from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.recording import report
from jobs.requests import mark_prices, refold
from jobs.result import Applied, PutAside, Refused, Result
from jobs.stock import Booking, below_zero, book_all
from jobs.stock_locations import CUSTOMER, RETURNED, TRANSIT, place, van, van_of
from jobs.work import Work
from mobile_contract.rules.exact import is_exact, is_quantity
from mobile_contract.rules.ladder import MATERIAL_REQUEST, NO_POLICY_VERSION, amount_of, approval_id
from mobile_contract.rules.material import new_request, piece_id, priced, taken_move_id
from mobile_contract.schema.approval import Approval, ApprovalState
from mobile_contract.schema.facts import ReceivePart, RequestParts, ReturnPart, TakeParts, UsePart
from mobile_contract.schema.job import Flag
from mobile_contract.schema.material import MaterialRequest, Part, PricedLine, RequestLine
from mobile_contract.schema.stock import MoveKind

Move = ReceivePart | UsePart | ReturnPart


@handles(RequestParts)
def request_parts(work: Work, command: RequestParts, deed: Deed) -> Result:
    """Keep a request for parts with its prices and the approval that the ladder in force asks for.

    Without a policy in force it waits, flagged `no_policy`, for the role that may decide any amount.
    """
    asked = _asked_before(work, command)
    if asked is not None:
        return asked
    lines = _priced(work, command.lines)
    if isinstance(lines, PutAside):
        return lines
    approval = _put_request(work, command, deed, lines)
    detail, flags = _told(approval)
    return report(work, command, deed, EventName.PARTS_REQUESTED, detail=detail, flags=flags)


@handles(TakeParts)
def take_parts(work: Work, command: TakeParts, deed: Deed) -> Result:
    """Book urgent parts into the van at once and ask for their approval afterwards; the store completes it when it issues them.

    An allowance that does not cover it changes nothing about what was taken: it is flagged.
    """
    asked = _asked_before(work, command)
    if asked is not None:
        return asked
    lines = _priced(work, command.lines)
    if isinstance(lines, PutAside):
        return lines
    van_id = van(work, van_of(work, command, deed), deed.person_id)
    leg = Leg(kind=MoveKind.TAKEN, source=place(work, TRANSIT), target=van_id)
    bookings: list[Booking] = []
    for line_no, line in enumerate(command.lines, start=1):
        pieces = _pieces(taken_move_id(command.request_id, line_no), line.quantity, line.serials)
        if isinstance(pieces, PutAside):
            return pieces
        named = {"part_id": line.part_id, "request_id": command.request_id, "line_no": line_no, "lot": line.lot}
        bookings += _bookings(command, pieces, leg, named)
    booked = book_all(work, deed, bookings)
    if isinstance(booked, Refused | PutAside):
        return booked
    approval = _put_request(work, command, deed, lines)
    detail, flags = _told(approval)
    missing = {flag for line in command.lines for flag in _missing(work, line.part_id, line.serials, line.lot)}
    detail |= {"allowance_id": command.allowance_id, "to_location_id": van_id}
    odd = {*flags, *missing, *draw(work, deed, command.allowance_id, amount_of(lines))}
    return report(work, command, deed, EventName.PARTS_TAKEN, detail=detail, flags=odd)


@handles(ReceivePart)
def receive_part(work: Work, command: ReceivePart, deed: Deed) -> Result:
    """Book a part into the van and on its request; what was not approved, or not asked for, is flagged."""
    van_id = van(work, van_of(work, command, deed), deed.person_id)
    leg = Leg(kind=MoveKind.RECEIVED, source=place(work, TRANSIT), target=van_id)
    unbooked = _book(work, command, deed, leg)
    if unbooked is not None:
        return unbooked
    flags = {*_missing_of(work, command), *_oddities(work, command)}
    return report(work, command, deed, EventName.PART_RECEIVED, detail=_detail(command, leg), flags=flags)


@handles(UsePart)
def use_part(work: Work, command: UsePart, deed: Deed) -> Result:
    """Book a part from the van to the customer."""
    van_id = van(work, van_of(work, command, deed), deed.person_id)
    leg = Leg(kind=MoveKind.USED, source=van_id, target=place(work, CUSTOMER))
    return _out_of_van(work, command, deed, leg)


@handles(ReturnPart)
def return_part(work: Work, command: ReturnPart, deed: Deed) -> Result:
    """Book a part out of the van, to be taken in by the store."""
    van_id = van(work, van_of(work, command, deed), deed.person_id)
    leg = Leg(kind=MoveKind.RETURNED, source=van_id, target=place(work, RETURNED))
    return _out_of_van(work, command, deed, leg)


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of movement, from which location to which."""

    kind: MoveKind
    source: UUID
    target: UUID


class Piece(msgspec.Struct, frozen=True):
    """What one move of a report is about: its id, the serial (none: of no piece in particular), how much."""

    move_id: UUID
    serial: str
    quantity: Decimal


def _put_request(work: Work, command: RequestParts | TakeParts, deed: Deed, lines: tuple[PricedLine, ...]) -> Approval:
    """Put the request and its approval, and bring it up to what moved before it came."""
    taken = isinstance(command, TakeParts)
    asked = Asked(
        job_id=command.job_id,
        subject=MATERIAL_REQUEST,
        subject_id=command.request_id,
        amount=amount_of(lines),
        after_the_fact=taken,
        allowance_id=command.allowance_id if isinstance(command, TakeParts) else None,
    )
    approval = ask(work, deed, asked)
    request = new_request(command, lines, approval)
    work.put(request)
    refold(work, request.job_id)
    return approval


def _told(approval: Approval) -> tuple[dict[str, Any], tuple[Flag, ...]]:
    """Say in the event what was asked of whom, and flag that no ladder was there."""
    detail: dict[str, Any] = {
        "request_id": approval.subject_id,
        "amount": approval.own_amount,
        "day_total": approval.amount,
        "approval_id": approval.id,
        "role": approval.role,
        "approver_id": approval.person_id,
        "after_hours": approval.after_hours,
        "policy": f"{approval.policy_code}/{approval.policy_version}",
    }
    return detail, (Flag.NO_POLICY,) if approval.policy_version == NO_POLICY_VERSION else ()


def _out_of_van(work: Work, command: UsePart | ReturnPart, deed: Deed, leg: Leg) -> Result:
    unbooked = _book(work, command, deed, leg)
    if unbooked is not None:
        return unbooked
    flags = {*_missing_of(work, command), *(mark_prices(work, command.job_id) if type(command) is UsePart else ())}
    if below_zero(work, leg.source, command.part_id):
        flags.add(Flag.VAN_BELOW_ZERO)
    name = EventName.PART_USED if isinstance(command, UsePart) else EventName.PART_RETURNED
    return report(work, command, deed, name, detail=_detail(command, leg), flags=flags)


def _book(work: Work, command: Move, deed: Deed, leg: Leg) -> Result | None:
    """Book what a report says, one move for each piece; gives the answer where nothing new was booked."""
    pieces = _pieces(command.move_id, command.quantity, command.serials or (command.serial,) * bool(command.serial))
    if isinstance(pieces, PutAside):
        return pieces
    named = {
        "part_id": command.part_id,
        "request_id": command.request_id,
        "line_no": command.line_no or None,
        "lot": command.lot,
        "slip_id": command.slip_id if isinstance(command, ReceivePart) else None,
    }
    booked = book_all(work, deed, _bookings(command, pieces, leg, named))
    if isinstance(booked, Refused | PutAside):
        return booked
    if not booked:
        return Applied(code="unchanged")
    if len(booked) < len(pieces):
        return PutAside("id_reused")
    refold(work, command.job_id)
    return None


def _bookings(command: Move | TakeParts, pieces: Iterable[Piece], leg: Leg, named: Mapping[str, Any]) -> list[Booking]:
    return [
        Booking(
            kind=leg.kind,
            quantity=piece.quantity,
            source=leg.source,
            target=leg.target,
            move_id=piece.move_id,
            job_id=command.job_id,
            visit_id=command.visit_id,
            serial=piece.serial,
            **named,
        )
        for piece in pieces
    ]


def _pieces(move_id: UUID, quantity: Decimal, serials: tuple[str, ...]) -> list[Piece] | PutAside:
    """Split what moved into pieces with a serial each; PutAside where there are more or fewer serials than pieces."""
    if len(serials) < 2 and (not serials or quantity != 1):
        # One serial for several pieces, or for a length: as it was reported.
        return [Piece(move_id, serials[0] if serials else "", quantity)]
    if quantity != len(serials) or len(set(serials)) != len(serials) or not all(serials):
        return PutAside("serials_missing", {"field": "serials"})
    return [Piece(piece_id(move_id, position), serial, Decimal(1)) for position, serial in enumerate(serials)]


def _missing_of(work: Work, command: Move) -> Iterable[Flag]:
    return _missing(work, command.part_id, command.serials or (command.serial,), command.lot)


def _missing(work: Work, part_id: UUID, serials: tuple[str, ...], lot: str) -> Iterable[Flag]:
    """Flag a piece without its serial, a part of a lot without it."""
    part = work.get(Part, part_id)
    if part is not None and part.serialised and not any(serials):
        yield Flag.SERIAL_MISSING
    if part is not None and part.lot_tracked and not lot:
        yield Flag.LOT_MISSING


def _oddities(work: Work, command: ReceivePart) -> Iterable[Flag]:
    """Tell what is odd about the receipts of a request, which is up to date."""
    if command.request_id is None:
        return
    request = work.get(MaterialRequest, command.request_id)
    if request is None or request.job_id != command.job_id:
        yield Flag.NOT_APPROVED
        return
    approval = work.get(Approval, request.approval_id)
    if approval is None or approval.state is not ApprovalState.APPROVED:
        yield Flag.NOT_APPROVED
    if all(line.part_id != command.part_id or line.received > line.quantity for line in request.lines):
        yield Flag.MORE_THAN_REQUESTED


def _priced(work: Work, asked: Iterable[RequestLine]) -> tuple[PricedLine, ...] | PutAside:
    lines: list[PricedLine] = []
    for line_no, line in enumerate(asked, start=1):
        part = work.get(Part, line.part_id)
        if part is None:
            return PutAside("unknown_reference", {"field": "part_id"})
        if not is_quantity(line.quantity):
            return PutAside("quantity_invalid", {"field": "quantity"})
        if line.price is not None and not (is_exact(line.price) and line.price >= 0):
            return PutAside("number_invalid", {"field": "price"})
        lines.append(priced(line, line_no, part))
    return tuple(lines)


def _asked_before(work: Work, command: RequestParts | TakeParts) -> Applied | PutAside | None:
    """Look whether the request is known; costs, states and what the store put in are the server's and not compared."""
    known = work.get(MaterialRequest, command.request_id)
    if known is None:
        # What was asked about something else under this id, and perhaps approved, says nothing about parts.
        other = work.get(Approval, approval_id(command.request_id))
        return PutAside("id_reused") if other is not None else None
    own = [line for line in known.lines if not line.substitute_for]
    same_kind = isinstance(command, TakeParts) == (known.taken_at is not None)
    same_place = (command.job_id, command.visit_id) == (known.job_id, known.visit_id)
    same_lines = len(own) == len(command.lines) and all(
        (line.part_id, line.quantity, line.chargeable) == (kept.part_id, kept.quantity, kept.chargeable)
        and (line.price is None or not line.chargeable or line.price == kept.price)
        for line, kept in zip(command.lines, own, strict=True)
    )
    same = same_kind and same_place and same_lines and _same_circumstances(known, command)
    return Applied(code="unchanged") if same else PutAside("id_reused")


def _same_circumstances(known: MaterialRequest, command: RequestParts | TakeParts) -> bool:
    if isinstance(command, TakeParts):
        return known.allowance_id == command.allowance_id
    return known.urgent == command.urgent


def _detail(command: Move, leg: Leg) -> dict[str, Any]:
    return {
        "move_id": command.move_id,
        "part_id": command.part_id,
        "quantity": command.quantity,
        "from_location_id": leg.source,
        "to_location_id": leg.target,
        "request_id": command.request_id,
        "line_no": command.line_no or None,
        "slip_id": command.slip_id if isinstance(command, ReceivePart) else None,
        "serial": command.serial,
        "serials": command.serials or None,
        "lot": command.lot or None,
        "scanned": command.scanned or None,
    }
