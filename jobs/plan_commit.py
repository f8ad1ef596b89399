"""Commit proposals: what of one still holds, and the commands that make it so. Decides nothing about a visit: its command does.

What crews did in the field wins: a change whose visit they have begun or accepted since is overtaken and left out, with what depends on it.
Where somebody else planned these crews meanwhile, nothing of the proposal is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from geo.planning.laying import STANDING, UNDER_WAY
from geo.planning.measure import MoveKind
from geo.store.plan_rows import Standing, load_job_states, load_standing
from jobs.planning import Made
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import AssignVisit, PlanVisit, ReassignVisit
from mobile_contract.schema.job import JobState, VisitLock, VisitState
from mobile_contract.schema.planning import WithdrawVisit

# Plans are committed one after the other: two that give a crew work name other jobs, and neither would see what the other gives.
_LOCK_PLANS: Final = "select pg_advisory_xact_lock(hashtextextended('plans/' || $1::uuid, 0))"
_LOCK_JOBS: Final = "select id from job where org_id = $1 and id = any($2) order by id for update"
_OPEN_JOBS: Final = frozenset({JobState.READY, JobState.SCHEDULED, JobState.IN_PROGRESS, JobState.ON_HOLD})
_THOUGHT: Final = frozenset({VisitState.TENTATIVE, VisitState.SCHEDULED})


class Why(StrEnum):
    """Why a change no longer holds. The last two are the doing of somebody who plans: then nothing of the proposal is done."""

    VISIT_UNDER_WAY = "visit_under_way"
    VISIT_STATE = "visit_state"
    VISIT_ACCEPTED = "visit_accepted"
    JOB_STATE = "job_state"
    JOB_ALREADY_CLAIMED = "job_already_claimed"
    CREW_BUSY = "crew_busy"
    VISIT_FROZEN = "visit_frozen"
    TIME_PASSED = "time_passed"
    DEPENDS_ON_OVERTAKEN = "depends_on_overtaken"
    PLAN_CHANGED = "plan_changed"


# The crew still has it, whatever the plan wanted.
_KEEPS: Final = frozenset({Why.VISIT_UNDER_WAY, Why.VISIT_ACCEPTED, Why.VISIT_FROZEN, Why.DEPENDS_ON_OVERTAKEN})


class Step(Struct, frozen=True, kw_only=True):
    """A change of a proposal as it is kept: what it starts from, what it leads to.

    `state`, `plan_version` and `lock` are those of the visit when the plan was made, absent for a visit that there was none of. Owners are
    crews, or persons who have none.
    """

    visit_id: UUID
    job_id: UUID
    kind: MoveKind
    state: VisitState | None = None
    plan_version: int | None = None
    lock: VisitLock | None = None
    from_owner: UUID | None = None
    owner: UUID | None = None
    by_person: bool = False
    begin_at: datetime | None = None
    end_at: datetime | None = None
    later: bool = False


class Basis(Struct, frozen=True, kw_only=True):
    """What a commit needs of a proposal. `known` are the versions of all visits that stood, by visit; `members` the crews of people on shift.

    By the time of the commit a visit may have come so near that it is frozen, and a new begin may lie further back than anybody is told.
    """

    made_at: datetime
    until: datetime
    freeze: timedelta
    told: timedelta
    steps: tuple[Step, ...]
    known: dict[UUID, int]
    members: dict[UUID, UUID] = {}


class Overtaken(Struct, frozen=True):
    """A change that no longer holds, and the visit as it is now, where it is."""

    step: Step
    why: Why
    now: Standing | None


class Settled(Struct, frozen=True):
    """What still holds of the changes that are to be committed."""

    valid: tuple[Step, ...]
    overtaken: tuple[Overtaken, ...]

    @property
    def outdated(self) -> bool:
        """Tell whether somebody else planned meanwhile: then nothing is to be done."""
        return any(each.why is Why.PLAN_CHANGED for each in self.overtaken)


def basis_of(made: Made) -> Basis:
    """Keep of a proposal what its commit needs."""
    laid, problem = made.laid, made.problem
    held = {visit.id for visit in problem.visits if laid.jobs[visit.id].state is JobState.ON_HOLD}
    ends = {s.visit_id: s.end_s for route in made.plan.routes for s in route.stops if s.visit_id is not None}
    steps = []
    for move in made.proposal.steps:
        row = laid.rows.get(move.visit_id)
        after = move.after
        steps.append(
            Step(
                visit_id=move.visit_id,
                job_id=laid.jobs[move.visit_id].id,
                kind=move.kind,
                state=None if row is None else row.state,
                plan_version=None if row is None else row.plan_version,
                lock=None if row is None else row.lock,
                from_owner=None if move.before is None else move.before.crew_id,
                owner=None if after is None else after.crew_id,
                by_person=after is not None and after.crew_id in laid.persons,
                begin_at=None if after is None else problem.at(after.begin_s),
                end_at=None if after is None else problem.at(ends[move.visit_id]),
                later=after is not None and (after.day > 0 or move.visit_id in held),
            )
        )
    return Basis(
        made_at=problem.now,
        until=made.until,
        freeze=timedelta(seconds=problem.policy.freeze_s),
        told=timedelta(seconds=problem.policy.told_shift_s),
        steps=tuple(steps),
        known=made.known,
        members=laid.members,
    )


async def settle(
    conn: asyncpg.Connection, org_id: UUID, basis: Basis, steps: Sequence[Step], *, now: datetime
) -> Settled:
    """Lock the jobs of some changes and tell what still holds of these.

    The locks protect against another commit, and against a report that comes in between the looking and the commands.
    """
    await conn.execute(_LOCK_PLANS, org_id)
    job_ids = sorted({step.job_id for step in steps})
    await conn.execute(_LOCK_JOBS, org_id, job_ids)
    owners = {owner for step in steps for owner in (step.owner,) if owner is not None}
    # What somebody of a crew has by name keeps the crew busy, as it did when the plan was made.
    owners |= {person for person, crew in basis.members.items() if crew in owners}
    standing = await load_standing(
        conn, org_id, visit_ids=[s.visit_id for s in steps], job_ids=job_ids, owners=owners, until=basis.until
    )
    jobs = await load_job_states(conn, org_id, job_ids)
    return judge(basis, steps, (standing, jobs), at=now)


def judge(
    basis: Basis, steps: Sequence[Step], known: tuple[Iterable[Standing], dict[UUID, JobState]], *, at: datetime
) -> Settled:
    """Tell what still holds at an instant, from how visits and jobs stand then."""
    standing, jobs = known
    now = {visit.id: visit for visit in standing}
    lost: dict[UUID, Why] = {}
    for step in steps:
        why = (
            _step_lost(basis, step, (now, jobs))
            or _crew_lost(basis, step, now.values())
            or _time_lost(basis, step, now.get(step.visit_id), at)
        )
        if why is not None:
            lost[step.visit_id] = why
    _spread(steps, lost)
    return Settled(
        tuple(s for s in steps if s.visit_id not in lost),
        tuple(Overtaken(s, lost[s.visit_id], now.get(s.visit_id)) for s in steps if s.visit_id in lost),
    )


def _step_lost(basis: Basis, step: Step, known: tuple[dict[UUID, Standing], dict[UUID, JobState]]) -> Why | None:
    """Tell why a change's own visit is no longer what it starts from."""
    now, jobs = known
    if jobs.get(step.job_id) not in _OPEN_JOBS:
        return Why.JOB_STATE
    visit = now.get(step.visit_id)
    if step.state in (None, VisitState.TENTATIVE):
        # What the plan saw of the job and left as it was is no reason against it.
        others = [
            v
            for v in now.values()
            if v.job_id == step.job_id and v.id != step.visit_id and basis.known.get(v.id) != v.plan_version
        ]
        return _taken(others) or (None if visit is None else _own_lost(step, visit))
    return Why.PLAN_CHANGED if visit is None else _own_lost(step, visit)


