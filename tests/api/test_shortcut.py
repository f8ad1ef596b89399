"""Pulls that go past the framework: answered as the framework would, and handed to it whenever there is anything else to them."""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from msgspec import Struct

from api.envelope import Envelope
from api.settings import Settings
from mobile_contract.schema.messages import Begin, End, Frame, PullAsk
from mobile_contract.version import CONTRACT
from sync.pull import Page, Source
from sync.together import Ask, Together
from sync.transaction import org_transaction
from sync.waiting import Waiting
from tests.api.serving import Site, on_loopback
from tests.arrange import NOW, Org, organisation
from tests.sync.phone import Phone, note, phone_of
from tests.waiting import until

WITHIN_S = 20.0
_CHANGES = re.compile(rb'(?<="server_time":")[^"]+|(?<="anchor":")[^"]+|(?<="cursor":")[^"]+')


class Answer(Struct, frozen=True):
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def frames(self) -> list[Any]:
        return [msgspec.json.decode(line, type=Frame) for line in self.body.splitlines()]

    @property
    def end(self) -> End:
        end = self.frames[-1]
        assert isinstance(end, End)
        return end


class Line:
    """A connection that says exactly what it is told to say."""

    def __init__(self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._site, self._reader, self._writer = site, reader, writer

    async def say(self, *pieces: bytes) -> None:
        """Send bytes, each piece once the one before has been read."""
        for number, piece in enumerate(pieces):
            if number:
                # What the server answers it has read after the piece before.
                await self._site.client.get("/health/live")
            self._writer.write(piece)
            await self._writer.drain()

    async def hear(self) -> Answer:
        """Read an answer."""
        async with asyncio.timeout(WITHIN_S):
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode().strip().split("\r\n")
            pairs = [line.partition(": ") for line in lines]
            headers = {name: value for name, _, value in pairs}
            assert len(headers) == len(pairs), "a header came twice"
            return Answer(
                int(first.split()[1]), headers, await self._reader.readexactly(int(headers["content-length"]))
            )

    async def ask(self, *pieces: bytes) -> Answer:
        """Send bytes and read the answer."""
        await self.say(*pieces)
        return await self.hear()

    async def ended(self) -> bytes:
        """Read until the server hangs up."""
        async with asyncio.timeout(WITHIN_S):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""

    def hang_up(self) -> None:
        """Close the connection at once."""
        self._writer.transport.abort()


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with on_loopback(settings) as running:
        yield running


@pytest.fixture
async def line(site: Site) -> AsyncIterator[Line]:
    async with connected(site) as line:
        yield line


@contextlib.asynccontextmanager
async def connected(site: Site) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.client.base_url.port)
    try:
        yield Line(site, reader, writer)
    finally:
        writer.close()


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    return await organisation(pool, seed)


@pytest.fixture
async def phone(org: Org) -> Phone:
    return await phone_of(org, "amy")


