"""The load generator: raw HTTP/1.1 on kept connections, in a process of its own, one and the same for everybody who is measured.

Requests are bytes made beforehand; nothing is built, decoded or decompressed while the clock runs. Never judges what an answer says.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final, cast

import uvloop
from msgspec import Struct
from msgspec.structs import replace

from benchmarks.cpu import Meter

READ_BYTES: Final = 1 << 18
CONNECT_AT_ONCE: Final = 100


class Load(Struct, frozen=True, kw_only=True):
    """What to send: a script of requests per connection, over and over for `seconds`, or once, begun until `seconds` are over.

    With `patient` an answer 503 or 429 is followed by its Retry-After (with jitter) and the same request again, as phones do.
    """

    port: int
    scripts: Sequence[Sequence[bytes]]
    seconds: float
    warm_up_s: float = 0.0
    once: bool = False
    patient: bool = False


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of it. Latencies in seconds; `scripts_done` says how many scripts ended; bytes are those of heads and bodies.

    `cpu_s` is the generator's own; `served_cpu_s` what those who answered took, for all answers, those of the warm-up among them.
    """

    elapsed_s: float
    latencies_s: Sequence[float]
    statuses: dict[int, int]
    refused: int
    scripts_done: int
    bytes_in: int
    bytes_out: int
    cpu_s: float
    all_answers: int
    served_cpu_s: float = 0.0

    @property
    def answers(self) -> int:
        """Count the answers."""
        return len(self.latencies_s)

    @property
    def failures(self) -> int:
        """Count the answers that were none: statuses that do not begin with 2."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300)


class Driver:
    """The process that generates load, kept over a whole run."""

    def __init__(self) -> None:
        self.meter: Meter | None = None
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()

    def run(self, load: Load) -> Outcome:
        """Generate load and wait for its end. Raises RuntimeError with what went wrong over there."""
        if self.meter is not None:
            self.meter.start()
        self._pipe.send(load)
        answer: Outcome | str = self._pipe.recv()
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer if self.meter is None else replace(answer, served_cpu_s=self.meter.spent_s())

    @property
    def pid(self) -> int:
        """Name the process."""
        return self._process.pid or 0

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join(5)


@contextlib.contextmanager
def driver() -> Iterator[Driver]:
    """Run the load generator for a while."""
    running = Driver()
    try:
        yield running
    finally:
        running.close()


def _serve(pipe: Connection) -> None:
    while (load := pipe.recv()) is not None:
        try:
            pipe.send(uvloop.run(_Run(load).go()))
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")


class _Run:
    """One load: shared by its connections."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.refused = self.done = self.all_answers = self.bytes_in = self.bytes_out = 0
        self.counts_from = self.ends_at = 0.0
        self.last_at = 0.0
        self._left = len(load.scripts)
        self._all_done = asyncio.Event()
        self.fault = ""

    async def go(self) -> Outcome:
        """Connect everybody, then let all of them go at once."""
        loop = asyncio.get_running_loop()
        lines: list[_Line] = []
        for start in range(0, len(self.load.scripts), CONNECT_AT_ONCE):
            some = self.load.scripts[start : start + CONNECT_AT_ONCE]
            made = [loop.create_connection(_factory(self, script), "127.0.0.1", self.load.port) for script in some]
            lines += [line for _, line in await asyncio.gather(*made)]
        cpu = time.process_time()
        began = time.perf_counter()
        self.counts_from = began + self.load.warm_up_s
        self.ends_at = self.counts_from + self.load.seconds
        for line in lines:
            line.begin()
        # A server that stops answering must not stop the run.
        async with asyncio.timeout(self.load.warm_up_s + self.load.seconds + 120):
            await self._all_done.wait()
        ended = self.last_at or time.perf_counter()
        for line in lines:
            line.close()
        if self.fault:
            raise ConnectionError(self.fault)
        return Outcome(
            elapsed_s=ended - self.counts_from,
            latencies_s=self.latencies,
            statuses=dict(self.statuses),
            refused=self.refused,
            scripts_done=self.done,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            cpu_s=time.process_time() - cpu,
            all_answers=self.all_answers,
        )

    def leave(self, fault: str = "") -> None:
        """Count a connection out; the last one ends the run."""
        self.fault = self.fault or fault
        self._left -= 1
        if self._left == 0 or fault:
            self._all_done.set()


