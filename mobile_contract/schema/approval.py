"""Approval: policies as data, work calendars, what waits for a decision, delegations and allowances. Money is exact decimals."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Currency, Document, Instant, Line, Quantity, Value
from mobile_contract.schema.people import Role


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
