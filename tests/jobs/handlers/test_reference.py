"""Master rows: saved once, unchanged when saved again, refused where they refer to nothing or take another's code."""

import json
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from geo.coordinates import to_wgs84
from mobile_contract.schema import decisions as d
from mobile_contract.schema.approval import Band, Policy
from mobile_contract.schema.base import Command, Datum, LocalText
from mobile_contract.schema.job import JobType
from mobile_contract.schema.material import Part
from mobile_contract.schema.people import Crew, Duty, Role, Shift
from mobile_contract.schema.place import Contact, District, Meter, Site, UsagePoint
from mobile_contract.schema.stock import StockLocation
from sync.outcomes import Answer
from tests.arrange import NOW, Org
from tests.jobs import stored

HOUR = timedelta(hours=1)


async def told(org: Org, command: Command) -> Answer:
    (answer,) = await org.send(command, now=NOW)
    return answer


def square(lon: float, lat: float, side: float) -> str:
    ring = [[lon, lat], [lon + side, lat], [lon + side, lat + side], [lon, lat + side], [lon, lat]]
    return json.dumps({"type": "Polygon", "coordinates": [ring]})


async def everything(org: Org) -> list[Command]:
    crew = await stored.one(org, Crew, org.crews["alpha"])
    point = UsagePoint(id=org.new_id(), site_id=org.site, code="UP-1", meter_id=org.meter)
    shift = Shift(id=org.new_id(), person_id=org.people["amy"], from_at=NOW, to_at=NOW + HOUR)
    (duty,) = await stored.every(org, Duty)
    return [
        d.SaveSite(site=await stored.one(org, Site, org.site)),
        d.SaveContact(contact=await stored.one(org, Contact, org.contact)),
        d.SaveMeter(meter=await stored.one(org, Meter, org.meter)),
        d.SaveUsagePoint(usage_point=point),
        d.SavePart(part=await stored.one(org, Part, org.parts["clamp"])),
        d.SaveStockLocation(location=await stored.one(org, StockLocation, org.vans["alpha"])),
        d.SavePolicy(policy=(await stored.every(org, Policy))[0]),
        d.LoadJobType(job_type=(await stored.every(org, JobType))[0]),
        d.SaveShift(shift=shift),
        d.SaveDuty(duty=duty),
        d.SaveCrew(crew=crew),
    ]


async def test_saving_what_is_there_changes_nothing(org: Org) -> None:
    commands = await everything(org)
    await org.ok(*commands)
    for answer in await org.send(*commands):
        assert (answer.status, answer.code) == ("applied", "unchanged"), answer.name


async def test_a_sites_district_follows_from_its_point_whatever_the_command_says(org: Org) -> None:
    for district in ("west", "east", "nowhere"):
        lon, lat = org.point(district)
        site = Site(id=org.new_id(), code=district, lon_deg=lon, lat_deg=lat, district_id=org.districts["west"])
        await org.ok(d.SaveSite(site=site))
        kept = await stored.one(org, Site, site.id)
        assert kept.district_id == org.districts.get(district)
    pointless = Site(id=org.new_id(), code="pointless", lon_deg=116.4, district_id=org.districts["west"])
    await org.ok(d.SaveSite(site=pointless))
    kept = await stored.one(org, Site, pointless.id)
    assert (kept.lon_deg, kept.lat_deg, kept.district_id) == (None, None, None)


async def test_a_site_given_in_another_datum_is_kept_in_wgs84_and_never_moves_again(org: Org) -> None:
    lon, lat = org.point("east")
    sent = Site(id=org.new_id(), code="S-2", lon_deg=lon, lat_deg=lat, datum=Datum.GCJ02)
    await org.ok(d.SaveSite(site=sent))
    kept = await stored.one(org, Site, sent.id)
    here = to_wgs84(lon, lat, Datum.GCJ02)
    assert (kept.lon_deg, kept.lat_deg, kept.datum) == (here.lon_deg, here.lat_deg, Datum.GCJ02)
    assert (await told(org, d.SaveSite(site=sent))).code == "unchanged"
    renamed = msgspec.structs.replace(kept, name="Renamed")
    await org.ok(d.SaveSite(site=renamed))
    assert await stored.one(org, Site, sent.id) == renamed


