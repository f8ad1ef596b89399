"""What would take a command back: the commands that lead from how things stand now to how they stood before it. Pure; executes nothing.

Nothing is erased: what is taken back stays in the record, and what takes it back is a deed of its own. What the field has done since wins.
A visit that was called off does not come back to life: its plan comes back as a new visit.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from jobs.event import Event, EventName
from jobs.result import Refused
from jobs.rules.visit import BOOKED, UNDER_WAY, fold_visit
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import (
    AssignVisit,
    EditJob,
    FieldEdit,
    HoldJob,
    PlanVisit,
    ReassignVisit,
    ReleaseJob,
    ReopenJob,
)
from mobile_contract.schema.job import HoldReason, Job, JobState, Visit, VisitLock, VisitState
from mobile_contract.schema.planning import LockVisit, SwapVisits, WithdrawVisit

REASON: Final = "taken back"
"""The reason that commands name which take something back."""

_PLANS: Final = frozenset({EventName.VISIT_PLANNED, EventName.VISIT_ASSIGNED, EventName.VISIT_CLAIMED})
_HOLDS: Final = frozenset(
    {EventName.JOB_HELD, EventName.JOB_RELEASED, EventName.JOB_CANCELLED, EventName.JOB_REOPENED, EventName.JOB_CLOSED}
)
_SENT: Final = frozenset({VisitState.DISPATCHED, VisitState.ACCEPTED})
_THOUGHT: Final = frozenset({VisitState.TENTATIVE, VisitState.SCHEDULED})
# What says nothing about where a visit stands: it may have happened since.
_BESIDE: Final = frozenset({EventName.NOTE_ADDED, EventName.PHOTO_ADDED, EventName.VISIT_LOCKED})


class Scene(Struct, frozen=True, kw_only=True):
    """A job as it stands, with all its visits and events by seq. `new_id` gives the visit that stands in for one that was called off."""

    job: Job
    visits: Mapping[UUID, Visit]
    events: Sequence[Event]
    new_id: Callable[[UUID], UUID]


class _Before(Struct, frozen=True, kw_only=True):
    """A visit's plan before the command, and the state it was in (None: there was no plan)."""

    state: VisitState | None = None
    crew_id: UUID | None = None
    person_id: UUID | None = None
    planned_start_at: datetime | None = None
    planned_end_at: datetime | None = None

    @property
    def someone(self) -> bool:
        """Tell whether anybody had it."""
        return self.crew_id is not None or self.person_id is not None

    @property
    def plan(self) -> dict[str, Any]:
        """Give who and when as commands name it."""
        return {name: getattr(self, name) for name in self.__struct_fields__ if name != "state"}


def take_back(name: str, command_id: UUID, scenes: Sequence[Scene]) -> list[Command] | Refused:
    """Give what takes a command back, in order; `scenes` are the jobs that it changed, the one it named first.

    Refused `undo_not_possible` for what cannot be taken back by a command, `undo_overtaken` where things have gone on since.
    """
    undo = _UNDO.get(name)
    if undo is None or not scenes or not any(_own(scene, command_id) for scene in scenes):
        return Refused("undo_not_possible")
    try:
        return undo(command_id, scenes)
    except _Overtaken as found:
        return Refused("undo_overtaken", found.about)
    except _Impossible:
        return Refused("undo_not_possible")


class _Overtaken(Exception):
    """Things have gone on since."""

    def __init__(self, **about: str) -> None:
        super().__init__()
        self.about = about


class _Impossible(Exception):
    """No command leads back."""


def _plan(command_id: UUID, scenes: Sequence[Scene]) -> list[Command]:
    scene = scenes[0]
    event = _last_own(scene, command_id, _PLANS)
    visit = _untouched(scene, event)
    before = _before(scene, event)
    now = (visit.planned_start_at, visit.planned_end_at)
    named: dict[str, Any] = {"job_id": visit.job_id, "visit_id": visit.id}
    then = before.plan
    timed = before.planned_start_at is not None or now == (None, None)
    if before.state in _SENT and timed:
        return [ReassignVisit(**named, plan_version=visit.plan_version, **then)]
    if before.state in _THOUGHT and visit.state in _THOUGHT and before.planned_start_at is not None and before.someone:
        return [PlanVisit(**named, **then)]
    away = WithdrawVisit(**named, plan_version=visit.plan_version, reason=REASON)
    return [away, *_anew(scene, visit, before)]


def _swap(command_id: UUID, scenes: Sequence[Scene]) -> list[Command]:
    swapped = [(scene, e) for scene in scenes for e in _own(scene, command_id) if e.name in _PLANS]
    if len(swapped) != 2:
        raise _Impossible
    one, other = (_untouched(scene, event) for scene, event in swapped)
    return [
        SwapVisits(
            job_id=one.job_id,
            visit_id=one.id,
            plan_version=one.plan_version,
            other_job_id=other.job_id,
            other_visit_id=other.id,
            other_plan_version=other.plan_version,
        )
    ]


def _withdrawn(command_id: UUID, scenes: Sequence[Scene]) -> list[Command]:
    scene = scenes[0]
    event = _last_own(scene, command_id, frozenset({EventName.VISIT_CANCELLED}))
    visit = _untouched(scene, event)
    if any(v.state in BOOKED | UNDER_WAY for v in scene.visits.values()):
        raise _Overtaken(state=scene.job.state.value)
    again = _anew(scene, visit, _before(scene, event))
    if not again:
        raise _Impossible
    return again


