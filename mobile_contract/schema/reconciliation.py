"""What a reconciliation finds and what was done about it. Owns shapes only; the match itself is `jobs.rules.reconcile`.

No phone holds these: they are the store's work list.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Document, Instant, Line, Quantity, Value

Day = Annotated[date, Meta(description="A day of the organisation's zone, YYYY-MM-DD.")]


class ExceptionKind(StrEnum):
    """What does not agree. For a part on a job: slips ↔ copy 3 of the form ↔ used and returned; or for its papers, or a van."""

    # As text: an Enum's own hash is a call into Python, and a day has thousands.
    __hash__ = str.__hash__

    SHORT = "short"
    OVER = "over"
    FORM_DIFFERS = "form_differs"
    SERIAL_MISMATCH = "serial_mismatch"
    UNKNOWN_JOB = "unknown_job"
    TAKEN_NOT_ISSUED = "taken_not_issued"
    MISSING_SIGNATURE = "missing_signature"
    COPY_MISSING = "copy_missing"
    VAN_BELOW_ZERO = "van_below_zero"
    TRANSFER_UNCONFIRMED = "transfer_unconfirmed"
    TRANSFER_DIFFERS = "transfer_differs"


class ExceptionState(StrEnum):
    """Open; resolved by a person with a reason; or settled: a later reconciliation found that it holds no longer."""

    OPEN = "open"
    RESOLVED = "resolved"
    SETTLED = "settled"


class ResolveAction(StrEnum):
    """How an exception ends. Each books moves that complete what was not booked or reverse what was wrong; about a paper there is nothing to book.

    `book_use`: it was built in. `book_return`: it was given back. `book_receipt`: the van has it. `book_issue`: the store gave it out.
    `write_off`: it is lost or broken. `reverse`: a move never happened. `rebook`: a move belongs to another job, or has another serial.
    `accept`: the difference stands, and the ledger is brought to it.
    """

    BOOK_USE = "book_use"
    BOOK_RETURN = "book_return"
    BOOK_RECEIPT = "book_receipt"
    BOOK_ISSUE = "book_issue"
    WRITE_OFF = "write_off"
    REVERSE = "reverse"
    REBOOK = "rebook"
    ACCEPT = "accept"


_A = ResolveAction
ACTIONS: Final[dict[ExceptionKind, tuple[ResolveAction, ...]]] = {
    ExceptionKind.SHORT: (_A.BOOK_USE, _A.BOOK_RETURN, _A.WRITE_OFF, _A.REVERSE, _A.REBOOK, _A.ACCEPT),
    ExceptionKind.OVER: (_A.BOOK_ISSUE, _A.REVERSE, _A.REBOOK, _A.ACCEPT),
    ExceptionKind.FORM_DIFFERS: (_A.REVERSE, _A.ACCEPT),
    ExceptionKind.SERIAL_MISMATCH: (_A.REVERSE, _A.REBOOK, _A.ACCEPT),
    ExceptionKind.UNKNOWN_JOB: (_A.REVERSE, _A.REBOOK),
    ExceptionKind.TAKEN_NOT_ISSUED: (_A.BOOK_ISSUE, _A.REVERSE),
    ExceptionKind.MISSING_SIGNATURE: (_A.ACCEPT,),
    ExceptionKind.COPY_MISSING: (_A.ACCEPT,),
    ExceptionKind.VAN_BELOW_ZERO: (_A.BOOK_RECEIPT, _A.REVERSE, _A.ACCEPT),
    ExceptionKind.TRANSFER_UNCONFIRMED: (_A.ACCEPT,),
    ExceptionKind.TRANSFER_DIFFERS: (_A.ACCEPT,),
}
"""Which actions may end which exception."""

PAPERS: Final = frozenset(
    {
        ExceptionKind.FORM_DIFFERS,
        ExceptionKind.MISSING_SIGNATURE,
        ExceptionKind.COPY_MISSING,
        ExceptionKind.TRANSFER_UNCONFIRMED,
        ExceptionKind.TRANSFER_DIFFERS,
    }
)
"""Kinds that may hold on after somebody has dealt with them: they stay resolved while nothing about them changes."""


class ExceptionResolution(Value, frozen=True, kw_only=True):
    """Who dealt with an exception (or `quantity` of it), how and why, and the moves that this booked."""

    action: ResolveAction
    reason: Line
    quantity: Quantity | None = None
    by: UUID | None = None
    at: Instant
    move_ids: tuple[UUID, ...] = ()


class StockException(Document, frozen=True, kw_only=True):
    """Something that does not agree, with the figures it was judged by. `difference` is what is missing or too much, never negative.

    The id follows from what it is about, so that finding the same thing again is the same exception. `subject_id` names the form, the slip
    or the transfer where there is one; `location_id` the van it is about. `day` is the day whose reconciliation found it first.
    """

    kind: ExceptionKind
    state: ExceptionState
    day: Day
    job_id: UUID | None = None
    part_id: UUID | None = None
    location_id: UUID | None = None
    subject_id: UUID | None = None
    issued: Quantity | None = None
    on_form: Quantity | None = None
    used: Quantity | None = None
    returned: Quantity | None = None
    written_off: Quantity | None = None
    difference: Quantity | None = None
    in_transit: Quantity | None = None
    serials_missing: tuple[Line, ...] = ()
    serials_extra: tuple[Line, ...] = ()
    copies: tuple[int, ...] = ()
    found_at: Instant
    changed_at: Instant | None = None
    settled_at: Instant | None = None
    resolutions: tuple[ExceptionResolution, ...] = ()


class KindCount(Value, frozen=True, kw_only=True):
    """How many exceptions of a kind."""

    kind: ExceptionKind
    count: int


class Reconciliation(Document, frozen=True, kw_only=True):
    """The last reconciliation of a day: when, by whom, how much was compared, what agreed, and what it found.

    `under_way`: parts of jobs that go on, which may still be used or given back.
    """

    day: Day
    reconciled_at: Instant
    reconciled_by: UUID | None = None
    moves: int
    jobs: int
    matched: int
    under_way: int
    found: tuple[KindCount, ...] = ()
