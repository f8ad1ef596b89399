"""Edits that met: the inbox of values that two people set differently, and the command that settles one. Owns shapes only."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Command, Instant, Line, Prose
from mobile_contract.schema.job import JobState
from mobile_contract.schema.listing import Asked, Shown


class Keep(StrEnum):
    """Which of the two values stands."""

    KEPT = "kept"
    OFFERED = "offered"


class SettleConflict(Command, frozen=True, kw_only=True, tag="settle_conflict"):
    """Say which value of a field stands: the one the job has (`kept`), or the one that was offered by the edit `edit_id`.

    Without `edit_id` it is the edit of that field that came last. `was` is the value that the job was seen with (left out: the one that was kept); where it has another by now the offered one is refused.
    """

    job_id: UUID
    field: Code
    keep: Keep
    edit_id: UUID | None = None
    was: Prose | None = None


class ConflictAsk(Asked, frozen=True, kw_only=True):
    """Which page: conflicts of jobs after this one; of this job alone."""

    after: UUID | None = None
    job: UUID | None = None
    limit: Annotated[int, Meta(ge=1, le=200, description="Jobs of a page at most.")] = 50


class ConflictLine(Shown, frozen=True, kw_only=True):
    """A conflict: what the job had when the edit came and who had set that when, what was offered by whom when, what the job has now."""

    job_id: UUID
    number: Code
    title: Line = ""
    state: JobState
    field: Code
    edit_id: UUID
    now: Prose = ""
    kept: Prose = ""
    kept_by: UUID | None = None
    kept_by_name: Line = ""
    kept_at: Instant | None = None
    offered: Prose = ""
    offered_by: UUID | None = None
    offered_by_name: Line = ""
    offered_at: Instant


class ConflictPage(Shown, frozen=True, kw_only=True):
    """A page of conflicts by job, those of a job in the order in which they came."""

    items: tuple[ConflictLine, ...]
    next: UUID | None = None