@pytest.fixture
def framework(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what the framework is asked to answer, by path."""
    asked: Counter[str] = Counter()
    answer = Envelope.__call__

    async def counted(self: Envelope, scope: Any, receive: Any, send: Any) -> None:
        asked[scope.get("path", "")] += 1
        await answer(self, scope, receive, send)

    monkeypatch.setattr(Envelope, "__call__", counted)
    return asked


def request(phone: Phone, ask: PullAsk, *, path: str = "/sync/v1/pull", **more: str) -> bytes:
    """Write a pull; of the headers in `more` an empty one is left out."""
    return raw(phone, msgspec.json.encode(ask), path=path, **more)


def raw(phone: Phone, body: bytes, *, path: str = "/sync/v1/pull", **more: str) -> bytes:
    """Write a pull with any body."""
    headers = {
        "Host": "phone",
        "Authorization": f"Bearer {phone.enrolled.token.text}",
        "Onsite-Contract": CONTRACT,
        "Onsite-Session": str(phone.session()),
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    } | {name.replace("_", "-"): value for name, value in more.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join([f"POST {path} HTTP/1.1", *lines, "", ""]).encode() + body


@contextlib.asynccontextmanager
async def everybody_waits(site: Site) -> AsyncIterator[None]:
    """Take all places where pulls are answered."""
    gate = site.services.waiting._gate
    async with contextlib.AsyncExitStack() as places:
        for _ in range(gate.limit):
            await places.enter_async_context(gate.enter())
        yield


async def caught_up(line: Line, phone: Phone) -> str:
    """Pull until there is nothing more, and give the cursor."""
    cursor: str | None = None
    for _ in range(20):
        end = (await line.ask(request(phone, PullAsk(cursor=cursor)))).end
        cursor = end.cursor
        if not end.more and cursor is not None:
            return cursor
    raise AssertionError("there was always more")


def metric(site: Site, name: str) -> float:
    """Read one figure of the server."""
    found = re.search(rf"^{re.escape(name)} (\S+)$", site.services.metrics.page().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def in_flight(site: Site) -> float:
    """Tell how many requests are being answered."""
    return metric(site, "onsite_requests_in_flight")


async def reported(org: Org, phone: Phone) -> UUID:
    """Let something happen on the phone's crew's job."""
    job = await org.assigned_job()
    phone.do(note(org, job))
    await phone.taken(phone.queue[-1:])
    return job.job_id


@pytest.mark.parametrize("accepted", ["", "onsite-1, zstd, gzip", "gzip"], ids=["plain", "phone", "gzip"])
async def test_the_short_way_answers_as_the_framework_does(
    site: Site, line: Line, org: Org, phone: Phone, framework: Counter[str], accepted: str
) -> None:
    before = await caught_up(line, phone)
    await reported(org, phone)
    now = await caught_up(line, phone)
    for cursor in (before, now):
        framework.clear()
        short = await line.ask(request(phone, PullAsk(cursor=cursor), Accept_Encoding=accepted))
        assert not framework, "it did not go the short way"
        # With a query, if an empty one, it is another path to the short way and the same to the framework.
        long = await line.ask(request(phone, PullAsk(cursor=cursor), path="/sync/v1/pull?", Accept_Encoding=accepted))
        assert framework == {"/sync/v1/pull": 1}
        changing = {"request-id", "date", "content-length"}
        assert short.status == long.status == 200
        assert short.headers.keys() == long.headers.keys()
        assert {n: v for n, v in short.headers.items() if n not in changing} == {
            n: v for n, v in long.headers.items() if n not in changing
        }
        if "content-encoding" not in short.headers:
            assert _CHANGES.sub(b"", short.body) == _CHANGES.sub(b"", long.body)


async def test_who_has_nothing_to_fetch_keeps_the_cursor_and_misses_nothing(
    line: Line, org: Org, phone: Phone, framework: Counter[str]
) -> None:
    cursor = await caught_up(line, phone)
    framework.clear()
    for _ in range(3):
        page = await line.ask(request(phone, PullAsk(cursor=cursor)))
        assert page.end.cursor == cursor
        assert len(page.frames) == 2
    job_id = await reported(org, phone)
    page = await line.ask(request(phone, PullAsk(cursor=cursor)))
    assert str(job_id).encode() in page.body
    assert page.end.cursor != cursor
    assert not framework


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"Authorization": "Bearer osd_x"}, 401, "unauthenticated"),
        ({"Authorization": ""}, 401, "unauthenticated"),
        ({"Onsite_Session": "00000000-0000-4000-8000-000000000000"}, 403, "session_unknown"),
        ({"Onsite_Contract": "99.0"}, 426, "upgrade_required"),
        ({"Content_Type": "text/plain"}, 415, "unsupported_media_type"),
        ({"Content_Encoding": "br"}, 415, "unsupported_media_type"),
    ],
)
async def test_what_is_refused_is_refused_by_the_framework(
    line: Line, phone: Phone, framework: Counter[str], changed: dict[str, str], status: int, code: str
) -> None:
    cursor = await caught_up(line, phone)
    framework.clear()
    answer = await line.ask(request(phone, PullAsk(cursor=cursor), **changed))
    assert (answer.status, msgspec.json.decode(answer.body)["code"]) == (status, code)
    assert framework == {"/sync/v1/pull": 1}
    # The connection goes on, the short way.
    assert (await line.ask(request(phone, PullAsk(cursor=cursor)))).status == 200
    assert framework == {"/sync/v1/pull": 1}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed"),
        (b'{"cursor":3}', 422, "invalid"),
        (b'{"cursor":"\\u0000"}', 422, "invalid"),
        (b'{"cursor":"' + b"x" * 600_000 + b'"}', 413, "body_too_large"),
    ],
    ids=["cut", "type", "nul", "long"],
)
async def test_what_does_not_read_well_is_told_by_the_framework(
    line: Line, phone: Phone, body: bytes, status: int, code: str
) -> None:
    answer = await line.ask(raw(phone, body))
    assert (answer.status, msgspec.json.decode(answer.body)["code"]) == (status, code)


async def test_a_stranger_on_the_short_way_is_turned_away(line: Line, phone: Phone) -> None:
    cursor = await caught_up(line, phone)
    token = phone.enrolled.token.text
    wrong = token[:-5] + ("aaaaa" if not token.endswith("aaaaa") else "bbbbb")
    answer = await line.ask(request(phone, PullAsk(cursor=cursor), Authorization=f"Bearer {wrong}"))
    assert (answer.status, msgspec.json.decode(answer.body)["code"]) == (401, "unauthenticated")


async def test_a_request_in_pieces_and_requests_behind_each_other(line: Line, phone: Phone) -> None:
    cursor = await caught_up(line, phone)
    whole = request(phone, PullAsk(cursor=cursor))
    head, _, body = whole.partition(b"\r\n\r\n")
    assert (await line.ask(head + b"\r\n\r\n", body)).end.cursor == cursor
    assert (await line.ask(head + b"\r\n\r\n" + body[:10], body[10:])).end.cursor == cursor
    assert (await line.ask(head[:20], head[20:] + b"\r\n\r\n" + body)).end.cursor == cursor
    # Two pulls, something for the framework, and a pull again, all sent before the first answer.
    health = b"GET /health/live HTTP/1.1\r\nHost: phone\r\n\r\n"
    await line.say(whole + whole + health + whole)
    heard = [await line.hear() for _ in range(4)]
    assert [answer.headers["content-type"].split(";")[0] for answer in heard] == [
        "application/x-ndjson",
        "application/x-ndjson",
        "application/json",
        "application/x-ndjson",
    ]


async def test_half_a_head_behind_a_pull_is_not_waited_for(settings: Settings, phone: Phone) -> None:
    async with on_loopback(msgspec.structs.replace(settings, patience_s=0.5)) as site, connected(site) as line:
        cursor = await caught_up(line, phone)
        # Long before a connection that is only quiet would be closed.
        assert (await line.ask(request(phone, PullAsk(cursor=cursor)) + b"POST /sync")).end.cursor == cursor
        assert await line.ended() == b""


async def test_a_long_poll_ends_with_the_news(site: Site, line: Line, org: Org, phone: Phone) -> None:
    cursor = await caught_up(line, phone)
    job = await org.assigned_job()
    cursor = await caught_up(line, phone)
    asking = asyncio.create_task(line.ask(request(phone, PullAsk(cursor=cursor, wait_s=15))))
    await until(lambda: in_flight(site) == 1, timeout_s=WITHIN_S)
    phone.do(note(org, job, "heard of it"))
    phone.poke = site.services.poke
    await phone.taken(phone.queue[-1:])
    assert b"heard of it" in (await asking).body


async def test_who_hangs_up_is_noted_and_forgotten(site: Site, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    aborted = 'onsite_requests_total{code="aborted",method="POST",route="/sync/v1/pull",status="0"}'
    held: list[Any] = []
    async with connected(site) as first:
        cursor = await caught_up(first, phone)
    look = Waiting.pull_soon

    def late(self: Waiting, source: Source, ask: PullAsk, told: Any, *, gone: Any) -> bool:
        def wait(page: Page | Exception | None) -> None:
            held.append((told, page))

        return look(self, source, ask, wait, gone=gone)

    monkeypatch.setattr(Waiting, "pull_soon", late)
    before = metric(site, aborted)
    async with connected(site) as line:
        await line.say(request(phone, PullAsk(cursor=cursor)))
        await until(lambda: bool(held), timeout_s=WITHIN_S)
        assert in_flight(site) == 1
        line.hang_up()
        await until(lambda: in_flight(site) == 0, timeout_s=WITHIN_S)
    assert metric(site, aborted) == before + 1
    told, page = held[0]
    told(page)
    assert metric(site, aborted) == before + 1
    assert in_flight(site) == 0


async def test_devices_at_once_get_their_own_pages_and_whose_buckets_changed_is_read_alone(
    site: Site, org: Org, framework: Counter[str]
) -> None:
    phones = [await phone_of(org, name) for name in ("amy", "bob", "dan")]
    async with connected(site) as first, connected(site) as second, connected(site) as third:
        lines = (first, second, third)
        cursors = [await caught_up(line, phone) for line, phone in zip(lines, phones, strict=True)]
        async with org_transaction(org.pool, org.id) as conn:
            await conn.execute(
                "insert into sync_scope (org_id, person_id, bucket, cause, prio, from_at) values ($1, $2, 'role/diver', gen_random_uuid(), 9, $3)",
                *(org.id, org.people["bob"], NOW),
            )
        framework.clear()
        async with everybody_waits(site):
            for line, phone, cursor in zip(lines, phones, cursors, strict=True):
                await line.say(request(phone, PullAsk(cursor=cursor)))
            await until(lambda: len(site.services.waiting._together._waiting) == 3, timeout_s=WITHIN_S)
        pages = [await line.hear() for line in lines]
    assert [page.end.cursor == cursor for page, cursor in zip(pages, cursors, strict=True)] == [True, False, True]
    assert pages[1].frames[0].add == ("role/diver",)
    assert not framework


async def test_who_finds_no_place_is_sent_away_after_one_wait(
    site: Site, line: Line, phone: Phone, framework: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = await caught_up(line, phone)
    asked: list[Ask] = []
    ask = Together.ask

    def counted(self: Together, pool: asyncpg.Pool, given: Ask) -> None:
        asked.append(given)
        ask(self, pool, given)

    monkeypatch.setattr(Together, "ask", counted)
    monkeypatch.setattr(site.services.waiting._gate, "line_s", 0.1)
    framework.clear()
    async with everybody_waits(site):
        answer = await line.ask(request(phone, PullAsk(cursor=cursor)))
    assert (answer.status, msgspec.json.decode(answer.body)["code"]) == (503, "busy")
    assert answer.headers["retry-after"]
    assert (len(asked), framework) == (1, {"/sync/v1/pull": 1})
    assert (await line.ask(request(phone, PullAsk(cursor=cursor)))).status == 200
    assert in_flight(site) == 0


async def test_a_revoked_device_is_answered_by_its_statement(line: Line, org: Org, phone: Phone) -> None:
    cursor = await caught_up(line, phone)
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute(
            "update sync_device set revoked_at = $3 where org_id = $1 and device_id = $2", org.id, phone.id, NOW
        )
    page = await line.ask(request(phone, PullAsk(cursor=cursor)))
    assert page.end.cursor != cursor
    assert set(page.frames[0].buckets) == {f"dev/{phone.id}"}
    assert page.frames[0].drop


async def test_a_page_begins_with_a_time_and_an_anchor_of_its_own(line: Line, phone: Phone) -> None:
    cursor = await caught_up(line, phone)
    begins = [(await line.ask(request(phone, PullAsk(cursor=cursor)))).frames[0] for _ in range(2)]
    assert all(isinstance(begin, Begin) for begin in begins)
    assert begins[0].server_time < begins[1].server_time
    assert begins[0].anchor != begins[1].anchor
