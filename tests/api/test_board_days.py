"""The board of today: as long as the day is where clocks are changed, and over when the day is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from api import board
from api.settings import Settings
from jobs.context import Actor
from mobile_contract.schema.board import Board, BoardAsk, BoardChanges
from mobile_contract.schema.people import Role
from sync.transaction import org_transaction
from tests.api.office import Clock
from tests.api.serving import Site, in_process
from tests.arrange import NOW, Org, organisation


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def site(settings: Settings, clock: Clock) -> AsyncIterator[Site]:
    async with in_process(settings, clock) as running:
        yield running


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    return await organisation(pool, seed)


async def seen(site: Site, org: Org, ask: BoardAsk) -> Board:
    body = await board.board(site.services, dispatcher(org), ask, places=False)
    return msgspec.json.decode(body, type=Board)


async def since(site: Site, org: Org, version: str) -> BoardChanges:
    body = await board.changes(site.services, dispatcher(org), version, places=False)
    return msgspec.json.decode(body, type=BoardChanges)


def dispatcher(org: Org) -> Actor:
    return Actor(org_id=org.id, person_id=org.people["dan"], roles=frozenset({Role.DISPATCHER}))


@pytest.mark.parametrize(
    ("at", "begins", "hours"),
    [
        ("2026-07-01T22:30", "2026-07-01T22:00", 24),
        ("2026-03-29T12:00", "2026-03-28T23:00", 23),
        ("2026-10-25T22:30", "2026-10-24T22:00", 25),
    ],
)
async def test_a_day_is_as_long_as_the_clocks_of_its_zone_make_it(
    site: Site, org: Org, clock: Clock, at: str, begins: str, hours: int
) -> None:
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute("update organisation set zone = 'Europe/Berlin' where org_id = $1", org.id)
    clock.at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    shown = await seen(site, org, BoardAsk())
    assert shown.from_at == datetime.fromisoformat(begins).replace(tzinfo=UTC)
    assert shown.to_at - shown.from_at == timedelta(hours=hours)


async def test_the_board_of_today_is_fetched_anew_when_its_day_is_over(site: Site, org: Org, clock: Clock) -> None:
    today = await seen(site, org, BoardAsk())
    asked = await seen(site, org, BoardAsk(from_at=today.from_at, to_at=today.to_at))
    clock.at = today.to_at - timedelta(seconds=1)
    later = await since(site, org, today.version)
    assert later.reload is False
    clock.at = today.to_at
    assert (await since(site, org, later.version)).reload is True
    assert (await since(site, org, asked.version)).reload is False
    assert (await seen(site, org, BoardAsk())).from_at == today.to_at
    assert today.from_at <= NOW < today.to_at
