"""A notification that is lost costs seconds: who waits also asks. Without asking, the wait would end only by itself."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import pytest

from api.database import connect_as_app
from api.settings import Settings
from sync import pokes
from sync.life import ensure_life
from sync.pokes import Pokes
from tests.lives.servers import staged
from tests.sync.stage import Stage
from tests.waiting import until


class Deaf:
    """A pool that loses every notification and does all else."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.lost = 0

    async def execute(self, statement: str, *values: Any) -> str:
        """Lose a notification."""
        if "pg_notify" in statement:
            self.lost += 1
            return "SELECT 1"
        done: str = await self._pool.execute(statement, *values)
        return done


@contextlib.asynccontextmanager
async def listening(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Pokes]:
    async with Pokes(pool, lambda: connect_as_app(settings)).running() as running:
        await until(lambda: running._since is not None)
        yield running


async def hears(stage: Stage, settings: Settings, within_s: float) -> bool:
    """Write in one process, whose notification is lost; tell whether another process heard of it."""
    deaf = Deaf(stage.pool)
    async with (
        listening(settings, cast(asyncpg.Pool, deaf)) as here,
        listening(settings, stage.pool) as there,
    ):
        with there.listen(stage.org_id, ["crew/1"]) as ear:
            await stage.put("news", "crew/1")
            here.poke(stage.org_id, ["crew/1"])
            heard = await ear.heard(within_s)
            lost: int = await until(lambda: deaf.lost)
            assert lost == 1
            return heard


async def test_who_waits_hears_of_what_nobody_told_because_it_asks(
    fresh_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(fresh_settings) as stage:
        await ensure_life(stage.pool)
        monkeypatch.setattr(pokes, "POLL_EVERY_S", 3_600.0)
        assert not await hears(stage, fresh_settings, 1.0)
        monkeypatch.setattr(pokes, "POLL_EVERY_S", 0.1)
        assert await hears(stage, fresh_settings, 10.0)
