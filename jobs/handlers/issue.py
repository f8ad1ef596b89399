"""What a store does with approved requests: set aside, fetch, hand out with a slip, substitute, close, take back. Decisions, under the lock of the job.

What leaves a store is approved and there: a store never holds less than nothing. What crews report of it meanwhile is folded in elsewhere.
"""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.recording import record
from jobs.requests import refold, store_of
from jobs.result import Applied, PutAside, Refused, Result
from jobs.stock import Booking, book_all, reserve
from jobs.stock_locations import RETURNED, place
from jobs.work import Work
from mobile_contract.rules.exact import is_exact, is_quantity, product, total
from mobile_contract.rules.material import in_force, open_quantity
from mobile_contract.rules.request_states import request_state
from mobile_contract.schema.approval import Approval, ApprovalState
from mobile_contract.schema.job import Job, JobState
from mobile_contract.schema.material import MaterialRequest, Part, PricedLine, RequestState
from mobile_contract.schema.material_commands import (
    CloseRequest,
    LineQuantity,
    PickParts,
    ReserveParts,
    SubstitutePart,
    TakeBackParts,
)
from mobile_contract.schema.stock import LocationKind, MoveKind, StockLocation, StockMove

_NOTHING = Decimal(0)
_STORES = frozenset({LocationKind.STORE, LocationKind.BIN})
_LINES_MAX = 200
_OVER = frozenset({JobState.CANCELLED, JobState.CLOSED})
_ENDED = frozenset({RequestState.REQUESTED, RequestState.WAITING_APPROVAL, RequestState.REJECTED, RequestState.CLOSED})


@handles(ReserveParts)
def reserve_parts(work: Work, command: ReserveParts, deed: Deed) -> Result:
    """Set parts of an approved request aside; whoever else asks the store for them is told that they are not free."""
    request = open_request(work, command.job_id, command.request_id)
    if isinstance(request, Refused):
        return request
    store_id = store_for(work, command.store_id, request)
    if isinstance(store_id, Refused):
        return store_id
    wanted = _wanted(request, command.lines)
    if isinstance(wanted, Refused):
        return wanted
    moved = request.store_id is not None and request.store_id != store_id
    if moved:
        request = let_go(work, request)
    lines: list[PricedLine] = []
    for line in request.lines:
        quantity = wanted.get(line.line_no, line.reserved)
        refused = reserve(work, store_id, line.part_id, total([quantity, -line.reserved]))
        if refused is not None:
            return refused
        lines.append(replace(line, reserved=quantity))
    return _changed(work, deed, replace(request, lines=tuple(lines), store_id=store_id), EventName.PARTS_RESERVED)


@handles(PickParts)
def pick_parts(work: Work, command: PickParts, deed: Deed) -> Result:
    """Note what was fetched from the shelves for a request; nothing has moved yet."""
    request = open_request(work, command.job_id, command.request_id)
    if isinstance(request, Refused):
        return request
    wanted = _wanted(request, command.lines)
    if isinstance(wanted, Refused):
        return wanted
    lines = tuple(replace(line, picked=wanted.get(line.line_no, line.picked)) for line in request.lines)
    return _changed(work, deed, replace(request, lines=lines), EventName.PARTS_PICKED)


