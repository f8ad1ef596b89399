"""The ledger under everybody at once and in every order: exact, complete, and no store below nothing at any moment."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest

from api.database import open_pool, owner_connection
from api.settings import Settings
from mobile_contract.schema import facts as f
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.messages import OutcomeBrief
from sync.outcomes import Answer
from sync.push import Refusal
from tests.arrange import NOW, Org
from tests.sync.ledger_world import AUTHORS, MINUTE, Told, Yard, have_approved, look, yard
from tests.sync.phone import Phone, Queued, phone_of

SYNCED = NOW + 5 * MINUTE
_TRIES = 30

# Every version that a level ever had, whoever wrote it and whether it was seen or not.
_HISTORY = (
    "create table level_history (location_id uuid not null, quantity numeric not null)",
    """create function note_level() returns trigger language plpgsql security definer set search_path = public as $$
    begin insert into level_history values (new.location_id, new.quantity); return new; end $$""",
    "create trigger note_level after insert or update on stock_level for each row execute function note_level()",
)
_BELOW = """
select count(*) filter (where l.kind = 'van' and h.quantity < 0) vans,
  count(*) filter (where l.kind <> 'van' and h.quantity < 0) stores, count(*) written
from level_history h join stock_location l on l.org_id = $1 and l.id = h.location_id"""


@pytest.fixture
async def watched(fresh_settings: Settings) -> AsyncIterator[tuple[asyncpg.Pool, asyncpg.Connection]]:
    """Give a pool, and a connection of the owner of a database that notes every version of a level."""
    pool = await open_pool(fresh_settings)
    try:
        async with owner_connection(fresh_settings) as owner:
            for statement in _HISTORY:
                await owner.execute(statement)
            yield pool, owner
    finally:
        await pool.close()


async def hand_in(phone: Phone, told: list[Told], draw: random.Random, took: list[Told]) -> None:
    """Hand in what a crew told, in chunks of any size; some are sent twice, as after a lost answer."""
    ids = {phone.do(one.command, at=one.at): one for one in told}
    while phone.queue:
        chunk = phone.queue[: draw.randint(1, 12)]
        outcomes = await pushed(phone, chunk)
        if draw.random() < 0.3:
            assert [o.status for o in await pushed(phone, chunk)] == [o.status for o in outcomes]
        assert {o.status for o in outcomes} == {"applied"}, outcomes
        took += [ids[o.id] for o in outcomes if o.code == "ok"]
        del phone.queue[: len(chunk)]


async def pushed(phone: Phone, chunk: list[Queued]) -> tuple[OutcomeBrief, ...]:
    """Push until the server is not busy with somebody else's rows."""
    for _ in range(_TRIES):
        answer = await phone.push(chunk, now=SYNCED)
        if not isinstance(answer, Refusal):
            return answer.outcomes
        assert answer.code == "busy", answer
    raise AssertionError(f"busy {_TRIES} times")


async def decide(yard: Yard, by: str, count: int, took: list[Told]) -> list[str]:
    """Have a clerk decide this and that; gives the codes of the answers."""
    codes: list[str] = []
    shipped: list[s.ShipTransfer] = []
    for n in range(count):
        now = SYNCED + timedelta(seconds=n)
        command = yard.decided(now, shipped)
        answer = await asked(yard.org, Told(by, command, now))
        codes.append(answer.code)
        assert answer.status != "quarantined", answer
        if answer.code == "ok":
            took.append(Told(by, command, now))
            if isinstance(command, s.ShipTransfer):
                shipped.append(command)
            if isinstance(command, s.LendStock):
                yard.loans[command.loan_id] = command
    return codes


async def asked(org: Org, told: Told) -> Answer:
    """Ask again where somebody else was faster."""
    for _ in range(_TRIES):
        try:
            (answer,) = await org.send(told.command, by=told.by, now=told.at)
        except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError, asyncpg.SerializationError):
            continue
        return answer
    raise AssertionError(f"somebody was faster {_TRIES} times")


async def watch(owner: asyncpg.Connection, org: Org, done: asyncio.Event) -> int:
    """Look again and again while the others work; gives how often."""
    looks = 0
    while not done.is_set() and looks < 2000:
        (await look(owner, org)).check(org)
        looks += 1
    return looks


