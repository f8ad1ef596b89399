"""Material: the catalogue of parts and what is asked for on jobs. Quantities and money are exact decimals."""

from enum import StrEnum
from uuid import UUID

from mobile_contract.schema.base import Code, Currency, Document, Instant, LocalText, Quantity, Value


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
