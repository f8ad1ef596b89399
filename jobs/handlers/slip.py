"""Handing parts out of a store: the moves, the issue slip, copy 3 of the form. The store's level decides, under its lock."""

from collections import defaultdict
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.forms import hand_over
from jobs.handlers.issue import open_request, store_for
from jobs.handlers.saving import reference_fault
from jobs.recording import record
from jobs.requests import refold
from jobs.result import Applied, PutAside, Refused, Result
from jobs.stock import Booking, book_all
from jobs.stock_locations import TRANSIT, place
from jobs.work import Work
from mobile_contract.rules.exact import is_quantity, total
from mobile_contract.rules.material import issued_move_id, open_quantity, piece_id
from mobile_contract.rules.numbers import slip_number
from mobile_contract.rules.repair_form import STORE_COPY
from mobile_contract.schema.job import Job
from mobile_contract.schema.material import IssueSlip, MaterialRequest, Part, RepairForm, SlipLine
from mobile_contract.schema.material_commands import IssueLine, IssueParts
from mobile_contract.schema.people import Crew, Person
from mobile_contract.schema.stock import MoveKind, StockLocation

_NOTHING = Decimal(0)


@handles(IssueParts)
def issue_parts(work: Work, command: IssueParts, deed: Deed) -> Result:
    """Hand parts out of a store into transit with a slip; refused where it is more than approved or more than the store has free."""
    known = work.get(IssueSlip, command.slip_id)
    if known is not None:
        same = (known.job_id, known.request_id) == (command.job_id, command.request_id)
        return Applied(code="unchanged") if same and _same_lines(known, command) else Refused("id_reused")
    request = open_request(work, command.job_id, command.request_id)
    if isinstance(request, Refused):
        return request
    store_id = store_for(work, command.store_id, request)
    if isinstance(store_id, Refused):
        return store_id
    lines = _lines(work, command, request, store_id)
    if isinstance(lines, Refused):
        return lines
    refused = _reference_fault(work, command)
    if refused is not None:
        return refused
    slip = IssueSlip(
        id=command.slip_id,
        number=slip_number(command.slip_id, deed.occurrence.at, work.org.zone),
        job_id=command.job_id,
        request_id=request.id,
        store_id=store_id,
        crew_id=command.crew_id,
        person_id=command.person_id,
        form_id=command.form_id,
        lines=lines,
        issued_at=deed.occurrence.at,
        issued_by=deed.person_id,
    )
    return _hand_out(work, deed, request, slip) or _record(work, deed, command, slip)


def _hand_out(work: Work, deed: Deed, request: MaterialRequest, slip: IssueSlip) -> Refused | None:
    """Book the moves of a slip, first from what was set aside for its request."""
    reserved = {line.line_no: line.reserved for line in request.lines}
    bookings: list[Booking] = []
    for position, line in enumerate(slip.lines, start=1):
        pieces = [(serial, Decimal(1)) for serial in line.serials] or [("", line.quantity)]
        for number, (serial, quantity) in enumerate(pieces):
            ours = line.from_location_id == request.store_id
            promised = min(quantity, reserved[line.line_no]) if ours else _NOTHING
            reserved[line.line_no] = total([reserved[line.line_no], -promised])
            bookings.append(
                Booking(
                    kind=MoveKind.ISSUED,
                    part_id=line.part_id,
                    quantity=quantity,
                    source=line.from_location_id,
                    target=place(work, TRANSIT),
                    move_id=piece_id(issued_move_id(slip.id, position), number),
                    job_id=slip.job_id,
                    request_id=slip.request_id,
                    slip_id=slip.id,
                    line_no=line.line_no,
                    serial=serial,
                    lot=line.lot,
                    unit_cost=line.unit_cost,
                    from_reserved=promised,
                )
            )
    booked = book_all(work, deed, bookings)
    if isinstance(booked, Refused | PutAside):
        return Refused(booked.code, booked.detail)
    out: dict[int, Decimal] = defaultdict(Decimal)
    for line in slip.lines:
        out[line.line_no] += line.quantity
    lines = tuple(
        replace(line, reserved=reserved[line.line_no], picked=max(_NOTHING, line.picked - out[line.line_no]))
        for line in request.lines
    )
    work.put(replace(request, lines=lines, store_id=request.store_id or slip.store_id))
    work.put(slip)
    return None


