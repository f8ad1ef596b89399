"""Collections of features for OGC API – Features: one statement for each page, ordered by a key. Never writes, never decides who may read.

Features come from the database as finished GeoJSON. They carry numbers, states and times; names, telephone numbers and addresses stay out.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from mobile_contract.schema.base import LocalText

# Tracks are looked for within so many days at most.
TRACK_DAYS_MAX: Final = 400

_BOX: Final = """($3::float8 is null or ({0}.lat_deg between $4::float8 and $6::float8
  and case when $3 <= $5::float8 then {0}.lon_deg between $3 and $5 else {0}.lon_deg >= $3 or {0}.lon_deg <= $5 end))"""
# Rounded to a tenth of a metre: nothing here is measured better.
_POINT: Final = """json_build_object('type', 'Point', 'coordinates',
  json_build_array(round({0}.lon_deg::numeric, 6), round({0}.lat_deg::numeric, 6)))"""
_FEATURE: Final = "json_build_object('type', 'Feature', 'id', {0}, 'geometry', {1}, 'properties', json_build_object({2}))::text feature"
_PAGE: Final = "($2::text is null or {0} > $2::uuid) and ($9::text is null or {0} = $9::uuid)"
_WHEN: Final = "($7::timestamptz is null or {0} >= $7) and ($8::timestamptz is null or {0} <= $8)"
_NO_TIME: Final = "coalesce($7::timestamptz, $8::timestamptz, $10::timestamptz) is not null"

_JOBS: Final = f"""
select j.id::text id, {
    _FEATURE.format(
        "j.id",
        _POINT.format("j"),
        "'number', j.number, 'type', j.type, 'state', j.state, 'priority', j.priority, 'title', j.title, 'district', d.code,"
        " 'reported_at', j.reported_at, 'arrival_due_at', j.arrival_due_at, 'arrived_at', j.arrived_at, 'closed_at', j.closed_at,"
        " 'late', j.arrival_breached or (j.arrived_at is null and coalesce(j.arrival_due_at < $10, false)"
        " and j.state not in ('completed', 'closed', 'cannot_complete', 'cancelled'))",
    )
}
from job j left join district d on d.org_id = $1 and d.id = j.district_id
where j.org_id = $1 and j.lon_deg is not null and j.lat_deg is not null and {_PAGE.format("j.id")} and {
    _BOX.format("j")
}
  and {_WHEN.format("j.reported_at")} and $10::timestamptz is not null
order by j.id limit $11"""

_SITES: Final = f"""
select s.id::text id, {_FEATURE.format("s.id", _POINT.format("s"), "'code', s.code, 'district', d.code")}
from site s left join district d on d.org_id = $1 and d.id = s.district_id
where s.org_id = $1 and s.lon_deg is not null and s.lat_deg is not null and {_PAGE.format("s.id")} and {_BOX.format("s")} and {_NO_TIME}
order by s.id limit $11"""

_ENVELOPES: Final = """case when $3::float8 is null then null when $3 <= $5::float8 then st_makeenvelope($3, $4::float8, $5, $6::float8, 4326)
  else st_collect(st_makeenvelope($3, $4, 180, $6, 4326), st_makeenvelope(-180, $4, $5, $6, 4326)) end"""

_DISTRICTS: Final = f"""
select d.id::text id, {
    _FEATURE.format(
        "d.id",
        "st_asgeojson(d.outline::geometry, 6)::json",
        "'code', d.code, 'name', d.name ->> 'en', 'name_zh', nullif(d.name ->> 'zh', ''), 'parent', u.code,"
        " 'arrival_class', d.arrival_class, 'area_m2', round(d.area_m2)",
    )
}
from district d left join district u on u.org_id = $1 and u.id = d.parent_id
where d.org_id = $1 and {_PAGE.format("d.id")} and {_NO_TIME}
  and ($3::float8 is null or st_intersects(d.outline::geometry, {_ENVELOPES}))
order by d.id limit $11"""

_CREW_OF: Final = """left join lateral (
  select m.crew_id from crew_member m
  where m.org_id = $1 and m.person_id = p.person_id and m.from_at <= $10 and (m.to_at is null or m.to_at > $10)
  order by m.from_at desc, m.id limit 1) m on true
left join crew c on c.org_id = $1 and c.id = m.crew_id"""

_CREWS: Final = f"""
select p.person_id::text id, {
    _FEATURE.format(
        "p.person_id",
        _POINT.format("p"),
        "'crew', c.code, 'crew_id', c.id, 'at', p.at, 'accuracy_m', p.accuracy_m, 'mock', p.mock",
    )
}
from position p {_CREW_OF}
where p.org_id = $1 and {_PAGE.format("p.person_id")} and {_BOX.format("p")} and {
    _WHEN.format("p.at")
} and $10::timestamptz is not null
order by p.person_id limit $11"""

# A track is what somebody drove on one day (UTC); its id is the day and the person, so that pages are by day.
_TRACK_ID: Final = "to_char(d.day at time zone 'UTC', 'YYYYMMDD') || '_' || p.person_id"
_TRACKS: Final = f"""
select {_TRACK_ID} id, {
    _FEATURE.format(
        _TRACK_ID,
        "st_asgeojson(t.line, 6)::json",
        "'crew', c.code, 'crew_id', c.id, 'person_id', p.person_id, 'from_at', t.from_at, 'to_at', t.to_at, 'positions', t.n",
    )
}
from position p
cross join generate_series(
  date_trunc('day', greatest($7::timestamptz, $10::timestamptz - interval '{TRACK_DAYS_MAX} days'), 'UTC'),
  date_trunc('day', least($8::timestamptz, $10), 'UTC'), interval '1 day') d(day)
