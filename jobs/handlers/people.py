"""People and crews: saved, joined, left. Whoever leaves lets go of open visits, memberships and duties. Credentials are none of its business."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from msgspec.structs import replace

from jobs.approving import without
from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.ownership import OPEN_VISIT
from jobs.handlers.saving import reference_fault, save
from jobs.recording import record, settle
from jobs.result import Applied, Refused, Result
from jobs.work import Work
from mobile_contract.rules.deciding import addressed
from mobile_contract.schema.approval import Approval, ApprovalState, Delegation
from mobile_contract.schema.base import Document
from mobile_contract.schema.decisions import OffboardPerson, SaveCrew, SaveCrewMember, SavePerson
from mobile_contract.schema.job import Job, Visit
from mobile_contract.schema.people import Crew, CrewMember, Duty, Person
from mobile_contract.schema.place import District
from mobile_contract.schema.stock import StockLocation

OFFBOARDED = "offboarded"
Dated = TypeVar("Dated", CrewMember, Duty)


@handles(SavePerson)
def save_person(work: Work, command: SavePerson, deed: Deed) -> Result:
    """Save a person; one who becomes inactive leaves as by `offboard_person`."""
    person = command.person
    known = work.get(Person, person.id)
    saved = save(work, person)
    if isinstance(saved, Applied) and known is not None and known.active and not person.active:
        _let_go(work, person.id, deed, reason="")
    elif isinstance(saved, Applied):
        _lend_anew(work, person)
    return saved


def _lend_anew(work: Work, person: Person) -> None:
    """Bring the person's delegations up to the roles that they have now; the timer shows what follows from it."""
    for delegation in work.all(Delegation):
        if delegation.from_id == person.id and delegation.roles != person.roles:
            work.put(replace(delegation, roles=person.roles, in_force=False))


@handles(OffboardPerson)
def offboard_person(work: Work, command: OffboardPerson, deed: Deed) -> Result:
    """Make a person inactive: undone visits go back to be assigned, memberships and duties end now.

    A decision that waits for this person alone goes to the role of duty chief.
    """
    person = work.get(Person, command.person_id)
    if person is None:
        return Refused("unknown_reference", {"field": "person_id", "id": str(command.person_id)})
    if not person.active:
        return Applied(code="unchanged")
    work.put(replace(person, active=False))
    _let_go(work, person.id, deed, reason=command.reason)
    return Applied()


@handles(SaveCrew)
def save_crew(work: Work, command: SaveCrew, deed: Deed) -> Result:
    """Save a crew; its members come from its memberships, whatever the command says."""
    crew = replace(command.crew, member_ids=_members(work, command.crew.id, deed.received_at))
    references: dict[str, tuple[type[Document], UUID | None]] = {
        "lead_id": (Person, crew.lead_id),
        "van_id": (StockLocation, crew.van_id),
    }
    drawn = {outline.id for outline in work.drawn}
    references.update((f"district_ids/{id}", (District, id)) for id in crew.district_ids if id not in drawn)
    known = work.get(Crew, crew.id)
    saved = save(work, crew, references)
    had = known.van_id if known is not None else None
    if isinstance(saved, Applied) and had != crew.van_id:
        # Who has a van sees what it holds: the van counts as changed, so that its levels are told anew.
        for van in (work.get(StockLocation, had), work.get(StockLocation, crew.van_id)):
            if van is not None:
                work.put(van)
    return saved


@handles(SaveCrewMember)
def save_crew_member(work: Work, command: SaveCrewMember, deed: Deed) -> Result:
    """Save a dated membership and bring the crew's members up to date. A membership keeps its crew and person for good."""
    member = command.member
    if member.to_at is not None and member.to_at <= member.from_at:
        return Refused("span_invalid", {"field": "to_at"})
    known = work.get(CrewMember, member.id)
    if known is not None and (known.crew_id, known.person_id) != (member.crew_id, member.person_id):
        return Refused("id_reused", {"field": "id"})
    fault = reference_fault(work, {"crew_id": (Crew, member.crew_id), "person_id": (Person, member.person_id)})
    if fault is not None:
        return fault
    saved = save(work, member)
    _refresh_members(work, member.crew_id, deed.received_at)
    return saved


def _members(work: Work, crew_id: UUID, now: datetime) -> tuple[UUID, ...]:
    """List who belongs to a crew now or is to join it, each once, by id."""
    return tuple(
        sorted(
            {m.person_id for m in work.all(CrewMember) if m.crew_id == crew_id and (m.to_at is None or m.to_at > now)}
        )
    )


def _refresh_members(work: Work, crew_id: UUID, now: datetime) -> None:
    crew = work.get(Crew, crew_id)
    members = _members(work, crew_id, now)
    if crew is not None and crew.member_ids != members:
        work.put(replace(crew, member_ids=members))


def _let_go(work: Work, person_id: UUID, deed: Deed, *, reason: str) -> None:
    now = deed.received_at
    jobs: set[UUID] = set()
    for visit in work.all(Visit):
        job = work.get(Job, visit.job_id)
        if visit.person_id == person_id and visit.state in OPEN_VISIT and job is not None:
            detail = {"reason": reason or OFFBOARDED, "person_id": person_id}
            record(work, job, deed, EventName.VISIT_CANCELLED, visit_id=visit.id, detail=detail)
            jobs.add(job.id)
    for job_id in sorted(jobs):
        settle(work, job_id)
    for delegation in work.all(Delegation):
        if person_id in (delegation.from_id, delegation.to_id) and delegation.to_at > now:
            # What the other is shown is followed by the timer, as when any delegation ends; it counts no more from now.
            work.put(replace(delegation, to_at=max(delegation.from_at, now)))
    for approval in work.all(Approval):
        if approval.state is ApprovalState.WAITING:
            work.put(addressed(without(approval, person_id), work.all(Delegation), now))
    for member in _ended(work.all(CrewMember), person_id, now):
        work.put(member)
    for duty in _ended(work.all(Duty), person_id, now):
        work.put(duty)
    for crew in work.all(Crew):
        if crew.lead_id == person_id:
            work.put(replace(crew, lead_id=None))
        if person_id in crew.member_ids:
            _refresh_members(work, crew.id, now)


def _ended(dated: list[Dated], person_id: UUID, now: datetime) -> list[Dated]:
    """End what a person still holds; what was to begin later ends as it begins."""
    open_ones = [d for d in dated if d.person_id == person_id and (d.to_at is None or d.to_at > now)]
    return [replace(d, to_at=max(d.from_at, now)) for d in open_ones]
