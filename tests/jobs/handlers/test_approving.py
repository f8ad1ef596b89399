"""Approval through the whole server: scopes, work calendars, steps, own requests, the first decision, part of what was asked, other subjects."""

import asyncio
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from jobs.event import EventName
from jobs.policies import shipped_policies
from mobile_contract.rules.ladder import approval_id
from mobile_contract.schema import approval_commands as a
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import (
    Approval,
    ApprovalState,
    ApprovedLine,
    ApproverRef,
    Band,
    CalendarDay,
    Policy,
    Scope,
    Step,
    StepRule,
    WorkCalendar,
)
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.job import Job
from mobile_contract.schema.material import MaterialRequest, RequestLine
from mobile_contract.schema.outcome import Notice
from mobile_contract.schema.people import Duty, Role
from tests.arrange import NOW, ZONE, Assigned, Org
from tests.jobs import stored
from tests.jobs.approvals import (
    EVENING,
    HOUR,
    SATURDAY,
    asked,
    decide,
    delegating,
    inboxes,
    now_of,
    one_band,
    person,
    ref,
    shipped,
)
from tests.sync import looking


async def test_a_policy_of_the_site_holds_there_and_the_general_one_elsewhere(org: Org) -> None:
    await shipped(org)
    plaza = Policy(
        id=org.new_id(),
        code="plaza",
        version=1,
        currency="CNY",
        bands=one_band(Step(approvers=(ref(org, "gus"),))),
        scope=Scope(site_ids=(org.site,)),
        duty_chief_after_hours=False,
    )
    await org.ok(d.SavePolicy(policy=plaza), by="ada")
    there = org.new_id()
    await org.ok(d.OpenJob(job_id=there, job_type="repair", site_id=org.site, reported_at=NOW), by="dan")
    at_site = await asked(org, "10", job=Assigned(there, await org.assign(there)))
    assert (at_site.policy_code, at_site.person_id) == ("plaza", org.people["gus"])
    assert (await asked(org, "10")).policy_code == "repair_parts"


async def test_a_policy_of_a_district_holds_for_the_districts_below_it(org: Org) -> None:
    await shipped(org)
    city, west = org.new_id(), org.districts["west"]
    rows = await looking.rows(
        org, "select st_asgeojson(outline) shape from district where org_id = $1 and id = $2", west
    )
    square = '{"type":"Polygon","coordinates":[[[10,50],[10.1,50],[10.1,50.1],[10,50]]]}'
    await org.ok(d.SaveDistrict(district_id=city, code="city", name_en="City", outline_geojson=square), by="ada")
    below = d.SaveDistrict(
        district_id=west, code="west", name_en="West", parent_id=city, outline_geojson=rows[0]["shape"]
    )
    await org.ok(below, by="ada")
    of_city = Policy(
        id=org.new_id(),
        code="city",
        version=1,
        currency="CNY",
        bands=(Band(above=Decimal(0), role=Role.DEPUTY_GM),),
        scope=Scope(district_ids=(city,)),
        duty_chief_after_hours=False,
    )
    await org.ok(d.SavePolicy(policy=of_city), by="ada")
    job = await org.assigned_job(district="west")
    assert (await stored.one(org, Job, job.job_id)).district_id == west
    assert (await asked(org, "10", job=job)).policy_code == "city"
    assert (await asked(org, "10")).policy_code == "repair_parts"


async def test_a_policy_that_names_nobody_known_is_refused(org: Org) -> None:
    ghost = Step(approvers=(ApproverRef(person_id=org.new_id()),))
    for fields in (
        {"bands": one_band(ghost)},
        {"scope": Scope(site_ids=(org.new_id(),))},
        {"scope": Scope(district_ids=(org.new_id(),))},
    ):
        (policy,) = (p for p in shipped_policies(org.id, "CNY") if p.code == "repair_parts")
        (answer,) = await org.send(d.SavePolicy(policy=msgspec.structs.replace(policy, **fields)), by="ada")
        assert answer.code == "unknown_reference"


def work_calendar(org: Org, *days: CalendarDay) -> a.SaveCalendar:
    (policy,) = (p for p in shipped_policies(org.id, "CNY") if p.code == "repair_parts")
    name = LocalText(en="Work", zh="工作日历")
    return a.SaveCalendar(
        calendar=WorkCalendar(id=org.new_id(), code="work", name=name, hours=policy.working_hours, days=days)
    )


