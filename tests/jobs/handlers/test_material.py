"""Parts from request to return: who has to approve, what the van holds, in whatever order the reports come."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from jobs.event import EventName
from jobs.policies import shipped_policies
from jobs.stock_locations import CUSTOMER, RETURNED, TRANSIT, place_id
from mobile_contract.rules.ladder import approval_id
from mobile_contract.rules.stock import personal_van_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import Approval, ApprovalState
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import Flag
from mobile_contract.schema.material import MaterialRequest, Part, RequestLine, RequestState
from mobile_contract.schema.people import Crew, Duty, Role
from mobile_contract.schema.stock import StockLocation, StockMove
from sync.batch import HandlerFault
from tests.arrange import NOW, Assigned, Org
from tests.jobs import stored
from tests.jobs.phones import from_phone

EVENING = NOW + timedelta(hours=11)


def line(org: Org, code: str, quantity: str) -> RequestLine:
    return RequestLine(part_id=org.parts[code], quantity=Decimal(quantity))


def asking(org: Org, job: Assigned, *lines: RequestLine, urgent: bool = False) -> f.RequestParts:
    return f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=org.new_id(), lines=lines, urgent=urgent)


def receiving(org: Org, job: Assigned, code: str, quantity: str, request: UUID | None = None) -> f.ReceivePart:
    return f.ReceivePart(
        job_id=job.job_id,
        visit_id=job.visit_id,
        move_id=org.new_id(),
        request_id=request,
        part_id=org.parts[code],
        quantity=Decimal(quantity),
    )


def using(org: Org, job: Assigned, code: str, quantity: str) -> f.UsePart:
    return f.UsePart(
        job_id=job.job_id,
        visit_id=job.visit_id,
        move_id=org.new_id(),
        part_id=org.parts[code],
        quantity=Decimal(quantity),
    )


def returning(org: Org, job: Assigned, code: str, quantity: str) -> f.ReturnPart:
    return f.ReturnPart(
        job_id=job.job_id,
        visit_id=job.visit_id,
        move_id=org.new_id(),
        part_id=org.parts[code],
        quantity=Decimal(quantity),
    )


async def flags(org: Org, command: Command, *, by: str = "amy", now: datetime = NOW) -> tuple[str, ...]:
    (answer,) = await org.send(command, by=by, now=now)
    assert answer.took_effect, (answer.status, answer.code, answer.detail)
    return answer.flags


async def shipped_ladder(org: Org) -> None:
    for policy in shipped_policies(org.id, "CNY"):
        await org.ok(d.SavePolicy(policy=msgspec.structs.replace(policy, version=2)), by="ada")


async def asked(org: Org, job: Assigned, *lines: RequestLine, now: datetime = NOW, by: str = "amy") -> Approval:
    command = asking(org, job, *lines)
    await org.ok(command, by=by, now=now)
    return await stored.one(org, Approval, approval_id(command.request_id))


@pytest.mark.parametrize(
    ("code", "quantity", "role"),
    [
        ("clamp", "4", Role.ENGINEER),
        ("clamp", "4.0008", Role.MANAGER),
        ("clamp", "8", Role.MANAGER),
        ("clamp", "8.0008", Role.DEPUTY_GM),
    ],
    ids=["50", "50.01", "100", "100.01"],
)
async def test_the_amount_decides_who_approves(org: Org, code: str, quantity: str, role: Role) -> None:
    await shipped_ladder(org)
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, code, quantity))
    assert (approval.role, approval.person_id, approval.after_hours) == (role, None, False)
    assert (approval.policy_code, approval.policy_version) == ("repair_parts", 2)
    request = await stored.one(org, MaterialRequest, approval.subject_id)
    assert request.state is RequestState.WAITING_APPROVAL
    assert request.amount == request.day_total == approval.amount == Decimal(quantity) * Decimal("12.50")
    assert (request.currency, request.requested_by) == ("CNY", org.people["amy"])


async def test_after_hours_the_duty_chief_of_the_day_decides_about_any_amount(org: Org) -> None:
    await shipped_ladder(org)
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, "clamp", "1"), now=EVENING)
    assert (approval.role, approval.person_id, approval.after_hours) == (None, org.people["cho"], True)


async def test_after_hours_with_nobody_on_the_roster_the_role_of_duty_chief_decides(org: Org) -> None:
    await shipped_ladder(org)
    (duty,) = await stored.every(org, Duty)
    await org.ok(d.SaveDuty(duty=msgspec.structs.replace(duty, to_at=NOW)), by="ada")
    approval = await asked(org, await org.assigned_job(), line(org, "clamp", "1"), now=EVENING)
    assert (approval.role, approval.person_id) == (Role.DUTY_CHIEF, None)


async def test_splitting_an_amount_over_a_day_dodges_nothing(org: Org) -> None:
    await shipped_ladder(org)
    job = await org.assigned_job()
    first = await asked(org, job, line(org, "clamp", "4"))
    second = await asked(org, job, line(org, "clamp", "4"), now=NOW + timedelta(hours=1))
    third = await asked(org, job, line(org, "clamp", "0.5"), now=NOW + timedelta(hours=2), by="ali")
    assert [a.role for a in (first, second, third)] == [Role.ENGINEER, Role.MANAGER, Role.DEPUTY_GM]
    assert [a.amount for a in (first, second, third)] == [Decimal(50), Decimal(100), Decimal("106.25")]
    elsewhere = await asked(org, await org.assigned_job(), line(org, "clamp", "1"))
    tomorrow = await asked(org, job, line(org, "clamp", "1"), now=NOW + timedelta(days=1))
    assert elsewhere.role is tomorrow.role is Role.ENGINEER


async def test_requests_of_one_batch_add_up_too(org: Org) -> None:
    job = await org.assigned_job()
    commands = [asking(org, job, line(org, "clamp", "4")) for _ in range(3)]
    await org.ok(*commands, by="amy")
    found = [await stored.one(org, Approval, approval_id(c.request_id)) for c in commands]
    assert [a.role for a in found] == [Role.ENGINEER, Role.MANAGER, Role.DEPUTY_GM]


async def test_the_price_is_the_one_of_the_day_it_was_asked(org: Org) -> None:
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, "clamp", "1"))
    part = await stored.one(org, Part, org.parts["clamp"])
    await org.ok(d.SavePart(part=msgspec.structs.replace(part, unit_cost=Decimal(99))), by="wes")
    request = await stored.one(org, MaterialRequest, approval.subject_id)
    assert request.lines[0].unit_cost == Decimal("12.50")


async def test_without_a_policy_the_request_waits_for_whoever_may_decide_any_amount(org: Org) -> None:
    async with org.pool.acquire() as conn, conn.transaction():
        await conn.execute("select set_config('onsite.org', $1, true)", str(org.id))
        await conn.execute("delete from policy where org_id = $1", org.id)
    job = await org.assigned_job()
    command = asking(org, job, line(org, "clamp", "1"))
    assert await flags(org, command) == (Flag.NO_POLICY,)
    approval = await stored.one(org, Approval, approval_id(command.request_id))
    assert (approval.role, approval.policy_code, approval.policy_version) == (Role.DEPUTY_GM, "none", 0)


async def test_the_same_request_is_the_same_fact(org: Org) -> None:
    job = await org.assigned_job()
    command = asking(org, job, line(org, "clamp", "1"))
    await org.ok(command, by="amy")
    (again,) = await from_phone(org, command, by="amy", now=NOW + timedelta(hours=1))
    assert (again.status, again.code) == ("applied", "unchanged")
    other = msgspec.structs.replace(command, lines=(line(org, "clamp", "2"),))
    (reused,) = await from_phone(org, other, by="amy")
    assert (reused.status, reused.code) == ("quarantined", "id_reused")
    assert len(await stored.of_job(org, MaterialRequest, job.job_id)) == 1


async def test_an_id_that_another_job_used_is_put_aside(org: Org) -> None:
    one, two = await org.assigned_job(), await org.assigned_job()
    command = using(org, one, "clamp", "1")
    await org.ok(command, by="amy")
    stolen = msgspec.structs.replace(command, job_id=two.job_id, visit_id=two.visit_id)
    (answer,) = await from_phone(org, stolen, by="amy")
    assert (answer.status, answer.code) == ("quarantined", "id_reused")
    assert await stored.of_job(org, StockMove, two.job_id) == []


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity", "1E+12", "0.0000001"])
async def test_a_quantity_that_cannot_be_is_put_aside_whole(org: Org, quantity: str) -> None:
    job = await org.assigned_job()
    commands = [asking(org, job, line(org, "clamp", quantity)), using(org, job, "clamp", quantity)]
    for answer in await from_phone(org, *commands):
        assert (answer.status, answer.code) == ("quarantined", "quantity_invalid")
    assert await stored.of_job(org, StockMove, job.job_id) == []


async def test_an_unknown_part_is_put_aside_whole(org: Org) -> None:
    job = await org.assigned_job()
    org.parts["ghost"] = org.new_id()
    commands = [asking(org, job, line(org, "ghost", "1")), receiving(org, job, "ghost", "1")]
    for answer in await from_phone(org, *commands):
        assert (answer.status, answer.code) == ("quarantined", "unknown_reference")


async def test_parts_move_from_transit_to_the_van_to_the_customer_or_back(org: Org) -> None:
    job = await org.assigned_job()
    come, built_in, back = (
        receiving(org, job, "clamp", "3"),
        using(org, job, "clamp", "2"),
        returning(org, job, "clamp", "1"),
    )
    await org.ok(come, built_in, back, by="amy")
    moves = [await stored.one(org, StockMove, id) for id in (come.move_id, built_in.move_id, back.move_id)]
    van = org.vans["alpha"]
    assert [(m.from_location_id, m.to_location_id, m.quantity) for m in moves] == [
        (place_id(org.id, TRANSIT), van, Decimal(3)),
        (van, place_id(org.id, CUSTOMER), Decimal(2)),
        (van, place_id(org.id, RETURNED), Decimal(1)),
    ]
    assert {m.actor_id for m in moves} == {org.people["amy"]}
    names = [e.name for e in await stored.events(org, job.job_id)]
    assert names[-3:] == [EventName.PART_RECEIVED, EventName.PART_USED, EventName.PART_RETURNED]


async def test_a_van_may_go_below_zero_and_that_is_flagged(org: Org) -> None:
    job = await org.assigned_job()
    assert await flags(org, receiving(org, job, "clamp", "2")) == ()
    assert await flags(org, using(org, job, "clamp", "2")) == ()
    assert await flags(org, using(org, job, "clamp", "0.5")) == (Flag.VAN_BELOW_ZERO,)
    assert await flags(org, receiving(org, job, "clamp", "1")) == ()
    assert await flags(org, returning(org, job, "clamp", "0.5")) == ()


async def test_a_van_is_one_van_whatever_job_its_parts_came_with(org: Org) -> None:
    one, two = await org.assigned_job(), await org.assigned_job()
    await org.ok(receiving(org, one, "clamp", "5"), by="amy")
    assert await flags(org, using(org, two, "clamp", "5"), by="ali") == ()
    assert await flags(org, using(org, one, "clamp", "1")) == (Flag.VAN_BELOW_ZERO,)


async def test_the_balance_is_exact_within_a_batch(org: Org) -> None:
    job = await org.assigned_job()
    commands = [receiving(org, job, "clamp", "2"), *(using(org, job, "clamp", "1") for _ in range(3))]
    answers = await org.send(*commands, by="amy")
    assert [a.flags for a in answers] == [(), (), (), (Flag.VAN_BELOW_ZERO,)]


async def test_two_jobs_at_once_cannot_both_take_the_last_part(org: Org) -> None:
    jobs = [await org.assigned_job() for _ in range(6)]
    await org.ok(receiving(org, jobs[0], "clamp", "3"), by="amy")
    answers = await asyncio.gather(*(org.send(using(org, job, "clamp", "1"), by="amy") for job in jobs))
    short = [a for (a,) in answers if Flag.VAN_BELOW_ZERO in a.flags]
    assert len(short) == 3


async def test_the_first_uses_of_a_van_that_is_no_location_yet_do_not_collide(org: Org) -> None:
    crew = await stored.one(org, Crew, org.crews["alpha"])
    await org.ok(d.SaveCrew(crew=msgspec.structs.replace(crew, van_id=None)), by="ada")
    jobs = [await org.assigned_job() for _ in range(4)]
    answers = await asyncio.gather(*(org.send(using(org, job, "clamp", "1"), by="amy") for job in jobs))
    assert all(a.took_effect and Flag.VAN_BELOW_ZERO in a.flags for (a,) in answers)
    van = await stored.one(org, StockLocation, personal_van_id(org.id, org.people["amy"]))
    assert (van.kind, van.name) == ("van", "Amy")
    moves = [m for job in jobs for m in await stored.of_job(org, StockMove, job.job_id)]
    assert {m.from_location_id for m in moves} == {van.id}


async def test_receipts_fill_an_approved_request(org: Org) -> None:
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, "clamp", "3"))
    await org.ok(d.Approve(job_id=job.job_id, approval_id=approval.id), by="eve")
    request_id = approval.subject_id
    assert await flags(org, receiving(org, job, "clamp", "1", request_id)) == ()
    request = await stored.one(org, MaterialRequest, request_id)
    assert (request.state, request.lines[0].received) == (RequestState.PARTLY_RECEIVED, Decimal(1))
    assert await flags(org, receiving(org, job, "clamp", "2", request_id)) == ()
    request = await stored.one(org, MaterialRequest, request_id)
    assert (request.state, request.lines[0].received) == (RequestState.RECEIVED, Decimal(3))
    assert await flags(org, receiving(org, job, "clamp", "1", request_id)) == (Flag.MORE_THAN_REQUESTED,)
    assert await flags(org, receiving(org, job, "pump", "1", request_id)) == (Flag.MORE_THAN_REQUESTED,)


async def test_a_receipt_before_the_approval_counts_and_is_flagged(org: Org) -> None:
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, "clamp", "1"))
    assert await flags(org, receiving(org, job, "clamp", "1", approval.subject_id)) == (Flag.NOT_APPROVED,)
    request = await stored.one(org, MaterialRequest, approval.subject_id)
    assert (request.state, request.lines[0].received) == (RequestState.WAITING_APPROVAL, Decimal(1))
    await org.ok(d.Approve(job_id=job.job_id, approval_id=approval.id), by="eve")
    request = await stored.one(org, MaterialRequest, approval.subject_id)
    assert request.state is RequestState.RECEIVED


async def test_a_receipt_on_a_rejected_request_counts_and_is_flagged(org: Org) -> None:
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, "clamp", "1"))
    await org.ok(d.Reject(job_id=job.job_id, approval_id=approval.id, reason="use the old one"), by="eve")
    assert await flags(org, receiving(org, job, "clamp", "1", approval.subject_id)) == (Flag.NOT_APPROVED,)
    request = await stored.one(org, MaterialRequest, approval.subject_id)
    assert (request.state, request.lines[0].received) == (RequestState.REJECTED, Decimal(1))


async def test_a_receipt_that_comes_before_its_request_is_found_by_it(org: Org) -> None:
    job = await org.assigned_job()
    command = asking(org, job, line(org, "clamp", "2"))
    early = receiving(org, job, "clamp", "2", command.request_id)
    assert await flags(org, early, by="ali") == (Flag.NOT_APPROVED,)
    await org.ok(command, by="amy")
    request = await stored.one(org, MaterialRequest, command.request_id)
    assert request.lines[0].received == Decimal(2)


async def test_a_request_after_a_cancellation_is_kept_and_flagged(org: Org) -> None:
    job = await org.assigned_job()
    await org.ok(d.CancelJob(job_id=job.job_id, reason="nothing there"), by="dan")
    assert Flag.AFTER_CANCEL in await flags(org, asking(org, job, line(org, "clamp", "1")))


async def test_the_first_decision_wins_and_the_second_is_answered_with_it(org: Org) -> None:
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, "clamp", "1"))
    yes = d.Approve(job_id=job.job_id, approval_id=approval.id, reason="fine")
    no = d.Reject(job_id=job.job_id, approval_id=approval.id, reason="no")
    await org.ok(yes, by="eve")
    (again,) = await org.send(yes, by="eve")
    assert (again.status, again.code) == ("applied", "unchanged")
    (second,) = await org.send(no, by="eve")
    assert (second.status, second.code) == ("rejected", "approval_decided")
    assert second.detail == {"state": "approved", "by": str(org.people["eve"])}
    decided = await stored.one(org, Approval, approval.id)
    assert (decided.state, decided.decided_by, decided.decided_at, decided.reason) == (
        ApprovalState.APPROVED,
        org.people["eve"],
        NOW,
        "fine",
    )
    names = [e.name for e in await stored.events(org, job.job_id)]
    assert names.count(EventName.REQUEST_APPROVED) == 1 and EventName.REQUEST_REJECTED not in names


async def test_of_two_decisions_at_once_one_wins(org: Org) -> None:
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, "clamp", "1"))
    answers = await asyncio.gather(
        org.send(d.Approve(job_id=job.job_id, approval_id=approval.id), by="eve"),
        org.send(d.Reject(job_id=job.job_id, approval_id=approval.id, reason="no"), by="eve"),
    )
    assert sorted(a.status for (a,) in answers) == ["applied", "rejected"]


@pytest.mark.parametrize("by", ["max", "gus", "cho"])
async def test_only_whom_the_ladder_names_may_decide(org: Org, by: str) -> None:
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, "clamp", "1"))
    (answer,) = await org.send(d.Approve(job_id=job.job_id, approval_id=approval.id), by=by)
    assert (answer.status, answer.code, answer.detail) == ("rejected", "not_the_approver", {"role": "engineer"})


async def test_after_hours_only_the_person_on_the_roster_may_decide(org: Org) -> None:
    await shipped_ladder(org)
    job = await org.assigned_job()
    approval = await asked(org, job, line(org, "clamp", "1"), now=EVENING)
    command = d.Approve(job_id=job.job_id, approval_id=approval.id)
    (engineer,) = await org.send(command, by="eve", now=EVENING)
    assert (engineer.code, engineer.detail) == ("not_the_approver", {"person_id": str(org.people["cho"])})
    await org.ok(command, by="cho", now=EVENING)


async def test_nobody_approves_their_own(org: Org) -> None:
    job = await org.assigned_job()
    org.roles[org.people["amy"]] = frozenset({Role.TECHNICIAN, Role.ENGINEER})
    approval = await asked(org, job, line(org, "clamp", "1"))
    (answer,) = await org.send(d.Approve(job_id=job.job_id, approval_id=approval.id), by="amy")
    assert (answer.status, answer.code) == ("rejected", "own_request")


async def test_an_approval_of_another_job_is_unknown(org: Org) -> None:
    one, two = await org.assigned_job(), await org.assigned_job()
    approval = await asked(org, one, line(org, "clamp", "1"))
    (answer,) = await org.send(d.Approve(job_id=two.job_id, approval_id=approval.id), by="eve")
    assert (answer.status, answer.code) == ("rejected", "unknown_reference")


async def test_a_use_in_a_batch_that_sends_the_crew_first_is_run_by_itself_and_not_put_aside(org: Org) -> None:
    job_id, visit_id = await org.open_job("east"), org.new_id()
    sent = d.AssignVisit(job_id=job_id, visit_id=visit_id, crew_id=org.crews["beta"])
    command = using(org, Assigned(job_id, visit_id), "clamp", "1")
    with pytest.raises(HandlerFault):
        await org.send(sent, command)
    await org.ok(sent)
    await org.ok(command)
    move = await stored.one(org, StockMove, command.move_id)
    assert move.from_location_id == org.vans["beta"]
