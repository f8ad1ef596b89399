"""The floor of the database: raw asyncpg running statements on connections of its own, in as many processes as the server has.

No pool, no row-level security, no HTTP, no rule; prepared statements, uvloop. Owns how it is measured, not which statements.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Final

import asyncpg
import uvloop
from msgspec import Struct

from benchmarks.cpu import Meter

_PREPARE_OFF: Final = {"jit": "off", "timezone": "UTC", "application_name": "floor"}


class Step(Struct, frozen=True):
    """A statement with its arguments; `rows`: they are fetched."""

    sql: str
    args: tuple[Any, ...] = ()
    rows: bool = True


class Transaction(Struct, frozen=True):
    """Statements between BEGIN and COMMIT."""

    steps: tuple[Step, ...]


Work = Step | Transaction


class Task(Struct, frozen=True, kw_only=True):
    """What to run: a script per connection, over and over for `seconds`, or once, begun until `seconds` are over."""

    dsn: str
    scripts: Sequence[Sequence[Work]]
    seconds: float
    warm_up_s: float = 0.0
    once: bool = False


class Ran(Struct, frozen=True, kw_only=True):
    """What came of it. A latency is that of one step or transaction; `cpu_s` is ours and the database's, for all works of the scripts."""

    elapsed_s: float
    latencies_s: Sequence[float]
    rows: int
    scripts_done: int
    all_works: int
    cpu_s: float = 0.0


class Floor:
    """The processes that run statements, kept over a whole run."""

    def __init__(self, processes: int) -> None:
        self.meter: Meter | None = None
        context = get_context("spawn")
        self._pipes = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs,), daemon=True)
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)

    def run(self, task: Task) -> Ran:
        """Run scripts, shared out over the processes. Raises RuntimeError with what went wrong there."""
        used = self._pipes[: len(task.scripts)]
        for number, pipe in enumerate(used):
            pipe.send(
                Task(
                    dsn=task.dsn,
                    scripts=task.scripts[number :: len(used)],
                    seconds=task.seconds,
                    warm_up_s=task.warm_up_s,
                    once=task.once,
                )
            )
        # Everybody is connected and warm before the clock runs.
        self._collect(used)
        if self.meter is not None:
            self.meter.start()
        for pipe in used:
            pipe.send("go")
        parts = self._collect(used)
        return Ran(
            elapsed_s=max(part.elapsed_s for part in parts),
            latencies_s=[latency for part in parts for latency in part.latencies_s],
            rows=sum(part.rows for part in parts),
            scripts_done=sum(part.scripts_done for part in parts),
            all_works=sum(part.all_works for part in parts),
            cpu_s=0.0 if self.meter is None else self.meter.spent_s(),
        )

    def _collect(self, pipes: Sequence[Any]) -> list[Any]:
        answers = [pipe.recv() for pipe in pipes]
        for answer in answers:
            if isinstance(answer, str) and answer != "ready":
                raise RuntimeError(f"the floor failed: {answer}")
        return answers

    def close(self) -> None:
        """End the processes."""
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            process.join(5)


@contextlib.contextmanager
def floor(processes: int) -> Iterator[Floor]:
    """Keep processes for statements for a while."""
    running = Floor(processes)
    try:
        yield running
    finally:
        running.close()


def _serve(pipe: Connection) -> None:
    while (task := pipe.recv()) is not None:
        try:
            pipe.send(uvloop.run(_run(task, pipe)))
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")


async def _run(task: Task, pipe: Connection) -> Ran:
    made = [asyncpg.connect(task.dsn, server_settings=_PREPARE_OFF) for _ in task.scripts]
    lines = [_Line(conn, script) for conn, script in zip(await asyncio.gather(*made), task.scripts, strict=True)]
    try:
        await asyncio.gather(*(line.prepare() for line in lines))
        pipe.send("ready")
        pipe.recv()
        counts_from = time.perf_counter() + task.warm_up_s
        ends_at = counts_from + task.seconds
        await asyncio.gather(*(line.go(counts_from, ends_at, once=task.once) for line in lines))
        return Ran(
            elapsed_s=max(line.last_at for line in lines) - counts_from,
            latencies_s=[latency for line in lines for latency in line.latencies],
            rows=sum(line.rows for line in lines),
            scripts_done=sum(line.done for line in lines),
            all_works=sum(line.all_works for line in lines),
        )
    finally:
        await asyncio.gather(*(line.conn.close() for line in lines))


class _Line:
    """One connection with its script."""

    def __init__(self, conn: asyncpg.Connection, script: Sequence[Work]) -> None:
        self.conn, self._script = conn, script
        self._prepared: dict[str, Any] = {}
        self.latencies: list[float] = []
        self.rows = self.done = self.all_works = 0
        self.last_at = 0.0

    async def prepare(self) -> None:
        """Prepare each statement of the script once."""
        for work in self._script:
            for step in work.steps if isinstance(work, Transaction) else (work,):
                if step.sql not in self._prepared:
                    self._prepared[step.sql] = await self.conn.prepare(step.sql)

    async def go(self, counts_from: float, ends_at: float, *, once: bool) -> None:
        """Run the script."""
        while True:
            began = time.perf_counter()
            for work in self._script:
                started = time.perf_counter()
                if once and started >= ends_at:
                    return
                rows = await (self._transact(work) if isinstance(work, Transaction) else self._step(work))
                ended = time.perf_counter()
                self.all_works += 1
                if started >= counts_from:
                    self.latencies.append(ended - started)
                    self.rows += rows
                    self.last_at = ended
            if began >= counts_from:
                self.done += 1
            if once or ended >= ends_at:
                return

    async def _step(self, step: Step) -> int:
        return len(await self._prepared[step.sql].fetch(*step.args))

    async def _transact(self, work: Transaction) -> int:
        await self.conn.execute("begin")
        rows = 0
        for step in work.steps:
            rows += await self._step(step)
        await self.conn.execute("commit")
        return rows
