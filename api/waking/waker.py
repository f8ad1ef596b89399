"""Wakes sleeping phones: one that somebody asks for, and those for which an urgent visit waits. Never inside a command's transaction.

What waits is found in the database, not remembered: a process that dies forgets nothing, and the timer of each minute finds what a poke
did not. Whatever a push service does, no command fails by it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct
from prometheus_client import Counter

from api.store import waking as store
from api.waking.pace import APART, PATIENCE, WITHIN, Due, due_phones
from api.waking.provider import Address, Pushed, PushProvider
from jobs.store.storms import storm_levels
from mobile_contract.schema.waking import WakeResult
from sync.transaction import org_transaction

if TYPE_CHECKING:
    from api.services import Clock

ORGS_MAX: Final = 10_000
PHONES_AT_ONCE: Final = 500
_PUSHES_AT_ONCE: Final = 64
# Of one organisation: its push service may be one that never answers, and the others have room beside it.
_PUSHES_OF_ONE: Final = 8
_TICK_S: Final = 1.0
LOOK_AFTER_S: Final = PATIENCE.total_seconds() + _TICK_S
_HEARD: Final = ("crew/", "me/")
_LOST: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
_RESULTS: Final = {
    Pushed.SENT: WakeResult.SENT,
    Pushed.GONE: WakeResult.GONE,
    Pushed.REFUSED: WakeResult.REFUSED,
    Pushed.FAILED: WakeResult.FAILED,
}

log = structlog.get_logger()


class Woken(Struct, frozen=True):
    """What became of waking a phone, and when it was last sent a push."""

    result: WakeResult
    last_at: datetime | None


class Waker:
    """Wakes the phones of any organisation by one provider; without one it is off, and says so."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        provider: PushProvider | None,
        *,
        clock: "Clock",
        counted: Counter,
        wait_s: float = LOOK_AFTER_S,
    ) -> None:
        self._pool, self._provider, self._clock, self._wait_s = pool, provider, clock, wait_s
        # By organisation, in the time of the loop: when to look, and when something was last heard.
        self._looks: dict[UUID, tuple[float, float]] = {}
        self._looking: dict[UUID, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_PUSHES_AT_ONCE)
        self._counted = counted

    @property
    def provider(self) -> PushProvider | None:
        """Give the way in which phones are woken; None: waking is off."""
        return self._provider

    def hear(self, org_id: UUID, buckets: Iterable[str]) -> None:
        """Hear after a commit which buckets it touched: where a crew's or a person's changed, look a little later who sleeps."""
        if self._provider is None or not any(bucket.startswith(_HEARD) for bucket in buckets):
            return
        now_s = asyncio.get_running_loop().time()
        known = self._looks.get(org_id)
        if known is None and len(self._looks) >= ORGS_MAX:
            return
        self._looks[org_id] = (known[0] if known else now_s + self._wait_s, now_s)

    @contextlib.asynccontextmanager
    async def running(self) -> "AsyncIterator[Waker]":
        """Look after what was heard for the block; in the end close the connections to push services."""
        looking = asyncio.create_task(self._look_on())
        try:
            yield self
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
            if self._provider is not None:
                await self._provider.close()

    async def wake(self, org_id: UUID, device_id: UUID) -> Woken | None:
        """Wake one phone, whatever waits for it; None for a device that there is not."""
        now = self._clock()
        async with org_transaction(self._pool, org_id) as conn:
            found = await store.state_of(conn, org_id, device_id, now=now)
            if found is None:
                return None
            if self._provider is None:
                return Woken(WakeResult.OFF, found.woken_at)
            if found.revoked or found.since is None:
                return Woken(WakeResult.NOT_REACHABLE, found.woken_at)
            address = await store.claim(conn, org_id, device_id, now=now, again=APART)
        if address is None:
            return Woken(WakeResult.TOO_SOON, found.woken_at)
        result = await self._send(self._provider, org_id, device_id, address, now=now)
        return Woken(result, now)

    async def wake_due(self, org_id: UUID) -> int:
        """Wake every phone for which a visit waits unseen that is pressing enough, 500 at once; give how many were sent a push."""
        return await self._wake_all(org_id, await self._due(org_id))

    async def look(self, org_id: UUID) -> None:
        """Look who of an organisation is to be woken, for the timer; waking them goes on by itself, as long as push services take.

        Nothing is done while an earlier look is still waking.
        """
        if self._provider is None or org_id in self._looking:
            return
        looked = asyncio.Event()
        self._looking[org_id] = asyncio.create_task(self._look(org_id, looked))
        await looked.wait()

    async def _due(self, org_id: UUID) -> Sequence[Due]:
        now = self._clock()
        if self._provider is None:
            return ()
        async with org_transaction(self._pool, org_id) as conn:
            unseen = await store.unseen_visits(conn, org_id, now=now, since=now - WITHIN)
            levels = await storm_levels(conn, org_id) if unseen else None
        if levels is None:
            return ()
        pressing = [visit for visit in unseen if levels.wakes(visit.priority, visit.district_id)]
        return due_phones(pressing, now=now)[:PHONES_AT_ONCE]

    async def _wake_all(self, org_id: UUID, due: Sequence[Due]) -> int:
        own = asyncio.Semaphore(_PUSHES_OF_ONE)
        results = await asyncio.gather(*(self._wake_for(org_id, phone, own) for phone in due))
        return sum(result is WakeResult.SENT for result in results)

    async def _wake_for(self, org_id: UUID, phone: Due, own: asyncio.Semaphore) -> WakeResult:
        provider, now = self._provider, self._clock()
        if provider is None:
            return WakeResult.OFF
        # The room is waited for first: who waits inside it holds no connection.
        async with own, self._room:
            async with org_transaction(self._pool, org_id) as conn:
                address = await store.claim(
                    conn, org_id, phone.device_id, now=now, again=APART, called_at=phone.called_at
                )
            if address is None:
                return WakeResult.TOO_SOON
            return await self._send(provider, org_id, phone.device_id, address, now=now)

    async def _send(
        self, provider: PushProvider, org_id: UUID, device_id: UUID, address: Address, *, now: datetime
    ) -> WakeResult:
        pushed = await provider.push(address, now=now)
        if pushed is Pushed.GONE:
            async with org_transaction(self._pool, org_id) as conn:
                await store.drop(conn, org_id, device_id, address.endpoint)
        self._counted.labels(pushed.value).inc()
        log.info("wake", org=str(org_id), device=str(device_id), result=pushed.value)
        return _RESULTS[pushed]

    async def _look_on(self) -> None:
        try:
            while True:
                await asyncio.sleep(min(_TICK_S, self._wait_s))
                for org_id in self._ripe():
                    # Of its own: a push service that does not answer makes no other organisation wait.
                    self._looking[org_id] = asyncio.create_task(self._look(org_id))
        finally:
            left = list(self._looking.values())
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _look(self, org_id: UUID, looked: asyncio.Event | None = None) -> None:
        try:
            due = await self._due(org_id)
            if looked is not None:
                looked.set()
            await self._wake_all(org_id, due)
        except _LOST as error:
            log.warning("waking_lost", error=type(error).__name__)
        except Exception as error:
            # Also a fault of ours: the timer looks again.
            log.exception("waking_failed", org=str(org_id), error=type(error).__name__)
        finally:
            self._looking.pop(org_id, None)
            if looked is not None:
                looked.set()

    def _ripe(self) -> Sequence[UUID]:
        """Take the organisations whose look is due and not under way; where something was heard since it was planned, it is planned again."""
        now_s = asyncio.get_running_loop().time()
        ripe = [id for id, (at_s, _) in self._looks.items() if at_s <= now_s and id not in self._looking]
        for org_id in ripe:
            at_s, heard_s = self._looks.pop(org_id)
            if heard_s + self._wait_s > at_s:
                self._looks[org_id] = (heard_s + self._wait_s, heard_s)
        return ripe
