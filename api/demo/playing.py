"""A whole played day, from the settings to the proof: which day, the founding, the stage, the story. Prints only what the teller tells."""

import secrets
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from api.database import open_pool
from api.demo import founding, month, stage, story
from api.demo.draws import Chance
from api.demo.founding import Founded
from api.demo.hours import Hours, hours_of, zone_of_late_afternoon
from api.demo.loopback import Loopback
from api.demo.month import Month
from api.demo.network import ROUGH
from api.demo.proof import Proof
from api.demo.stage import Equipment
from api.demo.telling import Teller
from api.demo.virtual_time import VirtualClock
from api.logs import configure_logs
from api.settings import Settings
from geo.city import make_city
from geo.city_plan import City

CITY_SEED: Final = 1
SITES: Final = 160
# So that people who try the page tomorrow still find crews on shift.
ROSTERED_DAYS: Final = 7
_FOUNDED_BEFORE: Final = timedelta(minutes=30)


class Day(Struct, frozen=True, kw_only=True):
    """What to play: the organisation's slug, the seed, how many crews with devices (1 to 12), and whether a month comes before it."""

    slug: str = "demo"
    seed: int = 1
    devices: int = 12
    with_month: bool = False


class Played(Struct, frozen=True):
    """A day that was played, the organisation it was played in, and the month before it where there was one."""

    founded: Founded
    hours: Hours
    proof: Proof
    month: Month | None = None


@cache
def the_city() -> City:
    """Make the city of the demo: the same for every seed of the story, so that its organisation is founded once."""
    return make_city(CITY_SEED, SITES)


def play_day(
    settings: Settings,
    day: Day,
    *,
    now: datetime,
    teller: Callable[[Hours], Teller] = Teller,
    zone: str | None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Played:
    """Found the organisation where it is missing and play its day against a real server on loopback.

    `progress` is told the days of the month that were lived, and how many there are. `zone` is that of the organisation as it is (None: there is none yet). Raises OperatorError.
    """
    hours = hours_of(zone or zone_of_late_afternoon(now), now)
    clock = VirtualClock(hours.begin - _FOUNDED_BEFORE)
    quiet = replace(settings, log_level="error")
    configure_logs(quiet)
    city = the_city()
    with tempfile.TemporaryDirectory(prefix="onsite-demo-") as folder, Loopback(quiet, clock.now) as loopback:
        pool = loopback.services.pool
        founded = loopback.call(founding.found(pool, day.slug, city, zone=hours.zone, now=clock.now()))
        lived = None
        if day.with_month:
            today = hours.begin.astimezone(ZoneInfo(hours.zone)).date()
            lived = loopback.call(month.live(pool, founded, today, seed=day.seed, progress=progress))
        lines = founded.crews[: day.devices]
        clock.move_to(hours.begin)
        stage.roster(loopback, founded, lines, hours.begin, days=ROSTERED_DAYS)
        equipment = Equipment(folder=Path(folder), chance=Chance(day.seed, secrets.token_hex(8)), weather=ROUGH)
        with stage.set_up(loopback, founded, lines, equipment, clock=clock) as set_up:
            proof = story.play(set_up, hours, teller(hours))
    return Played(founded, hours, proof, lived)


async def open_logins(settings: Settings, founded: Founded, password: str, *, now: datetime) -> tuple[str, ...]:
    """Give everybody in the demo's office the password; returns the logins."""
    async with await open_pool(settings, size_max=1) as pool:
        return await founding.give_logins(pool, founded, password, now=now)
