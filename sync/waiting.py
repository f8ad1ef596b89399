"""How devices pull and wait for news: the long poll, the live stream. Knows no HTTP. Whoever waits for news holds no database connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Final

import asyncpg

from mobile_contract import limits
from mobile_contract.schema.messages import PullAsk, RepairAsk
from sync import page, pull, repair, together
from sync.ahead import Ahead
from sync.cursor import Cursor
from sync.gate import Crowded, Gate
from sync.pokes import Pokes
from sync.pull import Page, Source
from sync.reading import Holder, Read, Start
from sync.together import Together
from sync.transaction import org_transaction

KEEP_ALIVE_S: Final = 20.0
# A scope may change without any of its buckets changing, by the clock for instance: a stream looks again that often.
SCOPE_EVERY_S: Final = 300.0
POKE_EVERY_S: Final = 1.0

Forget = Callable[[asyncpg.Connection, Holder, int, Cursor], Awaitable[object]]

Told = Callable[[Page | Exception | None], None]

_POKE: Final = b"event: poke\ndata: {}\n\n"
_KEEP_ALIVE: Final = b": still here\n\n"


class Waiting:
    """Where devices pull, repair and wait. `clock` gives the time of each page; `forget` lets the outcomes go that a device has shown."""

    def __init__(
        self, pokes: Pokes, *, clock: Callable[[], datetime], forget: Forget, gate: Gate | None = None
    ) -> None:
        self._pokes = pokes
        self._clock = clock
        self._forget = forget
        self._gate = gate or Gate()
        self._together = Together(self._gate)
        self._ahead = Ahead(self._gate, clock)

    def pull_soon(self, source: Source, ask: PullAsk, told: Told, *, gone: Callable[[], bool]) -> bool:
        """Look for a device that follows what it holds, without a task: `told` gets its page, or why there is none; None: it is to be read `alone`.

        False, and nobody is told: the device is none of these. Nobody is told either once the caller is `gone`. `told` never raises.
        """
        cursor = pull.following(source, ask)
        if cursor is None or source.holder.secret_hash is None or self._ahead.keeps(ask.cursor):
            return False

        def read(found: Read | Exception | None) -> None:
            if not isinstance(found, Read):
                told(found)
                return
            try:
                made: Page | Exception | None = pull.followed(source, ask, found, cursor=cursor, now=self._clock())
            except Exception as error:
                made = error
            told(made)

        try:
            self._together.ask(source.pool, together.Ask(source.holder, cursor, self._clock, told=read, gone=gone))
        except Crowded:
            return False
        return True

    def is_final(self, ask: PullAsk, found: Page) -> bool:
        """Tell whether a page may leave as it is: nobody waits for news, and nothing is to be done beside it."""
        waits = found.idle and ask.wait_s > 0
        return not waits and found.onward is None and min(ask.seen_n, found.acked_n) <= found.seen_n

    async def pull(self, source: Source, ask: PullAsk, *, found: Page | None = None, alone: bool = False) -> Page:
        """Answer a pull; with `wait_s` as soon as there is news. A page that was `found` already is the first look; `alone`: without others.

        Raises Crowded, Standby, ValueError for digests that are none.
        """
        found = await self._inside(source, ask, alone=alone) if found is None else await self._noted(source, ask, found)
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

    async def _inside(self, source: Source, ask: PullAsk, *, alone: bool = False) -> Page:
        found = await self._read_ahead(source, ask)
        in_time = found is not None
        if found is None and not alone:
            found = await self._with_others(source, ask)
        if found is None:
            async with self._gate.enter():
                # After the line: what ended while this one waited is not held any more.
                found = await pull.pull(source, ask, now=self._clock())
        return await self._noted(source, ask, found, in_time=in_time)

    async def _noted(self, source: Source, ask: PullAsk, found: Page, *, in_time: bool = False) -> Page:
        """Do what is to be done beside a page: let go of what the device has shown, read on; further where it came `in_time` for this one."""
        seen_n = min(ask.seen_n, found.acked_n)
        if seen_n > found.seen_n and found.cursor is not None:
            # The page is read: where there is no place now, the device says what it has shown with its next pull.
            with contextlib.suppress(Crowded):
                async with self._gate.enter(), org_transaction(source.pool, source.holder.org_id) as conn:
                    await self._forget(conn, source.holder, seen_n, found.cursor)
        if found.onward is not None:
            self._ahead.begin(source, found.onward, further=in_time)
        return found

    async def _read_ahead(self, source: Source, ask: PullAsk) -> Page | None:
        """Answer a device with the page that was read for it while it took the one before; None where there is none."""
        read = await self._ahead.take(source, ask.cursor)
        cursor = None if read is None else pull.at_cursor(source, ask)
        if read is None or cursor is None:
            return None
        return pull.followed(source, ask, read, cursor=cursor, now=self._clock(), last=False)

    async def _with_others(self, source: Source, ask: PullAsk) -> Page | None:
        """Answer a device that follows what it holds together with others; None where it has to be answered alone."""
        cursor = pull.following(source, ask)
        if cursor is None or source.holder.secret_hash is None:
            return None
        read = await self._together.read(source.pool, source.holder, cursor, self._clock)
        return None if read is None else pull.followed(source, ask, read, cursor=cursor, now=self._clock())
