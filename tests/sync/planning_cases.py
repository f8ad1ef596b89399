"""For each command about who goes and when: who sends it, after what; for the comparison of snapshots and changes."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mobile_contract.schema import decisions as d
from mobile_contract.schema import planning as p
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import LockKind, VisitLock
from tests.arrange import NOW
from tests.sync.board_cases import Case

if TYPE_CHECKING:
    from tests.sync.test_pull_commands import World


async def _reassign_visit(w: "World") -> tuple[str, Command]:
    return "dan", d.ReassignVisit(**w.of_visit, plan_version=1, crew_id=w.org.crews["beta"])


async def _claim_job(w: "World") -> tuple[str, Command]:
    return "amy", d.ClaimJob(job_id=await w.org.open_job("west"), visit_id=w.org.new_id())


async def _accept_visit(w: "World") -> tuple[str, Command]:
    return "amy", d.AcceptVisit(**w.of_visit, plan_version=1)


async def _lock_visit(w: "World") -> tuple[str, Command]:
    span = VisitLock(kind=LockKind.TIME_RANGE, from_at=NOW, to_at=NOW + timedelta(hours=2))
    return "dan", p.LockVisit(**w.of_visit, plan_version=1, lock=span)


async def _withdraw_visit(w: "World") -> tuple[str, Command]:
    return "dan", p.WithdrawVisit(**w.of_visit, plan_version=1, reason="planned anew")


async def _swap_visits(w: "World") -> tuple[str, Command]:
    other = await w.org.assigned_job("beta", "east")
    return "dan", p.SwapVisits(
        **w.of_visit,
        plan_version=1,
        other_job_id=other.job_id,
        other_visit_id=other.visit_id,
        other_plan_version=1,
    )


async def _save_planning_rules(w: "World") -> tuple[str, Command]:
    return "max", p.SavePlanningRules(rules=p.PlanningRules(id=w.org.new_id(), freeze_min=30))


CASES: Final[dict[str, Case]] = {
    "reassign_visit": _reassign_visit,
    "claim_job": _claim_job,
    "accept_visit": _accept_visit,
    "lock_visit": _lock_visit,
    "withdraw_visit": _withdraw_visit,
    "swap_visits": _swap_visits,
    "save_planning_rules": _save_planning_rules,
}
