"""What the author of an offline command is told beyond the outcome's code: the details, in words. Decides no outcome."""

from uuid import uuid5

from jobs.context import Via
from mobile_contract.errors import ERRORS
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.outcome import Notice, OutcomeStatus
from sync.ask import Ask
from sync.outcomes import Answer

_SILENT = frozenset({OutcomeStatus.HELD, OutcomeStatus.APPLIED})
_ABOUT_CHARS = 300


def about(ask: Ask, answer: Answer) -> Notice | None:
    """Write the notice for a command's author; None where the outcome says all, or nobody waits for it."""
    if ask.actor.via is not Via.DEVICE or ask.actor.person_id is None or answer.status in _SILENT:
        return None
    entry = ERRORS[answer.code]
    details = ", ".join(f"{key}: {value}" for key, value in sorted(answer.detail.items()))
    return Notice(
        id=uuid5(ask.id, "notice"),
        person_id=ask.actor.person_id,
        code=answer.code,
        text=LocalText(en=entry.en, zh=entry.zh),
        at=answer.decided_at,
        job_id=answer.job_id,
        command_id=ask.id,
        about=details[:_ABOUT_CHARS],
    )