def _own_lost(step: Step, visit: Standing) -> Why | None:
    if visit.state in UNDER_WAY:
        return Why.VISIT_UNDER_WAY
    if visit.state not in STANDING | {VisitState.TENTATIVE}:
        return Why.VISIT_STATE if visit.state is not VisitState.CANCELLED else Why.PLAN_CHANGED
    if visit.plan_version != step.plan_version:
        return Why.JOB_ALREADY_CLAIMED if step.state is VisitState.TENTATIVE else Why.PLAN_CHANGED
    if visit.lock != step.lock:
        return Why.PLAN_CHANGED
    return Why.VISIT_ACCEPTED if visit.state is VisitState.ACCEPTED is not step.state else None


def _taken(others: Iterable[Standing]) -> Why | None:
    """Tell whether somebody has the job of a new visit by another visit that the plan did not know."""
    for visit in others:
        if visit.state in UNDER_WAY | {VisitState.ACCEPTED}:
            return Why.JOB_ALREADY_CLAIMED
        if visit.state in STANDING:
            return Why.PLAN_CHANGED
    return None


def _crew_lost(basis: Basis, step: Step, standing: Iterable[Standing]) -> Why | None:
    """Tell whether the crew that a change gives work to has got other work, or another plan, meanwhile."""
    if step.owner is None:
        return None
    own = {s.visit_id for s in basis.steps}
    for visit in standing:
        by_name = None if visit.crew_id is not None or visit.person_id is None else basis.members.get(visit.person_id)
        if step.owner not in (visit.crew_id, visit.person_id, by_name) or visit.id in own:
            continue
        if visit.state not in STANDING | UNDER_WAY or visit.job_id == step.job_id:
            continue
        version = basis.known.get(visit.id)
        if version is None:
            return Why.CREW_BUSY if visit.state in UNDER_WAY | {VisitState.ACCEPTED} else Why.PLAN_CHANGED
        if version != visit.plan_version and visit.state in STANDING:
            return Why.PLAN_CHANGED
    return None


