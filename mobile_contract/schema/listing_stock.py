"""What the pages of a warehouse ask and show: queues, balances, movements. Owns shapes only; a page names what its ids are called."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.approval import Approval
from mobile_contract.schema.base import Code, Instant, Line, LocalText, Quantity
from mobile_contract.schema.listing import Cursor, PageOf, Shown, Text
from mobile_contract.schema.material import IssueSlip, MaterialRequest
from mobile_contract.schema.reconciliation import Day, ExceptionKind, ExceptionState, StockException
from mobile_contract.schema.stock import LocationKind, MoveKind, StockLocation

Names = Annotated[
    dict[str, str], Meta(description="What ids of the page are called: codes of parts and places, numbers of jobs, names.")
]  # fmt: skip


class LocationFilter(PageOf, frozen=True, kw_only=True):
    """Which locations. `parent`: the bins of a store; `text` begins a code or a word of a name."""

    kind: tuple[LocationKind, ...] = ()
    parent: UUID | None = None
    active: bool | None = None
    text: Text | None = None


class LocationPage(Shown, frozen=True, kw_only=True):
    """A page of locations, by code."""

    items: tuple[StockLocation, ...]
    next: Cursor | None = None


class BalanceFilter(PageOf, frozen=True, kw_only=True):
    """What lies where. `location`: a place and, unless `bins` says no, the bins of a store; `part`: wherever that part is.

    Without `as_of`: what stores, bins and vans hold now. With it, or for any other place: the sum of all movements up to and with that
    instant, which needs a location or a part. `low`: only what is to be ordered anew.
    """

    location: UUID | None = None
    part: UUID | None = None
    as_of: Instant | None = None
    bins: bool = True
    low: bool = False


class BalanceLine(Shown, frozen=True, kw_only=True):
    """How much of a part is at a place. `value`, at the catalogue's cost of today, is left out for whoever may not see costs."""

    part_id: UUID
    part_code: Code
    part_name: LocalText
    unit: Code
    location_id: UUID
    location_code: Code
    location_kind: LocationKind
    quantity: Quantity
    reserved: Quantity | None = None
    reorder_point: Quantity | None = None
    reorder_quantity: Quantity | None = None
    counted_at: Instant | None = None
    value: Quantity | None = None


class BalancePage(Shown, frozen=True, kw_only=True):
    """A page of balances, by the codes of part and place. What is nought and not watched is left out."""

    items: tuple[BalanceLine, ...]
    next: Cursor | None = None


class MoveFilter(PageOf, frozen=True, kw_only=True):
    """Which movements: those into and out of a location, of a part, on a job, of a serial; that happened within `[from_at, to_at)`."""

    location: UUID | None = None
    part: UUID | None = None
    job: UUID | None = None
    kind: tuple[MoveKind, ...] = ()
    serial: Line | None = None
    from_at: Instant | None = None
    to_at: Instant | None = None


class MoveLine(Shown, frozen=True, kw_only=True):
    """A movement. `change` is what it did to the location asked for; `balance`, with a part asked for too, what was there right after it.

    `unit_cost` is left out for whoever may not see costs.
    """

    id: UUID
    part_id: UUID
    quantity: Quantity
    kind: MoveKind
    from_location_id: UUID
    to_location_id: UUID
    change: Quantity | None = None
    balance: Quantity | None = None
    job_id: UUID | None = None
    request_id: UUID | None = None
    slip_id: UUID | None = None
    serial: Line = ""
    lot: Line = ""
    unit_cost: Quantity | None = None
    occurred_at: Instant
    recorded_at: Instant
    actor_id: UUID | None = None
    reverses_id: UUID | None = None
    transfer_id: UUID | None = None
    count_id: UUID | None = None
    loan_id: UUID | None = None
    reason: Line = ""


class MovePage(Shown, frozen=True, kw_only=True):
    """A page of movements, the latest deeds first."""

    items: tuple[MoveLine, ...]
    names: Names = {}
    next: Cursor | None = None


class QueueCounts(Shown, frozen=True, kw_only=True):
    """How much waits in each queue of the warehouse."""

    to_approve: int
    to_pick: int
    to_hand_over: int
    to_receive_back: int
    exceptions: int


class ApproveQueueFilter(PageOf, frozen=True, kw_only=True):
    """Which requests for material wait for a decision; `mine`: those that wait for the caller."""

    job: UUID | None = None
    mine: bool = False


class ApproveQueue(Shown, frozen=True, kw_only=True):
    """Requests for material that wait for a decision, those that were asked first at the top."""

    items: tuple[Approval, ...]
    names: Names = {}
    next: Cursor | None = None


class PickQueueFilter(PageOf, frozen=True, kw_only=True):
    """Which requests are to be issued; `store`: those set aside there, and those that no store has taken on yet."""

    store: UUID | None = None
    job: UUID | None = None


class PickQueue(Shown, frozen=True, kw_only=True):
    """Approved requests of which something is still to be issued, oldest first; `stock` says where in stores and bins their parts lie."""

    items: tuple[MaterialRequest, ...]
    stock: tuple[BalanceLine, ...] = ()
    names: Names = {}
    next: Cursor | None = None


class HandOverQueueFilter(PageOf, frozen=True, kw_only=True):
    """Which slips are out: those of a store, a crew, a job."""

    store: UUID | None = None
    crew: UUID | None = None
    job: UUID | None = None


class HandOverQueue(Shown, frozen=True, kw_only=True):
    """Issue slips whose parts no crew has received in full, those issued first at the top."""

    items: tuple[IssueSlip, ...]
    names: Names = {}
    next: Cursor | None = None


class ReturnQueueFilter(PageOf, frozen=True, kw_only=True):
    """Which jobs have something that crews gave back."""

    job: UUID | None = None


class ReturnLine(Shown, frozen=True, kw_only=True):
    """What was given back of a part, lot or serial and not taken in yet."""

    part_id: UUID
    quantity: Quantity
    lot: Line = ""
    serial: Line = ""
    since: Instant


class ReturnedJob(Shown, frozen=True, kw_only=True):
    """A job of which something given back waits since an instant; `job_id` is missing where it belongs to none."""

    job_id: UUID | None = None
    since: Instant
    lines: tuple[ReturnLine, ...]


class ReturnQueue(Shown, frozen=True, kw_only=True):
    """What crews gave back and no store has taken in, by job, the longest waiting at the top."""

    items: tuple[ReturnedJob, ...]
    names: Names = {}
    next: Cursor | None = None


class ExceptionFilter(PageOf, frozen=True, kw_only=True):
    """Which exceptions: open ones unless `state` says otherwise; `day` is the day whose reconciliation found it first."""

    state: tuple[ExceptionState, ...] = (ExceptionState.OPEN,)
    kind: tuple[ExceptionKind, ...] = ()
    day: Day | None = None
    job: UUID | None = None
    part: UUID | None = None
    location: UUID | None = None


class ExceptionPage(Shown, frozen=True, kw_only=True):
    """What a reconciliation found, the first found at the top."""

    items: tuple[StockException, ...]
    names: Names = {}
    next: Cursor | None = None
