"""The inbox of edits that met: both values with who and when, and settling one."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Priority
from mobile_contract.schema.board import Board
from mobile_contract.schema.conflicts import ConflictLine, ConflictPage, Keep, SettleConflict
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW
from tests.sync.looking import events, one

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(site, pool, seed, "cal", "amy")


async def conflicts(desk: Office, **asked: Any) -> tuple[ConflictLine, ...]:
    answer = await desk.raw("/conflicts", **asked)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=ConflictPage).items


def edit(job_id: UUID, field: str, was: str, new: str) -> d.EditJob:
    return d.EditJob(job_id=job_id, changes={field: d.FieldEdit(was=was, set=new)})


async def met(desk: Office) -> UUID:
    """Let the dispatcher and the callback agent change the same title, the second without having seen the first."""
    job_id = await desk.org.open_job(title="leak")
    await desk.org.ok(edit(job_id, "title", "leak", "burst main"), by="dan", now=NOW + MINUTE)
    await desk.org.ok(edit(job_id, "title", "leak", "wet cellar"), by="cal", now=NOW + 2 * MINUTE)
    return job_id


async def title_of(desk: Office, job_id: UUID) -> str:
    return str(await one(desk.org, "select title from job where org_id = $1 and id = $2", job_id))


async def test_both_values_are_shown_with_who_set_them_and_when(desk: Office) -> None:
    job_id = await met(desk)
    (line,) = await conflicts(desk)
    assert (line.job_id, line.field, line.now) == (job_id, "title", "burst main")
    assert (line.kept, line.kept_by_name, line.kept_at) == ("burst main", "Dan", NOW + MINUTE)
    assert (line.offered, line.offered_by_name, line.offered_at) == ("wet cellar", "Cal", NOW + 2 * MINUTE)
    board = msgspec.json.decode((await desk.raw("/board")).content, type=Board)
    assert [(job.id, job.conflicts) for job in board.jobs] == [(job_id, 1)]


async def test_value_that_nobody_had_edited_is_that_of_who_opened_the_job(desk: Office) -> None:
    job_id = await desk.org.open_job(title="leak")
    await desk.org.ok(edit(job_id, "title", "drip", "wet cellar"), by="cal", now=NOW + MINUTE)
    (line,) = await conflicts(desk)
    assert (line.kept, line.kept_by_name, line.kept_at) == ("leak", "Dan", NOW)


@pytest.mark.parametrize(("keep", "title"), [(Keep.KEPT, "burst main"), (Keep.OFFERED, "wet cellar")])
async def test_settling_lets_one_value_stand_and_takes_the_conflict_out(desk: Office, keep: Keep, title: str) -> None:
    job_id = await met(desk)
    (line,) = await conflicts(desk)
    body = {"job_id": str(job_id), "edit_id": str(line.edit_id), "field": "title", "keep": keep.value}
    answer = await desk.post("/commands/settle_conflict", body, key=desk.org.new_id())
    assert answer.status_code == 200, answer.text
    assert await title_of(desk, job_id) == title
    assert await conflicts(desk) == ()
    assert (await events(desk.org, job_id))[-1] == "conflict_settled"
    again = await desk.post("/commands/settle_conflict", body, key=desk.org.new_id())
    assert (again.status_code, again.json()["code"]) == (409, "conflict_settled")


async def test_a_value_that_was_changed_since_is_not_overwritten_unseen(desk: Office) -> None:
    job_id = await met(desk)
    await desk.org.ok(edit(job_id, "title", "burst main", "main and valve"), by="dan", now=NOW + 3 * MINUTE)
    command = SettleConflict(job_id=job_id, field="title", keep=Keep.OFFERED)
    (refused,) = await desk.org.send(command, by="dan")
    assert (refused.code, refused.detail) == ("field_changed", {"field": "title", "now": "main and valve"})
    assert await title_of(desk, job_id) == "main and valve"
    seen = SettleConflict(job_id=job_id, field="title", keep=Keep.OFFERED, was="main and valve")
    await desk.org.ok(seen, by="dan")
    assert await title_of(desk, job_id) == "wet cellar"


async def test_each_conflict_of_a_job_is_settled_apart(desk: Office) -> None:
    job_id = await met(desk)
    await desk.org.ok(edit(job_id, "title", "leak", "no water"), by="cal", now=NOW + 3 * MINUTE)
    await desk.org.ok(edit(job_id, "address", "somewhere", "1 Canal Street"), by="cal", now=NOW + 4 * MINUTE)
    assert [(line.field, line.offered) for line in await conflicts(desk)] == [
        ("title", "wet cellar"),
        ("title", "no water"),
        ("address", "1 Canal Street"),
    ]
    first = (await conflicts(desk))[0]
    settle = SettleConflict(job_id=job_id, field="title", keep=Keep.KEPT, edit_id=first.edit_id)
    await desk.org.ok(settle, by="dan")
    assert [line.offered for line in await conflicts(desk)] == ["no water", "1 Canal Street"]


async def test_an_offered_priority_sets_the_arrival_time_anew(desk: Office) -> None:
    job_id = await desk.org.open_job()
    await desk.org.ok(edit(job_id, "priority", "low", "emergency"), by="cal")
    await desk.org.ok(SettleConflict(job_id=job_id, field="priority", keep=Keep.OFFERED), by="dan")
    row = await one(desk.org, "select priority from job where org_id = $1 and id = $2", job_id)
    assert row == Priority.EMERGENCY


async def test_of_a_closed_job_a_value_stays_and_only_the_inbox_is_cleared(desk: Office) -> None:
    job_id = await met(desk)
    await desk.org.ok(d.CancelJob(job_id=job_id, reason="x"), by="dan")
    (refused,) = await desk.org.send(SettleConflict(job_id=job_id, field="title", keep=Keep.OFFERED), by="dan")
    assert refused.code == "job_state"
    await desk.org.ok(SettleConflict(job_id=job_id, field="title", keep=Keep.KEPT), by="dan")
    assert await conflicts(desk) == ()


async def test_pages_go_by_job_and_one_job_can_be_asked_for(desk: Office) -> None:
    jobs = sorted([await met(desk) for _ in range(3)])
    page = await desk.get("/conflicts", limit=2)
    assert [line["job_id"] for line in page["items"]] == [str(id) for id in jobs[:2]]
    rest = await desk.get("/conflicts", limit=2, after=page["next"])
    assert [line["job_id"] for line in rest["items"]] == [str(jobs[2])]
    assert "next" not in rest
    assert [line.job_id for line in await conflicts(desk, job=str(jobs[1]))] == [jobs[1]]


async def test_inbox_is_for_the_office_of_its_organisation(desk: Office, site: Site, pool: asyncpg.Pool) -> None:
    await met(desk)
    other = await office(site, pool, 79)
    assert await conflicts(other) == ()
    refused = await desk.raw("/conflicts", by="amy")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
