"""Reads the inbox of edits that met, one statement a page. Never writes, never decides who may read."""

from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from mobile_contract.schema.conflicts import ConflictAsk, ConflictLine, ConflictPage

# Who had set the value that was kept: the last edit of that field before the other one came, else whoever opened the job.
_LIST: Final = """
with asked as materialized (
  select j.id, j.number, j.title, j.description, j.address, j.priority, j.state, j.conflicts, j.opened_by, j.opened_at from job j
  where j.org_id = $1 and j.conflicts <> '[]' and ($2::uuid is null or j.id > $2) and ($3::uuid is null or j.id = $3) order by j.id limit $4)
select a.id job_id, a.number, a.title, a.state, c.value ->> 'field' field, (c.value ->> 'command_id')::uuid edit_id,
  case c.value ->> 'field' when 'title' then a.title when 'description' then a.description when 'address' then a.address else a.priority end as now,
  coalesce(c.value ->> 'kept', '') kept, coalesce(b.actor_id, a.opened_by) kept_by, coalesce(k.name, '') kept_by_name,
  coalesce(b.received_at, a.opened_at) kept_at, coalesce(c.value ->> 'offered', '') offered, (c.value ->> 'by')::uuid offered_by,
  coalesce(o.name, '') offered_by_name, (c.value ->> 'at')::timestamptz offered_at
from asked a cross join lateral jsonb_array_elements(a.conflicts) with ordinality c(value, n)
left join lateral (
  select e.actor_id, e.received_at from event e
  where e.org_id = $1 and e.job_id = a.id and e.received_at < (c.value ->> 'at')::timestamptz
    and (e.name = 'job_edited' and e.detail -> 'changed' ? (c.value ->> 'field')
      or e.name = 'conflict_settled' and e.detail ->> 'field' = c.value ->> 'field' and e.detail ->> 'keep' = 'offered')
  order by e.seq desc limit 1) b on true
left join person k on k.org_id = $1 and k.id = coalesce(b.actor_id, a.opened_by)
left join person o on o.org_id = $1 and o.id = (c.value ->> 'by')::uuid
order by a.id, c.n"""


async def list_conflicts(conn: asyncpg.Connection, org_id: UUID, asked: ConflictAsk) -> ConflictPage:
    """List conflicts that wait, by job; each job's in the order in which they came."""
    rows = await conn.fetch(_LIST, org_id, asked.after, asked.job, asked.limit + 1)
    jobs = list(dict.fromkeys(row["job_id"] for row in rows))
    shown = set(jobs[: asked.limit])
    items = tuple(msgspec.convert(dict(row), ConflictLine) for row in rows if row["job_id"] in shown)
    return ConflictPage(items=items, next=jobs[asked.limit - 1] if len(jobs) > asked.limit else None)
