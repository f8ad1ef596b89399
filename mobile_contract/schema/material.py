"""Material: parts, requests, approvals, policies, stock moves. Quantities and money are exact decimals."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Currency, Document, Instant, Line, LocalText, Quantity, Value
from mobile_contract.schema.people import Role


class Part(Document, frozen=True, kw_only=True):
    """A material of the catalogue; `unit_cost` in the organisation's currency."""

    code: Code
    name: LocalText
    unit: Code = "pcs"
    unit_cost: Quantity
    serialised: bool = False
    active: bool = True


class RequestState(StrEnum):
    """The life of a material request, as far as the first ladder goes."""

    WAITING_APPROVAL = "waiting_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"


class RequestLine(Value, frozen=True, kw_only=True):
    """One part and how much of it."""

    part_id: UUID
    quantity: Quantity


class PricedLine(Value, frozen=True, kw_only=True):
    """A requested line with the unit cost the policy saw and what has come."""

    part_id: UUID
    quantity: Quantity
    unit_cost: Quantity
    received: Quantity


class MaterialRequest(Document, frozen=True, kw_only=True):
    """Parts asked for on a job; `day_total` is what the policy judged: this request and the job's others of that day."""

    job_id: UUID
    visit_id: UUID | None = None
    state: RequestState
    lines: tuple[PricedLine, ...]
    amount: Quantity
    day_total: Quantity
    currency: Currency
    requested_by: UUID | None = None
    requested_at: Instant
    urgent: bool = False
    approval_id: UUID | None = None


class ApprovalState(StrEnum):
    """The first decision wins."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


class Approval(Document, frozen=True, kw_only=True):
    """Who has to decide and what was decided, with the policy's version and the amount it saw. One of role and person names the approver."""

    job_id: UUID
    subject: Code
    subject_id: UUID
    state: ApprovalState
    role: Role | None = None
    person_id: UUID | None = None
    after_hours: bool = False
    amount: Quantity
    currency: Currency
    policy_code: Code
    policy_version: int
    asked_by: UUID | None = None
    asked_at: Instant
    decided_by: UUID | None = None
    decided_at: Instant | None = None
    reason: Line = ""


class Band(Value, frozen=True, kw_only=True):
    """Amounts in `(above, up_to]` (no upper end: none) go to the role."""

    above: Quantity
    up_to: Quantity | None = None
    role: Role


class WorkingHours(Value, frozen=True, kw_only=True):
    """Working time of a weekday (1 = Monday … 7) as local minutes of the day, `[from_min, to_min)`."""

    weekday: Annotated[int, Meta(ge=1, le=7)]
    from_min: Annotated[int, Meta(ge=0, le=1440)]
    to_min: Annotated[int, Meta(ge=0, le=1440)]


class Policy(Document, frozen=True, kw_only=True):
    """An approval ladder as data; outside `working_hours` (organisation's zone) the duty chief of the day replaces the band."""

    code: Code
    version: int
    subject: Code = "material_request"
    currency: Currency
    bands: tuple[Band, ...]
    working_hours: tuple[WorkingHours, ...] = ()
    duty_chief_after_hours: bool = True


class StockMove(Document, frozen=True, kw_only=True):
    """A signed movement between two locations; never changed, a mistake is a reversing move."""

    part_id: UUID
    quantity: Quantity
    kind: Code
    from_location_id: UUID
    to_location_id: UUID
    job_id: UUID | None = None
    visit_id: UUID | None = None
    request_id: UUID | None = None
    serial: Line = ""
    unit_cost: Quantity
    occurred_at: Instant
    recorded_at: Instant
    actor_id: UUID | None = None


class StockLocation(Document, frozen=True, kw_only=True):
    """Where material can be: a store, a van, in transit, installed at customers."""

    code: Code
    kind: Code
    name: Line = ""
