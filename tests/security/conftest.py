"""Fixtures of the security tests: the application with a clock that stands, and two organisations."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.settings import Settings
from tests.api.serving import Site, in_process
from tests.arrange import NOW
from tests.security.world import World, make_world

# What a try leaves behind makes every later look longer: after so many tests new organisations take over.
TESTS_OF_A_WORLD = 30
SEED = 20260302


@pytest.fixture(scope="session")
async def still(settings: Settings) -> AsyncIterator[Site]:
    """Give the application in this process; its clock stands at NOW."""
    async with in_process(settings, clock=lambda: NOW) as running:
        yield running


@pytest.fixture(scope="session")
def worlds() -> list[World]:
    """Remember the worlds that were made and, by repeating it, how often the last one was used."""
    return []


@pytest.fixture
async def world(still: Site, pool: asyncpg.Pool, worlds: list[World]) -> World:
    """Give two organisations that a few dozen tests share."""
    if not worlds or worlds.count(worlds[-1]) >= TESTS_OF_A_WORLD:
        worlds.append(await make_world(still, pool, SEED + 2 * len(worlds)))
    else:
        worlds.append(worlds[-1])
    return worlds[-1]
