"""When devices were last seen, and what they said of themselves: gathered in the process, written now and then, lossy on purpose.

Never part of a command's transaction, and nothing is decided by it.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from sync.transaction import org_transaction

log = logging.getLogger("onsite.telemetry")
WAITING_MAX = 20_000
FLUSH_EVERY_S = 5.0

# Enrolment has made the row.
_WRITE = """
update sync_device_seen s set seen_at = greatest(s.seen_at, k.seen_at), pulled_at = greatest(s.pulled_at, k.pulled_at),
  unsent = coalesce(k.unsent, s.unsent), app = coalesce(k.app, s.app)
from unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::int4[], $6::text[]) k(device_id, seen_at, pulled_at, unsent, app)
where s.org_id = $1 and s.device_id = k.device_id"""


class Sighting(Struct, frozen=True, kw_only=True):
    """A call of a device. What it did not say is None: `unsent` commands in its queue, name and version of its `app`."""

    org_id: UUID
    device_id: UUID
    at: datetime
    pulled: bool = False
    unsent: int | None = None
    app: str | None = None


class Telemetry:
    """What one process has gathered since it wrote last: one line per device, however often it calls."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[UUID, UUID], Sighting] = {}
        self._pulled_at: dict[tuple[UUID, UUID], datetime] = {}

    def note(self, sighting: Sighting) -> None:
        """Remember a call until the next write; beyond 20,000 devices it is dropped."""
        key = (sighting.org_id, sighting.device_id)
        before = self._waiting.get(key)
        if before is None and len(self._waiting) >= WAITING_MAX:
            return
        self._waiting[key] = sighting if before is None else _newer(before, sighting)
        if sighting.pulled:
            self._pulled_at[key] = sighting.at

    @contextlib.asynccontextmanager
    async def running(self, pool: asyncpg.Pool, *, every_s: float = FLUSH_EVERY_S) -> "AsyncIterator[Telemetry]":
        """Write what is gathered every few seconds for the block, and once more at its end."""

        async def write_on() -> None:
            while True:
                await asyncio.sleep(every_s)
                await self.flush(pool)

        writing = asyncio.create_task(write_on())
        try:
            yield self
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
            await self.flush(pool)

    async def flush(self, pool: asyncpg.Pool) -> int:
        """Write what was gathered, one statement per organisation; give how many devices. What cannot be written is dropped and logged."""
        gathered, self._waiting = self._waiting, {}
        pulled_at, self._pulled_at = self._pulled_at, {}
        by_org: dict[UUID, list[Sighting]] = {}
        for sighting in gathered.values():
            by_org.setdefault(sighting.org_id, []).append(sighting)
        for org_id, sightings in by_org.items():
            pulls = [pulled_at.get((org_id, s.device_id)) for s in sightings]
            try:
                await _write(pool, org_id, sightings, pulls)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                log.warning("telemetry dropped: %s", type(error).__name__)
        return len(gathered)


async def _write(
    pool: asyncpg.Pool, org_id: UUID, sightings: Sequence[Sighting], pulls: Sequence[datetime | None]
) -> None:
    # In the order of ids, so that two processes that write at once wait for each other in one direction only.
    lines = sorted(zip(sightings, pulls, strict=True), key=lambda line: line[0].device_id)
    async with org_transaction(pool, org_id) as conn:
        await conn.execute(
            _WRITE,
            org_id,
            [s.device_id for s, _ in lines],
            [s.at for s, _ in lines],
            [pulled for _, pulled in lines],
            [s.unsent for s, _ in lines],
            [s.app for s, _ in lines],
        )


def _newer(before: Sighting, after: Sighting) -> Sighting:
    """Put two calls of one device together: what the later one did not say stays."""
    return replace(
        after,
        unsent=before.unsent if after.unsent is None else after.unsent,
        app=before.app if after.app is None else after.app,
    )
