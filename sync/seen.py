"""What a device has shown to its user: outcomes leave its bucket once it says so. The stored answers stay: they make commands take effect once."""

from uuid import UUID

import asyncpg

from sync import documents
from sync.cursor import Cursor
from sync.reading import Holder

# As many as one transaction takes; the rest goes with a later pull.
AT_ONCE = 1_000

# A held decision has no final answer yet. One that came again under another device has that device's number. What changed after the
# device's cursor (a resolution, say) it cannot have shown.
_SHOWN = """
select m.id from sync_member m join sync_outcome o on o.org_id = $1 and o.command_id = m.id
where m.org_id = $1 and m.bucket = $2 and m.kind = 'outcome' and not m.gone and o.status <> 'held'
  and (o.device_id is distinct from $7 or o.n is null or o.n <= $3)
  and sync_life_now() = $4 and pg_visible_in_snapshot(m.xid, $5::text::pg_snapshot)
order by m.id limit $6"""

# Not before all of them have left: what arrives later than the device says leaves with the pull after that.
_SEEN = """
insert into sync_device_seen (org_id, device_id, seen_at, seen_n) select $1, device_id, enrolled_at, $3 from sync_device
where org_id = $1 and device_id = $2 and not exists (
  select from sync_member m join sync_outcome o on o.org_id = $1 and o.command_id = m.id
  where m.org_id = $1 and m.bucket = 'dev/' || $2::uuid and m.kind = 'outcome' and not m.gone and o.status <> 'held'
    and o.device_id = $2 and o.n <= $3)
on conflict (org_id, device_id) do update set seen_n = greatest(sync_device_seen.seen_n, excluded.seen_n)"""


async def forget_seen(conn: asyncpg.Connection, holder: Holder, seen_n: int, cursor: Cursor) -> int:
    """Let the final outcomes up to `seen_n` that the device has at its cursor leave its bucket; give how many. Again changes nothing."""
    bucket = f"dev/{holder.device_id}"
    if bucket not in cursor.buckets:
        return 0
    rows = await conn.fetch(
        _SHOWN, holder.org_id, bucket, seen_n, cursor.life, cursor.snapshot, AT_ONCE, holder.device_id
    )
    shown: list[UUID] = [row["id"] for row in rows]
    await documents.leave(conn, holder.org_id, bucket, [("outcome", id) for id in shown])
    await conn.execute(_SEEN, holder.org_id, holder.device_id, seen_n)
    return len(shown)
