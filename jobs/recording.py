"""Record what happened on a job: the one place where events are appended, flags are set and visits and jobs are folded anew.

`report` does all of it for a fact from a visit. Never decides whether something may happen.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import Event, EventName
from jobs.handlers.ownership import belongs_to
from jobs.journal import Journal
from jobs.result import Applied, PutAside
from jobs.rules.chain import seal
from jobs.rules.job import did_the_work, fold_job
from jobs.work import Work, wgs84
from mobile_contract.ids import named_id, uuid_text
from mobile_contract.rules.guards import Missing, missing_before_completion
from mobile_contract.schema.base import Datum, Document, Position
from mobile_contract.schema.facts import VisitFact
from mobile_contract.schema.job import Flag, Job, Photo, Reading, Signature, Task, Visit, VisitState

_PLANS = frozenset({EventName.VISIT_PLANNED, EventName.VISIT_ASSIGNED, EventName.VISIT_CLAIMED})


def visit_for(work: Work, command: VisitFact, deed: Deed) -> Visit | PutAside:
    """Find the visit that a fact belongs to; an unknown one becomes an unplanned visit of the reporter.

    `circumstances` flags both that and a visit of somebody else. PutAside `unknown_job`, or `unknown_visit` where the id is another job's.
    """
    job = work.get(Job, command.job_id)
    if job is None:
        return PutAside("unknown_job")
    visit = work.get(Visit, command.visit_id)
    if visit is not None and visit.job_id != job.id:
        return PutAside("unknown_visit")
    if visit is None:
        visit = Visit(
            id=command.visit_id,
            job_id=job.id,
            state=VisitState.TENTATIVE,
            person_id=deed.person_id,
        )
        work.put(visit)
        record(work, job, deed, EventName.VISIT_FOUND, visit_id=visit.id, detail={"person_id": deed.person_id})
    return visit


def circumstances(work: Work, visit: Visit, deed: Deed) -> tuple[Flag, ...]:
    """Name the flags that follow from who reported a fact, when and how it came: not theirs, cancelled, clock, unresolved predecessor."""
    job = work.get(Job, visit.job_id)
    cancelled = visit.state is VisitState.CANCELLED or (job is not None and job.cancelled_at is not None)
    flags: list[Flag] = []
    if not _assigned(work, visit, deed):
        flags.append(Flag.NOT_ASSIGNED)
    if cancelled:
        flags.append(Flag.AFTER_CANCEL)
    if deed.occurrence.suspect:
        flags.append(Flag.CLOCK_SUSPECT)
    if deed.after_unresolved:
        flags.append(Flag.AFTER_UNRESOLVED)
    return tuple(flags)


def record(
    work: Work,
    job: Job,
    deed: Deed,
    name: EventName,
    *,
    visit_id: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
    position: Position | None = None,
) -> Event:
    """Append an event to a job: next seq, position in WGS 84, hash chain of its visit. Nothing is folded: `settle` does that.

    `detail` may hold ids, decimals, instants and nested values; they are stored as JSON, absent ones not at all.
    """
    journal = work.journal(job.id)
    seq = journal.next_seq
    occurrence = deed.occurrence
    lon_deg, lat_deg = wgs84(position.lon_deg, position.lat_deg, position.datum) if position else (None, None)
    event = Event(
        id=named_id(deed.command_id, b"%b/%d" % (uuid_text(job.id), seq)),
        job_id=job.id,
        visit_id=visit_id,
        seq=seq,
        name=name,
        occurred_at=occurrence.at,
        not_before=occurrence.not_before,
        not_after=occurrence.not_after,
        raw_at=occurrence.raw_at,
        clock=occurrence.clock,
        received_at=deed.received_at,
        command_id=deed.command_id,
        actor_id=deed.person_id,
        device_id=deed.actor.device_id,
        lon_deg=lon_deg,
        lat_deg=lat_deg,
        accuracy_m=position.accuracy_m if position else None,
        detail=_plain({**(detail or {}), **_about(deed, position)}),
    )
    sealed = seal(event, journal.trip(visit_id).last_hash)
    work.put(sealed)
    return sealed


def flag(work: Work, job_id: UUID, visit_id: UUID | None, flags: Iterable[Flag]) -> None:
    """Add flags to a job and to its visit; a flag stays until somebody looks at it."""
    flags = tuple(flags)
    visit, job = work.get(Visit, visit_id), work.get(Job, job_id)
    if flags and visit is not None:
        work.put(_flagged(visit, flags))
    if flags and job is not None:
        work.put(_flagged(job, flags))


def settle(work: Work, job_id: UUID) -> None:
    """Bring a job's visits and then the job up to what is recorded, and put what changed."""
    job = work.get(Job, job_id)
    if job is None:
        raise LookupError(f"job {job_id} is not in the work")
    journal = work.journal(job_id)
    visits = []
    for visit in work.of_job(Visit, job_id):
        folded = _complete(work, job, visit, journal)
        if folded is not visit and folded != visit:
            work.put(folded)
        visits.append(folded)
    if _same((job, *visits), journal.settled):
        return
    settled = fold_job(job, visits)
    if settled is job or settled == job:
        journal.settled = (job, *visits)
    else:
        work.put(settled)


