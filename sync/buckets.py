"""Who holds which buckets, now and in the past. Owns `sync_scope`; membership of documents is `sync.documents`.

A row of `sync_scope` is opened and ended, never removed: what a person held in the last 90 days decides whether a late fact was ever theirs
to report.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from jobs.projection import Scope, priority_of, scopes_of
from jobs.work import Key

MEMORY = timedelta(days=90)

# Protects the scope of a person: a row that another transaction is adding cannot be locked, and would outlive the crew or the person.
_LOCK = """
select pg_advisory_xact_lock(hashtextextended('scope/' || $1::uuid || '/' || p.id, 0)) from (
  select id from unnest($2::uuid[]) id order by id) p"""

_HELD = """
select person_id, bucket, cause, from_at, to_at from sync_scope
where org_id = $1 and person_id = any($2) and (to_at is null or to_at > greatest($3, from_at)) order by person_id, bucket, cause, from_at"""

_END = """
update sync_scope s set to_at = greatest(k.to_at, s.from_at)
from unnest($2::uuid[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[]) k(person_id, bucket, cause, from_at, to_at)
where s.org_id = $1 and s.person_id = k.person_id and s.bucket = k.bucket and s.cause = k.cause and s.from_at = k.from_at"""

_OPEN = """
insert into sync_scope (org_id, person_id, bucket, cause, from_at, to_at, prio)
select $1, k.* from unnest($2::uuid[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::int2[])
  k(person_id, bucket, cause, from_at, to_at, prio)
on conflict (org_id, person_id, bucket, cause, from_at) do update set to_at = excluded.to_at"""

_AFFECTED = """
select unnest($2::uuid[]) person_id union select person_id from crew_member where org_id = $1 and (crew_id = any($3) or id = any($4))
order by 1"""

# A job was in scope if a bucket that the person held since `since` has or had it; `gone` rows stay as long as that.
_WAS_IN_SCOPE = """
select distinct k.no from unnest($2::uuid[], $3::uuid[]) with ordinality k(person_id, job_id, no)
join sync_scope s on s.org_id = $1 and s.person_id = k.person_id and s.from_at <= $5 and (s.to_at is null or s.to_at >= $4)
join sync_member m on m.org_id = $1 and m.bucket = s.bucket and m.kind in ('job', 'open_job') and m.id = k.job_id"""


async def follow(conn: asyncpg.Connection, org_id: UUID, changed: Iterable[Key], now: datetime) -> set[str]:
    """Bring scopes up to date after persons, crews or memberships changed: O(1) rows each, no document is touched.

    Returns the own buckets of the persons whose scope changed: their devices are to pull.
    """
    by_kind: dict[str, list[UUID]] = {"person": [], "crew": [], "crew_member": []}
    for kind, id in changed:
        if kind in by_kind:
            by_kind[kind].append(id)
    if not any(by_kind.values()):
        return set()
    rows = await conn.fetch(_AFFECTED, org_id, by_kind["person"], by_kind["crew"], by_kind["crew_member"])
    people = [row["person_id"] for row in rows]
    await conn.execute(_LOCK, org_id, people)
    held = {Scope(*row.values()) for row in await conn.fetch(_HELD, org_id, people, now)}
    wanted = {s for s in await scopes_of(conn, org_id, people) if counts(s, now)}
    ended = [Scope(s.person_id, s.bucket, s.cause, s.from_at, now) for s in held - wanted]
    opened = wanted - held
    kept = {(s.person_id, s.bucket, s.cause, s.from_at) for s in opened}
    await _write(conn, _END, org_id, [s for s in ended if (s.person_id, s.bucket, s.cause, s.from_at) not in kept])
    await _write(conn, _OPEN, org_id, sorted(opened, key=lambda s: (s.person_id, s.bucket, s.cause)))
    return {f"me/{scope.person_id}" for scope in (*ended, *opened)}


def counts(scope: Scope, now: datetime) -> bool:
    """Tell whether a scope holds now or later; one that ended before it began never does."""
    return scope.to_at is None or scope.to_at > max(now, scope.from_at)


async def _write(conn: asyncpg.Connection, statement: str, org_id: UUID, scopes: Sequence[Scope]) -> None:
    if not scopes:
        return
    columns: list[list[object]] = [
        [s.person_id for s in scopes],
        [s.bucket for s in scopes],
        [s.cause for s in scopes],
        [s.from_at for s in scopes],
        [s.to_at for s in scopes],
    ]
    if statement is _OPEN:
        columns.append([priority_of(s.bucket) for s in scopes])
    await conn.execute(statement, org_id, *columns)


async def were_in_scope(
    conn: asyncpg.Connection, org_id: UUID, pairs: Sequence[tuple[UUID, UUID]], now: datetime
) -> list[bool]:
    """Tell for each (person, job) whether the job was in the person's scope within the last 90 days; what is to begin is not."""
    answers = [False] * len(pairs)
    if pairs:
        rows = await conn.fetch(_WAS_IN_SCOPE, org_id, [p for p, _ in pairs], [j for _, j in pairs], now - MEMORY, now)
        for row in rows:
            answers[row["no"] - 1] = True
    return answers
