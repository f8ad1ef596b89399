"""Positions as Traccar Client sends them, byte for byte: the query of the older app, the JSON of the newer; and tokens that can be revoked."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from api.osmand import read_json, read_osmand
from api.settings import Settings
from mobile_contract.schema import decisions as d
from tests.api.office import Clock, Office, office
from tests.api.serving import Site, in_process
from tests.arrange import NOW

SECONDS = int(NOW.timestamp())


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with in_process(settings, Clock()) as running:
        yield running


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(site, pool, seed, "dan", "ada")


async def tracker(desk: Office, name: str = "amy") -> dict[str, Any]:
    answer = await desk.post("/trackers", {"person_id": str(desk.org.people[name]), "name": "van"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert made["url"].endswith("/traccar")
    return made


async def last(owner: asyncpg.Connection, desk: Office, name: str = "amy") -> Any:
    sql = "select lon_deg, lat_deg, accuracy_m, mock, at from position where org_id = $1 and person_id = $2"
    return await owner.fetchrow(sql, desk.org.id, desk.org.people[name])


def query(identifier: str, **changed: str) -> dict[str, str]:
    """Give the parameters of Traccar Client 8 in its order and its forms."""
    return {
        "id": identifier, "timestamp": str(SECONDS - 60), "lat": "39.95", "lon": "116.45", "speed": "12.958963282937366",
        "bearing": "87.0", "altitude": "44.5", "accuracy": "6.0", "batt": "83.0", **changed,
    }  # fmt: skip


def message(identifier: str, **location: Any) -> dict[str, Any]:
    """Give the JSON of Traccar Client 9: the template of its location library with the device's identifier beside it."""
    at = (NOW - timedelta(seconds=30)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    coords = {
        "latitude": 39.951, "longitude": 116.452, "accuracy": 4.7, "speed": 1.22, "speed_accuracy": 0.5, "heading": 122.2,
        "heading_accuracy": 10.0, "altitude": 44.1, "altitude_accuracy": 3.0,
    }  # fmt: skip
    told = {
        "event": "motionchange", "is_moving": True, "uuid": "8f7e0c3e-6b3e-4b0e-9d1e-0d6a4c4e7e11", "timestamp": at, "odometer": 1205.2,
        "coords": coords, "activity": {"type": "in_vehicle", "confidence": 92}, "battery": {"is_charging": False, "level": 0.91}, "extras": {},
    }  # fmt: skip
    return {"location": {**told, **location}, "device_id": identifier}


@pytest.mark.parametrize("way", ["post with a query", "get", "form"])
async def test_the_query_of_the_older_app_moves_its_person(desk: Office, owner: asyncpg.Connection, way: str) -> None:
    said = query((await tracker(desk))["identifier"])
    client = desk.site.client
    if way == "form":
        answer = await client.post("/traccar", data=said)
    else:
        answer = await client.request("GET" if way == "get" else "POST", "/traccar", params=said)
    assert (answer.status_code, answer.content, answer.headers["onsite-taken"]) == (200, b"", "1")
    assert tuple(await last(owner, desk)) == (116.45, 39.95, 6.0, False, NOW - timedelta(seconds=60))


async def test_the_json_of_the_newer_app_moves_its_person(desk: Office, owner: asyncpg.Connection) -> None:
    identifier = (await tracker(desk))["identifier"]
    answer = await desk.site.client.post("/traccar", json=message(identifier))
    assert answer.status_code == 200
    assert tuple(await last(owner, desk)) == (116.452, 39.951, 4.7, False, NOW - timedelta(seconds=30))
    heartbeat = message(identifier)
    del heartbeat["location"]["coords"]
    assert (await desk.site.client.post("/traccar", json=heartbeat)).headers["onsite-taken"] == "0"
    found = await desk.get("/crews.geojson")
    assert [f["properties"]["crew"] for f in found["features"]] == ["alpha"]


async def test_an_identifier_is_revoked_at_once_and_ends_with_its_person(
    desk: Office, owner: asyncpg.Connection
) -> None:
    made, client = await tracker(desk), desk.site.client
    said = query(made["identifier"])
    assert (await client.post("/traccar", params=said)).status_code == 200
    line = next(t for t in (await desk.get("/trackers"))["items"] if t["tracker_id"] == made["tracker_id"])
    assert "identifier" not in line and line["seen_at"] == NOW.isoformat().replace("+00:00", "Z")
    path = f"/api/v1/trackers/{made['tracker_id']}"
    assert (await client.delete(path, headers=desk.headers["dan"])).status_code == 204
    refused = await client.post("/traccar", params={**said, "timestamp": str(SECONDS)})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert (await last(owner, desk))["at"] == NOW - timedelta(seconds=60)
    other = await tracker(desk, "bob")
    await desk.org.ok(d.OffboardPerson(person_id=desk.org.people["bob"]), by="ada")
    assert (await client.post("/traccar", params=query(other["identifier"]))).status_code == 401
    again = await desk.post("/trackers", {"person_id": str(desk.org.people["bob"]), "name": "van"})
    assert (again.status_code, again.json()["code"]) == (404, "unknown_person")


async def test_only_a_trackers_own_identifier_reports_and_it_opens_nothing_else(
    desk: Office, site: Site, pool: asyncpg.Pool, seed: int
) -> None:
    identifier = (await tracker(desk))["identifier"]
    other = await office(site, pool, seed + 1, "dan")
    spliced = identifier.replace(desk.org.id.hex, other.org.id.hex)
    wrong = identifier[:-1] + ("A" if identifier[-1] != "A" else "B")
    person = desk.headers["dan"]["Authorization"].partition(" ")[2]
    for text in ("", "123456", spliced, wrong, person, str(UUID(int=0)), identifier.replace("ost_", "osd_")):
        assert (await site.client.post("/traccar", params=query(text))).status_code == 401
    for path in ("/api/v1/jobs", "/api/v1/crews.geojson", "/api/v1/map", "/sync/v1/positions"):
        method = "POST" if path.startswith("/sync") else "GET"
        answer = await site.client.request(method, path, headers={"Authorization": f"Bearer {identifier}"})
        assert answer.status_code == 401, path


@pytest.mark.parametrize(
    "changed",
    [
        {"lat": "nan"}, {"lat": "95"}, {"lat": "0", "lon": "0"}, {"lon": ""}, {"lat": "x"}, {"valid": "false"},
        {"timestamp": str(SECONDS - 3 * 86400)},
    ],
)  # fmt: skip
async def test_what_is_no_place_is_taken_and_dropped_so_that_the_app_goes_on(
    desk: Office, owner: asyncpg.Connection, changed: dict[str, str]
) -> None:
    answer = await desk.site.client.post("/traccar", params=query((await tracker(desk))["identifier"], **changed))
    assert (answer.status_code, answer.headers["onsite-taken"]) == (200, "0")
    assert await last(owner, desk) is None


@pytest.mark.parametrize("ahead", ["2100-01-01T00:00:00Z", "9" * 18, "tomorrow", ""])
async def test_a_time_of_the_future_or_none_counts_as_of_now(
    desk: Office, owner: asyncpg.Connection, ahead: str
) -> None:
    said = query((await tracker(desk))["identifier"], timestamp=ahead)
    assert (await desk.site.client.post("/traccar", params=said)).status_code == 200
    assert (await last(owner, desk))["at"] == NOW


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (str(SECONDS), NOW),
        (str(SECONDS * 1000), NOW),
        (NOW.isoformat(), NOW),
        (NOW.strftime("%Y-%m-%d %H:%M:%S"), NOW),
        (NOW.strftime("%d%m%y%H%M%S"), NOW),
        ("2026-03-02T10:00:00+08:00", NOW),
    ],
)
def test_times_are_read_in_each_form_that_apps_use(text: str, read: Any) -> None:
    (report,) = read_osmand(query("x", timestamp=text)).reports
    assert report.at == read


def test_places_come_as_two_parameters_or_one_and_several_locations_in_one_message() -> None:
    plain = read_osmand({"deviceid": "x", "location": "39.95,116.45"})
    assert (plain.identifier, plain.reports[0].lon_deg, plain.reports[0].lat_deg) == ("x", 116.45, 39.95)
    told = message("x")
    told["location"] = [told["location"], {**told["location"], "mock": True}]
    assert [report.mock for report in read_json(json.dumps(told).encode()).reports] == [False, True]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"device_id":1}', b"\xff", b'{"location":' * 2000])
async def test_a_message_that_cannot_be_read_is_refused(site: Site, body: bytes) -> None:
    answer: httpx.Response = await site.client.post(
        "/traccar", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 401)