def report(
    work: Work,
    command: VisitFact,
    deed: Deed,
    name: EventName,
    *,
    detail: Mapping[str, Any] | None = None,
    flags: Iterable[Flag] = (),
) -> Applied | PutAside:
    """Book a fact from a visit: find the visit, append the event, set the flags, fold.

    `detail` names the thing reported by its id, so that two deeds of one instant differ; `flags` come on top of `circumstances`.
    Answers `unchanged` when the same person already reported the same of the same instant; PutAside as `visit_for` does.
    """
    visit = visit_for(work, command, deed)
    if isinstance(visit, PutAside):
        return visit
    job = work.get(Job, command.job_id)
    assert job is not None  # visit_for has looked
    detail = detail or {}
    if already_reported(work, visit, deed, name=name, detail=detail):
        return Applied(code="unchanged")
    raised = {*circumstances(work, visit, deed), *flags}
    record(work, job, deed, name, visit_id=visit.id, detail=detail, position=command.position)
    flag(work, job.id, visit.id, raised)
    settle(work, job.id)
    folded = work.get(Visit, visit.id)
    return applied({*raised, *(set(folded.flags if folded else ()) - set(visit.flags))})


def already_reported(work: Work, visit: Visit, deed: Deed, *, name: EventName, detail: Mapping[str, Any]) -> bool:
    """Tell whether the same person already reported the same deed of the same instant."""
    deeds = work.journal(visit.job_id).deeds(visit.id, name, deed.occurrence.at, deed.person_id)
    if not deeds:
        return False
    said = _plain(detail)
    return any(said.items() <= e.detail.items() for e in deeds)


def applied(flags: Iterable[Flag] = ()) -> Applied:
    """Answer that a fact took effect, with its flags in a stable order."""
    return Applied(flags=tuple(sorted({f.value for f in flags})))


def missing_of(work: Work, job: Job, *, no_parts_declared: bool = False) -> list[Missing]:
    """List what the job's type still wants before a visit counts as complete; nothing where the type is unknown."""
    job_type = work.job_type(job.type, job.type_version)
    if job_type is None:
        return []
    return missing_before_completion(
        job_type,
        tasks=work.of_job(Task, job.id),
        photos=work.of_job(Photo, job.id),
        readings=work.of_job(Reading, job.id),
        signatures=work.of_job(Signature, job.id),
        parts_used=EventName.PART_USED in work.journal(job.id).names,
        no_parts_declared=no_parts_declared,
    )


def _same(some: Sequence[Document], others: Sequence[Document]) -> bool:
    """Tell whether these are the very same objects: what a fold said of them it would say again."""
    return len(some) == len(others) and all(a is b for a, b in zip(some, others, strict=True))


def _complete(work: Work, job: Job, visit: Visit, journal: Journal) -> Visit:
    """Fold a visit, and set or clear `incomplete`: what comes in after the completion (an answer from the second phone) still counts."""
    trip = journal.trip(visit.id)
    folded = trip.tell(visit)
    missing = did_the_work(folded) and missing_of(work, job, no_parts_declared=trip.no_parts_declared)
    if bool(missing) is (Flag.INCOMPLETE in folded.flags):
        return folded
    flags = {*folded.flags, Flag.INCOMPLETE} if missing else set(folded.flags) - {Flag.INCOMPLETE}
    return replace(folded, flags=tuple(sorted(flags)))


def _assigned(work: Work, visit: Visit, deed: Deed) -> bool:
    """Tell whether the visit is the reporter's by a plan: one that the crew found itself is nobody's until somebody plans it."""
    if deed.person_id is None or not belongs_to(work, visit, deed.person_id, deed.occurrence.at):
        return False
    names = work.journal(visit.job_id).trip(visit.id).first.keys()
    return EventName.VISIT_FOUND not in names or not _PLANS.isdisjoint(names)


def _about(deed: Deed, position: Position | None) -> dict[str, Any]:
    """Keep what has no column: the source datum, a mocked fix, when the fix was taken, who applied a fact by hand."""
    about: dict[str, Any] = {}
    if position is not None and position.datum is not Datum.WGS84:
        about["datum"] = position.datum.value
    if position is not None and position.mock:
        about["mock"] = True
    if position is not None and position.at is not None:
        about["fixed_at"] = position.at
    if deed.on_behalf_of is not None and deed.actor.person_id != deed.on_behalf_of:
        about["applied_by"] = deed.actor.person_id
    if deed.cause is not None:
        about["cause"] = deed.cause
    return about


def _plain(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Turn values into JSON's own types; what is absent stays absent."""
    return {key: msgspec.to_builtins(value) for key, value in detail.items() if value is not None}


def _flagged(document: Any, flags: Iterable[Flag]) -> Any:
    return replace(document, flags=tuple(sorted({*document.flags, *flags})))