async def test_a_code_belongs_to_one(org: Org) -> None:
    site = Site(id=org.new_id(), code="S-1")
    part = Part(id=org.new_id(), code="clamp", name=LocalText(en="Clamp"), unit_cost=Decimal(1))
    crew = Crew(id=org.new_id(), code="alpha", name="Other")
    for command in (d.SaveSite(site=site), d.SavePart(part=part), d.SaveCrew(crew=crew)):
        answer = await told(org, command)
        assert (answer.status, answer.code) == ("rejected", "code_taken"), answer.name


async def test_what_refers_to_nothing_is_refused(org: Org) -> None:
    nothing = org.new_id()
    commands: list[Command] = [
        d.SaveContact(contact=Contact(id=org.new_id(), name="X", site_id=nothing)),
        d.SaveMeter(meter=Meter(id=org.new_id(), site_id=nothing, serial="M")),
        d.SaveUsagePoint(usage_point=UsagePoint(id=org.new_id(), site_id=org.site, code="U", meter_id=nothing)),
        d.SaveShift(shift=Shift(id=org.new_id(), person_id=nothing, from_at=NOW, to_at=NOW + HOUR)),
        d.SaveDuty(duty=Duty(id=org.new_id(), person_id=nothing, from_at=NOW, to_at=NOW + HOUR)),
        d.SaveCrew(crew=Crew(id=org.new_id(), code="c", name="C", van_id=nothing)),
        d.SaveCrew(crew=Crew(id=org.new_id(), code="c", name="C", lead_id=nothing)),
        d.SaveCrew(crew=Crew(id=org.new_id(), code="c", name="C", district_ids=(nothing,))),
    ]
    for command in commands:
        answer = await told(org, command)
        assert (answer.status, answer.code) == ("rejected", "unknown_reference"), answer.name


@pytest.mark.parametrize("cost", ["-1", "NaN", "Infinity", "1E+15", "0.0000001"])
async def test_a_price_that_cannot_be_is_refused(org: Org, cost: str) -> None:
    part = Part(id=org.new_id(), code="x", name=LocalText(en="X"), unit_cost=Decimal(cost))
    answer = await told(org, d.SavePart(part=part))
    assert (answer.status, answer.code, answer.detail) == ("rejected", "number_invalid", {"field": "unit_cost"})


async def test_a_number_that_no_column_holds_is_refused(org: Org) -> None:
    meter = await stored.one(org, Meter, org.meter)
    repair = (await stored.every(org, JobType))[0]
    (policy,) = await stored.every(org, Policy)
    commands: list[Command] = [
        d.SaveMeter(meter=msgspec.structs.replace(meter, dial_count=13)),
        d.SaveMeter(meter=msgspec.structs.replace(meter, dn_mm=2**31)),
        d.LoadJobType(job_type=msgspec.structs.replace(repair, id=org.new_id(), version=2**40)),
        d.LoadJobType(job_type=msgspec.structs.replace(repair, id=org.new_id(), version=-1)),
        d.SavePolicy(policy=msgspec.structs.replace(policy, id=org.new_id(), version=2**40)),
    ]
    for command in commands:
        answer = await told(org, command)
        assert (answer.status, answer.code) == ("rejected", "number_invalid"), answer.name


async def test_a_span_that_ends_before_it_begins_is_refused(org: Org) -> None:
    shift = Shift(id=org.new_id(), person_id=org.people["amy"], from_at=NOW, to_at=NOW)
    assert (await told(org, d.SaveShift(shift=shift))).code == "span_invalid"


async def test_saving_a_meter_keeps_the_newer_reading(org: Org) -> None:
    meter = await stored.one(org, Meter, org.meter)
    read = msgspec.structs.replace(meter, last_value=Decimal(200), last_read_at=NOW)
    await org.ok(d.SaveMeter(meter=read))
    older = msgspec.structs.replace(meter, serial="M-9", last_value=Decimal(150), last_read_at=NOW - HOUR)
    await org.ok(d.SaveMeter(meter=older))
    assert await stored.one(org, Meter, org.meter) == msgspec.structs.replace(read, serial="M-9")