@handles(SubstitutePart)
def substitute_part(work: Work, command: SubstitutePart, deed: Deed) -> Result:
    """Give another part for what is still to be issued of a line, at the price that the customer saw; dearer ones are asked for anew."""
    request = open_request(work, command.job_id, command.request_id)
    if isinstance(request, Refused):
        return request
    line = next((line for line in request.lines if line.line_no == command.line_no), None)
    if line is None or len(request.lines) >= _LINES_MAX:
        return Refused("line_unknown", {"line_no": str(command.line_no)})
    refused = _substitute_fault(work, command, request, line)
    if refused is not None:
        return refused
    part = work.get(Part, command.part_id)
    assert part is not None  # looked at above
    instead = PricedLine(
        part_id=part.id,
        quantity=command.quantity,
        unit_cost=part.unit_cost,
        received=_NOTHING,
        line_no=max(line.line_no for line in request.lines) + 1,
        approved=command.quantity,
        substitute_for=line.line_no,
        chargeable=line.chargeable,
        price=line.price,
    )
    lines = (*request.lines, instead)
    left = open_quantity(line, lines)
    if line.reserved > left and request.store_id is not None:
        reserve(work, request.store_id, line.part_id, total([left, -line.reserved]))
    kept = replace(line, reserved=min(line.reserved, left), picked=min(line.picked, left))
    lines = tuple(kept if each.line_no == line.line_no else each for each in lines)
    changed = replace(request, lines=lines)
    detail = {"line_no": line.line_no, "part_id": part.id, "quantity": command.quantity}
    return _changed(work, deed, changed, EventName.PART_SUBSTITUTED, **detail)


@handles(CloseRequest)
def close_request(work: Work, command: CloseRequest, deed: Deed) -> Result:
    """End a decided request and free what was set aside; facts about its parts still count in its lines."""
    request = work.get(MaterialRequest, command.request_id)
    if request is None or request.job_id != command.job_id:
        return _unknown(work, command.job_id)
    if request.closed_at is not None:
        return Applied(code="unchanged")
    if request.state in (RequestState.REQUESTED, RequestState.WAITING_APPROVAL):
        return Refused("request_state", {"state": request.state.value})
    closed = replace(
        let_go(work, request), closed_at=deed.occurrence.at, closed_by=deed.person_id, reason=command.reason
    )
    return _changed(work, deed, closed, EventName.REQUEST_CLOSED, reason=command.reason)


