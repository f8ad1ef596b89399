"""Lists of visits, people, districts, sites and approvals, jobs and districts on a map, and the organisation at a glance."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from geo.coordinates import LonLat, distance_m
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import Delegation
from mobile_contract.schema.approval_commands import AskApproval, SaveDelegation
from mobile_contract.schema.material import RequestLine
from sync.escalations import follow_delegations
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW
from tests.queries import counted
from tests.sync.phone import phone_of


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(still, pool, seed, "dan", "gus", "max")


def codes(page: Any) -> list[str]:
    return [item["code"] for item in page["items"]]


async def test_people_are_listed_by_code_in_pages(desk: Office) -> None:
    found: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(10):
        page = await desk.get("/persons", limit=3, **cursor)
        found += codes(page)
        if "next" not in page:
            break
        cursor = {"cursor": page["next"]}
    assert found == sorted(desk.org.people)
    assert codes(await desk.get("/persons", role="dispatcher")) == ["dan"]
    assert codes(await desk.get("/persons", text="A")) == ["ada", "ali", "amy"]
    assert codes(await desk.get("/persons", active="false")) == []


async def test_crews_are_listed_with_their_districts(desk: Office) -> None:
    west, east = str(desk.org.districts["west"]), str(desk.org.districts["east"])
    assert codes(await desk.get("/crews", district=west)) == ["alpha"]
    assert codes(await desk.get("/crews", district=east)) == ["alpha", "beta"]


async def test_districts_and_sites_are_listed(desk: Office) -> None:
    assert codes(await desk.get("/districts")) == ["east", "west"]
    assert "outline" not in (await desk.get("/districts"))["items"][0]
    assert codes(await desk.get("/sites", text="canal")) == ["S-1"]
    assert codes(await desk.get("/sites", text="nothing")) == []
    assert codes(await desk.get("/sites", bbox="116.3,39.9,116.6,40.0")) == ["S-1"]


async def test_visits_are_found_by_whose_they_are_and_when(desk: Office) -> None:
    org = desk.org
    job_id, visit_id = await org.open_job(), org.new_id()
    start = NOW + timedelta(hours=2)
    await org.ok(
        d.PlanVisit(
            job_id=job_id,
            visit_id=visit_id,
            planned_start_at=start,
            planned_end_at=start + timedelta(hours=1),
            crew_id=org.crews["beta"],
        ),
        by="dan",
    )
    other = await org.assign(await org.open_job("east"), "alpha")

    async def found(**params: Any) -> set[str]:
        return {item["id"] for item in (await desk.get("/visits", **params))["items"]}

    assert await found() == {str(visit_id), str(other)}
    assert await found(crew=str(org.crews["beta"])) == {str(visit_id)}
    assert await found(job=str(job_id)) == {str(visit_id)}
    assert await found(planned_from=start.isoformat()) == {str(visit_id)}
    assert await found(planned_to=start.isoformat()) == set()
    assert await found(state="dispatched") == {str(other)}


async def test_an_approver_finds_what_waits_for_them_and_nobody_else_does(desk: Office) -> None:
    org = desk.org
    job = await org.assigned_job()
    lines = (RequestLine(part_id=org.parts["valve"], quantity=Decimal(1)),)
    asked = f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=org.new_id(), lines=lines)
    await org.ok(asked, by="amy")
    mine = (await desk.get("/approvals", by="gus", mine="true"))["items"]
    assert [(item["amount"], item["role"]) for item in mine] == [("240", "deputy_gm")]
    assert (await desk.get("/approvals", by="max", mine="true"))["items"] == []
    lent = Delegation(
        id=org.new_id(), from_id=org.people["gus"], to_id=org.people["max"], from_at=NOW, to_at=NOW + timedelta(days=1)
    )
    await org.ok(SaveDelegation(delegation=lent), by="ada")
    await follow_delegations(org.pool, org.id, now=NOW)
    assert len((await desk.get("/approvals", by="max", mine="true"))["items"]) == 1
    assert len((await desk.get("/approvals", by="max", state="waiting"))["items"]) == 1
    assert (await desk.get("/approvals", by="max", state="approved"))["items"] == []


async def test_amounts_are_listed_for_those_who_see_costs_and_for_others_what_waits_for_themselves(
    desk: Office,
) -> None:
    org = desk.org
    await org.ok(
        AskApproval(job_id=await org.open_job(), subject="budget", subject_id=org.new_id(), amount=Decimal(9)), by="eve"
    )
    await org.ok(
        AskApproval(job_id=await org.open_job(), subject="relief", subject_id=org.new_id(), amount=Decimal(7)), by="eve"
    )
    lent = Delegation(
        id=org.new_id(),
        from_id=org.people["gus"],
        to_id=org.people["dan"],
        from_at=NOW,
        to_at=NOW + timedelta(days=1),
        subjects=("relief",),
    )
    await org.ok(SaveDelegation(delegation=lent), by="gus")
    await follow_delegations(org.pool, org.id, now=NOW)
    assert len((await desk.get("/approvals", by="max"))["items"]) == 2
    for asked in ("", "?state=waiting", "?role=deputy_gm", "?mine=false"):
        refused = await desk.raw(f"/approvals{asked}")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), asked
    assert [item["amount"] for item in (await desk.get("/approvals", mine="true"))["items"]] == ["7"]


async def test_jobs_on_a_map_are_points_in_the_datum_asked_for(desk: Office) -> None:
    job_id = str(await desk.org.open_job())
    await desk.org.ok(d.OpenJob(job_id=desk.org.new_id(), job_type="repair"), by="dan")
    plain = await desk.raw("/jobs.geojson")
    assert plain.headers["content-type"] == "application/geo+json"
    (feature,) = plain.json()["features"]
    assert feature["id"] == job_id
    assert feature["properties"]["state"] == "ready"
    shifted = (await desk.get("/jobs.geojson", datum="gcj02"))["features"][0]
    here, there = (LonLat(*each["geometry"]["coordinates"]) for each in (feature, shifted))
    assert 300 < distance_m(here, there) < 900
    assert (await desk.get("/jobs.geojson", datum="bd09"))["datum"] == "bd09"
    again = await desk.raw("/jobs.geojson", headers={"If-None-Match": plain.headers["etag"]})
    assert again.status_code == 304


async def test_a_map_with_too_many_jobs_says_that_it_is_cut(desk: Office) -> None:
    await desk.org.open_job()
    newest = await desk.org.open_job(now=NOW + timedelta(minutes=1))
    cut = await desk.get("/jobs.geojson", limit=1)
    assert [feature["id"] for feature in cut["features"]] == [str(newest)]
    assert cut["truncated"] is True
    assert (await desk.get("/jobs.geojson", limit=2))["truncated"] is False


async def test_districts_on_a_map_are_simplified_outlines(desk: Office) -> None:
    whole = await desk.get("/districts.geojson", tolerance_m=0)
    assert [feature["properties"]["code"] for feature in whole["features"]] == ["east", "west"]
    ring = whole["features"][1]["geometry"]["coordinates"][0][0]
    assert ring[0] == ring[-1]
    assert {(round(lon, 1), round(lat, 1)) for lon, lat in ring} == {
        (116.3, 39.9), (116.4, 39.9), (116.4, 40.0), (116.3, 40.0),
    }  # fmt: skip
    assert (await desk.get("/districts.geojson", datum="gcj02"))["features"][0] != whole["features"][0]
    assert (await desk.raw("/districts.geojson", tolerance_m=-1)).status_code == 422


async def test_the_glance_counts_what_is_open_and_names_what_wants_somebody(desk: Office, pool: asyncpg.Pool) -> None:
    org = desk.org
    await org.open_job(now=NOW - timedelta(minutes=50))
    job = await org.assigned_job(now=NOW - timedelta(minutes=10))
    lines = (RequestLine(part_id=org.parts["valve"], quantity=Decimal(1)),)
    asked = f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=org.new_id(), lines=lines)
    await org.ok(asked, by="amy")
    phone = await phone_of(org, "amy")
    put_aside = phone.do(f.ArriveOnSite(job_id=org.new_id(), visit_id=org.new_id()))
    phone.do(d.ClaimJob(job_id=org.new_id(), visit_id=org.new_id()), after=(put_aside,))
    await phone.taken()
    seen = await desk.get("/live/summary")
    states = {each["state"]: (each["jobs"], each["late"]) for each in seen["states"]}
    assert states == {"ready": (1, 1), "scheduled": (1, 0)}
    assert (seen["due_count"], seen["overdue_count"], len(seen["due"])) == (2, 1, 2)
    assert seen["due"][0]["due_at"] == (NOW - timedelta(minutes=5)).isoformat().replace("+00:00", "Z")
    assert {each.get("assignee", "") for each in seen["due"]} == {"", "Alpha"}
    assert (seen["device_count"], seen["silent_count"]) == (1, 1)
    (entry,) = seen["quarantine"]
    assert (entry["name"], entry["person"]) == ("arrive_on_site", "Amy")
    assert entry["text"]["en"]
    assert entry["text"]["zh"]
    assert [each["name"] for each in seen["held"]] == ["claim_job"]
    assert [each["amount"] for each in seen["approvals"]] == ["240"]
    assert seen["zone"] == "Asia/Shanghai"


async def test_the_glance_takes_as_many_queries_however_much_there_is(desk: Office, still: Site) -> None:
    few, first = await counted(still.services.pool, lambda: desk.raw("/live/summary"))
    again = await desk.raw("/live/summary", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    for _ in range(12):
        await desk.org.assigned_job()
    many, seen = await counted(still.services.pool, lambda: desk.get("/live/summary"))
    assert many == few <= 4
    assert seen["states"] == [{"state": "scheduled", "jobs": 12, "late": 0}]
    assert (await desk.raw("/live/summary", headers={"If-None-Match": first.headers["etag"]})).status_code == 200


async def test_the_glance_of_one_organisation_shows_nothing_of_another(
    desk: Office, still: Site, pool: asyncpg.Pool, seed: int
) -> None:
    theirs = await office(still, pool, seed + 1)
    await theirs.org.assigned_job()
    await theirs.org.device("amy")
    seen = await desk.get("/live/summary")
    assert seen["states"] == []
    assert seen["device_count"] == 0
