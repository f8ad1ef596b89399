"""Approval: policies as data, work calendars, what waits for a decision, delegations and allowances. Money is exact decimals."""

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Currency, Document, Instant, Line, LocalText, Quantity, Value
from mobile_contract.schema.people import Role

Zone = Annotated[str, Meta(min_length=1, max_length=80, description="IANA time zone.")]
Weekday = Annotated[int, Meta(ge=1, le=7, description="1 = Monday … 7 = Sunday.")]


class Subject(StrEnum):
    """What is approved; a policy may name others too."""

    MATERIAL_REQUEST = "material_request"
    BUDGET = "budget"
    RELIEF = "relief"
    CLASS_CHANGE = "class_change"
    AGREEMENT = "agreement"
    WATER_ON = "water_on"


class ApprovalState(StrEnum):
    """The first decision wins."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


class ApproverRef(Value, frozen=True, kw_only=True):
    """Who decides: a person, else everybody with the role.

    In a policy exactly one is given; a `duty` (whoever is on that roster) may name beside it the role that decides when nobody is on it. In an
    approval `duty` says why it is that person or role.
    """

    role: Role | None = None
    person_id: UUID | None = None
    duty: Code | None = None


class StepRule(StrEnum):
    """How many of a step's approvers have to approve."""

    ANY_OF = "any_of"
    ALL_OF = "all_of"


class Step(Value, frozen=True, kw_only=True):
    """One step of a band; the next begins when it is complete."""

    approvers: Annotated[tuple[ApproverRef, ...], Meta(min_length=1, max_length=10)]
    rule: StepRule = StepRule.ANY_OF


class StepDecision(Value, frozen=True, kw_only=True):
    """An approval of one approver of a step: `person_id` decided, in the place of `for_id` where that person had delegated it."""

    approver: ApproverRef
    person_id: UUID | None = None
    for_id: UUID | None = None
    at: Instant


class ApprovalStep(Value, frozen=True, kw_only=True):
    """A step as it was asked: who has to decide, who did, and who may decide since it took too long."""

    approvers: tuple[ApproverRef, ...]
    rule: StepRule = StepRule.ANY_OF
    decisions: tuple[StepDecision, ...] = ()
    escalated_to: ApproverRef | None = None


class ApprovedLine(Value, frozen=True, kw_only=True):
    """How much of a line (numbered from 1) is approved; nothing: the line is turned down."""

    line_no: Annotated[int, Meta(ge=1, le=1000)]
    quantity: Quantity


class Approval(Document, frozen=True, kw_only=True):
    """Who has to decide and what was decided, with the policy's version and the amount it saw.

    `amount` is the day's total, `own_amount` what this one adds to it. `role` or `person_id` names the first approver of the step that is
    under way; `steps` has all of them. `inboxes`: where it waits, in the words of buckets. `decided_by` acted, for `acting_for_id` where
    that one is another. `after_the_fact`: the parts were taken before, under the allowance named.
    """

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
    own_amount: Quantity | None = None
    steps: tuple[ApprovalStep, ...] = ()
    step: int = 0
    acting_for_id: UUID | None = None
    lines: tuple[ApprovedLine, ...] = ()
    after_the_fact: bool = False
    allowance_id: UUID | None = None
    escalate_at: Instant | None = None
    escalated_at: Instant | None = None
    inboxes: tuple[Code, ...] = ()


class Band(Value, frozen=True, kw_only=True):
    """Amounts in `(above, up_to]` (no upper end: none) go through the steps; `role` alone is one step of that role."""

    above: Quantity
    up_to: Quantity | None = None
    role: Role | None = None
    steps: Annotated[tuple[Step, ...], Meta(max_length=10)] = ()


class WorkingHours(Value, frozen=True, kw_only=True):
    """Working time of a weekday (1 = Monday … 7) as local minutes of the day, `[from_min, to_min)`."""

    weekday: Weekday
    from_min: Annotated[int, Meta(ge=0, le=1440)]
    to_min: Annotated[int, Meta(ge=0, le=1440)]


class CalendarDay(Value, frozen=True, kw_only=True):
    """A day unlike its weekday: nobody works, or (a make-up working day) the hours of `as_weekday` hold. `estimated`: not published yet."""

    day: date
    as_weekday: Weekday | None = None
    name: LocalText | None = None
    estimated: bool = False


class WorkCalendar(Document, frozen=True, kw_only=True):
    """Working time: hours by weekday, and the days that differ. It holds for the sites named, and wherever a policy names its code."""

    code: Code
    name: LocalText
    zone: Zone | None = None
    site_ids: tuple[UUID, ...] = ()
    hours: tuple[WorkingHours, ...]
    days: Annotated[tuple[CalendarDay, ...], Meta(max_length=2000)] = ()


class Scope(Value, frozen=True, kw_only=True):
    """Where a policy holds: each list that is given must name the job's site, its type, its district or one above that."""

    site_ids: tuple[UUID, ...] = ()
    job_types: tuple[Code, ...] = ()
    district_ids: tuple[UUID, ...] = ()


class Escalation(Value, frozen=True, kw_only=True):
    """A step that waited so long may be decided by somebody else too."""

    after_min: Annotated[int, Meta(ge=1, le=100_000)]
    to: ApproverRef


class Policy(Document, frozen=True, kw_only=True):
    """An approval ladder as data, in force where its scope fits; of a code only the highest version counts.

    Outside the working time of the site's calendar, else of the one named by `calendar`, else of `working_hours` in `zone`, whoever is on
    the roster `after_hours_duty` replaces the band. A version that is not `active` withdraws its code.
    """

    code: Code
    version: int
    subject: Code = "material_request"
    currency: Currency
    bands: tuple[Band, ...]
    working_hours: tuple[WorkingHours, ...] = ()
    duty_chief_after_hours: bool = True
    scope: Scope | None = None
    calendar: Code | None = None
    zone: Zone | None = None
    after_hours_duty: Code = "duty_chief"
    escalation: Escalation | None = None
    active: bool = True


class Delegation(Document, frozen=True, kw_only=True):
    """A person decides in the place of another for a time: on these subjects (none named: all), up to the ceiling.

    `roles` are those of `from_id` that it lends, `in_force` says whether what waits is seen by `to_id`; both are the server's.
    """

    from_id: UUID
    to_id: UUID
    from_at: Instant
    to_at: Instant
    subjects: tuple[Code, ...] = ()
    ceiling: Quantity | None = None
    reason: Line = ""
    roles: tuple[Role, ...] = ()
    in_force: bool = False


class Allowance(Document, frozen=True, kw_only=True):
    """Urgent parts up to a ceiling may be taken before they are approved, by a person or a crew, within `[from_at, to_at)`.

    Signed by the organisation (Ed25519, hex), so that any phone can tell it from a forgery; `drawn` is what the server has counted so far.
    """

    person_id: UUID | None = None
    crew_id: UUID | None = None
    ceiling: Quantity
    currency: Currency
    from_at: Instant
    to_at: Instant
    granted_by: UUID | None = None
    granted_at: Instant
    key_id: UUID
    signature: Annotated[str, Meta(pattern="^[0-9a-f]{128}$")]
    drawn: Quantity
    withdrawn_at: Instant | None = None


class SigningKey(Document, frozen=True, kw_only=True):
    """A public key of the organisation (Ed25519, hex), with which phones verify allowances."""

    public_key: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    made_at: Instant
