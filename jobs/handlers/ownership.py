"""Whose job it is. Owns the meaning of "assigned": a visit of the person or of a crew the person belongs to."""

from datetime import datetime
from uuid import UUID

from jobs.context import Deed
from jobs.work import Work
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import ClaimJob
from mobile_contract.schema.facts import ReportJob
from mobile_contract.schema.job import Job, Visit, VisitState

OPEN_VISIT = frozenset(VisitState) - {
    VisitState.DECLINED,
    VisitState.COMPLETED,
    VisitState.FOLLOW_UP_NEEDED,
    VisitState.NO_ACCESS,
    VisitState.CANCELLED,
}


def belongs_to(work: Work, visit: Visit, person_id: UUID, at: datetime) -> bool:
    """Tell whether a visit is the person's or of a crew the person belongs to at the instant."""
    return visit.person_id == person_id or (visit.crew_id is not None and visit.crew_id in work.crews_of(person_id, at))


def is_own(work: Work, command: Command, deed: Deed) -> bool:
    """Tell whether the command's job is the actor's to work on; claiming and reporting a job are open to every crew."""
    if isinstance(command, ClaimJob | ReportJob):
        return True
    job_id, person_id = getattr(command, "job_id", None), deed.person_id
    if job_id is None or person_id is None or work.get(Job, job_id) is None:
        return False
    at = deed.occurrence.at
    # A visit that is only a thought, as after a note on somebody else's job, makes nobody an owner.
    visits = [v for v in work.of_job(Visit, job_id) if v.state is not VisitState.TENTATIVE]
    return any(belongs_to(work, visit, person_id, at) for visit in visits)
