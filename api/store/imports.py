"""SQL of imports: what rows were imported before and what they refer to. Never writes a row of the trade: commands do."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from geo.coordinates import Area
from jobs.store.rows import Want, load
from mobile_contract.schema.base import Document

_ONLY_SLUGS = "select slug from organisation order by slug limit 20"

_REMEMBERED = """
select key, version, content from import_row where org_id = $1 and noun = $2 and source = $3 and key = any($4) order by key limit 5000"""

_REMEMBER = """
insert into import_row (org_id, noun, source, key, version, content, imported_at)
select $1, $2, $3, k.key, k.version, k.content, $7 from unnest($4::text[], $5::int4[], $6::text[]) k(key, version, content)
on conflict (org_id, noun, source, key) do update set version = excluded.version, content = excluded.content, imported_at = excluded.imported_at"""

_BY_REFERENCE = """
select distinct external_ref from job where org_id = $1 and external_ref = any($2) and not id = any($3) order by external_ref limit 5000"""

# In triage by its state, not by what the file says: a person may have placed it since.
_IN_TRIAGE = """
select id, lon_deg is not null and district_id is null has_point from job
where org_id = $1 and id = any($2) and state = 'awaiting_triage' order by id limit 5000"""

_SITES_OUTSIDE = """
select code from site where org_id = $1 and code = any($2) and lon_deg is not null and district_id is null order by code limit 5000"""

_IDS = {
    kind: f"select code, id from {kind} where org_id = $1 and code = any($2) order by code limit 5000"
    for kind in ("site", "district", "crew", "person", "part", "stock_location")
}

_JOB_TYPES = "select distinct code from job_type where org_id = $1 order by code limit 1000"

_AREA = """
select st_xmin(e.box) west, st_ymin(e.box) south, st_xmax(e.box) east, st_ymax(e.box) north
from (select st_extent(outline::geometry) box from district where org_id = $1) e where e.box is not null"""

_MEMBERSHIPS = """
select id, crew_id, person_id, from_at from crew_member
where org_id = $1 and person_id = any($2) and (to_at is null or to_at > $3) order by person_id, id limit 5000"""

_EXPECTED_MARGIN_DEG: Final = 0.5


class Remembered(Struct, frozen=True):
    """What a source said of a key when it was imported last; `version` counts from 1."""

    version: int
    content: str


class Memory(Struct, frozen=True):
    """Which source of which noun a memory is about."""

    org_id: UUID
    noun: str
    source: str


class Membership(Struct, frozen=True):
    """A person's membership of a crew that has not ended."""

    id: UUID
    crew_id: UUID
    person_id: UUID
    from_at: datetime


async def slugs(owner: asyncpg.Connection) -> list[str]:
    """List organisations over a connection of the owner of the tables, 20 at most."""
    return [row["slug"] for row in await owner.fetch(_ONLY_SLUGS)]


async def plan_anew(conn: asyncpg.Connection) -> None:
    """Have every statement of the transaction planned for the tables as they are now, the checks of foreign keys too.

    A bulk load outgrows plans that were made and kept when the tables were nearly empty: each row would then cost more than the last.
    """
    await conn.execute("set local plan_cache_mode = force_custom_plan")


async def remembered(conn: asyncpg.Connection, memory: Memory, keys: Collection[str]) -> dict[str, Remembered]:
    """Find what was imported last under each key; keys never seen are absent."""
    rows = await conn.fetch(_REMEMBERED, memory.org_id, memory.noun, memory.source, sorted(keys))
    return {row["key"]: Remembered(row["version"], row["content"]) for row in rows}


async def remember(conn: asyncpg.Connection, memory: Memory, seen: dict[str, Remembered], *, now: datetime) -> None:
    """Keep what was imported under each key."""
    if not seen:
        return
    keys = sorted(seen)
    await conn.execute(
        _REMEMBER,
        memory.org_id,
        memory.noun,
        memory.source,
        keys,
        [seen[key].version for key in keys],
        [seen[key].content for key in keys],
        now,
    )


async def references_of_others(
    conn: asyncpg.Connection, org_id: UUID, references: Collection[str], *, but: Sequence[UUID]
) -> set[str]:
    """Name the external references that jobs other than `but` have."""
    return {row["external_ref"] for row in await conn.fetch(_BY_REFERENCE, org_id, sorted(references), but)}


class InTriage(Struct, frozen=True):
    """A job that awaits triage; `has_point`: because its point is outside every district."""

    id: UUID
    has_point: bool


async def jobs_in_triage(conn: asyncpg.Connection, org_id: UUID, ids: Sequence[UUID]) -> list[InTriage]:
    """List which of the jobs await triage."""
    return [InTriage(*row.values()) for row in await conn.fetch(_IN_TRIAGE, org_id, ids)]


async def sites_outside(conn: asyncpg.Connection, org_id: UUID, codes: Collection[str]) -> set[str]:
    """Name the codes of sites whose point is outside every district."""
    return {row["code"] for row in await conn.fetch(_SITES_OUTSIDE, org_id, sorted(codes))}


async def ids_by_code(conn: asyncpg.Connection, org_id: UUID, kind: str, codes: Collection[str]) -> dict[str, UUID]:
    """Find ids by code; codes that nothing has are absent. `kind` is site, district, crew, person, part or stock_location."""
    if not codes:
        return {}
    return {row["code"]: row["id"] for row in await conn.fetch(_IDS[kind], org_id, sorted(codes))}


async def by_code(conn: asyncpg.Connection, org_id: UUID, kind: str, codes: Collection[str]) -> dict[str, Document]:
    """Find documents by code; codes that nothing has are absent."""
    found = await load(conn, org_id, [Want(kind, "code", tuple(sorted(codes)))])
    return {str(getattr(stored.document, "code", "")): stored.document for stored in found}


async def job_types(conn: asyncpg.Connection, org_id: UUID) -> list[str]:
    """List the codes of loaded job types."""
    return [row["code"] for row in await conn.fetch(_JOB_TYPES, org_id)]


async def expected_area(conn: asyncpg.Connection, org_id: UUID) -> Area | None:
    """Give the box around all districts with half a degree to spare, in WGS 84; None when there are no districts."""
    row = await conn.fetchrow(_AREA, org_id)
    if row is None:
        return None
    spare = _EXPECTED_MARGIN_DEG
    return Area(row["west"] - spare, row["south"] - spare, row["east"] + spare, row["north"] + spare)


async def memberships(
    conn: asyncpg.Connection, org_id: UUID, people: Collection[UUID], *, now: datetime
) -> list[Membership]:
    """List the memberships of people that have not ended, by person."""
    return [Membership(*row.values()) for row in await conn.fetch(_MEMBERSHIPS, org_id, sorted(people), now)]
