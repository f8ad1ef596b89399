"""Sites, parts, people and districts: the code is the key, what changed is updated, what was edited here meanwhile is left alone."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.importing.fields import Noun
from mobile_contract.schema.base import Skill
from mobile_contract.schema.decisions import SavePerson, SaveSite
from mobile_contract.schema.people import Person, Role
from mobile_contract.schema.place import Site
from tests.api.importing.files import imported, square, write_geojson, write_xlsx
from tests.arrange import NOW, Org

LATER = NOW + timedelta(days=1)


def csv_of(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def one(owner: asyncpg.Connection, org: Org, kind: str, code: str) -> asyncpg.Record:
    row = await owner.fetchrow(f"select * from {kind} where org_id = $1 and code = $2", org.id, code)
    assert row is not None
    return row


async def test_sites_are_made_then_updated_and_keep_what_is_not_in_the_file(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    (west, lat), (east, lat2) = works.point("west"), works.point("east")
    path = tmp_path / "a.csv"
    first = await imported(
        works, Noun.SITES, csv_of(path, "code,name,address,lon,lat", f"A,Mill,1 Road,{west},{lat}", "B,Hall,,,")
    )
    assert (first.made, first.count("coordinates_missing")) == (2, 1)
    assert (await one(owner, works, "site", "A"))["district_id"] == works.districts["west"]
    second = await imported(
        works, Noun.SITES, csv_of(path, "code,address,lon,lat", f"A,2 Road,{east},{lat2}", "S-1,,,")
    )
    assert (second.made, second.changed) == (0, 2)
    site = await one(owner, works, "site", "A")
    assert (site["name"], site["address"], site["district_id"]) == ("Mill", "2 Road", works.districts["east"])
    known = await one(owner, works, "site", "S-1")
    assert (known["id"], known["name"], known["address"]) == (works.site, "Plaza", "")
    assert known["lon_deg"] is not None


async def test_a_row_that_says_the_same_undoes_no_later_edit_and_one_that_says_the_former_does(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    def says(name: str) -> Path:
        return csv_of(tmp_path / "a.csv", "code,name", f"A,{name}")

    await imported(works, Noun.SITES, says("one"))
    id = (await one(owner, works, "site", "A"))["id"]
    await works.ok(SaveSite(site=Site(id=id, code="A", name="by hand")))
    assert (await imported(works, Noun.SITES, says("one"))).unchanged == 1
    assert (await one(owner, works, "site", "A"))["name"] == "by hand"
    for name in ("two", "one", "two", "one"):
        assert (await imported(works, Noun.SITES, says(name))).changed == 1
        assert (await one(owner, works, "site", "A"))["name"] == name


async def test_of_two_rows_with_one_code_the_first_counts(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "a.csv", "code,name", "A,first", "A,second", "A,first", ",nameless")
    report = await imported(works, Noun.SITES, path)
    assert (report.made, report.refused) == (1, 3)
    assert (report.count("key_repeated_refused"), report.count("value_missing")) == (2, 1)
    assert (await one(owner, works, "site", "A"))["name"] == "first"


async def test_a_site_outside_every_district_is_flagged_and_placed_once_there_is_one(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "a.csv", "code,name,lon,lat", "A,Mill,10.5,45.1")
    report = await imported(works, Noun.SITES, path)
    assert (report.made, report.count("outside_districts")) == (1, 1)
    await imported(
        works, Noun.DISTRICTS, write_geojson(tmp_path / "d.geojson", [({"code": "alps"}, square(10, 45, 1))])
    )
    changed = csv_of(tmp_path / "a.csv", "code,name,lon,lat", "A,Old mill,10.5,45.1")
    assert (await imported(works, Noun.SITES, changed)).count("outside_districts") == 0
    alps = (await one(owner, works, "district", "alps"))["id"]
    assert (await one(owner, works, "site", "A"))["district_id"] == alps


async def test_parts_keep_exact_prices_and_both_names(works: Org, owner: asyncpg.Connection, tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["code", "名称", "name", "price", "unit", "serialised"],
        ["clamp", "卡箍", "Clamp", 13.1, "pcs", None],
        ["M-15", "水表", None, "240,00", "pcs", True],
    ]
    report = await imported(works, Noun.PARTS, write_xlsx(tmp_path / "a.xlsx", rows))
    assert (report.made, report.changed) == (1, 1)
    clamp, meter = await one(owner, works, "part", "clamp"), await one(owner, works, "part", "M-15")
    assert (clamp["id"], clamp["unit_cost"], clamp["name"]) == (
        works.parts["clamp"],
        Decimal("13.1"),
        {"en": "Clamp", "zh": "卡箍"},
    )
    assert (meter["serialised"], meter["name"], meter["unit_cost"]) == (
        True,
        {"en": "水表", "zh": "水表"},
        Decimal("240.00"),
    )


@pytest.mark.parametrize("price", ["-1", "", "free", "1,234"])
async def test_a_part_without_a_price_to_count_with_is_refused(works: Org, tmp_path: Path, price: str) -> None:
    path = csv_of(tmp_path / "a.csv", "code;unit_cost", f"P-1;{price}")
    report = await imported(works, Noun.PARTS, path)
    assert (report.made, report.refused) == (0, 1)


PEOPLE = "code,name,roles,skills,crew,crew_name,crew_lead,crew_districts,lon,lat,login"


async def test_people_come_with_skills_base_point_crew_and_login(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    lon, lat = works.point("west")
    path = csv_of(
        tmp_path / "a.csv", PEOPLE,
        f"7,Lin,technician;crew_lead,pipe_repair:2:2027-02-01,north,North crew,yes,west;nowhere,{lon},{lat},Lin@works.example",
        "8,Wang,technician,,north,,no,east,,,",
    )  # fmt: skip
    report = await imported(works, Noun.PEOPLE, path)
    assert (report.made, report.refused, report.count("unknown_code")) == (2, 0, 1)
    lin, wang = await one(owner, works, "person", "7"), await one(owner, works, "person", "8")
    assert (lin["roles"], lin["lon_deg"]) == (["technician", "crew_lead"], lon)
    assert lin["skills"][0]["level"] == 2
    crew = await one(owner, works, "crew", "north")
    assert (crew["name"], crew["lead_id"], crew["lon_deg"]) == ("North crew", lin["id"], lon)
    assert set(crew["member_ids"]) == {str(lin["id"]), str(wang["id"])}
    assert set(crew["district_ids"]) == {str(works.districts["west"]), str(works.districts["east"])}
    login = await owner.fetchrow("select login, password_hash from credential where person_id = $1", lin["id"])
    assert login is not None
    assert tuple(login) == ("lin@works.example", None)
    held = await owner.fetch("select bucket from sync_scope where org_id = $1 and person_id = $2", works.id, lin["id"])
    assert f"crew/{crew['id']}" in {row["bucket"] for row in held}
    before = await owner.fetchval("select sum(ver) from sync_doc where org_id = $1", works.id)
    assert (await imported(works, Noun.PEOPLE, path, now=LATER)).unchanged == 2
    assert await owner.fetchval("select sum(ver) from sync_doc where org_id = $1", works.id) == before


async def test_a_person_of_another_crew_leaves_it(works: Org, owner: asyncpg.Connection, tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "code,name,crew", "amy,Amy,beta", "ali,Ali,")
    report = await imported(works, Noun.PEOPLE, path, now=LATER)
    assert (report.changed + report.unchanged, report.count("crew_changed")) == (2, 1)
    alpha, beta = await one(owner, works, "crew", "alpha"), await one(owner, works, "crew", "beta")
    assert alpha["member_ids"] == [str(works.people["ali"])]
    assert set(beta["member_ids"]) == {str(works.people["amy"]), str(works.people["bob"])}
    ended = await owner.fetchval("select to_at from crew_member where id = $1", works.members["amy"])
    assert ended == LATER


async def test_what_a_file_does_not_say_of_a_person_stays_and_an_empty_cell_takes_it_away(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    skilled = Person(
        id=works.people["eve"], code="eve", name="Eve", roles=(Role.ENGINEER,), skills=(Skill(code="gas"),)
    )
    await works.ok(SavePerson(person=skilled))
    await imported(works, Noun.PEOPLE, csv_of(tmp_path / "a.csv", "code,name", "eve,Evelyn"))
    eve = await one(owner, works, "person", "eve")
    assert (eve["name"], eve["roles"], eve["skills"][0]["code"]) == ("Evelyn", ["engineer"], "gas")
    await imported(works, Noun.PEOPLE, csv_of(tmp_path / "a.csv", "code,name,roles,skills", "eve,,engineer,"))
    eve = await one(owner, works, "person", "eve")
    assert (eve["name"], eve["roles"], eve["skills"]) == ("Evelyn", ["engineer"], [])


@pytest.mark.parametrize("line", ["9,Zoe,king,", "9,Zoe,technician,pipe_repair:12", "9,Zoe,technician,:2"])
async def test_a_person_whose_roles_or_skills_cannot_be_read_is_refused(works: Org, tmp_path: Path, line: str) -> None:
    report = await imported(works, Noun.PEOPLE, csv_of(tmp_path / "a.csv", "code,name,roles,skills", line))
    assert (report.made, report.refused) == (0, 1)


async def test_a_login_that_is_taken_is_flagged_and_the_person_comes_without(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "a.csv", "code,name,login", "7,Lin,lin", "8,Ling,LIN")
    report = await imported(works, Noun.PEOPLE, path)
    assert (report.made, report.count("login_taken")) == (2, 1)
    assert await owner.fetchval("select count(*) from credential where org_id = $1", works.id) == 1


async def test_a_person_who_becomes_inactive_leaves_the_crew(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "a.csv", "code,name,active,crew", "bob,Bob,no,beta")
    assert (await imported(works, Noun.PEOPLE, path, now=LATER)).changed == 1
    assert (await one(owner, works, "crew", "beta"))["member_ids"] == []


async def test_districts_come_parents_first_with_what_was_repaired(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    bow = {"type": "Polygon", "coordinates": [[[10, 45], [11, 46], [11, 45], [10, 46], [10, 45]]]}
    path = write_geojson(
        tmp_path / "a.geojson",
        [
            ({"code": "child", "parent": "top", "name": "Child", "名称": "子区"}, square(20.2, 50.2, 0.1)),
            ({"code": "bow", "parent": "none"}, bow),
            ({"code": "top", "arrival_class": "village"}, square(20, 50, 1)),
            ({"code": "line"}, {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}),
            ({"code": "void"}, None),
            ({}, square(30, 50, 1)),
            ({"code": "a", "parent": "b"}, square(40, 50, 1)),
            ({"code": "b", "parent": "a"}, square(42, 50, 1)),
        ],
    )
    trial = await imported(works, Noun.DISTRICTS, path, dry_run=True)
    report = await imported(works, Noun.DISTRICTS, path)
    assert (trial.made, trial.refused, trial.notes) == (report.made, report.refused, report.notes)
    assert (report.made, report.refused) == (5, 3)
    counts = {code: report.count(code) for code in (
        "self_intersection_repaired", "district_parent_unknown", "district_not_a_polygon", "geometry_missing", "value_missing", "district_parent_circle",
    )}  # fmt: skip
    assert counts == {
        "self_intersection_repaired": 1, "district_parent_unknown": 1, "district_not_a_polygon": 1, "geometry_missing": 1, "value_missing": 1,
        "district_parent_circle": 2,
    }  # fmt: skip
    child, top = await one(owner, works, "district", "child"), await one(owner, works, "district", "top")
    assert (child["parent_id"], child["name"]) == (top["id"], {"en": "Child", "zh": "子区"})
    assert top["arrival_class"] == "village"
    assert (await imported(works, Noun.DISTRICTS, path)).unchanged == 5


async def test_a_district_that_was_redrawn_is_updated_and_redrawn_back(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    async def drawn(side: float) -> float:
        path = write_geojson(tmp_path / "a.geojson", [({"code": "d", "parent_code": "west"}, square(20, 50, side))])
        await imported(works, Noun.DISTRICTS, path)
        return float((await one(owner, works, "district", "d"))["area_m2"])

    small, large, again = await drawn(0.1), await drawn(0.2), await drawn(0.1)
    assert small == again < large
    assert (await one(owner, works, "district", "d"))["parent_id"] == works.districts["west"]


async def test_districts_come_from_tables_with_wkt(works: Org, owner: asyncpg.Connection, tmp_path: Path) -> None:
    path = csv_of(
        tmp_path / "a.csv", "code;name;wkt",
        "d;D;POLYGON ((20 50, 21 50, 21 51, 20 51, 20 50))", "e;E;POLYGON ((oops", 'f;F;{"type": "Polygon"',
    )  # fmt: skip
    report = await imported(works, Noun.DISTRICTS, path)
    assert (report.made, report.refused) == (1, 2)
    assert (await one(owner, works, "district", "d"))["area_m2"] > 1e9
