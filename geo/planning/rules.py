"""The rules that a plan must keep and what a broken one is told as. Owns codes and the Struct, checks nothing."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class Rule(StrEnum):
    """What a plan must keep. Codes are stable; `geo.planning.reason_texts` has the words."""

    UNKNOWN = "unknown"
    PLANNED_TWICE = "planned_twice"
    FORGOTTEN = "forgotten"
    NOT_PRESENT = "not_present"
    WAITS_FOR_RELIEF = "waits_for_relief"
    TRAVEL = "travel"
    WORK_TIME = "work_time"
    WINDOW = "window"
    NOT_RELEASED = "not_released"
    DUE = "due"
    SHIFT = "shift"
    BREAK = "break"
    SKILL_MISSING = "skill_missing"
    SKILL_LEVEL_LOW = "skill_level_low"
    SKILL_EXPIRED = "skill_expired"
    TERRITORY = "territory"
    SAME_TECHNICIAN = "same_technician"
    LOCKED_CREW = "locked_crew"
    LOCKED_TIME = "locked_time"
    PARTS = "parts"
    STORE = "store"
    FROZEN = "frozen"
    TOGETHER = "together"


class Broken(Struct, frozen=True, kw_only=True):
    """A broken rule: whose day, which visit."""

    rule: Rule
    crew_id: UUID | None = None
    day: int = 0
    visit_id: UUID | None = None
