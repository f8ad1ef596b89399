"""Fixtures for tests of the edge."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.settings import Settings
from tests.api.serving import Org, Site, in_process, make_org


@pytest.fixture(scope="session")
async def site(settings: Settings) -> AsyncIterator[Site]:
    """Give the application, running in this process."""
    async with in_process(settings) as running:
        yield running


@pytest.fixture
async def org(pool: asyncpg.Pool) -> Org:
    """Give an organisation of its own to a test."""
    return await make_org(pool)
