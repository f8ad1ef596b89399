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
def worlds() -> list[tuple[str, World]]:
    """Remember the worlds that were made, each once for every test that used it, with the module of the test."""
    return []


@pytest.fixture
async def world(
    still: Site, pool: asyncpg.Pool, worlds: list[tuple[str, World]], request: pytest.FixtureRequest
) -> World:
    """Give two organisations that a few dozen tests of a module share."""
    module = request.node.path.name
    used = worlds.count(worlds[-1]) if worlds and worlds[-1][0] == module else 0
    again = 0 < used < TESTS_OF_A_WORLD
    worlds.append(worlds[-1] if again else (module, await make_world(still, pool, SEED + 2 * len(worlds))))
    return worlds[-1][1]
