"""Lists of parts, policies, job types and rosters: pages that join, search by text and barcode, costs for those who may see them."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from mobile_contract.schema import decisions as d
from mobile_contract.schema.approval import Band, Policy
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.job import JobType
from mobile_contract.schema.material import Part
from mobile_contract.schema.people import Duty, Role, Shift
from tests.api.office import Office, office
from tests.api.paging import every_item
from tests.api.serving import Site
from tests.arrange import NOW

GTIN = "9521234543213"
SEES_COSTS = ("ada", "eve", "max", "gus", "cho", "wes")
HIDDEN_FROM = ("dan", "cal")


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(still, pool, seed, *SEES_COSTS, *HIDDEN_FROM, "amy")


async def catalogued(desk: Office, code: str, **said: Any) -> Part:
    part = Part(id=desk.org.new_id(), code=code, unit_cost=Decimal("4.20"), **{"name": LocalText(en=code), **said})
    await desk.org.ok(d.SavePart(part=part))
    return part


def codes(items: list[Any]) -> list[str]:
    return [item["code"] for item in items]


async def test_parts_come_by_code_in_pages_that_join(desk: Office) -> None:
    for code in ("Clamp", "abc", "zeta"):
        await catalogued(desk, code)
    found = codes(await every_item(desk, "/parts", limit=2))
    assert sorted(found) == sorted({*desk.org.parts, "Clamp", "abc", "zeta"})
    assert found == sorted(found)


async def test_parts_are_found_by_code_by_words_of_either_name_and_by_number(desk: Office) -> None:
    await catalogued(
        desk, "V-25", name=LocalText(en="Ball valve DN25", zh="球阀 DN25"), gtins=(GTIN,), part_class="valves"
    )
    await catalogued(desk, "old", active=False)

    async def found(**params: Any) -> list[str]:
        return codes(await every_item(desk, "/parts", **params))

    assert await found(text="v-2") == ["V-25"]
    assert await found(text="dn25") == ["V-25"]
    assert await found(text="球阀") == ["V-25"]
    assert await found(text=GTIN) == await found(text=f"0{GTIN}") == ["V-25"]
    assert await found(text="9521234543210") == []
    assert await found(part_class="valves") == ["V-25"]
    assert await found(active="false") == ["old"]


@pytest.mark.parametrize("by", [*SEES_COSTS, *HIDDEN_FROM])
async def test_a_cost_is_shown_to_exactly_those_who_may_see_costs(desk: Office, by: str) -> None:
    await catalogued(desk, "V-25", price=Decimal("9.90"))
    (line,) = await every_item(desk, "/parts", by=by, text="V-25")
    scanned = await desk.get("/parts/scan", by=by, code="V-25")
    for shown in (line, *scanned["parts"]):
        assert shown["price"] == "9.90"
        assert shown.get("unit_cost") == ("4.20" if by in SEES_COSTS else None)


async def test_a_key_sees_no_costs(desk: Office) -> None:
    made = await desk.post("/api-keys", {"name": "crm", "scopes": ["read"]}, by="ada")
    headers = {"Authorization": f"Bearer {made.json()['api_key']}"}
    page = (await desk.site.client.get("/api/v1/parts", headers=headers)).json()
    assert page["items"]
    assert all("unit_cost" not in item for item in page["items"])


@pytest.mark.parametrize("code", [GTIN, f"(01)0{GTIN}(21)SN-1(10)L7", f"]C1010{GTIN}21SN-1\x1d10L7", f"https://id.gs1.org/01/0{GTIN}/10/L7/21/SN-1"])  # fmt: skip
async def test_a_scan_finds_the_part_and_says_serial_and_lot(desk: Office, code: str) -> None:
    await catalogued(desk, "V-25", gtins=(GTIN,))
    found = await desk.get("/parts/scan", code=code)
    assert codes(found["parts"]) == ["V-25"]
    assert found["gtin"] == f"0{GTIN}"
    assert (found.get("serial"), found.get("lot")) == ((None, None) if code == GTIN else ("SN-1", "L7"))


async def test_a_scan_finds_a_code_of_ours_and_nothing_where_there_is_nothing(desk: Office) -> None:
    await catalogued(desk, "off", gtins=(GTIN,), active=False)
    assert codes((await desk.get("/parts/scan", code="clamp"))["parts"]) == ["clamp"]
    assert "parts" not in await desk.get("/parts/scan", code=GTIN)
    assert "parts" not in await desk.get("/parts/scan", code="(01)0952123")
    assert (await desk.raw("/parts/scan")).status_code == 422
    assert (await desk.raw("/parts/scan", code="x" * 401)).status_code == 422


async def test_policies_and_job_types_come_by_code_and_version(desk: Office) -> None:
    org = desk.org
    band = Band(above=Decimal(0), role=Role.MANAGER)
    policy = Policy(id=org.new_id(), code="B2", version=1, subject="budget", currency="CNY", bands=(band,))
    versions = [replace(policy, id=org.new_id(), version=version) for version in (2, 10)]
    await org.ok(*(d.SavePolicy(policy=p) for p in (policy, *versions)))
    await org.ok(
        d.LoadJobType(job_type=JobType(id=org.new_id(), code="repair", version=2, name=LocalText(en="Repair")))
    )
    listed = [(p["code"], p["version"]) for p in await every_item(desk, "/policies", limit=1)]
    assert listed == [("B2", 1), ("B2", 2), ("B2", 10), ("R1", 1)]
    assert [p["version"] for p in await every_item(desk, "/policies", subject="budget", latest="true")] == [10]
    assert [p["version"] for p in await every_item(desk, "/policies", code="R1")] == [1]
    types = [(t["code"], t["version"]) for t in await every_item(desk, "/job-types", limit=2)]
    assert types == [("repair", 1), ("repair", 2), ("survey", 1)]
    assert [t["version"] for t in await every_item(desk, "/job-types", code="repair", latest="true")] == [2]


async def test_rosters_come_by_their_beginning_and_are_found_by_person_and_span(desk: Office) -> None:
    org = desk.org
    spans = [(NOW + timedelta(hours=h), NOW + timedelta(hours=h + 8)) for h in (16, 0, 0)]
    people = [org.people[name] for name in ("amy", "amy", "bob")]
    shifts = [
        Shift(id=org.new_id(), person_id=person, from_at=begin, to_at=end)
        for person, (begin, end) in zip(people, spans, strict=True)
    ]
    duty = Duty(id=org.new_id(), person_id=org.people["gus"], from_at=NOW, to_at=NOW + timedelta(hours=8))
    await org.ok(*(d.SaveShift(shift=shift) for shift in shifts), d.SaveDuty(duty=duty))

    async def found(**params: Any) -> list[str]:
        return [item["id"] for item in await every_item(desk, "/shifts", limit=1, **params)]

    first = sorted(shifts[1:], key=lambda s: s.id)
    assert await found() == [*(str(s.id) for s in first), str(shifts[0].id)]
    assert await found(person=str(org.people["bob"])) == [str(shifts[2].id)]
    assert await found(from_at=(NOW + timedelta(hours=8)).isoformat()) == [str(shifts[0].id)]
    assert len(await found(to_at=(NOW + timedelta(hours=16)).isoformat())) == 2
    assert str(duty.id) in [item["id"] for item in await every_item(desk, "/duties", person=str(org.people["gus"]))]


@pytest.mark.parametrize("path", ["/parts", "/parts/scan?code=x", "/policies", "/job-types", "/duties", "/shifts"])
async def test_field_crews_and_strangers_read_no_such_list(desk: Office, path: str) -> None:
    assert (await desk.raw(path, by="amy")).status_code == 403
    assert (await desk.site.client.get(f"/api/v1{path}")).status_code == 401


@pytest.mark.parametrize("path", ["/parts", "/policies", "/shifts"])
@pytest.mark.parametrize("cursor", ["nonsense!", "WyJuZXdlc3QiLCJ4IiwieSJd"])
async def test_a_cursor_of_another_list_is_refused(desk: Office, path: str, cursor: str) -> None:
    assert (await desk.raw(path, cursor=cursor)).status_code == 422


async def test_nobody_sees_the_catalogue_of_another_organisation(
    desk: Office, still: Site, pool: asyncpg.Pool, seed: int
) -> None:
    theirs = await office(still, pool, seed + 1)
    await catalogued(theirs, "secret", gtins=(GTIN,))
    assert codes(await every_item(desk, "/parts", text="secret")) == []
    assert "parts" not in await desk.get("/parts/scan", code=GTIN)
