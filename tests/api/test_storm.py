"""Storm mode over REST (row T2 of the trade's table): three levels, 200 requests in an hour, jobs by area, many assigned at once."""

import math
import random
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from geo.coordinates import LonLat, great_circle_m
from mobile_contract.rules.storm import LEVELS
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Priority
from mobile_contract.schema.people import Person, Role, Shift
from mobile_contract.schema.storm import DeclareStorm, EndStorm
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW

HOUR = timedelta(hours=1)
METRES_PER_DEG = 111_195.0
EAST = (116.41, 39.91)


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(still, pool, seed, "dan", "max", "cal", "wes")


def away(east_m: float, north_m: float) -> tuple[float, float]:
    """Give a point so far from the south-western corner of the east."""
    lon, lat = EAST
    return lon + east_m / (METRES_PER_DEG * math.cos(math.radians(lat))), lat + north_m / METRES_PER_DEG


async def opened(desk: Office, *offsets: tuple[float, float], **more: Any) -> list[UUID]:
    """Open jobs at points of the east, reported a minute apart."""
    ids = []
    for n, offset in enumerate(offsets):
        job_id = desk.org.new_id()
        lon, lat = away(*offset)
        said = {"address": f"{n} Dock Street", "reported_at": NOW + timedelta(minutes=n), **more}
        await desk.org.ok(d.OpenJob(job_id=job_id, job_type="repair", lon_deg=lon, lat_deg=lat, **said))
        ids.append(job_id)
    return ids


async def declared(desk: Office, level: int, *districts: str, note: str = "") -> UUID:
    storm_id = desk.org.new_id()
    ids = tuple(desk.org.districts[name] for name in districts)
    await desk.org.ok(DeclareStorm(storm_id=storm_id, level=level, district_ids=ids, note=note), by="dan")
    return storm_id


def jobs_of(view: Any) -> set[frozenset[str]]:
    return {frozenset(group["job_ids"]) for group in view["groups"]}


async def test_calm_shows_no_storm_and_groups_everything_by_the_first_level(desk: Office) -> None:
    (job_id,) = await opened(desk, (0, 0))
    view = await desk.get("/storm")
    assert "storm" not in view
    assert view["effects"]["level"] == 1
    assert [level["level"] for level in view["levels"]] == [1, 2, 3]
    assert jobs_of(view) == {frozenset({str(job_id)})}


async def test_a_storm_is_declared_changed_and_ended_and_shown_with_what_its_level_changes(desk: Office) -> None:
    storm_id = await declared(desk, 1, "east", note="typhoon")
    view = await desk.get("/storm")
    assert (view["storm"]["id"], view["storm"]["note"]) == (str(storm_id), "typhoon")
    assert view["storm"]["declared_by"] == str(desk.org.people["dan"])
    await desk.org.ok(DeclareStorm(storm_id=storm_id, level=3, note="worse"), by="max", now=NOW + HOUR)
    view = await desk.get("/storm")
    assert view["storm"]["level"] == view["effects"]["level"] == 3
    assert view["effects"]["sends"] == ["emergency", "urgent"]
    assert view["storm"]["declared_by"] == str(desk.org.people["dan"])
    await desk.org.ok(EndStorm(storm_id=storm_id), by="dan")
    assert "storm" not in await desk.get("/storm")
    (again,) = await desk.org.send(DeclareStorm(storm_id=storm_id, level=1), by="dan")
    assert again.code == "storm_over"


async def test_of_several_storms_the_gravest_is_shown_and_counts(desk: Office) -> None:
    await declared(desk, 1)
    worst = await declared(desk, 3, "east")
    view = await desk.get("/storm")
    assert (view["storm"]["id"], len(view["storms"])) == (str(worst), 2)


async def test_near_jobs_are_one_group_with_its_middle_its_reach_and_its_most_urgent_job(desk: Office) -> None:
    near = await opened(desk, (0, 0), (200, 0), (100, 100))
    (far,) = await opened(desk, (4_000, 4_000))
    (worst,) = await opened(desk, (100, 50), priority=Priority.EMERGENCY)
    view = await desk.get("/storm")
    assert jobs_of(view) == {frozenset(map(str, (*near, worst))), frozenset({str(far)})}
    group = view["groups"][0]
    assert (group["count"], group["worst_priority"], group["job_ids"][0]) == (4, "emergency", str(worst))
    assert group["label"] == "East · 0 Dock Street"
    assert group["key"] in {str(near[0]), str(worst)}
    centre, middle = LonLat(group["lon_deg"], group["lat_deg"]), LonLat(*away(100, 37.5))
    off = great_circle_m(centre.lon_deg, centre.lat_deg, middle.lon_deg, middle.lat_deg)
    assert off < 1
    assert group["radius_m"] == pytest.approx(math.hypot(100, 37.5), abs=1)


