"""A command that always runs into the time limit of statements blocks its queue for a while, not for ever."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import msgspec
import pytest

from api.database import open_pool, owner_connection
from api.settings import Settings
from sync.overruns import LIFE, SPAN, TIMES, Overruns
from tests.arrange import NOW, Org, organisation
from tests.sync import looking
from tests.sync.phone import Phone, note, phone_of

LIMIT_S = 0.3
# Longer than the limit, whatever the machine does; the server ends it at the limit.
_SLOW = """
create function takes_for_ever() returns trigger language plpgsql as $$
begin if new.text = 'slow' then perform pg_sleep(30); end if; return new; end $$;
create trigger takes_for_ever before insert on note for each row execute function takes_for_ever()"""


@pytest.fixture
async def impatient(fresh_settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool whose statements end soon, on a database where a note with the text `slow` never gets in."""
    async with owner_connection(fresh_settings) as owner:
        await owner.execute(_SLOW)
    pool = await open_pool(msgspec.structs.replace(fresh_settings, statement_timeout_s=LIMIT_S))
    yield pool
    await pool.close()


@pytest.fixture
async def phone(impatient: asyncpg.Pool, seed: int) -> Phone:
    org: Org = await organisation(impatient, seed)
    return await phone_of(org, "amy")


async def test_what_always_runs_over_is_put_aside_and_the_queue_goes_on(phone: Phone) -> None:
    job = await phone.org.assigned_job()
    phone.do(note(phone.org, job, "before"))
    slow = phone.do(note(phone.org, job, "slow"))
    phone.do(note(phone.org, job, "after"))
    step = SPAN / (TIMES - 1)
    assert [o.n for o in await phone.taken(now=NOW)] == [1], "what came before it is answered"
    for again in range(1, TIMES - 1):
        with pytest.raises(asyncpg.QueryCanceledError):
            await phone.push(phone.pending(1), now=NOW + again * step)
    outcomes = await phone.taken(phone.pending(1), now=NOW + SPAN)
    assert [(o.n, o.status, o.code) for o in outcomes] == [(2, "quarantined", "server_fault"), (3, "applied", "ok")]
    (entry,) = await looking.quarantined(phone.org)
    assert (entry["command_id"], entry["bytes"]) == (slow, phone.queue[1].cmd)


async def test_a_database_that_is_slow_for_a_while_puts_nothing_aside(phone: Phone) -> None:
    job = await phone.org.assigned_job()
    phone.do(note(phone.org, job, "slow"))
    for again in range(TIMES + 1):
        with pytest.raises(asyncpg.QueryCanceledError):
            await phone.push(now=NOW + again * timedelta(seconds=10))
    assert await looking.quarantined(phone.org) == []


def test_bad_hours_that_lie_days_apart_are_not_added_up(seed: int) -> None:
    overruns, command_id = Overruns(), UUID(int=seed)
    assert not any(overruns.add(command_id, NOW + again * SPAN) for again in range(TIMES - 1))
    later = NOW + (TIMES - 2) * SPAN + LIFE + timedelta(seconds=1)
    assert [overruns.add(command_id, later + again * SPAN) for again in range(TIMES)] == [*[False] * (TIMES - 1), True]


def test_a_phone_that_comes_once_a_day_gets_on_all_the_same(seed: int) -> None:
    overruns, command_id = Overruns(), UUID(int=seed)
    told = [overruns.add(command_id, NOW + timedelta(days=day)) for day in range(TIMES)]
    assert told == [*[False] * (TIMES - 1), True]


def test_what_ran_over_long_ago_takes_no_room(seed: int) -> None:
    overruns = Overruns()
    for number in range(50):
        overruns.add(UUID(int=seed + number), NOW)
    overruns.add(UUID(int=seed), NOW + LIFE)
    overruns.add(UUID(int=seed + 50), NOW + LIFE + timedelta(seconds=1))
    assert len(overruns) == 2
