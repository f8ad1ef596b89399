"""Handlers of the job itself: open, report, triage, edit, hold, release, cancel, close, reopen. Requests: `jobs.handlers.request`."""

from uuid import UUID

from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.issue import let_go
from jobs.opening import arrival_class, content_of, is_repeat, link, open_new, opening_of, put_tasks
from jobs.recording import applied, flag, record, settle
from jobs.requests import refold
from jobs.result import Applied, Merged, PutAside, Refused, Result
from jobs.rules.edit import Editor, merge
from jobs.rules.job import LIVE
from jobs.rules.sla import retarget
from jobs.rules.visit import OPEN
from jobs.work import Work, wgs84
from mobile_contract.schema.base import Datum
from mobile_contract.schema.decisions import (
    CancelJob,
    CloseJob,
    EditJob,
    HoldJob,
    MarkDuplicate,
    OpenJob,
    ReleaseJob,
    ReopenJob,
    TriageJob,
)
from mobile_contract.schema.facts import ReportJob
from mobile_contract.schema.job import Flag, Job, JobState, Request, Visit
from mobile_contract.schema.material import MaterialRequest
from mobile_contract.schema.place import District

UNCHANGED = Applied(code="unchanged")
_FINISHED = frozenset({JobState.COMPLETED, JobState.CANNOT_COMPLETE})


def wrong_state(job: Job) -> Refused:
    """Refuse because of the job's state, and say which one it is."""
    code = "job_already_closed" if job.state is JobState.CLOSED else "job_state"
    return Refused(code, {"state": job.state.value})


@handles(OpenJob)
def open_job(work: Work, command: OpenJob, deed: Deed) -> Result:
    """Open a job; it is ready when its point lies in a district, else it awaits triage."""
    known = work.get(Job, command.job_id)
    if known is not None:
        return UNCHANGED if is_repeat(work, known, command) else _exists(known)
    opened = open_new(work, opening_of(command), deed, content=content_of(command))
    return opened if isinstance(opened, Refused) else Applied()


@handles(ReportJob)
def report_job(work: Work, command: ReportJob, deed: Deed) -> Result:
    """Take in a job that a technician found on site: it awaits triage. Without a point of its own it lies where it was reported."""
    known = work.get(Job, command.job_id)
    if known is not None:
        return UNCHANGED if is_repeat(work, known, command) else PutAside("job_exists", _exists(known).detail)
    opening = opening_of(command, found_on_site=True)
    if command.position is not None and command.lon_deg is None and command.lat_deg is None:
        here = command.position
        opening = replace(opening, lon_deg=here.lon_deg, lat_deg=here.lat_deg, datum=here.datum)
    opened = open_new(work, opening, deed, content=content_of(command))
    if isinstance(opened, Refused):
        return PutAside(opened.code, opened.detail)
    raised = {Flag.CLOCK_SUSPECT: deed.occurrence.suspect, Flag.AFTER_UNRESOLVED: deed.after_unresolved}
    flags = [name for name, holds in raised.items() if holds]
    flag(work, opened.id, None, flags)
    return applied(flags)


@handles(TriageJob)
def triage_job(work: Work, command: TriageJob, deed: Deed) -> Result:
    """Place a job, set its type and priority; it becomes ready once it has a district, by its point or given by hand."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    if job.state not in LIVE and not (job.triaged_at is None and job.state in _FINISHED):
        return wrong_state(job)
    placed = _placed(work, job, command)
    if isinstance(placed, Refused):
        return placed
    code = command.job_type or job.type
    job_type = work.job_type(code, job.type_version if code == job.type else None)
    if job_type is None:
        return Refused("unknown_job_type", {"job_type": code})
    triaged_at = job.triaged_at or (deed.received_at if placed.district_id is not None else None)
    new = replace(
        placed,
        type=job_type.code,
        type_version=job_type.version,
        required_skills=job.required_skills if code == job.type else job_type.required_skills,
        priority=command.priority or job.priority,
        triaged_at=triaged_at,
    )
    new = retarget(new, job_type, arrival_class(work, new.district_id))
    if new == job:
        return UNCHANGED
    work.put(new)
    if code != job.type:
        put_tasks(work, new, job_type)
    detail = {"job_type": new.type, "priority": new.priority, "district_id": new.district_id}
    record(work, new, deed, EventName.JOB_TRIAGED, detail=detail)
    settle(work, job.id)
    return Applied()


@handles(EditJob)
def edit_job(work: Work, command: EditJob, deed: Deed) -> Result:
    """Change descriptive fields, each merged on its own; a changed priority sets the arrival time anew from the report."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    if job.state in (JobState.CLOSED, JobState.CANCELLED):
        return wrong_state(job)
    editor = Editor(deed.person_id, deed.command_id, deed.received_at)
    merged = merge(job, command.changes, editor)
    if isinstance(merged, Refused):
        return merged
    if not merged.changed and not merged.conflicts:
        return UNCHANGED
    new = merged.job
    if "priority" in merged.changed:
        new = retarget(new, work.job_type(new.type, new.type_version), arrival_class(work, new.district_id))
    work.put(new)
    conflicts = {c.field: {"kept": c.kept, "offered": c.offered} for c in merged.conflicts}
    changed = {field: {"was": old, "set": value} for field, (old, value) in merged.changed.items()}
    record(work, new, deed, EventName.JOB_EDITED, detail={"changed": changed, "conflicts": conflicts})
    settle(work, job.id)
    return Merged(detail={c.field: c.kept for c in merged.conflicts}) if conflicts else Applied()


