"""For each command about approval: who sends it, after what; for the comparison of snapshots and changes."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mobile_contract.rules.ladder import approval_id
from mobile_contract.schema import approval_commands as a
from mobile_contract.schema import decisions as d
from mobile_contract.schema.approval import ApproverRef, Band, CalendarDay, Delegation, Escalation, Policy, WorkCalendar
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.people import Role
from tests.arrange import NOW

if TYPE_CHECKING:
    from tests.sync.test_pull_commands import World

Case = Callable[["World"], Awaitable[tuple[str | None, Command]]]
DAY: Final = timedelta(days=1)


def _lent(w: "World", from_: str, to: str) -> Delegation:
    people = w.org.people
    return Delegation(id=w.org.new_id(), from_id=people[from_], to_id=people[to], from_at=NOW, to_at=NOW + DAY)


async def _asked(w: "World") -> UUID:
    """Have a budget asked for of which the engineer decides and the manager may a minute later."""
    policy = Policy(
        id=w.org.new_id(),
        code=f"b-{w.org.new_id().hex[:8]}",
        version=1,
        subject="budget",
        currency="CNY",
        bands=(Band(above=Decimal(0), role=Role.ENGINEER),),
        duty_chief_after_hours=False,
        escalation=Escalation(after_min=1, to=ApproverRef(role=Role.MANAGER)),
    )
    await w.org.ok(d.SavePolicy(policy=policy), by="ada")
    subject_id = w.org.new_id()
    before = NOW - timedelta(hours=1)
    asking = a.AskApproval(job_id=w.job_id, subject="budget", subject_id=subject_id, amount=Decimal(5))
    await w.org.ok(asking, by="dan", now=before)
    return approval_id(subject_id)


async def ask_approval(w: "World") -> tuple[str | None, Command]:
    """Ask for a budget."""
    return "dan", a.AskApproval(job_id=w.job_id, subject="budget", subject_id=w.org.new_id(), amount=Decimal(5))


async def escalate_approval(w: "World") -> tuple[str | None, Command]:
    """Let another decide what has waited too long."""
    return None, a.EscalateApproval(job_id=w.job_id, approval_id=await _asked(w), step=0)


async def save_calendar(w: "World") -> tuple[str | None, Command]:
    """Make a calendar with a day off."""
    days = (CalendarDay(day=date(2026, 10, 1)),)
    calendar = WorkCalendar(id=w.org.new_id(), code="work", name=LocalText(en="Work"), hours=(), days=days)
    return "ada", a.SaveCalendar(calendar=calendar)


async def save_delegation(w: "World") -> tuple[str | None, Command]:
    """Delegate to a technician."""
    return "max", a.SaveDelegation(delegation=_lent(w, "max", "amy"))


async def follow_delegation(w: "World") -> tuple[str | None, Command]:
    """Show a technician what waits for the engineer."""
    await _asked(w)
    lent = _lent(w, "eve", "bob")
    await w.org.ok(a.SaveDelegation(delegation=lent), by="eve")
    return None, a.FollowDelegation(delegation_id=lent.id)


def _granting(w: "World") -> a.GrantAllowance:
    crew = w.org.crews["alpha"]
    return a.GrantAllowance(
        allowance_id=w.org.new_id(), crew_id=crew, ceiling=Decimal(100), from_at=NOW, to_at=NOW + DAY
    )


async def grant_allowance(w: "World") -> tuple[str | None, Command]:
    """Grant the first allowance, which brings the key with it."""
    return "max", _granting(w)


async def withdraw_allowance(w: "World") -> tuple[str | None, Command]:
    """Withdraw an allowance."""
    granted = _granting(w)
    await w.org.ok(granted, by="max")
    return "max", a.WithdrawAllowance(allowance_id=granted.allowance_id)


CASES: Final[dict[str, Case]] = {
    case.__name__: case
    for case in (
        ask_approval,
        escalate_approval,
        save_calendar,
        save_delegation,
        follow_delegation,
        grant_allowance,
        withdraw_allowance,
    )
}
