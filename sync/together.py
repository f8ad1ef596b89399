"""Reads the pages of many devices in one statement: what comes while one is under way goes with the next. Decides nothing.

A pull without news takes PostgreSQL a fraction of what carrying a statement there and back takes everybody. Only devices that follow what
they hold whole are read together; each ask keeps its own fate: what cannot be answered with the others is to be read alone.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeAlias

import asyncpg
from msgspec import Struct

from mobile_contract import limits
from sync import reading
from sync.cursor import Cursor
from sync.gate import Crowded, Gate
from sync.literals import blobs, texts, uuids
from sync.reading import Holder, Read, SessionUnknown, Start, Unproven, room_of_pull

log = logging.getLogger("onsite.pull")
AT_ONCE: Final = 16
"""How many asks go into a statement: with more, the first ones would wait for the last."""
_STATEMENTS: Final = 2
# Beyond this, who has news and is still to be answered by the same statement is asked alone.
_ENOUGH_BYTES: Final = 256 * limits.KIB

_PAGES: Final = """
select no, about, frames
from sync_pages($1::text::uuid[], $2::text::uuid[], $3::text::bytea[], $4::text::uuid[], $5, $6::text::uuid[], $7::text::text[],
  $8::text::text[], $9)"""


Told: TypeAlias = Callable[[Read | Exception | None], None]
"""Takes what was read, or why nothing was: Unproven, SessionUnknown, Crowded; None: it is to be read alone. Never raises."""


class Ask(Struct, eq=False):
    """`told` is called once; not at all where the one who asked is `gone`."""

    holder: Holder
    cursor: Cursor
    clock: Callable[[], datetime]
    told: Told
    gone: Callable[[], bool]
    came_s: float = 0.0

    def tell(self, found: Read | Exception | None) -> None:
        """Tell what was found. Never raises: others wait behind this one for the same loop."""
        try:
            if not self.gone():
                self.told(found)
        except Exception:
            log.exception("an ask could not be told what was found")


class Together:
    """Gathers asks. A statement counts as one inside the gate; in the line they wait as anybody does."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._waiting: deque[Ask] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._weeding = False

    async def read(
        self, pool: asyncpg.Pool, holder: Holder, cursor: Cursor, clock: Callable[[], datetime]
    ) -> Read | None:
        """Read what moved since a cursor without a part or resets, for a holder with the hash of a secret; None: it is to be read alone.

        The clock is asked when the statement leaves: who has waited gets what is held then. Raises Unproven, SessionUnknown, Crowded.
        """
        answer: asyncio.Future[Read | None] = asyncio.get_running_loop().create_future()

        def told(found: Read | Exception | None) -> None:
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        self.ask(pool, Ask(holder, cursor, clock, told=told, gone=answer.done))
        return await answer

    def ask(self, pool: asyncpg.Pool, ask: Ask) -> None:
        """Read as `read` does, without a task of its own: the ask is told. Raises Crowded."""
        if len(self._waiting) >= self._gate.line:
            raise Crowded
        loop = asyncio.get_running_loop()
        ask.came_s = loop.time()
        self._waiting.append(ask)
        if self._running < _STATEMENTS:
            # It begins in the next turn of the loop: whatever else this turn has read from its sockets goes along.
            self._running += 1
            task = loop.create_task(self._work(pool))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif not self._weeding:
            self._weeding = True
            loop.call_later(self._gate.line_s, self._weed, loop)

    async def _work(self, pool: asyncpg.Pool) -> None:
        try:
            while self._waiting:
                # A connection that cannot be given back, for instance. Whoever waits still is answered.
                try:
                    await self._some(pool)
                except Exception:
                    log.exception("asks could not be answered")
        finally:
            # In the same step in which nobody was found waiting: who comes next begins anew.
            self._running -= 1

    async def _some(self, pool: asyncpg.Pool) -> None:
        try:
            async with self._gate.enter():
                asks = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                asks = [ask for ask in asks if not ask.gone()]
                if asks:
                    await _answer(pool, asks)
        except Crowded as error:
            while self._waiting:
                self._waiting.popleft().tell(error)

    def _weed(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send away who has waited too long, and look again as long as anybody waits."""
        now_s = loop.time()
        while self._waiting and now_s - self._waiting[0].came_s >= self._gate.line_s:
            self._waiting.popleft().tell(Crowded())
        self._weeding = bool(self._waiting)
        if self._weeding:
            loop.call_at(self._waiting[0].came_s + self._gate.line_s, self._weed, loop)


async def _answer(pool: asyncpg.Pool, asks: Sequence[Ask]) -> None:
    """Answer asks by one statement. What fails for any of them is nobody's fault but one's: each is then read alone."""
    try:
        conn = await pool.acquire()
    except Exception as error:
        log.info("asks are read alone after %s", type(error).__name__)
        for ask in asks:
            ask.tell(None)
        return
    # They are told before the connection goes back, which takes a turn of the loop.
    try:
        for ask, found in zip(asks, await _read(conn, asks), strict=True):
            ask.tell(found)
    finally:
        await pool.release(conn)


async def _read(conn: asyncpg.Connection, asks: Sequence[Ask]) -> list[Read | Exception | None]:
    if len(asks) == 1:
        return [await _by_itself(conn, asks[0])]
    try:
        found = {row["no"]: row for row in await _fetch(conn, asks)}
    except Exception as error:
        # Whose fault it was shows when each is read alone, and there it is raised.
        log.info("asks are read alone after %s", type(error).__name__)
        return [None] * len(asks)
    return [_found(found.get(no)) for no in range(1, len(asks) + 1)]


async def _by_itself(conn: asyncpg.Connection, ask: Ask) -> Read | Exception | None:
    """Read for one ask by the statement of one, which begins sooner than that of many and gives whatever there is to give."""
    try:
        return await reading.read(conn, ask.holder, Start.at(ask.cursor), ask.clock(), room=room_of_pull())
    except (Unproven, SessionUnknown, ValueError) as error:
        return error
    except Exception as error:
        log.info("an ask is read again after %s", type(error).__name__)
        return None


def _found(row: asyncpg.Record | None) -> Read | Exception | None:
    if row is None:
        return None
    try:
        about, frames = reading.about_of(row["about"]), row["frames"]
        return reading.read_of(about, () if frames is None else (frames,))
    except Exception as error:
        # Whatever it is: those behind this one wait for the same loop.
        return error


async def _fetch(conn: asyncpg.Connection, asks: Sequence[Ask]) -> list[asyncpg.Record]:
    holders, cursors = [ask.holder for ask in asks], [ask.cursor for ask in asks]
    rows: list[asyncpg.Record] = await conn.fetch(
        _PAGES,
        uuids(holder.org_id for holder in holders),
        uuids(holder.device_id for holder in holders),
        blobs(holder.secret_hash for holder in holders),
        uuids(holder.session_id for holder in holders),
        asks[-1].clock(),
        uuids(cursor.life for cursor in cursors),
        texts(cursor.snapshot for cursor in cursors),
        texts(texts(cursor.buckets) for cursor in cursors),
        _ENOUGH_BYTES,
    )
    return rows
