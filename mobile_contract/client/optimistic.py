"""What the user sees before the server has answered: documents plus the effect of one's own commands. Pure; guesses, never decides.

`show` folds one pure function, `effect(documents, made) -> changed documents`, over the commands that the documents do not
have yet. The guess may be wrong (a claim can be lost); the next page brings what the server made of the commands.
Other flags, due times, numbers and approvals are left to the server.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from mobile_contract.client.made import Made
from mobile_contract.client.materials import of_parts
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command, Document, Priority
from mobile_contract.schema.job import (
    Flag,
    HoldReason,
    Job,
    JobState,
    Note,
    OpenJob,
    Photo,
    Reading,
    Signature,
    Task,
    Visit,
    VisitState,
)

T = TypeVar("T", bound=Struct)

Key = tuple[str, UUID]
Documents = Mapping[Key, Document]
Changes = dict[Key, Document | None]
"""Changed documents; None: it is shown no more."""

_V = VisitState
_PLANNED: Final = frozenset({_V.TENTATIVE, _V.SCHEDULED, _V.DISPATCHED, _V.ACCEPTED, _V.DECLINED})
_BOOKED: Final = frozenset({_V.SCHEDULED, _V.DISPATCHED, _V.ACCEPTED})
_UNDER_WAY: Final = frozenset({_V.EN_ROUTE, _V.ON_SITE, _V.WORKING, _V.PAUSED})
_ALIVE: Final = _PLANNED | _UNDER_WAY
_FINISHED: Final = frozenset({_V.COMPLETED, _V.FOLLOW_UP_NEEDED, _V.NO_ACCESS})
_OVER: Final = frozenset({JobState.CANCELLED, JobState.CLOSED})


class Turn(Struct, frozen=True):
    """What a command does to a visit's state: from one of `states` to `then`; from any other nothing. `at` names a time it sets."""

    states: frozenset[VisitState]
    then: VisitState
    at: str = ""


TURNS: Final[dict[type[Command], Turn]] = {
    f.StartTravel: Turn(_PLANNED | {_V.EN_ROUTE, _V.PAUSED}, _V.EN_ROUTE, "travel_started_at"),
    f.ArriveOnSite: Turn(_PLANNED | {_V.EN_ROUTE, _V.ON_SITE}, _V.ON_SITE, "arrived_at"),
    # Whoever makes safe is on site, though the arrival itself is still to be reported.
    f.MakeSafe: Turn(_PLANNED | {_V.EN_ROUTE}, _V.ON_SITE, "made_safe_at"),
    f.ReportNotOurs: Turn(_PLANNED | {_V.EN_ROUTE}, _V.ON_SITE),
    f.StartWork: Turn(_ALIVE, _V.WORKING, "work_started_at"),
    f.PauseWork: Turn(frozenset({_V.WORKING, _V.PAUSED}), _V.PAUSED),
    f.ResumeWork: Turn(_UNDER_WAY, _V.WORKING),
    f.ReportNoAccess: Turn(_ALIVE | {_V.NO_ACCESS}, _V.NO_ACCESS),
    f.CompleteVisit: Turn(_ALIVE | _FINISHED, _V.COMPLETED),
    d.AcceptVisit: Turn(_PLANNED, _V.ACCEPTED),
    d.DeclineVisit: Turn(_PLANNED, _V.DECLINED),
}


class NewDocument(Struct, frozen=True):
    """What a command brings into being: fields of the same name are taken over; the others say where id, time and author go."""

    kind: str
    type: type[Document]
    id: str
    at: str
    by: str


NEW: Final[dict[type[Command], NewDocument]] = {
    f.AddNote: NewDocument("note", Note, "note_id", "written_at", "written_by"),
    f.AddPhoto: NewDocument("photo", Photo, "photo_id", "taken_at", "taken_by"),
    f.ReadMeter: NewDocument("reading", Reading, "reading_id", "read_at", "read_by"),
    f.CaptureSignature: NewDocument("signature", Signature, "signature_id", "signed_at", "captured_by"),
}


