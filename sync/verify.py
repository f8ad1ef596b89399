"""Compares what the sync tables hold with what the rest of the database says they should, and mends the difference. For operators.

Every document and membership is computed anew by `jobs.projection`, a few hundred at a time, each few in one snapshot: so it may run while
people work. Runs past row-level security, as the owner. Never decides who holds what.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from jobs.projection import JOB_DOCUMENTS, MASTER_DOCUMENTS, Projected, Scope, project, scopes_of
from jobs.store.ledger import LevelFault, level_faults, mend_levels, next_places
from jobs.work import Key
from mobile_contract.digest import document_hash, to_signed
from sync import buckets, documents, outcomes
from sync.devices import state_documents

AT_ONCE: Final = 300
PROJECTED: Final = (*MASTER_DOCUMENTS, *JOB_DOCUMENTS, "job", "open_job")
_TABLE: Final[Mapping[str, str]] = {"open_job": "job"}

_ORGANISATIONS = "select org_id, slug from organisation where $1::text is null or slug = $1 order by slug limit 100000"
_COUNT = "select count(*) from sync_doc where org_id = $1"
# Whatever exists, was stored, or is still a member: in order of ids, the next few.
_KEYS = """
select id from (
  (select {id} id from {table} where org_id = $1 and {id} > $3 order by {id} limit $4)
  union (select id from sync_doc where org_id = $1 and kind = $2 and id > $3 order by id limit $4)
  union (select id from sync_member where org_id = $1 and kind = $2 and id > $3 and not gone order by id limit $4)) k
order by id limit $4"""
_STRAY = """
select distinct kind from (select kind from sync_doc where org_id = $1 union select kind from sync_member where org_id = $1) k
where not kind = any($2) order by kind limit 100"""
_STORED = """
select kind, id, ver, h, body from sync_doc where org_id = $1 and kind = $2 and id = any($3) order by id limit $4"""
_HELD = """
select id, bucket, h from sync_member where org_id = $1 and kind = $2 and id = any($3) and not gone order by id, bucket"""
# The devices under which a command may have come: that of its answer, and any that its author held.
_SENDERS = """
select o.command_id, 'dev/' || d.device_id bucket from sync_outcome o join sync_device d on d.org_id = $1
where o.org_id = $1 and o.command_id = any($2) and (o.actor_id is null or d.device_id = o.device_id or exists (
  select from sync_session s where s.org_id = $1 and s.device_id = d.device_id and s.person_id = o.actor_id))
  and exists (select from sync_member m where m.org_id = $1 and m.kind = 'outcome' and m.id = o.command_id
    and m.bucket = 'dev/' || d.device_id and not m.gone)
