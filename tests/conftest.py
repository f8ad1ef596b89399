"""Fixtures for every test: the database in three sizes, the settings, a seed. Never a mock of our own code.

Tests share one database per session; each makes an organisation of its own, so nothing is ever truncated.
"""

import logging
import os
import secrets
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from api.cluster import Place
from api.database import open_pool, owner_connection
from api.settings import Settings
from tests import chromium, databases


@pytest.fixture(scope="session")
def cluster_place() -> Iterator[Place]:
    """Run the tests' PostgreSQL cluster and give its place."""
    with databases.running_cluster() as place:
        yield place


@pytest.fixture(scope="session")
def settings(cluster_place: Place) -> Iterator[Settings]:
    """Give settings whose database is a migrated one for this session alone."""
    with databases.migrated_copy(cluster_place) as copy:
        yield copy


@pytest.fixture(scope="session")
def database_url(settings: Settings) -> str:
    """Give the URL of the session's database for the application's role."""
    return settings.database_url


@pytest.fixture(scope="session")
async def pool(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """Give the session's pool with the application's role: row-level security applies."""
    opened = await open_pool(settings)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def owner(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection as the role that owns the tables: row-level security does not apply."""
    async with owner_connection(settings) as connection:
        yield connection


@pytest.fixture
def fresh_settings(cluster_place: Place) -> Iterator[Settings]:
    """Give settings of a migrated database for this one test, which may wreck it."""
    with databases.migrated_copy(cluster_place) as copy:
        yield copy


@pytest.fixture
def own_cluster() -> Iterator[Settings]:
    """Give settings of a whole cluster for this one test, which may crash it (`api.cluster.down(..., mode="immediate")`)."""
    with databases.own_cluster() as own:
        yield own


@pytest.fixture
def seed() -> int:
    """Give a seed for `random.Random`; a failing test prints it, and TEST_SEED repeats it."""
    chosen = int(os.environ.get("TEST_SEED") or secrets.randbelow(2**32))
    print(f"seed: TEST_SEED={chosen}")
    return chosen


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Fail the test that leaves our log silent: what later tests want to hear would be missing."""
    yield
    ours = logging.getLogger("onsite")
    assert ours.level == logging.NOTSET and not ours.disabled and logging.root.manager.disable == logging.NOTSET


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Give the browser's path; without one the test is skipped, `make test` installs it."""
    found = chromium.find()
    if found is None:
        pytest.skip("no Chromium on this machine: `make test` installs it when run as root")
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that open a browser, before anybody chooses among them by their marks."""
    for item in items:
        if "chromium_path" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what the fault tests broke and what they checked then (tests/faults/report.py)."""
    # Only the report of the end has all that was recorded; it comes from whichever process ran the test.
    ends = [
        each for group in terminalreporter.stats.values() for each in group if getattr(each, "when", "") == "teardown"
    ]
    told = [
        f"{each.nodeid.rpartition('::')[2]}: {kind}: {what}"
        for each in ends
        for kind, what in each.user_properties
        if kind in ("broke", "checked")
    ]
    if told:
        terminalreporter.section("faults")
        for line in told:
            terminalreporter.write_line(line)
