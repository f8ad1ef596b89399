"""A request at the store: reserved, picked, issued, substituted, closed, taken back; partly and never beyond what is approved and there."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.event import EventName
from jobs.stock_locations import RETURNED, TRANSIT, place_id
from mobile_contract.rules.ladder import approval_id
from mobile_contract.rules.material import issued_move_id, piece_id
from mobile_contract.rules.stock import level_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.approval import ApprovedLine
from mobile_contract.schema.job import Flag
from mobile_contract.schema.material import IssueSlip, RequestState
from mobile_contract.schema.stock import LocationKind, StockLevel, StockLocation
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.material_scene import Scene, scene


@pytest.fixture
async def at(org: Org) -> Scene:
    """Give a store with parts and a job."""
    return await scene(org)


async def reserved(at: Scene, code: str) -> Decimal:
    level = await stored.one(at.org, StockLevel, level_id(at.store, at.org.parts[code]))
    return level.reserved


async def test_a_request_goes_from_asked_to_closed(at: Scene) -> None:
    request_id = await at.asked(at.line("clamp", 3))
    states = [(await at.request(request_id)).state]

    async def then(*commands: object, by: str = "wes") -> None:
        for command in commands:
            await at.org.ok(command, by=by)  # type: ignore[arg-type]
        states.append((await at.request(request_id)).state)

    here: dict[str, Any] = {"job_id": at.job.job_id, "request_id": request_id}
    slip = at.issuing(request_id)
    await then(d.Approve(job_id=at.job.job_id, approval_id=approval_id(request_id)), by="eve")
    await then(m.ReserveParts(**here, store_id=at.store))
    await then(m.PickParts(**here))
    await then(slip)
    await then(at.moving(f.ReceivePart, "clamp", 3, slip_id=slip.slip_id, line_no=1, scanned=True), by="amy")
    await then(at.moving(f.UsePart, "clamp", 2), at.moving(f.ReturnPart, "clamp", 1), by="amy")
    await then(m.CloseRequest(**here))
    assert states == [
        RequestState.WAITING_APPROVAL,
        RequestState.APPROVED,
        RequestState.RESERVED,
        RequestState.PICKING,
        RequestState.ISSUED,
        RequestState.RECEIVED,
        RequestState.USED,
        RequestState.CLOSED,
    ]
    line = (await at.request(request_id)).lines[0]
    assert (line.issued, line.received, line.used, line.returned) == (Decimal(3), Decimal(3), Decimal(2), Decimal(1))
    assert (await at.held("clamp"), await at.held("clamp", place_id(at.org.id, TRANSIT))) == (Decimal(97), Decimal(0))
    assert await at.held("clamp", at.org.vans["alpha"]) == Decimal(0)


async def test_a_part_of_the_lines_is_approved_and_only_that_is_issued(at: Scene) -> None:
    granted = (ApprovedLine(line_no=1, quantity=Decimal(2)), ApprovedLine(line_no=2, quantity=Decimal(0)))
    request_id = await at.approved(at.line("clamp", 9), at.line("pump", 1), granted=granted)
    too_much = await at.told(at.issuing(request_id, m.IssueLine(line_no=1, quantity=Decimal("2.01"))))
    rejected = await at.told(at.issuing(request_id, m.IssueLine(line_no=2, quantity=Decimal(1))))
    assert [too_much.code, rejected.code] == ["more_than_approved"] * 2
    slip = await at.issued(request_id)
    assert [(line.line_no, line.quantity) for line in slip.lines] == [(1, Decimal(2))]
    assert (await at.request(request_id)).state is RequestState.ISSUED


async def test_more_than_was_asked_cannot_be_granted(at: Scene) -> None:
    request_id = await at.asked(at.line("clamp", 2))
    for line_no, quantity in ((1, "3"), (2, "1")):
        line = ApprovedLine(line_no=line_no, quantity=Decimal(quantity))
        command = d.Approve(job_id=at.job.job_id, approval_id=approval_id(request_id), lines=(line,))
        assert (await at.told(command, by="eve")).status == "rejected"
    assert (await at.request(request_id)).state is RequestState.WAITING_APPROVAL


async def test_a_request_is_issued_in_parts_until_nothing_is_open(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 4))
    await at.issued(request_id, m.IssueLine(line_no=1, quantity=Decimal(1)))
    assert (await at.request(request_id)).state is RequestState.PARTLY_ISSUED
    rest = await at.issued(request_id)
    assert rest.lines[0].quantity == Decimal(3)
    assert (await at.request(request_id)).state is RequestState.ISSUED
    assert (await at.told(at.issuing(request_id))).code == "more_than_approved"


@pytest.mark.parametrize("decided", ["waiting", "rejected"])
async def test_nothing_leaves_the_store_that_is_not_approved(at: Scene, decided: str) -> None:
    request_id = await at.asked(at.line("clamp", 1))
    if decided == "rejected":
        reject = d.Reject(job_id=at.job.job_id, approval_id=approval_id(request_id), reason="use the old one")
        await at.org.ok(reject, by="eve")
    answer = await at.told(at.issuing(request_id))
    assert (answer.status, answer.code) == ("rejected", "request_state")
    assert await at.held("clamp") == Decimal(100)


async def test_the_store_never_gives_more_than_it_has(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 101))
    answer = await at.told(at.issuing(request_id))
    assert (answer.status, answer.code) == ("rejected", "stock_short")
    assert (await at.request(request_id)).state is RequestState.APPROVED
    assert await stored.of_job(at.org, IssueSlip, at.job.job_id) == []


async def test_issues_at_once_from_one_shelf_never_take_it_below_zero(at: Scene) -> None:
    scenes = [Scene(org=at.org, job=await at.org.assigned_job(), store=at.store) for _ in range(5)]
    requests = [await each.approved(each.line("clamp", 30)) for each in scenes]
    answers = await asyncio.gather(
        *(each.told(each.issuing(request)) for each, request in zip(scenes, requests, strict=True))
    )
    assert sorted(answer.code for answer in answers) == ["ok"] * 3 + ["stock_short"] * 2
    assert await at.held("clamp") == Decimal(10)


async def test_what_is_reserved_is_not_free_for_another_and_is_given_to_whom_it_was_promised(at: Scene) -> None:
    mine = await at.approved(at.line("clamp", 80))
    await at.org.ok(m.ReserveParts(job_id=at.job.job_id, request_id=mine, store_id=at.store), by="wes")
    other = Scene(org=at.org, job=await at.org.assigned_job(), store=at.store)
    theirs = await other.approved(other.line("clamp", 21))
    answer = await other.told(other.issuing(theirs))
    assert (answer.code, answer.detail["available"]) == ("stock_short", "20")
    await at.issued(mine)
    assert await reserved(at, "clamp") == Decimal(0)
    assert (await at.request(mine)).lines[0].reserved == Decimal(0)
    await other.issued(theirs, m.IssueLine(line_no=1, quantity=Decimal(20)))


async def test_reserving_sets_exactly_what_is_named_and_nothing_lets_it_go(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 8), at.line("pump", 2))
    here: dict[str, Any] = {"job_id": at.job.job_id, "request_id": request_id, "store_id": at.store}
    for quantity, state in (("5", RequestState.RESERVED), ("3", RequestState.RESERVED), ("0", RequestState.APPROVED)):
        line = m.LineQuantity(line_no=1, quantity=Decimal(quantity))
        await at.org.ok(m.ReserveParts(**here, lines=(line,)), by="wes")
        assert (await reserved(at, "clamp"), (await at.request(request_id)).state) == (Decimal(quantity), state)
    again = await at.told(m.ReserveParts(**here, lines=(m.LineQuantity(line_no=1, quantity=Decimal(0)),)))
    assert again.code == "unchanged"


async def test_reserving_at_another_store_lets_the_first_go(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 8))
    other = StockLocation(id=at.org.new_id(), code="north", kind=LocationKind.STORE)
    await at.org.ok(d.SaveStockLocation(location=other), by="wes")
    here: dict[str, Any] = {"job_id": at.job.job_id, "request_id": request_id}
    await at.org.ok(m.ReserveParts(**here, store_id=at.store), by="wes")
    assert (await at.told(m.ReserveParts(**here, store_id=other.id))).code == "stock_short"
    assert await reserved(at, "clamp") == Decimal(8)


async def test_a_closed_request_frees_what_was_set_aside_and_gives_nothing_more(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 5))
    here: dict[str, Any] = {"job_id": at.job.job_id, "request_id": request_id}
    await at.org.ok(m.ReserveParts(**here, store_id=at.store), by="wes")
    await at.org.ok(m.CloseRequest(**here, reason="another part was used"), by="dan")
    request = await at.request(request_id)
    assert (request.state, request.reason, await reserved(at, "clamp")) == (
        RequestState.CLOSED,
        "another part was used",
        Decimal(0),
    )
    assert (await at.told(at.issuing(request_id))).code == "request_state"
    assert (await at.told(m.CloseRequest(**here))).code == "unchanged"
    await at.org.ok(at.moving(f.ReceivePart, "clamp", 1, request_id=request_id), by="amy")
    assert (await at.request(request_id)).lines[0].received == Decimal(1)


async def test_an_undecided_request_cannot_be_closed(at: Scene) -> None:
    request_id = await at.asked(at.line("clamp", 5))
    answer = await at.told(m.CloseRequest(job_id=at.job.job_id, request_id=request_id))
    assert (answer.code, answer.detail) == ("request_state", {"state": "waiting_approval"})


async def test_a_substitute_of_the_catalogue_takes_the_place_of_what_is_open(at: Scene) -> None:
    cheap = await at.catalogue("clamp-b", unit_cost=9)
    await at.catalogue("clamp-c", unit_cost=10, substitutes=(cheap,))
    request_id = await at.approved(at.line("clamp-c", 5, chargeable=True, price=Decimal(20)))
    await at.issued(request_id, m.IssueLine(line_no=1, quantity=Decimal(1)))
    instead = m.SubstitutePart(
        job_id=at.job.job_id, request_id=request_id, line_no=1, part_id=cheap, quantity=Decimal(4)
    )
    assert (await at.told(replace(instead, quantity=Decimal(5)))).code == "more_than_approved"
    await at.org.ok(instead, by="wes")
    request = await at.request(request_id)
    assert (request.lines[1].substitute_for, request.lines[1].price) == (1, Decimal(20))
    assert request.state is RequestState.PARTLY_ISSUED
    slip = await at.issued(request_id)
    assert [(line.line_no, line.part_id, line.quantity) for line in slip.lines] == [(2, cheap, Decimal(4))]
    assert (await at.request(request_id)).state is RequestState.ISSUED


async def test_a_dearer_part_or_one_the_catalogue_does_not_name_is_asked_for_anew(at: Scene) -> None:
    dear = await at.catalogue("clamp-d", unit_cost="10.01")
    await at.catalogue("clamp-e", unit_cost=10, substitutes=(dear,))
    request_id = await at.approved(at.line("clamp-e", 1))
    here: dict[str, Any] = {"job_id": at.job.job_id, "request_id": request_id, "line_no": 1, "quantity": Decimal(1)}
    assert (await at.told(m.SubstitutePart(**here, part_id=dear))).code == "substitute_dearer"
    assert (await at.told(m.SubstitutePart(**here, part_id=at.org.parts["clamp"]))).code == "not_a_substitute"


async def test_pieces_with_serials_are_issued_and_received_one_by_one(at: Scene) -> None:
    await at.catalogue("meter", serialised=True, part_class="meter")
    request_id = await at.approved(at.line("meter", 2))
    assert (await at.told(at.issuing(request_id))).code == "serials_missing"
    twice = m.IssueLine(line_no=1, quantity=Decimal(2), serials=("A1", "A1"))
    assert (await at.told(at.issuing(request_id, twice))).code == "serials_missing"
    slip = await at.issued(request_id, m.IssueLine(line_no=1, quantity=Decimal(2), serials=("A1", "A2")))
    came = at.moving(f.ReceivePart, "meter", 2, slip_id=slip.id, line_no=1, serials=("A1", "A2"), scanned=True)
    assert (await at.told(came, by="amy")).flags == ()
    assert (await at.told(came, by="amy")).code == "unchanged"
    slip = await stored.one(at.org, IssueSlip, slip.id)
    assert (slip.lines[0].received, slip.received_at) == (Decimal(2), NOW)
    assert (await at.told(at.moving(f.UsePart, "meter", 1), by="amy")).flags == (Flag.SERIAL_MISSING,)


async def test_a_lot_is_named_where_the_part_is_tracked_by_it(at: Scene) -> None:
    await at.catalogue("glue", lot_tracked=True)
    request_id = await at.approved(at.line("glue", 1))
    assert (await at.told(at.issuing(request_id))).code == "lot_required"
    slip = await at.issued(request_id, m.IssueLine(line_no=1, quantity=Decimal(1), lot="L7"))
    assert slip.lines[0].lot == "L7"
    assert (await at.told(at.moving(f.UsePart, "glue", 1), by="amy")).flags[:1] == (Flag.LOT_MISSING,)


async def test_parts_come_out_of_the_bin_that_is_named(at: Scene) -> None:
    shelf = StockLocation(id=at.org.new_id(), code="main-1", kind=LocationKind.BIN, parent_id=at.store)
    await at.org.ok(d.SaveStockLocation(location=shelf), by="wes")
    request_id = await at.approved(at.line("clamp", 1))
    line = m.IssueLine(line_no=1, quantity=Decimal(1), bin_id=shelf.id)
    assert (await at.told(at.issuing(request_id, line))).code == "stock_short"
    van = replace(line, bin_id=at.org.vans["beta"])
    assert (await at.told(at.issuing(request_id, van))).code == "unknown_reference"


async def test_without_a_store_the_default_one_is_meant(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 1))
    assert (await at.told(at.issuing(request_id, store_id=None))).code == "no_store"
    await at.rules()
    assert (await at.issued(request_id, store_id=None)).store_id == at.store


async def test_the_same_issue_sent_again_changes_nothing_and_another_with_its_id_is_refused(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 2))
    command = at.issuing(request_id, m.IssueLine(line_no=1, quantity=Decimal(1)))
    await at.org.ok(command, by="wes")
    assert (await at.told(command)).code == "unchanged"
    other = replace(command, lines=(m.IssueLine(line_no=1, quantity=Decimal("0.5")),))
    assert (await at.told(other)).code == "id_reused"
    assert await at.held("clamp") == Decimal(99)


async def test_a_store_takes_back_no_more_than_the_crew_returned(at: Scene) -> None:
    await at.org.ok(at.moving(f.ReturnPart, "clamp", 3), by="amy")

    def taking(quantity: str) -> m.TakeBackParts:
        line = m.TakeBackLine(move_id=at.org.new_id(), part_id=at.org.parts["clamp"], quantity=Decimal(quantity))
        return m.TakeBackParts(job_id=at.job.job_id, store_id=at.store, lines=(line,))

    await at.org.ok(taking("2"), by="wes")
    answer = await at.told(taking("1.5"))
    assert (answer.status, answer.code) == ("rejected", "not_returned")
    await at.org.ok(taking("1"), by="wes")
    assert (await at.held("clamp"), await at.held("clamp", place_id(at.org.id, RETURNED))) == (Decimal(103), Decimal(0))


@pytest.mark.parametrize("over", ["cancelled", "duplicate"])
async def test_a_job_that_is_called_off_frees_what_was_set_aside_and_takes_nothing_more(at: Scene, over: str) -> None:
    request_id = await at.approved(at.line("clamp", 3))
    here: dict[str, Any] = {"job_id": at.job.job_id, "request_id": request_id}
    await at.org.ok(m.ReserveParts(**here, store_id=at.store), m.PickParts(**here), by="wes")
    assert await reserved(at, "clamp") == Decimal(3)
    if over == "cancelled":
        await at.org.ok(d.CancelJob(job_id=at.job.job_id, reason="not needed"), by="dan")
    else:
        other = await at.org.assigned_job()
        await at.org.ok(d.MarkDuplicate(job_id=at.job.job_id, of_job_id=other.job_id), by="dan")
    assert await reserved(at, "clamp") == Decimal(0)
    request = await at.request(request_id)
    assert (request.state, request.lines[0].reserved, request.lines[0].picked) == (
        RequestState.APPROVED,
        Decimal(0),
        Decimal(0),
    )
    refused = [
        await at.told(each)
        for each in (m.ReserveParts(**here, store_id=at.store), m.PickParts(**here), at.issuing(request_id))
    ]
    assert [(answer.code, answer.detail["state"]) for answer in refused] == [("job_state", "cancelled")] * 3
    await at.org.ok(d.ReopenJob(job_id=at.job.job_id, reason="needed after all"), by="dan")
    await at.org.ok(m.ReserveParts(**here, store_id=at.store), at.issuing(request_id), by="wes")


async def test_a_job_that_is_closed_frees_what_was_set_aside_and_takes_nothing_more(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 3))
    here: dict[str, Any] = {"job_id": at.job.job_id, "request_id": request_id}
    await at.org.ok(m.ReserveParts(**here, store_id=at.store), by="wes")
    await at.org.ok(at.fact(f.StartWork), at.fact(f.CompleteVisit), by="amy")
    await at.org.ok(d.CloseJob(job_id=at.job.job_id, reason="done"), by="dan")
    assert await reserved(at, "clamp") == Decimal(0)
    assert (await at.told(at.issuing(request_id))).code == "job_already_closed"


async def test_an_issue_is_not_reversed_while_the_crew_has_it(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 3))
    slip = await at.issued(request_id)
    receipt = at.moving(f.ReceivePart, "clamp", 3, slip_id=slip.id, line_no=1)
    assert isinstance(receipt, f.ReceivePart)
    await at.org.ok(receipt, by="amy")
    reverse = s.ReverseMove(move_id=issued_move_id(slip.id, 1), reason="wrong job")
    assert (await at.told(reverse)).code == "issue_received"
    assert (await at.request(request_id)).lines[0].issued == Decimal(3)
    assert await at.held("clamp", place_id(at.org.id, TRANSIT)) == Decimal(0)
    await at.org.ok(s.ReverseMove(move_id=receipt.move_id, reason="never came"), reverse, by="wes")
    assert (await at.told(reverse)).code == "unchanged"
    assert await at.held("clamp", place_id(at.org.id, TRANSIT)) == Decimal(0)
    assert (await at.request(request_id)).state is RequestState.APPROVED


async def test_of_meters_only_those_that_the_crew_has_stay_issued(at: Scene) -> None:
    await at.catalogue("meter", serialised=True, part_class="meter")
    request_id = await at.approved(at.line("meter", 2))
    slip = await at.issued(request_id, m.IssueLine(line_no=1, quantity=Decimal(2), serials=("A", "B")))
    await at.org.ok(at.moving(f.ReceivePart, "meter", 1, slip_id=slip.id, line_no=1, serial="B"), by="amy")
    codes = []
    for number in (1, 0):
        issued = piece_id(issued_move_id(slip.id, 1), number)
        codes.append((await at.told(s.ReverseMove(move_id=issued, reason="wrong one"))).code)
    assert codes == ["issue_received", "ok"]


async def test_every_step_is_recorded_on_the_job(at: Scene) -> None:
    request_id = await at.approved(at.line("clamp", 1))
    await at.issued(request_id)
    names = [event.name for event in await stored.events(at.org, at.job.job_id)]
    assert names[-3:] == [EventName.PARTS_REQUESTED, EventName.REQUEST_APPROVED, EventName.PARTS_ISSUED]
