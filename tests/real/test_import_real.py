"""The real districts and all real repairs: every row in, in the district that PostGIS says, and a second import changes nothing."""

import csv
import json
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from msgspec import Struct

from api import organisations
from api.importing.engine import ImportOrder, import_file
from api.importing.fields import Noun
from api.importing.mapping import Mapping, read_mapping
from api.importing.report import Report

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
DISTRICTS = DATA / "council_districts.geojson"
REPAIRS = DATA / "water_main_leaks_2010_2013.csv"
MAPPING = ROOT / "tests" / "api" / "importing" / "la_leaks.toml"
NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
ZONE = "America/Los_Angeles"
TRIED = 100

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not REPAIRS.exists(),
        reason=f"NOT TESTED ON REAL DATA: {REPAIRS} is missing; put the repairs and the districts there",
    ),
]

STATE = """
select (select count(*) from job where org_id = $1) jobs, (select count(*) from event where org_id = $1) events,
  (select count(*) from task where org_id = $1) tasks, (select count(*) from district where org_id = $1) districts,
  (select count(*) from sync_outcome where org_id = $1) outcomes, (select count(*) from import_row where org_id = $1) remembered,
  (select count(*) from sync_doc where org_id = $1) documents, (select sum(ver) from sync_doc where org_id = $1) versions,
  (select max(ver) from sync_doc where org_id = $1) newest, (select count(*) from sync_member where org_id = $1) members,
  (select md5(string_agg(xid::text || h::text, ',' order by bucket, kind, id)) from sync_member where org_id = $1) xids"""

# The file's own polygons in the plane against the stored points: neither our column, nor our function, nor our rule.
INDEPENDENT = """
with f as materialized (
  select code, st_setsrid(st_geomfromgeojson(outline), 4326) outline from unnest($2::text[], $3::text[]) f(code, outline))
select j.id, j.lon_deg, j.lat_deg, have.code have,
  (select array_agg(f.code) from f where st_intersects(f.outline, st_setsrid(st_makepoint(j.lon_deg, j.lat_deg), 4326))) want
from job j left join district have on have.org_id = j.org_id and have.id = j.district_id
where j.org_id = $1 and j.lon_deg is not null order by j.id"""


class Imported(Struct, frozen=True):
    """An organisation with the real data in it, and what the imports said."""

    org_id: UUID
    districts: Report
    trial: Report
    jobs: Report
    seconds: float


async def imported(pool: asyncpg.Pool, org_id: UUID, noun: Noun, path: Path, *, dry_run: bool = False) -> Report:
    mapping = read_mapping(MAPPING) if noun is Noun.JOBS else Mapping()
    order = ImportOrder(org_id=org_id, noun=noun, path=path, mapping=mapping, dry_run=dry_run)
    return await import_file(pool, order, now=NOW)


