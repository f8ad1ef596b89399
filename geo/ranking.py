"""Who should go to one job: every candidate with travel, score and reasons, best first.

Owns the order. Never loads candidates (`geo.store` finds them) and never assigns anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from msgspec import Struct

from geo.candidates import EXCLUDING, Candidate, DispatchPolicy, Need, Reason, ScoreTerm, Suggestion
from geo.coordinates import Floats
from geo.lineup import Lineup
from geo.travel import Points, TravelTable, TravelTimes, eta, with_range


def rank_candidates(
    need: Need,
    candidates: Sequence[Candidate],
    travel: TravelTimes,
    *,
    now: datetime,
    policy: DispatchPolicy | None = None,
) -> list[Suggestion]:
    """Rank candidates for one need at the aware instant `now`.

    Eligible ones come first by score (seconds of travel, waiting, load and penalties), then by travel, then
    by person id; the others follow with the reasons that leave them out, nearest first. Every candidate comes
    back exactly once.
    """
    lineup = Lineup(candidates, policy or DispatchPolicy(), now)
    if need.point is None:
        return [
            Suggestion(person_id=c.person_id, crew_id=c.crew_id, eligible=False, reasons=(Reason.JOB_NOT_LOCATED,))
            for c in lineup.candidates
        ]
    table = travel.table(lineup.points(), Points.of([need.point]), now)
    reckoning = _Reckoning(lineup, need, table, score_terms(lineup, need, table.travel_s[:, 0]))
    return sorted((_suggest(reckoning, at) for at in range(len(lineup))), key=_order)


def score_terms(lineup: Lineup, need: Need, travel_s: Floats) -> dict[str, Floats]:
    """Give the parts of the score of every candidate in seconds; their sum is the score."""
    return {
        "travel": travel_s,
        "wait": lineup.free_s,
        "load": lineup.policy.load_weight * lineup.load_s,
        "district": lineup.districts(need).penalty_s,
        "position": lineup.place.penalty_s,
    }


def total(terms: dict[str, Floats]) -> Floats:
    """Add the parts of a score, to the tenth of a second: ties must not hang on the last bit of a sum."""
    score: Floats = np.round(np.sum(list(terms.values()), axis=0), 1)
    return score


def told_terms(terms: dict[str, Floats], at: int) -> tuple[ScoreTerm, ...]:
    """List the parts of one candidate's score that are not zero."""
    return tuple(ScoreTerm(name, round(float(part[at]), 1)) for name, part in terms.items() if part[at] > 0.05)


def placing_reasons(lineup: Lineup, need: Need, at: int, arrive_s: float) -> tuple[Reason, ...]:
    """List the reasons of one candidate, those that leave it out first."""
    reasons = [
        *lineup.skills(need).reasons[at],
        *lineup.on_shift.reasons[at],
        *lineup.districts(need).reasons[at],
        *lineup.place.reasons[at],
    ]
    if lineup.busy_s[at] > 0:
        reasons.append(Reason.BUSY)
    placed = bool(lineup.place.allowed[at])
    if placed and need.due_at is not None and lineup.now + timedelta(seconds=arrive_s) > need.due_at:
        reasons.append(Reason.AFTER_DUE)
    return tuple(reasons)


class _Reckoning(Struct, frozen=True, eq=False):
    """Everything that was computed for one need."""

    lineup: Lineup
    need: Need
    table: TravelTable
    terms: dict[str, Floats]


def _suggest(reckoning: _Reckoning, at: int) -> Suggestion:
    lineup, need, table = reckoning.lineup, reckoning.need, reckoning.table
    candidate = lineup.candidates[at]
    leave_s, travel_s = float(lineup.free_s[at]), float(table.travel_s[at, 0])
    reasons = placing_reasons(lineup, need, at, leave_s + travel_s)
    if not lineup.place.allowed[at]:
        return Suggestion(person_id=candidate.person_id, crew_id=candidate.crew_id, eligible=False, reasons=reasons)
    late = leave_s + travel_s + need.duration_s > lineup.to_s[at]
    if lineup.policy.within_shift and late and lineup.on_shift.allowed[at]:
        reasons = (*reasons, Reason.SHIFT_TOO_SHORT)
    journey = with_range(travel_s, float(table.distance_m[at, 0]), table.source(at, 0))
    return Suggestion(
        person_id=candidate.person_id,
        crew_id=candidate.crew_id,
        eligible=EXCLUDING.isdisjoint(reasons),
        reasons=reasons,
        score_s=float(total(reckoning.terms)[at]),
        travel_s=round(travel_s, 1),
        distance_m=round(journey.distance_m, 1),
        source=journey.source,
        arrival=eta(journey, lineup.now + timedelta(seconds=leave_s)),
        terms=told_terms(reckoning.terms, at),
    )


def _order(suggestion: Suggestion) -> tuple[bool, float, float, str]:
    """Order by eligibility, score and travel; the person id makes it total."""
    score = suggestion.score_s if suggestion.score_s is not None else np.inf
    travel = suggestion.travel_s if suggestion.travel_s is not None else np.inf
    first = score if suggestion.eligible else travel
    return (not suggestion.eligible, first, travel, suggestion.person_id.hex)
