"""Tiles of a large organisation beside another: each is found by the index of its organisation, under row-level security, and is fast."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import numpy as np
import pytest

from api.database import open_pool, owner_connection
from api.settings import Settings
from api.store import tiles
from geo.tile_grid import Tile, area_of, on_grid
from sync.life import ensure_life
from sync.transaction import org_transaction
from tests.arrange import NOW, Org, organisation

JOBS: Final = 12_000
SEED: Final = 20260302
_PLACE: Final = {"lon_deg": "116.3 + 0.2 * random()", "lat_deg": "39.9 + 0.1 * random()"}


@dataclass(frozen=True)
class Large:
    """Two organisations alike, each with 12,000 jobs and as many sites in the same town."""

    org: Org
    pool: asyncpg.Pool


@pytest.fixture(scope="module")
async def large(own_settings: Settings) -> AsyncIterator[Large]:
    pool = await open_pool(own_settings)
    try:
        await ensure_life(pool)
        orgs = [await organisation(pool, SEED), await organisation(pool, SEED + 1)]
        async with owner_connection(own_settings) as owner:
            await owner.execute("select setseed(0.5)")
            for org in orgs:
                job_id = await org.open_job()
                await _many(owner, "job", org, str(job_id), number="'n-' || i")
                await _many(owner, "site", org, str(org.site), code="'s-' || i")
            await owner.execute("vacuum analyze job, site")
        yield Large(orgs[0], pool)
    finally:
        await pool.close()


async def _many(owner: asyncpg.Connection, table: str, org: Org, like: str, **other: str) -> None:
    """Multiply one row by the database itself: nobody has the time for so many commands."""
    columns = [
        row["attname"]
        for row in await owner.fetch(
            "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''",
            table,
        )
    ]
    values = {"id": "gen_random_uuid()", **_PLACE, **other}
    chosen = ", ".join(values.get(name, f"t.{name}") for name in columns)
    await owner.execute(
        f"insert into {table} ({', '.join(columns)}) select {chosen} from {table} t, generate_series(1, {JOBS}) i"
        " where t.org_id = $1 and t.id = $2::uuid",
        org.id,
        like,
    )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


async def plan_of(large: Large, sql: str, tile: Tile, *others: object) -> dict[str, Any]:
    """Run a statement as the application does and give its plan with what it really read."""
    area = area_of(tile, 64 / 4096)
    box = (area.west_deg, area.south_deg, area.east_deg, area.north_deg)
    async with org_transaction(large.pool, large.org.id) as conn:
        text = await conn.fetchval(
            f"explain (analyze, format json) {sql}", large.org.id, tile.z, tile.x, tile.y, *box, *others
        )
    found: dict[str, Any] = json.loads(text)[0] if isinstance(text, str) else text[0]
    return found


def middle(zoom: int) -> Tile:
    column, row = on_grid(np.array([116.4]), np.array([39.95]), zoom)
    return Tile(zoom, int(column[0]), int(row[0]))


OPEN: Final = ["ready", "awaiting_triage"]


@pytest.mark.parametrize(
    ("sql", "table", "others"),
    [(tiles._JOBS, "job", (NOW, OPEN, None, OPEN)), (tiles._SITES, "site", ())],
    ids=["jobs", "sites"],
)
async def test_a_tile_reads_its_own_ground_by_the_index_of_its_organisation(
    large: Large, sql: str, table: str, others: tuple[object, ...]
) -> None:
    plan = await plan_of(large, sql, middle(15), *others)
    read = [node for node in nodes(plan["Plan"]) if node.get("Relation Name") == table]
    index = [node.get("Index Name") for node in nodes(plan["Plan"])]
    assert f"{table}_lon_deg_lat_deg_idx" in index, plan
    assert all(node["Node Type"] != "Seq Scan" for node in read), plan
    # A tile of zoom 15 is a hundredth of a degree wide: a twentieth of the town from west to east.
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in read) < JOBS / 10


async def test_the_index_of_the_geography_would_not_serve_under_row_level_security(large: Large) -> None:
    """The reason for plain ranges: once PostgreSQL can do better, this fails and says so."""
    sql = (
        "select count(*) from job j where j.org_id = $1 and $2::int + $3::int + $4::int > 0"
        " and j.point && st_makeenvelope($5::float8, $6::float8, $7::float8, $8::float8, 4326)::geography"
    )
    plan = await plan_of(large, sql, middle(15))
    assert "job_point_idx" not in [node.get("Index Name") for node in nodes(plan["Plan"])]


@pytest.mark.parametrize("zoom", [9, 11, 12, 14])
async def test_a_tile_of_a_large_organisation_is_made_in_a_moment(large: Large, zoom: int) -> None:
    async with org_transaction(large.pool, large.org.id) as conn:
        body = await tiles.jobs_tile(conn, large.org.id, middle(zoom), tiles.JobChoice(), now=NOW)
    assert 0 < len(body) < 2_000_000
