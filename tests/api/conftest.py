"""Fixtures for tests of the edge."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from api.cluster import Place
from api.settings import Settings
from tests import databases
from tests.api.office import Clock
from tests.api.serving import Org, Site, in_process, make_org


@pytest.fixture(scope="session")
async def site(settings: Settings) -> AsyncIterator[Site]:
    """Give the application, running in this process."""
    async with in_process(settings) as running:
        yield running


@pytest.fixture(scope="module")
async def still(settings: Settings) -> AsyncIterator[Site]:
    """Give the application, running in this process, with a clock that moves only when it is told to."""
    async with in_process(settings, Clock()) as running:
        yield running


@pytest.fixture(scope="module")
def own_settings(cluster_place: Place) -> Iterator[Settings]:
    """Give a database that a module fills for itself."""
    with databases.migrated_copy(cluster_place) as copy:
        yield copy


@pytest.fixture
async def org(pool: asyncpg.Pool) -> Org:
    """Give an organisation of its own to a test."""
    return await make_org(pool)
