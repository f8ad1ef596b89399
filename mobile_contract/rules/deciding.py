"""How an approval goes from step to step: who may decide now, what a decision does, and where the rest waits. Pure functions."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from mobile_contract.rules.delegation import Matter, lent_to, stands_in
from mobile_contract.rules.exact import is_exact
from mobile_contract.schema.approval import (
    Approval,
    ApprovalState,
    ApprovalStep,
    ApprovedLine,
    ApproverRef,
    Delegation,
    StepDecision,
    StepRule,
)
from mobile_contract.schema.people import Role


class Decider(Struct, frozen=True, kw_only=True):
    """Who wants to decide, and when."""

    person_id: UUID | None
    roles: frozenset[Role]
    at: datetime


class Claim(Struct, frozen=True):
    """By which approver of the step somebody may decide, and in whose place (nobody's: their own)."""

    approver: ApproverRef
    for_id: UUID | None = None


def step_under_way(approval: Approval) -> ApprovalStep:
    """Give the step that is to be decided, the last one of a decided approval; one from before steps has the one step of its approver."""
    if not approval.steps:
        return ApprovalStep(approvers=(ApproverRef(role=approval.role, person_id=approval.person_id),))
    return approval.steps[min(approval.step, len(approval.steps) - 1)]


def undecided(step: ApprovalStep) -> tuple[ApproverRef, ...]:
    """List the approvers whose decision a step still waits for, and who may decide in place of all of them since it took too long."""
    done = {decision.approver for decision in step.decisions}
    open_ones = tuple(ref for ref in step.approvers if ref not in done)
    if step.escalated_to is None or step.escalated_to in open_ones:
        return open_ones
    return (*open_ones, step.escalated_to)


def matter_of(approval: Approval, at: datetime) -> Matter:
    """Say what an approval is about, as delegations see it."""
    return Matter(subject=approval.subject, amount=approval.amount, at=at, asked_by=approval.asked_by)


def claim_of(approval: Approval, decider: Decider, delegations: Iterable[Delegation]) -> Claim | None:
    """Find by which approver somebody may decide the step under way: in their own right first, then in the place of the nearest other.

    None for whoever may not, who asked, or has decided already, in whatever step and in whosever place: an approval is of different people.
    But where a step cannot be completed without a person whom it names and who decided in an earlier one, that person decides it
    too: the policy says so twice. A step of a role that only those hold who have decided waits for its stand-in, or for another with the role.
    """
    if decider.person_id is not None and decider.person_id == approval.asked_by:
        return None
    step = step_under_way(approval)
    here, before = _acted((step,)), _acted(approval.steps[: approval.step])
    if decider.person_id in here:
        return None
    for ref in _open_to(step, decider.person_id, before):
        if _is(ref, decider.person_id, decider.roles):
            return Claim(ref)
    if decider.person_id is None or decider.person_id in before:
        return None
    for lent in lent_to(decider.person_id, delegations, matter_of(approval, decider.at)):
        for ref in _open_to(step, lent.person_id, before):
            if lent.person_id not in here and _is(ref, lent.person_id, lent.roles):
                return Claim(ref, lent.person_id)
    return None


def approved(approval: Approval, claim: Claim, decider: Decider, lines: Iterable[ApprovedLine] = ()) -> Approval:
    """Take an approval of a step in: the approval moves on to its next step, or is approved after its last.

    `lines` say where less is given than was asked; they go over what earlier decisions gave of the same lines.
    """
    approval = replace(approval, lines=merged_lines(approval.lines, lines))
    step = step_under_way(approval)
    decision = StepDecision(approver=claim.approver, person_id=decider.person_id, for_id=claim.for_id, at=decider.at)
    step = replace(step, decisions=(*step.decisions, decision))
    number = min(approval.step, max(len(approval.steps) - 1, 0))
    steps = (*approval.steps[:number], step, *approval.steps[number + 1 :])
    if not _is_complete(step):
        return replace(approval, steps=steps)
    if number + 1 < len(steps):
        return replace(approval, steps=steps, step=number + 1)
    return _decided(replace(approval, steps=steps), ApprovalState.APPROVED, claim, decider)


def rejected(approval: Approval, claim: Claim, decider: Decider) -> Approval:
    """Take a rejection in: one is enough, in whatever step."""
    return _decided(approval, ApprovalState.REJECTED, claim, decider)


def escalated(approval: Approval, to: ApproverRef, at: datetime) -> Approval:
    """Let another decide the step under way too, in place of all who have not."""
    number = min(approval.step, max(len(approval.steps) - 1, 0))
    step = replace(step_under_way(approval), escalated_to=to)
    steps = (*approval.steps[:number], step, *approval.steps[number + 1 :])
    return replace(approval, steps=steps, escalate_at=None, escalated_at=at)


def addressed(approval: Approval, delegations: Iterable[Delegation], at: datetime) -> Approval:
    """Say where an approval waits: with each whose decision is missing and whoever may decide in their place. Decided, it waits nowhere."""
    if approval.state is not ApprovalState.WAITING:
        return replace(approval, inboxes=())
    matter, lent = matter_of(approval, at), list(delegations)
    waiting = undecided(step_under_way(approval))
    inboxes = {inbox_of(ref) for ref in waiting}
    inboxes |= {f"me/{id}" for ref in waiting for id in stands_in(ref.person_id, ref.role, lent, matter)}
    head = waiting[0]
    return replace(
        approval,
        role=head.role if head.person_id is None else None,
        person_id=head.person_id,
        inboxes=tuple(sorted(inboxes)),
    )


def inbox_of(ref: ApproverRef) -> str:
    """Name the bucket in which an approver sees what waits."""
    return f"me/{ref.person_id}" if ref.person_id is not None else f"role/{ref.role}"


def lines_fault(lines: Iterable[ApprovedLine], asked: Iterable[Decimal], before: Iterable[ApprovedLine] = ()) -> bool:
    """Tell whether approved lines do not fit what was asked (quantities of the lines in order) or an earlier step left of it.

    Lines that are not named are approved as they were; where nothing at all is approved, it is a rejection and has to be said as one.
    """
    left = dict(enumerate(asked, 1))
    left.update((line.line_no, line.quantity) for line in before)
    given = list(lines)
    if len({line.line_no for line in given}) < len(given):
        return True
    for line in given:
        if line.line_no not in left or not is_exact(line.quantity) or not 0 <= line.quantity <= left[line.line_no]:
            return True
        left[line.line_no] = line.quantity
    return bool(given) and not any(left.values())


def merged_lines(before: Iterable[ApprovedLine], lines: Iterable[ApprovedLine]) -> tuple[ApprovedLine, ...]:
    """Put the lines of a later step over those of the earlier ones; by number."""
    merged = {line.line_no: line for line in (*before, *lines)}
    return tuple(merged[no] for no in sorted(merged))


def _acted(steps: Iterable[ApprovalStep]) -> set[UUID]:
    return {id for step in steps for d in step.decisions for id in (d.person_id, d.for_id) if id is not None}


def _open_to(step: ApprovalStep, person_id: UUID | None, before: set[UUID]) -> tuple[ApproverRef, ...]:
    """List the approvers as whom somebody may decide; whoever decided before only by name, and only where the step hangs on such a name."""
    waiting = undecided(step)
    if person_id not in before:
        return waiting
    all_needed = step.rule is StepRule.ALL_OF and (step.escalated_to is None or step.escalated_to.person_id in before)
    named = [ref.person_id in before for ref in waiting]
    hangs = any(named) if all_needed else all(named)
    return tuple(ref for ref in waiting if hangs and ref.person_id == person_id)


def _decided(approval: Approval, state: ApprovalState, claim: Claim, decider: Decider) -> Approval:
    return replace(
        approval,
        state=state,
        decided_by=decider.person_id,
        decided_at=decider.at,
        acting_for_id=claim.for_id,
        escalate_at=None,
        inboxes=(),
    )


def _is_complete(step: ApprovalStep) -> bool:
    done = {decision.approver for decision in step.decisions}
    if step.escalated_to is not None and step.escalated_to in done:
        return True
    return bool(done) if step.rule is StepRule.ANY_OF else set(step.approvers) <= done


def _is(ref: ApproverRef, person_id: UUID | None, roles: frozenset[Role]) -> bool:
    return ref.person_id == person_id if ref.person_id is not None else ref.role in roles
