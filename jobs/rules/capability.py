"""Whether somebody can do a job: skills with level and expiry. Pure."""

from collections.abc import Iterable
from datetime import datetime

from mobile_contract.schema.base import Skill


def holds(held: Iterable[Skill], wanted: Skill, at: datetime) -> bool:
    """Tell whether one of the skills covers the wanted one at an instant; a level includes all lower ones."""
    return any(
        skill.code == wanted.code
        and skill.level >= wanted.level
        and (skill.expires_at is None or skill.expires_at > at)
        for skill in held
    )


def missing_skills(held: Iterable[Skill], required: Iterable[Skill], at: datetime) -> tuple[Skill, ...]:
    """List the required skills that nobody of those held covers at an instant, in the order required."""
    held = tuple(held)
    return tuple(skill for skill in required if not holds(held, skill, at))
