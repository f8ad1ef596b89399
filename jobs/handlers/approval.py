"""Decisions about what was asked. The first one wins; whoever decides second is told who was first. Asks no ladder: the approval names who decides."""

from uuid import uuid5

from msgspec.structs import replace

from jobs.approving import Asked, ask, asking_about, next_escalation, policy_of
from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.recording import record, settle
from jobs.requests import approval_decided
from jobs.result import Applied, Refused, Result
from jobs.work import Work
from mobile_contract.errors import ERRORS
from mobile_contract.rules.deciding import (
    Claim,
    Decider,
    addressed,
    approved,
    claim_of,
    escalated,
    lines_fault,
    rejected,
    step_under_way,
    undecided,
)
from mobile_contract.rules.exact import is_exact
from mobile_contract.rules.ladder import MATERIAL_REQUEST, approval_id, asked_step
from mobile_contract.schema.approval import Approval, ApprovalState, ApproverRef, Delegation, Step
from mobile_contract.schema.approval_commands import AskApproval, EscalateApproval
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.decisions import Approve, Reject
from mobile_contract.schema.job import Job
from mobile_contract.schema.material import MaterialRequest
from mobile_contract.schema.outcome import Notice
from mobile_contract.schema.people import Duty


@handles(AskApproval)
def ask_approval(work: Work, command: AskApproval, deed: Deed) -> Result:
    """Ask for an approval that is about no parts; parts are asked for by `request_parts`."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    if not (is_exact(command.amount) and command.amount >= 0):
        return Refused("number_invalid", {"field": "amount"})
    if command.subject == MATERIAL_REQUEST:
        return Refused("invalid", {"field": "subject"})
    known = work.get(Approval, approval_id(command.subject_id))
    if known is not None:
        said = (known.job_id, known.subject, known.own_amount)
        same = said == (job.id, command.subject, command.amount)
        return Applied(code="unchanged") if same else Refused("id_reused", {"field": "subject_id"})
    asked = Asked(job_id=job.id, subject=command.subject, subject_id=command.subject_id, amount=command.amount)
    approval = ask(work, deed, asked)
    detail = {**_about(approval), "reason": command.reason, "after_hours": approval.after_hours}
    record(work, job, deed, EventName.APPROVAL_ASKED, detail=detail)
    settle(work, job.id)
    return Applied()


@handles(Approve)
def approve(work: Work, command: Approve, deed: Deed) -> Result:
    """Approve what was asked, or the step that is under way; `lines` say where less is given than was asked."""
    found = _claimed(work, command, deed)
    if not isinstance(found, tuple):
        return found
    approval, claim, decider = found
    request = work.get(MaterialRequest, approval.subject_id)
    asked = [line.quantity for line in request.lines] if request else []
    if lines_fault(command.lines, asked, approval.lines):
        return Refused("lines_invalid")
    taken = approved(approval, claim, decider, command.lines)
    if taken.state is ApprovalState.APPROVED:
        return _decide(work, replace(taken, reason=command.reason), deed)
    if taken.step != approval.step:
        taken = replace(taken, escalate_at=next_escalation(work, taken, deed.received_at))
    taken = addressed(taken, work.all(Delegation), deed.received_at)
    work.put(taken)
    detail = {**_about(taken), "step": approval.step, "acting_for": claim.for_id, "reason": command.reason}
    return _recorded(work, taken, deed, name=EventName.STEP_APPROVED, detail=detail)


@handles(Reject)
def reject(work: Work, command: Reject, deed: Deed) -> Result:
    """Reject what was asked; one rejection is enough, in whatever step."""
    found = _claimed(work, command, deed)
    if not isinstance(found, tuple):
        return found
    approval, claim, decider = found
    return _decide(work, replace(rejected(approval, claim, decider), reason=command.reason), deed)


@handles(EscalateApproval)
def escalate_approval(work: Work, command: EscalateApproval, deed: Deed) -> Result:
    """Let the policy's stand-in decide a step that has waited too long; who was to decide may still."""
    job, approval = work.get(Job, command.job_id), work.get(Approval, command.approval_id)
    if job is None or approval is None or approval.job_id != job.id:
        return Refused("unknown_reference", {"field": "approval_id"})
    policy = policy_of(work, approval)
    waits = approval.state is ApprovalState.WAITING and approval.step == command.step
    due = approval.escalate_at is not None and approval.escalate_at <= deed.received_at
    if not waits or not due or policy is None or policy.escalation is None:
        return Applied(code="unchanged")
    asking = replace(asking_about(work, approval), at=deed.received_at)
    to = asked_step(Step(approvers=(policy.escalation.to,)), work.all(Duty), asking).approvers[0]
    taken = addressed(escalated(approval, to, deed.received_at), work.all(Delegation), deed.received_at)
    work.put(taken)
    detail = {**_about(taken), "step": approval.step, "to_role": to.role, "to_person_id": to.person_id}
    return _recorded(work, taken, deed, name=EventName.APPROVAL_ESCALATED, detail=detail)


