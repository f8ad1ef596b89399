"""Vector tiles and live crews: what they show at which zoom, to whom, and that nothing personal and nothing of anybody else is in them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import mapbox_vector_tile
import numpy as np
import pytest
from uuid_utils.compat import uuid7

from api.store import api_keys
from geo.coordinates import Area
from geo.store import positions
from geo.tile_grid import Tile, on_grid, tiles_over
from mobile_contract.schema import decisions as d
from mobile_contract.schema.decisions import ContactDetails
from sync.tokens import TokenKind, mint_token
from sync.transaction import org_transaction
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW, Org

TOWN = Area(116.3, 39.9, 116.5, 40.0)


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(still, pool, seed, "dan", "amy", "eve", "wes")


async def tile_of(desk: Office, layer: str, tile: Tile, *, by: str = "dan", **params: Any) -> Any:
    """Fetch a tile and read its one layer; None where it is empty."""
    answer = await desk.raw(f"/tiles/{layer}/{tile.z}/{tile.x}/{tile.y}.mvt", by=by, **params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    if not answer.content:
        return None
    read: dict[str, Any] = mapbox_vector_tile.decode(answer.content, default_options={"y_coord_down": True})
    assert set(read) == {layer}
    return read[layer]["features"]


async def over_town(desk: Office, layer: str, zoom: int, **params: Any) -> list[Any]:
    """Gather the features of all tiles of a zoom over the town."""
    found: list[Any] = []
    for tile in tiles_over(TOWN, zoom):
        found += await tile_of(desk, layer, tile, **params) or []
    return found


def under(lon: float, lat: float, zoom: int) -> Tile:
    """Name the tile under a point."""
    column, row = on_grid(np.array([lon]), np.array([lat]), zoom)
    return Tile(zoom, int(column[0]), int(row[0]))


async def seen_at(org: Org, name: str, lon: float, lat: float, *, minutes_ago: int = 0) -> None:
    fix = positions.Fix(
        person_id=org.people[name], device_id=None, lon_deg=lon, lat_deg=lat, accuracy_m=8.0, mock=False,
        at=NOW - timedelta(minutes=minutes_ago),
    )  # fmt: skip
    async with org_transaction(org.pool, org.id) as conn:
        await positions.record(conn, org.id, [fix], received_at=NOW)


async def key(org: Org, *scopes: str) -> dict[str, str]:
    token = mint_token(TokenKind.API_KEY, org.id, uuid7())
    new = api_keys.NewKey(
        key_id=token.id, name="k", secret_hash=token.secret_hash, scopes=scopes, made_by=None, expires_at=None
    )
    async with org_transaction(org.pool, org.id) as conn:
        await api_keys.add(conn, org.id, new, now=NOW)
    return {"Authorization": f"Bearer {token.text}", "plain": token.text}


async def test_a_job_stands_in_its_tile_at_its_place_with_what_a_map_needs(desk: Office) -> None:
    org = desk.org
    lon, lat = org.point("west")
    job_id = org.new_id()
    await org.ok(d.OpenJob(job_id=job_id, job_type="repair", title="leak", lon_deg=lon, lat_deg=lat), by="dan")
    tile = under(lon, lat, 14)
    (feature,) = await tile_of(desk, "jobs", tile)
    said = feature["properties"]
    assert said["id"] == str(job_id)
    assert (said["type"], said["state"], said["late"], said["flagged"]) == ("repair", "ready", False, False)
    assert said["due_at"] == int((NOW + timedelta(minutes=45)).timestamp())
    column, row = on_grid(np.array([lon]), np.array([lat]), 14)
    place = ((column[0] - tile.x) * 4096, (row[0] - tile.y) * 4096)
    assert np.allclose(feature["geometry"]["coordinates"], place, atol=1.0)
    assert await tile_of(desk, "jobs", Tile(14, tile.x + 5, tile.y)) is None


@pytest.mark.parametrize("zoom", [0, 5, 9, 10, 11])
async def test_the_counts_of_all_low_tiles_are_the_jobs_each_counted_once(desk: Office, zoom: int) -> None:
    for number in range(12):
        await desk.org.open_job("west" if number % 2 else "east")
    job = await desk.org.assigned_job()
    found = await over_town(desk, "jobs", zoom)
    assert sum(f["properties"]["count"] for f in found) == 13
    assert sum(f["properties"]["unassigned"] for f in found) == 12
    assert sum(f["properties"]["assigned"] for f in found) == 1
    await desk.org.ok(d.CancelJob(job_id=job.job_id, reason="nobody"), by="dan")
    assert sum(f["properties"]["count"] for f in await over_town(desk, "jobs", zoom)) == 12
    over = await over_town(desk, "jobs", zoom, state="cancelled")
    assert sum(f["properties"]["count"] for f in over) == 1


async def test_filters_choose_states_and_districts(desk: Office) -> None:
    west, east = await desk.org.open_job("west"), await desk.org.open_job("east")
    await desk.org.assign(east)

    async def ids(**params: Any) -> set[str]:
        return {f["properties"]["id"] for f in await over_town(desk, "jobs", 12, **params)}

    assert await ids() == {str(west), str(east)}
    assert await ids(state="scheduled") == {str(east)}
    assert await ids(state=["scheduled", "ready"]) == {str(west), str(east)}
    assert await ids(district=str(desk.org.districts["west"])) == {str(west)}


async def test_sites_are_counted_from_afar_and_single_from_near(desk: Office) -> None:
    (far,) = await over_town(desk, "sites", 10)
    assert far["properties"] == {"count": 1}
    near = await over_town(desk, "sites", 14)
    assert {f["properties"]["code"] for f in near} == {"S-1"}
    assert {f["properties"]["id"] for f in near} == {str(desk.org.site)}


async def test_districts_are_outlines_with_names_in_both_languages(desk: Office) -> None:
    found = {f["properties"]["code"]: f for f in await over_town(desk, "districts", 9)}
    assert set(found) == {"west", "east"}
    assert found["west"]["geometry"]["type"] == "Polygon"
    assert found["west"]["properties"]["id"] == str(desk.org.districts["west"])
    assert found["west"]["properties"]["name"] == "West"


async def test_crews_are_shown_by_crew_and_tracks_break_where_nothing_was_heard(desk: Office) -> None:
    lon, lat = desk.org.point("east")
    for minutes in (60, 58, 56, 20, 18):
        await seen_at(desk.org, "amy", lon + minutes / 10_000, lat, minutes_ago=minutes)
    (place,) = await tile_of(desk, "crews", under(lon + 0.0018, lat, 12))
    assert place["properties"]["crew_id"] == str(desk.org.crews["alpha"])
    assert place["properties"]["at"] == int((NOW - timedelta(minutes=18)).timestamp())
    assert set(place["properties"]) == {"crew_id", "crew", "at", "accuracy_m", "mock"}
    tracks = await tile_of(desk, "tracks", under(lon + 0.003, lat, 11))
    assert [f["geometry"]["type"] for f in tracks] == ["LineString", "LineString"]
    assert set(tracks[0]["properties"]) == {"crew_id", "crew", "from_at", "to_at"}
    since = (NOW - timedelta(minutes=30)).isoformat()
    assert len(await tile_of(desk, "tracks", under(lon + 0.003, lat, 11), from_at=since)) == 1
    await seen_at(desk.org, "bob", lon, lat, minutes_ago=25 * 60)
    assert len(await tile_of(desk, "crews", under(lon, lat, 10))) == 1


async def test_who_may_not_send_crews_does_not_see_where_they_are(desk: Office) -> None:
    reading, watching = await key(desk.org, "read"), await key(desk.org, "positions")
    client = desk.site.client
    for path in ("/api/v1/tiles/crews/3/6/3", "/api/v1/tiles/tracks/12/3370/1550", "/api/v1/crews.geojson"):
        for headers in (desk.headers["eve"], desk.headers["wes"], desk.headers["amy"], reading):
            answer = await client.get(path, headers={"Authorization": headers["Authorization"]})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        for headers in (desk.headers["dan"], watching):
            answer = await client.get(path, headers={"Authorization": headers["Authorization"]})
            assert answer.status_code == 200, answer.text
    layers = {by: {layer["name"] for layer in (await desk.get("/map", by=by))["layers"]} for by in ("dan", "eve")}
    assert layers["dan"] - layers["eve"] == {"crews", "tracks"}
    # What watches crews reads nothing else.
    refused = await client.get("/api/v1/jobs", headers={"Authorization": watching["Authorization"]})
    assert refused.status_code == 403


async def test_a_key_opens_tiles_as_a_basic_password_or_a_parameter_and_other_tokens_do_not(desk: Office) -> None:
    reading, client = await key(desk.org, "read"), desk.site.client
    await desk.org.open_job()
    path = "/api/v1/tiles/jobs/0/0/0.mvt"
    assert (await client.get(path, auth=("qgis", reading["plain"]))).content
    assert (await client.get(path, params={"api_key": reading["plain"]})).content
    person = desk.headers["dan"]["Authorization"].partition(" ")[2]
    tries: list[httpx.Response] = [
        await client.get(path),
        await client.get(path, params={"api_key": person}),
        await client.get(path, auth=("dan", person)),
        await client.get(path, headers={"Authorization": "Basic !!"}),
        await client.get("/api/v1/jobs", auth=("qgis", reading["plain"])),
        await client.get("/api/v1/jobs", params={"api_key": reading["plain"]}),
    ]
    assert [answer.status_code for answer in tries] == [401] * 6


async def test_the_same_tile_is_not_sent_again(desk: Office) -> None:
    await desk.org.open_job()
    first = await desk.raw("/tiles/jobs/0/0/0")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    again = await desk.raw("/tiles/jobs/0/0/0", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    await desk.org.open_job()
    changed = await desk.raw("/tiles/jobs/0/0/0", headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["etag"] != tag


@pytest.mark.parametrize("place", ["3/8/0", "3/0/8.mvt", "23/0/0", "3/1/x", "3/1/-1", "3/1/1.png", "3/1/"])
async def test_what_is_no_tile_is_not_found(desk: Office, place: str) -> None:
    assert (await desk.raw(f"/tiles/jobs/{place}")).status_code == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [("from_at", "2026-01-01T00:00:00Z"), ("to_at", "0001-01-01T00:00:00Z"), ("from_at", "2027-01-01T00:00:00Z")],
)
async def test_tracks_of_more_than_a_day_or_of_none_are_refused(desk: Office, name: str, value: str) -> None:
    asked: dict[str, Any] = {name: value}
    assert (await desk.raw("/tiles/tracks/12/3370/1550", **asked)).status_code == 422


@pytest.fixture
async def told(desk: Office) -> list[str]:
    """Fill an organisation with words that somebody wrote and places where people are, and give what no tile may hold."""
    org = desk.org
    lon, lat = org.point("west")
    await org.ok(
        d.RegisterRequest(
            request_id=org.new_id(), job_id=org.new_id(), job_type="repair", description="Secretdescription", address="9 Secretaddress",
            lon_deg=lon, lat_deg=lat, external_ref="Secretref",
            contact=ContactDetails(contact_id=org.new_id(), name="Secretname", phone="555 0199"),
        ),
        by="dan",
    )  # fmt: skip
    for minutes in (4, 2, 0):
        await seen_at(org, "amy", lon + minutes / 1000, lat, minutes_ago=minutes)
    return [
        "Secret", "555 0199", "Canal Street", "Plaza", "Lin", str(org.people["amy"]), "Amy", "amy", "Dan",
    ]  # fmt: skip


@pytest.mark.parametrize("layer", ["jobs", "sites", "districts", "crews", "tracks"])
async def test_nothing_personal_is_in_a_tile_and_nothing_of_another_organisation(
    desk: Office, still: Site, pool: asyncpg.Pool, seed: int, told: list[str], layer: str
) -> None:
    other = await office(still, pool, seed + 1, "dan")
    for zoom in (0, 10, 14):
        for tile in tiles_over(TOWN, zoom):
            ours = await desk.raw(f"/tiles/{layer}/{tile.z}/{tile.x}/{tile.y}")
            theirs = await other.raw(f"/tiles/{layer}/{tile.z}/{tile.x}/{tile.y}")
            assert [word for word in told if word.encode() in ours.content] == []
            known: list[UUID] = [*desk.org.districts.values(), *desk.org.crews.values(), desk.org.site]
            assert [id for id in known if str(id).encode() in theirs.content] == []
            if layer in ("jobs", "crews", "tracks"):
                assert theirs.content == b""


async def test_live_crews_are_geojson_with_the_crew_of_each_person(desk: Office) -> None:
    lon, lat = desk.org.point("east")
    await seen_at(desk.org, "amy", lon, lat, minutes_ago=3)
    await seen_at(desk.org, "dan", lon, lat, minutes_ago=90)
    answer = await desk.raw("/crews.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    found = {f["properties"]["person_id"]: f for f in answer.json()["features"]}
    amy = found[str(desk.org.people["amy"])]
    assert amy["geometry"] == {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]}
    assert amy["properties"]["crew"] == "alpha"
    assert "crew" not in found[str(desk.org.people["dan"])]["properties"]
    since = (NOW - timedelta(minutes=10)).isoformat()
    recent = await desk.get("/crews.geojson", since=since, datum="gcj02")
    assert [f["properties"]["crew"] for f in recent["features"]] == ["alpha"]
    assert recent["features"][0]["geometry"]["coordinates"] != amy["geometry"]["coordinates"]
    again = await desk.raw("/crews.geojson", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
