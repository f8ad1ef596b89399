"""An organisation to import into."""

import asyncpg
import pytest

from tests.arrange import Org, organisation


@pytest.fixture
async def works(pool: asyncpg.Pool, seed: int) -> Org:
    """Give an organisation with two districts, crews, people, parts, job types and a site."""
    return await organisation(pool, seed)