def show(documents: Documents, own: Iterable[Made]) -> dict[Key, Document]:
    """Give the documents as the user should see them, own commands applied in order."""
    shown = dict(documents)
    for made in own:
        for key, document in effect(shown, made).items():
            if document is None:
                shown.pop(key, None)
            else:
                shown[key] = document
    return shown


def effect(documents: Documents, made: Made) -> Changes:
    """Give what one command changes, as far as a phone can guess. A command without a visible effect changes nothing."""
    command = made.command
    changes: Changes = {}
    if isinstance(command, f.VisitFact | d.AcceptVisit | d.DeclineVisit):
        changes |= _visit_changes(documents, command, made)
    if (new := NEW.get(type(command))) is not None:
        fields = {"id": getattr(command, new.id), new.at: made.at, new.by: made.person_id}
        document = _copied(new.type, command, **fields)
        changes[(new.kind, document.id)] = document
    if (special := _SPECIAL.get(type(command))) is not None:
        changes |= special(documents, command, made)
    return changes | of_parts(documents, made)


def _visit_changes(documents: Documents, command: Any, made: Made) -> Changes:
    before = known = documents.get(("visit", command.visit_id))
    if known is None and isinstance(command, f.VisitFact):
        # A report from a trip that nobody planned makes the trip.
        before = _copied(Visit, command, id=command.visit_id, state=_V.TENTATIVE, person_id=made.person_id)
    if not isinstance(before, Visit):
        return {}
    changed = _turned(before, made)
    if changed == known:
        return {}
    changes: Changes = {("visit", changed.id): changed}
    job = documents.get(("job", changed.job_id))
    if isinstance(job, Job):
        visits = [*(v for v in _visits(documents, job) if v.id != changed.id), changed]
        changes["job", job.id] = _job_with(job, visits)
    return changes


def _turned(visit: Visit, made: Made) -> Visit:
    command, turn = made.command, TURNS.get(type(made.command))
    fields: dict[str, Any] = {}
    if isinstance(command, f.ReportNotOurs):
        fields["flags"] = tuple(sorted({*visit.flags, Flag.NOT_OURS}))
    if turn is not None and turn.at:
        fields[turn.at] = getattr(visit, turn.at) or made.at
    if turn is not None and visit.state in turn.states:
        fields |= {"state": turn.then, "reason": getattr(command, "reason", "")}
        if isinstance(command, f.CompleteVisit):
            fields["state"] = _V.FOLLOW_UP_NEEDED if command.follow_up else _V.COMPLETED
            fields["reason"] = "" if command.result == "done" else command.result
        if fields["state"] in _FINISHED:
            fields["ended_at"] = made.at
    return replace(visit, **fields)


def _job_with(job: Job, visits: list[Visit]) -> Job:
    arrivals = [v.arrived_at for v in visits if v.arrived_at is not None]
    safe = [v.made_safe_at for v in visits if v.made_safe_at is not None]
    return replace(
        job,
        state=_job_state(job, visits),
        arrived_at=min([*arrivals, *([job.arrived_at] if job.arrived_at else [])], default=None),
        made_safe_at=min([*safe, *([job.made_safe_at] if job.made_safe_at else [])], default=None),
    )


def _job_state(job: Job, visits: list[Visit]) -> JobState:
    """Read the server's table of job states as far as a crew can change it."""
    if job.state in _OVER:
        return job.state
    under_way = any(visit.state in _UNDER_WAY for visit in visits)
    booked = any(visit.state in _BOOKED for visit in visits)
    ended = [(v.ended_at, v.id, v) for v in visits if v.state in _FINISHED and v.ended_at is not None]
    last = max(ended, key=lambda each: each[:2])[2] if ended else None
    completed = last is not None and last.state is _V.COMPLETED
    did_it = completed and last is not None and not last.reason and Flag.NOT_OURS not in last.flags
    if did_it and not under_way and not booked:
        return JobState.COMPLETED
    if job.held_for is not None:
        return JobState.ON_HOLD
    if under_way or booked:
        return JobState.IN_PROGRESS if under_way else JobState.SCHEDULED
    if completed and not did_it:
        return JobState.CANNOT_COMPLETE
    return JobState.AWAITING_TRIAGE if job.triaged_at is None else JobState.READY


