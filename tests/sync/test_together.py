"""Pages read together are those that each device would have got alone, and what goes wrong for one of them is nobody else's."""

import asyncio
import contextlib
import hashlib
import random
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from api.settings import Settings
from mobile_contract.schema.messages import PullAsk
from sync import pull, reading, together
from sync.cursor import Cursor
from sync.gate import Crowded, Gate
from sync.pokes import Pokes
from sync.pull import Source
from sync.reading import About, Holder, Read, SessionUnknown, Start, Unproven, room_of_pull
from sync.together import AT_ONCE, Together
from sync.transaction import org_transaction
from sync.waiting import Waiting
from tests.devices import KEYRING, StrictDevice
from tests.sync.counting import counted_pool
from tests.sync.stage import NOW, Stage
from tests.waiting import until

_NUMBERS = re.compile(rb'"b":\[([0-9,]+)\]')
BUCKETS = ("crew/1", "crew/2", "ref", "district/7/open")


@dataclass(kw_only=True)
class Phone(StrictDevice):
    """A device that proves itself by its secret, as those do that call."""

    session_id: UUID

    def source(self, pool: asyncpg.Pool) -> Source:
        """Say whose pages these are."""
        secret_hash = hashlib.sha256(self.id.bytes).digest()
        return Source(pool, KEYRING, Holder(self.org_id, self.id, secret_hash=secret_hash, session_id=self.session_id))

    def at(self, pool: asyncpg.Pool) -> Cursor:
        """Give where it stands."""
        cursor = pull.opened(self.source(pool), self.cursor)
        assert isinstance(cursor, Cursor)
        return cursor


class Shown:
    """Notes what devices say they have shown."""

    def __init__(self) -> None:
        self.told: list[int] = []

    async def __call__(self, conn: asyncpg.Connection, holder: Holder, seen_n: int, cursor: Cursor) -> None:
        """Note it."""
        self.told.append(seen_n)


async def no_listener() -> asyncpg.Connection:
    """Listen to nothing."""
    raise ConnectionError


async def phone_on(stage: Stage, *buckets: str) -> Phone:
    """Enrol a phone of a new person who holds these buckets, and let it catch up."""
    device = await stage.device(*buckets)
    assert device.person_id is not None
    phone = Phone(org_id=device.org_id, id=device.id, person_id=device.person_id, session_id=uuid4())
    async with org_transaction(stage.pool, stage.org_id) as conn:
        await conn.execute(
            "update sync_device set secret_hash = $3, person_id = $4 where org_id = $1 and device_id = $2",
            *(stage.org_id, phone.id, hashlib.sha256(phone.id.bytes).digest(), phone.person_id),
        )
        await conn.execute(
            "insert into sync_session (org_id, session_id, device_id, person_id, from_at, to_at, issued_at) values ($1, $2, $3, $4, $5, $6, $5)",
            *(stage.org_id, phone.session_id, phone.id, phone.person_id, NOW, NOW + timedelta(days=14)),
        )
    await phone.catch_up(stage.pool, now=NOW)
    return phone


async def all_at_once(
    stage: Stage, phones: Sequence[Phone], *, gate: Gate | None = None, now: datetime = NOW
) -> list[Read | BaseException | None]:
    """Let phones pull in one turn of the loop."""
    gathered = Together(gate or Gate())
    asks = (
        gathered.read(stage.pool, phone.source(stage.pool).holder, phone.at(stage.pool), lambda: now)
        for phone in phones
    )
    return await asyncio.gather(*asks, return_exceptions=True)


async def alone(stage: Stage, phone: Phone, *, now: datetime = NOW) -> Read:
    """Read what a phone gets by itself."""
    return await reading.read(
        stage.pool, phone.source(stage.pool).holder, Start.at(phone.at(stage.pool)), now, room=room_of_pull()
    )


