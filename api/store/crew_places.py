"""Where people of crews were last, for a live map. Never writes; who may see it is decided before."""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

PLACES_MAX: Final = 5_000

_PLACES: Final = """
select p.person_id, c.id crew_id, c.code crew, p.lon_deg, p.lat_deg, p.accuracy_m, p.mock, p.at, p.received_at
from position p
left join lateral (
  select m.crew_id from crew_member m where m.org_id = $1 and m.person_id = p.person_id and m.from_at <= $3 and (m.to_at is null or m.to_at > $3)
  order by m.from_at desc, m.id limit 1) m on true
left join crew c on c.org_id = $1 and c.id = m.crew_id
where p.org_id = $1 and p.at >= $2 order by p.person_id limit $4"""


class Place(Struct, frozen=True, kw_only=True):
    """The last known place of somebody, with the crew that person is of."""

    person_id: UUID
    crew_id: UUID | None
    crew: str | None
    lon_deg: float
    lat_deg: float
    accuracy_m: float | None
    mock: bool
    at: datetime
    received_at: datetime


async def crew_places(conn: asyncpg.Connection, org_id: UUID, *, since: datetime, now: datetime) -> list[Place]:
    """Read everybody's last place that is not older than `since`, one more than 5,000 so that a cut is seen."""
    rows = await conn.fetch(_PLACES, org_id, since, now, PLACES_MAX + 1)
    return [msgspec.convert(dict(row), Place) for row in rows]