@pytest.fixture(scope="module")
async def city(pool: asyncpg.Pool, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    new = organisations.NewOrganisation(slug=f"la-{time.monotonic_ns()}", name="Los Angeles", zone=ZONE, currency="USD")
    org_id = (await organisations.create(pool, new, now=NOW)).org_id
    districts = await imported(pool, org_id, Noun.DISTRICTS, DISTRICTS)
    part = tmp_path_factory.mktemp("slice") / REPAIRS.name
    with REPAIRS.open(encoding="utf-8", newline="") as whole, part.open("w", encoding="utf-8", newline="") as copy:
        csv.writer(copy).writerows(islice(csv.reader(whole), TRIED + 1))
    trial = await imported(pool, org_id, Noun.JOBS, part, dry_run=True)
    started = time.monotonic()
    jobs = await imported(pool, org_id, Noun.JOBS, REPAIRS)
    return Imported(org_id, districts, trial, jobs, time.monotonic() - started)


def source_rows() -> list[dict[str, str]]:
    with REPAIRS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_every_row_becomes_a_job_and_those_without_a_place_await_triage(
    city: Imported, owner: asyncpg.Connection
) -> None:
    assert (city.districts.made, city.districts.refused, city.districts.notes) == (15, 0, ())
    assert (city.jobs.rows, city.jobs.made, city.jobs.refused) == (4717, 4717, 0)
    assert city.jobs.waiting == 284
    assert city.jobs.count("coordinates_missing") == 234
    assert city.jobs.count("outside_districts") == 50
    states = await owner.fetch(
        "select state, lon_deg is null unplaced, count(*) n from job where org_id = $1 group by 1, 2", city.org_id
    )
    assert {(r["state"], r["unplaced"]): r["n"] for r in states} == {
        ("ready", False): 4433,
        ("awaiting_triage", True): 234,
        ("awaiting_triage", False): 50,
    }
    print(f"4,717 repairs imported in {city.seconds:.1f} s")


async def test_repeated_leak_ids_are_all_kept_and_flagged(city: Imported, owner: asyncpg.Connection) -> None:
    repeated = {key: n for key, n in Counter(row["leak_id"] for row in source_rows()).items() if n > 1}
    assert len(repeated) == 13
    kept = await owner.fetch(
        "select external_ref, count(*) n from job where org_id = $1 group by 1 having count(*) > 1", city.org_id
    )
    assert {r["external_ref"]: r["n"] for r in kept} == repeated
    assert city.jobs.count("row_repeated") == 2
    assert city.jobs.count("row_repeated") + city.jobs.count("key_repeated") == sum(repeated.values())


async def test_each_placed_job_is_in_the_district_that_postgis_says(city: Imported, owner: asyncpg.Connection) -> None:
    outlines = await owner.fetch(
        "select f->'properties'->>'code' code, f->>'geometry' outline from jsonb_array_elements($1::jsonb->'features') f",
        json.loads(DISTRICTS.read_bytes()),
    )
    found = await owner.fetch(INDEPENDENT, city.org_id, [r["code"] for r in outlines], [r["outline"] for r in outlines])
    assert len(found) == 4483
    wrong = [dict(r) for r in found if (r["have"] not in r["want"] if r["want"] else r["have"] is not None)]
    assert wrong == []
    assert sum(1 for r in found if r["want"] and len(r["want"]) > 1) == 0


async def test_a_job_says_what_its_row_says(city: Imported, owner: asyncpg.Connection) -> None:
    source = {row["leak_id"]: row for row in source_rows()}["39928"]
    job = await owner.fetchrow("select * from job where org_id = $1 and external_ref = '39928'", city.org_id)
    assert job is not None
    assert job["reported_at"] == datetime(2010, 1, 1, tzinfo=ZoneInfo(ZONE))
    assert job["number"].startswith("100101-")
    assert (job["lon_deg"], job["lat_deg"]) == (float(source["lon"]), float(source["lat"]))
    assert job["description"].startswith(source["remarks"])
    assert job["title"] == "CLAMP, ROUND CRACK, C.I."
    reported = await owner.fetch("select reported_at from job where org_id = $1", city.org_id)
    days = Counter(r["reported_at"].astimezone(ZoneInfo(ZONE)).strftime("%-d-%b-%y") for r in reported)
    assert days == Counter(row["reported_on"] for row in source_rows())


async def test_a_trial_run_says_the_same_and_writes_nothing(city: Imported, owner: asyncpg.Connection) -> None:
    assert city.trial.dry_run
    assert city.trial.made == city.trial.rows == TRIED
    assert city.trial.notes == tuple(note for note in city.jobs.notes if note.row <= TRIED + 1)
    # Written once by the import after it, so the trial wrote none.
    assert await owner.fetchval("select count(*) from event where org_id = $1", city.org_id) == 4717


async def test_a_second_import_changes_nothing(city: Imported, pool: asyncpg.Pool, owner: asyncpg.Connection) -> None:
    before = dict(await owner.fetchrow(STATE, city.org_id))
    districts = await imported(pool, city.org_id, Noun.DISTRICTS, DISTRICTS)
    jobs = await imported(pool, city.org_id, Noun.JOBS, REPAIRS)
    assert (districts.unchanged, jobs.unchanged) == (15, 4717)
    assert (jobs.made, jobs.changed, jobs.refused) == (0, 0, 0)
    assert dict(await owner.fetchrow(STATE, city.org_id)) == before
    assert before["jobs"] == 4717