def told(read: Read | BaseException | None) -> dict[str, object]:
    """Tell what a page says, whatever the order of its frames and of the buckets in each; the snapshot is of its own moment."""
    assert isinstance(read, Read), read
    said = msgspec.structs.asdict(read)
    said["frames"] = sorted(_NUMBERS.sub(_in_order, line, count=1) for line in b"".join(read.frames).splitlines())
    said["documents"] = said["snapshot"] = None
    return said


def _in_order(found: re.Match[bytes]) -> bytes:
    return b'"b":[%s]' % b",".join(sorted(found[1].split(b",")))


async def compared(
    stage: Stage, phone: Phone, read: Read | BaseException | None, *, joint: bool = True, now: datetime = NOW
) -> Read:
    """Insist that a page is the one that its device gets alone; give that one.

    Where buckets come or go a page of several (`joint`) is left to be read alone.
    """
    by_itself = await alone(stage, phone, now=now)
    if not joint or set(by_itself.want) == set(phone.at(stage.pool).buckets):
        assert told(read) == told(by_itself)
    else:
        assert read is None
    return by_itself


async def change(stage: Stage, draw: random.Random, known: list[UUID]) -> None:
    """Change something that devices hold."""
    buckets = draw.sample(BUCKETS, draw.randint(1, 3))
    if not known or draw.random() < 0.4:
        known.append(await stage.put(f"new é {draw.random()}", *buckets))
        return
    id = draw.choice(known)
    if draw.random() < 0.6:
        await stage.put(f"again {draw.random()}", *buckets, id=id)
    elif draw.random() < 0.5:
        await stage.leave(draw.choice(BUCKETS), id)
    else:
        await stage.delete(id)


async def test_each_page_is_the_one_that_its_device_gets_alone(stage: Stage, seed: int) -> None:
    draw = random.Random(seed)
    known: list[UUID] = []
    phones = [await phone_on(stage, *draw.sample(BUCKETS, draw.randint(1, 4))) for _ in range(6)]
    for _ in range(12):
        for _ in range(draw.randint(0, 5)):
            await change(stage, draw, known)
        if draw.random() < 0.2:
            await stage.give(draw.choice(phones), f"crew/{uuid4()}")
        if draw.random() < 0.1:
            await stage.take(draw.choice(phones), draw.choice(BUCKETS), at=NOW)
        pulling = draw.sample(phones, draw.randint(1, 6))
        found = await all_at_once(stage, pulling)
        for phone, read in zip(pulling, found, strict=True):
            by_itself = await compared(stage, phone, read, joint=len(pulling) > 1)
            page = pull.followed(
                phone.source(stage.pool), PullAsk(cursor=phone.cursor), by_itself, cursor=phone.at(stage.pool), now=NOW
            )
            assert page is not None
            phone.apply(page)
    for phone in phones:
        await phone.catch_up(stage.pool, now=NOW, check=True)


async def test_many_changes_and_large_ones_are_to_be_read_alone(stage: Stage) -> None:
    many, large = await phone_on(stage, "crew/1"), await phone_on(stage, "crew/2")
    first, second, idle = await phone_on(stage, "ref"), await phone_on(stage, "ref"), await phone_on(stage, "crew/3")
    await stage.put_many(201, "crew/1")
    await stage.put("x" * 60_000, "crew/2")
    await stage.put_many(200, "ref", size=2_000)
    found = await all_at_once(stage, [many, large, first, second, idle])
    assert found[:2] == [None, None]
    assert told(found[2]) == told(await alone(stage, first))
    assert told(found[2])["lines"] == 200
    assert found[3] is None, "the statement had given enough"
    assert told(found[4]) == told(await alone(stage, idle))


@pytest.mark.parametrize(("small", "large"), [(201, 0), (199, 60_000)], ids=["too many", "one is large"])
async def test_what_is_to_be_read_alone_takes_nothing_from_what_those_behind_it_are_given(
    stage: Stage, small: int, large: int
) -> None:
    first, second = await phone_on(stage, "crew/1"), await phone_on(stage, "ref")
    await stage.put_many(small, "crew/1", size=2_000)
    if large:
        await stage.put("x" * large, "crew/1")
    await stage.put("for the second", "ref")
    found = await all_at_once(stage, [first, second])
    assert found[0] is None
    assert told(found[1]) == told(await alone(stage, second))
    assert told(found[1])["lines"] == 1


