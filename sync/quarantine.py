"""What could not be applied, kept whole until somebody decides. An entry leaves the inbox by a resolution, never by deletion."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct

from jobs.context import Occurrence
from sync.ask import Ask

_SAVE = """
insert into sync_quarantine (org_id, entry_id, command_id, device_id, session_id, person_id, n, name, job_id, reason, detail, bytes, digest,
  occurrence, received_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict (org_id, entry_id) do nothing"""


class Entry(Struct, frozen=True, kw_only=True):
    """One entry. `entry_id` follows from command id and digest: the same bytes put aside twice are one entry."""

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


def entry(
    ask: Ask, reason: str, now: datetime, *, detail: dict[str, str] | None = None, job_id: UUID | None = None
) -> Entry:
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
        received_at=now,
    )


async def save(conn: asyncpg.Connection, org_id: UUID, entries: Sequence[Entry]) -> None:
    """Store entries; one that is there stays as it is."""
    for e in entries:
        await conn.execute(_SAVE, org_id, *msgspec.structs.astuple(e))
