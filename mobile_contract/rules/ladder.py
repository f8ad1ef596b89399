"""Who approves how much: the ladder of an approval policy. Pure, so that a phone's answer equals the server's.

That holds for equal inputs, all of which are documents; a phone's answer is provisional all the same, since it cannot see what others
asked offline.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from msgspec import Struct

from mobile_contract.rules.calendar import calendar_in_force, is_worked, is_working_time, local_day
from mobile_contract.rules.exact import product, total
from mobile_contract.rules.policies import policy_in_force, steps_of
from mobile_contract.schema.approval import (
    Approval,
    ApprovalState,
    ApprovalStep,
    ApproverRef,
    Escalation,
    Policy,
    Step,
    StepRule,
    WorkCalendar,
)
from mobile_contract.schema.material import PricedLine
from mobile_contract.schema.people import Duty, Role
from mobile_contract.schema.place import District

MATERIAL_REQUEST = "material_request"
NO_POLICY_CODE, NO_POLICY_VERSION = "none", 0
# Without a ladder nobody below the last of the shipped one may decide about money.
ROLE_WITHOUT_POLICY = Role.DEPUTY_GM


class Known(Struct, frozen=True, kw_only=True):
    """The documents that an evaluation looks at: `approvals` are those of the job."""

    policies: tuple[Policy, ...] = ()
    calendars: tuple[WorkCalendar, ...] = ()
    duties: tuple[Duty, ...] = ()
    approvals: tuple[Approval, ...] = ()


class Asking(Struct, frozen=True, kw_only=True):
    """What is asked: the amount in the policy's currency, the corrected instant, the organisation's IANA zone, who asks, and where.

    `away`: persons who are known to have left; a phone knows of none.
    """

    subject_id: UUID
    subject: str = MATERIAL_REQUEST
    amount: Decimal
    currency: str
    at: datetime
    zone: str
    asked_by: UUID | None = None
    site_id: UUID | None = None
    job_type: str = ""
    district_ids: tuple[UUID, ...] = ()
    away: frozenset[UUID] = frozenset()


class Verdict(Struct, frozen=True, kw_only=True):
    """Who decides, step by step, and what that was judged by: the day's total, the policy, whether it was out of hours."""

    amount: Decimal
    policy_code: str
    policy_version: int
    after_hours: bool
    steps: tuple[ApprovalStep, ...]
    escalation: Escalation | None = None


def approval_id(subject_id: UUID) -> UUID:
    """Name the approval of what is asked; it follows from that, so that a phone shows it before the server made it."""
    return uuid5(subject_id, "approval")


def districts_of(id: UUID | None, district_of: Callable[[UUID], District | None]) -> tuple[UUID, ...]:
    """Name a district and those above it, the nearest first; a circle is walked once, what is not known ends the walk."""
    found: list[UUID] = []
    while id is not None and id not in found:
        found.append(id)
        district = district_of(id)
        id = district.parent_id if district is not None else None
    return tuple(found)


def amount_of(lines: Iterable[PricedLine]) -> Decimal:
    """Price what is asked, exactly."""
    return total(product(line.quantity, line.unit_cost) for line in lines)


def evaluate(known: Known, asking: Asking) -> Verdict:
    """Name who decides: the band of the day's total in working time; out of hours, whatever the amount, whoever is on duty.

    Without a policy in force it is the deputy general manager. Raises ZoneInfoNotFoundError for an unknown zone.
    """
    policy = policy_in_force(known.policies, asking, subject=asking.subject, currency=asking.currency)
    calendar = calendar_in_force(
        known.calendars, site_id=asking.site_id, code=policy.calendar if policy is not None else None
    )
    zone = (calendar and calendar.zone) or (policy and policy.zone) or asking.zone
    amount = day_total(asking, known.approvals, zone=zone)
    if policy is None:
        highest = ApprovalStep(approvers=(ApproverRef(role=ROLE_WITHOUT_POLICY),))
        return Verdict(
            amount=amount,
            policy_code=NO_POLICY_CODE,
            policy_version=NO_POLICY_VERSION,
            after_hours=False,
            steps=(highest,),
        )
    if calendar is not None:
        working = is_worked(calendar, at=asking.at, zone=zone)
    else:
        working = is_working_time(policy.working_hours, at=asking.at, zone=zone)
    after_hours = policy.duty_chief_after_hours and not working
    duty = Step(approvers=(ApproverRef(duty=policy.after_hours_duty),))
    steps = (duty,) if after_hours else _steps_for(policy, amount)
    return Verdict(
        amount=amount,
        policy_code=policy.code,
        policy_version=policy.version,
        after_hours=after_hours,
        steps=tuple(asked_step(step, known.duties, asking) for step in steps),
        escalation=policy.escalation,
    )


