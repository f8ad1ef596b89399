"""Fixtures for tests of the sync protocol."""

import asyncpg
import pytest

from sync.life import ensure_life
from tests.sync.stage import Stage


@pytest.fixture
async def stage(pool: asyncpg.Pool) -> Stage:
    """Give an organisation without a trade, in a database that lives."""
    await ensure_life(pool)
    return Stage(pool)
