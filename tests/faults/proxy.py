"""A fault proxy on loopback: whole requests go in on one side, and what a bad network makes of them comes out on the other.

It knows HTTP just so far that it can tell where a request and an answer end. What happens to a request is a `Fault`: scripted for the next
request of a path, else drawn by the weather from the proxy's seed. It never invents bytes.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from tests.waiting import until

HEAD_BYTES: Final = 64 * 1024
PIECE_BYTES: Final = 64 * 1024
# A server that is busy may take long; one that is gone is noticed at once.
ANSWER_WITHIN_S: Final = 120.0

Fault = Callable[["Passage"], Awaitable[None]]
Weather = Callable[[random.Random, str], Fault]


class Cut(Exception):
    """The connection to the client is to be cut at once."""


@dataclass
class Passage:
    """One request on its way, and the means to do things to it."""

    proxy: "Proxy"
    path: str
    head: bytes
    body: bytes
    client: asyncio.StreamWriter
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def forward(self, *, bytes_: int | None = None) -> None:
        """Send the request on, or its first bytes only."""
        _, writer = self.server = await self.proxy.upstream()
        writer.write((self.head + self.body)[:bytes_])
        await writer.drain()

    async def answer(self) -> tuple[bytes, bytes]:
        """Read the answer whole: head and body. Raises Cut when the server cuts it off."""
        assert self.server is not None
        reader, _ = self.server
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                head = await reader.readuntil(b"\r\n\r\n")
                length = header(head, b"content-length")
                return head, await reader.readexactly(int(length)) if length else await reader.read()
        except (OSError, EOFError, TimeoutError) as error:
            raise Cut from error

    async def relay(self) -> None:
        """Pass the answer on as it comes, to its end."""
        assert self.server is not None
        reader, _ = self.server
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.client.write(head)
            length = header(head, b"content-length")
            left = int(length) if length else None
            while left is None or left > 0:
                piece = await reader.read(PIECE_BYTES)
                if not piece:
                    break
                self.client.write(piece)
                await self.client.drain()
                left = None if left is None else left - len(piece)
        except (OSError, EOFError) as error:
            raise Cut from error
        if left != 0:
            raise Cut

    async def give(self, data: bytes) -> None:
        """Send bytes to the client."""
        with contextlib.suppress(OSError):
            self.client.write(data)
            await self.client.drain()


@dataclass
class Proxy:
    """The network between devices and one server. `down`: a partition; whoever is connected is cut, whoever comes is sent away."""

    server_port: int
    seed: int
    port: int = 0
    weather: Weather = lambda draw, path: passed
    log: list[str] = field(default_factory=list)
    down: bool = False
    _script: dict[str, deque[Fault]] = field(default_factory=dict)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    @property
    def url(self) -> str:
        """Give the address that devices use."""
        return f"http://127.0.0.1:{self.port}"

    def next(self, path: str, *faults: Fault) -> None:
        """Say what happens to the next requests of a path, one fault each; then the weather goes on."""
        self._script.setdefault(path, deque()).extend(faults)

    def partition(self) -> None:
        """Cut every connection and let none through until `heal`."""
        self.down = True
        for writer in list(self._open):
            writer.transport.abort()

    def heal(self) -> None:
        """Let connections through again."""
        self.down = False

    async def upstream(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to the server. Raises Cut where nobody listens."""
        try:
            opened = await asyncio.open_connection("127.0.0.1", self.server_port, limit=HEAD_BYTES)
        except OSError as error:
            raise Cut from error
        self._open.add(opened[1])
        return opened

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        """Listen on a free port until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_BYTES, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.partition()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def behind(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something happen behind the client's back."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        try:
            while not self.down and await self._one(reader, writer):
                pass
        except (OSError, EOFError, Cut, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._open.discard(writer)
            self._tasks.discard(task)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode("latin-1")
        body = await reader.readexactly(int(header(head, b"content-length") or b"0"))
        scripted = self._script.get(path)
        fault = scripted.popleft() if scripted else self.weather(self.draw, path)
        self.log.append(f"{path}: {getattr(fault, '__name__', 'fault')}")
        passage = Passage(self, path, _closing(head), body, writer)
        try:
            await fault(passage)
        finally:
            if passage.server is not None:
                passage.server[1].transport.abort()
                self._open.discard(passage.server[1])
        # Each request has a connection of its own to the server, so that cutting one cuts no other.
        await writer.drain()
        return not writer.transport.is_closing()


async def passed(passage: Passage) -> None:
    """Let a request and its answer through."""
    await passage.forward()
    await passage.relay()


async def lost(_: Passage) -> None:
    """Lose the request before the server sees it."""
    raise Cut


async def answer_lost(passage: Passage) -> None:
    """Let the server do its work, and lose its answer."""
    await passage.forward()
    await passage.answer()
    raise Cut


async def twice(passage: Passage) -> None:
    """Send the request twice at the same time, on two connections, and pass on the answer that came last."""
    other = Passage(passage.proxy, passage.path, passage.head, passage.body, passage.client)
    await asyncio.gather(passage.forward(), other.forward())
    answers = await asyncio.gather(passage.answer(), other.answer(), return_exceptions=True)
    whole = [answer for answer in answers if not isinstance(answer, BaseException)]
    if not whole:
        raise Cut
    await passage.give(b"".join(whole[-1]))


def ghost(seconds: float) -> Fault:
    """Lose the request as far as the client can tell, and deliver it after so long all the same: an old one comes after newer ones."""

    async def ghost(passage: Passage) -> None:
        late = Passage(passage.proxy, passage.path, passage.head, passage.body, passage.client)

        async def deliver() -> None:
            await _stand_still(seconds)
            with contextlib.suppress(Cut, OSError):
                await late.forward()
                await late.answer()

        passage.proxy.behind(deliver())
        raise Cut

    return ghost


def request_cut(share: float) -> Fault:
    """Cut the connections when that share of the request has reached the server."""

    async def request_cut(passage: Passage) -> None:
        await passage.forward(bytes_=len(passage.head) + int(share * len(passage.body)))
        raise Cut

    return request_cut


def answer_cut(share: float) -> Fault:
    """Cut the connections when that share of the answer's body has reached the client."""

    async def answer_cut(passage: Passage) -> None:
        await passage.forward()
        head, body = await passage.answer()
        await passage.give(head + body[: int(share * len(body))])
        raise Cut

    return answer_cut