def _claimed(work: Work, command: Approve | Reject, deed: Deed) -> tuple[Approval, Claim, Decider] | Result:
    """Find the approval and by what right the actor decides it; whoever comes second is told what was decided."""
    approval = work.get(Approval, command.approval_id)
    if work.get(Job, command.job_id) is None:
        return Refused("unknown_job")
    if approval is None or approval.job_id != command.job_id:
        return Refused("unknown_reference", {"field": "approval_id"})
    actor = deed.actor
    if actor.person_id is not None and actor.person_id == approval.asked_by:
        return Refused("own_request")
    decider = Decider(person_id=actor.person_id, roles=actor.roles, at=deed.received_at)
    if approval.state is not ApprovalState.WAITING:
        return _answered(work, approval, command, decider)
    claim = claim_of(approval, decider, work.all(Delegation))
    if claim is not None:
        return approval, claim, decider
    own = any(d.person_id == actor.person_id is not None for step in approval.steps for d in step.decisions)
    if own and isinstance(command, Approve):
        return Applied(code="unchanged")
    return Refused("not_the_approver", _named(undecided(step_under_way(approval))[0]))


def _answered(work: Work, approval: Approval, command: Approve | Reject, decider: Decider) -> Result:
    """Answer whoever decides what is decided: the one who did it once more, those who could have, and all others."""
    said = ApprovalState.APPROVED if isinstance(command, Approve) else ApprovalState.REJECTED
    if approval.decided_by == decider.person_id and approval.decided_by is not None:
        if approval.state is said:
            return Applied(code="unchanged")
        return Refused("approval_decided", {"state": approval.state.value, "by": str(approval.decided_by)})
    # As it was asked, whoever has decided since: so a late second decision of somebody entitled is told who was first.
    asked = replace(approval, steps=tuple(replace(step, decisions=()) for step in approval.steps))
    last = max(len(asked.steps), 1)
    rights = (claim_of(replace(asked, step=step), decider, work.all(Delegation)) for step in range(last))
    if not any(right is not None for right in rights):
        return Refused("not_the_approver", _named(step_under_way(approval).approvers[0]))
    return Refused("approval_decided", {"state": approval.state.value, "by": str(approval.decided_by or "")})


def _decide(work: Work, decided: Approval, deed: Deed) -> Result:
    """Put a decided approval, tell who asked, and let what was asked for go on or not."""
    work.put(decided)
    _tell(work, decided, deed)
    approval_decided(work, decided)
    name = EventName.REQUEST_APPROVED if decided.state is ApprovalState.APPROVED else EventName.REQUEST_REJECTED
    detail = {**_about(decided), "reason": decided.reason, "acting_for": decided.acting_for_id}
    return _recorded(work, decided, deed, name=name, detail=detail)


def _recorded(work: Work, approval: Approval, deed: Deed, *, name: EventName, detail: dict[str, object]) -> Result:
    job = work.get(Job, approval.job_id)
    assert job is not None  # an approval is loaded with its job
    record(work, job, deed, name, detail=detail)
    settle(work, job.id)
    return Applied()


def _about(approval: Approval) -> dict[str, object]:
    return {
        "approval_id": approval.id,
        "subject": approval.subject,
        "request_id": approval.subject_id,
        "amount": approval.amount,
        "policy": f"{approval.policy_code}/{approval.policy_version}",
    }


def _named(ref: ApproverRef) -> dict[str, str]:
    if ref.person_id is not None:
        return {"person_id": str(ref.person_id)}
    return {"role": ref.role.value if ref.role else ""}


def _tell(work: Work, approval: Approval, deed: Deed) -> None:
    """Leave a notice with who asked."""
    if approval.asked_by is None:
        return
    about = "request" if approval.subject == MATERIAL_REQUEST else "approval"
    code = f"{about}_{approval.state.value}"
    work.put(
        Notice(
            id=uuid5(approval.id, "decided"),
            person_id=approval.asked_by,
            code=code,
            text=LocalText(en=ERRORS[code].en, zh=ERRORS[code].zh),
            at=deed.received_at,
            job_id=approval.job_id,
            command_id=deed.command_id,
            about=approval.reason,
        )
    )
