"""Make proposals: load a working day, plan it by kind, judge the plan. Writes nothing; committing one is `jobs.plan_commit`.

`load_day` reads inside the caller's transaction; `make` takes its time and asks nobody, for a thread of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from geo.planning.checker import check
from geo.planning.choosing import crews_near, crews_of_district
from geo.planning.explain import Explanation, explain
from geo.planning.ground import Ground
from geo.planning.insertion import URGENCY
from geo.planning.laying import Laid, Scope, lay_out
from geo.planning.measure import Move, MoveKind, planned_visits
from geo.planning.plan import Plan
from geo.planning.planners import INSERTION, RoutingPlanner
from geo.planning.problem import Problem
from geo.planning.proposal import Proposal, propose
from geo.planning.repair import insert_only, repair, stand
from geo.planning.routing import Solver
from geo.planning.rules import Broken
from geo.store.plan_rows import Chosen, Wanted, load_ground
from geo.travel import TravelTimes
from jobs.loading import load_organisation
from jobs.planning_rules import load_planning_rules
from jobs.store.storms import storm_levels
from mobile_contract.schema.base import Priority
from mobile_contract.schema.planning import PlanAsk, PlanKind, PlanningRules

# Seconds that a solver gets where nobody says: what an answer at a console may take.
_LIMIT_S: Final = {PlanKind.REPAIR: 2.0, PlanKind.STORM: 2.0}
_DAY_LIMIT_S: Final = 5.0
# For one urgent job nobody looks at more crews: those beyond are further away.
_NEAR: Final = 30
# An explanation tries a visit at every place of every crew's day.
_EXPLAINED: Final = 200
_FEWEST_EXPLAINED: Final = 3


class Day(Struct, frozen=True, kw_only=True):
    """A working day as it was read, and what is asked about it."""

    ask: PlanAsk
    scope: Scope
    ground: Ground
    rules: PlanningRules


class Made(Struct, frozen=True, kw_only=True, eq=False):
    """A proposal with what it was made from, the judge's word, and explanations of what changes first.

    `known` are the versions of all visits that stood when it was made, those outside the problem too; `left` the visits that nobody has by
    this plan.
    """

    kind: PlanKind
    known: dict[UUID, int]
    left: tuple[UUID, ...]
    laid: Laid
    until: datetime
    plan: Plan
    proposal: Proposal
    broken: tuple[Broken, ...]
    explained: dict[UUID, Explanation]

    @property
    def problem(self) -> Problem:
        """Give the problem that was planned."""
        return self.laid.problem


async def load_day(conn: asyncpg.Connection, org_id: UUID, ask: PlanAsk, *, plan_id: UUID, now: datetime) -> Day | None:
    """Load what a plan is made from, with the way of the organisation to plan; None where it is more than one plan can take."""
    organisation = await load_organisation(conn, org_id)
    zone = ZoneInfo(organisation.zone)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    # The last day ends when its night shift does.
    until = midnight + timedelta(days=ask.horizon_days, hours=6)
    # A repair is about what stands, unless jobs are named.
    named = ask.job_ids if ask.job_ids or ask.kind is PlanKind.REPAIR else None
    wanted = Wanted(
        now=now,
        until=until,
        day_began_at=midnight,
        zone=organisation.zone,
        district_id=ask.district_id,
        job_ids=named,
        absent_ids=frozenset(ask.absent_ids),
        chosen=partial(crews_of_plan, ask),
    )
    ground = await load_ground(conn, org_id, wanted)
    if ground is None:
        return None
    if not ask.job_ids:
        # In a storm what its level does not send waits; whoever names a job means it.
        levels = await storm_levels(conn, org_id)
        ground = replace(ground, jobs=tuple(job for job in ground.jobs if levels.sends(job.priority, job.district_id)))
    scope = Scope(
        plan_id=plan_id,
        until=until,
        days=ask.horizon_days,
        crew_ids=frozenset(ask.crew_ids),
        absent_ids=frozenset(ask.absent_ids),
    )
    return Day(ask=ask, scope=scope, ground=ground, rules=await load_planning_rules(conn, org_id))


def crews_of_plan(ask: PlanAsk, found: Chosen) -> frozenset[UUID] | None:
    """Choose whose days a plan looks at: those named, for an urgent job who is near, for a district who works there; None: everybody's."""
    if ask.crew_ids:
        return frozenset(ask.crew_ids)
    if ask.kind is PlanKind.URGENT and found.jobs:
        # Where nobody is near, everybody is asked why.
        return crews_near(found.shifts, found.jobs[0], found.districts, most=_NEAR) or None
    if ask.district_id is not None:
        return crews_of_district(found.shifts, ask.district_id, found.districts)
    return None


