"""Fixtures for tests of the sync protocol."""

import asyncpg
import pytest

from sync.life import ensure_life
from tests.arrange import Assigned, Org, organisation
from tests.sync.phone import Phone, phone_of
from tests.sync.stage import Stage


@pytest.fixture
async def stage(pool: asyncpg.Pool) -> Stage:
    """Give an organisation without a trade, in a database that lives."""
    await ensure_life(pool)
    return Stage(pool)


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    """Give a whole organisation, made by commands."""
    return await organisation(pool, seed)


@pytest.fixture
async def phone(org: Org) -> Phone:
    """Give the phone of a technician of crew alpha."""
    return await phone_of(org, "amy")


@pytest.fixture
async def job(org: Org) -> Assigned:
    """Give a job of crew alpha."""
    return await org.assigned_job()
