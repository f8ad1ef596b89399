"""Dispatch by location over REST: who might go to a job and why, and a proposal for the backlog. Owns shapes only."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Instant, Line
from mobile_contract.schema.listing import Asked, Shown
from mobile_contract.schema.outcome import OutcomeStatus

Metres = Annotated[float, Meta(ge=0)]
Seconds = Annotated[float, Meta(description="Seconds.")]


class SuggestionsAsk(Asked, frozen=True, kw_only=True):
    """How many suggestions are wanted."""

    limit: Annotated[int, Meta(ge=1, le=50)] = 10


class ReasonLine(Shown, frozen=True, kw_only=True):
    """A reason: its stable code and the words for it in the caller's language."""

    code: Code
    text: Line


class ScorePart(Shown, frozen=True, kw_only=True):
    """A part of a score, in seconds."""

    name: Code
    seconds: Seconds


class SuggestionLine(Shown, frozen=True, kw_only=True):
    """Who might go, best first. Who is not eligible comes last, with the reasons against. The arrival is a range."""

    person_id: UUID
    person_name: Line = ""
    crew_id: UUID | None = None
    crew_name: Line = ""
    eligible: bool = False
    reasons: tuple[ReasonLine, ...] = ()
    travel_s: Seconds | None = None
    distance_m: Metres | None = None
    source: Code | None = None
    earliest_at: Instant | None = None
    expected_at: Instant | None = None
    latest_at: Instant | None = None
    score_s: Seconds | None = None
    score: tuple[ScorePart, ...] = ()


class Suggestions(Shown, frozen=True, kw_only=True):
    """Suggestions for a job."""

    job_id: UUID
    items: tuple[SuggestionLine, ...]


class TakeSuggestionAsk(Asked, frozen=True, kw_only=True):
    """Take a suggestion: a crew's, a person's, or with neither named the best one of this moment."""

    crew_id: UUID | None = None
    person_id: UUID | None = None


class BacklogAsk(Asked, frozen=True, kw_only=True):
    """Dispatch what is ready and nobody's. Without `commit` it is a proposal that changes nothing.

    `district_id`: only there and below. `limit`: assignments at most; with `commit` they take effect together.
    """

    district_id: UUID | None = None
    commit: bool = False
    limit: Annotated[int, Meta(ge=1, le=100)] = 100


class AssignmentLine(Shown, frozen=True, kw_only=True):
    """A job and who goes. Committed: with the visit and what became of its command (a job taken meanwhile is refused)."""

    job_id: UUID
    number: Code = "-"
    crew_id: UUID | None = None
    person_id: UUID | None = None
    assignee: Line = ""
    leave_at: Instant | None = None
    arrive_at: Instant | None = None
    finish_at: Instant | None = None
    travel_s: Seconds | None = None
    distance_m: Metres | None = None
    source: Code | None = None
    reasons: tuple[ReasonLine, ...] = ()
    next_best_id: UUID | None = None
    margin_s: Seconds | None = None
    visit_id: UUID | None = None
    status: OutcomeStatus | None = None
    code: Code | None = None


class Hindrance(Shown, frozen=True, kw_only=True):
    """How many candidates a reason left out."""

    code: Code
    text: Line
    candidates: int = 0


class UnassignedLine(Shown, frozen=True, kw_only=True):
    """A job nobody could be given, with what stood in the way, the most frequent first."""

    job_id: UUID
    number: Code = "-"
    why: tuple[Hindrance, ...] = ()


class BacklogAnswer(Shown, frozen=True, kw_only=True):
    """The plan for the backlog, most urgent first. `committed`: it took effect; `repeated`: it did so when it was first asked."""

    committed: bool = False
    repeated: bool = False
    assignments: tuple[AssignmentLine, ...] = ()
    unassigned: tuple[UnassignedLine, ...] = ()
