"""Fixtures for fault tests: a cluster that may be killed, a server before it, an organisation in it, and a report."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from api.database import open_pool
from api.settings import Settings
from tests import databases
from tests.arrange import Org, organisation
from tests.faults.database import Database
from tests.faults.processes import Server, served
from tests.faults.report import Report
from tests.faults.stage import Stage, staged

_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def own() -> Iterator[Settings]:
    """Give settings of a cluster for these tests alone; each leaves it running and clean."""
    with databases.own_cluster() as settings:
        yield settings


@pytest.fixture(scope="session")
async def standing(own: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Run one web process for all tests that need no other; who kills it starts it again."""
    async with served(own, tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
async def database(own: Settings) -> AsyncIterator[Database]:
    """Give the cluster in the superuser's hands, running and without a fault before and after."""
    database = Database(own)
    await database.start()
    await database.recovered()
    yield database
    await database.start()
    await database.recovered()
    await database.commits_go_on()


@pytest.fixture
async def org(own: Settings, database: Database, seed: int) -> AsyncIterator[Org]:
    """Give an organisation in that cluster."""
    pool: asyncpg.Pool = await open_pool(own)
    try:
        yield await organisation(pool, seed)
    finally:
        pool.terminate()


@pytest.fixture
async def stage(
    database: Database, standing: Server, org: Org, tmp_path: Path, report: Report, seed: int
) -> AsyncIterator[Stage]:
    """Give a stage before the standing server."""
    if not standing.alive:
        await standing.start()
    async with staged(database, standing, org, tmp_path, report=report, seed=seed) as stage:
        yield stage


@pytest.fixture
def report(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[Report]:
    """Give the report of the test; a test that passes has to have said what it broke and what it checked."""
    made = Report(request.node.name, record_property)
    yield made
    if not request.node.stash.get(_FAILED, False):
        made.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember that a test failed, so that its report is not asked for more."""
    yield
    if call.excinfo is not None:
        item.stash[_FAILED] = True