order by 1, 2"""
_PEOPLE = """
select id from ((select id from person where org_id = $1 and id > $2 order by id limit $3)
  union (select person_id from sync_scope where org_id = $1 and person_id > $2 order by person_id limit $3)) p order by id limit $3"""
_SCOPES = """
select person_id, bucket, cause, from_at, to_at from sync_scope
where org_id = $1 and person_id = any($2) and (to_at is null or to_at > greatest($3, from_at))"""
# A document whose hash is wrong has to be written although its body is right: without a body it counts as changed.
_UNDO = "update sync_doc set body = null where org_id = $1 and kind = $2 and id = $3"
_UNHOLD = """
update sync_member set gone = true, xid = pg_current_xact_id()
where org_id = $1 and kind = $2 and id = $3 and not bucket = any($4) and not gone"""
_ORPHANS = """
update sync_member m set gone = true, xid = pg_current_xact_id() from unnest($2::text[], $3::uuid[]) k(kind, id)
where m.org_id = $1 and m.kind = k.kind and m.id = k.id and not m.gone
  and not exists (select from sync_doc d where d.org_id = $1 and d.kind = k.kind and d.id = k.id)"""

Fault = Literal["missing", "extra", "body", "bucket", "h", "scope", "level"]
PLACES_AT_ONCE: Final = 20


class Organisation(Struct, frozen=True):
    """An organisation to verify and how many documents it has about."""

    id: UUID
    slug: str
    documents: int


class Drift(Struct, frozen=True):
    """A difference: a document that is missing, extra, has another body, is in other buckets or has a wrong hash; or a person's scope.

    `level`: what a place holds of a part is not the fold of its moves.
    """

    kind: str
    id: UUID
    fault: Fault
    detail: str = ""
    level: LevelFault | None = None


class Checked(Struct, frozen=True):
    """Some documents that were looked at, and where they differ."""

    documents: int
    drifts: tuple[Drift, ...]


class _Part(StrEnum):
    """Kinds that are not computed by the projection."""

    OUTCOME = "outcome"
    DEVICE = "device"


async def organisations(conn: asyncpg.Connection, slug: str | None = None) -> list[Organisation]:
    """List organisations by slug, or the one that is named."""
    rows = await conn.fetch(_ORGANISATIONS, slug)
    return [Organisation(r["org_id"], r["slug"], await conn.fetchval(_COUNT, r["org_id"])) for r in rows]


async def verify(conn: asyncpg.Connection, org_id: UUID, *, now: datetime) -> AsyncIterator[Checked]:
    """Compare every level with its moves, every document and membership of an organisation, then every scope; changes nothing."""
    async for checked in _verify_levels(conn, org_id):
        yield checked
    for kind in (*PROJECTED, *_Part):
        after = UUID(int=0)
        while True:
            async with conn.transaction(isolation="repeatable_read", readonly=True):
                ids = [row["id"] for row in await conn.fetch(_keys_of(kind), org_id, str(kind), after, AT_ONCE)]
                drifts = await _compare(conn, org_id, kind, ids) if ids else []
            if not ids:
                break
            after = ids[-1]
            yield Checked(len(ids), tuple(drifts))
    known = [*PROJECTED, *(part.value for part in _Part)]
    for row in await conn.fetch(_STRAY, org_id, known):
        yield Checked(0, (Drift(row["kind"], UUID(int=0), "extra", "a kind that nobody makes"),))
    async for checked in _verify_scopes(conn, org_id, now):
        yield checked


async def rebuild(conn: asyncpg.Connection, org_id: UUID, drifts: Sequence[Drift], *, now: datetime) -> set[str]:
    """Mend differences that `verify` found, as any change is written; give the buckets that changed."""
    keys = {(drift.kind, drift.id) for drift in drifts if drift.fault != "scope" and drift.id.int}
    people = {drift.id for drift in drifts if drift.fault == "scope"}
    touched: set[str] = set()
    async with conn.transaction():
        await mend_levels(conn, org_id, [drift.level for drift in drifts if drift.level is not None])
        for drift in drifts:
            if drift.fault == "h":
                await conn.execute(_UNDO, org_id, drift.kind, drift.id)
        given: list[Projected] = []
        for part in _Part:
            given += await _made(conn, org_id, part, [id for kind, id in sorted(keys) if kind == part])
        for document in given:
            await conn.execute(_UNHOLD, org_id, document.kind, document.id, list(document.buckets))
        await conn.execute(_ORPHANS, org_id, [kind for kind, _ in sorted(keys)], [id for _, id in sorted(keys)])
        projected = {key for key in keys if key[0] in PROJECTED}
        touched |= await documents.write(conn, org_id, projected, given)
        touched |= await buckets.follow(conn, org_id, [("person", id) for id in sorted(people)], now)
    return touched


def _keys_of(kind: str) -> str:
    if kind == _Part.OUTCOME:
        return _KEYS.format(id="command_id", table="sync_outcome")
    if kind == _Part.DEVICE:
        return _KEYS.format(id="device_id", table="sync_device")
    return _KEYS.format(id="id", table=_TABLE.get(kind, kind))


async def _made(conn: asyncpg.Connection, org_id: UUID, kind: str, ids: Sequence[UUID]) -> list[Projected]:
    """Compute what some documents of a kind should be."""
    if not ids:
        return []
    if kind == _Part.OUTCOME:
        return await _outcomes(conn, org_id, ids)
    if kind == _Part.DEVICE:
        states = {document.id: document for document in await state_documents(conn, org_id, ids)}
        return [states.get(id, Projected("device", id, None)) for id in ids]
    return [document for document in await project(conn, org_id, [(kind, id) for id in ids]) if document.kind == kind]


async def _outcomes(conn: asyncpg.Connection, org_id: UUID, ids: Sequence[UUID]) -> list[Projected]:
    """Compute outcome documents. A command that came again under another device of its author answers there too, if it does.

    A plain answer is a document only where it was something else before (held, in quarantine).
    """
    answers = await outcomes.find(conn, org_id, ids)
    plain = [id for id, answer in answers.items() if answer.plain]
    told = {row["id"] for row in await conn.fetch(_STORED, org_id, "outcome", plain, len(plain))} if plain else set()
    answers = {id: answer for id, answer in answers.items() if not answer.plain or id in told}
    found = {id: document for id, answer in answers.items() if (document := outcomes.document_of(answer)) is not None}
    also: dict[UUID, set[str]] = {}
    for row in await conn.fetch(_SENDERS, org_id, list(found)):
        also.setdefault(row["command_id"], set()).add(row["bucket"])
    return [
        replace(found[id], buckets=tuple(sorted({*found[id].buckets, *also.get(id, ())})))
        if id in found
        else Projected("outcome", id, None)
        for id in ids
    ]


async def _compare(conn: asyncpg.Connection, org_id: UUID, kind: str, ids: Sequence[UUID]) -> list[Drift]:
    stored = {row["id"]: row for row in await conn.fetch(_STORED, org_id, str(kind), ids, len(ids))}
    held: dict[UUID, dict[str, int]] = {}
    for row in await conn.fetch(_HELD, org_id, str(kind), ids):
        held.setdefault(row["id"], {})[row["bucket"]] = row["h"]
    found: list[Drift] = []
    for document in await _made(conn, org_id, kind, ids):
        found += _differences(document, stored.get(document.id), held.get(document.id, {}))
    return found


def _differences(document: Projected, row: asyncpg.Record | None, held: Mapping[str, int]) -> Iterable[Drift]:
    key: Key = (document.kind, document.id)
    body = None if row is None else row["body"]
    if document.kind == _Part.OUTCOME and row is not None and body is None:
        # The device has shown it: it left, and only the stored answer stays.
        document = Projected(*key, None)
    if document.body is not None and body is None:
        yield Drift(*key, "missing")
        return
    if document.body is None and body is not None:
        yield Drift(*key, "extra")
        return
    if document.body != body:
        yield Drift(*key, "body")
    wanted = set(document.buckets) if document.body is not None else set()
    if wanted != set(held):
        lacks, stays = sorted(wanted - set(held)), sorted(set(held) - wanted)
        yield Drift(*key, "bucket", f"lacks {lacks}, stays in {stays}")
    if row is not None and body is not None:
        # The version is part of the hash, so what is stored must agree with itself.
        yield from _hash_faults(key, row, held)


def _hash_faults(key: Key, row: asyncpg.Record, held: Mapping[str, int]) -> Iterable[Drift]:
    if row["h"] != to_signed(document_hash(*key, row["ver"], row["body"])):
        yield Drift(*key, "h", "the document's hash is not that of its body")
    wrong = sorted(bucket for bucket, h in held.items() if h != row["h"])
    if wrong:
        yield Drift(*key, "h", f"another hash in {wrong}")


async def _verify_levels(conn: asyncpg.Connection, org_id: UUID) -> AsyncIterator[Checked]:
    after = UUID(int=0)
    while places := await next_places(conn, org_id, after, PLACES_AT_ONCE):
        after = places[-1]
        yield Checked(
            0,
            tuple(
                Drift("stock_level", fault.id, "level", f"kept {fault.kept}, moves give {fault.folded}", fault)
                for fault in await level_faults(conn, org_id, places)
            ),
        )


async def _verify_scopes(conn: asyncpg.Connection, org_id: UUID, now: datetime) -> AsyncIterator[Checked]:
    after = UUID(int=0)
    while True:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            people = [row["id"] for row in await conn.fetch(_PEOPLE, org_id, after, AT_ONCE)]
            if not people:
                return
            wanted = {s for s in await scopes_of(conn, org_id, people) if buckets.counts(s, now)}
            held = {Scope(*row.values()) for row in await conn.fetch(_SCOPES, org_id, people, now)}
        after = people[-1]
        wrong: dict[UUID, list[str]] = {}
        for scope in wanted ^ held:
            wrong.setdefault(scope.person_id, []).append(("lacks " if scope in wanted else "keeps ") + scope.bucket)
        yield Checked(
            len(people), tuple(Drift("person", id, "scope", ", ".join(sorted(why))) for id, why in wrong.items())
        )
