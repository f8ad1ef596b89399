"""Material: the catalogue of parts, what is asked for on jobs, issue slips, forms in three copies. Quantities and money are exact decimals."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Currency, Document, Instant, Line, LocalText, Quantity, Value
from mobile_contract.schema.job import Flag

NOTHING = Decimal(0)
Gtin = Annotated[str, Meta(pattern="^([0-9]{8}|[0-9]{12,14})$", description="A GS1 number of 8, 12, 13 or 14 digits.")]
LineNo = Annotated[int, Meta(ge=0, le=200, description="A line of a request, from 1; 0 names none.")]
MinuteOfDay = Annotated[int, Meta(ge=0, le=1440, description="Minutes since local midnight.")]
GENERAL_CLASS = "general"


class Part(Document, frozen=True, kw_only=True):
    """A material of the catalogue. `unit_cost` is what it costs us, `price` what a customer pays (none: it has no price of its own).

    Both are in the organisation's currency. `part_class` picks the tolerance when a day is reconciled; `substitutes` may stand in for it.
    """

    code: Code
    name: LocalText
    unit: Code = "pcs"
    unit_cost: Quantity
    serialised: bool = False
    active: bool = True
    gtins: tuple[Gtin, ...] = ()
    part_class: Code = GENERAL_CLASS
    price: Quantity | None = None
    lot_tracked: bool = False
    substitutes: tuple[UUID, ...] = ()


class RequestState(StrEnum):
    """The life of a material request: the fold of what was decided about it and how its parts moved."""

    REQUESTED = "requested"
    WAITING_APPROVAL = "waiting_approval"
    APPROVED = "approved"
    REJECTED = "rejected"
    RESERVED = "reserved"
    PICKING = "picking"
    PARTLY_ISSUED = "partly_issued"
    ISSUED = "issued"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    USED = "used"
    RETURNED = "returned"
    CLOSED = "closed"


class RequestLine(Value, frozen=True, kw_only=True):
    """One part and how much of it. `chargeable`: the customer pays for it, at `price` a unit as it was shown (none: the catalogue's)."""

    part_id: UUID
    quantity: Quantity
    chargeable: bool = False
    price: Quantity | None = None


class PricedLine(Value, frozen=True, kw_only=True):
    """A requested line with the unit cost the policy saw and what became of it.

    `approved`: how much was granted (none: nothing was decided about this line by itself). `substitute_for`: the line whose part this one
    stands in for. Issued, received, used and returned are folds of the moves; reserved and picked are what the store has set aside.
    """

    part_id: UUID
    quantity: Quantity
    unit_cost: Quantity
    received: Quantity
    line_no: LineNo = 0
    approved: Quantity | None = None
    reserved: Quantity = NOTHING
    picked: Quantity = NOTHING
    issued: Quantity = NOTHING
    used: Quantity = NOTHING
    returned: Quantity = NOTHING
    substitute_for: LineNo = 0
    chargeable: bool = False
    price: Quantity | None = None


class MaterialRequest(Document, frozen=True, kw_only=True):
    """Parts asked for on a job; `day_total` is what the policy judged: this request and the job's others of that day.

    `taken_at`: the parts were taken under an allowance and approved afterwards. `price_accepted_at`: when the customer signed the price;
    `first_used_at`: when a part that the customer pays for was first used.
    """

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
    allowance_id: UUID | None = None
    taken_at: Instant | None = None
    store_id: UUID | None = None
    price_accepted_at: Instant | None = None
    first_used_at: Instant | None = None
    closed_at: Instant | None = None
    closed_by: UUID | None = None
    reason: Line = ""
    flags: tuple[Flag, ...] = ()


class SlipLine(Value, frozen=True, kw_only=True):
    """A line of an issue slip: what left which place, and how much of it the crew has received."""

    line_no: LineNo
    part_id: UUID
    quantity: Quantity
    unit_cost: Quantity
    from_location_id: UUID
    lot: Line = ""
    serials: tuple[Line, ...] = ()
    received: Quantity = NOTHING


class IssueSlip(Document, frozen=True, kw_only=True):
    """The paper that goes with parts from a store to a crew. Its code is scanned at receipt; `received_at` is when the last of it had come."""

    number: Code
    job_id: UUID
    request_id: UUID
    store_id: UUID
    crew_id: UUID | None = None
    person_id: UUID | None = None
    form_id: UUID | None = None
    lines: tuple[SlipLine, ...]
    issued_at: Instant
    issued_by: UUID | None = None
    received_at: Instant | None = None


class CopyHolder(StrEnum):
    """Who keeps a copy of a repair form."""

    CREW = "crew"
    SERVICE_DESK = "service_desk"
    DUTY_ROOM = "duty_room"
    STORE = "store"


class FormCopy(Value, frozen=True, kw_only=True):
    """One copy of a form: who has it, where it goes, until when (none: it need not go there), and who handed it in when."""

    copy_no: Annotated[int, Meta(ge=1, le=3)]
    goes_to: CopyHolder
    holder: CopyHolder = CopyHolder.CREW
    due_at: Instant | None = None
    handed_at: Instant | None = None
    handed_by: UUID | None = None
    taken_by: UUID | None = None


class RepairForm(Document, frozen=True, kw_only=True):
    """A repair form in three copies: 1 to the service desk, 2 to the engineering duty room, 3 to the store when material was drawn.

    `next_due_at` is the earliest instant at which a copy that is still out is due; none when nothing is due any more.
    """

    number: Code
    job_id: UUID
    visit_id: UUID | None = None
    shift: Code
    opened_at: Instant
    opened_by: UUID | None = None
    material_drawn: bool = False
    copies: tuple[FormCopy, ...]
    next_due_at: Instant | None = None


class ClassTolerance(Value, frozen=True, kw_only=True):
    """How much of what was issued of a class of parts may be missing or over, in percent; 0 means exactly."""

    part_class: Code
    percent: Quantity


class FormDue(Value, frozen=True, kw_only=True):
    """Forms opened in the local span `[from_min, to_min)`, which may pass midnight, are a shift's: due at the next local `due_min`."""

    shift: Code
    from_min: MinuteOfDay
    to_min: MinuteOfDay
    due_min: MinuteOfDay


class MaterialRules(Document, frozen=True, kw_only=True):
    """How an organisation handles material; there is one. `price_before_work`: what customers pay for is signed before work begins."""

    price_before_work: bool = True
    default_store_id: UUID | None = None
    tolerances: tuple[ClassTolerance, ...] = ()
    form_dues: tuple[FormDue, ...] = ()
