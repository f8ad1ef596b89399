"""Rows become jobs: none is lost, none comes twice, and what is odd about one is said."""

from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from api.importing.fields import Noun
from api.importing.report import as_csv
from geo.coordinates import from_wgs84
from mobile_contract.errors import Language
from mobile_contract.schema.base import Datum
from mobile_contract.schema.decisions import TriageJob
from tests.api.importing.files import imported, write_geojson, write_xlsx
from tests.arrange import Org

HEADER = "id,job_type,title,reported_at,lon,lat\n"
STATE = """
select (select count(*) from job where org_id = $1) jobs, (select count(*) from event where org_id = $1) events,
  (select count(*) from sync_outcome where org_id = $1) outcomes, (select count(*) from import_row where org_id = $1) remembered,
  (select sum(ver) from sync_doc where org_id = $1) versions,
  (select md5(string_agg(xid::text || h::text, ',' order by bucket, kind, id)) from sync_member where org_id = $1) xids"""


def csv_of(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


async def jobs_of(owner: asyncpg.Connection, org: Org) -> dict[str, asyncpg.Record]:
    rows = await owner.fetch("select * from job where org_id = $1 order by external_ref, id", org.id)
    return {row["external_ref"]: row for row in rows}


async def test_a_placed_row_becomes_a_job_that_is_ready_in_its_district(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    lon, lat = works.point("east")
    report = await imported(works, Noun.JOBS, csv_of(tmp_path / "a.csv", f"L-1,repair,Leak,2026-03-01,{lon},{lat}"))
    assert (report.made, report.waiting, report.notes) == (1, 0, ())
    job = (await jobs_of(owner, works))["L-1"]
    assert (job["state"], job["district_id"], job["title"]) == ("ready", works.districts["east"], "Leak")
    assert job["reported_at"] == datetime(2026, 2, 28, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        ("", "", "coordinates_missing"),
        ("NaN", "nan", "coordinates_not_finite"),
        ("inf", "39.95", "coordinates_not_finite"),
        ("116.35", "", "coordinates_half"),
        ("east of here", "39.95", "coordinates_unreadable"),
        ("39.95", "116.35", "coordinates_out_of_range"),
        ("0", "0", "coordinates_null_island"),
        ("10.5", "45.1", "outside_districts"),
    ],
)
async def test_a_row_without_a_usable_place_becomes_a_job_awaiting_triage(
    works: Org, owner: asyncpg.Connection, tmp_path: Path, lon: str, lat: str, code: str
) -> None:
    report = await imported(works, Noun.JOBS, csv_of(tmp_path / "a.csv", f"L-1,repair,Leak,2026-03-01,{lon},{lat}"))
    assert (report.made, report.refused, report.waiting, report.flagged) == (1, 0, 1, 1)
    assert report.count(code) == 1
    job = (await jobs_of(owner, works))["L-1"]
    assert job["state"] == "awaiting_triage"
    assert (job["lon_deg"] is None) is (code != "outside_districts")


async def test_coordinates_that_look_swapped_are_said_to(works: Org, tmp_path: Path) -> None:
    report = await imported(works, Noun.JOBS, csv_of(tmp_path / "a.csv", "L-1,repair,Leak,2026-03-01,39.95,89"))
    assert report.count("coordinates_maybe_swapped") == 0
    report = await imported(works, Noun.JOBS, csv_of(tmp_path / "a.csv", "L-2,repair,Leak,2026-03-01,39.95,116.35"))
    assert report.count("coordinates_maybe_swapped") == 1


async def test_importing_again_changes_nothing_not_even_what_people_did_since(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    lon, lat = works.point("west")
    path = csv_of(tmp_path / "a.csv", f"L-1,repair,Leak,2026-03-01,{lon},{lat}", "L-2,repair,Leak,2026-03-01,,")
    await imported(works, Noun.JOBS, path)
    unplaced = (await jobs_of(owner, works))["L-2"]["id"]
    await works.ok(TriageJob(job_id=unplaced, district_id=works.districts["west"]))
    before = dict(await owner.fetchrow(STATE, works.id))
    renamed = path.rename(tmp_path / "other name.csv")
    report = await imported(works, Noun.JOBS, renamed)
    assert (report.made, report.changed, report.unchanged, report.waiting) == (0, 0, 2, 0)
    assert dict(await owner.fetchrow(STATE, works.id)) == before


async def test_repeated_keys_and_identical_rows_are_all_kept(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    same, other = "L-1,repair,Leak,2026-03-01,,", "L-1,repair,Leak again,2026-03-01,,"
    report = await imported(works, Noun.JOBS, csv_of(tmp_path / "a.csv", same, same, other, "L-2,repair,x,,,"))
    assert report.made == 4
    assert (report.count("row_repeated"), report.count("key_repeated")) == (1, 2)
    assert await owner.fetchval("select count(*) from job where org_id = $1 and external_ref = 'L-1'", works.id) == 3
    again = await imported(works, Noun.JOBS, csv_of(tmp_path / "b.csv", other, same, same))
    assert (again.made, again.unchanged) == (0, 3)


async def test_a_row_that_changed_under_its_key_is_another_job_and_flagged(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await imported(works, Noun.JOBS, csv_of(tmp_path / "a.csv", "L-1,repair,Leak,2026-03-01,,"))
    report = await imported(works, Noun.JOBS, csv_of(tmp_path / "a.csv", "L-1,repair,Big leak,2026-03-01,,"))
    assert (report.made, report.count("key_known")) == (1, 1)
    assert await owner.fetchval("select count(*) from job where org_id = $1", works.id) == 2


async def test_another_mapping_leaves_imported_jobs_as_they_are(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "a.csv", "L-1,repair,Leak,2026-03-01,,")
    await imported(works, Noun.JOBS, path)
    report = await imported(works, Noun.JOBS, path, '[fields]\ntitle = { value = "Other" }')
    assert (report.made, report.unchanged, report.count("settings_changed")) == (0, 1, 1)
    assert (await jobs_of(owner, works))["L-1"]["title"] == "Leak"


async def test_a_refused_row_gets_in_once_its_cause_is_mended(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "a.csv", "L-1,repiar,Leak,2026-03-01,,", "L-2,,Leak,,,", "L-3,repair,Leak,,,")
    report = await imported(works, Noun.JOBS, path)
    assert (report.made, report.refused) == (1, 2)
    assert (report.count("unknown_job_type"), report.count("value_missing")) == (1, 1)
    mended = '[fields]\njob_type = { column = "job_type", values = { repiar = "repair" }, default = "survey" }'
    report = await imported(works, Noun.JOBS, path, mended)
    assert (report.made, report.refused, report.unchanged) == (2, 0, 1)
    assert {ref: job["type"] for ref, job in (await jobs_of(owner, works)).items()} == {
        "L-1": "repair", "L-2": "survey", "L-3": "repair",
    }  # fmt: skip


async def test_a_row_that_a_command_refused_gets_in_later(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    header = "id,job_type,number\n"
    path = csv_of(tmp_path / "a.csv", "L-1,repair,N-1", header=header)
    # The answer of the first import is remembered by its command's id: simulated by refusing it, as a rule of another day would.
    await imported(works, Noun.JOBS, path)
    await owner.execute(
        "update sync_outcome set status = 'rejected', code = 'invalid' where org_id = $1 and name = 'open_job'",
        works.id,
    )
    report = await imported(works, Noun.JOBS, path)
    assert (report.made, report.refused, report.unchanged) == (0, 0, 1)


async def test_a_trial_run_says_the_same_and_writes_nothing(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    lon, lat = works.point("west")
    path = csv_of(tmp_path / "a.csv", f"L-1,repair,Leak,,{lon},{lat}", "L-2,repair,Leak,,10.5,45.1", "L-3,nope,Leak,,,")
    before = dict(await owner.fetchrow(STATE, works.id))
    trial = await imported(works, Noun.JOBS, path, dry_run=True)
    assert dict(await owner.fetchrow(STATE, works.id)) == before
    real = await imported(works, Noun.JOBS, path)
    assert (trial.made, trial.refused, trial.waiting, trial.notes) == (
        real.made,
        real.refused,
        real.waiting,
        real.notes,
    )
    assert (real.made, real.refused, real.waiting) == (2, 1, 1)


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
async def test_points_of_chinese_maps_are_converted_and_their_datum_kept(
    works: Org, owner: asyncpg.Connection, tmp_path: Path, datum: Datum
) -> None:
    lon, lat = works.point("east")
    there = from_wgs84(lon, lat, datum)
    path = csv_of(tmp_path / "a.csv", f"L-1,repair,Leak,,{there.lon_deg!r},{there.lat_deg!r}")
    await imported(works, Noun.JOBS, path, datum=datum)
    job = (await jobs_of(owner, works))["L-1"]
    assert (job["lon_deg"], job["lat_deg"]) == pytest.approx((lon, lat), abs=1e-8)
    assert (job["datum"], job["district_id"]) == (datum.value, works.districts["east"])


async def test_a_job_at_a_known_site_lies_where_the_site_is(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "a.csv", "L-1,repair,S-1", "L-2,repair,S-9", header="id,job_type,site\n")
    report = await imported(works, Noun.JOBS, path)
    assert (report.made, report.waiting, report.count("unknown_code"), report.count("coordinates_missing")) == (
        2,
        1,
        1,
        1,
    )
    jobs = await jobs_of(owner, works)
    assert (jobs["L-1"]["site_id"], jobs["L-1"]["state"]) == (works.site, "ready")
    assert (jobs["L-2"]["site_id"], jobs["L-2"]["state"]) == (None, "awaiting_triage")


async def test_requests_come_with_a_job_each(works: Org, owner: asyncpg.Connection, tmp_path: Path) -> None:
    header = "id,job_type,description,contact_name,contact_phone,lon,lat\n"
    lon, lat = works.point("west")
    path = csv_of(tmp_path / "a.csv", f"C-1,repair,No water,Lin,555 0101,{lon},{lat}", header=header)
    for made, unchanged in ((1, 0), (0, 1)):
        report = await imported(works, Noun.JOBS, path, requests=True)
        assert (report.made, report.unchanged) == (made, unchanged)
    job = (await jobs_of(owner, works))["C-1"]
    request = await owner.fetchrow("select * from request where org_id = $1", works.id)
    assert request is not None
    assert (request["job_id"], request["description"]) == (job["id"], "No water")
    contact = await owner.fetchrow("select name, phone from contact where id = $1", job["contact_id"])
    assert contact is not None
    assert tuple(contact) == ("Lin", "555 0101")


async def test_spreadsheets_and_geojson_give_the_same_jobs_as_csv(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    lon, lat = works.point("west")
    sheet = write_xlsx(tmp_path / "a.xlsx", [["id", "job_type", "lon", "lat"], [7, "repair", lon, lat]])
    assert (await imported(works, Noun.JOBS, sheet)).made == 1
    text = csv_of(tmp_path / "a.csv", f"7,repair,{lon!r},{lat!r}", header="id,job_type,lon,lat\n")
    assert (await imported(works, Noun.JOBS, text)).unchanged == 1
    point = {"type": "Point", "coordinates": [lon, lat]}
    line = {"type": "LineString", "coordinates": [[lon, lat], [lon, lat]]}
    features = [
        ({"id": "8", "job_type": "repair"}, point),
        ({"id": "9", "job_type": "repair"}, line),
        ({"id": "10"}, point),
    ]
    report = await imported(works, Noun.JOBS, write_geojson(tmp_path / "a.geojson", features))
    assert (report.made, report.refused, report.count("coordinates_missing")) == (2, 1, 1)
    assert (await jobs_of(owner, works))["8"]["district_id"] == works.districts["west"]


async def test_hostile_text_is_only_text(works: Org, owner: asyncpg.Connection, tmp_path: Path) -> None:
    header = "id,job_type,title,description\n"
    evil = "'; drop table job; -- <script>alert(1)</script>"
    path = csv_of(tmp_path / "a.csv", f'=1+1,repair,"{evil}","a\x00b"', header=header)
    report = await imported(works, Noun.JOBS, path)
    job = (await jobs_of(owner, works))["=1+1"]
    assert (job["title"], job["description"]) == (evil, "ab")
    assert b"'=1+1" in as_csv(report, Language.EN)


async def test_one_row_that_breaks_the_server_is_refused_and_the_others_get_in(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await owner.execute("alter table job add constraint no_seven check (title <> 'seven') not valid")
    try:
        rows = [f"L-{word},repair,{word},,," for word in ("five", "six", "seven", "eight")]
        report = await imported(works, Noun.JOBS, csv_of(tmp_path / "a.csv", *rows))
    finally:
        await owner.execute("alter table job drop constraint no_seven")
    assert (report.made, report.refused, report.count("import_fault")) == (3, 1, 1)
    assert [note.row for note in report.notes if note.code == "import_fault"] == [4]


async def test_the_report_names_every_row_with_its_reason_in_both_languages(works: Org, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "L-1,nope,Leak,,,", "L-2,repair,Leak,32-Foo-10,,")
    report = await imported(works, Noun.JOBS, path)
    english, chinese = as_csv(report, Language.EN).decode("utf-8-sig"), as_csv(report, Language.ZH).decode("utf-8-sig")
    lines = english.splitlines()
    assert lines[0] == "row,key,outcome,reason,message,detail"
    assert lines[1].startswith("2,L-1,refused,unknown_job_type,There is no such job type.,")
    assert {line.split(",")[3] for line in lines[2:]} == {"value_unreadable", "coordinates_missing"}
    assert "没有此工单类型" in chinese
