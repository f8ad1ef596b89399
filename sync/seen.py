"""What a device has shown to its user: outcomes leave its bucket once it says so. The stored answers stay: they make commands take effect once."""

from uuid import UUID

import asyncpg

from jobs.projection import Projected
from sync import documents

# As many as one transaction takes; the rest goes with a later pull.
AT_ONCE = 1_000

# A held decision has no final answer yet.
_SHOWN = """
select m.id from sync_member m join sync_outcome o on o.org_id = $1 and o.command_id = m.id
where m.org_id = $1 and m.bucket = 'dev/' || $2::uuid and m.kind = 'outcome' and not m.gone and o.n <= $3 and o.status <> 'held'
order by m.id limit $4"""

_SEEN = """
insert into sync_device_seen (org_id, device_id, seen_at, seen_n) select $1, device_id, enrolled_at, $3 from sync_device
where org_id = $1 and device_id = $2
on conflict (org_id, device_id) do update set seen_n = greatest(sync_device_seen.seen_n, excluded.seen_n)"""


async def forget_seen(conn: asyncpg.Connection, org_id: UUID, device_id: UUID, seen_n: int) -> set[str]:
    """Let the final outcomes up to `seen_n` leave the device's bucket; return the buckets that changed. Doing it again changes nothing."""
    rows = await conn.fetch(_SHOWN, org_id, device_id, seen_n, AT_ONCE)
    touched = await documents.write(conn, org_id, [], [Projected("outcome", row["id"], None) for row in rows])
    if len(rows) < AT_ONCE:
        await conn.execute(_SEEN, org_id, device_id, seen_n)
    return touched
