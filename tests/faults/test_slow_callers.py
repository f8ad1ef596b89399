"""Callers of one byte a second: they hold no connection to the database and no snapshot, little memory, and nobody else waits for them."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.settings import Settings
from tests.arrange import Org
from tests.faults.catalogue import catalogue
from tests.faults.database import Database
from tests.faults.fleet import Phone
from tests.faults.processes import MIB, Server, served
from tests.faults.report import Report
from tests.faults.stage import PULL, PUSH, Stage, staged
from tests.waiting import until

PATIENCE_S = 3.0
CALLERS = 30
# What a slow caller may cost: its page, once as it was made and once as it waits to be taken.
OF_ONE_MIB = 5.0
OTHERS_WITHIN_S = 10.0
LET_GO_WITHIN_S = 30.0


@pytest.fixture(scope="module")
async def impatient(own: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Run a web process that has less patience than others."""
    async with served(own, tmp_path_factory.mktemp("impatient"), chosen={"patience_s": PATIENCE_S}) as server:
        yield server


@pytest.fixture
async def slow_stage(
    impatient: Server, database: Database, org: Org, tmp_path: Path, report: Report, seed: int
) -> AsyncIterator[Stage]:
    async with staged(database, impatient, org, tmp_path, report=report, seed=seed) as stage:
        yield stage


class Caller:
    """A raw connection whose system takes little in advance, so that a slow reader is slow for the server too."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        self._port = port

    async def say(self, data: bytes) -> None:
        """Connect where that has not been done, and send bytes."""
        loop = asyncio.get_running_loop()
        if self._socket.getsockname()[1] == 0:
            await loop.sock_connect(self._socket, ("127.0.0.1", self._port))
        await loop.sock_sendall(self._socket, data)

    async def hear(self, count: int, *, within_s: float) -> bytes | None:
        """Take up to `count` bytes; None when nothing came in that time, empty when the connection is over."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(within_s):
                return await loop.sock_recv(self._socket, count)
        except TimeoutError:
            return None
        except ConnectionError:
            return b""

    async def over(self, drip: bytes) -> bytes:
        """Send a byte (or take one, when there is none to send) each half second until the server ends it; gives what it said."""
        heard = bytearray()
        async with asyncio.timeout(LET_GO_WITHIN_S):
            for at in range(10_000):
                with contextlib.suppress(ConnectionError):
                    if drip:
                        await self.say(drip[at % len(drip) :][:1])
                got = await self.hear(4096 if drip else 1, within_s=0.5)
                if got == b"":
                    break
                heard += got or b""
        return bytes(heard)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def request_of(phone: Phone, path: str, length: int) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", "Accept-Encoding: identity"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in phone.headers.items()), "", ""]).encode()


async def nobody_holds_a_snapshot(stage: Stage) -> None:
    """Find a moment at which no transaction is open while the slow ones are connected: theirs would be open all the time."""

    async def none_open() -> bool:
        return await stage.database.open_transactions() == 0

    await until(none_open, timeout_s=PATIENCE_S)


async def others_go_on(stage: Stage) -> float:
    """Let a fast phone work and sync beside the slow ones; gives its seconds."""
    fast = stage.fleet.phones[0]
    fast.work(stage.job, 5)
    begun = time.monotonic()
    assert (await stage.fleet.sync(fast)).stopped == ""
    took_s = time.monotonic() - begun
    assert took_s < OTHERS_WITHIN_S, took_s
    return took_s


async def test_answers_taken_one_byte_at_a_time(slow_stage: Stage) -> None:
    stage = slow_stage
    await catalogue(stage.org, 3_000)
    phone = await stage.fleet.phone("amy")
    await stage.fleet.settle()
    before = stage.server.rss_mib()
    callers = [Caller(stage.server.port) for _ in range(CALLERS)]
    body = b'{"cursor":null}'
    started = []
    for caller in callers:
        await caller.say(request_of(phone, PULL, len(body)) + body)
        started.append(await caller.hear(1, within_s=30))
    assert started == [b"H"] * CALLERS, started
    stage.report.broke(f"{CALLERS} phones that take a page of 1 MiB one byte at a time")
    await nobody_holds_a_snapshot(stage)
    took_s = await others_go_on(stage)
    during = stage.server.rss_mib()
    assert during - before < CALLERS * OF_ONE_MIB, (before, during)
    begun = time.monotonic()
    await asyncio.gather(*(caller.over(b"") for caller in callers[:5]))
    stage.report.checked(
        f"no transaction open meanwhile; another phone synced in {took_s:.2f} s; memory {before:.0f} to {during:.0f} MiB;"
        f" let go after {time.monotonic() - begun:.1f} s (patience {PATIENCE_S} s)"
    )
    for caller in callers:
        caller.close()
    await stage.quiet()


@pytest.mark.parametrize("what", ["head", "body"])
async def test_requests_sent_one_byte_at_a_time(slow_stage: Stage, what: str) -> None:
    stage = slow_stage
    phone = await stage.fleet.phone("amy")
    await stage.fleet.settle()
    before = stage.server.rss_mib()
    head = request_of(phone, PUSH, 10_000)
    sent, drip = (head[:20], head[20:]) if what == "head" else (head, b" ")
    callers = [Caller(stage.server.port) for _ in range(CALLERS)]
    for caller in callers:
        await caller.say(sent)
    stage.report.broke(f"{CALLERS} callers that send a {what} one byte at a time")
    ending = [asyncio.create_task(caller.over(drip)) for caller in callers]
    await nobody_holds_a_snapshot(stage)
    assert not any(task.done() for task in ending), "they were let go before anything could be seen"
    took_s = await others_go_on(stage)
    begun = time.monotonic()
    said = await asyncio.gather(*ending)
    during = stage.server.rss_mib()
    assert during - before < CALLERS, (before, during)
    if what == "body":
        assert all(b" 408 " in each and b"too_slow" in each for each in said), said[0]
    stage.report.checked(
        f"no transaction open meanwhile; another phone synced in {took_s:.2f} s; memory {before:.0f} to {during:.0f} MiB;"
        f" all let go {time.monotonic() - begun:.1f} s later ({'408 too_slow' if what == 'body' else 'cut'})"
    )
    for caller in callers:
        caller.close()
    await stage.quiet()


async def test_a_head_without_end_is_refused(slow_stage: Stage) -> None:
    stage = slow_stage
    await stage.fleet.phone("amy")
    before = stage.server.rss_mib()
    caller = Caller(stage.server.port)
    with contextlib.suppress(ConnectionError):
        await caller.say(b"GET /health/live HTTP/1.1\r\nHost: x\r\n")
        for _ in range(64):
            await caller.say(b"X-Filler: " + b"x" * MIB + b"\r\n")
    said = await caller.over(b"")
    stage.report.broke("a request with a head of up to 64 MiB")
    assert said == b"" or b" 400 " in said, said
    assert stage.server.rss_mib() - before < 8, "the head was kept"
    stage.report.checked("refused before it was kept")
    caller.close()
    await stage.quiet()