cross join lateral (
  select st_setsrid(st_makeline(st_makepoint(k.lon_deg, k.lat_deg) order by k.at), 4326) line, count(*) n, min(k.at) from_at, max(k.at) to_at
  from position_track k where k.org_id = $1 and k.person_id = p.person_id and k.at >= d.day and k.at < d.day + interval '1 day'
    and ($7 is null or k.at >= $7) and ($8::timestamptz is null or k.at <= $8)) t
{_CREW_OF}
where p.org_id = $1 and t.n > 1 and ($2::text is null or {_TRACK_ID} > $2) and ($9::text is null or {_TRACK_ID} = $9)
  and ($3::float8 is null or st_intersects(t.line, {_ENVELOPES}))
order by d.day, p.person_id::text limit $11"""

_EXTENT: Final = """
select st_xmin(e), st_ymin(e), st_xmax(e), st_ymax(e) from (select st_extent(d.outline::geometry) e from district d where d.org_id = $1) x
where e is not null"""
_WORLD: Final = (-180.0, -90.0, 180.0, 90.0)


class Collection(Struct, frozen=True, kw_only=True):
    """A collection: its texts, its statement, whether its key is a UUID, and whether it says where people are."""

    title: LocalText
    description: LocalText
    sql: str
    keyed_by_id: bool = True
    moving: bool = False


class FeatureChoice(Struct, frozen=True, kw_only=True):
    """Which features: after a key, in a box (west, south, east, north; west above east crosses the antimeridian), between instants."""

    after: str | None = None
    box: tuple[float, float, float, float] | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    only: str | None = None
    limit: int = 100


class Feature(Struct, frozen=True):
    """A feature as it is sent, with its key."""

    id: str
    body: msgspec.Raw


COLLECTIONS: Final[Mapping[str, Collection]] = {
    "jobs": Collection(
        title=LocalText(en="Jobs", zh="工单"),
        description=LocalText(en="Located jobs, by when they were reported.", zh="有位置的工单，时间为报修时间。"),
        sql=_JOBS,
    ),
    "sites": Collection(
        title=LocalText(en="Sites", zh="场所"),
        description=LocalText(en="Premises where work happens.", zh="施工场所。"),
        sql=_SITES,
    ),
    "districts": Collection(
        title=LocalText(en="Districts", zh="片区"),
        description=LocalText(en="Outlines of the districts.", zh="片区边界。"),
        sql=_DISTRICTS,
    ),
    "crews": Collection(
        title=LocalText(en="Crews", zh="班组"),
        description=LocalText(en="Where people of crews were last.", zh="班组人员最后的位置。"),
        sql=_CREWS,
        moving=True,
    ),
    "tracks": Collection(
        title=LocalText(en="Tracks", zh="轨迹"),
        description=LocalText(
            en="Where each person drove, a line for each day (UTC).", zh="每人每天（UTC）的行驶轨迹。"
        ),
        sql=_TRACKS,
        keyed_by_id=False,
        moving=True,
    ),
}


def is_key(collection: Collection, text: str) -> bool:
    """Tell whether a text can be the key of a feature."""
    day, _, id = ("", "", text) if collection.keyed_by_id else text.partition("_")
    try:
        return str(UUID(id)) == id and (collection.keyed_by_id or (len(day) == 8 and day.isascii() and day.isdecimal()))
    except ValueError:
        return False


async def features(
    conn: asyncpg.Connection, org_id: UUID, collection: Collection, choice: FeatureChoice, *, now: datetime
) -> list[Feature]:
    """Read a page of features by their keys, at most `limit`."""
    box = choice.box or (None, None, None, None)
    first = choice.from_at
    if first is None and not collection.keyed_by_id:
        # Without a beginning tracks are those of the last month.
        first = min(now, choice.to_at or now) - timedelta(days=30)
    rows = await conn.fetch(
        collection.sql, org_id, choice.after, *box, first, choice.to_at, choice.only, now, choice.limit
    )
    return [Feature(row["id"], msgspec.Raw(row["feature"].encode())) for row in rows]


async def extent(conn: asyncpg.Connection, org_id: UUID) -> tuple[float, float, float, float]:
    """Give the box of all districts (west, south, east, north); the world where there is none."""
    row = await conn.fetchrow(_EXTENT, org_id)
    return (float(row[0]), float(row[1]), float(row[2]), float(row[3])) if row else _WORLD