@pytest.mark.parametrize("turn", range(3))
async def test_everybody_at_once_leaves_an_exact_ledger_and_no_store_below_nothing(
    watched: tuple[asyncpg.Pool, asyncpg.Connection], seed: int, turn: int
) -> None:
    pool, owner = watched
    made = await yard(pool, seed + turn)
    await have_approved(made)
    org, took, done = made.org, list[Told](), asyncio.Event()
    # The last deed of all takes more than any van holds: what a crew has used is used, in whatever order it comes.
    job, valve = made.jobs[AUTHORS["amy"]], org.parts["valve"]
    used = f.UsePart(job_id=job.job_id, visit_id=job.visit_id, move_id=made.id(), part_id=valve, quantity=Decimal(1000))
    told = [*made.told_by_crews(90), Told("amy", used, NOW + 2 * MINUTE)]
    phones = {name: await phone_of(org, name) for name in AUTHORS}
    at_once, late = ([one for one in told if (one.by == "bob") is offline] for offline in (False, True))
    clerks = [replace(made, draw=random.Random(seed + turn + 7 * n)) for n in (1, 2, 3)]
    watching = asyncio.create_task(watch(owner, org, done))
    crews = (hand_in(phones[name], [x for x in at_once if x.by == name], made.draw, took) for name in ("amy", "ali"))
    decided = asyncio.gather(*(decide(clerk, "wes", 60, took) for clerk in clerks))
    _, codes = await asyncio.gather(asyncio.gather(*crews), decided)
    # Bob was in a cellar all day: all that he tells lies before what was counted meanwhile.
    again = asyncio.gather(*(decide(clerk, "ada", 15, took) for clerk in clerks))
    _, more = await asyncio.gather(hand_in(phones["bob"], late, made.draw, took), again)
    done.set()
    assert await watching > 0
    last = await look(owner, org)
    last.check(org)
    must_be = {pair: q for pair, q in made.must_be(took).items() if q}
    assert {pair: q for pair, q in last.levels.items() if q} == must_be
    below = await owner.fetchrow(_BELOW, org.id)
    assert below["stores"] == 0 and below["vans"] > 0 and below["written"] > 100
    answers = [code for each in (*codes, *more) for code in each]
    assert set(answers) <= {"ok", "unchanged", "stock_short", "loan_exceeded"}, answers
    assert min(answers.count("ok"), answers.count("stock_short")) > 10


async def arrive(pool: asyncpg.Pool, seed: int, order: random.Random | None) -> tuple[Yard, list[Told]]:
    """Have one set of facts arrive in an order of its own; None: from all phones at once."""
    made = await yard(pool, seed)
    told, took = made.told_by_crews(40), list[Told]()
    phones = {name: await phone_of(made.org, name) for name in AUTHORS}
    if order is None:
        own = {name: [one for one in told if one.by == name] for name in AUTHORS}
        await asyncio.gather(*(hand_in(phones[n], own[n], made.draw, took) for n in AUTHORS))
    else:
        order.shuffle(told)
        for one in told:
            await hand_in(phones[one.by], [one], made.draw, took)
    return made, took


@pytest.mark.parametrize("turn", range(2))
async def test_the_same_facts_end_the_same_in_every_order_of_arrival(
    pool: asyncpg.Pool, owner: asyncpg.Connection, seed: int, turn: int
) -> None:
    seed += 1000 * turn
    ends = []
    for order in (*(random.Random(seed + n) for n in range(4)), None):
        made, took = await arrive(pool, seed, order)
        seen = await look(owner, made.org)
        seen.check(made.org)
        levels = {pair: q for pair, q in seen.levels.items() if q}
        assert levels == {pair: q for pair, q in made.must_be(took).items() if q}
        shared = {pair: q for pair, q in seen.folds.items() if seen.kinds[pair[0]] == "van"}
        elsewhere = sorted((seen.kinds[place], part, q) for (place, part), q in seen.folds.items())
        ends.append((levels, shared, elsewhere, seen.counted, seen.transfers))
    assert any(isinstance(one.command, t.CountVan) for one in took)
    assert all(end == ends[0] for end in ends), "an order of arrival made a difference"
    assert sum(ends[0][0].values(), Decimal(0)) != 0
