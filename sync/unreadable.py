"""Batches whose envelope could not be read, kept by their hash, and the day's quota of what is kept. Never tries to read one."""

import hashlib
from datetime import datetime, timedelta

import asyncpg

from mobile_contract.limits import QUARANTINE_BYTES_PER_DAY
from sync.devices import Device
from sync.transaction import org_transaction

DAY = timedelta(days=1)


_PUT_ASIDE = """
select (select coalesce(sum(octet_length(q.bytes)), 0)::int8 from sync_quarantine q
    where q.org_id = $1 and q.device_id = $2 and q.received_at > $3)
  + (select coalesce(sum(octet_length(u.bytes)), 0)::int8 from sync_unreadable u
    where u.org_id = $1 and u.device_id = $2 and u.received_at > $3)"""

_KEEP = """
insert into sync_unreadable (org_id, device_id, sha256, bytes, received_at) values ($1, $2, $3, $4, $5)
on conflict (org_id, device_id, sha256) do nothing"""


async def keep_unreadable(pool: asyncpg.Pool, device: Device, body: bytes, *, now: datetime) -> bool:
    """Store a batch by its hash, once however often it comes; False when the device's quota of the day is used up."""
    async with org_transaction(pool, device.org_id) as conn:
        if await conn.fetchval(_PUT_ASIDE, device.org_id, device.id, now - DAY) > QUARANTINE_BYTES_PER_DAY:
            return False
        await conn.execute(_KEEP, device.org_id, device.id, hashlib.sha256(body).digest(), body, now)
        return True
