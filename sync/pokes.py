"""Tells waiting devices that one of their buckets changed: a bare poke, no content. Nothing depends on a poke coming: listeners also poll.

No NOTIFY inside a command's transaction: it would take a lock that every commit of the server waits for. After the commit each process
hands its buckets to one sender, which notifies at most once per 100 ms. Names travel as short hashes; a collision wakes somebody for nothing.
"""

import asyncio
import base64
import contextlib
import hashlib
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Final
from uuid import UUID

import asyncpg

log = logging.getLogger("onsite.pokes")

CHANNEL: Final = "onsite_poke"
SEND_EVERY_S: Final = 0.1
POLL_EVERY_S: Final = 5.0
RECONNECT_S: Final = 1.0
EARS_MAX: Final = 5_000
# One device has one stream; a person may have some pages open. A connection that broke unseen may linger beside its successor.
EARS_OF_ONE_MAX: Final = 6
# PostgreSQL takes 8,000 bytes: the sender's name and hashes of 8 characters with a comma each.
_HASHES_MAX: Final = 880
_EVERYBODY: Final = "*"
# A poke of the catalogue wakes everybody: so many of them at once, the rest within a few seconds.
_WAKE_PER_S: Final = 200
_WAKE_WITHIN_S: Final = 5.0

_NOTIFY: Final = f"select pg_notify('{CHANNEL}', $1)"
_TOUCHED: Final = "select snapshot, no from sync_touched($1, $2, $3::text::pg_snapshot)"
_FAULTS: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)

Connect = Callable[[], Awaitable[asyncpg.Connection]]
Bucket = tuple[UUID, str]


class Crowded(Exception):
    """So many are here already that another one has to come again later."""


