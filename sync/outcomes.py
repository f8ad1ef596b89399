"""Stored answers to commands: the memory that makes every command take effect once. Never decides what the answer is."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.projection import Projected
from mobile_contract.schema.outcome import Outcome, OutcomeStatus, Resolution

_COLUMNS = "command_id, device_id, n, digest, name, status, code, flags, detail, actor_id, job_id, cause, received_at, decided_at, resolution"

_FIND = f"""
select {_COLUMNS} from sync_outcome where org_id = $1 and command_id = any($2) order by command_id limit $3"""

_FIND_SENT = f"""
select {_COLUMNS} from sync_outcome where org_id = $1 and ((device_id = $2 and n = any($3)) or command_id = any($4))
order by command_id limit $5"""

# A device's number moves on with the answers: both are the memory of what was taken.
_ADD = """
with advanced as (update sync_device set last_n = $4 where org_id = $1 and device_id = $3)
insert into sync_outcome (org_id, command_id, device_id, n, digest, name, status, code, flags, detail, actor_id, job_id, cause,
  received_at, decided_at, resolution)
select $1, r.command_id, r.device_id, r.n, r.digest, r.name, r.status, r.code, r.flags, r.detail, r.actor_id, r.job_id, r.cause,
  r.received_at, r.decided_at, r.resolution
from json_populate_recordset(null::sync_outcome, $2::text::json) r"""

_CHANGE = f"""
with changed as (
  update sync_outcome o set status = r.status, code = r.code, flags = r.flags, detail = r.detail, job_id = r.job_id,
    decided_at = r.decided_at, resolution = r.resolution
  from jsonb_populate_recordset(null::sync_outcome, $2::jsonb) r where o.org_id = $1 and o.command_id = r.command_id returning o.*)
select {_COLUMNS} from changed order by command_id limit $3"""

_ADOPT = f"""
with adopted as (
  update sync_outcome o set device_id = k.device_id, n = k.n
  from unnest($2::uuid[], $3::uuid[], $4::int8[]) k(command_id, device_id, n)
  where o.org_id = $1 and o.command_id = k.command_id returning o.*)
select {_COLUMNS} from adopted order by command_id limit $5"""

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
    def plain(self) -> bool:
        """Tell whether there is nothing to say but that the command took effect."""
        return self.status is OutcomeStatus.APPLIED and self.code == "ok" and not self.flags and self.resolution is None

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
    rows = await conn.fetch(_FIND, org_id, ids, len(ids))
    return {row["command_id"]: _answer(row) for row in rows}


async def find_sent(
    conn: asyncpg.Connection, org_id: UUID, device_id: UUID, sent: Iterable[tuple[int, UUID]]
) -> list[Answer]:
    """Find the stored answers that stand at a device's numbers (n, command id) or bear one of the command ids."""
    pairs = list(sent)
    if not pairs:
        return []
    ns, ids = [n for n, _ in pairs], [id for _, id in pairs]
    return [_answer(row) for row in await conn.fetch(_FIND_SENT, org_id, device_id, ns, ids, 2 * len(pairs))]


async def add(
    conn: asyncpg.Connection, org_id: UUID, answers: Sequence[Answer], taken: tuple[UUID, int] | None = None
) -> None:
    """Store the first answers to commands, and how far a device's queue is taken (device, n).

    Raises asyncpg.UniqueViolationError when another transaction answered one of them first: the caller runs its transaction anew, and
    then finds that answer. This is what makes a command sent twice at once take effect once.
    """
    if answers or taken is not None:
        device_id, last_n = taken or (None, None)
        rows = _rows(answers)
        for row, answer in zip(rows, answers, strict=True):
            # As PostgreSQL reads bytes in a text.
            row["digest"] = "\\x" + answer.digest.hex()
        await conn.execute(_ADD, org_id, msgspec.json.encode(rows).decode(), device_id, last_n)


async def change(conn: asyncpg.Connection, org_id: UUID, answers: Sequence[Answer]) -> list[Answer]:
    """Change status, code, details and resolution of stored answers (held, or in quarantine until now); give the rows as they are now."""
    if not answers:
        return []
    return [_answer(row) for row in await conn.fetch(_CHANGE, org_id, _rows(answers), len(answers))]


async def adopt(conn: asyncpg.Connection, org_id: UUID, answers: Sequence[Answer]) -> list[Answer]:
    """Move stored answers to the device and number under which they came again; give the rows as they are now."""
    if not answers:
        return []
    columns = [a.command_id for a in answers], [a.device_id for a in answers], [a.n for a in answers]
    return [_answer(row) for row in await conn.fetch(_ADOPT, org_id, *columns, len(answers))]


def _rows(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    rows = []
    for answer in answers:
        row = msgspec.structs.asdict(answer)
        del row["digest"], row["repeated"]
        rows.append(row)
    return rows


def document_of(answer: Answer) -> Projected | None:
    """Make the outcome document of a device's command; None for a command that came another way."""
    if answer.device_id is None:
        return None
    outcome = Outcome(
        id=answer.command_id,
        status=answer.status,
        # msgspec leaves out a default that is the same object: a text from the database is another "ok", and another body.
        code=sys.intern(answer.code),
        n=answer.n,
        flags=answer.flags,
        resolution=answer.resolution,
    )
    return Projected("outcome", answer.command_id, msgspec.json.encode(outcome), (f"dev/{answer.device_id}",))


def _answer(row: asyncpg.Record) -> Answer:
    fields = dict(row)
    fields["repeated"] = True
    return msgspec.convert(fields, Answer)
