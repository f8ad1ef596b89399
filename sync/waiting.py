"""How many pulls are inside at once, and how devices wait for news: the gate, the long poll, the live stream. Knows no HTTP.

Whoever waits for news holds no database connection; whoever would wait for a place inside for long is sent away to come again.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Final

import asyncpg

from mobile_contract import limits
from mobile_contract.schema.messages import PullAsk, RepairAsk
from sync import page, pull, repair
from sync.cursor import Cursor
from sync.pokes import Crowded, Pokes
from sync.pull import Page, Source
from sync.reading import Holder, Start
from sync.transaction import org_transaction

KEEP_ALIVE_S: Final = 20.0
# A scope may change without any of its buckets changing, by the clock for instance: a stream looks again that often.
SCOPE_EVERY_S: Final = 300.0
POKE_EVERY_S: Final = 1.0
LINE_S: Final = 1.0
# How many wait behind each place: a second's work of a small page. What bounds the wait is the second.
_LINE_EACH: Final = 64

Forget = Callable[[asyncpg.Connection, Holder, int, Cursor], Awaitable[object]]

_POKE: Final = b"event: poke\ndata: {}\n\n"
_KEEP_ALIVE: Final = b": still here\n\n"


class Gate:
    """Lets 2 × cores in at once. A short line may form, since a pull takes milliseconds; behind it callers are sent away."""

    def __init__(self, inside: int | None = None, *, line: int | None = None, line_s: float = LINE_S) -> None:
        self.limit = inside or 2 * (os.cpu_count() or 1)
        self._line = _LINE_EACH * self.limit if line is None else line
        self._line_s = line_s
        self._free = asyncio.Semaphore(self.limit)
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Be inside for the block. Raises Crowded when there is no place, nor one to be expected soon."""
        if not self._free.locked():
            await self._free.acquire()
        else:
            await self._line_up()
        try:
            yield
        finally:
            self._free.release()

    async def _line_up(self) -> None:
        if self._waiting >= self._line:
            raise Crowded
        self._waiting += 1
        try:
            async with asyncio.timeout(self._line_s):
                await self._free.acquire()
        except TimeoutError:
            raise Crowded from None
        finally:
            self._waiting -= 1


class Waiting:
    """Where devices pull, repair and wait. `clock` gives the time of each page; `forget` lets the outcomes go that a device has shown."""

    def __init__(
        self, pokes: Pokes, *, clock: Callable[[], datetime], forget: Forget, gate: Gate | None = None
    ) -> None:
        self._pokes = pokes
        self._clock = clock
        self._forget = forget
        self._gate = gate or Gate()

    async def pull(self, source: Source, ask: PullAsk) -> Page:
        """Answer a pull; with `wait_s` as soon as there is news. Raises Crowded, Standby, ValueError for digests that are none."""
        found = await self._inside(source, ask)
        wait_s = min(ask.wait_s, limits.WAIT_S)
        if not found.idle or wait_s == 0:
            return found
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        with self._pokes.listen(source.holder.org_id, found.want, owner=source.holder.device_id) as ear:
            # Once more now that somebody listens: what changed in between nobody will say again.
            found = await self._inside(source, ask)
            heard = True
            while found.idle and heard and not ear.over:
                ear.tune(source.holder.org_id, found.want)
                heard = await ear.heard(max(0.0, deadline - loop.time()))
                # Also after a silence: the page and the time in it are to be of now.
                found = await self._inside(source, ask)
        return found

    async def repair(self, source: Source, ask: RepairAsk) -> Page:
        """Answer a repair. Raises Crowded, Standby, ValueError for sums that are none."""
        async with self._gate.enter():
            return await repair.repair(source, ask, now=self._clock())

    async def live(self, source: Source) -> AsyncIterator[bytes]:
        """Give a stream of server-sent events: a bare poke at once and whenever a bucket changed, comments in between.

        Ends when the device has opened 6 others since. Raises Crowded, Standby before the first event.
        """
        org_id, device_id = source.holder.org_id, source.holder.device_id
        with self._pokes.listen(org_id, await self._scope(source), owner=device_id) as ear:
            yield _POKE
            left_s = SCOPE_EVERY_S
            while not ear.over:
                if await ear.heard(KEEP_ALIVE_S):
                    yield _POKE
                    await asyncio.sleep(POKE_EVERY_S)
                    left_s = 0
                else:
                    yield _KEEP_ALIVE
                    left_s -= KEEP_ALIVE_S
                if left_s <= 0:
                    before, after = {name for _, name in ear.buckets}, set(await self._scope(source))
                    ear.tune(org_id, after)
                    left_s = SCOPE_EVERY_S
                    if after - before:
                        ear.wake()

    async def _scope(self, source: Source) -> tuple[str, ...]:
        async with self._gate.enter():
            return page.wanted(await pull.look(source.pool, source, Start(), self._clock()))

    async def _inside(self, source: Source, ask: PullAsk) -> Page:
        async with self._gate.enter():
            found = await pull.pull(source, ask, now=self._clock())
            seen_n = min(ask.seen_n, found.acked_n)
            if seen_n > found.seen_n and found.cursor is not None:
                async with org_transaction(source.pool, source.holder.org_id) as conn:
                    await self._forget(conn, source.holder, seen_n, found.cursor)
            return found
