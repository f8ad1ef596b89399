"""Reads of jobs for lists and maps: filters, keyset pages, one statement each. Never writes, never decides who may read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from api.store.composing import Place, beyond, fetch, in_box, one_of, read_cursor, starts, write_cursor
from jobs.store.tables import TABLES
from mobile_contract.schema.base import Priority
from mobile_contract.schema.job import JobState, VisitState
from mobile_contract.schema.listing import JobFilter, JobLine, JobPage, JobSort, MapFilter

_JOB: Final = TABLES["job"].c
_VISIT: Final = TABLES["visit"].c
_CREW: Final = TABLES["crew"].c
_PERSON: Final = TABLES["person"].c

_CALLED_OFF: Final = (VisitState.DECLINED, VisitState.CANCELLED)
_OVER: Final = (JobState.COMPLETED, JobState.CLOSED, JobState.CANCELLED, JobState.CANNOT_COMPLETE)

_PLAIN: Final = (
    "id", "number", "type", "state", "priority", "title", "address", "lon_deg", "lat_deg", "district_id", "reported_at",
    "arrival_due_at", "arrived_at", "arrival_recorded_at", "held_for", "flags",
)  # fmt: skip


class Order(Struct, frozen=True, eq=False):
    """An order of the job list: its sort value, that value's type, and the way it runs."""

    key: ColumnElement[Any]
    value: Any
    descending: bool = False


_ORDERS: Final = {
    JobSort.NEWEST: Order(_JOB.reported_at, datetime, descending=True),
    JobSort.OLDEST: Order(_JOB.reported_at, datetime),
    # Ascending, PostgreSQL puts nulls last: without a due time a job comes after all that have one, and the index serves.
    JobSort.DUE: Order(_JOB.arrival_due_at, datetime | None),
    JobSort.NUMBER: Order(_JOB.number, str),
}


class MapJob(Struct, frozen=True, kw_only=True):
    """A job as a map shows it."""

    id: UUID
    number: str
    type: str
    state: JobState
    priority: Priority
    title: str
    lon_deg: float
    lat_deg: float
    district_id: UUID | None
    arrival_due_at: datetime | None
    breached: bool
    flagged: bool


async def list_jobs(conn: asyncpg.Connection, org_id: UUID, asked: JobFilter, *, now: datetime) -> JobPage:
    """List the jobs that pass the filter, one page. Raises ProblemError for a cursor or box that cannot be read."""
    order = _ORDERS[asked.sort]
    place = read_cursor(asked.cursor, asked.sort.value, order.value)
    rows = await fetch(conn, _page(org_id, asked, order, place, now=now))
    keys = [row["sort_key"] for row in rows]
    items = tuple(
        msgspec.convert({name: row[name] for name in JobLine.__struct_fields__}, JobLine) for row in rows[: asked.limit]
    )
    if len(rows) <= asked.limit:
        return JobPage(items=items)
    last = Place(asked.sort.value, keys[asked.limit - 1], items[-1].id)
    return JobPage(items=items, next=write_cursor(last))


async def map_jobs(conn: asyncpg.Connection, org_id: UUID, asked: MapFilter, *, now: datetime) -> Sequence[MapJob]:
    """List the located jobs that pass the filter, newest reports first, one more than the limit so that a cut is seen."""
    columns = [_JOB[name] for name in MapJob.__struct_fields__ if name not in ("breached", "flagged")]
    flagged = (_JOB.flags != bindparam(None, [], type_=JSONB)).label("flagged")
    statement = (
        select(*columns, _breached(now).label("breached"), flagged)
        .where(*_conditions(org_id, asked, now=now), _JOB.lon_deg.is_not(None), _JOB.lat_deg.is_not(None))
        .order_by(_JOB.reported_at.desc(), _JOB.id.desc())
        .limit(asked.limit + 1)
    )
    return [msgspec.convert(dict(row), MapJob) for row in await fetch(conn, statement)]


