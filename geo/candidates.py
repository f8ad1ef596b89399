"""What ranking works on: a need, the candidates for it, the policy, and the suggestions that come back.

Owns the Structs and the stable reason codes. Never decides anything (`geo.lineup`, `geo.ranking`, `geo.backlog`).
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from geo.coordinates import LonLat
from geo.travel import Eta, TravelSource
from mobile_contract.schema.base import Priority, Skill


class Reason(StrEnum):
    """Why a candidate is placed where it is, or left out. Codes are stable; `geo.reason_texts` has the words."""

    # These leave a candidate out.
    SKILL_MISSING = "skill_missing"
    SKILL_LEVEL_LOW = "skill_level_low"
    SKILL_EXPIRED = "skill_expired"
    OFF_SHIFT = "off_shift"
    SHIFT_TOO_SHORT = "shift_too_short"
    OTHER_DISTRICT = "other_district"
    NO_POSITION = "no_position"
    JOB_NOT_LOCATED = "job_not_located"
    # These explain a place in the list.
    OWN_DISTRICT = "own_district"
    NEIGHBOURING_DISTRICT = "neighbouring_district"
    ANY_DISTRICT = "any_district"
    POSITION_STALE = "position_stale"
    POSITION_INACCURATE = "position_inaccurate"
    POSITION_FROM_BASE = "position_from_base"
    BUSY = "busy"
    STARTS_LATER = "starts_later"
    AFTER_DUE = "after_due"


EXCLUDING = frozenset(
    {
        Reason.SKILL_MISSING,
        Reason.SKILL_LEVEL_LOW,
        Reason.SKILL_EXPIRED,
        Reason.OFF_SHIFT,
        Reason.SHIFT_TOO_SHORT,
        Reason.OTHER_DISTRICT,
        Reason.NO_POSITION,
        Reason.JOB_NOT_LOCATED,
    }
)


class Need(Struct, frozen=True, kw_only=True):
    """A job to be assigned: where, what it takes, how soon. `above_ids` are the districts above its own."""

    job_id: UUID
    point: LonLat | None
    skills: tuple[Skill, ...] = ()
    district_id: UUID | None = None
    neighbour_ids: tuple[UUID, ...] = ()
    above_ids: tuple[UUID, ...] = ()
    priority: Priority = Priority.NORMAL
    duration_s: float = 3600.0
    due_at: datetime | None = None
    reported_at: datetime | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """A person who might go. No `district_ids` means any district; `open_work_s` is assigned and not begun."""

    person_id: UUID
    crew_id: UUID | None = None
    skills: tuple[Skill, ...] = ()
    shift_from_at: datetime | None = None
    shift_to_at: datetime | None = None
    position: LonLat | None = None
    position_at: datetime | None = None
    position_accuracy_m: float | None = None
    base: LonLat | None = None
    district_ids: tuple[UUID, ...] = ()
    open_jobs: int = 0
    open_work_s: float = 0.0
    busy: bool = False
    busy_until_at: datetime | None = None


class DispatchPolicy(Struct, frozen=True):
    """Limits and weights. Weights turn everything into seconds, so that a score can be read as lost time.

    A position older than `stale_after_s` is told and made dearer; older than `drop_after_s` it gives way to
    the base. `load_weight` is the share of already assigned work that counts against a candidate.
    """

    stale_after_s: float = 900.0
    drop_after_s: float = 4 * 3600.0
    inaccurate_from_m: float = 500.0
    stale_penalty_s: float = 300.0
    base_penalty_s: float = 600.0
    neighbour_penalty_s: float = 600.0
    busy_rest_s: float = 1800.0
    load_weight: float = 0.25
    shift_lead_s: float = 3600.0
    within_shift: bool = True
    any_district: bool = False


class ScoreTerm(Struct, frozen=True):
    """One part of a score, in seconds."""

    name: str
    seconds: float


class Suggestion(Struct, frozen=True, kw_only=True):
    """A candidate's place in the list, best first. Without a place to start from there is no travel."""

    person_id: UUID
    crew_id: UUID | None
    eligible: bool
    reasons: tuple[Reason, ...]
    score_s: float | None = None
    travel_s: float | None = None
    distance_m: float | None = None
    source: TravelSource | None = None
    arrival: Eta | None = None
    terms: tuple[ScoreTerm, ...] = ()


class Assignment(Struct, frozen=True, kw_only=True):
    """A job given to a person, with the times it was reckoned with and who was next best by how much."""

    job_id: UUID
    person_id: UUID
    crew_id: UUID | None
    leave_at: datetime
    arrive_at: datetime
    finish_at: datetime
    travel_s: float
    distance_m: float
    source: TravelSource
    reasons: tuple[Reason, ...]
    terms: tuple[ScoreTerm, ...]
    next_best_id: UUID | None = None
    margin_s: float | None = None


class ReasonCount(Struct, frozen=True):
    """How many candidates a reason left out."""

    reason: Reason
    candidates: int


class Unassigned(Struct, frozen=True):
    """A job nobody could be given, with what stood in the way, the most frequent first; empty without candidates."""

    job_id: UUID
    why: tuple[ReasonCount, ...]


class Dispatched(Struct, frozen=True):
    """The outcome of dispatching a backlog, in the order in which the jobs were looked at."""

    assignments: tuple[Assignment, ...]
    unassigned: tuple[Unassigned, ...]