def _factory(run: _Run, script: Sequence[bytes]) -> "Callable[[], _Line]":
    return lambda: _Line(run, script)


class _Line(asyncio.Protocol):
    """One kept connection: sends a request, waits for the whole answer, sends the next."""

    def __init__(self, run: _Run, script: Sequence[bytes]) -> None:
        self._run, self._script = run, script
        self._at = 0
        self._head = b""
        self._left = -1
        self._chunks: _Chunks | None = None
        self._status = self._size = self._wait_s = 0
        self._sent = self._first_sent = 0.0
        self._over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over:
            self._over = True
            self._run.leave(f"a connection was closed: {exc or 'by the server'}")

    def begin(self) -> None:
        """Send the first request."""
        self._send()

    def close(self) -> None:
        """Hang up."""
        self._over = True
        self._transport.close()

    def _send(self, *, again: bool = False) -> None:
        self._sent = time.perf_counter()
        if not again:
            self._first_sent = self._sent
        self._transport.write(self._script[self._at])

    def data_received(self, data: bytes) -> None:
        self._size += len(data)
        if self._chunks is not None:
            if self._chunks.feed(data):
                self._answered()
        elif self._left >= 0:
            self._left -= len(data)
            if self._left <= 0:
                self._answered()
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end >= 0:
                self._read_head(end)

    def _read_head(self, end: int) -> None:
        head, rest = self._head[:end].lower(), self._head[end + 4 :]
        self._head = b""
        self._status = int(head[9:12])
        length = _field(head, b"content-length")
        self._wait_s = int(_field(head, b"retry-after") or 0)
        if length is not None:
            self._left = int(length) - len(rest)
            if self._left <= 0:
                self._answered()
        elif b"chunked" in (_field(head, b"transfer-encoding") or b""):
            self._chunks = _Chunks()
            if self._chunks.feed(rest):
                self._answered()
        else:
            self._answered()

    def _answered(self) -> None:
        run, now = self._run, time.perf_counter()
        self._left, self._chunks, size, self._size = -1, None, self._size, 0
        if run.load.patient and self._status in (429, 503):
            run.refused += 1
            pause_s = max(self._wait_s, 1) * random.uniform(0.5, 1.0)
            asyncio.get_running_loop().call_later(pause_s, lambda: self._send(again=True))
            return
        run.all_answers += 1
        if self._sent >= run.counts_from:
            run.latencies.append(now - (self._first_sent if run.load.patient else self._sent))
            run.statuses[self._status] += 1
            run.bytes_in += size
            run.bytes_out += len(self._script[self._at])
            run.last_at = now
        self._at += 1
        if self._at == len(self._script):
            if self._sent >= run.counts_from:
                run.done += 1
            self._at = 0
            if run.load.once:
                self._end()
                return
        if now >= run.ends_at and (self._at == 0 or run.load.once or not run.load.seconds):
            self._end()
            return
        self._send()

    def _end(self) -> None:
        self._over = True
        self._run.leave()


class _Chunks:
    """Finds the end of a chunked body."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skip = 0

    def feed(self, data: bytes) -> bool:
        """Take bytes; True once the last chunk is in."""
        self._buffer += data
        while True:
            if self._skip > len(self._buffer):
                self._skip -= len(self._buffer)
                self._buffer = b""
                return False
            self._buffer = self._buffer[self._skip :]
            self._skip = 0
            end = self._buffer.find(b"\r\n")
            if end < 0:
                return False
            size = int(self._buffer[:end].split(b";")[0], 16)
            if size == 0:
                return self._buffer.endswith(b"\r\n\r\n")
            self._skip = end + 2 + size + 2


def _field(head: bytes, name: bytes) -> bytes | None:
    at = head.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    start = at + len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()
