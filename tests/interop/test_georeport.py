"""Open311 GeoReport v2: the client `georeport` as it comes from the package index reads what a form, sent as the standard says, has reported."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from georeport import GeoReport

from api.settings import Settings
from tests.interop.arranged import Reached, another_key, reached

LEAK = {
    "service_code": "repair",
    "lat": "39.95",
    "long": "116.45",
    "address_string": "1 Canal Street",
    "description": "Water on the <street> & in the cellar \u2013 水",
    "first_name": "Lin",
    "last_name": "Wei",
    "phone": "555 0100",
    "email": "lin@example.org",
}


@pytest.fixture(scope="module")
def place(settings: Settings) -> Iterator[Reached]:
    with reached(settings, 20260317) as found:
        yield found


def address(place: Reached, key: str = "") -> str:
    """Give the root address with the key as a Basic password, as any client of the library `requests` takes it."""
    return f"http://open311:{key or place.intake}@{place.host}/open311/v2"


def post(place: Reached, said: dict[str, str], form: str = "json", **headers: str) -> httpx.Response:
    """Report as the standard says: a form with the key in it."""
    given = {"api_key": place.intake, **said}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{place.url}/open311/v2/requests.{form}", data=given, headers=sent)


def told(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    id: str = answer.json()[0]["service_request_id"]
    return id


@pytest.mark.parametrize("form", ["json", "xml"])
def test_the_client_reads_services_definitions_and_what_was_reported(place: Reached, form: str) -> None:
    client = GeoReport(address(place), jurisdiction=place.slug, output_format=form)
    services = client.get_service_list()
    assert [service["service_code"] for service in services] == ["repair", "survey"]
    assert {service["metadata"] for service in services} == {False if form == "json" else "false"}
    assert client.get_service_definition("repair")["service_code"] == "repair"
    id = told(post(place, {**LEAK, "description": f"{LEAK['description']} {form}"}))
    found = client.get_service_request(id)
    assert found["service_request_id"] == id
    assert (found["status"], found["service_code"]) == ("open", "repair")
    assert found["description"] == f"{LEAK['description']} {form}"
    assert (float(found["lat"]), float(found["long"])) == (39.95, 116.45)
    listed = client.get_service_requests(status="open", service_code="repair")
    rows: list[Any] = listed if isinstance(listed, list) else [listed]
    assert id in {row["service_request_id"] for row in rows}
    assert not {"Lin", "Wei", "555 0100", "lin@example.org"} & {str(value) for row in rows for value in row.values()}


async def test_a_report_is_a_request_with_its_contact_and_its_job(place: Reached, owner: asyncpg.Connection) -> None:
    id = told(post(place, {**LEAK, "description": "a job"}))
    row = await owner.fetchrow(
        "select r.source, r.address, c.name, c.phone, j.type, j.state, j.arrival_due_at is not null due, j.contact_id = c.id same"
        " from request r join contact c on c.org_id = r.org_id and c.id = r.contact_id join job j on j.org_id = r.org_id and j.id = r.job_id"
        " where r.org_id = $1 and r.id = $2::text::uuid",
        place.org.id,
        id,
    )
    assert tuple(row) == ("open311", "1 Canal Street", "Lin Wei", "555 0100", "repair", "ready", True, True)


async def test_the_same_report_sent_again_is_one(place: Reached, owner: asyncpg.Connection) -> None:
    said = {**LEAK, "description": "twice"}
    assert told(post(place, said)) == told(post(place, said))
    assert told(post(place, {**said, "description": "another"})) != told(post(place, said))
    key = str(uuid4())
    assert told(post(place, said, Idempotency_Key=key)) == told(post(place, said, Idempotency_Key=key))
    reused = post(place, {**said, "description": "something else"}, Idempotency_Key=key)
    assert reused.json()["code"] == "id_reused"
    count = "select count(*) from request where org_id = $1 and description = 'twice'"
    assert await owner.fetchval(count, place.org.id) == 2


def test_texts_are_in_both_languages_and_answers_in_the_form_of_the_address(place: Reached) -> None:
    answer = post(place, {**LEAK, "description": "zh"}, form="xml", Accept_Language="zh-CN")
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert "请保存此编号" in answer.text and "<service_requests><request><service_request_id>" in answer.text
    refused = post(place, {"service_code": "repair"}, form="xml", Accept_Language="zh")
    assert refused.status_code == 400
    assert "<errors><error><code>400</code><description>需要位置" in refused.text
    shown = httpx.get(f"{address(place)}/requests.json", headers={"Accept-Language": "zh"}).json()
    assert {row["status_notes"] for row in shown} <= {"等待派工", "已受理"}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, 400),
        ({"service_code": "repair"}, 400),
        ({"service_code": "nonsense", "address_string": "x"}, 400),
        ({**LEAK, "lat": "95"}, 400),
        ({**LEAK, "long": "west"}, 400),
        ({**LEAK, "description": "x" * 9000}, 400),
        ({**LEAK, "jurisdiction_id": "elsewhere"}, 404),
    ],
)
def test_a_wrong_report_is_refused_in_the_words_of_the_standard(
    place: Reached, said: dict[str, str], status: int
) -> None:
    answer = post(place, said)
    assert answer.status_code == status
    assert answer.json()[0]["code"] == status and answer.json()[0]["description"]


def test_reports_without_coordinates_wait_for_triage_and_are_found_by_time(place: Reached) -> None:
    id = told(post(place, {"service_code": "survey", "address_string": "somewhere", "description": "no point"}))
    rows = GeoReport(address(place)).get_service_requests(service_code="survey")
    assert [row["service_request_id"] for row in rows] == [id]
    past = GeoReport(address(place)).get_service_requests(
        start_date="2020-01-01T00:00:00Z", end_date="2020-02-01T00:00:00Z"
    )
    assert past == []
    wrong = httpx.get(f"{address(place)}/requests.json?start_date=2020-01-01T00:00:00Z&end_date=2021-01-01T00:00:00Z")
    assert wrong.status_code == 400


async def test_a_key_for_one_service_offers_that_service_alone(place: Reached) -> None:
    mine = told(post(place, {**LEAK, "description": "not for the narrow key"}))
    narrow = await another_key(place, place.org, "open311:survey")
    client = GeoReport(address(place, narrow))
    assert [service["service_code"] for service in client.get_service_list()] == ["survey"]
    refused = httpx.post(f"{place.url}/open311/v2/requests.json", data={**LEAK, "api_key": narrow})
    assert refused.status_code == 400
    assert mine not in {row["service_request_id"] for row in client.get_service_requests()}
    assert httpx.get(f"{address(place, narrow)}/requests/{mine}.json").status_code == 404
    assert httpx.get(f"{address(place, narrow)}/services/repair.json").status_code == 404


async def test_requests_of_other_ways_and_other_organisations_are_not_shown(place: Reached) -> None:
    rows = httpx.get(f"{address(place)}/requests.json").json()
    assert {row["service_code"] for row in rows} <= {"repair", "survey"}
    mine = rows[0]["service_request_id"]
    theirs = await another_key(place, place.other, "open311")
    assert httpx.get(f"{address(place, theirs)}/requests.json").json() == []
    assert httpx.get(f"{address(place, theirs)}/requests/{mine}.json").status_code == 404
    assert httpx.get(f"{address(place, theirs)}/requests.json?service_request_id={mine}").json() == []
