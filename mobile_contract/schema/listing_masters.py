"""What lists of the catalogue and of an organisation's rules ask and show: parts, barcodes, policies, rosters, job types. Owns shapes only."""

from datetime import date
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.approval import Policy
from mobile_contract.schema.base import Code, Instant, LocalText, Quantity
from mobile_contract.schema.job import JobType
from mobile_contract.schema.listing import Asked, Cursor, PageOf, Shown, Text
from mobile_contract.schema.people import Duty, Shift

Barcode = Annotated[
    str, Meta(min_length=1, max_length=400, description="A barcode as the scanner sends it, or as it is printed beside the bars.")
]  # fmt: skip


class PartFilter(PageOf, frozen=True, kw_only=True):
    """Which parts. `text` begins a code, or a word of a name in either language, or is a part's GTIN."""

    text: Text | None = None
    part_class: Code | None = None
    active: bool | None = None


class PartLine(Shown, frozen=True, kw_only=True):
    """A part as the store and the desk see it. `price` is what a customer pays; `unit_cost` is left out for whoever may not see costs."""

    id: UUID
    code: Code
    name: LocalText
    unit: Code
    part_class: Code
    serialised: bool = False
    lot_tracked: bool = False
    active: bool = True
    gtins: tuple[str, ...] = ()
    price: Quantity | None = None
    unit_cost: Quantity | None = None
    substitutes: tuple[UUID, ...] = ()


class PartPage(Shown, frozen=True, kw_only=True):
    """A page of parts, by code."""

    items: tuple[PartLine, ...]
    next: Cursor | None = None


class ScanAsk(Asked, frozen=True, kw_only=True):
    """A barcode to look up."""

    code: Barcode


class ScanFound(Shown, frozen=True, kw_only=True):
    """What a barcode says, and the active parts it may mean: those with its GTIN, else the one with this code. Mostly one, sometimes none."""

    text: str
    gtin: str = ""
    serial: str = ""
    lot: str = ""
    quantity: Quantity | None = None
    expires_on: date | None = None
    parts: tuple[PartLine, ...] = ()


class PolicyFilter(PageOf, frozen=True, kw_only=True):
    """Which policies. `latest`: only the highest version of each code."""

    subject: Code | None = None
    code: Code | None = None
    latest: bool = False


class PolicyPage(Shown, frozen=True, kw_only=True):
    """A page of policies, by code and version."""

    items: tuple[Policy, ...]
    next: Cursor | None = None


class JobTypeFilter(PageOf, frozen=True, kw_only=True):
    """Which job types. `latest`: only the highest version of each code."""

    code: Code | None = None
    latest: bool = False


class JobTypePage(Shown, frozen=True, kw_only=True):
    """A page of job types, by code and version."""

    items: tuple[JobType, ...]
    next: Cursor | None = None


class SpanFilter(PageOf, frozen=True, kw_only=True):
    """Which lines of a roster: those of a person, those that touch `[from_at, to_at)`."""

    person: UUID | None = None
    from_at: Instant | None = None
    to_at: Instant | None = None


class DutyPage(Shown, frozen=True, kw_only=True):
    """A page of the duty roster, by its beginning."""

    items: tuple[Duty, ...]
    next: Cursor | None = None


class ShiftPage(Shown, frozen=True, kw_only=True):
    """A page of shifts, by their beginning."""

    items: tuple[Shift, ...]
    next: Cursor | None = None
