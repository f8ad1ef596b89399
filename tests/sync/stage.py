"""A bare stage for pulls: documents put into buckets by the server's own function, and persons who hold them. No trade behind it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

import asyncpg
from uuid_utils.compat import uuid7

from jobs.projection import Projected, priority_of
from sync import documents
from sync.transaction import org_transaction
from tests.devices import StrictDevice

NOW: Final = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class Stage:
    """One organisation. Bodies are `{"text": …}`."""

    pool: asyncpg.Pool
    org_id: UUID = field(default_factory=uuid7)

    async def device(self, *buckets: str) -> StrictDevice:
        """Enrol a device of a new person who holds these buckets."""
        device = StrictDevice(org_id=self.org_id, id=uuid7(), person_id=uuid7())
        async with org_transaction(self.pool, self.org_id) as conn:
            await conn.execute(
                "insert into sync_device (org_id, device_id, name, secret_hash, enrolled_at) values ($1, $2, 'd', '', $3)",
                self.org_id,
                device.id,
                NOW,
            )
        for bucket in buckets:
            await self.give(device, bucket)
        return device

    async def give(self, device: StrictDevice, bucket: str, *, at: datetime = NOW) -> None:
        """Let a device's person hold a bucket from an instant on."""
        async with org_transaction(self.pool, self.org_id) as conn:
            await conn.execute(
                "insert into sync_scope (org_id, person_id, bucket, cause, from_at, prio) values ($1, $2, $3, $4, $5, $6)",
                self.org_id,
                device.person_id,
                bucket,
                uuid4(),
                at,
                priority_of(bucket),
            )

    async def take(self, device: StrictDevice, bucket: str, *, at: datetime = NOW) -> None:
        """End what a device's person holds."""
        async with org_transaction(self.pool, self.org_id) as conn:
            await conn.execute(
                "update sync_scope set to_at = $4 where org_id = $1 and person_id = $2 and bucket = $3 and to_at is null",
                self.org_id,
                device.person_id,
                bucket,
                at,
            )

    async def put(self, text: str, *buckets: str, id: UUID | None = None, kind: str = "note") -> UUID:
        """Write one document into buckets; those it is in already keep it."""
        id = id or uuid7()
        body = b'{"text":"%s"}' % text.encode()
        async with org_transaction(self.pool, self.org_id) as conn:
            await documents.write(conn, self.org_id, [], [Projected(kind, id, body, buckets)])
        return id

    async def put_many(self, count: int, bucket: str, *, size: int = 20, kind: str = "part") -> list[UUID]:
        """Write many documents of about `size` bytes into one bucket."""
        ids = [uuid7() for _ in range(count)]
        body = b'{"text":"%s"}' % (b"x" * size)
        async with org_transaction(self.pool, self.org_id) as conn:
            await documents.write(conn, self.org_id, [], [Projected(kind, id, body, (bucket,)) for id in ids])
        return ids

    async def leave(self, bucket: str, id: UUID, kind: str = "note") -> None:
        """Take a document out of a bucket."""
        async with org_transaction(self.pool, self.org_id) as conn:
            await documents.leave(conn, self.org_id, bucket, [(kind, id)])

    async def delete(self, id: UUID, kind: str = "note") -> None:
        """Delete a document."""
        async with org_transaction(self.pool, self.org_id) as conn:
            await documents.write(conn, self.org_id, [], [Projected(kind, id, None)])


def texts(device: StrictDevice, bucket: str) -> set[str]:
    """Name the texts that a device shows of a bucket."""
    return {body.decode().split('"')[3] for _, _, body in device.copies[bucket].values()}