class Ear:
    """One who waits for a change of some buckets. Made by `Pokes.listen`."""

    def __init__(self, pokes: "Pokes") -> None:
        self._pokes = pokes
        self._event = asyncio.Event()
        self.buckets: frozenset[Bucket] = frozenset()
        self.over = False

    async def heard(self, timeout_s: float) -> bool:
        """Wait for a poke, for so long at most; one that came since the last call counts. Holds no database connection."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True

    def tune(self, org_id: UUID, buckets: Iterable[str]) -> None:
        """Listen to these buckets from now on."""
        self._pokes.tune(self, frozenset((org_id, bucket) for bucket in buckets))

    def wake(self) -> None:
        """Let the waiting one go on."""
        self._event.set()

    def end(self) -> None:
        """Let the waiting one go on, and see by `over` that it has waited long enough."""
        self.over = True
        self._event.set()


class Pokes:
    """The pokes of one process. `connect` opens a connection of its own for LISTEN; it raises OSError when it cannot."""

    def __init__(self, pool: asyncpg.Pool, connect: Connect) -> None:
        self._pool = pool
        self._connect = connect
        self._name = secrets.token_hex(4)
        self._random = random.SystemRandom()
        self._ears: set[Ear] = set()
        self._of_one: dict[UUID, list[Ear]] = {}
        self._by_hash: dict[str, set[Ear]] = {}
        self._pending: set[str] = set()
        self._filled = asyncio.Event()
        self._since: str | None = None
        self._closing = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Pokes"]:
        """Send and listen until the block ends."""
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._hear())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._wake(self._ears)

    def poke(self, org_id: UUID, buckets: Iterable[str]) -> None:
        """Tell everybody, here and in other processes, that buckets changed; call it after the commit. Never blocks, never raises."""
        hashes = {_hash((org_id, bucket)) for bucket in buckets}
        if not hashes:
            return
        self._wake(self._listening(hashes))
        self._pending |= hashes
        if len(self._pending) > _HASHES_MAX:
            self._pending = {_EVERYBODY}
        self._filled.set()

    @contextlib.contextmanager
    def listen(self, org_id: UUID, buckets: Iterable[str], *, owner: UUID | None = None) -> Iterator[Ear]:
        """Listen to buckets inside the block. Of one owner (a device, a person) 6 listen at most: the one that came first has to end.

        Raises Crowded when 5,000 listen already, or when the process is about to stop.
        """
        if self._closing or len(self._ears) >= EARS_MAX:
            raise Crowded
        ear = Ear(self)
        self._ears.add(ear)
        others = [] if owner is None else self._of_one.setdefault(owner, [])
        others.append(ear)
        if len(others) > EARS_OF_ONE_MAX:
            # The newest is the one that somebody reads: what broke unseen came before it.
            others.pop(0).end()
        ear.tune(org_id, buckets)
        try:
            yield ear
        finally:
            self.tune(ear, frozenset())
            self._ears.discard(ear)
            if ear in others:
                others.remove(ear)
            if owner is not None and not others:
                self._of_one.pop(owner, None)

    def let_go(self) -> None:
        """Let everybody who waits go on, and nobody begin to wait: the process is about to stop."""
        self._closing = True
        for ear in self._ears:
            ear.end()

    def tune(self, ear: Ear, buckets: frozenset[Bucket]) -> None:
        """Change what an ear listens to."""
        for bucket in ear.buckets - buckets:
            others = self._by_hash.get(_hash(bucket), set())
            others.discard(ear)
            if not others:
                self._by_hash.pop(_hash(bucket), None)
        for bucket in buckets:
            self._by_hash.setdefault(_hash(bucket), set()).add(ear)
        ear.buckets = buckets

    def _listening(self, hashes: Iterable[str]) -> set[Ear]:
        hashes = set(hashes)
        if _EVERYBODY in hashes:
            return set(self._ears)
        return {ear for each in hashes for ear in self._by_hash.get(each, ())}

    def _wake(self, ears: Iterable[Ear]) -> None:
        ears = list(ears)
        spread_s = min(_WAKE_WITHIN_S, len(ears) / _WAKE_PER_S)
        loop = asyncio.get_running_loop()
        for ear in ears:
            loop.call_later(self._random.uniform(0, spread_s), ear.wake)

    async def _send(self) -> None:
        while True:
            await self._filled.wait()
            hashes, self._pending = self._pending, set()
            self._filled.clear()
            try:
                await self._pool.execute(_NOTIFY, f"{self._name} {','.join(sorted(hashes))}")
            except _FAULTS as error:
                # Listeners poll: they hear of it a few seconds later.
                log.warning("poke lost", extra={"error": type(error).__name__})
            await asyncio.sleep(SEND_EVERY_S)

    async def _hear(self) -> None:
        while True:
            try:
                await self._listen_on(await self._connect())
            except _FAULTS as error:
                log.warning("listener lost", extra={"error": type(error).__name__})
            await asyncio.sleep(RECONNECT_S * self._random.uniform(0.5, 1.5))

    async def _listen_on(self, conn: asyncpg.Connection) -> None:
        lost = asyncio.Event()
        conn.add_termination_listener(lambda _: lost.set())
        try:
            await conn.add_listener(CHANNEL, self._on_notify)
            if self._since is not None:
                # What was said meanwhile nobody heard, and the server may live anew, so that `since` means nothing.
                self._since = None
                self._wake(self._ears)
            while not lost.is_set():
                await self._poll(conn)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_EVERY_S):
                        await lost.wait()
        finally:
            conn.terminate()

    def _on_notify(self, _conn: object, _pid: int, _channel: str, payload: object) -> None:
        name, _, hashes = str(payload).partition(" ")
        if name != self._name:
            self._wake(self._listening(hashes.split(",")))

    async def _poll(self, conn: asyncpg.Connection) -> None:
        """Ask which of the awaited buckets changed since the last time, whether or not anybody said so."""
        asked = sorted({bucket for ear in self._ears for bucket in ear.buckets})
        rows = await conn.fetch(_TOUCHED, [org_id for org_id, _ in asked], [name for _, name in asked], self._since)
        self._since = rows[0]["snapshot"]
        self._wake(self._listening(_hash(asked[row["no"] - 1]) for row in rows[1:]))


def _hash(bucket: Bucket) -> str:
    org_id, name = bucket
    return base64.urlsafe_b64encode(hashlib.blake2b(org_id.bytes + name.encode(), digest_size=6).digest()).decode()