def answer_shortened(lines: int) -> Fault:
    """Leave out the last lines of the answer and tell the shorter length, as a middlebox does that thinks it knows better."""

    async def answer_shortened(passage: Passage) -> None:
        passage.head = _without(passage.head, b"accept-encoding")
        await passage.forward()
        head, body = await passage.answer()
        kept = b"".join(body.splitlines(keepends=True)[:-lines])
        head = _without(head, b"content-length")[:-2] + b"content-length: %d\r\n\r\n" % len(kept)
        await passage.give(head + kept)

    return answer_shortened


def late(seconds: float, then: Fault = passed) -> Fault:
    """Hold the request back for so long: others overtake it."""

    async def late(passage: Passage) -> None:
        await _stand_still(seconds)
        await then(passage)

    return late


def answer_after(seconds: float) -> Fault:
    """Hold the whole answer back for so long."""

    async def answer_after(passage: Passage) -> None:
        await passage.forward()
        head, body = await passage.answer()
        await _stand_still(seconds)
        await passage.give(head + body)

    return answer_after


def black_hole(seconds: float) -> Fault:
    """Swallow the request: the client hears nothing at all for so long, then the connection ends."""

    async def black_hole(_: Passage) -> None:
        await _stand_still(seconds)
        raise Cut

    return black_hole


def answer_dripping(seconds: float, bytes_per_s: float = 1.0) -> Fault:
    """Pass the answer on so slowly; after so many seconds the connection ends."""

    async def answer_dripping(passage: Passage) -> None:
        await passage.forward()
        head, body = await passage.answer()
        await passage.give(head)
        for at in range(int(seconds * bytes_per_s)):
            await passage.give(body[at : at + 1])
            await _stand_still(1 / bytes_per_s)
        raise Cut

    return answer_dripping


@dataclass
class Held:
    """A fault that lets the server have the whole request and keeps the answer until `release` is set; then the connection is cut."""

    forwarded: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, passage: Passage) -> None:
        await passage.forward()
        self.forwarded.set()
        await self.release.wait()
        raise Cut

    async def reached_server(self) -> None:
        """Wait until the server has a whole request."""
        await until(self.forwarded.is_set, timeout_s=60)


def storm(draw: random.Random, path: str) -> Fault:
    """Draw what happens to a request in a very bad network: half of them come through."""
    share = draw.random()
    faults: list[tuple[float, Fault]] = [
        (0.50, passed),
        (0.08, lost),
        (0.08, answer_lost),
        (0.08, twice),
        (0.05, late(share)),
        (0.05, ghost(2 * share)),
        (0.04, request_cut(share)),
        (0.05, answer_cut(share)),
        (0.03, answer_shortened(1)),
        (0.02, answer_after(share)),
        (0.02, black_hole(share)),
    ]
    return draw.choices([fault for _, fault in faults], [weight for weight, _ in faults])[0]


def header(head: bytes, name: bytes) -> bytes | None:
    """Give the value of a header, None when the message has none."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def _closing(head: bytes) -> bytes:
    return _without(head, b"connection")[:-2] + b"connection: close\r\n\r\n"


def _without(head: bytes, name: bytes) -> bytes:
    lines = head[:-4].split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() != name]
    return b"\r\n".join(kept) + b"\r\n\r\n"


async def _stand_still(seconds: float) -> None:
    # A fault of the network is the one thing here that is time itself.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()
