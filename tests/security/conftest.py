"""Fixtures of the security tests: the application with a clock that stands, and two organisations."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.settings import Settings
from tests.api.serving import Site, in_process
from tests.arrange import NOW
from tests.security.world import World, make_world


@pytest.fixture(scope="session")
async def still(settings: Settings) -> AsyncIterator[Site]:
    """Give the application in this process; its clock stands at NOW."""
    async with in_process(settings, clock=lambda: NOW) as running:
        yield running


@pytest.fixture(scope="module")
async def world(still: Site, pool: asyncpg.Pool) -> World:
    """Give two organisations to a module."""
    return await make_world(still, pool, 20260302)
