"""Reads the pages of many devices in one statement: what comes while one is under way goes with the next. Decides nothing.

A pull without news takes PostgreSQL a fraction of what carrying a statement there and back takes everybody. Only devices that follow what
they hold whole are read together; each ask keeps its own fate: what cannot be answered with the others is to be read alone.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import asyncpg
from msgspec import Struct

from mobile_contract import limits
from sync import reading
from sync.cursor import Cursor
from sync.gate import Crowded, Gate
from sync.literals import blobs, texts, uuids
from sync.reading import DELTA_BYTES, Holder, Read, moved_bytes, refusal_of, room_of_pull

log = logging.getLogger("onsite.pull")
AT_ONCE: Final = 16
"""How many asks go into a statement: with more, the first ones would wait for the last."""
_STATEMENTS: Final = 2
# Beyond this, whoever is still to be answered by the same statement is asked alone.
_ENOUGH_BYTES: Final = 256 * limits.KIB
_LATER: Final = "later"

_PULLS: Final = """
select no, refused, snapshot, life, acked_n, seen_n, want, names, kept, again, left_out, documents, cut, last_kind, last_id, moved_bytes, lines, frames
from sync_pulls($1::text::uuid[], $2::text::uuid[], $3::text::bytea[], $4::text::uuid[], $5, $6::text::uuid[], $7::text::text[],
  $8::text::text[], $9, $10, $11, $12, $13, $14)"""


class _Ask(Struct, eq=False):
    holder: Holder
    cursor: Cursor
    clock: Callable[[], datetime]
    came_s: float
    answer: "asyncio.Future[Read | None]"


class Together:
    """Gathers asks. A statement counts as one inside the gate; in the line they wait as anybody does."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._waiting: deque[_Ask] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._weeding = False

    async def read(
        self, pool: asyncpg.Pool, holder: Holder, cursor: Cursor, clock: Callable[[], datetime]
    ) -> Read | None:
        """Read what moved since a cursor without a part or resets, for a holder with the hash of a secret; None: it is to be read alone.

        The clock is asked when the statement leaves: who has waited gets what is held then. Raises Unproven, SessionUnknown, Crowded.
        """
        if len(self._waiting) >= self._gate.line:
            raise Crowded
        loop = asyncio.get_running_loop()
        ask = _Ask(holder, cursor, clock, loop.time(), loop.create_future())
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
        return await ask.answer

    async def _work(self, pool: asyncpg.Pool) -> None:
        try:
            while self._waiting:
                await self._some(pool)
        finally:
            # In the same step in which nobody was found waiting: who comes next begins anew.
            self._running -= 1

    async def _some(self, pool: asyncpg.Pool) -> None:
        try:
            async with self._gate.enter():
                asks = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
                asks = [ask for ask in asks if not ask.answer.done()]
                if asks:
                    await _answer(pool, asks)
        except Crowded as error:
            while self._waiting:
                _fail(self._waiting.popleft(), error)

    def _weed(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send away who has waited too long, and look again as long as anybody waits."""
        now_s = loop.time()
        while self._waiting and now_s - self._waiting[0].came_s >= self._gate.line_s:
            _fail(self._waiting.popleft(), Crowded())
        self._weeding = bool(self._waiting)
        if self._weeding:
            loop.call_at(self._waiting[0].came_s + self._gate.line_s, self._weed, loop)


async def _answer(pool: asyncpg.Pool, asks: Sequence[_Ask]) -> None:
    """Answer asks by one statement. What fails for any of them is nobody's fault but one's: each is then read alone."""
    found: dict[int, list[asyncpg.Record]] = {}
    try:
        for row in await _fetch(pool, asks):
            found.setdefault(row["no"], []).append(row)
    except Exception as error:
        # Whose fault it was shows when each is read alone, and there it is raised.
        log.info("asks are read alone after %s", type(error).__name__)
    for no, ask in enumerate(asks, start=1):
        if not ask.answer.done():
            _settle(ask, found.get(no, ()))


def _settle(ask: _Ask, rows: Sequence[asyncpg.Record]) -> None:
    if not rows or rows[0]["refused"] == _LATER or moved_bytes(rows) > DELTA_BYTES:
        ask.answer.set_result(None)
        return
    refused = refusal_of(rows[0])
    if refused is not None:
        ask.answer.set_exception(refused)
        return
    try:
        ask.answer.set_result(reading.read_of(rows))
    except Exception as error:
        # Whatever it is: those behind this one wait for the same loop.
        ask.answer.set_exception(error)


def _fail(ask: _Ask, error: Exception) -> None:
    if not ask.answer.done():
        ask.answer.set_exception(error)


async def _fetch(pool: asyncpg.Pool, asks: Sequence[_Ask]) -> list[asyncpg.Record]:
    room = room_of_pull()
    holders, cursors = [ask.holder for ask in asks], [ask.cursor for ask in asks]
    rows: list[asyncpg.Record] = await pool.fetch(
        _PULLS,
        uuids(holder.org_id for holder in holders),
        uuids(holder.device_id for holder in holders),
        blobs(holder.secret_hash for holder in holders),
        uuids(holder.session_id for holder in holders),
        asks[-1].clock(),
        uuids(cursor.life for cursor in cursors),
        texts(cursor.snapshot for cursor in cursors),
        texts(texts(cursor.buckets) for cursor in cursors),
        _ENOUGH_BYTES,
        room.documents,
        room.documents_min,
        limits.PAGE_BYTES,
        DELTA_BYTES,
        limits.SCOPE_DOCUMENTS,
    )
    return rows
