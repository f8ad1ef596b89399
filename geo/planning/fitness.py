"""Whether a crew may do a visit at all, time and van aside: skills, territory, same technician, locks. Owns that question only."""

from geo.planning.problem import FOREVER, CrewDay, Problem, VisitNeed

NEVER = -1


def fit_until_s(problem: Problem, crew: CrewDay, visit: VisitNeed) -> int:
    """Give the second by which the crew must have done the visit, for the skills it holds then; -1 where it may not do it at all."""
    if not crew.present or (crew.waits_for is not None and crew.waits_for == visit.id):
        return NEVER
    wanted = {visit.crew_id, visit.lock.crew_id if visit.lock else None} - {None}
    if wanted - {crew.crew_id}:
        return NEVER
    if visit.district_ids and crew.district_ids and not set(visit.district_ids) & set(crew.district_ids):
        return NEVER
    until_s = FOREVER
    for skill in visit.skills:
        longest = NEVER
        for held in crew.skills:
            if held.code == skill.code and held.level >= skill.level:
                held_s = FOREVER if held.expires_at is None else int((held.expires_at - problem.now).total_seconds())
                longest = max(longest, held_s)
        until_s = min(until_s, longest)
    return until_s if until_s > 0 else NEVER