def _page(org_id: UUID, asked: JobFilter, order: Order, place: Place | None, *, now: datetime) -> Select[Any]:
    """Choose the page's jobs first; only those are joined with their visit."""
    conditions = list(_conditions(org_id, asked, now=now))
    if asked.type:
        conditions.append(one_of(_JOB.type, asked.type))
    if asked.priority:
        conditions.append(one_of(_JOB.priority, asked.priority))
    if asked.text is not None:
        conditions.append(or_(starts(_JOB.number, asked.text), starts(_JOB.address, asked.text, words=True)))
    if asked.reported_from is not None:
        conditions.append(_JOB.reported_at >= asked.reported_from)
    if asked.reported_to is not None:
        conditions.append(_JOB.reported_at < asked.reported_to)
    if place is not None:
        conditions.append(beyond(order.key, _JOB.id, place, descending=order.descending))
    columns = [_JOB[name] for name in _PLAIN]
    sort = (order.key.desc(), _JOB.id.desc()) if order.descending else (order.key, _JOB.id)
    chosen = (
        select(*columns, _breached(now).label("breached"), order.key.label("sort_key"))
        .where(*conditions)
        .order_by(*sort)
        .limit(asked.limit + 1)
        .subquery("chosen")
    )
    visit = _latest_visit(org_id, chosen.c.id)
    again = (chosen.c.sort_key.desc(), chosen.c.id.desc()) if order.descending else (chosen.c.sort_key, chosen.c.id)
    shown = [column if column.name != "assignee" else func.coalesce(column, "").label("assignee") for column in visit.c]
    return select(chosen, *shown).select_from(chosen.outerjoin(visit, true())).order_by(*again)


def _latest_visit(org_id: UUID, job_id: ColumnElement[Any]) -> Any:
    crew = and_(_CREW.org_id == org_id, _CREW.id == _VISIT.crew_id)
    person = and_(_PERSON.org_id == org_id, _PERSON.id == _VISIT.person_id)
    joined = TABLES["visit"].outerjoin(TABLES["crew"], crew).outerjoin(TABLES["person"], person)
    return (
        select(
            _VISIT.id.label("visit_id"),
            _VISIT.state.label("visit_state"),
            _VISIT.crew_id,
            _VISIT.person_id,
            func.coalesce(_CREW.name, _PERSON.name, "").label("assignee"),
            _VISIT.planned_start_at,
        )
        .select_from(joined)
        .where(_VISIT.org_id == org_id, _VISIT.job_id == job_id, not_(one_of(_VISIT.state, _CALLED_OFF)))
        .order_by(_VISIT.id.desc())
        .limit(1)
        .lateral("latest")
    )


def _conditions(org_id: UUID, asked: JobFilter | MapFilter, *, now: datetime) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [_JOB.org_id == org_id]
    if asked.state:
        conditions.append(one_of(_JOB.state, asked.state))
    if asked.district is not None:
        conditions.append(_JOB.district_id == asked.district)
    for column, wanted in ((_VISIT.crew_id, asked.crew), (_VISIT.person_id, asked.person)):
        if wanted is not None:
            of_job = and_(_VISIT.org_id == org_id, _VISIT.job_id == _JOB.id, column == wanted)
            conditions.append(exists().where(of_job, not_(one_of(_VISIT.state, _CALLED_OFF))))
    if asked.breached is not None:
        conditions.append(_breached(now) if asked.breached else not_(_breached(now)))
    if asked.flagged is not None:
        none = _JOB.flags == bindparam(None, [], type_=JSONB)
        conditions.append(not_(none) if asked.flagged else none)
    if asked.bbox is not None:
        conditions.append(in_box(_JOB.lon_deg, _JOB.lat_deg, asked.bbox))
    return conditions


def _breached(now: datetime) -> ColumnElement[bool]:
    """Say that the arrival came late, or that nobody has come by now though somebody should have."""
    waiting = and_(_JOB.arrived_at.is_(None), not_(one_of(_JOB.state, _OVER)))
    late = and_(waiting, func.coalesce(_JOB.arrival_due_at < now, false()))
    return or_(_JOB.arrival_breached, late)