async def test_sixteen_phones_cost_one_statement(stage: Stage, settings: Settings) -> None:
    phones = [await phone_on(stage, "crew/1", "ref") for _ in range(AT_ONCE)]
    await stage.put_many(10, "crew/1")
    async with counted_pool(settings) as (pool, statements):
        found = await all_at_once(Stage(pool, stage.org_id), phones)
        assert len(statements) == 1, statements
    assert {read.lines for read in found if isinstance(read, Read)} == {10}


async def test_who_proves_nothing_gets_nothing_and_spoils_nothing_for_others(stage: Stage) -> None:
    theirs = Stage(stage.pool)
    good, bad, mixed = await phone_on(stage, "ref"), await phone_on(stage, "ref"), await phone_on(stage, "ref")
    foreign = await phone_on(theirs, "ref")
    stranger = await phone_on(stage, "ref")
    await stage.put("ours", "ref")
    await theirs.put("their secret", "ref")
    mixed.session_id = bad.session_id
    stranger.org_id = theirs.org_id
    async with org_transaction(stage.pool, stage.org_id) as conn:
        await conn.execute(
            "update sync_device set secret_hash = $1 where org_id = $2 and device_id = $3",
            bytes(32),
            stage.org_id,
            bad.id,
        )
    found = await all_at_once(stage, [good, bad, mixed, stranger, foreign])
    assert told(found[0])["lines"] == 1
    assert b"secret" not in b"".join(told(found[0])["frames"])  # type: ignore[arg-type]
    assert [type(each) for each in found[1:4]] == [Unproven, SessionUnknown, Unproven]
    assert b"their secret" in b"".join(told(found[4])["frames"])  # type: ignore[arg-type]


async def test_a_revoked_phone_a_session_long_over_and_a_crew_that_was_left_hold_what_they_hold_alone(
    stage: Stage,
) -> None:
    phones = [await phone_on(stage, "crew/1", "ref") for _ in range(4)]
    revoked, shared, left = phones[:3]
    async with org_transaction(stage.pool, stage.org_id) as conn:
        await conn.execute(
            "update sync_device set revoked_at = $1 where org_id = $2 and device_id = $3", NOW, stage.org_id, revoked.id
        )
        shareds = [shared.id, left.id]
        await conn.execute(
            "update sync_device set person_id = null where org_id = $1 and device_id = any($2)", stage.org_id, shareds
        )
        await conn.execute(
            "update sync_device set crew_id = $1 where org_id = $2 and device_id = $3", uuid4(), stage.org_id, left.id
        )
    await stage.put("for some", "ref")
    for now in (NOW, NOW + timedelta(days=29)):
        found = await all_at_once(stage, phones, now=now)
        for phone, read in zip(phones, found, strict=True):
            await compared(stage, phone, read, now=now)


async def test_a_bucket_that_has_forgotten_is_sent_anew(stage: Stage, owner: asyncpg.Connection) -> None:
    phone = await phone_on(stage, "crew/1")
    await stage.put("there", "crew/1")
    await owner.execute(
        "insert into sync_floor (org_id, bucket, floor, life) values ($1, 'crew/1', pg_current_xact_id(), sync_life_now())",
        stage.org_id,
    )
    assert await all_at_once(stage, [phone, phone]) == [None, None], "each is to be read alone"
    (read,) = await all_at_once(stage, [phone])
    assert told(read) == told(await alone(stage, phone))
    assert isinstance(read, Read) and read.again == {"crew/1"}


async def test_a_statement_that_fails_sends_everybody_to_ask_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = [await phone_on(stage, "crew/1") for _ in range(3)]
    monkeypatch.setattr(together, "_PAGES", "select 1 / 0 where $1::text is not null and 0 = num_nulls($2::text, $3::text, $4::text, $5::timestamptz, "
                        "$6::text, $7::text, $8::text, $9::int)")  # fmt: skip
    assert await all_at_once(stage, phones) == [None, None, None]