def waiting_approval(
    verdict: Verdict, asking: Asking, *, job_id: UUID, after_the_fact: bool = False, allowance_id: UUID | None = None
) -> Approval:
    """Make the approval of what is asked, as the ladder judged it; where it waits is for `deciding.addressed` to say."""
    return Approval(
        id=approval_id(asking.subject_id),
        job_id=job_id,
        subject=asking.subject,
        subject_id=asking.subject_id,
        state=ApprovalState.WAITING,
        after_hours=verdict.after_hours,
        amount=verdict.amount,
        own_amount=asking.amount,
        currency=asking.currency,
        policy_code=verdict.policy_code,
        policy_version=verdict.policy_version,
        asked_by=asking.asked_by,
        asked_at=asking.at,
        steps=verdict.steps,
        after_the_fact=after_the_fact,
        allowance_id=allowance_id,
    )


def day_total(asking: Asking, others: Iterable[Approval], *, zone: str) -> Decimal:
    """Add to an amount what else was asked on the job about the subject that local day, so that splitting dodges nothing.

    What was rejected counts no longer: nothing was given on it.
    """
    day, own = local_day(asking.at, zone), approval_id(asking.subject_id)
    counted = [
        other.amount if other.own_amount is None else other.own_amount
        for other in others
        if other.id != own
        and (other.subject, other.currency) == (asking.subject, asking.currency)
        and other.state is not ApprovalState.REJECTED
        and local_day(other.asked_at, zone) == day
    ]
    return total([asking.amount, *counted])


def asked_step(step: Step, duties: Iterable[Duty], asking: Asking) -> ApprovalStep:
    """Say who decides a step: rosters become whoever is on duty, and nobody decides about their own.

    Whoever asks, or has left, is passed over where another may decide, else the deputy general manager stands in.
    """
    roster = list(duties)
    found = [_found(ref, roster, asking) for ref in step.approvers]
    present = [ref for ref in found if ref is not None]
    if step.rule is StepRule.ANY_OF and present:
        return ApprovalStep(approvers=_each_once(present), rule=step.rule)
    stand_in = ApproverRef(role=ROLE_WITHOUT_POLICY)
    return ApprovalStep(approvers=_each_once(stand_in if ref is None else ref for ref in found), rule=step.rule)


def on_duty(roster: str, duties: Iterable[Duty], asking: Asking) -> UUID | None:
    """Find who is on a roster: the line that began last, then the highest id; None for nobody.

    Never who asks, nor who has left, nor whom the one who asks put there: else two who may roster would approve each other's.
    """
    lines = [
        duty
        for duty in duties
        if duty.roster == roster
        and duty.from_at <= asking.at < duty.to_at
        and duty.person_id != asking.asked_by
        and (duty.saved_by is None or duty.saved_by != asking.asked_by)
        and duty.person_id not in asking.away
    ]
    line = max(lines, key=lambda duty: (duty.from_at, duty.id), default=None)
    return line.person_id if line else None


def _steps_for(policy: Policy, amount: Decimal) -> tuple[Step, ...]:
    # An amount of nothing belongs to no band `(above, up_to]`: the lowest one looks at it.
    fitting = (band for band in policy.bands if band.up_to is None or amount <= band.up_to)
    return steps_of(next(fitting, policy.bands[-1]))


def _found(ref: ApproverRef, duties: list[Duty], asking: Asking) -> ApproverRef | None:
    """Turn an approver of a policy into the person or role that decides; None for one who asks or has left."""
    if ref.person_id is not None:
        return None if ref.person_id == asking.asked_by or ref.person_id in asking.away else ref
    if ref.duty is None:
        return ref
    person = on_duty(ref.duty, duties, asking)
    if person is not None:
        return ApproverRef(person_id=person, duty=ref.duty)
    return ApproverRef(role=ref.role or Role.DUTY_CHIEF, duty=ref.duty)


def _each_once(refs: Iterable[ApproverRef]) -> tuple[ApproverRef, ...]:
    return tuple(dict.fromkeys(refs))
