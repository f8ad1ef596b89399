"""OGC API – Features with OWSLib's client as it comes from the package index: every call of part 1, paging to the end, nothing of anybody else."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from owslib.ogcapi.features import Features
from owslib.util import Authentication

from api.settings import Settings
from tests.interop.arranged import Reached, another_key, reached


@pytest.fixture(scope="module")
def place(settings: Settings) -> Iterator[Reached]:
    with reached(settings, 20260316) as found:
        yield found


@pytest.fixture
def client(place: Reached) -> Features:
    return Features(f"{place.url}/ogc/v1", auth=Authentication(username="qgis", password=place.reading))


def test_the_client_reads_landing_page_conformance_and_definition(client: Features) -> None:
    assert {link["rel"] for link in client.links} == {"self", "service-desc", "service-doc", "conformance", "data"}
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in client.conformance()["conformsTo"]
    definition = client.api()
    assert definition["openapi"].startswith("3.0.")
    assert "/collections/jobs/items" in definition["paths"]


def test_the_client_lists_collections_with_where_they_are(client: Features) -> None:
    assert client.feature_collections() == ["jobs", "sites", "districts", "crews", "tracks"]
    jobs = client.collection("jobs")
    assert jobs["extent"]["spatial"]["bbox"] == [pytest.approx([116.3, 39.9, 116.5, 40.0])]
    assert {link["rel"] for link in jobs["links"]} == {"self", "items"}


def test_the_client_reads_features_in_a_box_and_in_time(client: Features, place: Reached) -> None:
    every = client.collection_items("jobs")
    assert {f["id"] for f in every["features"]} == {str(id) for id in place.jobs}
    assert every["numberReturned"] == 5
    west = client.collection_items("jobs", bbox=[116.3, 39.9, 116.4, 40.0])
    assert {f["id"] for f in west["features"]} == {str(id) for id in place.jobs[:2]}
    later = client.collection_items("jobs", datetime_="2026-03-03T00:00:00Z/..")
    assert {f["id"] for f in later["features"]} == {str(id) for id in place.jobs[2:]}
    then = client.collection_items("jobs", datetime_="2026-03-02T00:00:00Z")
    assert [f["id"] for f in then["features"]] == [str(place.jobs[1])]
    one = client.collection_item("jobs", str(place.jobs[0]))
    assert one["properties"]["type"] == "repair" and one["geometry"]["type"] == "Point"
    (district,) = client.collection_items("districts", bbox=[116.31, 39.91, 116.32, 39.92])["features"]
    assert district["properties"]["code"] == "west" and district["geometry"]["type"] == "MultiPolygon"
    (site,) = client.collection_items("sites")["features"]
    assert site["properties"]["code"] == "S-1"


def test_the_client_reads_where_crews_are_and_a_track_for_each_day(client: Features, place: Reached) -> None:
    (crew,) = client.collection_items("crews")["features"]
    assert crew["properties"]["crew"] == "alpha"
    tracks = client.collection_items("tracks")["features"]
    amy = str(place.org.people["amy"])
    assert [(f["geometry"]["type"], f["properties"]["positions"]) for f in tracks] == [("LineString", 3)] * 2
    assert {f["id"].partition("_")[2] for f in tracks} == {amy}
    first = client.collection_items("tracks", limit=1)
    assert [f["id"] for f in first["features"]] == [tracks[0]["id"]]
    (following,) = (link["href"] for link in first["links"] if link["rel"] == "next")
    page = httpx.get(following, auth=("qgis", place.reading)).json()
    assert [f["id"] for f in page["features"]] == [tracks[1]["id"]]
    assert client.collection_item("tracks", tracks[1]["id"])["properties"]["positions"] == 3
    assert client.collection_items("tracks", bbox=[10, 10, 11, 11])["features"] == []
    begin, end = tracks[1]["properties"]["from_at"], tracks[1]["properties"]["to_at"]
    assert [f["id"] for f in client.collection_items("tracks", datetime_=f"{begin}/{end}")["features"]] == [
        tracks[1]["id"]
    ]


def test_who_may_only_read_does_not_learn_that_crews_are_watched(place: Reached) -> None:
    reading = asyncio.run(another_key(place, place.org, "read"))
    client = Features(f"{place.url}/ogc/v1", auth=Authentication(username="qgis", password=reading))
    assert client.feature_collections() == ["jobs", "sites", "districts"]
    for path in ("collections/tracks", "collections/tracks/items", "collections/crews/items"):
        assert httpx.get(f"{place.url}/ogc/v1/{path}", auth=("qgis", reading)).status_code == 404
    assert "tracks" not in httpx.get(f"{place.url}/ogc/v1/api", auth=("qgis", reading)).text


def test_next_links_lead_to_the_end_without_gap_or_repeat(client: Features, place: Reached) -> None:
    found: list[str] = []
    page = client.collection_items("jobs", limit=2)
    for _ in range(5):
        found += [feature["id"] for feature in page["features"]]
        links = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not links:
            break
        page = httpx.get(links[0], auth=("qgis", place.reading)).json()
    assert found == sorted(str(id) for id in place.jobs)


def test_the_other_organisation_is_not_there(client: Features, place: Reached) -> None:
    other = {str(id) for id in (*place.other.districts.values(), place.other.site)}
    for name in client.feature_collections():
        assert {f["id"] for f in client.collection_items(name, limit=1000)["features"]} & other == set()
    answer = httpx.get(f"{place.url}/ogc/v1/collections/sites/items/{place.other.site}", auth=("qgis", place.reading))
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "bbox=1,2,3", "bbox=a,b,c,d", "bbox=0,50,1,40", "bbox=0,0,nan,1", "bbox=0,0,200,1", "limit=0", "limit=x",
        "datetime=yesterday", "datetime=../..x", "datetime=2026-03-02/2026-03-01", "cursor=zz", "colour=red", "f=html",
    ],
)  # fmt: skip
def test_what_the_standard_calls_a_wrong_parameter_is_a_400(place: Reached, query: str) -> None:
    answer = httpx.get(f"{place.url}/ogc/v1/collections/jobs/items?{query}", auth=("qgis", place.reading))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_more_than_the_limit_may_be_asked_for_and_heights_do_not_count(client: Features) -> None:
    assert client.collection_items("jobs", limit=100_000)["numberReturned"] == 5
    assert client.collection_items("jobs", bbox=[116.3, 39.9, -10, 116.4, 40.0, 50])["numberReturned"] == 2
    assert client.collection_items("jobs", bbox=[170, 39.9, 116.4, 40.0])["numberReturned"] == 2


def test_titles_are_in_both_languages_and_a_link_never_carries_a_key(place: Reached) -> None:
    address = f"{place.url}/ogc/v1/collections/jobs/items"
    page = httpx.get(address, params={"api_key": place.reading, "limit": "1"})
    assert page.status_code == 200 and place.reading not in page.text
    shown = httpx.get(
        f"{place.url}/ogc/v1/collections/jobs", auth=("q", place.reading), headers={"Accept-Language": "zh"}
    )
    assert shown.json()["title"] == "工单"
    again = httpx.get(
        address, auth=("q", place.reading), params={"limit": "1"}, headers={"If-None-Match": page.headers["etag"]}
    )
    assert again.status_code in (200, 304)
