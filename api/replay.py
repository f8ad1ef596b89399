"""A span told again: puts the folds of its jobs and the tracks together. Owns no SQL, no rule and no right."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from api.problems import ProblemError, busy
from api.services import Services
from api.store import replay as store
from api.store.replay import Fix, There
from jobs.context import Actor
from jobs.rules.job import OVER
from jobs.rules.replay import JobCourse, Step, VisitThen, replay_job
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.job import Job
from mobile_contract.schema.replay import Replay, ReplayAsk, ReplayJob, ReplayStep, ReplayTrack, ReplayVisit
from sync.gate import Crowded
from sync.transaction import org_transaction

# A day has 25 hours where clocks are put back.
SPAN_MAX: Final = timedelta(hours=25)


async def replay(services: Services, actor: Actor, ask: ReplayAsk, *, places: bool) -> Replay:
    """Tell a span. Raises ProblemError: invalid for one that is none or longer than a day, busy where others are told and wait."""
    if not ask.from_at < ask.to_at or ask.to_at - ask.from_at > SPAN_MAX:
        raise ProblemError("invalid", LocalText(en="A replay is of a day at most.", zh="回放最多一天。"))
    try:
        async with services.replays.enter():
            return await _read(services, actor, ask, places=places)
    except Crowded:
        raise busy(LocalText(en="Other days are being told again.", zh="正在生成其他回放。")) from None


async def _read(services: Services, actor: Actor, ask: ReplayAsk, *, places: bool) -> Replay:
    async with org_transaction(services.pool, actor.org_id) as conn:
        raw = await store.read_there(conn, actor.org_id, ask.from_at, ask.to_at)
        fixes = await store.read_tracks(conn, actor.org_id, ask.from_at, ask.to_at) if places else []
    # Folding a day of a large organisation takes a moment, and others are waiting.
    return await asyncio.to_thread(_told, raw, fixes, ask)


def _told(raw: store.Raw, fixes: list[Fix], ask: ReplayAsk) -> Replay:
    there = store.decoded(raw)
    jobs: list[ReplayJob] = []
    visits: list[ReplayVisit] = []
    steps: list[ReplayStep] = []
    for job in there.jobs:
        course = _course(there, job, ask.from_at, ask.to_at)
        if not course.steps and (course.state is None or course.state in OVER):
            continue
        jobs.append(_job(job, course))
        visits += [_visit(job.id, visit) for visit in course.visits]
        steps += [_step(job.id, step) for step in course.steps]
    return Replay(
        from_at=ask.from_at,
        to_at=ask.to_at,
        zone=there.zone,
        jobs=tuple(jobs),
        visits=tuple(visits),
        steps=tuple(sorted(steps, key=lambda step: step.at)),
        tracks=tuple(_tracks(fixes[: store.FIXES_MAX])),
        truncated=there.cut or len(fixes) > store.FIXES_MAX,
    )


def _course(there: There, job: Job, from_at: datetime, to_at: datetime) -> JobCourse:
    visits = there.visits.get(job.id, ())
    events = there.events.get(job.id)
    if events is None:
        return JobCourse(state=job.state, visits=tuple(VisitThen.of(visit) for visit in visits), steps=())
    return replay_job(job, visits, events, from_at=from_at, to_at=to_at)


def _job(job: Job, course: JobCourse) -> ReplayJob:
    return ReplayJob(
        id=job.id,
        number=job.number,
        type=job.type,
        state=course.state,
        title=job.title,
        address=job.address,
        priority=job.priority,
        district_id=job.district_id,
        lon_deg=job.lon_deg,
        lat_deg=job.lat_deg,
        reported_at=job.reported_at,
        due_at=job.arrival_due_at,
        arrived_at=job.arrived_at,
    )


def _visit(job_id: UUID, visit: VisitThen) -> ReplayVisit:
    return ReplayVisit(id=visit.visit_id, job_id=job_id, state=visit.state, **_plan(visit))


def _step(job_id: UUID, step: Step) -> ReplayStep:
    event, visit = step.event, step.visit
    return ReplayStep(
        at=step.at,
        recorded_at=event.received_at,
        name=event.name.value,
        job_id=job_id,
        job_state=step.job_state,
        actor_id=event.actor_id,
        visit_id=event.visit_id,
        visit_state=None if visit is None else visit.state,
        **_plan(visit),
    )


def _plan(visit: VisitThen | None) -> dict[str, Any]:
    return {} if visit is None else {name: getattr(visit, name) for name in VisitThen.PLAN}


def _tracks(fixes: Iterable[Fix]) -> Iterator[ReplayTrack]:
    for (person_id, crew_id, _), leg in groupby(fixes, key=lambda fix: (fix.person_id, fix.crew_id, fix.leg)):
        points = tuple((round(fix.s, 1), fix.lon_deg, fix.lat_deg) for fix in leg)
        yield ReplayTrack(person_id=person_id, crew_id=crew_id, points=points)