def make(day: Day, travel: TravelTimes, solver: Solver | None, *, now: datetime) -> Made:
    """Plan a day and judge the plan; without a solver by insertion alone."""
    laid = lay_out(day.ground, travel, day.rules, day.scope, now=now)
    if day.ask.kind is PlanKind.URGENT:
        laid = _pressing(laid)
    problem = laid.problem
    plan = _plan(problem, day.ask, solver)
    known = {p.visit_id for p in problem.current}
    before = replace(problem, visits=tuple(v for v in problem.visits if v.id in known))
    now_plan = stand(before).to_plan(planners=[INSERTION]) if known else None
    proposal = propose(problem, plan, now_plan=now_plan)
    left = plan.unassigned
    if day.ask.kind is PlanKind.URGENT and now_plan is not None:
        # What runs late anyway is no doing of the urgent job, and no part of its proposal.
        proposal = replace(proposal, moves=tuple(caused(proposal.moves, now_plan, told_s=problem.policy.told_shift_s)))
        left = tuple(id for id in left if id not in now_plan.unassigned)
    proposal = _told(proposal, laid)
    return Made(
        kind=day.ask.kind,
        known={visit.id: visit.plan_version for visit in day.ground.visits},
        left=left,
        laid=laid,
        until=day.scope.until,
        plan=plan,
        proposal=proposal,
        broken=check(problem, plan),
        explained=_explained(problem, plan, (*left, *(m.visit_id for m in proposal.steps))),
    )


def caused(moves: Iterable[Move], now_plan: Plan, *, told_s: int) -> Iterator[Move]:
    """Keep of a plan's moves what would not come about without it: `now_plan` is how the day goes on by itself."""
    by_itself = planned_visits(now_plan)
    for move in moves:
        if move.before is None:
            yield move
            continue
        other, after = by_itself.get(move.visit_id), move.after
        if other is None:
            continue
        same = after is not None and (after.crew_id, after.day) == (other.crew_id, other.day)
        if same and after is not None and abs(after.begin_s - other.begin_s) <= told_s:
            yield replace(move, kind=MoveKind.KEPT)
        else:
            yield move


def _pressing(laid: Laid) -> Laid:
    """Let the job that somebody calls urgent be so, whatever its priority: it may put out one that is less."""
    standing = {p.visit_id for p in laid.problem.current}
    visits = tuple(
        v if v.id in standing or v.priority is Priority.EMERGENCY else replace(v, priority=Priority.URGENT)
        for v in laid.problem.visits
    )
    return replace(laid, problem=replace(laid.problem, visits=visits))


def _plan(problem: Problem, ask: PlanAsk, solver: Solver | None) -> Plan:
    if ask.kind is PlanKind.URGENT and ask.limit_s is None:
        standing = {p.visit_id for p in problem.current}
        return insert_only(problem, [v.id for v in problem.visits if v.id not in standing])
    limit_s = ask.limit_s or _LIMIT_S.get(ask.kind, _DAY_LIMIT_S)
    # A day on which nothing stands has nothing to be kept: it is planned as a whole. A running one is never planned from scratch.
    if ask.kind is PlanKind.DAY and not problem.current and solver is not None:
        return RoutingPlanner(solver).plan(problem, limit_s=limit_s)
    return repair(problem, solver, limit_s=limit_s)


def _told(proposal: Proposal, laid: Laid) -> Proposal:
    """Count no visit as changed that gets its first time: nobody was told another one."""
    moves = tuple(
        replace(m, kind=MoveKind.KEPT) if m.kind is MoveKind.RETIMED and m.visit_id in laid.untimed else m
        for m in proposal.moves
    )
    changed = sum(m.before is not None and m.kind is not MoveKind.KEPT for m in moves)
    return replace(proposal, moves=moves, disruption=changed)


def _explained(problem: Problem, plan: Plan, visit_ids: Iterable[UUID]) -> dict[UUID, Explanation]:
    """Explain what nobody has and what changes, the most urgent first, as far as that is quick; the rest is explained when asked."""
    priority = {visit.id: URGENCY[visit.priority] for visit in problem.visits}
    most = max(_FEWEST_EXPLAINED, _EXPLAINED // max(1, len(problem.crews)))
    ranked = sorted(dict.fromkeys(visit_ids), key=lambda id: priority[id])[:most]
    return {id: explain(problem, plan, id) for id in ranked}