async def test_what_cannot_be_taken_in_for_one_is_that_ones_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = [await phone_on(stage, "crew/1") for _ in range(3)]
    real = reading.read_of

    def read_of(about: About, frames: tuple[bytes, ...]) -> Read:
        if about.want[0] == f"dev/{phones[1].id}":
            raise KeyError("something that is not there")
        return real(about, frames)

    monkeypatch.setattr(reading, "read_of", read_of)
    async with asyncio.timeout(10):
        found = await all_at_once(stage, phones)
    assert [type(each) for each in found] == [Read, KeyError, Read]


@pytest.mark.parametrize("follows", [True, False], ids=["together", "alone"])
async def test_who_waited_for_a_place_gets_what_is_held_when_it_is_read(stage: Stage, follows: bool) -> None:
    phone = await phone_on(stage, "crew/1")
    await stage.take(phone, "crew/1", at=NOW + timedelta(seconds=1))
    gate, times = Gate(1), [NOW]
    waiting = Waiting(Pokes(stage.pool, no_listener), clock=lambda: times[0], forget=Shown(), gate=gate)
    async with gate.enter():
        ask = PullAsk(cursor=phone.cursor if follows else None)
        pulling = asyncio.create_task(waiting.pull(phone.source(stage.pool), ask))
        await until(lambda: gate._waiting == 1)
        times[0] = NOW + timedelta(seconds=2)
    assert (await pulling).want == (f"dev/{phone.id}",)


async def test_a_page_that_is_read_leaves_though_there_is_no_place_to_forget_what_was_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await phone_on(stage, "crew/1")
    async with org_transaction(stage.pool, stage.org_id) as conn:
        await conn.execute(
            "update sync_device set last_n = 5 where org_id = $1 and device_id = $2", stage.org_id, phone.id
        )
    await stage.put("news", "crew/1")
    gate, forget = Gate(1, line=2, line_s=5), Shown()
    waiting = Waiting(Pokes(stage.pool, no_listener), clock=lambda: NOW, forget=forget, gate=gate)
    enter, places = gate.enter, iter([True])

    @contextlib.asynccontextmanager
    async def once() -> AsyncIterator[None]:
        if not next(places, False):
            raise Crowded
        async with enter():
            yield

    with monkeypatch.context() as crowded:
        crowded.setattr(gate, "enter", once)
        page = await waiting.pull(phone.source(stage.pool), PullAsk(cursor=phone.cursor, seen_n=3))
    assert b'"news"' in page.body and page.acked_n == 5
    assert forget.told == []
    await waiting.pull(phone.source(stage.pool), PullAsk(cursor=phone.cursor, seen_n=3))
    assert forget.told == [3]


async def test_who_finds_no_place_in_the_line_or_waits_too_long_is_sent_away(stage: Stage) -> None:
    phones = [await phone_on(stage, "crew/1") for _ in range(4)]
    gate = Gate(1, line=3, line_s=0.2)
    async with gate.enter():
        found = await all_at_once(stage, phones, gate=gate)
    assert [type(each) for each in found] == [Crowded] * 4
    assert [type(each) for each in await all_at_once(stage, phones[:3], gate=gate)] == [Read] * 3


async def test_who_hangs_up_leaves_the_others_their_answers(stage: Stage) -> None:
    phones = [await phone_on(stage, "crew/1") for _ in range(3)]
    gate = Gate(1, line=10, line_s=5)
    gathered = Together(gate)
    async with gate.enter():
        asks = [
            asyncio.ensure_future(gathered.read(stage.pool, p.source(stage.pool).holder, p.at(stage.pool), lambda: NOW))
            for p in phones
        ]
        await until(lambda: len(gathered._waiting) == 3)
        asks[0].cancel()
    assert [type(each) for each in await asyncio.gather(*asks[1:])] == [Read, Read]
