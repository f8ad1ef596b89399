"""Parts: asked for, received into the van, used, given back. All of it is reported from the field, so nothing is refused.

The ladder says who decides about a request; a van may go below zero, since an offline use can arrive before its receipt.
"""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID, uuid5

import msgspec
from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.identity import seen_before
from jobs.recording import report
from jobs.result import Applied, PutAside, Result
from jobs.stock_locations import CUSTOMER, RETURNED, TRANSIT, place, van, van_of
from jobs.work import Work
from mobile_contract.rules.exact import is_quantity
from mobile_contract.rules.ladder import MATERIAL_REQUEST, Asking, amount_of, approver, day_total, policy_in_force
from mobile_contract.rules.material import MoveKind, lines_with_receipts, request_state
from mobile_contract.schema.approval import Approval, ApprovalState, Policy
from mobile_contract.schema.facts import ReceivePart, RequestParts, ReturnPart, UsePart
from mobile_contract.schema.job import Flag
from mobile_contract.schema.material import MaterialRequest, Part, PricedLine, RequestState
from mobile_contract.schema.people import Duty, Person
from mobile_contract.schema.stock import StockMove

NO_POLICY_CODE, NO_POLICY_VERSION = "none", 0
_STAMPS_OF_MOVE = ("unit_cost", "from_location_id", "to_location_id", "occurred_at", "recorded_at", "actor_id")


def approval_id(request_id: UUID) -> UUID:
    """Name the approval of a material request; it follows from the request, so that a phone shows it before the server made it."""
    return uuid5(request_id, "approval")


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
    approval = _approval(work, command, deed, amount_of(lines))
    request = MaterialRequest(
        id=command.request_id,
        job_id=command.job_id,
        visit_id=command.visit_id,
        state=RequestState.WAITING_APPROVAL,
        lines=lines_with_receipts(lines, _receipts(work, command.job_id, command.request_id)),
        amount=amount_of(lines),
        day_total=approval.amount,
        currency=approval.currency,
        requested_by=deed.person_id,
        requested_at=deed.occurrence.at,
        urgent=command.urgent,
        approval_id=approval.id,
    )
    work.put(request)
    work.put(approval)
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
    flags: list[Flag] = []
    if command.request_id is not None:
        request = work.get(MaterialRequest, command.request_id)
        if request is None or request.job_id != command.job_id:
            flags.append(Flag.NOT_APPROVED)
        else:
            flags.extend(_receive(work, request, command.part_id))
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


def _approval(work: Work, command: RequestParts, deed: Deed, amount: Decimal) -> Approval:
    """Ask the ladder in force who decides; the approval keeps the amount the policy saw, which is the day's."""
    at, zone, currency = deed.occurrence.at, work.org.zone, work.org.currency
    total = day_total(amount, work.of_job(MaterialRequest, command.job_id), at=at, zone=zone)
    policy = policy_in_force(work.all(Policy), subject=MATERIAL_REQUEST, currency=currency)
    asking = Asking(day_total=total, at=at, zone=zone, asked_by=deed.person_id)
    decides = approver(policy, _on_duty(work), asking)
    return Approval(
        id=approval_id(command.request_id),
        job_id=command.job_id,
        subject=MATERIAL_REQUEST,
        subject_id=command.request_id,
        state=ApprovalState.WAITING,
        role=decides.role,
        person_id=decides.person_id,
        after_hours=decides.after_hours,
        amount=total,
        currency=currency,
        policy_code=policy.code if policy else NO_POLICY_CODE,
        policy_version=policy.version if policy else NO_POLICY_VERSION,
        asked_by=deed.person_id,
        asked_at=at,
    )


def _on_duty(work: Work) -> list[Duty]:
    """List the roster's lines of people who are still here: a request may arrive long after the evening on which it was made."""
    return [
        duty for duty in work.all(Duty) if (person := work.get(Person, duty.person_id)) is not None and person.active
    ]


def _out_of_van(work: Work, command: UsePart | ReturnPart, deed: Deed, leg: Leg) -> Result:
    move = _move(work, command, deed, leg)
    if not isinstance(move, StockMove):
        return move
    flags = (Flag.VAN_BELOW_ZERO,) if work.balance(leg.source, command.part_id) < 0 else ()
    name = EventName.PART_USED if isinstance(command, UsePart) else EventName.PART_RETURNED
    return report(work, command, deed, name, detail=_detail(move), flags=flags)


def _move(
    work: Work, command: ReceivePart | UsePart | ReturnPart, deed: Deed, leg: Leg
) -> StockMove | Applied | PutAside:
    """Book a movement, or say that it was booked before, or why it cannot be one."""
    part = work.get(Part, command.part_id)
    if part is None:
        return PutAside("unknown_reference", {"field": "part_id"})
    if not is_quantity(command.quantity):
        return PutAside("quantity_invalid", {"field": "quantity"})
    move = StockMove(
        id=command.move_id,
        part_id=part.id,
        quantity=command.quantity,
        kind=leg.kind.value,
        from_location_id=leg.source,
        to_location_id=leg.target,
        job_id=command.job_id,
        visit_id=command.visit_id,
        request_id=command.request_id if isinstance(command, ReceivePart) else None,
        serial=command.serial,
        unit_cost=part.unit_cost,
        occurred_at=deed.occurrence.at,
        recorded_at=deed.received_at,
        actor_id=deed.person_id,
    )
    known = seen_before(work, move, *_STAMPS_OF_MOVE)
    if known is not None:
        return known
    work.put(move)
    return move


def _receive(work: Work, request: MaterialRequest, part_id: UUID) -> Iterable[Flag]:
    """Bring a request up to its receipts and tell what is odd about them."""
    lines = lines_with_receipts(request.lines, _receipts(work, request.job_id, request.id))
    approval = work.get(Approval, request.approval_id)
    decided = approval.state if approval else ApprovalState.WAITING
    work.put(replace(request, lines=lines, state=request_state(decided, lines)))
    if decided is not ApprovalState.APPROVED:
        yield Flag.NOT_APPROVED
    if all(line.part_id != part_id or line.received > line.quantity for line in lines):
        yield Flag.MORE_THAN_REQUESTED


def _receipts(work: Work, job_id: UUID, request_id: UUID) -> list[StockMove]:
    return [m for m in work.of_job(StockMove, job_id) if m.request_id == request_id and m.kind == MoveKind.RECEIVED]


def _priced(work: Work, command: RequestParts) -> tuple[PricedLine, ...] | PutAside:
    lines: list[PricedLine] = []
    for asked in command.lines:
        part = work.get(Part, asked.part_id)
        if part is None:
            return PutAside("unknown_reference", {"field": "part_id"})
        if not is_quantity(asked.quantity):
            return PutAside("quantity_invalid", {"field": "quantity"})
        lines.append(
            PricedLine(part_id=part.id, quantity=asked.quantity, unit_cost=part.unit_cost, received=Decimal(0))
        )
    return tuple(lines)


def _same_request(known: MaterialRequest, command: RequestParts) -> bool:
    """Compare what the client said; prices and states are the server's."""
    said = (command.job_id, command.visit_id, command.urgent, [(line.part_id, line.quantity) for line in command.lines])
    kept = (known.job_id, known.visit_id, known.urgent, [(line.part_id, line.quantity) for line in known.lines])
    return said == kept


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
