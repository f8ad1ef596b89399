"""SQL of public intake: the services (job types) on offer, and what has become of requests that came this way. Never writes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from mobile_contract.schema.base import LocalText

SOURCE: Final = "open311"
SERVICES_MAX: Final = 1_000

_SLUG: Final = "select slug from organisation where org_id = $1"
_SERVICES: Final = """
select distinct on (t.code) t.code, t.name, t.process from job_type t
where t.org_id = $1 and ($2::text[] is null or t.code = any($2)) order by t.code, t.version desc limit $3"""

# A job that was found to be another's twin is told by that one's state.
_REQUESTS: Final = f"""
select r.id, r.description, r.address, r.lon_deg, r.lat_deg, r.reported_at, j.type service_code, t.name service_name,
  coalesce(o.state, j.state) state, coalesce(o.arrival_due_at, j.arrival_due_at) expected_at,
  greatest(r.reported_at, j.opened_at, j.triaged_at, o.arrived_at, j.arrived_at, j.closed_at, o.closed_at, j.cancelled_at) updated_at
from request r
join job j on j.org_id = $1 and j.id = r.job_id
left join job o on o.org_id = $1 and o.id = j.duplicate_of
left join job_type t on t.org_id = $1 and t.code = j.type and t.version = j.type_version
where r.org_id = $1 and r.source = '{SOURCE}' and ($2::uuid[] is null or r.id = any($2)) and ($3::text[] is null or j.type = any($3))
  and ($4::timestamptz is null or r.reported_at >= $4) and ($5::timestamptz is null or r.reported_at < $5)
  and ($6::bool is null or $6 = (coalesce(o.state, j.state) not in ('completed', 'closed', 'cannot_complete', 'cancelled')))
order by r.reported_at desc, r.id desc limit $7"""
_KNOWN: Final = "select r.id from request r where r.org_id = $1 and r.id = any($2) and r.reported_at >= $3 order by r.reported_at limit 1"


class Service(Struct, frozen=True):
    """A service on offer: a job type in its newest version."""

    code: str
    name: LocalText
    process: str


class Reported(Struct, frozen=True, kw_only=True):
    """A request that came by public intake, with what has become of it."""

    id: UUID
    description: str
    address: str
    lon_deg: float | None
    lat_deg: float | None
    reported_at: datetime
    service_code: str
    service_name: LocalText | None
    state: str
    expected_at: datetime | None
    updated_at: datetime


class Sought(Struct, frozen=True, kw_only=True):
    """Which requests: by their ids, or by service, time and whether they are still open. None: whatever it is."""

    ids: Sequence[UUID] | None = None
    services: Sequence[str] | None = None
    from_at: datetime | None = None
    before: datetime | None = None
    open: bool | None = None


async def slug_of(conn: asyncpg.Connection, org_id: UUID) -> str:
    """Give the organisation's slug: its jurisdiction."""
    slug: str = await conn.fetchval(_SLUG, org_id)
    return slug


async def services(conn: asyncpg.Connection, org_id: UUID, codes: Sequence[str] | None) -> list[Service]:
    """List services by code; `codes` are those on offer (None: every job type)."""
    rows = await conn.fetch(_SERVICES, org_id, None if codes is None else list(codes), SERVICES_MAX)
    return [msgspec.convert(dict(row), Service) for row in rows]


async def requests(conn: asyncpg.Connection, org_id: UUID, sought: Sought, *, limit: int) -> list[Reported]:
    """List the requests that are sought, newest first, at most `limit`."""
    ids = None if sought.ids is None else list(sought.ids)
    codes = None if sought.services is None else list(sought.services)
    rows = await conn.fetch(_REQUESTS, org_id, ids, codes, sought.from_at, sought.before, sought.open, limit)
    return [msgspec.convert(dict(row), Reported) for row in rows]


async def known_since(conn: asyncpg.Connection, org_id: UUID, ids: Sequence[UUID], since: datetime) -> UUID | None:
    """Find which of some requests was already reported after an instant; None when none was."""
    found: UUID | None = await conn.fetchval(_KNOWN, org_id, list(ids), since)
    return found
