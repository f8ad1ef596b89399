"""What could not be applied, kept whole until somebody decides. An entry leaves the inbox by a resolution, never by deletion.

Owns the SQL of `sync_quarantine`; how an entry is ended is `sync.resolving`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct

from jobs.context import Occurrence
from mobile_contract.schema.outcome import ResolutionKind
from sync.ask import Ask

PAGE = 200

_SAVE = """
insert into sync_quarantine (org_id, entry_id, command_id, device_id, session_id, person_id, n, name, job_id, reason, detail, bytes, digest,
  occurrence, received_at)
select $1, r.entry_id, r.command_id, r.device_id, r.session_id, r.person_id, r.n, r.name, r.job_id, r.reason, r.detail, b.bytes, b.digest,
  r.occurrence, r.received_at
from jsonb_populate_recordset(null::sync_quarantine, $2::jsonb) r
join unnest($3::uuid[], $4::bytea[], $5::bytea[]) b(entry_id, bytes, digest) using (entry_id)
on conflict (org_id, entry_id) do nothing"""

_COLUMNS = """
entry_id, command_id, device_id, session_id, person_id, n, name, job_id, reason, detail, bytes as raw, digest, occurrence, received_at,
resolution, resolved_by, resolved_at"""

_LIST = f"""
select {_COLUMNS} from sync_quarantine
where org_id = $1 and (resolution is null or $2) and (received_at, entry_id) > ($3, $4) order by received_at, entry_id limit $5"""

_LOCK = f"select {_COLUMNS} from sync_quarantine where org_id = $1 and entry_id = $2 for update"

_CLOSE = """
update sync_quarantine set resolution = $3, resolved_by = $4, resolved_at = $5 where org_id = $1 and entry_id = $2 and resolution is null"""


class Entry(Struct, frozen=True, kw_only=True):
    """One entry. `entry_id` follows from command id and digest: the same bytes put aside twice are one entry.

    `command_id` names the outcome; `raw` are the bytes as they came (none for a skip), `detail` JSON with what was wrong.
    """

    entry_id: UUID
    command_id: UUID | None
    device_id: UUID | None
    session_id: UUID | None
    person_id: UUID | None
    n: int | None
    name: str
    job_id: UUID | None
    reason: str
    detail: str
    raw: bytes
    digest: bytes
    occurrence: Occurrence | None
    received_at: datetime
    resolution: ResolutionKind | None = None
    resolved_by: UUID | None = None
    resolved_at: datetime | None = None


def entry(ask: Ask, reason: str, *, detail: dict[str, str] | None = None, job_id: UUID | None = None) -> Entry:
    """Make the entry of a command that is put aside."""
    return Entry(
        entry_id=uuid5(ask.id, ask.digest.hex()),
        command_id=ask.id,
        device_id=ask.actor.device_id,
        session_id=ask.actor.session_id,
        person_id=ask.actor.person_id,
        n=ask.n,
        name=ask.name,
        job_id=job_id,
        reason=reason,
        detail=msgspec.json.encode(detail or {}).decode(),
        raw=ask.raw,
        digest=ask.digest,
        occurrence=ask.occurrence,
        received_at=ask.received_at,
    )


async def save(conn: asyncpg.Connection, org_id: UUID, entries: Sequence[Entry]) -> None:
    """Store entries; one that is there stays as it is."""
    if not entries:
        return
    rows = []
    for each in {e.entry_id: e for e in entries}.values():
        row = msgspec.structs.asdict(each)
        del row["raw"], row["digest"]
        rows.append(row)
    kept = [{e.entry_id: e for e in entries}[row["entry_id"]] for row in rows]
    raws, digests = [e.raw for e in kept], [e.digest for e in kept]
    await conn.execute(_SAVE, org_id, rows, [e.entry_id for e in kept], raws, digests)


async def list_entries(
    conn: asyncpg.Connection,
    org_id: UUID,
    *,
    after: tuple[datetime, UUID] | None = None,
    resolved: bool = False,
    limit: int = PAGE,
) -> list[Entry]:
    """List entries that wait (with `resolved` all), oldest first, after the one whose (received_at, entry_id) is given.

    At most a page and one more, by which the caller sees that there is another page.
    """
    at, id = after or (datetime.min.replace(tzinfo=UTC), UUID(int=0))
    rows = await conn.fetch(_LIST, org_id, resolved, at, id, min(limit, PAGE + 1))
    return [_entry(row) for row in rows]


async def lock(conn: asyncpg.Connection, org_id: UUID, entry_id: UUID) -> Entry | None:
    """Lock an entry against a second resolution; None when there is none."""
    row = await conn.fetchrow(_LOCK, org_id, entry_id)
    return None if row is None else _entry(row)


async def close(
    conn: asyncpg.Connection, org_id: UUID, entry_id: UUID, kind: ResolutionKind, *, by: UUID | None, now: datetime
) -> None:
    """Take an entry out of the inbox; one that left it already stays as it is."""
    await conn.execute(_CLOSE, org_id, entry_id, kind.value, by, now)


def _entry(row: asyncpg.Record) -> Entry:
    return msgspec.convert(dict(row), Entry)