def _time_lost(basis: Basis, step: Step, visit: Standing | None, at: datetime) -> Why | None:
    """Tell whether too much time has gone by since the proposal was made."""
    begin = None if visit is None else visit.planned_start_at
    if begin is not None and basis.made_at + basis.freeze <= begin < at + basis.freeze:
        return Why.VISIT_FROZEN
    return Why.TIME_PASSED if step.begin_at is not None and step.begin_at + basis.told < at else None


def _spread(steps: Sequence[Step], lost: dict[UUID, Why]) -> None:
    """Leave out what a crew was to get in place of a visit that it now keeps."""
    for _ in range(len(steps)):
        full = {s.from_owner for s in steps if lost.get(s.visit_id) in _KEEPS and s.from_owner is not None}
        more = [s for s in steps if s.visit_id not in lost and s.owner in full]
        if not more:
            return
        for step in more:
            lost[step.visit_id] = Why.DEPENDS_ON_OVERTAKEN


def command_of(step: Step) -> Command:
    """Turn a change into the command that makes it so. What is for a later day, or held, is planned and not dispatched."""
    crew_id, person_id = (None, step.owner) if step.by_person else (step.owner, None)
    if step.kind is MoveKind.TAKEN_BACK or step.begin_at is None or step.end_at is None:
        return WithdrawVisit(job_id=step.job_id, visit_id=step.visit_id, plan_version=step.plan_version or 1)
    if step.later and (step.state is None or step.state in _THOUGHT):
        return PlanVisit(
            job_id=step.job_id,
            visit_id=step.visit_id,
            planned_start_at=step.begin_at,
            planned_end_at=step.end_at,
            crew_id=crew_id,
            person_id=person_id,
        )
    if step.state in (None, VisitState.TENTATIVE):
        return AssignVisit(
            job_id=step.job_id,
            visit_id=step.visit_id,
            crew_id=crew_id,
            person_id=person_id,
            planned_start_at=step.begin_at,
            planned_end_at=step.end_at,
        )
    return ReassignVisit(
        job_id=step.job_id,
        visit_id=step.visit_id,
        plan_version=step.plan_version or 1,
        crew_id=crew_id,
        person_id=person_id,
        planned_start_at=step.begin_at,
        planned_end_at=step.end_at,
    )
