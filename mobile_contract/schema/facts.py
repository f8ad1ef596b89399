"""Commands that report what happened on site. A fact never waits and is never lost: applied, or whole in quarantine."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import (
    Code,
    Command,
    Datum,
    LatDeg,
    Line,
    LonDeg,
    Position,
    Priority,
    Prose,
    Quantity,
    Sha256,
    Value,
)
from mobile_contract.schema.material import LineNo, RequestLine

Serials = Annotated[tuple[Line, ...], Meta(max_length=200, description="One serial number per piece.")]


class VisitFact(Command, frozen=True, kw_only=True):
    """What every report from a visit carries. An unknown `visit_id` makes an unplanned visit of the reporter."""

    job_id: UUID
    visit_id: UUID
    position: Position | None = None


class ReportJob(Command, frozen=True, kw_only=True, tag="report_job"):
    """A job found on site by a technician; it awaits triage."""

    job_id: UUID
    job_type: Code
    title: Line = ""
    description: Prose = ""
    priority: Priority | None = None
    address: Line = ""
    lon_deg: LonDeg | None = None
    lat_deg: LatDeg | None = None
    datum: Datum = Datum.WGS84
    position: Position | None = None


class StartTravel(VisitFact, frozen=True, kw_only=True, tag="start_travel"):
    """The crew set out."""


class ArriveOnSite(VisitFact, frozen=True, kw_only=True, tag="arrive_on_site"):
    """The crew arrived; work has not begun yet."""


class StartWork(VisitFact, frozen=True, kw_only=True, tag="start_work"):
    """Work began."""


class PauseWork(VisitFact, frozen=True, kw_only=True, tag="pause_work"):
    """Work was interrupted."""

    reason: Line = ""


class ResumeWork(VisitFact, frozen=True, kw_only=True, tag="resume_work"):
    """Work went on."""


class MakeSafe(VisitFact, frozen=True, kw_only=True, tag="make_safe"):
    """The danger is over (water stopped, gas shut); the work may not be."""

    note: Line = ""


class ReportNotOurs(VisitFact, frozen=True, kw_only=True, tag="report_not_ours"):
    """The trouble belongs to somebody else; the crew stays until the right crew comes."""

    owner: Line = ""
    note: Prose = ""


class ReportNoAccess(VisitFact, frozen=True, kw_only=True, tag="report_no_access"):
    """Nobody let the crew in; the visit ends."""

    reason: Line


class AddNote(VisitFact, frozen=True, kw_only=True, tag="add_note"):
    """A remark."""

    note_id: UUID
    text: Prose


class AddPhoto(VisitFact, frozen=True, kw_only=True, tag="add_photo"):
    """A photo's metadata; the bytes come later."""

    photo_id: UUID
    purpose: Code = "evidence"
    sha256: Sha256
    size_bytes: Annotated[int, Meta(ge=1, le=200_000_000)]
    media_type: Code


class AnswerChecklist(VisitFact, frozen=True, kw_only=True, tag="answer_checklist"):
    """The answer to a line of the checklist; the latest deed wins."""

    task_id: UUID
    answer: Line


class CompleteVisit(VisitFact, frozen=True, kw_only=True, tag="complete_visit"):
    """The visit is over. What the job type still misses is flagged, never refused."""

    result: Code = "done"
    follow_up: bool = False
    no_parts_used: bool = False
    note: Prose = ""


class ReadMeter(VisitFact, frozen=True, kw_only=True, tag="read_meter"):
    """A meter's register as read."""

    reading_id: UUID
    meter_id: UUID
    value: Annotated[Decimal, Meta(description="Register value, not negative.")]
    purpose: Code = "routine"
    typed_serial: Line = ""
    photo_sha256: Sha256 | None = None


class RequestParts(VisitFact, frozen=True, kw_only=True, tag="request_parts"):
    """Parts asked for; the policy in force says who decides."""

    request_id: UUID
    lines: Annotated[tuple[RequestLine, ...], Meta(min_length=1, max_length=50)]
    urgent: bool = False


class ReceivePart(VisitFact, frozen=True, kw_only=True, tag="receive_part"):
    """A part came into the van. By a scan of an issue slip it names the slip and its line."""

    move_id: UUID
    request_id: UUID | None = None
    part_id: UUID
    quantity: Quantity
    serial: Line = ""
    slip_id: UUID | None = None
    line_no: LineNo = 0
    lot: Line = ""
    serials: Serials = ()
    scanned: bool = False


class UsePart(VisitFact, frozen=True, kw_only=True, tag="use_part"):
    """A part from the van was built in. Metres of a cable are a quantity like any other; serials are one per piece."""

    move_id: UUID
    part_id: UUID
    quantity: Quantity
    serial: Line = ""
    request_id: UUID | None = None
    line_no: LineNo = 0
    lot: Line = ""
    serials: Serials = ()
    scanned: bool = False


class ReturnPart(VisitFact, frozen=True, kw_only=True, tag="return_part"):
    """A part left the van to be taken back by the store."""

    move_id: UUID
    part_id: UUID
    quantity: Quantity
    serial: Line = ""
    request_id: UUID | None = None
    line_no: LineNo = 0
    lot: Line = ""
    serials: Serials = ()
    scanned: bool = False


class TakenLine(RequestLine, frozen=True, kw_only=True):
    """A part taken at once, and how much of it."""

    lot: Line = ""
    serials: Serials = ()


class TakeParts(VisitFact, frozen=True, kw_only=True, tag="take_parts"):
    """Urgent parts taken into the van before anybody approved them, under a signed allowance; they are approved afterwards and marked so."""

    request_id: UUID
    allowance_id: UUID | None = None
    lines: Annotated[tuple[TakenLine, ...], Meta(min_length=1, max_length=50)]


class StrokePoint(Value, frozen=True, kw_only=True, array_like=True):
    """A point of a stroke: pad units, milliseconds since the first point, pressure 0…1."""

    x: float
    y: float
    t_ms: int = 0
    pressure: float = 0.5


class CaptureSignature(VisitFact, frozen=True, kw_only=True, tag="capture_signature"):
    """The customer signed what `shown_sha256` names, or refused: then `refused_reason` says why."""

    signature_id: UUID
    purpose: Code = "completion"
    signer: Line = ""
    relation: Code = "customer"
    shown_sha256: Sha256 | None = None
    strokes: Annotated[tuple[tuple[StrokePoint, ...], ...], Meta(max_length=200)] = ()
    refused_reason: Line = ""
    witness: Line = ""
