"""What each level of a storm changes, as data: row T2 of the trade's table. Pure; whoever plans, wakes or groups asks here.

Higher is graver. A level never keeps anybody from sending a crew by hand: it says what is proposed, woken for and grouped.
"""

from typing import Final

from mobile_contract.schema.base import LocalText, Priority
from mobile_contract.schema.storm import StormEffects

_ALL: Final = tuple(Priority)
_PRESSING: Final = (Priority.EMERGENCY, Priority.URGENT)

CALM_WAKES: Final = _PRESSING
"""Priorities for which sleeping phones are woken where there is no storm."""

LEVELS: Final = (
    StormEffects(
        level=1,
        name=LocalText(en="Many requests", zh="三级响应（报修集中）"),
        sends=_ALL,
        wakes=_PRESSING,
        group_radius_m=400.0,
        group_jobs_max=20,
    ),
    StormEffects(
        level=2,
        name=LocalText(en="More than the crews can do", zh="二级响应（超出班组能力）"),
        sends=(*_PRESSING, Priority.NORMAL),
        wakes=(*_PRESSING, Priority.NORMAL),
        group_radius_m=800.0,
        group_jobs_max=30,
    ),
    StormEffects(
        level=3,
        name=LocalText(en="Disaster", zh="一级响应（重大灾害）"),
        sends=_PRESSING,
        wakes=_ALL,
        group_radius_m=1_500.0,
        group_jobs_max=40,
    ),
)


def effects_of(level: int) -> StormEffects:
    """Give what a level changes. Raises KeyError for one that there is not."""
    for effects in LEVELS:
        if effects.level == level:
            return effects
    raise KeyError(level)


def sends(level: int | None, priority: Priority) -> bool:
    """Tell whether a job of a priority is sent out where a storm of this level is (None: calm)."""
    return level is None or priority in effects_of(level).sends


def wakes(level: int | None, priority: Priority) -> bool:
    """Tell whether a sleeping phone is woken for a job of a priority where a storm of this level is (None: calm)."""
    return priority in (CALM_WAKES if level is None else effects_of(level).wakes)
