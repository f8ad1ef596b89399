"""The list of requests: those without a job are found, filters, pages that join, contacts, and nothing of anybody else's."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from mobile_contract.schema import decisions as d
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW, Org
from tests.queries import counted


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(still, pool, seed, "dan", "amy")


async def reported(org: Org, minutes_ago: int, **said: Any) -> str:
    """Register a request that was reported so many minutes ago; without a job unless one is said."""
    request_id = org.new_id()
    at = NOW - timedelta(minutes=minutes_ago)
    await org.ok(d.RegisterRequest(request_id=request_id, reported_at=at, **said), by="dan")
    return str(request_id)


async def every_page(desk: Office, **params: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(50):
        page = await desk.get("/requests", **params, **cursor)
        found += [item["request"]["id"] for item in page["items"]]
        if "next" not in page:
            return found
        cursor = {"cursor": page["next"]}
    raise AssertionError("the list does not end")


async def test_a_request_without_a_job_is_found_and_leaves_that_list_when_it_is_linked(desk: Office) -> None:
    job_id = await desk.org.open_job()
    loose = await reported(desk.org, 10)
    assert await every_page(desk, linked="false") == [loose]
    assert await every_page(desk, linked="true") == []
    await desk.org.ok(d.LinkRequest(request_id=UUID(loose), job_id=job_id), by="dan")
    assert await every_page(desk, linked="false") == []
    assert await every_page(desk, linked="true") == [loose]
    assert await every_page(desk, job=str(job_id)) == [loose]


async def test_filters_narrow_the_list_of_requests(desk: Office) -> None:
    job_id, other = await desk.org.open_job(), await desk.org.open_job()
    canal = await reported(desk.org, 10, address="7 Canal Street", job_id=job_id)
    mill = await reported(desk.org, 90, address="Mill Lane", external_ref="CRM-7")
    assert await every_page(desk) == [canal, mill]
    assert await every_page(desk, job=str(job_id)) == [canal]
    assert await every_page(desk, job=str(other)) == []
    assert await every_page(desk, text="canal") == [canal]
    assert await every_page(desk, text="crm-") == [mill]
    assert await every_page(desk, text="rm-7") == []
    assert await every_page(desk, text="%") == []
    hour_ago = (NOW - timedelta(hours=1)).isoformat()
    assert await every_page(desk, reported_from=hour_ago) == [canal]
    assert await every_page(desk, reported_to=hour_ago) == [mill]


async def test_newest_requests_come_first_and_pages_join_without_gap_or_repeat(desk: Office) -> None:
    # Two of them at the same instant: the id decides.
    made = [await reported(desk.org, minutes) for minutes in (50, 40, 40, 30, 20)]
    found = await every_page(desk, limit=2)
    assert sorted(found) == sorted(made)
    assert [found[0], found[1], found[-1]] == [made[4], made[3], made[0]]
    assert await every_page(desk, limit=1) == found
    assert (await desk.raw("/requests", cursor="nonsense")).status_code == 422


async def test_a_page_takes_as_many_queries_however_long_it_is_and_shows_who_reported(
    desk: Office, still: Site
) -> None:
    who = d.ContactDetails(contact_id=desk.org.new_id(), name="Ms Li", phone="+86 10 5555 0100")
    await reported(desk.org, 5, contact=who)
    few, first = await counted(still.services.pool, lambda: desk.get("/requests"))
    contact = first["items"][0]["contact"]
    assert (contact["name"], contact["phone"]) == ("Ms Li", "+86 10 5555 0100")
    for minutes in range(10, 20):
        await reported(desk.org, minutes)
    many, page = await counted(still.services.pool, lambda: desk.get("/requests"))
    assert many == few
    assert len(page["items"]) == 11
    assert "contact" not in page["items"][-1]


async def test_requests_of_another_organisation_are_not_shown(
    desk: Office, still: Site, pool: asyncpg.Pool, seed: int
) -> None:
    theirs = await office(still, pool, seed + 1)
    request_id = await reported(theirs.org, 10)
    assert await every_page(theirs) == [request_id]
    assert await every_page(desk) == []


async def test_field_crews_may_not_list_requests(desk: Office) -> None:
    assert (await desk.raw("/requests", by="amy")).status_code == 403
