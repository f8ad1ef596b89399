"""Taking a command back: what was done for it, and what could not be. Owns shapes only."""

from uuid import UUID

from mobile_contract.schema.base import Code, Line
from mobile_contract.schema.listing import Shown
from mobile_contract.schema.outcome import OutcomeStatus


class UndoStep(Shown, frozen=True, kw_only=True):
    """A command that took something back. A visit that had been called off comes back under a new `visit_id`."""

    command_id: UUID
    name: Code
    status: OutcomeStatus
    code: Code = "ok"
    job_id: UUID | None = None
    visit_id: UUID | None = None


class UndoLeft(Shown, frozen=True, kw_only=True):
    """A part of a committed plan that stays as it is, and why."""

    command_id: UUID
    job_id: UUID
    number: Code = "-"
    code: Code
    text: Line


class UndoAnswer(Shown, frozen=True, kw_only=True):
    """What became of taking back the command, or the committed plan, `undone_id`. All steps took effect; what is `left` did not change at all.

    `repeated`: it did so when it was first asked.
    """

    command_id: UUID
    undone_id: UUID
    status: OutcomeStatus
    code: Code
    title: Line
    steps: tuple[UndoStep, ...]
    left: tuple[UndoLeft, ...] = ()
    repeated: bool = False