@handles(TakeBackParts)
def take_back_parts(work: Work, command: TakeBackParts, deed: Deed) -> Result:
    """Take what crews returned from a job into a store; never more than they returned."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    store_id = store_for(work, command.store_id)
    if isinstance(store_id, Refused):
        return store_id
    bookings = [
        Booking(
            kind=MoveKind.TAKEN_BACK,
            part_id=line.part_id,
            quantity=line.quantity,
            source=place(work, RETURNED),
            target=store_id,
            move_id=line.move_id,
            job_id=job.id,
            serial=line.serial,
            lot=line.lot,
        )
        for line in command.lines
    ]
    booked = book_all(work, deed, bookings)
    if isinstance(booked, PutAside):
        return Refused(booked.code, booked.detail)
    if isinstance(booked, Refused):
        # What falls short is what crews returned: a store is only added to.
        short = booked.code == "stock_short"
        return Refused("not_returned", {"part_id": booked.detail["part_id"]}) if short else booked
    if not booked:
        return Applied(code="unchanged")
    for part_id in sorted({move.part_id for move in booked}):
        if _still_returned(work.of_job(StockMove, job.id), part_id) < 0:
            return Refused("not_returned", {"part_id": str(part_id)})
    detail = {"store_id": store_id, "move_ids": [move.id for move in booked]}
    record(work, job, deed, EventName.PARTS_TAKEN_BACK, detail=detail)
    refold(work, job.id)
    return Applied()


def open_request(work: Work, job_id: UUID, request_id: UUID) -> MaterialRequest | Refused:
    """Find a request that is approved and not closed, of a job that goes on; its lines are numbered and up to date."""
    request = work.get(MaterialRequest, request_id)
    if request is None or request.job_id != job_id:
        return _unknown(work, job_id)
    approval = work.get(Approval, request.approval_id)
    decided = approval.state if approval is not None else ApprovalState.WAITING
    state = request_state(decided, request.lines, closed=request.closed_at is not None)
    if state in _ENDED:
        return Refused("request_state", {"state": state.value})
    job = work.get(Job, job_id)
    # What was taken under an allowance is issued afterwards: the job may be over by then.
    if job is not None and job.state in _OVER and request.taken_at is None:
        code = "job_already_closed" if job.state is JobState.CLOSED else "job_state"
        return Refused(code, {"state": job.state.value})
    refold(work, job_id)
    return work.get(MaterialRequest, request_id) or request


def store_for(work: Work, named: UUID | None, request: MaterialRequest | None = None) -> UUID | Refused:
    """Name the store of a command; refused where there is none, or where what is named is no store or bin that is in use."""
    store_id = store_of(work, named, request)
    if store_id is None:
        return Refused("no_store")
    store = work.get(StockLocation, store_id)
    if store is None or store.kind not in _STORES or not store.active:
        return Refused("unknown_reference", {"field": "store_id"})
    return store_id


def let_go(work: Work, request: MaterialRequest) -> MaterialRequest:
    """Free whatever is set aside for a request."""
    if request.store_id is not None:
        for line in request.lines:
            if line.reserved:
                reserve(work, request.store_id, line.part_id, -line.reserved)
    return replace(request, lines=tuple(replace(n, reserved=_NOTHING, picked=_NOTHING) for n in request.lines))


def _wanted(request: MaterialRequest, named: Iterable[LineQuantity]) -> dict[int, Decimal] | Refused:
    """Read how much of which line is meant: what is named, else whatever is still to be issued."""
    known = {line.line_no: open_quantity(line, request.lines) for line in request.lines}
    given = {line.line_no: line.quantity for line in named}
    for line_no, quantity in given.items():
        if line_no not in known:
            return Refused("line_unknown", {"line_no": str(line_no)})
        if not is_exact(quantity) or quantity < 0:
            return Refused("quantity_invalid", {"line_no": str(line_no)})
        if quantity > known[line_no]:
            return Refused("more_than_approved", {"line_no": str(line_no), "open": str(known[line_no])})
    return given or known


def _substitute_fault(
    work: Work, command: SubstitutePart, request: MaterialRequest, line: PricedLine
) -> Refused | None:
    original, part = work.get(Part, line.part_id), work.get(Part, command.part_id)
    if part is None or original is None:
        return Refused("unknown_reference", {"field": "part_id"})
    if not is_quantity(command.quantity):
        return Refused("quantity_invalid", {"field": "quantity"})
    if command.quantity > open_quantity(line, request.lines):
        return Refused("more_than_approved", {"line_no": str(line.line_no)})
    if part.id not in original.substitutes or not part.active:
        return Refused("not_a_substitute", {"part_id": str(part.id)})
    if product(command.quantity, part.unit_cost) > product(command.quantity, line.unit_cost):
        return Refused("substitute_dearer", {"part_id": str(part.id)})
    return None


def _changed(work: Work, deed: Deed, request: MaterialRequest, name: EventName, **detail: object) -> Result:
    """Put a request that a decision changed, bring it up to date, and record what was decided."""
    before = work.get(MaterialRequest, request.id)
    work.put(request)
    refold(work, request.job_id)
    if work.get(MaterialRequest, request.id) == before:
        return Applied(code="unchanged")
    job = work.get(Job, request.job_id)
    assert job is not None  # a request belongs to a job that is locked
    lines = [{"line_no": n.line_no, "reserved": n.reserved, "picked": n.picked} for n in request.lines]
    told = {"request_id": request.id, "store_id": request.store_id, "lines": lines, **detail}
    record(work, job, deed, name, detail=told)
    return Applied()


def _still_returned(moves: Iterable[StockMove], part_id: UUID) -> Decimal:
    """Sum what crews returned of a part on a job and no store has taken in yet."""
    signs = {MoveKind.RETURNED: 1, MoveKind.TAKEN_BACK: -1}
    return total(m.quantity * signs[m.kind] for m in in_force(moves) if m.kind in signs and m.part_id == part_id)


def _unknown(work: Work, job_id: UUID) -> Refused:
    if work.get(Job, job_id) is None:
        return Refused("unknown_job")
    return Refused("unknown_reference", {"field": "request_id"})
