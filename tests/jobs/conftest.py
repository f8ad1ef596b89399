"""An organisation per test of a module's own making, and a look at what is stored."""

import asyncpg
import pytest

from tests.arrange import Org, organisation


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    """Give a whole organisation, made by commands."""
    return await organisation(pool, seed)
