"""An approver who is away: delegates and chains of them, circles, people who leave, and what waits too long."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import msgspec

from jobs.approval_names import FOLLOWED_AT_ONCE
from jobs.event import EventName
from mobile_contract.schema import approval_commands as a
from mobile_contract.schema import decisions as d
from mobile_contract.schema.approval import (
    Approval,
    ApproverRef,
    Delegation,
    Escalation,
    Step,
)
from mobile_contract.schema.people import Role
from sync.escalations import escalate_due, follow_delegations
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.approvals import (
    HOUR,
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


async def test_an_approver_who_is_away_is_stood_in_for_and_both_are_kept(org: Org) -> None:
    await shipped(org)
    before = await asked(org)
    await org.ok(delegating(org, "max", "dan"), by="max")
    assert await follow_delegations(org.pool, org.id, now=NOW) == 1
    assert await follow_delegations(org.pool, org.id, now=NOW) == 0
    after = await asked(org)
    for approval in (before, after):
        assert await inboxes(org, approval) == {"role/manager", f"me/{org.people['dan']}"}
        assert await decide(org, approval, "dan") == "ok"
        done = await now_of(org, approval)
        assert (done.decided_by, done.acting_for_id) == (org.people["dan"], org.people["max"])
    assert await decide(org, after, "max") == "approval_decided"


async def test_when_a_delegation_ends_the_delegate_sees_and_decides_no_more(org: Org) -> None:
    await shipped(org)
    command = delegating(org, "max", "dan", to_at=NOW + HOUR)
    await org.ok(command, by="max")
    await follow_delegations(org.pool, org.id, now=NOW)
    approval = await asked(org)
    assert f"me/{org.people['dan']}" in await inboxes(org, approval)
    assert await follow_delegations(org.pool, org.id, now=NOW + HOUR) == 1
    assert await inboxes(org, approval) == {"role/manager"}
    assert await decide(org, approval, "dan", now=NOW + HOUR) == "not_the_approver"


async def test_more_than_one_transaction_takes_is_followed_by_the_next_turns_of_the_timer(org: Org) -> None:
    job_id, count = await org.open_job(), FOLLOWED_AT_ONCE + 5
    about = [
        a.AskApproval(job_id=job_id, subject="budget", subject_id=org.new_id(), amount=Decimal(1)) for _ in range(count)
    ]
    for begin in range(0, count, 61):
        await org.ok(*about[begin : begin + 61], by="eve")
    await org.ok(delegating(org, "gus", "dan", to_at=NOW + HOUR), by="gus")

    async def shown_to_dan() -> int:
        dan = f"me/{org.people['dan']}"
        return sum(dan in each.inboxes for each in await stored.every(org, Approval))

    for begins, turns in ((NOW, [FOLLOWED_AT_ONCE, count]), (NOW + HOUR, [5, 0])):
        for turn, left in enumerate(turns):
            assert await follow_delegations(org.pool, org.id, now=begins + turn * timedelta(seconds=30)) == 1
            assert await shown_to_dan() == left
        assert await follow_delegations(org.pool, org.id, now=begins + timedelta(minutes=1)) == 0


async def test_a_delegation_that_is_ended_early_or_put_off_shows_nothing_any_more(org: Org) -> None:
    await shipped(org)
    command = delegating(org, "max", "dan")
    await org.ok(command, by="max")
    await follow_delegations(org.pool, org.id, now=NOW)
    approval = await asked(org)
    for span in ({"to_at": NOW}, {"from_at": NOW + 3 * HOUR, "to_at": NOW + 5 * HOUR}):
        await org.ok(command, by="max", now=NOW + HOUR)
        await follow_delegations(org.pool, org.id, now=NOW + HOUR)
        assert f"me/{org.people['dan']}" in await inboxes(org, approval)
        changed = msgspec.structs.replace(command.delegation, **span)
        # Changed twice before the timer comes: it is followed all the same.
        for reason in ("back", "back early"):
            await org.ok(
                a.SaveDelegation(delegation=msgspec.structs.replace(changed, reason=reason)), by="max", now=NOW + HOUR
            )
        assert await follow_delegations(org.pool, org.id, now=NOW + HOUR) == 1
        assert await inboxes(org, approval) == {"role/manager"}
        assert await follow_delegations(org.pool, org.id, now=NOW + HOUR) == 0
    assert await follow_delegations(org.pool, org.id, now=NOW + 3 * HOUR) == 1
    assert f"me/{org.people['dan']}" in await inboxes(org, approval)


async def test_a_delegation_lends_its_subjects_and_its_ceiling_only(org: Org) -> None:
    await shipped(org)
    small = delegating(org, "max", "dan", ceiling=Decimal(70), subjects=("material_request",))
    relief = delegating(org, "max", "eve", subjects=("relief",))
    await org.ok(small, relief, by="max")
    assert await decide(org, await asked(org, "70"), "eve") == "not_the_approver"
    assert await decide(org, await asked(org, "70"), "dan") == "ok"
    assert await decide(org, await asked(org, "80"), "dan") == "not_the_approver"


async def test_a_chain_of_delegates_ends_at_its_bound(org: Org) -> None:
    await shipped(org)
    await org.ok(delegating(org, "max", "eve"), by="max")
    await org.ok(delegating(org, "eve", "dan"), by="eve")
    await org.ok(delegating(org, "dan", "wes"), by="dan")
    (answer,) = await org.send(delegating(org, "wes", "cal"), by="wes")
    assert answer.code == "delegation_too_long"
    approval = await asked(org)
    assert await decide(org, approval, "cal") == "not_the_approver"
    assert await decide(org, approval, "wes") == "ok"
    assert (await now_of(org, approval)).acting_for_id == org.people["max"]


async def test_a_circle_of_delegates_is_refused(org: Org) -> None:
    await org.ok(delegating(org, "max", "eve"), by="max")
    await org.ok(delegating(org, "eve", "gus"), by="eve")
    for back in (("gus", "max"), ("eve", "max"), ("eve", "eve")):
        (answer,) = await org.send(delegating(org, *back), by=back[0])
        assert answer.code == "delegation_circle", back


async def test_of_two_delegations_that_close_a_circle_at_once_one_is_refused(org: Org) -> None:
    there, back = delegating(org, "max", "eve"), delegating(org, "eve", "max")
    answers = await asyncio.gather(org.send(there, by="max"), org.send(back, by="eve"))
    assert sorted(answer.code for (answer,) in answers) == ["delegation_circle", "ok"]


async def test_a_circle_that_came_about_all_the_same_is_harmless(org: Org) -> None:
    await shipped(org)
    await org.ok(delegating(org, "max", "eve"), by="max")
    async with org.pool.acquire() as conn, conn.transaction():
        await conn.execute("select set_config('onsite.org', $1, true)", str(org.id))
        await conn.execute(
            """insert into delegation (org_id, id, from_id, to_id, from_at, to_at, subjects, reason, roles, in_force)
            select org_id, $2, to_id, from_id, from_at, to_at, subjects, reason, '["engineer"]', false from delegation where org_id = $1""",
            org.id,
            org.new_id(),
        )
    assert await follow_delegations(org.pool, org.id, now=NOW) == 2
    approval = await asked(org)
    assert await inboxes(org, approval) == {"role/manager", *(f"me/{org.people[name]}" for name in ("eve", "max"))}
    assert await decide(org, approval, "eve") == "ok"


async def test_a_delegation_is_said_by_whom_it_is_from_or_an_administrator(org: Org) -> None:
    command = delegating(org, "max", "dan")
    (answer,) = await org.send(command, by="dan")
    assert answer.code == "delegation_not_yours"
    await org.ok(command, by="ada")
    shorter = msgspec.structs.replace(command.delegation, to_at=NOW + HOUR)
    await org.ok(a.SaveDelegation(delegation=shorter), by="max")
    other = msgspec.structs.replace(command.delegation, to_id=org.people["eve"])
    (moved,) = await org.send(a.SaveDelegation(delegation=other), by="max")
    assert moved.code == "id_reused"
    rows = await looking.rows(
        org, "select bucket from sync_member where org_id = $1 and kind = 'delegation' and not gone order by bucket"
    )
    assert {row["bucket"] for row in rows} == {f"me/{org.people[name]}" for name in ("max", "dan")}


async def test_whoever_leaves_neither_lends_nor_is_lent_anything_any_more(org: Org) -> None:
    await shipped(org)
    await org.ok(delegating(org, "max", "dan"), delegating(org, "gus", "max"), by="ada")
    await follow_delegations(org.pool, org.id, now=NOW)
    approval = await asked(org)
    await org.ok(d.OffboardPerson(person_id=org.people["max"]), by="ada")
    assert await decide(org, approval, "dan") == "not_the_approver"
    assert {each.to_at for each in await stored.every(org, Delegation)} == {NOW}
    assert await follow_delegations(org.pool, org.id, now=NOW) == 2
    assert await inboxes(org, approval) == {"role/manager"}


async def test_roles_that_a_person_loses_are_lent_no_longer(org: Org) -> None:
    await shipped(org)
    await org.ok(delegating(org, "max", "dan"), by="ada")
    await follow_delegations(org.pool, org.id, now=NOW)
    approval = await asked(org)
    await org.ok(
        d.SavePerson(person=msgspec.structs.replace(await person(org, "max"), roles=(Role.ENGINEER,))), by="ada"
    )
    assert await decide(org, approval, "dan") == "not_the_approver"
    assert await follow_delegations(org.pool, org.id, now=NOW) == 1
    assert await inboxes(org, approval) == {"role/manager"}


async def test_a_named_approver_who_leaves_hands_over_in_every_step(org: Org) -> None:
    steps = (Step(approvers=(ref(org, "eve"),)), Step(approvers=(ref(org, "max"),)))
    await shipped(org, bands=one_band(*steps))
    approval = await asked(org)
    await org.ok(d.OffboardPerson(person_id=org.people["max"]), by="ada")
    assert await decide(org, approval, "eve") == "ok"
    second = await now_of(org, approval)
    assert (second.role, second.person_id) == (Role.DUTY_CHIEF, None)
    assert await decide(org, approval, "cho") == "ok"
    later = await asked(org)
    assert [step.approvers[0].role for step in later.steps] == [None, Role.DEPUTY_GM]


async def test_what_waits_too_long_may_be_decided_by_the_stand_in_too(org: Org) -> None:
    await shipped(org, escalation=Escalation(after_min=30, to=ApproverRef(duty="duty_chief")))
    approval = await asked(org)
    assert approval.escalate_at == NOW + timedelta(minutes=30)
    assert await escalate_due(org.pool, org.id, now=NOW + timedelta(minutes=29)) == 0
    assert await decide(org, approval, "cho") == "not_the_approver"
    late = NOW + timedelta(minutes=30)
    assert await escalate_due(org.pool, org.id, now=late) == 1
    assert await escalate_due(org.pool, org.id, now=late + HOUR) == 0
    seen = await now_of(org, approval)
    assert (seen.escalated_at, seen.escalate_at) == (late, None)
    assert await inboxes(org, approval) == {"role/manager", f"me/{org.people['cho']}"}
    assert await decide(org, approval, "cho", now=late) == "ok"
    names = [event.name for event in await stored.events(org, approval.job_id)]
    assert names.count(EventName.APPROVAL_ESCALATED) == 1


async def test_the_time_counts_from_when_it_could_be_decided_and_anew_for_each_step(org: Org) -> None:
    steps = (Step(approvers=(ApproverRef(role=Role.MANAGER),)), Step(approvers=(ApproverRef(role=Role.DEPUTY_GM),)))
    await shipped(org, bands=one_band(*steps), escalation=Escalation(after_min=30, to=ref(org, "gus")))
    approval = await asked(org)
    later = NOW + timedelta(minutes=20)
    assert await decide(org, approval, "max", now=later) == "ok"
    assert (await now_of(org, approval)).escalate_at == later + timedelta(minutes=30)
    assert await escalate_due(org.pool, org.id, now=NOW + timedelta(minutes=40)) == 0


async def test_what_is_decided_or_asked_by_the_stand_in_is_not_escalated_to_them(org: Org) -> None:
    await shipped(org, escalation=Escalation(after_min=30, to=ref(org, "amy")))
    done, own = await asked(org), await asked(org)
    assert await decide(org, done, "max") == "ok"
    assert await escalate_due(org.pool, org.id, now=NOW + HOUR) == 1
    assert (await now_of(org, done)).escalated_at is None
    assert await inboxes(org, own) == {"role/manager", "role/deputy_gm"}
