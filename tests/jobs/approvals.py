"""Approvals in tests: a ladder, something asked for, a decision, a delegation, and where what waits is seen."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from jobs.policies import shipped_policies
from mobile_contract.rules.ladder import approval_id
from mobile_contract.schema import approval_commands as a
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import (
    Approval,
    ApproverRef,
    Band,
    Delegation,
    Policy,
    Step,
)
from mobile_contract.schema.material import RequestLine
from mobile_contract.schema.people import Person
from tests.arrange import NOW, Assigned, Org
from tests.jobs import stored
from tests.sync import looking

EVENING = NOW + timedelta(hours=11)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SATURDAY = NOW + timedelta(days=5)


async def shipped(org: Org, **fields: object) -> Policy:
    """Load the ladder that comes with the product, the newest of the organisation."""
    (policy,) = (p for p in shipped_policies(org.id, "CNY") if p.code == "repair_parts")
    policy = msgspec.structs.replace(policy, version=5, **fields)
    await org.ok(d.SavePolicy(policy=policy), by="ada")
    return policy


def ref(org: Org, name: str) -> ApproverRef:
    """Name a person as an approver."""
    return ApproverRef(person_id=org.people[name])


def one_band(*steps: Step) -> tuple[Band, ...]:
    """Make a ladder that has these steps for every amount."""
    return (Band(above=Decimal(0), steps=steps),)


def requesting(org: Org, job: Assigned, amount: str) -> f.RequestParts:
    """Ask for parts that cost so much: a pump's price is 80, so of it a fraction."""
    line = RequestLine(part_id=org.parts["pump"], quantity=Decimal(amount) / 80)
    return f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=org.new_id(), lines=(line,))


async def asked(
    org: Org, amount: str = "60", *, by: str = "amy", now: datetime = NOW, job: Assigned | None = None
) -> Approval:
    """Have parts of an amount asked for; 60 is the manager's."""
    command = requesting(org, job or await org.assigned_job(), amount)
    await org.ok(command, by=by, now=now)
    return await stored.one(org, Approval, approval_id(command.request_id))


async def decide(org: Org, approval: Approval, by: str, *, now: datetime = NOW, reject: bool = False) -> str:
    """Decide as a person at the console; gives the code."""
    command = (d.Reject if reject else d.Approve)(job_id=approval.job_id, approval_id=approval.id, reason="seen")
    (answer,) = await org.send(command, by=by, now=now)
    return "ok" if answer.took_effect and answer.code == "ok" else answer.code


async def now_of(org: Org, approval: Approval) -> Approval:
    """Read an approval again."""
    return await stored.one(org, Approval, approval.id)


def delegating(org: Org, from_: str, to: str, **fields: object) -> a.SaveDelegation:
    """Delegate from one to another, from an hour ago for three days."""
    made = Delegation(
        id=org.new_id(),
        from_id=org.people[from_],
        to_id=org.people[to],
        from_at=NOW - HOUR,
        to_at=NOW + 3 * DAY,
        reason="on leave",
    )
    return a.SaveDelegation(delegation=msgspec.structs.replace(made, **fields))


async def inboxes(org: Org, approval: Approval) -> set[str]:
    """Name the buckets beside the job's crew in which the approval is held."""
    rows = await looking.rows(
        org,
        "select bucket from sync_member where org_id = $1 and kind = 'approval' and id = $2 and not gone order by bucket",
        approval.id,
    )
    return {row["bucket"] for row in rows if not row["bucket"].startswith("crew/")}


async def person(org: Org, name: str) -> Person:
    """Read a person."""
    return await stored.one(org, Person, org.people[name])
