"""Give visits to crews and persons: what every plan, assignment and claim does to a visit. Owns who may be named, not when."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.recording import record
from jobs.result import Refused
from jobs.work import Work
from mobile_contract.schema.base import Instant
from mobile_contract.schema.job import Job, Visit, VisitState
from mobile_contract.schema.people import Crew, Person


class Plan(Struct, frozen=True, kw_only=True):
    """Who goes when; a crew or a person, or nobody yet."""

    crew_id: UUID | None = None
    person_id: UUID | None = None
    planned_start_at: Instant | None = None
    planned_end_at: Instant | None = None


def plan_of(visit: Visit) -> Plan:
    """Take a visit's plan as it is."""
    return Plan(
        crew_id=visit.crew_id,
        person_id=visit.person_id,
        planned_start_at=visit.planned_start_at,
        planned_end_at=visit.planned_end_at,
    )


def new_visit(visit_id: UUID, job_id: UUID, plan: Plan) -> Visit:
    """Make a visit with its first plan; what it is worth is decided by its events."""
    return replace(Visit(id=visit_id, job_id=job_id, state=VisitState.TENTATIVE), **_fields(plan))


def replan(visit: Visit, plan: Plan) -> Visit:
    """Change a visit's plan: a new version, which crews must accept anew."""
    return replace(visit, plan_version=visit.plan_version + 1, **_fields(plan))


def give(work: Work, visit: Visit, deed: Deed, name: EventName) -> None:
    """Put a visit with its plan and record the decision; `jobs.recording.settle` makes the state follow."""
    job = work.get(Job, visit.job_id)
    if job is None:
        raise LookupError(f"job {visit.job_id} is not in the work")
    work.put(visit)
    detail = {**_fields(plan_of(visit)), "plan_version": visit.plan_version}
    record(work, job, deed, name, visit_id=visit.id, detail=detail)


def check_assignee(work: Work, crew_id: UUID | None, person_id: UUID | None) -> Refused | None:
    """Check that exactly one crew or person is named, exists and is active: `nobody_named`, `unknown_reference`, `person_inactive`."""
    if (crew_id is None) == (person_id is None):
        return Refused("nobody_named")
    if crew_id is not None:
        crew = work.get(Crew, crew_id)
        return None if crew is not None and crew.active else Refused("unknown_reference", {"crew_id": str(crew_id)})
    person = work.get(Person, person_id)
    if person is None:
        return Refused("unknown_reference", {"person_id": str(person_id)})
    return None if person.active else Refused("person_inactive", {"person_id": str(person_id)})


def who(visit: Visit) -> dict[str, str]:
    """Say who has a visit, for the details of an answer; nobody gives nothing."""
    named = {"by_person": visit.person_id, "by_crew": visit.crew_id}
    return {key: str(value) for key, value in named.items() if value is not None}


def _fields(plan: Plan) -> dict[str, object]:
    return {field: getattr(plan, field) for field in Plan.__struct_fields__}
