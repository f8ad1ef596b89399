"""Decisions about what was asked. The first one wins; whoever decides second is told who was first. Asks no ladder: the approval names who decides."""

from uuid import uuid5

from msgspec.structs import replace

from jobs.context import Actor, Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.recording import record, settle
from jobs.requests import approval_decided
from jobs.result import Applied, Refused, Result
from jobs.work import Work
from mobile_contract.errors import ERRORS
from mobile_contract.schema.approval import Approval, ApprovalState
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.decisions import Approve, Reject
from mobile_contract.schema.job import Job
from mobile_contract.schema.outcome import Notice


@handles(Approve)
def approve(work: Work, command: Approve, deed: Deed) -> Result:
    """Approve what was asked."""
    return _decide(work, command, deed, ApprovalState.APPROVED)


@handles(Reject)
def reject(work: Work, command: Reject, deed: Deed) -> Result:
    """Reject what was asked."""
    return _decide(work, command, deed, ApprovalState.REJECTED)


def _decide(work: Work, command: Approve | Reject, deed: Deed, state: ApprovalState) -> Result:
    job, approval = work.get(Job, command.job_id), work.get(Approval, command.approval_id)
    if job is None:
        return Refused("unknown_job")
    if approval is None or approval.job_id != job.id:
        return Refused("unknown_reference", {"field": "approval_id"})
    if deed.actor.person_id is not None and deed.actor.person_id == approval.asked_by:
        return Refused("own_request")
    if not _is_approver(approval, deed.actor):
        return Refused("not_the_approver", _named(approval))
    if approval.state is not ApprovalState.WAITING:
        if approval.state is state and approval.decided_by == deed.actor.person_id:
            return Applied(code="unchanged")
        return Refused("approval_decided", {"state": approval.state.value, "by": str(approval.decided_by or "")})
    decided = replace(
        approval,
        state=state,
        decided_by=deed.actor.person_id,
        decided_at=deed.received_at,
        reason=command.reason,
    )
    work.put(decided)
    _tell(work, decided, deed)
    refused = approval_decided(work, decided)
    if refused is not None:
        return refused
    name = EventName.REQUEST_APPROVED if state is ApprovalState.APPROVED else EventName.REQUEST_REJECTED
    detail = {
        "approval_id": approval.id,
        "request_id": approval.subject_id,
        "amount": approval.amount,
        "policy": f"{approval.policy_code}/{approval.policy_version}",
        "reason": command.reason,
    }
    record(work, job, deed, name, detail=detail)
    settle(work, job.id)
    return Applied()


def _is_approver(approval: Approval, actor: Actor) -> bool:
    if approval.person_id is not None:
        return actor.person_id == approval.person_id
    return approval.role in actor.roles


def _named(approval: Approval) -> dict[str, str]:
    if approval.person_id is not None:
        return {"person_id": str(approval.person_id)}
    return {"role": approval.role.value if approval.role else ""}


def _tell(work: Work, approval: Approval, deed: Deed) -> None:
    """Leave a notice with who asked."""
    if approval.asked_by is None:
        return
    entry = ERRORS[f"request_{approval.state.value}"]
    work.put(
        Notice(
            id=uuid5(approval.id, "decided"),
            person_id=approval.asked_by,
            code=f"request_{approval.state.value}",
            text=LocalText(en=entry.en, zh=entry.zh),
            at=deed.received_at,
            job_id=approval.job_id,
            command_id=deed.command_id,
            about=approval.reason,
        )
    )
