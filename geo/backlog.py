"""Dispatch of a backlog, job by job, by the same ranking that suggests for one job.

Owns the order in which jobs are looked at and what an assignment does to the next choice. It is greedy: it
never takes an assignment back and never plans a tour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from geo.candidates import (
    EXCLUDING,
    Assignment,
    Candidate,
    Dispatched,
    DispatchPolicy,
    Need,
    Reason,
    ReasonCount,
    Unassigned,
)
from geo.coordinates import Floats, LonLat
from geo.lineup import Bools, Lineup
from geo.ranking import placing_reasons, score_terms, told_terms, total
from geo.travel import Points, TravelTable, TravelTimes
from mobile_contract.schema.base import Priority

_URGENCY: Final = {priority: rank for rank, priority in enumerate(Priority)}


def dispatch_backlog(
    needs: Sequence[Need],
    candidates: Sequence[Candidate],
    travel: TravelTimes,
    *,
    now: datetime,
    policy: DispatchPolicy | None = None,
) -> Dispatched:
    """Assign each need to the best candidate of the moment.

    Needs are looked at by priority, due time (none last), report time and job id, so the order of the input
    does not matter. New work comes after what a person already has. An assignment moves its person, and
    everybody of the same crew, to the job's place and time and adds to their load. Every need comes back
    once, assigned or not.
    """
    lineup = Lineup(candidates, policy or DispatchPolicy(), now)
    lineup.free_s += lineup.load_s
    shift_ends = lineup.to_s if lineup.policy.within_shift else np.full(len(lineup), np.inf)
    assignments: list[Assignment] = []
    unassigned: list[Unassigned] = []
    for need in sorted(needs, key=_order):
        if need.point is None or len(lineup) == 0:
            why = (ReasonCount(Reason.JOB_NOT_LOCATED, len(lineup)),) if need.point is None else ()
            unassigned.append(Unassigned(need.job_id, why))
            continue
        leave_at = now + timedelta(seconds=float(lineup.free_s.min()))
        table = travel.table(lineup.points(), Points.of([need.point]), leave_at)
        finish_s = lineup.free_s + table.travel_s[:, 0] + need.duration_s
        allowed = _allowed(lineup, need)
        fitting = allowed & (finish_s <= shift_ends)
        if not fitting.any():
            unassigned.append(_unassigned(lineup, need, allowed))
            continue
        assignment, best = _assign(lineup, need, table, fitting)
        assignments.append(assignment)
        _occupy(lineup, best, need.point, (float(finish_s[best]), need.duration_s))
    return Dispatched(tuple(assignments), tuple(unassigned))


def _order(need: Need) -> tuple[int, float, float, str]:
    due = need.due_at.timestamp() if need.due_at else np.inf
    reported = need.reported_at.timestamp() if need.reported_at else np.inf
    return (_URGENCY[need.priority], due, reported, need.job_id.hex)


def _allowed(lineup: Lineup, need: Need) -> Bools:
    """Tell who may do a need, the length of the shift aside."""
    skills, districts = lineup.skills(need), lineup.districts(need)
    return skills.allowed & districts.allowed & lineup.on_shift.allowed & lineup.place.allowed


def _assign(lineup: Lineup, need: Need, table: TravelTable, fitting: Bools) -> tuple[Assignment, int]:
    """Choose the best of those that fit; candidates are in person order, so the first of equals is the lowest id."""
    terms = score_terms(lineup, need, table.travel_s[:, 0])
    score = np.where(fitting, total(terms), np.inf)
    ranked = np.lexsort((table.travel_s[:, 0], score))
    best = int(ranked[0])
    second = _next_best(lineup, ranked.tolist(), score)
    leave_s, travel_s = float(lineup.free_s[best]), float(table.travel_s[best, 0])
    candidate = lineup.candidates[best]
    assignment = Assignment(
        job_id=need.job_id,
        person_id=candidate.person_id,
        crew_id=candidate.crew_id,
        leave_at=_at(lineup, leave_s),
        arrive_at=_at(lineup, leave_s + travel_s),
        finish_at=_at(lineup, leave_s + travel_s + need.duration_s),
        travel_s=round(travel_s, 1),
        distance_m=round(float(table.distance_m[best, 0]), 1),
        source=table.source(best, 0),
        reasons=placing_reasons(lineup, need, best, leave_s + travel_s),
        terms=told_terms(terms, best),
        next_best_id=None if second is None else lineup.candidates[second].person_id,
        margin_s=None if second is None else round(float(score[second] - score[best]), 1),
    )
    return assignment, best


def _next_best(lineup: Lineup, ranked: list[int], score: Floats) -> int | None:
    """Find the runner-up who is not of the same crew; none when nobody else fits."""
    crew = lineup.candidates[ranked[0]].crew_id
    for at in ranked[1:]:
        if not np.isfinite(score[at]):
            return None
        if crew is None or lineup.candidates[at].crew_id != crew:
            return at
    return None


def _occupy(lineup: Lineup, best: int, point: LonLat, until_and_work_s: tuple[float, float]) -> None:
    """Move the chosen one and its crew to the job, until it is done."""
    finish_s, work_s = until_and_work_s
    crew = lineup.candidates[best].crew_id
    team = [at for at, c in enumerate(lineup.candidates) if at == best or (crew is not None and c.crew_id == crew)]
    lineup.lon_deg[team] = point.lon_deg
    lineup.lat_deg[team] = point.lat_deg
    lineup.free_s[team] = np.maximum(lineup.free_s[team], finish_s)
    lineup.load_s[team] += work_s


def _unassigned(lineup: Lineup, need: Need, allowed: Bools) -> Unassigned:
    counts: Counter[Reason] = Counter()
    for at in range(len(lineup)):
        if allowed[at]:
            counts[Reason.SHIFT_TOO_SHORT] += 1
        counts.update(r for r in placing_reasons(lineup, need, at, 0.0) if r in EXCLUDING)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Unassigned(need.job_id, tuple(ReasonCount(reason, count) for reason, count in ranked))


def _at(lineup: Lineup, seconds: float) -> datetime:
    return lineup.now + timedelta(seconds=round(seconds))