@handles(MarkDuplicate)
def mark_duplicate(work: Work, command: MarkDuplicate, deed: Deed) -> Result:
    """Cancel a job as the same trouble as another; its requests move over."""
    job, other = work.get(Job, command.job_id), work.get(Job, command.of_job_id)
    if job is None or other is None:
        return Refused("unknown_job")
    if job.duplicate_of == other.id:
        return UNCHANGED
    if job.id == other.id or other.duplicate_of is not None:
        return Refused("unknown_reference", {"of_job_id": str(other.id)})
    if job.state not in LIVE:
        return wrong_state(job)
    work.put(replace(job, duplicate_of=other.id))
    record(work, job, deed, EventName.JOB_LINKED, detail={"of_job_id": other.id})
    for request in work.of_job(Request, job.id):
        link(work, request, other, deed)
    _cancel(work, job.id, deed, f"duplicate of {other.number}")
    settle(work, other.id)
    return Applied()


@handles(HoldJob)
def hold_job(work: Work, command: HoldJob, deed: Deed) -> Result:
    """Put a job on hold, or change why and until when."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    if job.state not in LIVE or job.state is JobState.DRAFT:
        return wrong_state(job)
    new = replace(job, held_for=command.reason, held_until=command.until)
    if new == job:
        return UNCHANGED
    work.put(new)
    detail = {"reason": command.reason, "until": command.until, "note": command.note}
    record(work, new, deed, EventName.JOB_HELD, detail=detail)
    settle(work, job.id)
    return Applied()


@handles(ReleaseJob)
def release_job(work: Work, command: ReleaseJob, deed: Deed) -> Result:
    """End a hold."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    if job.held_for is None:
        return UNCHANGED
    work.put(replace(job, held_for=None, held_until=None))
    record(work, job, deed, EventName.JOB_RELEASED, detail={"reason": job.held_for})
    settle(work, job.id)
    return Applied()


@handles(CancelJob)
def cancel_job(work: Work, command: CancelJob, deed: Deed) -> Result:
    """Cancel a job and its open visits; what crews report afterwards is kept and flagged."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    if job.state is JobState.CANCELLED:
        return UNCHANGED
    if job.state not in LIVE and job.state is not JobState.CANNOT_COMPLETE:
        return wrong_state(job)
    _cancel(work, job.id, deed, command.reason)
    return Applied()


@handles(CloseJob)
def close_job(work: Work, command: CloseJob, deed: Deed) -> Result:
    """Close a job that is completed or cannot be."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    if job.state is JobState.CLOSED:
        return UNCHANGED
    if job.state not in _FINISHED:
        return wrong_state(job)
    work.put(replace(job, closed_at=deed.received_at, reason=command.reason))
    record(work, job, deed, EventName.JOB_CLOSED, detail={"reason": command.reason})
    _free(work, job.id)
    settle(work, job.id)
    return Applied()


@handles(ReopenJob)
def reopen_job(work: Work, command: ReopenJob, deed: Deed) -> Result:
    """Reopen a job that was over: visits that have ended no longer count for its state, holds and the cancellation are gone."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    if job.state in LIVE:
        return UNCHANGED if job.reopened_at is not None else wrong_state(job)
    new = replace(
        job,
        closed_at=None,
        cancelled_at=None,
        held_for=None,
        held_until=None,
        duplicate_of=None,
        reopened_at=deed.received_at,
        reason=command.reason,
    )
    work.put(new)
    record(work, new, deed, EventName.JOB_REOPENED, detail={"reason": command.reason, "was": job.state})
    settle(work, job.id)
    return Applied()


def _exists(job: Job) -> Refused:
    return Refused("job_exists", {"number": job.number, "state": job.state.value})


def _placed(work: Work, job: Job, command: TriageJob) -> Job | Refused:
    """Move a job to the point and district that triage names; a district given by hand wins over the one the point lies in."""
    lon, lat = command.lon_deg, command.lat_deg
    if (lon is None) != (lat is None):
        return Refused("point_invalid")
    if command.district_id is not None and work.get(District, command.district_id) is None:
        return Refused("unknown_reference", {"district_id": str(command.district_id)})
    if lon is None or lat is None:
        lies_in = work.district_of(job.lon_deg, job.lat_deg, Datum.WGS84)
        return replace(job, district_id=command.district_id or job.district_id or lies_in)
    there_lon, there_lat = wgs84(lon, lat, command.datum)
    district_id = command.district_id or work.district_of(lon, lat, command.datum)
    return replace(job, lon_deg=there_lon, lat_deg=there_lat, datum=command.datum, district_id=district_id)


def _cancel(work: Work, job_id: UUID, deed: Deed, reason: str) -> None:
    job = work.get(Job, job_id)
    assert job is not None  # the caller has looked
    work.put(replace(job, cancelled_at=deed.received_at, held_for=None, held_until=None, reason=reason[:300]))
    record(work, job, deed, EventName.JOB_CANCELLED, detail={"reason": reason})
    for visit in work.of_job(Visit, job_id):
        # What is still reported from a withdrawn visit would revive it.
        if visit.state in OPEN or work.journal(job_id).trip(visit.id).withdrawn:
            record(work, job, deed, EventName.VISIT_CANCELLED, visit_id=visit.id, detail={"reason": reason})
    _free(work, job_id)
    settle(work, job_id)


def _free(work: Work, job_id: UUID) -> None:
    """Free what stores have set aside for a job that is over."""
    promised = [r for r in work.of_job(MaterialRequest, job_id) if any(n.reserved or n.picked for n in r.lines)]
    for request in promised:
        work.put(let_go(work, request))
    if promised:
        refold(work, job_id)