async def test_a_version_of_a_policy_never_changes(org: Org) -> None:
    (policy,) = await stored.every(org, Policy)
    bands = (Band(above=Decimal(0), role=Role.MANAGER),)
    same = msgspec.structs.replace(policy, id=org.new_id())
    other = msgspec.structs.replace(same, bands=bands)
    assert (await told(org, d.SavePolicy(policy=same))).code == "unchanged"
    assert (await told(org, d.SavePolicy(policy=other))).code == "version_exists"
    moved = msgspec.structs.replace(policy, version=9)
    assert (await told(org, d.SavePolicy(policy=moved))).code == "version_exists"
    assert (await told(org, d.SavePolicy(policy=msgspec.structs.replace(other, version=2)))).code == "ok"
    assert {(p.id, p.version) for p in await stored.every(org, Policy)} == {(policy.id, 1), (other.id, 2)}


async def test_a_ladder_with_a_gap_is_refused(org: Org) -> None:
    (policy,) = await stored.every(org, Policy)
    broken = msgspec.structs.replace(policy, id=org.new_id(), version=2, bands=policy.bands[:2])
    assert (await told(org, d.SavePolicy(policy=broken))).code == "policy_invalid"


async def test_a_version_of_a_job_type_never_changes(org: Org) -> None:
    known = next(t for t in await stored.every(org, JobType) if t.code == "repair")
    other = msgspec.structs.replace(known, id=org.new_id(), duration_min=5)
    assert (await told(org, d.LoadJobType(job_type=other))).code == "version_exists"
    assert (await told(org, d.LoadJobType(job_type=msgspec.structs.replace(other, version=2)))).code == "ok"


async def test_a_district_knows_its_neighbours_and_moves_no_old_job(org: Org) -> None:
    west = await stored.one(org, District, org.districts["west"])
    assert west.neighbour_ids == (org.districts["east"],)
    inner = d.SaveDistrict(
        district_id=org.new_id(),
        code="inner",
        name_en="Inner",
        name_zh="内区",
        parent_id=west.id,
        outline_geojson=square(116.32, 39.92, 0.02),
    )
    await org.ok(inner)
    kept = await stored.one(org, District, inner.district_id)
    assert (kept.name, kept.parent_id) == (LocalText(en="Inner", zh="内区"), west.id)
    site = Site(id=org.new_id(), code="in", lon_deg=116.33, lat_deg=39.93)
    await org.ok(d.SaveSite(site=site))
    assert (await stored.one(org, Site, site.id)).district_id == inner.district_id


@pytest.mark.parametrize(
    "outline",
    [
        "",
        "{",
        "null",
        '{"type":"Point","coordinates":[1,2]}',
        '{"type":"Polygon","coordinates":[]}',
        '{"type":"Polygon","coordinates":[[[1,2],[3,4]]]}',
        '{"type":"Polygon","coordinates":[[[200,0],[201,0],[201,1],[200,0]]]}',
        '{"type":"Polygon","coordinates":[[[1,1],[2,2],[3,3],[1,1]]]}',
        "[" * 5000,
    ],
)
async def test_what_is_no_outline_is_refused(org: Org, outline: str) -> None:
    answer = await told(org, d.SaveDistrict(district_id=org.new_id(), code="x", name_en="X", outline_geojson=outline))
    assert (answer.status, answer.code) == ("rejected", "outline_invalid")


async def test_a_district_is_never_its_own_ancestor(org: Org) -> None:
    outline = square(116.32, 39.92, 0.02)
    west, east, new = org.districts["west"], org.districts["east"], org.new_id()

    def save(id: object, code: str, parent: object) -> d.SaveDistrict:
        return d.SaveDistrict(district_id=id, code=code, name_en=code, parent_id=parent, outline_geojson=outline)  # type: ignore[arg-type]

    assert (await told(org, save(new, "n", new))).code == "district_circle"
    assert (await told(org, save(new, "n", org.new_id()))).code == "unknown_reference"
    assert (await told(org, save(new, "west", west))).code == "code_taken"
    await org.ok(save(east, "east", west))
    assert (await told(org, save(west, "west", east))).code == "district_circle"
    child, grandchild = org.new_id(), org.new_id()
    await org.ok(save(child, "child", east), save(grandchild, "grandchild", child))
    assert (await told(org, save(west, "west", grandchild))).code == "district_circle"
