"""The job list and one job whole: filters, pages that hold still, constant queries, ETags, and nothing of anybody else's."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Priority
from mobile_contract.schema.job import HoldReason
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW, Org
from tests.queries import counted


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(still, pool, seed, "dan", "amy", "gus")


async def open_at(org: Org, minutes_ago: int, **said: Any) -> UUID:
    """Open a job that was reported so many minutes ago."""
    job_id = org.new_id()
    lon, lat = org.point(said.pop("where", "west"))
    at = NOW - timedelta(minutes=minutes_ago)
    given = {"job_type": "repair", "lon_deg": lon, "lat_deg": lat, "reported_at": at, **said}
    await org.ok(d.OpenJob(job_id=job_id, **given), by="dan")
    return job_id


def ids(page: Any) -> list[str]:
    return [item["id"] for item in page["items"]]


async def every_page(desk: Office, **params: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, Any] = {}
    for _ in range(50):
        page = await desk.get("/jobs", **params, **cursor)
        found += ids(page)
        if "next" not in page:
            return found
        cursor = {"cursor": page["next"]}
    raise AssertionError("the list does not end")


async def test_newest_reports_come_first_and_pages_join_without_gap_or_repeat(desk: Office) -> None:
    # Two of them at the same instant: the id decides.
    jobs = [str(await open_at(desk.org, minutes)) for minutes in (50, 40, 40, 30, 20, 10)]
    found = await every_page(desk, limit=2)
    assert sorted(found) == sorted(jobs)
    assert len(found) == len(set(found))
    assert found[0] == jobs[-1]
    assert found[-1] == jobs[0]
    assert await every_page(desk, limit=2, sort="oldest") == found[::-1]


async def test_a_page_that_was_begun_holds_still_while_jobs_come_in(desk: Office) -> None:
    jobs = [str(await open_at(desk.org, minutes)) for minutes in (50, 40, 30, 20)]
    first = await desk.get("/jobs", limit=2)
    await open_at(desk.org, 5)
    await open_at(desk.org, 45)
    second = await desk.get("/jobs", limit=2, cursor=first["next"])
    assert ids(first) == jobs[:1:-1]
    assert ids(second)[0] == jobs[1]
    assert not set(ids(first)) & set(ids(second))


async def test_jobs_without_a_due_time_come_last_in_the_order_of_due(desk: Office) -> None:
    survey = str(await open_at(desk.org, 5, job_type="survey"))
    late = str(await open_at(desk.org, 90))
    soon = str(await open_at(desk.org, 30))
    assert await every_page(desk, sort="due", limit=1) == [late, soon, survey]


async def test_filters_narrow_the_list(desk: Office) -> None:
    org = desk.org
    west = str(await open_at(org, 10, where="west", priority=Priority.EMERGENCY, address="7 Canal Street"))
    east = str(await open_at(org, 90, where="east", job_type="survey", address="Mill Lane"))
    nowhere = str(await open_at(org, 200, where="nowhere", address="Canal%_Road", number="X-1"))
    await org.ok(d.AssignVisit(job_id=UUID(west), visit_id=org.new_id(), crew_id=org.crews["alpha"]), by="dan")
    await org.ok(
        d.AssignVisit(job_id=UUID(east), visit_id=org.new_id(), person_id=org.people["bob"]),
        d.HoldJob(job_id=UUID(east), reason=HoldReason.PARTS),
        by="dan",
    )

    async def found(**params: Any) -> set[str]:
        return set(await every_page(desk, **params))

    assert await found(state="awaiting_triage") == {nowhere}
    assert await found(state=["awaiting_triage", "on_hold"]) == {nowhere, east}
    assert await found(district=str(org.districts["west"])) == {west}
    assert await found(type="survey") == {east}
    assert await found(priority="emergency") == {west}
    assert await found(crew=str(org.crews["alpha"])) == {west}
    assert await found(person=str(org.people["bob"])) == {east}
    assert await found(text="canal") == {west, nowhere}
    assert await found(text="street") == {west}
    assert await found(text="x-") == {nowhere}
    assert await found(text="%_") == set()
    assert await found(text="canal%") == {nowhere}
    hour_ago = (NOW - timedelta(hours=1)).isoformat()
    assert await found(reported_from=hour_ago) == {west}
    assert await found(reported_to=hour_ago) == {east, nowhere}
    assert await found(bbox="116.3,39.9,116.4,40.0") == {west}
    assert await found(bbox="179,39,-179,40") == set()
    assert west in await found(breached="false")


async def test_a_job_is_late_as_soon_as_its_time_has_passed_and_stays_so_after_a_late_arrival(desk: Office) -> None:
    org = desk.org
    waiting = await open_at(org, 50)
    fine = await open_at(org, 20)
    came = await open_at(org, 60)
    visit = org.new_id()
    await org.ok(d.AssignVisit(job_id=came, visit_id=visit, crew_id=org.crews["alpha"]), by="dan")
    await org.ok(f.ArriveOnSite(job_id=came, visit_id=visit), by="amy")
    late = await every_page(desk, breached="true")
    assert set(late) == {str(waiting), str(came)}
    assert await every_page(desk, breached="false") == [str(fine)]
    lines = {item["id"]: item for item in (await desk.get("/jobs"))["items"]}
    assert lines[str(came)]["breached"] is True
    assert lines[str(came)]["assignee"] == "Alpha"
    assert lines[str(came)]["arrival_recorded_at"]


async def test_flagged_jobs_can_be_asked_for(desk: Office) -> None:
    org = desk.org
    plain, flagged = await open_at(org, 10), await open_at(org, 20)
    visit = org.new_id()
    await org.ok(d.AssignVisit(job_id=flagged, visit_id=visit, crew_id=org.crews["alpha"]), by="dan")
    await org.ok(d.CancelJob(job_id=flagged, reason="no leak"), by="dan")
    await org.ok(f.ArriveOnSite(job_id=flagged, visit_id=visit), by="amy")
    assert await every_page(desk, flagged="true") == [str(flagged)]
    assert await every_page(desk, flagged="false") == [str(plain)]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "$.limit"),
        ({"limit": 201}, "$.limit"),
        ({"state": "asleep"}, "$.state"),
        ({"cursor": "nonsense!"}, "$.cursor"),
        ({"cursor": "WyJuZXdlc3QiLCJ4IiwieSJd"}, "$.cursor"),
        ({"bbox": "1,2,3"}, "$.bbox"),
        ({"bbox": "1,95,3,99"}, "$.bbox"),
        ({"bbox": "nan,nan,nan,nan"}, "$.bbox"),
        ({"district": "here"}, "$.district"),
        ({"colour": "red"}, "$.colour"),
        ({"reported_from": "2026-03-02T10:00:00"}, "$.reported_from"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused_with_its_name(
    desk: Office, params: dict[str, Any], field: str
) -> None:
    answer = await desk.raw("/jobs", **params)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


async def test_a_cursor_of_another_order_is_refused(desk: Office) -> None:
    for minutes in (30, 20, 10):
        await open_at(desk.org, minutes)
    page = await desk.get("/jobs", limit=1)
    assert (await desk.raw("/jobs", limit=1, sort="due", cursor=page["next"])).status_code == 422


async def test_the_number_of_queries_does_not_grow_with_rows(desk: Office, still: Site) -> None:
    await open_at(desk.org, 10)
    one, few = await counted(still.services.pool, lambda: desk.get("/jobs"))
    for minutes in range(20, 40):
        job_id = await open_at(desk.org, minutes)
        await desk.org.assign(job_id)
    many, again = await counted(still.services.pool, lambda: desk.get("/jobs", limit=200))
    assert len(few["items"]) == 1
    assert len(again["items"]) == 21
    assert many == one
    # Who asks, then the transaction: begin with the organisation, the list, commit.
    assert one <= 4


async def test_a_job_comes_whole_in_as_many_queries_whatever_belongs_to_it(desk: Office, still: Site) -> None:
    org = desk.org
    bare = await open_at(org, 10)
    rich = await open_at(org, 20)
    visit = org.new_id()
    await org.ok(d.AssignVisit(job_id=rich, visit_id=visit, crew_id=org.crews["alpha"]), by="dan")
    await org.ok(
        f.ArriveOnSite(job_id=rich, visit_id=visit),
        f.StartWork(job_id=rich, visit_id=visit),
        f.AddNote(job_id=rich, visit_id=visit, note_id=org.new_id(), text="valve stuck"),
        f.AddNote(job_id=rich, visit_id=visit, note_id=org.new_id(), text="<script>alert(1)</script>"),
        by="amy",
    )
    few, _ = await counted(still.services.pool, lambda: desk.get(f"/jobs/{bare}"))
    many, whole = await counted(still.services.pool, lambda: desk.get(f"/jobs/{rich}"))
    assert many == few
    assert {note["text"] for note in whole["notes"]} == {"valve stuck", "<script>alert(1)</script>"}
    assert [event["name"] for event in whole["events"]][:2] == ["job_opened", "visit_assigned"]
    assert [event["seq"] for event in whole["events"]] == sorted(event["seq"] for event in whole["events"])
    assert whole["names"][str(org.people["amy"])] == "Amy"
    assert whole["names"][str(org.crews["alpha"])] == "Alpha"
    assert whole["district"]["code"] == "west"
    assert len(whole["tasks"]) == 2


async def test_an_unchanged_job_is_answered_304_and_a_note_changes_its_etag(desk: Office) -> None:
    org = desk.org
    job_id = await open_at(org, 10)
    visit = await org.assign(job_id)
    first = await desk.raw(f"/jobs/{job_id}")
    tag = first.headers["etag"]
    again = await desk.raw(f"/jobs/{job_id}", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""
    await org.ok(f.AddNote(job_id=job_id, visit_id=visit, note_id=org.new_id(), text="new"), by="amy")
    changed = await desk.raw(f"/jobs/{job_id}", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_the_etag_of_a_job_serves_as_if_match_of_a_command(desk: Office) -> None:
    job_id = await open_at(desk.org, 10)
    tag = (await desk.raw(f"/jobs/{job_id}")).headers["etag"]

    async def hold() -> int:
        headers = {**desk.headers["dan"], "Idempotency-Key": str(uuid4()), "If-Match": tag}
        body = {"job_id": str(job_id), "reason": "parts"}
        answer = await desk.site.client.post("/api/v1/commands/hold_job", json=body, headers=headers)
        return answer.status_code

    assert await hold() == 200
    assert await hold() == 412


async def test_nobody_sees_jobs_of_another_organisation(
    desk: Office, still: Site, pool: asyncpg.Pool, seed: int
) -> None:
    theirs = await office(still, pool, seed + 1)
    job_id = await open_at(theirs.org, 10)
    assert ids(await desk.get("/jobs")) == []
    assert (await desk.raw(f"/jobs/{job_id}")).status_code == 404
    assert (await desk.get("/jobs", crew=str(theirs.org.crews["alpha"])))["items"] == []
    assert (await desk.get("/jobs.geojson"))["features"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/jobs", "/jobs.geojson", "/visits", "/persons", "/crews", "/districts", "/districts.geojson", "/sites",
        "/approvals", "/live/summary", "/live", "/jobs/{job}", "/jobs/{job}/suggestions",
    ],
)  # fmt: skip
async def test_field_crews_and_strangers_read_no_list(desk: Office, path: str) -> None:
    where = path.replace("{job}", str(await open_at(desk.org, 10)))
    assert (await desk.raw(where, by="amy")).status_code == 403
    assert (await desk.site.client.get(f"/api/v1{where}")).status_code == 401


async def test_an_api_key_reads_lists_only_with_the_scope_read(desk: Office, pool: asyncpg.Pool, seed: int) -> None:
    admin = await office(desk.site, pool, seed + 2, "ada")
    await open_at(admin.org, 10)

    async def key(*scopes: str) -> dict[str, str]:
        made = await admin.post("/api-keys", {"name": "crm", "scopes": list(scopes)}, by="ada")
        assert made.status_code == 201, made.text
        return {"Authorization": f"Bearer {made.json()['api_key']}"}

    reading, writing = await key("read"), await key("open_job")
    assert (await desk.site.client.get("/api/v1/jobs", headers=reading)).status_code == 200
    assert (await desk.site.client.get("/api/v1/jobs", headers=writing)).status_code == 403
