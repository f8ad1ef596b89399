"""A backlog told as a planning problem: needs become visits, those who are on shift become crews' days. Owns the translation, plans nothing.

Who is not on shift, has no place to start from, or a need without a place on the map is left out; ranking tells why (`geo.ranking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import numpy as np

from geo.candidates import Candidate, DispatchPolicy, Need
from geo.coordinates import LonLat
from geo.lineup import Lineup
from geo.planning.problem import FOREVER, CrewDay, Problem, VisitNeed, Ways, Window
from geo.travel import TravelTimes


def problem_of_backlog(
    needs: Sequence[Need],
    candidates: Sequence[Candidate],
    travel: TravelTimes,
    *,
    now: datetime,
    policy: DispatchPolicy | None = None,
) -> Problem:
    """Tell a backlog as a problem at the aware instant `now`; a visit has the id of its job.

    People of one crew go together: with the skills of all, from the place of the first by id, while all are on shift, after the work
    that any of them has already. Who has no crew is a crew of their own, under their own id. The time by which a job is due is
    when somebody arrives.
    """
    lineup = Lineup(candidates, policy or DispatchPolicy(), now)
    places: list[LonLat] = []
    crews = []
    for crew_id, members in _crews(lineup).items():
        places.append(LonLat(float(lineup.lon_deg[members[0]]), float(lineup.lat_deg[members[0]])))
        crews.append(_crew_day(lineup, crew_id, members, place=len(places) - 1))
    visits = []
    for need in needs:
        if need.point is not None:
            places.append(need.point)
            visits.append(_visit(need, now, lineup.policy, place=len(places) - 1))
    ways = Ways.between(travel, places, now)
    return Problem(now=now, places=tuple(places), ways=ways, visits=tuple(visits), crews=tuple(crews))


def _crews(lineup: Lineup) -> dict[UUID, list[int]]:
    """Group those who may go now by crew, in person order."""
    crews: dict[UUID, list[int]] = {}
    for at, candidate in enumerate(lineup.candidates):
        if lineup.on_shift.allowed[at] and lineup.place.allowed[at]:
            crews.setdefault(candidate.crew_id or candidate.person_id, []).append(at)
    return crews


def _crew_day(lineup: Lineup, crew_id: UUID, members: Sequence[int], *, place: int) -> CrewDay:
    people = [lineup.candidates[at] for at in members]
    end_s = float(min(lineup.to_s[at] for at in members)) if lineup.policy.within_shift else np.inf
    return CrewDay(
        crew_id=crew_id,
        start=place,
        shift=Window(
            int(max(0.0, *(float(lineup.from_s[at]) for at in members))),
            FOREVER if np.isinf(end_s) else int(end_s),
        ),
        ready_s=int(max(float(lineup.free_s[at] + lineup.load_s[at]) for at in members)),
        skills=tuple(dict.fromkeys(skill for person in people for skill in person.skills)),
        district_ids=tuple(dict.fromkeys(id for person in people for id in person.district_ids)),
    )


def _visit(need: Need, now: datetime, policy: DispatchPolicy, *, place: int) -> VisitNeed:
    located = need.district_id is not None and not policy.any_district
    return VisitNeed(
        id=need.job_id,
        job_id=need.job_id,
        place=place,
        priority=need.priority,
        service_s=int(need.duration_s),
        skills=need.skills,
        district_ids=(need.district_id, *need.above_ids, *need.neighbour_ids) if located and need.district_id else (),
        due_s=None if need.due_at is None else int((need.due_at - now).total_seconds()),
    )
