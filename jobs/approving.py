"""Ask for approvals and keep them going: the ladder in force is asked once, the approval keeps what it said. Decides nothing.

Everything that needs an approval asks here, whatever it is about.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from jobs.context import Deed
from jobs.work import Work
from mobile_contract.rules.allowance import taking_flags
from mobile_contract.rules.deciding import addressed
from mobile_contract.rules.exact import total
from mobile_contract.rules.ladder import Asking, Known, Verdict, approval_id, districts_of, evaluate, waiting_approval
from mobile_contract.schema.approval import (
    Allowance,
    Approval,
    ApprovalStep,
    ApproverRef,
    Delegation,
    Policy,
    WorkCalendar,
)
from mobile_contract.schema.job import Flag, Job
from mobile_contract.schema.people import Duty, Person, Role
from mobile_contract.schema.place import District


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked on a job, and the amount it adds to the day's. `after_the_fact`: it was taken before, under the allowance named."""

    job_id: UUID
    subject: str
    subject_id: UUID
    amount: Decimal
    after_the_fact: bool = False
    allowance_id: UUID | None = None


def ask(work: Work, deed: Deed, asked: Asked) -> Approval:
    """Put the approval of what is asked, waiting for whom the ladder in force names; one that was asked before stays as it is.

    Its id follows from what is asked (`approval_id`). Policy version 0: none was in force, and it waits for the role that may decide any
    amount. The job must be in the work.
    """
    known = work.get(Approval, approval_id(asked.subject_id))
    if known is not None:
        return known
    asking = asking_of(work, deed, asked)
    verdict = evaluate(documents_for(work, asked.job_id), asking)
    approval = waiting_approval(
        verdict,
        asking,
        job_id=asked.job_id,
        after_the_fact=asked.after_the_fact,
        allowance_id=asked.allowance_id,
    )
    approval = replace(approval, escalate_at=_escalate_at(verdict, deed.received_at))
    approval = addressed(approval, work.all(Delegation), deed.received_at)
    work.put(approval)
    return approval


def documents_for(work: Work, job_id: UUID) -> Known:
    """Gather the documents that the ladder looks at for a job."""
    return Known(
        policies=tuple(work.all(Policy)),
        calendars=tuple(work.all(WorkCalendar)),
        duties=tuple(work.all(Duty)),
        approvals=tuple(work.of_job(Approval, job_id)),
    )


def asking_of(work: Work, deed: Deed, asked: Asked) -> Asking:
    """Say what is asked as the ladder sees it: where the job is, when it happened, who has left since."""
    asking = Asking(
        subject_id=asked.subject_id,
        subject=asked.subject,
        amount=asked.amount,
        currency=work.org.currency,
        at=deed.occurrence.at,
        zone=work.org.zone,
        asked_by=deed.person_id,
    )
    return _placed(work, asked.job_id, asking)


def asking_about(work: Work, approval: Approval) -> Asking:
    """Say of an approval again what was asked, as the ladder sees it; `at` is when it was asked."""
    asking = Asking(
        subject_id=approval.subject_id,
        subject=approval.subject,
        amount=approval.amount if approval.own_amount is None else approval.own_amount,
        currency=approval.currency,
        at=approval.asked_at,
        zone=work.org.zone,
        asked_by=approval.asked_by,
    )
    return _placed(work, approval.job_id, asking)


def draw(work: Work, deed: Deed, allowance_id: UUID | None, amount: Decimal) -> tuple[Flag, ...]:
    """Count what was taken under an allowance and say what is odd about it; parts were taken, whatever it says.

    Flags: `allowance_unknown` (none, or not the taker's: then nothing is counted), `allowance_expired`, `allowance_exceeded`. To be called
    once for each taking.
    """
    allowance = work.get(Allowance, allowance_id)
    crews = work.crews_of(deed.person_id, deed.occurrence.at) if deed.person_id is not None else set()
    flags = taking_flags(allowance, amount=amount, at=deed.occurrence.at, person_id=deed.person_id, crew_ids=crews)
    if allowance is not None and Flag.ALLOWANCE_UNKNOWN not in flags:
        work.put(replace(allowance, drawn=total([allowance.drawn, amount])))
    return flags


def next_escalation(work: Work, approval: Approval, now: datetime) -> datetime | None:
    """Tell when a step that begins now has waited too long; None where the policy says nothing about it."""
    policy = policy_of(work, approval)
    if policy is None or policy.escalation is None:
        return None
    return now + timedelta(minutes=policy.escalation.after_min)


def policy_of(work: Work, approval: Approval) -> Policy | None:
    """Find the version of the policy by which an approval was asked."""
    named = (approval.policy_code, approval.policy_version)
    return next((p for p in work.all(Policy) if (p.code, p.version) == named and p.subject == approval.subject), None)


def without(approval: Approval, person_id: UUID) -> Approval:
    """Give what waits for a person who leaves to the role of duty chief, in every step."""
    gone = ApproverRef(role=Role.DUTY_CHIEF)

    def others(refs: Iterable[ApproverRef]) -> tuple[ApproverRef, ...]:
        return tuple(dict.fromkeys(gone if ref.person_id == person_id else ref for ref in refs))

    def kept(step: ApprovalStep) -> ApprovalStep:
        done = {decision.approver for decision in step.decisions}
        refs = (*(ref for ref in step.approvers if ref in done), *others(r for r in step.approvers if r not in done))
        to = step.escalated_to
        return replace(step, approvers=refs, escalated_to=gone if to is not None and to.person_id == person_id else to)

    return replace(approval, steps=tuple(kept(step) for step in approval.steps))


def _escalate_at(verdict: Verdict, received_at: datetime) -> datetime | None:
    # From its receipt: nobody could decide what had not arrived.
    return received_at + timedelta(minutes=verdict.escalation.after_min) if verdict.escalation else None


def _placed(work: Work, job_id: UUID, asking: Asking) -> Asking:
    """Say where the job is, and who is not here any more."""
    job = work.get(Job, job_id)
    return replace(
        asking,
        site_id=job.site_id if job else None,
        job_type=job.type if job else "",
        district_ids=districts_of(job.district_id if job else None, lambda id: work.get(District, id)),
        away=_away(work),
    )


def _away(work: Work) -> frozenset[UUID]:
    """Name the persons who have left: a request may arrive long after the evening on which it was made."""
    return frozenset(person.id for person in work.all(Person) if not person.active)
