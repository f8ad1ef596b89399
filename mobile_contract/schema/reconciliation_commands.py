"""Commands of the store about a day's reconciliation; asked for, checked, possibly refused."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Command, Line, Quantity
from mobile_contract.schema.reconciliation import Day, ResolveAction


class ReconcileDay(Command, frozen=True, kw_only=True, tag="reconcile_day"):
    """Compare what was given out with what was used and given back for every job that a day touched. Again: the same exceptions, brought up to date."""

    day: Day


class ResolveException(Command, frozen=True, kw_only=True, tag="resolve_exception"):
    """End an exception, or `quantity` of it, by moves that complete or reverse what was booked.

    `reverse` and `rebook` name the move (`move_id`); `rebook` says which job (`to_job_id`) or serial (`serial`) it has instead. `book_issue`
    names the store (`location_id`); other bookings may name the van where it is not the exception's. `serials`: which ones, of a part with serials.
    """

    exception_id: UUID
    action: ResolveAction
    reason: Annotated[str, Meta(min_length=1, max_length=300)]
    quantity: Quantity | None = None
    serials: Annotated[tuple[Line, ...], Meta(max_length=200)] = ()
    location_id: UUID | None = None
    move_id: UUID | None = None
    to_job_id: UUID | None = None
    serial: Line | None = None
