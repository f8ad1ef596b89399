"""Fixtures for reference devices against the real server: one organisation and one clock for both sides."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.settings import Settings
from tests.api.serving import Site, on_loopback
from tests.arrange import Org, organisation
from tests.mobile_contract.client.field import fresh_clock
from tests.mobile_contract.client.office import TestClock


@pytest.fixture
def clock() -> TestClock:
    """Give the clock that devices and server go by."""
    return fresh_clock()


@pytest.fixture
async def server(settings: Settings, clock: TestClock) -> AsyncIterator[Site]:
    """Give the server on a port of this machine."""
    async with on_loopback(settings, clock=clock.wall) as site:
        yield site


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    """Give a whole organisation, made by commands."""
    return await organisation(pool, seed)