async def test_on_a_make_up_working_day_the_band_decides(org: Org) -> None:
    await shipped(org)
    saturday = SATURDAY.date()
    assert saturday == date(2026, 3, 7)
    await org.ok(work_calendar(org, CalendarDay(day=saturday, as_weekday=1)), by="ada")
    approval = await asked(org, "50", now=SATURDAY)
    assert (approval.role, approval.after_hours) == (Role.ENGINEER, False)


async def test_on_a_plain_saturday_and_on_a_holiday_the_duty_chief_decides(org: Org) -> None:
    await shipped(org)
    await org.ok(work_calendar(org, CalendarDay(day=NOW.date())), by="ada")
    for now in (SATURDAY, NOW):
        approval = await asked(org, "50", now=now)
        assert (approval.person_id, approval.after_hours) == (org.people["cho"], True)


async def test_a_calendar_gets_the_organisations_zone_and_reaches_every_phone(org: Org) -> None:
    command = work_calendar(org)
    await org.ok(command, by="ada")
    assert (await stored.one(org, WorkCalendar, command.calendar.id)).zone == ZONE
    (answer,) = await org.send(command, by="ada")
    assert answer.code == "unchanged"
    other = msgspec.structs.replace(command.calendar, id=org.new_id())
    (taken,) = await org.send(a.SaveCalendar(calendar=other), by="ada")
    assert taken.code == "code_taken"
    duty = (await stored.every(org, Duty))[0]
    policy = (await stored.every(org, Policy))[0]
    for kind, id in (("work_calendar", command.calendar.id), ("duty", duty.id), ("policy", policy.id)):
        rows = await looking.rows(
            org, "select bucket from sync_member where org_id = $1 and kind = $2 and id = $3 and not gone", kind, id
        )
        assert [row["bucket"] for row in rows] == ["ref"], kind


async def test_the_duty_chief_need_not_have_the_role(org: Org) -> None:
    await shipped(org)
    tonight = Duty(id=org.new_id(), person_id=org.people["wes"], from_at=EVENING - HOUR, to_at=EVENING + HOUR)
    await org.ok(d.SaveDuty(duty=tonight), by="dan")
    approval = await asked(org, "500", now=EVENING)
    assert approval.person_id == org.people["wes"]
    assert await decide(org, approval, "cho") == "not_the_approver"
    assert await decide(org, approval, "wes") == "ok"


async def test_nobody_but_an_administrator_puts_themselves_on_a_duty_roster(org: Org) -> None:
    await shipped(org)

    def on_duty(name: str) -> d.SaveDuty:
        from_at, to_at = EVENING - HOUR, EVENING + HOUR
        return d.SaveDuty(duty=Duty(id=org.new_id(), person_id=org.people[name], from_at=from_at, to_at=to_at))

    for name in ("dan", "max"):
        (answer,) = await org.send(on_duty(name), by=name)
        assert (answer.took_effect, answer.code) == (False, "duty_own")
    (mine,) = await stored.every(org, Duty)
    (taken,) = await org.send(d.SaveDuty(duty=msgspec.structs.replace(mine, person_id=org.people["dan"])), by="dan")
    assert taken.code == "duty_own"
    approval = await asked(org, "500", now=EVENING)
    assert approval.person_id == org.people["cho"]
    assert await decide(org, approval, "dan") == "not_the_approver"
    await org.ok(on_duty("ada"), by="ada")
    await org.ok(on_duty("dan"), by="max")


async def test_two_who_put_each_other_on_duty_do_not_decide_for_each_other(org: Org) -> None:
    await shipped(org, subject="water_on")
    job = await org.assigned_job()
    lines = {
        by: Duty(id=org.new_id(), person_id=org.people[chief], from_at=EVENING - begun * HOUR, to_at=EVENING + HOUR)
        for by, chief, begun in (("dan", "max", 1), ("max", "dan", 2))
    }

    async def asks(by: str) -> Approval:
        id = org.new_id()
        command = a.AskApproval(job_id=job.job_id, subject="water_on", subject_id=id, amount=Decimal(500))
        await org.ok(command, by=by, now=EVENING)
        return await stored.one(org, Approval, approval_id(id))

    for by, line in lines.items():
        # Who saved it is the server's to say.
        await org.ok(d.SaveDuty(duty=msgspec.structs.replace(line, saved_by=org.people["cho"])), by=by)
    approval = await asks("dan")
    assert approval.person_id == org.people["cho"]
    assert await decide(org, approval, "max", now=EVENING) == "not_the_approver"
    assert (await asks("max")).person_id == org.people["cho"]
    assert (await asks("eve")).person_id == org.people["max"]
    (again,) = await org.send(d.SaveDuty(duty=lines["dan"]), by="dan")
    assert again.code == "unchanged"
    # A phone sees it too: it names the same approver.
    bodies = await looking.rows(org, "select body from sync_doc where org_id = $1 and kind = 'duty'")
    told = {msgspec.json.decode(row["body"], type=Duty).saved_by for row in bodies}
    assert told == {None, org.people["dan"], org.people["max"]}
    await org.ok(d.SaveDuty(duty=lines["dan"]), by="ada")
    assert (await asks("dan")).person_id == org.people["max"]