def _answer(documents: Documents, command: f.AnswerChecklist, made: Made) -> Changes:
    task = documents.get(("task", command.task_id))
    if not isinstance(task, Task):
        return {}
    return {("task", task.id): replace(task, answer=command.answer, answered_at=made.at, answered_by=made.person_id)}


def _report_job(documents: Documents, command: f.ReportJob, made: Made) -> Changes:
    job = _copied(
        Job,
        command,
        id=command.job_id,
        number="-",
        type=command.job_type,
        type_version=0,
        state=JobState.AWAITING_TRIAGE,
        priority=command.priority or Priority.NORMAL,
        reported_at=made.at,
        opened_at=made.at,
        opened_by=made.person_id,
        found_on_site=True,
    )
    return {("job", job.id): job}


def _claim(documents: Documents, command: d.ClaimJob, made: Made) -> Changes:
    offered = documents.get(("open_job", command.job_id))
    if not isinstance(offered, OpenJob):
        return {}
    opened = {"opened_at": offered.reported_at, "triaged_at": offered.reported_at}
    job = _copied(Job, offered, type_version=0, state=JobState.SCHEDULED, **opened)
    visit = Visit(
        id=command.visit_id, job_id=job.id, state=_V.ACCEPTED, person_id=made.person_id, dispatched_at=made.at
    )
    return {("open_job", job.id): None, ("job", job.id): job, ("visit", visit.id): visit}


def _hold(documents: Documents, command: d.HoldJob, made: Made) -> Changes:
    return _held(documents, command.job_id, reason=command.reason, until=command.until)


def _release(documents: Documents, command: d.ReleaseJob, made: Made) -> Changes:
    return _held(documents, command.job_id, reason=None, until=None)


def _held(documents: Documents, job_id: UUID, *, reason: HoldReason | None, until: datetime | None) -> Changes:
    job = documents.get(("job", job_id))
    if not isinstance(job, Job) or job.state in _OVER:
        return {}
    job = replace(job, held_for=reason, held_until=until)
    return {("job", job_id): replace(job, state=_job_state(job, _visits(documents, job)))}


def _edit(documents: Documents, command: d.EditJob, made: Made) -> Changes:
    job = documents.get(("job", command.job_id))
    if not isinstance(job, Job):
        return {}
    fields: dict[str, Any] = {}
    for name, edit in command.changes.items():
        if name in ("title", "description", "address") and getattr(job, name) == edit.was:
            fields[name] = edit.set
        if name == "priority" and job.priority == edit.was and edit.set in set(Priority):
            fields[name] = Priority(edit.set)
    return {("job", job.id): replace(job, **fields)}


def _visits(documents: Documents, job: Job) -> list[Visit]:
    return [v for v in documents.values() if isinstance(v, Visit) and v.job_id == job.id]


def _copied(to: type[T], source: Struct, **fields: Any) -> T:
    """Make a Struct from the fields that another has under the same name, and from those given."""
    shared = {name: getattr(source, name) for name in to.__struct_fields__ if hasattr(source, name)}
    return to(**{**shared, **fields})


_SPECIAL: Final[dict[type[Command], Callable[[Documents, Any, Made], Changes]]] = {
    f.AnswerChecklist: _answer,
    f.ReportJob: _report_job,
    d.ClaimJob: _claim,
    d.HoldJob: _hold,
    d.ReleaseJob: _release,
    d.EditJob: _edit,
}
