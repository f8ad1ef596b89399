"""For each command about approval: what has to be there, and arguments that would succeed for whoever may send it. Never says who may."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from uuid import UUID

from mobile_contract.schema import approval_commands as a
from mobile_contract.schema import decisions as d
from mobile_contract.schema.approval import Delegation, WorkCalendar
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.people import Role
from tests.arrange import NOW

if TYPE_CHECKING:
    from tests.security.scenes import Ground

HOUR: Final = timedelta(hours=1)
# Roles of which the ladder of these scenes has a band.
DECIDING: Final = (Role.ENGINEER, Role.MANAGER, Role.DEPUTY_GM, Role.DUTY_CHIEF)


def _waiting(g: "Ground") -> UUID:
    """Have something wait for the caller's role, or for the engineer, who has delegated it to the caller; in `other` for another role."""
    deciding = g.role if g.role in DECIDING else Role.ENGINEER
    another = Role.MANAGER if deciding is not Role.MANAGER else Role.ENGINEER
    if g.role not in DECIDING:
        g.first(a.SaveDelegation(delegation=_lent(g, g.holder.people[Role.ENGINEER.value], g.person)))
    return g.asked(another if g.column == "other" else deciding)


def _lent(g: "Ground", from_id: UUID, to_id: UUID, *, after: timedelta = -HOUR) -> Delegation:
    return Delegation(id=g.new(), from_id=from_id, to_id=to_id, from_at=NOW + after, to_at=NOW + after + 2 * HOUR)


def _approved(g: "Ground") -> Command:
    return d.Approve(approval_id=_waiting(g), job_id=g.job)


def _rejected(g: "Ground") -> Command:
    return d.Reject(approval_id=_waiting(g), job_id=g.job, reason="too dear")


def _asked(g: "Ground") -> Command:
    return a.AskApproval(job_id=g.sent().job, subject="budget", subject_id=g.new(), amount=Decimal(5))


def _escalated(g: "Ground") -> Command:
    return a.EscalateApproval(approval_id=g.asked(Role.ENGINEER), job_id=g.job, step=0)


def _calendar(g: "Ground") -> Command:
    return a.SaveCalendar(calendar=WorkCalendar(id=g.new(), code=g.code(), name=LocalText(en="New"), hours=()))


def _delegated(g: "Ground") -> Command:
    # Of another time than those by which the callers of other scenes decide.
    return a.SaveDelegation(delegation=_lent(g, g.person, g.holder.people["bob"], after=9000 * HOUR))


def _followed(g: "Ground") -> Command:
    lent = _lent(g, g.holder.people[Role.MANAGER.value], g.holder.people["bob"], after=8000 * HOUR)
    g.first(a.SaveDelegation(delegation=lent))
    return a.FollowDelegation(delegation_id=lent.id)


def _granted(g: "Ground") -> a.GrantAllowance:
    crew = g.holder.crews["alpha"]
    return a.GrantAllowance(allowance_id=g.new(), crew_id=crew, ceiling=Decimal(10), from_at=NOW, to_at=NOW + HOUR)


def _withdrawn(g: "Ground") -> Command:
    granted = _granted(g)
    g.first(granted)
    return a.WithdrawAllowance(allowance_id=granted.allowance_id, reason="lost phone")


SCENES: Final[dict[str, Callable[["Ground"], Command]]] = {
    "approve": _approved,
    "reject": _rejected,
    "ask_approval": _asked,
    "escalate_approval": _escalated,
    "save_calendar": _calendar,
    "save_delegation": _delegated,
    "follow_delegation": _followed,
    "grant_allowance": _granted,
    "withdraw_allowance": _withdrawn,
}
