"""A storm at the edge: the jobs that nobody has by area, and sending somebody to many of them at once. Decides nothing.

Whether an assignment takes effect is the command's own business. The id of the request (its Idempotency-Key) leads to the ids of all its
commands and visits, so that sending it again changes nothing.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Final
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from api.problems import ProblemError
from api.services import Services
from api.store import storm as store
from api.store.storm import Placed, Span, Stop
from geo.coordinates import LonLat
from geo.travel import GreatCircleTravel, SpeedTable, TravelTimes, between
from jobs.context import Actor, Occurrence
from jobs.loading import load_organisation
from jobs.store.storms import Levels, storm_levels, storms_in_force
from mobile_contract.errors import ERRORS, Language
from mobile_contract.rules.storm import LEVELS, effects_of
from mobile_contract.schema.base import Priority
from mobile_contract.schema.decisions import AssignVisit
from mobile_contract.schema.storm import (
    AssignGroupAnswer,
    AssignGroupAsk,
    GroupLine,
    StormAsk,
    StormEffects,
    StormGroup,
    StormView,
)
from sync.ask import Ask
from sync.execute import run
from sync.outcomes import Answer
from sync.transaction import org_transaction

# As many as a phone's queue has in a transaction: locks are held no longer than there.
_AT_ONCE: Final = 50
_LINE_CHARS: Final = 300
_URGENCY: Final = {priority: n for n, priority in enumerate(Priority)}


async def look(services: Services, org_id: UUID, ask: StormAsk, language: Language) -> StormView:
    """Show the storm in force and the jobs that nobody has, by area; without a storm those of the whole organisation."""
    now = services.clock()
    async with org_transaction(services.pool, org_id) as conn:
        storms = await storms_in_force(conn, org_id)
        effects = effects_of(storms[0].level) if storms else LEVELS[0]
        effects = _chosen(effects, ask)
        asked = () if ask.district_id is None else (ask.district_id,)
        districts = asked or (storms[0].district_ids if storms else ())
        levels = await storm_levels(conn, org_id)
        counts = await store.count_jobs(conn, org_id, districts, now=now)
        placed = await store.group_jobs(
            conn, org_id, districts, radius_m=effects.group_radius_m, jobs_max=effects.group_jobs_max
        )
    groups = [
        _group(tuple(members), levels, now=now, language=language)
        for _, members in groupby(placed, key=lambda each: each.group_no)
    ]
    return StormView(
        now=now,
        storm=storms[0] if storms else None,
        storms=storms,
        effects=effects,
        levels=LEVELS,
        counts=counts,
        groups=tuple(sorted(groups, key=_urgency)),
        truncated=len(placed) >= store.JOBS_MAX,
    )


async def assign_group(
    services: Services, actor: Actor, ask: AssignGroupAsk, *, key: UUID, language: Language
) -> AssignGroupAnswer:
    """Send somebody to many jobs: a command `assign_visit` each, 50 in a transaction. Raises ProblemError (nobody_named, invalid)."""
    if (ask.crew_id is None) == (ask.person_id is None):
        raise ProblemError("nobody_named")
    now = services.clock()
    job_ids = tuple(dict.fromkeys(ask.job_ids))
    plan = await _laid_out(services, actor.org_id, ask, job_ids)
    asks = [_ask(ask, job_id, plan.get(job_id), _Request(actor, key, now)) for job_id in job_ids]
    answers: list[Answer] = []
    for first in range(0, len(asks), _AT_ONCE):
        chunk = asks[first : first + _AT_ONCE]
        answers += await run(services.pool, actor.org_id, chunk, now=now, poke=services.poke)
    async with org_transaction(services.pool, actor.org_id) as conn:
        times = await store.times_of(conn, actor.org_id, [_visit_id(answer.command_id) for answer in answers])
    lines = {job_id: _line(job_id, answer, times, language) for job_id, answer in zip(job_ids, answers, strict=True)}
    return AssignGroupAnswer(
        assigned=sum(answer.took_effect for answer in answers), items=tuple(lines[job_id] for job_id in job_ids)
    )


class _Request(Struct, frozen=True):
    """Who asks, under which key, and when."""

    actor: Actor
    key: UUID
    now: datetime


def _chosen(effects: StormEffects, ask: StormAsk) -> StormEffects:
    return replace(
        effects,
        group_radius_m=ask.radius_m or effects.group_radius_m,
        group_jobs_max=ask.jobs_max or effects.group_jobs_max,
    )


def _group(members: Sequence[Placed], levels: Levels, *, now: datetime, language: Language) -> StormGroup:
    """Put a group together from its jobs, the most urgent of which comes first."""
    first = members[0]
    middle = min(members, key=lambda each: (each.off_m, each.job.id))
    oldest = min(members, key=lambda each: (each.job.reported_at, each.job.id))
    zh = language is Language.ZH and first.district_zh
    district = first.district_zh if zh else first.district_en
    label = " · ".join(part for part in (district, middle.job.address or middle.job.number) if part)
    jobs = tuple(replace(each.job, waits=not levels.sends(each.job.priority, each.district_id)) for each in members)
    return StormGroup(
        key=oldest.job.id,
        label=label[:_LINE_CHARS],
        district_id=first.district_id,
        lon_deg=first.centre_lon_deg,
        lat_deg=first.centre_lat_deg,
        radius_m=round(max(each.off_m for each in members), 1),
        count=len(members),
        breached=sum(job.due_at is not None and job.due_at < now for job in jobs),
        waits=sum(job.waits for job in jobs),
        worst_priority=first.job.priority,
        worst_due_at=first.job.due_at,
        job_ids=tuple(job.id for job in jobs),
        jobs=jobs,
    )


def _urgency(group: StormGroup) -> tuple[int, float, int, UUID]:
    due = group.worst_due_at.timestamp() if group.worst_due_at is not None else float("inf")
    return (_URGENCY[group.worst_priority], due, -group.count, group.key)


async def _laid_out(
    services: Services, org_id: UUID, ask: AssignGroupAsk, job_ids: Sequence[UUID]
) -> Mapping[UUID, Span]:
    """Lay the visits one after the other from `begin_at` on; without it they have no times."""
    if ask.begin_at is None:
        return {}
    async with org_transaction(services.pool, org_id) as conn:
        stops = await store.stops_of(conn, org_id, job_ids)
        organisation = await load_organisation(conn, org_id)
    travel = GreatCircleTravel(SpeedTable(zone=organisation.zone))
    known = [job_id for job_id in job_ids if job_id in stops]
    try:
        return await asyncio.to_thread(_spans, [(id, stops[id]) for id in known], travel, ask.begin_at)
    except OverflowError:
        raise ProblemError("invalid", "begin_at is at the edge of the calendar.") from None


def _spans(stops: Sequence[tuple[UUID, Stop]], travel: TravelTimes, begin_at: datetime) -> dict[UUID, Span]:
    """Reckon when each visit begins and ends: the first at once, the others after the way from the one before."""
    spans: dict[UUID, Span] = {}
    at = begin_at
    ways = [0.0, *(_way_s(before, after, travel, begin_at) for (_, before), (_, after) in pairwise(stops))]
    for (job_id, stop), way_s in zip(stops, ways, strict=True):
        start_at = at + timedelta(seconds=round(way_s))
        at = start_at + timedelta(seconds=stop.duration_s)
        spans[job_id] = Span(start_at, at)
    return spans


def _way_s(before: Stop, after: Stop, travel: TravelTimes, leave_at: datetime) -> float:
    points = [LonLat(s.lon_deg, s.lat_deg) for s in (before, after) if s.lon_deg is not None and s.lat_deg is not None]
    # Where nobody knows how far it is, nothing is made up.
    return between(travel, points[0], points[1], leave_at).travel_s if len(points) == 2 else 0.0


def _ask(ask: AssignGroupAsk, job_id: UUID, span: Span | None, request: _Request) -> Ask:
    """Make the command for one job. Its digest is that of what was asked: sent again it is the same, wherever the job may be by then."""
    command_id = uuid5(request.key, str(job_id))
    command = AssignVisit(
        job_id=job_id,
        visit_id=_visit_id(command_id),
        crew_id=ask.crew_id,
        person_id=ask.person_id,
        planned_start_at=span.start_at if span else None,
        planned_end_at=span.end_at if span else None,
        only_if_open=True,
    )
    fields = msgspec.to_builtins(command)
    name = fields.pop("name")
    args = msgspec.json.encode(fields)
    asked = b"\0".join((b"assign-group", job_id.bytes, msgspec.json.encode((ask.crew_id, ask.person_id, ask.begin_at))))
    return Ask(
        id=command_id,
        name=name,
        args=args,
        digest=hashlib.sha256(asked).digest(),
        raw=args,
        actor=request.actor,
        occurrence=Occurrence(at=request.now),
        received_at=request.now,
    )


def _visit_id(command_id: UUID) -> UUID:
    return uuid5(command_id, "visit")


def _line(job_id: UUID, answer: Answer, times: Mapping[UUID, Span], language: Language) -> GroupLine:
    visit_id = _visit_id(answer.command_id) if answer.took_effect else None
    span = times.get(visit_id) if visit_id is not None else None
    return GroupLine(
        job_id=job_id,
        command_id=answer.command_id,
        status=answer.status,
        code=answer.code,
        text=ERRORS[answer.code].text(language),
        visit_id=visit_id,
        planned_start_at=span.start_at if span else None,
        planned_end_at=span.end_at if span else None,
        repeated=answer.repeated,
    )
