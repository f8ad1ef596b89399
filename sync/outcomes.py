"""Stored answers to commands: the memory that makes every command take effect once. Never decides what the answer is."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.projection import Projected
from mobile_contract.schema.outcome import Outcome, OutcomeStatus, Resolution

_FIND = """
select command_id, device_id, n, digest, name, status, code, flags, detail, actor_id, job_id, cause, received_at, decided_at, resolution
from sync_outcome where org_id = $1 and command_id = any($2) order by command_id limit 1000"""

_SAVE = """
insert into sync_outcome (org_id, command_id, device_id, n, digest, name, status, code, flags, detail, actor_id, job_id, cause,
  received_at, decided_at, resolution)
select $1, r.command_id, r.device_id, r.n, d.digest, r.name, r.status, r.code, r.flags, r.detail, r.actor_id, r.job_id, r.cause,
  r.received_at, r.decided_at, r.resolution
from jsonb_populate_recordset(null::sync_outcome, $2::jsonb) r join unnest($3::uuid[], $4::bytea[]) d(command_id, digest) using (command_id)
on conflict (org_id, command_id) do update set status = excluded.status, code = excluded.code, flags = excluded.flags,
  detail = excluded.detail, decided_at = excluded.decided_at, resolution = excluded.resolution"""

FINAL = frozenset({OutcomeStatus.APPLIED, OutcomeStatus.MERGED, OutcomeStatus.REJECTED})


class Answer(Struct, frozen=True, kw_only=True):
    """The answer to one command as stored. `detail` completes the code's message; `repeated`: it was stored before."""

    command_id: UUID
    name: str
    digest: bytes
    status: OutcomeStatus
    code: str = "ok"
    flags: tuple[str, ...] = ()
    detail: dict[str, str] = {}
    device_id: UUID | None = None
    n: int | None = None
    actor_id: UUID | None = None
    job_id: UUID | None = None
    cause: UUID | None = None
    received_at: datetime
    decided_at: datetime
    resolution: Resolution | None = None
    repeated: bool = False

    @property
    def resolved(self) -> bool:
        """Tell whether what follows this command may go on: it is final, or its quarantine was ended."""
        return self.status in FINAL or self.resolution is not None

    @property
    def took_effect(self) -> bool:
        """Tell whether the command, or what was applied in its place, changed the state."""
        if self.resolution is not None:
            return self.resolution.kind != "discarded"
        return self.status in (OutcomeStatus.APPLIED, OutcomeStatus.MERGED)


async def find(conn: asyncpg.Connection, org_id: UUID, command_ids: Iterable[UUID]) -> dict[UUID, Answer]:
    """Find stored answers by command id; those without an answer are absent."""
    ids = sorted(set(command_ids))
    if not ids:
        return {}
    rows = await conn.fetch(_FIND, org_id, ids)
    return {row["command_id"]: _answer(row) for row in rows}


async def save(conn: asyncpg.Connection, org_id: UUID, answers: Sequence[Answer]) -> None:
    """Store answers; one that is there already changes its status, code, detail and resolution (a held or resolved command)."""
    if not answers:
        return
    rows: list[dict[str, Any]] = []
    for answer in answers:
        row = msgspec.structs.asdict(answer)
        del row["digest"], row["repeated"]
        rows.append(row)
    await conn.execute(_SAVE, org_id, rows, [a.command_id for a in answers], [a.digest for a in answers])


def document_of(answer: Answer) -> Projected | None:
    """Make the outcome document of a device's command; None for a command that came another way."""
    if answer.device_id is None:
        return None
    outcome = Outcome(
        id=answer.command_id,
        status=answer.status,
        code=answer.code,
        n=answer.n,
        flags=answer.flags,
        resolution=answer.resolution,
    )
    return Projected("outcome", answer.command_id, msgspec.json.encode(outcome), (f"dev/{answer.device_id}",))


def _answer(row: asyncpg.Record) -> Answer:
    fields = dict(row)
    fields["repeated"] = True
    return msgspec.convert(fields, Answer)
