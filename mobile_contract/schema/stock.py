"""Stock: where material is, how it moved, what is there. Quantities and money are exact decimals; a move is never changed."""

from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from mobile_contract.schema.base import Code, Currency, Document, Instant, Line, Prose, Quantity, Value

NOTHING: Final = Decimal(0)


class LocationKind(StrEnum):
    """What a location is. Stores, bins and repair shops never hold less than nothing; a van may."""

    SUPPLIER = "supplier"
    STORE = "store"
    BIN = "bin"
    TRANSIT = "transit"
    VAN = "van"
    JOB = "job"
    CUSTOMER = "customer"
    RETURNED = "returned"
    REPAIR_SHOP = "repair_shop"
    SCRAP = "scrap"
    LOAN = "loan"
    COUNT_DIFFERENCE = "count_difference"


class MoveKind(StrEnum):
    """What happened to a part."""

    RECEIVED = "received"
    USED = "used"
    RETURNED = "returned"
    TAKEN = "taken"
    ISSUED = "issued"
    TAKEN_BACK = "taken_back"
    PURCHASED = "purchased"
    PUT_AWAY = "put_away"
    SHIPPED = "shipped"
    ARRIVED = "arrived"
    HANDED_OVER = "handed_over"
    TAKEN_OVER = "taken_over"
    SCRAPPED = "scrapped"
    SENT_TO_REPAIR = "sent_to_repair"
    BACK_FROM_REPAIR = "back_from_repair"
    LENT = "lent"
    LOAN_BACK = "loan_back"
    COUNTED = "counted"
    REVERSED = "reversed"
    OPENING = "opening"


class StockMove(Document, frozen=True, kw_only=True):
    """A signed movement between two locations; never changed, a mistake is a reversing move."""

    part_id: UUID
    quantity: Quantity
    kind: MoveKind
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
    lot: Line = ""
    unit: Code | None = None
    currency: Currency | None = None
    slip_id: UUID | None = None
    line_no: int | None = None
    transfer_id: UUID | None = None
    count_id: UUID | None = None
    loan_id: UUID | None = None
    reverses_id: UUID | None = None
    reason: Line = ""
    command_id: UUID | None = None


class StockLocation(Document, frozen=True, kw_only=True):
    """Where material can be: a store, a bin of a store (`parent_id`), a van, in transit, installed at customers."""

    code: Code
    kind: LocationKind
    name: Line = ""
    parent_id: UUID | None = None
    site_id: UUID | None = None
    active: bool = True


class StockLevel(Document, frozen=True, kw_only=True):
    """How much of a part a location holds: the fold of its moves, kept. Its id follows from both (`rules.stock.level_id`).

    `reserved` is promised to requests; `counted_at` is the instant of the latest count.
    """

    location_id: UUID
    part_id: UUID
    quantity: Quantity = NOTHING
    reserved: Quantity = NOTHING
    reorder_point: Quantity | None = None
    reorder_quantity: Quantity | None = None
    counted_at: Instant | None = None


class TransferState(StrEnum):
    """Both sides confirm: what left and what came. `taken` came before its sender reported."""

    SHIPPED = "shipped"
    TAKEN = "taken"
    CONFIRMED = "confirmed"
    DIFFERS = "differs"


class TransferLine(Value, frozen=True, kw_only=True):
    """What left and what came of a part, lot and serial."""

    part_id: UUID
    lot: Line = ""
    serial: Line = ""
    sent: Quantity = NOTHING
    received: Quantity = NOTHING


class StockTransfer(Document, frozen=True, kw_only=True):
    """Material on its way from a store or van to another; `arrived_location_id` is where it came to, whatever was meant."""

    state: TransferState
    from_location_id: UUID | None = None
    to_location_id: UUID | None = None
    arrived_location_id: UUID | None = None
    lines: tuple[TransferLine, ...] = ()
    shipped_at: Instant | None = None
    shipped_by: UUID | None = None
    confirmed_at: Instant | None = None
    confirmed_by: UUID | None = None
    reason: Line = ""


class CountMode(StrEnum):
    """A blind count is made without seeing what should be there."""

    BLIND = "blind"
    OPEN = "open"


class CountedLine(Value, frozen=True, kw_only=True):
    """What was there of a part, and what the ledger expected when the count was booked."""

    part_id: UUID
    quantity: Quantity
    expected: Quantity


class StockCount(Document, frozen=True, kw_only=True):
    """What a location held at the instant `as_of`; kept when nothing differed too. Moves of that very instant are in it."""

    location_id: UUID
    mode: CountMode
    as_of: Instant
    lines: tuple[CountedLine, ...]
    counted_by: UUID | None = None
    recorded_at: Instant
    note: Prose = ""


class StockLoan(Document, frozen=True, kw_only=True):
    """A tool or sample lent against a deposit. `charge` is what the nights have cost so far; `deposit_returned` what was paid back."""

    location_id: UUID
    part_id: UUID
    quantity: Quantity
    returned: Quantity = NOTHING
    serial: Line = ""
    lot: Line = ""
    borrower: Line
    person_id: UUID | None = None
    deposit: Quantity = NOTHING
    overnight_charge: Quantity = NOTHING
    charge: Quantity = NOTHING
    deposit_returned: Quantity = NOTHING
    currency: Currency
    lent_at: Instant
    due_at: Instant | None = None
    returned_at: Instant | None = None
