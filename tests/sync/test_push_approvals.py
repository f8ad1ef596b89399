"""Approvers who decide on a phone, offline included: the first decision to arrive wins, and whoever comes second learns of it."""

from datetime import timedelta

from mobile_contract.schema import approval_commands as a
from mobile_contract.schema import decisions as d
from mobile_contract.schema.approval import Approval, ApprovalState, Delegation
from sync.escalations import follow_delegations
from tests.arrange import NOW, Org
from tests.jobs.approvals import asked, now_of, shipped
from tests.sync import looking
from tests.sync.phone import Phone, phone_of

HOUR = timedelta(hours=1)


def approving(approval: Approval) -> d.Approve:
    return d.Approve(job_id=approval.job_id, approval_id=approval.id, reason="needed on site")


def rejecting(approval: Approval) -> d.Reject:
    return d.Reject(job_id=approval.job_id, approval_id=approval.id, reason="in stock")


async def codes(phone: Phone, now_h: float = 0) -> list[tuple[str, str]]:
    """Hand the queue in; gives status and code of each command."""
    outcomes = await phone.taken(phone.pending(0), now=NOW + now_h * HOUR)
    return [(outcome.status.value, outcome.code) for outcome in outcomes]


async def holds(org: Org, person: str, approval: Approval) -> bool:
    """Tell whether what the person's phone pulls has the approval and its request."""
    rows = await looking.rows(
        org,
        """select distinct m.kind from sync_scope s join sync_member m on m.org_id = $1 and m.bucket = s.bucket and not m.gone
        where s.org_id = $1 and s.person_id = $2 and s.to_at is null and m.id = any($3) order by 1""",
        org.people[person],
        [approval.id, approval.subject_id],
    )
    return [row["kind"] for row in rows] == ["approval", "material_request"]


async def test_an_approver_decides_without_a_network(org: Org) -> None:
    await shipped(org)
    approval = await asked(org, "60")
    assert await holds(org, "max", approval)
    assert not await holds(org, "eve", approval)
    phone = await phone_of(org, "max")
    phone.do(approving(approval), at=NOW)
    assert await codes(phone, 6) == [("applied", "ok")]
    done = await now_of(org, approval)
    assert (done.state, done.decided_by, done.decided_at) == (ApprovalState.APPROVED, org.people["max"], NOW + 6 * HOUR)
    assert not await holds(org, "max", approval)


async def test_of_two_who_decided_offline_the_first_to_arrive_wins_and_the_other_is_told_by_whom(org: Org) -> None:
    await shipped(org)
    approval = await asked(org, "60")
    lent = Delegation(
        id=org.new_id(), from_id=org.people["max"], to_id=org.people["dan"], from_at=NOW, to_at=NOW + 24 * HOUR
    )
    await org.ok(a.SaveDelegation(delegation=lent), by="max")
    await follow_delegations(org.pool, org.id, now=NOW)
    assert await holds(org, "dan", approval)
    early, late = await phone_of(org, "max"), await phone_of(org, "dan")
    early.do(approving(approval), at=NOW + HOUR)
    command = late.do(rejecting(approval), at=NOW + 2 * HOUR)
    assert await codes(late, 3) == [("applied", "ok")]
    assert await codes(early, 4) == [("rejected", "approval_decided")]
    done = await now_of(org, approval)
    assert (done.state, done.decided_by, done.acting_for_id) == (
        ApprovalState.REJECTED,
        org.people["dan"],
        org.people["max"],
    )
    outcome = await looking.outcome(org, early.queue[0].id)
    assert str(org.people["dan"]) in str(outcome["detail"])
    assert await codes(late, 5) == [("applied", "ok")]
    assert (await looking.outcome(org, command))["code"] == "ok"


async def test_the_same_decision_from_two_phones_of_one_person_is_one_decision(org: Org) -> None:
    await shipped(org)
    approval = await asked(org, "60")
    one, two = await phone_of(org, "max"), await phone_of(org, "max")
    one.do(approving(approval))
    two.do(approving(approval))
    assert [*await codes(one), *await codes(two)] == [("applied", "ok"), ("applied", "unchanged")]


async def test_a_decision_made_before_the_delegation_ended_counts_only_if_it_arrives_before(org: Org) -> None:
    await shipped(org)
    approval = await asked(org, "60")
    lent = Delegation(
        id=org.new_id(), from_id=org.people["max"], to_id=org.people["dan"], from_at=NOW, to_at=NOW + 2 * HOUR
    )
    await org.ok(a.SaveDelegation(delegation=lent), by="max")
    phone = await phone_of(org, "dan")
    phone.do(approving(approval), at=NOW + HOUR)
    assert await codes(phone, 2) == [("rejected", "not_the_approver")]
    assert (await now_of(org, approval)).state is ApprovalState.WAITING


async def test_on_a_crews_phone_office_roles_do_not_count_but_a_name_does(org: Org) -> None:
    await shipped(org)
    approval = await asked(org, "10", by="bob", job=await org.assigned_job("beta"))
    lent = Delegation(
        id=org.new_id(), from_id=org.people["eve"], to_id=org.people["amy"], from_at=NOW, to_at=NOW + 24 * HOUR
    )
    await org.ok(a.SaveDelegation(delegation=lent), by="eve")
    phone = Phone(org=org, enrolled=await org.device(crew="alpha"), author="amy")
    phone.do(approving(approval))
    assert await codes(phone) == [("applied", "ok")]
    assert (await now_of(org, approval)).acting_for_id == org.people["eve"]
