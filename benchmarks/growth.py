"""Growth: the same device pulls while its organisation grows around it, first in devices, then in documents. The cost must stay flat."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct

from api.database import open_pool, owner_connection
from api.settings import Settings
from benchmarks import bulk, corpus, phone, pulls
from benchmarks.bulk import Handset
from benchmarks.catalogue import OURS, RAW
from benchmarks.floor import Floor
from benchmarks.http_load import Http
from benchmarks.measures import GrowthPoint
from benchmarks.plan import Plan
from benchmarks.pulls import Fetching, Stage
from benchmarks.rounds import Advance
from benchmarks.serving import Server
from tests import arrange

SEED: Final = 50
NO_CHANGE, HUNDRED = "no change", "100 changes"
_OWN: Final = 400
_CHUNK: Final = 100_000
_CREW_DOCUMENTS: Final = 300
# Documents of others, made where they are stored: nobody reads them, so their hashes need not fit.
_FILL: Final = """
with made as (
  insert into sync_doc (org_id, kind, id, ver, h, body)
  select $1, 'job', gen_random_uuid(), 1, (random() * 9e18)::bigint, convert_to(rpad('{"text":"' || i, 598, md5(i::text)) || '"}', 'utf8')
  from generate_series($2::int, $3::int) i returning kind, id, h)
insert into sync_member (org_id, bucket, kind, id, h)
select $1, 'crew/other-' || (row_number() over () / $4::int + $2::int), kind, id, h from made"""
_COUNT: Final = (
    "select (select count(*) from sync_doc where org_id = $1), (select count(*) from sync_device where org_id = $1)"
)


class Ground(Struct, frozen=True, kw_only=True):
    """The device that is watched, and its organisation."""

    settings: Settings
    org_id: UUID
    stage: Stage


def found(settings: Settings, port: int) -> Ground:
    """Make a small organisation with one device that has 100 changes to fetch, and none after them."""
    org_id, handset, documents = asyncio.run(_found(settings))
    before = phone.walk(port, handset)
    snapshots = [pulls.snapshot_now(settings)]
    pulls.change(settings, org_id, [corpus.changed(each, 1) for each in documents[: pulls.DELTA]])
    snapshots.append(pulls.snapshot_now(settings))
    now = phone.walk(port, handset, cursor=before.cursor)
    if now.documents != pulls.DELTA:
        raise ValueError(f"a pull brought {now.documents} changes instead of {pulls.DELTA}")
    stage = Stage(
        settings=settings,
        org_id=org_id,
        documents=tuple(documents),
        devices=(Fetching(handset, before, now.cursor, now.cursor),),
        before_hundred=before.cursor,
        snapshots=(snapshots[0], snapshots[1], snapshots[1]),
    )
    return Ground(settings=settings, org_id=org_id, stage=stage)


async def _found(settings: Settings) -> tuple[UUID, Handset, Sequence[corpus.Sample]]:
    pool = await open_pool(settings)
    try:
        org = await arrange.organisation(pool, SEED)
    finally:
        await pool.close()
    documents = list(corpus.documents(SEED, _OWN))
    async with owner_connection(settings) as conn:
        await bulk.put(conn, org.id, "crew/busy", documents[:_CREW_DOCUMENTS])
        await bulk.put(conn, org.id, "ref", documents[_CREW_DOCUMENTS:])
        (handset,) = await bulk.enrol(conn, org.id, [("crew/busy", "ref")])
    return org.id, handset, documents


def measure(ground: Ground, server: Server, http: Http, floor: Floor, advance: Advance) -> list[GrowthPoint]:  # noqa: PLR0917
    """Let the organisation grow and measure at each size."""
    ours, raw = pulls.Ours(ground.stage, http), pulls.Raw(ground.stage, floor, http.plan)
    measures = {
        (what, name): measured
        for what, key in ((NO_CHANGE, pulls.IDLE_1), (HUNDRED, pulls.DELTA_100))
        for name, measured in ((OURS, ours.latency(key, OURS, server.port)), (RAW, raw.latency(key, RAW)))
    }
    points: list[GrowthPoint] = []
    for axis, size in _steps(http.plan):
        advance(f"growth to {size:,} {axis}", "", 0)
        documents, devices = asyncio.run(_grow(ground, axis, size))
        for number in range(http.plan.growth_rounds):
            for (what, name), measured in measures.items():
                advance(f"growth, {size:,} {axis}", f"{what}, {name}", number)
                at = {"documents": documents, "devices": devices}[axis]
                found = measured(number)
                points.append(GrowthPoint(axis, at, name, what, number, found.value, found.cpu_us or 0.0))
    return points


def _steps(plan: Plan) -> list[tuple[str, int]]:
    return [
        *(("devices", size) for size in plan.growth_devices),
        *(("documents", size) for size in plan.growth_documents),
    ]


async def _grow(ground: Ground, axis: str, size: int) -> tuple[int, int]:
    """Add what is missing to a size and leave the tables as a server that has run for a while; gives (documents, devices)."""
    async with owner_connection(ground.settings) as conn:
        documents, devices = await conn.fetchrow(_COUNT, ground.org_id)
        if axis == "devices":
            missing = max(size - devices, 0)
            for start in range(0, missing, _CHUNK):
                scopes = [(f"crew/other-{number}", "ref") for number in range(start, min(missing, start + _CHUNK))]
                await bulk.enrol(conn, ground.org_id, scopes)
        else:
            for start in range(documents, size, _CHUNK):
                last = min(start + _CHUNK, size) - 1
                await conn.execute(_FILL, ground.org_id, start, last, _CREW_DOCUMENTS, timeout=600)
        await bulk.settle(conn)
        counted = await conn.fetchrow(_COUNT, ground.org_id)
    return counted[0], counted[1]
