"""Fixtures of the demo's tests: a server on loopback at the player's time, and a small stage in an organisation of its own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.demo import founding, stage
from api.demo.draws import Chance
from api.demo.hours import hours_of
from api.demo.loopback import Loopback
from api.demo.network import FAIR
from api.demo.playing import the_city
from api.demo.stage import Equipment, Stage
from api.demo.virtual_time import VirtualClock
from api.settings import Settings

EVENING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ZONE = "Asia/Shanghai"


def new_slug() -> str:
    """Name an organisation that nobody has yet."""
    return f"demo-{secrets.token_hex(4)}"


@contextmanager
def small_stage(settings: Settings, folder: Path, seed: int) -> Iterator[Stage]:
    """Set up two crews with devices in an organisation of their own."""
    hours = hours_of(ZONE, EVENING)
    clock = VirtualClock(hours.begin - timedelta(minutes=5))
    with Loopback(settings, clock.now) as loopback:
        founded = loopback.call(
            founding.found(loopback.services.pool, new_slug(), the_city(), zone=ZONE, now=clock.now())
        )
        lines = founded.crews[:2]
        stage.roster(loopback, founded, lines, hours.begin, days=1)
        equipment = Equipment(folder=folder, chance=Chance(seed, "test"), weather=FAIR)
        clock.move_to(hours.begin)
        with stage.set_up(loopback, founded, lines, equipment, clock=clock) as made:
            yield made


@pytest.fixture
def small(settings: Settings, tmp_path: Path, seed: int) -> Iterator[Stage]:
    """Give two crews with devices."""
    with small_stage(settings, tmp_path, seed) as made:
        yield made
