"""Parts: asked for, received into the van, used, given back. All of it is reported from the field, so nothing is refused.

The ladder says who decides about a request; a van may go below zero, since an offline use can arrive before its receipt.
"""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from jobs.approving import Asked, ask
from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.recording import report
from jobs.requests import refold
from jobs.result import Applied, PutAside, Result
from jobs.stock import Booked, Booking, below_zero, book
from jobs.stock_locations import CUSTOMER, RETURNED, TRANSIT, place, van, van_of
from jobs.work import Work
from mobile_contract.rules.exact import is_exact, is_quantity
from mobile_contract.rules.ladder import MATERIAL_REQUEST, NO_POLICY_VERSION, amount_of
from mobile_contract.schema.approval import Approval, ApprovalState
from mobile_contract.schema.facts import ReceivePart, RequestParts, ReturnPart, UsePart
from mobile_contract.schema.job import Flag
from mobile_contract.schema.material import MaterialRequest, Part, PricedLine, RequestState
from mobile_contract.schema.stock import MoveKind, StockMove


@handles(RequestParts)
def request_parts(work: Work, command: RequestParts, deed: Deed) -> Result:
    """Keep a request for parts with its prices and the approval that the ladder in force asks for.

    Without a policy in force it waits, flagged `no_policy`, for the role that may decide any amount.
    """
    known = work.get(MaterialRequest, command.request_id)
    if known is not None:
        return Applied(code="unchanged") if _same_request(known, command) else PutAside("id_reused")
    lines = _priced(work, command)
    if isinstance(lines, PutAside):
        return lines
    asked = Asked(
        job_id=command.job_id, subject=MATERIAL_REQUEST, subject_id=command.request_id, amount=amount_of(lines)
    )
    approval = ask(work, deed, asked)
    request = MaterialRequest(
        id=command.request_id,
        job_id=command.job_id,
        visit_id=command.visit_id,
        state=RequestState.WAITING_APPROVAL,
        lines=lines,
        amount=amount_of(lines),
        day_total=approval.amount,
        currency=approval.currency,
        requested_by=deed.person_id,
        requested_at=deed.occurrence.at,
        urgent=command.urgent,
        approval_id=approval.id,
    )
    work.put(request)
    refold(work, request.job_id)
    detail = {
        "request_id": request.id,
        "amount": request.amount,
        "day_total": request.day_total,
        "approval_id": approval.id,
        "role": approval.role,
        "approver_id": approval.person_id,
        "after_hours": approval.after_hours,
        "policy": f"{approval.policy_code}/{approval.policy_version}",
    }
    flags = (Flag.NO_POLICY,) if approval.policy_version == NO_POLICY_VERSION else ()
    return report(work, command, deed, EventName.PARTS_REQUESTED, detail=detail, flags=flags)


@handles(ReceivePart)
def receive_part(work: Work, command: ReceivePart, deed: Deed) -> Result:
    """Book a part into the van and on its request; what was not approved, or not asked for, is flagged."""
    van_id = van_of(work, command, deed)
    source = place(work, TRANSIT)
    move = _move(
        work, command, deed, Leg(kind=MoveKind.RECEIVED, source=source, target=van(work, van_id, deed.person_id))
    )
    if not isinstance(move, StockMove):
        return move
    refold(work, command.job_id)
    flags: list[Flag] = []
    if command.request_id is not None:
        request = work.get(MaterialRequest, command.request_id)
        if request is None or request.job_id != command.job_id:
            flags.append(Flag.NOT_APPROVED)
        else:
            flags.extend(_receive(work, request.id, command.part_id))
    return report(work, command, deed, EventName.PART_RECEIVED, detail=_detail(move), flags=flags)


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


def _out_of_van(work: Work, command: UsePart | ReturnPart, deed: Deed, leg: Leg) -> Result:
    move = _move(work, command, deed, leg)
    if not isinstance(move, StockMove):
        return move
    refold(work, command.job_id)
    flags = (Flag.VAN_BELOW_ZERO,) if below_zero(work, leg.source, command.part_id) else ()
    name = EventName.PART_USED if isinstance(command, UsePart) else EventName.PART_RETURNED
    return report(work, command, deed, name, detail=_detail(move), flags=flags)


def _move(
    work: Work, command: ReceivePart | UsePart | ReturnPart, deed: Deed, leg: Leg
) -> Booked:
    """Book a movement, or say that it was booked before, or why it cannot be one."""
    booking = Booking(
        kind=leg.kind,
        part_id=command.part_id,
        quantity=command.quantity,
        source=leg.source,
        target=leg.target,
        move_id=command.move_id,
        job_id=command.job_id,
        visit_id=command.visit_id,
        request_id=command.request_id if isinstance(command, ReceivePart) else None,
        serial=command.serial,
    )
    return book(work, deed, booking)


def _receive(work: Work, request_id: UUID, part_id: UUID) -> Iterable[Flag]:
    """Tell what is odd about the receipts of a request, which is up to date."""
    request = work.get(MaterialRequest, request_id)
    assert request is not None  # the caller has looked
    approval = work.get(Approval, request.approval_id)
    if approval is None or approval.state is not ApprovalState.APPROVED:
        yield Flag.NOT_APPROVED
    if all(line.part_id != part_id or line.received > line.quantity for line in request.lines):
        yield Flag.MORE_THAN_REQUESTED


def _priced(work: Work, command: RequestParts) -> tuple[PricedLine, ...] | PutAside:
    lines: list[PricedLine] = []
    for line_no, asked in enumerate(command.lines, start=1):
        part = work.get(Part, asked.part_id)
        if part is None:
            return PutAside("unknown_reference", {"field": "part_id"})
        if not is_quantity(asked.quantity):
            return PutAside("quantity_invalid", {"field": "quantity"})
        if asked.price is not None and not (is_exact(asked.price) and asked.price >= 0):
            return PutAside("number_invalid", {"field": "price"})
        line = PricedLine(
            part_id=part.id, quantity=asked.quantity, unit_cost=part.unit_cost, received=Decimal(0), line_no=line_no
        )
        price = part.price if asked.price is None else asked.price
        lines.append(replace(line, chargeable=True, price=price) if asked.chargeable else line)
    return tuple(lines)


def _same_request(known: MaterialRequest, command: RequestParts) -> bool:
    """Compare what the client said; costs, states and what the store put in are the server's."""
    own = [line for line in known.lines if not line.substitute_for]
    said = [(line.part_id, line.quantity, line.chargeable) for line in command.lines]
    kept = [(line.part_id, line.quantity, line.chargeable) for line in own]
    priced = all(a.price in (None, k.price) for a, k in zip(command.lines, own, strict=False))
    return (command.job_id, command.visit_id, command.urgent, said) == (
        known.job_id,
        known.visit_id,
        known.urgent,
        kept,
    ) and priced


def _detail(move: StockMove) -> dict[str, object]:
    return {
        "move_id": move.id,
        "part_id": move.part_id,
        "quantity": move.quantity,
        "from_location_id": move.from_location_id,
        "to_location_id": move.to_location_id,
        "request_id": move.request_id,
        "serial": move.serial,
    }
