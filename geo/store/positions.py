"""SQL of positions: the last known place of each person, and the track. Longitude first, WGS 84. Lossy: what is known is skipped."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

# The newest of a batch for each person; an older one than is known changes nothing.
_LAST = """
insert into position (org_id, person_id, device_id, lon_deg, lat_deg, accuracy_m, mock, at, received_at)
select distinct on (k.person_id) $1, k.person_id, k.device_id, k.lon, k.lat, k.accuracy, k.mock, k.at, $9
from unnest($2::uuid[], $3::uuid[], $4::float8[], $5::float8[], $6::float8[], $7::bool[], $8::timestamptz[])
  k(person_id, device_id, lon, lat, accuracy, mock, at)
order by k.person_id, k.at desc
on conflict (org_id, person_id) do update set device_id = excluded.device_id, lon_deg = excluded.lon_deg, lat_deg = excluded.lat_deg,
  accuracy_m = excluded.accuracy_m, mock = excluded.mock, at = excluded.at, received_at = excluded.received_at
where excluded.at > position.at"""

_TRACK = """
insert into position_track (org_id, person_id, at, lon_deg, lat_deg, accuracy_m)
select $1, k.* from unnest($2::uuid[], $3::timestamptz[], $4::float8[], $5::float8[], $6::float8[]) k
on conflict (org_id, person_id, at) do nothing"""


class Fix(Struct, frozen=True, kw_only=True):
    """Where a person was: WGS 84, accuracy as a radius in metres."""

    person_id: UUID
    device_id: UUID | None
    lon_deg: float
    lat_deg: float
    accuracy_m: float | None
    mock: bool
    at: datetime


async def record(conn: asyncpg.Connection, org_id: UUID, fixes: Sequence[Fix], *, received_at: datetime) -> None:
    """Append fixes to the tracks and move each person's last place to the newest; two statements, however many fixes."""
    if not fixes:
        return
    people, lon, lat = [f.person_id for f in fixes], [f.lon_deg for f in fixes], [f.lat_deg for f in fixes]
    accuracy, at = [f.accuracy_m for f in fixes], [f.at for f in fixes]
    devices, mock = [f.device_id for f in fixes], [f.mock for f in fixes]
    await conn.execute(_LAST, org_id, people, devices, lon, lat, accuracy, mock, at, received_at)
    await conn.execute(_TRACK, org_id, people, at, lon, lat, accuracy)
