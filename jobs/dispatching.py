"""Who should go: suggestions for one job, and a plan for the backlog. Reads only: a proposal takes effect as `assign_visit` commands."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from geo.backlog import dispatch_backlog
from geo.candidates import Assignment, Candidate, Dispatched, DispatchPolicy, Need, Suggestion
from geo.ranking import rank_candidates
from geo.store import candidates
from geo.travel import GreatCircleTravel, SpeedTable, TravelTimes
from jobs.loading import load_organisation
from jobs.store.storms import storm_levels
from mobile_contract.schema.decisions import AssignVisit


async def suggest(
    conn: asyncpg.Connection,
    org_id: UUID,
    job_id: UUID,
    *,
    now: datetime,
    limit: int = 10,
    travel: TravelTimes | None = None,
    policy: DispatchPolicy | None = None,
) -> list[Suggestion] | None:
    """Suggest who should go to a job, best first, with travel and reasons; those who cannot go come last. None for an unknown job.

    Without `travel` the embedded estimate is used (great circle, the hours of the organisation's zone).
    """
    policy = policy or DispatchPolicy()
    found = await candidates.for_job(conn, org_id, job_id, now=now, shift_lead_s=policy.shift_lead_s)
    if found is None:
        return None
    need, people = found
    times = travel or await _embedded(conn, org_id)
    return rank_candidates(need, people, times, now=now, policy=policy)[:limit]


class Backlog(Struct, frozen=True):
    """The jobs that are ready, everybody who may go, and how long the ways take: all that a plan is made from."""

    needs: Sequence[Need]
    people: Sequence[Candidate]
    travel: TravelTimes
    policy: DispatchPolicy


async def load_backlog(
    conn: asyncpg.Connection,
    org_id: UUID,
    *,
    now: datetime,
    district_id: UUID | None = None,
    travel: TravelTimes | None = None,
    policy: DispatchPolicy | None = None,
) -> Backlog:
    """Load what a plan of the backlog is made from (of a district with all below it, or all), travel by default as in `suggest`."""
    policy = policy or DispatchPolicy()
    levels = await storm_levels(conn, org_id)
    needs = await candidates.backlog(conn, org_id, district_id=district_id)
    # In a storm what is not pressing waits; the most urgent come first, so that the cut of the list takes nothing that goes.
    needs = [need for need in needs if levels.sends(need.priority, need.district_id)]
    people = await candidates.everybody(conn, org_id, now=now, shift_lead_s=policy.shift_lead_s)
    return Backlog(needs, people, travel or await _embedded(conn, org_id), policy)


def plan_backlog(backlog: Backlog, *, now: datetime) -> Dispatched:
    """Assign the jobs that are ready by the ranking that suggests, the most urgent first.

    Takes its time and asks nobody: for a thread of its own, outside any transaction. Nothing is written: the caller sends
    `assignment_command` of each, and a job taken meanwhile refuses it.
    """
    return dispatch_backlog(backlog.needs, backlog.people, backlog.travel, now=now, policy=backlog.policy)


def assignment_command(assignment: Assignment, visit_id: UUID) -> AssignVisit:
    """Turn a proposal into the command that makes it so: the candidate's crew goes, or the candidate who has none."""
    return AssignVisit(
        job_id=assignment.job_id,
        visit_id=visit_id,
        crew_id=assignment.crew_id,
        person_id=None if assignment.crew_id else assignment.person_id,
        planned_start_at=assignment.arrive_at,
        planned_end_at=assignment.finish_at,
        only_if_open=True,
    )


async def _embedded(conn: asyncpg.Connection, org_id: UUID) -> TravelTimes:
    organisation = await load_organisation(conn, org_id)
    return GreatCircleTravel(SpeedTable(zone=organisation.zone))