async def test_no_group_is_wider_or_larger_than_asked_and_every_job_is_in_one(desk: Office, seed: int) -> None:
    draw = random.Random(seed)
    ids = await opened(desk, *((draw.uniform(0, 3_000), draw.uniform(0, 3_000)) for _ in range(60)))
    view = await desk.get("/storm", radius_m=400, jobs_max=7)
    assert sorted(id for group in view["groups"] for id in group["job_ids"]) == sorted(map(str, ids))
    assert max(group["count"] for group in view["groups"]) <= 7
    # Around the middle of its jobs a group reaches no farther than across the circle it fits in.
    assert max(group["radius_m"] for group in view["groups"]) <= 800
    assert await desk.get("/storm", radius_m=400, jobs_max=7) == view


async def test_only_jobs_of_the_storms_districts_and_below_are_grouped_and_counted(desk: Office) -> None:
    (inside,) = await opened(desk, (0, 0))
    outside = await desk.org.open_job("west")
    await declared(desk, 2, "east")
    view = await desk.get("/storm")
    assert jobs_of(view) == {frozenset({str(inside)})}
    assert view["counts"]["unassigned"] == 1
    west = await desk.get("/storm", district_id=str(desk.org.districts["west"]))
    assert jobs_of(west) == {frozenset({str(outside)})}


async def test_what_the_level_does_not_send_out_is_marked_and_left_out_of_the_proposed_backlog(desk: Office) -> None:
    lon, lat = desk.org.point("east")
    amy = Person(id=desk.org.people["amy"], code="amy", name="Amy", roles=(Role.TECHNICIAN,), lon_deg=lon, lat_deg=lat)
    shift = Shift(id=desk.org.new_id(), person_id=amy.id, from_at=NOW - HOUR, to_at=NOW + 8 * HOUR)
    await desk.org.ok(d.SavePerson(person=amy), d.SaveShift(shift=shift))
    (urgent,) = await opened(desk, (0, 0), priority=Priority.URGENT)
    (low,) = await opened(desk, (50, 0), priority=Priority.LOW)
    elsewhere = await desk.org.open_job("west")

    async def proposed() -> set[str]:
        found = (await desk.post("/dispatch/backlog", {})).json()
        return {line["job_id"] for line in found["assignments"]}

    async def planned(**more: Any) -> set[str]:
        plan = (await desk.post("/plans", {"kind": "storm", **more})).json()
        return {line["job_id"] for line in (*plan.get("steps", ()), *plan.get("unassigned", ()))}

    assert await proposed() == await planned() == {str(urgent), str(low), str(elsewhere)}
    storm_id = await declared(desk, 3, "east")
    (group,) = (await desk.get("/storm"))["groups"]
    assert group["waits"] == 1
    assert [job["id"] for job in group["jobs"] if job.get("waits")] == [str(low)]
    assert await proposed() == await planned() == {str(urgent), str(elsewhere)}
    assert await planned(job_ids=[str(low)]) == {str(low)}
    # By hand it goes all the same.
    await desk.org.ok(d.AssignVisit(job_id=low, visit_id=desk.org.new_id(), crew_id=desk.org.crews["alpha"]), by="dan")
    await desk.org.ok(EndStorm(storm_id=storm_id), by="dan")


