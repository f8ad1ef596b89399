"""What reports of material show. Owns shapes only; quantities and money are exact decimals."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Currency, Line, LocalText, Quantity
from mobile_contract.schema.listing import Asked, Shown
from mobile_contract.schema.reconciliation import Day, KindCount, Reconciliation

Week = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-W[0-5][0-9]$", description="A week of ISO 8601, Monday to Sunday: 2026-W10.")
]


class MaterialReportFilter(Asked, frozen=True, kw_only=True):
    """Which week (left out: the one of today in the organisation's zone) and what of it; different filters must all hold."""

    week: Week | None = None
    crew: UUID | None = None
    job_type: Code | None = None
    part_class: Code | None = None


class MaterialLine(Shown, frozen=True, kw_only=True):
    """What a crew used of a part on jobs of a type. `cost`: each use at the unit cost it was booked with."""

    part_id: UUID
    part_code: Code
    part_name: LocalText
    part_class: Code
    unit: Code
    crew_id: UUID | None = None
    crew: Line = ""
    job_type: Code
    uses: int
    quantity: Quantity
    cost: Quantity


class MaterialSum(Shown, frozen=True, kw_only=True):
    """What belongs together: a part, a class, a crew or a type of job. Only a part has a quantity, since others mix units."""

    key: Line
    quantity: Quantity | None = None
    cost: Quantity


class MaterialReport(Shown, frozen=True, kw_only=True):
    """The material used in a week, by the time of the use and not of its report; what was reversed does not count."""

    week: Week
    from_day: Day
    to_day: Day
    currency: Currency
    lines: tuple[MaterialLine, ...]
    by_part: tuple[MaterialSum, ...]
    by_class: tuple[MaterialSum, ...]
    by_crew: tuple[MaterialSum, ...]
    by_job_type: tuple[MaterialSum, ...]
    cost: Quantity


class ReconciliationFilter(Asked, frozen=True, kw_only=True):
    """Which day."""

    day: Day


class ReconciliationShown(Shown, frozen=True, kw_only=True):
    """How a day stands: its last reconciliation (none: there was none yet), and what it found that is still open."""

    day: Day
    reconciliation: Reconciliation | None = None
    still_open: tuple[KindCount, ...] = ()