async def test_nobody_approves_their_own_not_by_role_not_by_name_and_not_in_another_name(org: Org) -> None:
    await shipped(org)
    job = await org.assigned_job()
    await org.ok(
        d.SavePerson(person=msgspec.structs.replace(await person(org, "amy"), roles=(Role.TECHNICIAN, Role.ENGINEER))),
        by="ada",
    )
    org.roles[org.people["amy"]] = frozenset({Role.TECHNICIAN, Role.ENGINEER})
    own = await asked(org, "10", job=job)
    await org.ok(delegating(org, "eve", "amy"), delegating(org, "amy", "bob"), by="ada")
    assert await decide(org, own, "amy") == "own_request"
    assert await decide(org, own, "bob") == "not_the_approver"
    assert await decide(org, own, "eve") == "ok"


async def test_all_of_needs_every_one_and_each_step_its_own_inbox(org: Org) -> None:
    both = Step(approvers=(ApproverRef(role=Role.MANAGER), ref(org, "eve")), rule=StepRule.ALL_OF)
    await shipped(org, bands=one_band(both, Step(approvers=(ApproverRef(role=Role.DEPUTY_GM),))))
    approval = await asked(org)
    assert await inboxes(org, approval) == {"role/manager", f"me/{org.people['eve']}"}
    assert await decide(org, approval, "gus") == "not_the_approver"
    assert await decide(org, approval, "max") == "ok"
    assert await decide(org, approval, "max") == "unchanged"
    assert await inboxes(org, approval) == {f"me/{org.people['eve']}"}
    assert await decide(org, approval, "eve") == "ok"
    second = await now_of(org, approval)
    assert (second.state, second.step, second.role) == (ApprovalState.WAITING, 1, Role.DEPUTY_GM)
    assert await inboxes(org, approval) == {"role/deputy_gm"}
    assert await decide(org, approval, "gus") == "ok"
    done = await now_of(org, approval)
    assert (done.state, done.decided_by, done.inboxes) == (ApprovalState.APPROVED, org.people["gus"], ())
    assert await inboxes(org, approval) == set()
    names = [event.name for event in await stored.events(org, approval.job_id)]
    assert names.count(EventName.STEP_APPROVED) == 2
    assert names.count(EventName.REQUEST_APPROVED) == 1


async def test_one_of_many_rejects_for_all(org: Org) -> None:
    both = Step(approvers=(ApproverRef(role=Role.MANAGER), ApproverRef(role=Role.ENGINEER)), rule=StepRule.ALL_OF)
    await shipped(org, bands=one_band(both))
    approval = await asked(org)
    assert await decide(org, approval, "max") == "ok"
    assert await decide(org, approval, "eve", reject=True) == "ok"
    assert (await now_of(org, approval)).state is ApprovalState.REJECTED
    assert await decide(org, approval, "max", reject=True) == "approval_decided"


async def test_of_two_who_may_the_first_decides_and_the_second_is_told(org: Org) -> None:
    either = Step(approvers=(ApproverRef(role=Role.MANAGER), ApproverRef(role=Role.ENGINEER)))
    await shipped(org, bands=one_band(either))
    approval = await asked(org)
    answers = await asyncio.gather(decide(org, approval, "max"), decide(org, approval, "eve", reject=True))
    assert sorted(answers) == ["approval_decided", "ok"]
    assert (await now_of(org, approval)).decided_by == org.people["max" if answers[0] == "ok" else "eve"]
    (notice,) = (n for n in await stored.every(org, Notice) if n.person_id == org.people["amy"])
    assert notice.code == ("request_approved" if answers[0] == "ok" else "request_rejected")