def _cancelled(command_id: UUID, scenes: Sequence[Scene]) -> list[Command]:
    scene = scenes[0]
    event = _last_own(scene, command_id, _HOLDS)
    _latest(scene, event, _HOLDS)
    if scene.job.state is not JobState.CANCELLED or scene.job.duplicate_of is not None:
        raise _Overtaken(state=scene.job.state.value)
    commands: list[Command] = [ReopenJob(job_id=scene.job.id, reason=REASON)]
    for called_off in (e for e in _own(scene, command_id) if e.name is EventName.VISIT_CANCELLED):
        before = _before(scene, called_off)
        if before.state in UNDER_WAY:
            raise _Overtaken(state=before.state.value)
        commands += _anew(scene, _untouched(scene, called_off), before)
    held = _held_before(scene, event)
    return [*commands, held] if held is not None else commands


def _held(command_id: UUID, scenes: Sequence[Scene]) -> list[Command]:
    scene = scenes[0]
    event = _last_own(scene, command_id, _HOLDS)
    _latest(scene, event, _HOLDS)
    return [_held_before(scene, event) or ReleaseJob(job_id=scene.job.id)]


def _locked(command_id: UUID, scenes: Sequence[Scene]) -> list[Command]:
    scene = scenes[0]
    names = frozenset({EventName.VISIT_LOCKED})
    event = _last_own(scene, command_id, names)
    visit = scene.visits.get(event.visit_id) if event.visit_id is not None else None
    if visit is None:
        raise _Impossible
    if any(e.seq > event.seq and e.visit_id == visit.id and e.name in names for e in scene.events):
        raise _Overtaken(state=visit.state.value)
    was = event.detail.get("was")
    lock = None if was is None else msgspec.convert(was, VisitLock)
    return [LockVisit(job_id=visit.job_id, visit_id=visit.id, plan_version=visit.plan_version, lock=lock)]


def _edited(command_id: UUID, scenes: Sequence[Scene]) -> list[Command]:
    scene = scenes[0]
    event = _last_own(scene, command_id, frozenset({EventName.JOB_EDITED}))
    changed: dict[str, dict[str, str]] = event.detail.get("changed") or {}
    if not changed:
        raise _Impossible
    for field, edit in changed.items():
        if str(getattr(scene.job, field)) != edit["set"]:
            raise _Overtaken(field=field)
    back = {field: FieldEdit(was=edit["set"], set=edit["was"]) for field, edit in changed.items()}
    return [EditJob(job_id=scene.job.id, changes=back)]


_UNDO: Final[Mapping[str, Callable[[UUID, Sequence[Scene]], list[Command]]]] = {
    "assign_visit": _plan,
    "reassign_visit": _plan,
    "plan_visit": _plan,
    "swap_visits": _swap,
    "withdraw_visit": _withdrawn,
    "cancel_job": _cancelled,
    "hold_job": _held,
    "release_job": _held,
    "lock_visit": _locked,
    "edit_job": _edited,
}


def _own(scene: Scene, command_id: UUID) -> list[Event]:
    return [event for event in scene.events if event.command_id == command_id]


def _last_own(scene: Scene, command_id: UUID, names: frozenset[EventName]) -> Event:
    found = [event for event in _own(scene, command_id) if event.name in names]
    if not found:
        raise _Impossible
    return found[-1]


def _latest(scene: Scene, event: Event, names: frozenset[EventName]) -> None:
    """Make sure that nothing of these names was recorded since."""
    if any(e.seq > event.seq and e.name in names for e in scene.events):
        raise _Overtaken(state=scene.job.state.value)


def _untouched(scene: Scene, event: Event) -> Visit:
    """Give the visit of an event, of which nothing was recorded since that says where it stands."""
    visit = scene.visits.get(event.visit_id) if event.visit_id is not None else None
    if visit is None:
        raise _Impossible
    if any(e.seq > event.seq and e.visit_id == visit.id and e.name not in _BESIDE for e in scene.events):
        raise _Overtaken(state=visit.state.value)
    return visit


def _before(scene: Scene, event: Event) -> _Before:
    past = [e for e in scene.events if e.visit_id == event.visit_id and e.seq < event.seq]
    plans = [e for e in past if e.name in _PLANS]
    visit = scene.visits.get(event.visit_id) if event.visit_id is not None else None
    if not plans or visit is None:
        return _Before()
    plan = {name: plans[-1].detail.get(name) for name in _Before.__struct_fields__ if name != "state"}
    return msgspec.convert({**plan, "state": fold_visit(visit, past).state}, _Before)


def _anew(scene: Scene, visit: Visit, before: _Before) -> list[Command]:
    """Make a visit like one that was called off; nothing where nobody was to go, or the crew had declined."""
    id = scene.new_id(visit.id)
    named: dict[str, Any] = {"job_id": visit.job_id, "visit_id": id}
    then = before.plan
    made: list[Command] = []
    if before.state in _SENT:
        made = [AssignVisit(**named, **then)]
    elif before.state in _THOUGHT and before.planned_start_at is not None:
        made = [PlanVisit(**named, **then)]
    if made and visit.lock is not None:
        made.append(LockVisit(**named, plan_version=1, lock=visit.lock))
    return made


def _held_before(scene: Scene, event: Event) -> HoldJob | None:
    past = [e for e in scene.events if e.seq < event.seq and e.name in _HOLDS]
    if not past or past[-1].name is not EventName.JOB_HELD:
        return None
    said = past[-1].detail
    until = said.get("until")
    return HoldJob(
        job_id=scene.job.id,
        reason=HoldReason(said["reason"]),
        until=None if until is None else datetime.fromisoformat(until),
        note=said.get("note", ""),
    )
