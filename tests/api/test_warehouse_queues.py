"""The warehouse's queues: something waits in exactly one, moves on with the work, leaves in the end; and only those see it who may see costs."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.reconciliation_commands import ReconcileDay
from tests.api.office import Office, office
from tests.api.paging import every_item
from tests.api.serving import Site
from tests.api.warehouse import Warehouse, stocked_warehouse, warehouse
from tests.arrange import NOW
from tests.queries import counted

QUEUES = ("to-approve", "to-pick", "to-hand-over", "to-receive-back", "exceptions")
SEES = ("ada", "eve", "max", "gus", "cho", "wes")
PATHS = ["/warehouse", *(f"/warehouse/{name}" for name in QUEUES)]


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(still, pool, seed, *SEES, "cal", "amy")


@pytest.fixture
async def store(desk: Office) -> Warehouse:
    return await stocked_warehouse(desk.org)


async def waiting(desk: Office, name: str, **params: Any) -> list[Any]:
    return await every_item(desk, f"/warehouse/{name}", by="wes", limit=1, **params)


async def counts(desk: Office) -> dict[str, int]:
    found: dict[str, int] = await desk.get("/warehouse", by="wes")
    return {name: count for name, count in found.items() if count}


async def test_a_request_goes_from_queue_to_queue_and_leaves_in_the_end(desk: Office, store: Warehouse) -> None:
    org, job = desk.org, await desk.org.assigned_job()
    assert await counts(desk) == {}
    request_id = await store.asked(job, ("clamp", "3"), ("pump", "1"))
    (approval,) = await waiting(desk, "to-approve")
    assert (approval["amount"], await counts(desk)) == ("117.50", {"to_approve": 1})
    await store.approve(job, request_id, by="gus")
    (request,) = await waiting(desk, "to-pick")
    assert (request["id"], await counts(desk)) == (str(request_id), {"to_pick": 1})
    slip_id = org.new_id()
    some = m.IssueLine(line_no=1, quantity=Decimal(3))
    ground: dict[str, Any] = {"job_id": job.job_id, "request_id": request_id, "store_id": store.places["main"]}
    ground["crew_id"] = org.crews["alpha"]
    await org.ok(m.IssueParts(**ground, slip_id=slip_id, lines=(some,)), by="wes")
    # A part of it is out, the other is still to be picked.
    assert await counts(desk) == {"to_pick": 1, "to_hand_over": 1}
    rest = m.IssueLine(line_no=2, quantity=Decimal(1), bin_id=store.places["A-01"])
    await org.ok(m.IssueParts(**ground, slip_id=org.new_id(), lines=(rest,)), by="wes")
    assert await counts(desk) == {"to_hand_over": 2}
    slips = await waiting(desk, "to-hand-over", job=str(job.job_id))
    assert str(slip_id) in [slip["id"] for slip in slips]
    for part, n in (("clamp", "3"), ("pump", "1")):
        said: dict[str, Any] = {"part_id": org.parts[part], "quantity": Decimal(n), "request_id": request_id}
        received = f.ReceivePart(job_id=job.job_id, visit_id=job.visit_id, move_id=org.new_id(), **said)
        await org.ok(received, by="amy")
    assert await counts(desk) == {}
    await store.report(job, f.UsePart, "clamp", "1")
    await store.report(job, f.ReturnPart, "clamp", "2")
    (back,) = await waiting(desk, "to-receive-back")
    assert (back["job_id"], [(line["part_id"], line["quantity"]) for line in back["lines"]]) == (
        str(job.job_id),
        [(str(org.parts["clamp"]), "2")],
    )
    line = m.TakeBackLine(move_id=org.new_id(), part_id=org.parts["clamp"], quantity=Decimal(2))
    await org.ok(m.TakeBackParts(job_id=job.job_id, store_id=store.places["main"], lines=(line,)), by="wes")
    assert await counts(desk) == {}


async def test_nothing_is_picked_for_a_job_that_was_called_off(desk: Office, store: Warehouse) -> None:
    job, other = await desk.org.assigned_job(), await desk.org.assigned_job()
    await store.approved(job, ("pump", "1"), by="max")
    kept = await store.approved(other, ("pump", "1"), by="max")
    await desk.org.ok(d.CancelJob(job_id=job.job_id, reason="not needed"), by="dan")
    assert [request["id"] for request in await waiting(desk, "to-pick")] == [str(kept)]
    assert await counts(desk) == {"to_pick": 1}
    await desk.org.ok(d.ReopenJob(job_id=job.job_id, reason="needed after all"), by="dan")
    assert await counts(desk) == {"to_pick": 2}


async def test_what_is_to_be_picked_says_where_it_lies(desk: Office, store: Warehouse) -> None:
    await store.receive("A-02", "pump", "2")
    job = await desk.org.assigned_job()
    await store.approved(job, ("pump", "1"), by="max")
    page = await desk.get("/warehouse/to-pick", by="wes")
    assert [(each["location_code"], each["quantity"]) for each in page["stock"]] == [("A-01", "5"), ("A-02", "2")]
    assert page["names"][str(desk.org.parts["pump"])] == "pump"
    assert page["names"][str(desk.org.people["amy"])] == "Amy"
    main = await desk.get("/warehouse/to-pick", by="wes", store=str(store.places["main"]))
    assert len(main["stock"]) == 2
    other = await desk.get("/warehouse/to-pick", by="wes", store=str(store.places["A-02"]))
    assert [each["location_code"] for each in other["stock"]] == ["A-02"]


async def test_an_approver_sees_what_waits_for_them_and_only_that(desk: Office, store: Warehouse) -> None:
    job, other = await desk.org.assigned_job(), await desk.org.assigned_job()
    await store.asked(job, ("clamp", "1"))
    await store.asked(other, ("valve", "1"), now=NOW + timedelta(minutes=1))
    amounts = [item["amount"] for item in await waiting(desk, "to-approve")]
    assert amounts == ["12.50", "240"]

    async def mine(by: str) -> list[str]:
        return [i["amount"] for i in await every_item(desk, "/warehouse/to-approve", by=by, mine="true")]

    assert [await mine(by) for by in ("eve", "max", "gus", "wes")] == [["12.50"], [], ["240"], []]
    assert len(await waiting(desk, "to-approve", job=str(job.job_id))) == 1


async def test_queues_come_oldest_first_and_a_page_holds_still(desk: Office, store: Warehouse) -> None:
    requests = []
    for minutes in (30, 10, 20):
        job = await desk.org.assigned_job()
        requests.append(str(await store.approved(job, ("clamp", "1"), by="eve", now=NOW - timedelta(minutes=minutes))))
    assert [item["id"] for item in await waiting(desk, "to-pick")] == [requests[0], requests[2], requests[1]]
    first = await desk.get("/warehouse/to-pick", by="wes", limit=2)
    job = await desk.org.assigned_job()
    await store.approved(job, ("clamp", "1"), by="eve", now=NOW - timedelta(minutes=25))
    second = await desk.get("/warehouse/to-pick", by="wes", limit=2, cursor=first["next"])
    assert [item["id"] for item in second["items"]] == [requests[1]]


async def test_what_came_back_comes_by_job_and_is_netted(desk: Office, store: Warehouse) -> None:
    jobs = [await desk.org.assigned_job() for _ in range(3)]
    for n, job in enumerate(jobs):
        await store.report(job, f.ReturnPart, "clamp", "2", now=NOW + timedelta(minutes=n))
        await store.report(job, f.ReturnPart, "pump", "1", now=NOW + timedelta(minutes=n))
    line = m.TakeBackLine(move_id=desk.org.new_id(), part_id=desk.org.parts["clamp"], quantity=Decimal("1.5"))
    back = m.TakeBackParts(job_id=jobs[1].job_id, store_id=store.places["main"], lines=(line,))
    await desk.org.ok(back, by="wes", now=NOW + timedelta(hours=1))
    found = await waiting(desk, "to-receive-back")
    assert [job["job_id"] for job in found] == [str(job.job_id) for job in jobs]
    assert [sorted(line["quantity"] for line in job["lines"]) for job in found] == [
        ["1", "2"],
        ["0.5", "1"],
        ["1", "2"],
    ]
    (one,) = await waiting(desk, "to-receive-back", job=str(jobs[2].job_id))
    assert one["job_id"] == str(jobs[2].job_id)


async def test_what_a_reconciliation_found_waits_until_it_is_settled(desk: Office, store: Warehouse) -> None:
    job = await desk.org.assigned_job()
    request_id = await store.approved(job, ("clamp", "3"), by="eve")
    await store.issued(job, request_id)
    await store.report(job, f.ReceivePart, "clamp", "3")
    await store.report(job, f.UsePart, "clamp", "2")
    done = f.CompleteVisit(job_id=job.job_id, visit_id=job.visit_id)
    await desk.org.ok(done, by="amy", now=NOW + timedelta(minutes=5))
    day = ReconcileDay(day=(NOW + timedelta(hours=8)).date())
    await desk.org.ok(day, by="wes", now=NOW + timedelta(hours=6))
    (found,) = await waiting(desk, "exceptions")
    assert (found["kind"], found["difference"], (await counts(desk))["exceptions"]) == ("short", "1", 1)
    assert await waiting(desk, "exceptions", kind="over") == []
    assert len(await waiting(desk, "exceptions", job=str(job.job_id), part=str(desk.org.parts["clamp"]))) == 1
    assert await waiting(desk, "exceptions", state="settled") == []
    await store.report(job, f.ReturnPart, "clamp", "1", now=NOW + timedelta(hours=7))
    await desk.org.ok(day, by="wes", now=NOW + timedelta(hours=8))
    assert await waiting(desk, "exceptions") == []
    assert len(await waiting(desk, "exceptions", state="settled")) == 1


async def test_queues_take_as_many_queries_however_much_waits(desk: Office, store: Warehouse, still: Site) -> None:
    async def queries() -> list[int]:
        pool = still.services.pool
        return [(await counted(pool, lambda p=p: desk.get(p, by="wes")))[0] for p in PATHS]  # type: ignore[misc]

    job = await desk.org.assigned_job()
    await store.asked(job, ("clamp", "1"))
    await store.approved(job, ("clamp", "1"), by="eve")
    await store.issued(job, await store.approved(job, ("clamp", "1"), by="eve"))
    await store.report(job, f.ReturnPart, "clamp", "1")
    few = await queries()
    for _ in range(4):
        job = await desk.org.assigned_job()
        await store.asked(job, ("clamp", "1"))
        await store.approved(job, ("clamp", "1"), by="eve")
        await store.issued(job, await store.approved(job, ("clamp", "1"), by="eve"))
        await store.report(job, f.ReturnPart, "clamp", "1")
    assert await queries() == few
    assert max(few) <= 6


@pytest.mark.parametrize("path", PATHS)
async def test_only_those_who_may_see_costs_see_the_queues(desk: Office, path: str) -> None:
    for by in SEES:
        assert (await desk.raw(path, by=by)).status_code == 200
    for by in ("dan", "cal", "amy"):
        assert (await desk.raw(path, by=by)).status_code == 403
    assert (await desk.site.client.get(f"/api/v1{path}")).status_code == 401


@pytest.mark.parametrize("name", QUEUES)
async def test_a_queue_refuses_what_it_does_not_know(desk: Office, name: str) -> None:
    for params in ({"limit": 0}, {"limit": 201}, {"cursor": "nonsense!"}, {"colour": "red"}, {"job": "here"}):
        assert (await desk.raw(f"/warehouse/{name}", by="wes", **params)).status_code == 422


async def test_nobody_sees_queues_of_another_organisation(
    desk: Office, still: Site, pool: asyncpg.Pool, seed: int
) -> None:
    theirs = await office(still, pool, seed + 1, "wes")
    store = await warehouse(theirs.org)
    await store.receive("main", "clamp", "9")
    job = await theirs.org.assigned_job()
    await store.asked(job, ("clamp", "1"))
    await store.approved(job, ("clamp", "1"), by="eve")
    await store.issued(job, await store.approved(job, ("clamp", "1"), by="eve"))
    await store.report(job, f.ReturnPart, "clamp", "1")
    # What goes back out of a van that never got it is an exception too.
    each_one = {"to_approve": 1, "to_pick": 1, "to_hand_over": 1, "to_receive_back": 1, "exceptions": 1}
    assert await counts(theirs) == each_one
    assert await counts(desk) == {}
    for name in QUEUES:
        assert await waiting(desk, name) == []
        assert await waiting(desk, name, job=str(job.job_id)) == []