async def test_a_group_is_assigned_in_one_request_and_every_job_is_answered(desk: Office) -> None:
    jobs = await opened(desk, (0, 0), (1_000, 0), (1_000, 1_000))
    taken = jobs[1]
    await desk.org.ok(d.AssignVisit(job_id=taken, visit_id=desk.org.new_id(), crew_id=desk.org.crews["beta"]), by="dan")
    key, unknown = uuid4(), uuid4()
    asked = {
        "job_ids": [str(id) for id in (*jobs, unknown)],
        "crew_id": str(desk.org.crews["alpha"]),
        "begin_at": (NOW + HOUR).isoformat(),
    }
    answer = await desk.post("/storm/assign-group", asked, key=key)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [line["code"] for line in told["items"]] == ["ok", "job_already_claimed", "ok", "unknown_job"]
    assert [line["job_id"] for line in told["items"]] == asked["job_ids"]
    assert told["assigned"] == 2
    first, last = told["items"][0], told["items"][2]
    assert first["planned_start_at"] == (NOW + HOUR).isoformat().replace("+00:00", "Z")
    assert last["planned_start_at"] > first["planned_end_at"]
    again = (await desk.post("/storm/assign-group", asked, key=key)).json()
    assert [line["repeated"] for line in again["items"] if line["status"] == "applied"] == [True, True]
    assert [line.get("visit_id") for line in again["items"]] == [line.get("visit_id") for line in told["items"]]
    assert again["items"][2]["planned_start_at"] == last["planned_start_at"]
    other = await desk.post("/storm/assign-group", {**asked, "crew_id": str(desk.org.crews["beta"])}, key=key)
    assert {line["code"] for line in other.json()["items"]} == {"id_reused"}
    chinese = await desk.site.client.post(
        "/api/v1/storm/assign-group",
        json=asked,
        headers={**desk.headers["dan"], "Idempotency-Key": str(key), "Accept-Language": "zh"},
    )
    assert chinese.json()["items"][0]["text"] == "完成。"


async def test_a_group_is_assigned_by_planners_to_somebody_and_to_one_only(desk: Office) -> None:
    (job_id,) = await opened(desk, (0, 0))
    crew = {"crew_id": str(desk.org.crews["alpha"])}
    refused = await desk.post("/storm/assign-group", {"job_ids": [str(job_id)], **crew}, by="wes", key=uuid4())
    assert refused.status_code == 403
    nobody = await desk.post("/storm/assign-group", {"job_ids": [str(job_id)]}, key=uuid4())
    assert nobody.json()["code"] == "nobody_named"
    both = {"job_ids": [str(job_id)], **crew, "person_id": str(desk.org.people["amy"])}
    assert (await desk.post("/storm/assign-group", both, key=uuid4())).json()["code"] == "nobody_named"
    edge = {"job_ids": [str(job_id)], **crew, "begin_at": "9999-12-31T23:59:59Z"}
    assert (await desk.post("/storm/assign-group", edge, key=uuid4())).json()["code"] == "invalid"
    keyless = await desk.post("/storm/assign-group", {"job_ids": [str(job_id)], **crew})
    assert keyless.json()["code"] == "idempotency_key_missing"


async def test_t2_two_hundred_requests_in_an_hour_are_grouped_by_area_and_assigned_group_by_group(
    desk: Office, seed: int
) -> None:
    """Row T2: mass jobs by area, whatever the level, within the limits that the level sets as data."""
    draw = random.Random(seed)
    commands = []
    for n in range(200):
        # Ten broken mains, each felt in twenty homes.
        lon, lat = away(600.0 * (n % 10) + draw.uniform(-60, 60), 400.0 * (n % 10) + draw.uniform(-60, 60))
        commands.append(
            d.RegisterRequest(
                request_id=desk.org.new_id(),
                job_id=desk.org.new_id(),
                job_type="repair",
                description="no water",
                lon_deg=lon,
                lat_deg=lat,
                reported_at=NOW - HOUR + timedelta(seconds=18 * n + 1),
            )
        )
    for first in range(0, 200, 50):
        await desk.org.ok(*commands[first : first + 50], by="cal")
    await declared(desk, 2, "east")
    view = await desk.get("/storm", radius_m=200)
    assert view["counts"]["reported_last_hour"] == view["counts"]["unassigned"] == 200
    assert len(view["groups"]) == 10
    assert {group["count"] for group in view["groups"]} == {20}
    for group, crew in zip(view["groups"], ("alpha", "beta") * 5, strict=True):
        asked = {"job_ids": group["job_ids"], "crew_id": str(desk.org.crews[crew])}
        answer = (await desk.post("/storm/assign-group", asked, key=uuid4())).json()
        assert answer["assigned"] == 20
    after = await desk.get("/storm")
    assert after["counts"] | {"unassigned": 0, "assigned": 200} == after["counts"]
    assert "groups" not in after


def test_each_level_sends_no_more_and_groups_wider_than_the_one_below() -> None:
    for below, above in pairwise(LEVELS):
        assert set(above.sends) < set(below.sends)
        assert set(above.wakes) > set(below.wakes)
        assert above.group_radius_m > below.group_radius_m
        assert above.group_jobs_max > below.group_jobs_max