def _record(work: Work, deed: Deed, command: IssueParts, slip: IssueSlip) -> Result:
    job = work.get(Job, slip.job_id)
    assert job is not None  # its request belongs to it
    refold(work, slip.job_id)
    form = work.get(RepairForm, command.form_id)
    if form is not None and command.copy_kept:
        hand_over(work, deed, form, STORE_COPY, handed_by=command.person_id)
    detail = {
        "slip_id": slip.id,
        "number": slip.number,
        "request_id": slip.request_id,
        "store_id": slip.store_id,
        "crew_id": slip.crew_id,
        "person_id": slip.person_id,
        "form_id": slip.form_id,
        "lines": slip.lines,
    }
    record(work, job, deed, EventName.PARTS_ISSUED, detail=detail)
    return Applied()


def _lines(work: Work, command: IssueParts, request: MaterialRequest, store_id: UUID) -> tuple[SlipLine, ...] | Refused:
    """Check what is to leave against what is approved and still open, line by line."""
    left = {line.line_no: open_quantity(line, request.lines) for line in request.lines}
    named = command.lines or tuple(IssueLine(line_no=no, quantity=open) for no, open in left.items() if open > 0)
    if not named:
        return Refused("more_than_approved", {"open": "0"})
    parts = {line.line_no: line.part_id for line in request.lines}
    lines: list[SlipLine] = []
    for line in named:
        if line.line_no not in left:
            return Refused("line_unknown", {"line_no": str(line.line_no)})
        if not is_quantity(line.quantity):
            return Refused("quantity_invalid", {"line_no": str(line.line_no)})
        left[line.line_no] = total([left[line.line_no], -line.quantity])
        if left[line.line_no] < 0:
            return Refused("more_than_approved", {"line_no": str(line.line_no)})
        part = work.get(Part, parts[line.line_no])
        fault = Refused("unknown_reference", {"field": "part_id"}) if part is None else _piece_fault(part, line)
        if fault is None and line.bin_id is not None and not _is_bin_of(work, line.bin_id, store_id):
            fault = Refused("unknown_reference", {"field": "bin_id"})
        if fault is not None or part is None:
            return fault or Refused("unknown_reference", {"field": "part_id"})
        lines.append(
            SlipLine(
                line_no=line.line_no,
                part_id=part.id,
                quantity=line.quantity,
                unit_cost=part.unit_cost,
                from_location_id=line.bin_id or store_id,
                lot=line.lot,
                serials=line.serials,
            )
        )
    serials = [(line.part_id, serial) for line in lines for serial in line.serials]
    return tuple(lines) if len(set(serials)) == len(serials) else Refused("serials_missing")


def _piece_fault(part: Part, line: IssueLine) -> Refused | None:
    if (part.serialised or line.serials) and (
        line.quantity != len(line.serials) or len(set(line.serials)) != len(line.serials) or not all(line.serials)
    ):
        return Refused("serials_missing", {"line_no": str(line.line_no)})
    if part.lot_tracked and not line.lot:
        return Refused("lot_required", {"line_no": str(line.line_no)})
    return None


def _is_bin_of(work: Work, bin_id: UUID, store_id: UUID) -> bool:
    location = work.get(StockLocation, bin_id)
    return location is not None and location.active and store_id in (location.id, location.parent_id)


def _reference_fault(work: Work, command: IssueParts) -> Refused | None:
    form = work.get(RepairForm, command.form_id)
    if command.form_id is not None and (form is None or form.job_id != command.job_id):
        return Refused("unknown_reference", {"field": "form_id"})
    return reference_fault(work, {"crew_id": (Crew, command.crew_id), "person_id": (Person, command.person_id)})


def _same_lines(slip: IssueSlip, command: IssueParts) -> bool:
    said = [(line.line_no, line.quantity, line.lot, line.serials) for line in command.lines]
    return not said or said == [(line.line_no, line.quantity, line.lot, line.serials) for line in slip.lines]