async def test_part_of_what_was_asked_may_be_approved(org: Org) -> None:
    await shipped(org)
    job = await org.assigned_job()
    lines = (
        RequestLine(part_id=org.parts["clamp"], quantity=Decimal(2)),
        RequestLine(part_id=org.parts["pump"], quantity=Decimal("0.25")),
    )
    command = f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=org.new_id(), lines=lines)
    await org.ok(command, by="amy")
    approval_no = approval_id(command.request_id)

    def approving(*given: tuple[int, str]) -> d.Approve:
        part = tuple(ApprovedLine(line_no=no, quantity=Decimal(quantity)) for no, quantity in given)
        return d.Approve(job_id=job.job_id, approval_id=approval_no, lines=part)

    for wrong in ([(1, "3")], [(3, "1")], [(1, "0"), (2, "0")]):
        (answer,) = await org.send(approving(*wrong), by="eve")
        assert answer.code == "lines_invalid"
    await org.ok(approving((1, "1.5"), (2, "0")), by="eve")
    request = await stored.one(org, MaterialRequest, command.request_id)
    assert [line.approved for line in request.lines] == [Decimal("1.5"), Decimal(0)]
    assert [line.quantity for line in (await stored.one(org, Approval, approval_no)).lines] == [
        Decimal("1.5"),
        Decimal(0),
    ]


async def test_anything_may_be_asked_for_and_adds_up_by_subject(org: Org) -> None:
    bands = (
        Band(above=Decimal(0), up_to=Decimal(100_000), role=Role.MANAGER),
        Band(above=Decimal(100_000), role=Role.DEPUTY_GM),
    )
    policy = Policy(id=org.new_id(), code="W1", version=1, subject="water_on", currency="CNY", bands=bands)
    await org.ok(d.SavePolicy(policy=policy), by="ada")
    job = await org.assigned_job()
    await asked(org, "60", job=job)

    async def asking(amount: str, subject_id: UUID | None = None) -> tuple[str, Approval]:
        id = subject_id or org.new_id()
        command = a.AskApproval(job_id=job.job_id, subject="water_on", subject_id=id, amount=Decimal(amount))
        (answer,) = await org.send(command, by="dan")
        return answer.code, await stored.one(org, Approval, approval_id(id))

    code, first = await asking("100000")
    assert (code, first.role, first.amount) == ("ok", Role.MANAGER, Decimal(100_000))
    assert (await asking("100000", first.subject_id))[0] == "unchanged"
    assert (await asking("1", first.subject_id))[0] == "id_reused"
    assert (await asking("0.01"))[1].role is Role.DEPUTY_GM
    assert await decide(org, first, "dan") == "own_request"
    assert await decide(org, first, "max") == "ok"
    (notice,) = (n for n in await stored.every(org, Notice) if n.person_id == org.people["dan"])
    assert notice.code == "approval_approved"


@pytest.mark.parametrize(
    ("fields", "code"), [({"subject": "material_request"}, "invalid"), ({"amount": Decimal(-1)}, "number_invalid")]
)
async def test_parts_are_asked_for_with_their_lines_and_amounts_are_amounts(
    org: Org, fields: dict[str, object], code: str
) -> None:
    job = await org.assigned_job()
    command = a.AskApproval(job_id=job.job_id, subject="budget", subject_id=org.new_id(), amount=Decimal(1))
    (answer,) = await org.send(msgspec.structs.replace(command, **fields), by="dan")
    assert answer.code == code


async def test_what_was_approved_about_something_else_under_an_id_approves_no_parts(org: Org) -> None:
    await shipped(org)
    job, other = await org.assigned_job(), await org.assigned_job()
    line = RequestLine(part_id=org.parts["pump"], quantity=Decimal(100))
    command = f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=org.new_id(), lines=(line,))
    budget = a.AskApproval(job_id=job.job_id, subject="budget", subject_id=command.request_id, amount=Decimal(0))
    await org.ok(budget, by="amy")
    approval = await stored.one(org, Approval, approval_id(command.request_id))
    assert await decide(org, approval, "gus") == "ok"
    elsewhere = msgspec.structs.replace(command, job_id=other.job_id, visit_id=other.visit_id)
    for asking in (command, elsewhere):
        (answer,) = await org.send(asking, by="amy")
        assert (answer.took_effect, answer.code) == (False, "id_reused")
    (answer,) = await org.send(msgspec.structs.replace(budget, job_id=other.job_id), by="amy")
    assert (answer.took_effect, answer.code) == (False, "id_reused")
    assert not await stored.every(org, MaterialRequest)
