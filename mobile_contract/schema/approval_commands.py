"""Commands about approval beyond the decision itself: calendars, delegations, allowances, and what the timer asks for."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.approval import Delegation, WorkCalendar
from mobile_contract.schema.base import Code, Command, Instant, Line, Quantity


class AskApproval(Command, frozen=True, kw_only=True, tag="ask_approval"):
    """Ask for an approval that is about no parts (budget, relief, class change, agreement, water-on): the policy in force says who decides."""

    job_id: UUID
    subject: Code
    subject_id: UUID
    amount: Quantity
    reason: Line = ""


class EscalateApproval(Command, frozen=True, kw_only=True, tag="escalate_approval"):
    """Let the policy's stand-in decide a step that has waited too long. Sent by the timer."""

    job_id: UUID
    approval_id: UUID
    step: Annotated[int, Meta(ge=0, le=100)]


class SaveCalendar(Command, frozen=True, kw_only=True, tag="save_calendar"):
    """Create or replace a work calendar."""

    calendar: WorkCalendar


class SaveDelegation(Command, frozen=True, kw_only=True, tag="save_delegation"):
    """Let another person decide in one's place for a time, or change when that ends. Chains are bounded, circles refused."""

    delegation: Delegation


class FollowDelegation(Command, frozen=True, kw_only=True, tag="follow_delegation"):
    """Show what waits to those who may decide it now that a delegation has begun, changed or ended. Sent by the timer."""

    delegation_id: UUID


class GrantAllowance(Command, frozen=True, kw_only=True, tag="grant_allowance"):
    """Let a person or a crew take urgent parts before they are approved, up to a ceiling in the organisation's currency."""

    allowance_id: UUID
    person_id: UUID | None = None
    crew_id: UUID | None = None
    ceiling: Quantity
    from_at: Instant
    to_at: Instant


class WithdrawAllowance(Command, frozen=True, kw_only=True, tag="withdraw_allowance"):
    """End an allowance at once; what was taken under it stays and is approved or not like anything else."""

    allowance_id: UUID
    reason: Line = ""
