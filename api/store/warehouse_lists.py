"""Reads of the warehouse's queues: to approve, to pick, to hand over, to receive back, exceptions. Never writes, never decides who may read.

A queue is one walk along an index that holds only what waits, so that it costs what is in it and not what ever was. What came back is
summed over all that ever did: a small part of all movements, found by index.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, bindparam, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from api.store.composing import Place, beyond, fetch, one_of, read_cursor, write_cursor
from api.store.labels import labels_of
from api.store.stock_lists import stock_of_parts
from jobs.context import Actor
from jobs.stock_locations import RETURNED, place_id
from jobs.store.tables import DOCUMENTS, TABLES, columns_of
from mobile_contract.schema.approval import Subject
from mobile_contract.schema.listing import PageOf
from mobile_contract.schema.listing_stock import (
    ApproveQueue,
    ApproveQueueFilter,
    ExceptionFilter,
    ExceptionPage,
    HandOverQueue,
    HandOverQueueFilter,
    PickQueue,
    PickQueueFilter,
    QueueCounts,
    ReturnedJob,
    ReturnLine,
    ReturnQueue,
    ReturnQueueFilter,
)

_PICKING: Final = "state in ('approved', 'reserved', 'picking', 'partly_issued')"
# Nothing is fetched for a job that is over; when it is reopened, its requests wait again.
_GOES_ON: Final = """not exists (select from job j where j.org_id = material_request.org_id and j.id = material_request.job_id
  and j.state in ('cancelled', 'closed'))"""
_WAITING: Final = "state = 'waiting'"
_RETURNS: Final = "stock.returns"

# How much of what came back on each job waits in the place of returns, and since when.
_BACK: Final = """
select coalesce(m.job_id, '00000000-0000-0000-0000-000000000000') job_id, m.part_id, m.lot, m.serial, sum(m.quantity) quantity,
  min(m.occurred_at) filter (where m.quantity > 0) since
from (
  select job_id, part_id, lot, serial, quantity, occurred_at from stock_move where org_id = $1 and to_location_id = $2
  union all
  select job_id, part_id, lot, serial, -quantity, occurred_at from stock_move where org_id = $1 and from_location_id = $2) m
where $3::uuid is null or m.job_id = $3
group by 1, 2, 3, 4 having sum(m.quantity) > 0"""

_RETURN_PAGE: Final = f"""
with back as ({_BACK}),
chosen as (
  select job_id, min(since) since from back group by job_id
  having $4::timestamptz is null or (min(since), job_id) > ($4, $5::uuid)
  order by 2, 1 limit $6)
select c.job_id, c.since job_since, b.part_id, b.quantity, b.lot, b.serial, b.since
from chosen c join back b on b.job_id = c.job_id order by c.since, c.job_id, b.part_id, b.lot, b.serial limit $7"""
_LINES_OF_A_JOB: Final = 500

_COUNTS: Final = f"""
select
  (select count(*) from approval where org_id = $1 and {_WAITING} and subject = $3)::int to_approve,
  (select count(*) from material_request where org_id = $1 and {_PICKING} and {_GOES_ON})::int to_pick,
  (select count(*) from issue_slip where org_id = $1 and received_at is null)::int to_hand_over,
  (select count(distinct job_id) from ({_BACK.replace("$3", "null")}) b)::int to_receive_back,
  (select count(*) from stock_exception where org_id = $1 and state = 'open')::int exceptions"""


async def count_queues(conn: asyncpg.Connection, org_id: UUID) -> QueueCounts:
    """Count what waits in each queue; returns count jobs."""
    row = await conn.fetchrow(_COUNTS, org_id, place_id(org_id, RETURNED), Subject.MATERIAL_REQUEST.value)
    assert row is not None  # a select of sums has one row
    return QueueCounts(**dict(row))


async def list_to_approve(conn: asyncpg.Connection, actor: Actor, asked: ApproveQueueFilter) -> ApproveQueue:
    """List requests for material that wait for a decision, first asked first; `mine` are those that wait for the actor."""
    approval = TABLES["approval"].c
    # As text, not as a parameter: a plan for any state could not use the index of those that wait.
    where: list[ColumnElement[bool]] = [literal_column(_WAITING), approval.subject == Subject.MATERIAL_REQUEST.value]
    if asked.job is not None:
        where.append(approval.job_id == asked.job)
    if asked.mine:
        inboxes = [f"me/{actor.person_id}", *(f"role/{role}" for role in sorted(actor.roles))]
        where.append(approval.inboxes.has_any(bindparam(None, inboxes, type_=ARRAY(Text))))
    items, after = await _walk(conn, actor.org_id, asked, Queue("approval", "asked_at", where))
    names = await labels_of(conn, actor.org_id, [id for i in items for id in (i.job_id, i.asked_by, i.person_id)])
    return ApproveQueue(items=items, names=names, next=after)


async def list_to_pick(conn: asyncpg.Connection, org_id: UUID, asked: PickQueueFilter) -> PickQueue:
    """List approved requests of jobs that go on of which something is still to be issued, oldest first, with where their parts lie."""
    request = TABLES["material_request"].c
    where: list[ColumnElement[bool]] = [literal_column(_PICKING), literal_column(_GOES_ON)]
    if asked.store is not None:
        where.append(or_(request.store_id == asked.store, request.store_id.is_(None)))
    if asked.job is not None:
        where.append(request.job_id == asked.job)
    items, after = await _walk(conn, org_id, asked, Queue("material_request", "requested_at", where))
    parts = [line.part_id for item in items for line in item.lines]
    stock = await stock_of_parts(conn, org_id, parts, store_id=asked.store) if parts else ()
    named = [*parts, *(id for i in items for id in (i.job_id, i.requested_by, i.store_id))]
    return PickQueue(items=items, stock=stock, names=await labels_of(conn, org_id, named), next=after)


async def list_to_hand_over(conn: asyncpg.Connection, org_id: UUID, asked: HandOverQueueFilter) -> HandOverQueue:
    """List issue slips that no crew has received in full, first issued first."""
    slip = TABLES["issue_slip"].c
    where: list[ColumnElement[bool]] = [slip.received_at.is_(None)]
    for column, wanted in ((slip.store_id, asked.store), (slip.crew_id, asked.crew), (slip.job_id, asked.job)):
        if wanted is not None:
            where.append(column == wanted)
    items, after = await _walk(conn, org_id, asked, Queue("issue_slip", "issued_at", where))
    named = [id for i in items for id in (i.job_id, i.store_id, i.crew_id, i.person_id, i.issued_by)]
    named += [id for i in items for line in i.lines for id in (line.part_id, line.from_location_id)]
    return HandOverQueue(items=items, names=await labels_of(conn, org_id, named), next=after)


async def list_to_receive_back(conn: asyncpg.Connection, org_id: UUID, asked: ReturnQueueFilter) -> ReturnQueue:
    """List by job what crews gave back and no store has taken in, the longest waiting first."""
    place = read_cursor(asked.cursor, _RETURNS, datetime)
    after = (place.value, place.id) if place is not None else (None, None)
    rows = await conn.fetch(
        _RETURN_PAGE,
        org_id,
        place_id(org_id, RETURNED),
        asked.job,
        *after,
        asked.limit + 1,
        (asked.limit + 1) * _LINES_OF_A_JOB,
    )
    jobs: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        jobs.setdefault(row["job_id"], []).append(row)
    found = list(jobs.items())
    shown = tuple(_returned(job_id, lines) for job_id, lines in found[: asked.limit])
    named = [id for job in shown for id in (job.job_id, *(line.part_id for line in job.lines))]
    names = await labels_of(conn, org_id, named)
    if len(found) <= asked.limit:
        return ReturnQueue(items=shown, names=names)
    last_id, last = found[asked.limit - 1]
    return ReturnQueue(items=shown, names=names, next=write_cursor(Place(_RETURNS, last[0]["job_since"], last_id)))


async def list_exceptions(conn: asyncpg.Connection, org_id: UUID, asked: ExceptionFilter) -> ExceptionPage:
    """List what reconciliations found, first found first."""
    exception = TABLES["stock_exception"].c
    where = [one_of(exception.state, asked.state)] if asked.state else []
    if asked.kind:
        where.append(one_of(exception.kind, asked.kind))
    narrowed = {
        exception.day: asked.day,
        exception.job_id: asked.job,
        exception.part_id: asked.part,
        exception.location_id: asked.location,
    }
    where += [column == wanted for column, wanted in narrowed.items() if wanted is not None]
    items, after = await _walk(conn, org_id, asked, Queue("stock_exception", "found_at", where))
    named = [id for i in items for id in (i.job_id, i.part_id, i.location_id, i.subject_id)]
    return ExceptionPage(items=items, names=await labels_of(conn, org_id, named), next=after)


class Queue(Struct, frozen=True, eq=False):
    """What waits: documents of a kind in the order of an instant, and which of them."""

    kind: str
    since: str
    where: list[ColumnElement[bool]]


async def _walk(
    conn: asyncpg.Connection, org_id: UUID, asked: PageOf, queue: Queue
) -> tuple[tuple[Any, ...], str | None]:
    """Read one page and the cursor of the next. Raises ProblemError for a cursor that cannot be read."""
    table = TABLES[queue.kind].c
    key, order = table[queue.since], f"queue.{queue.kind}"
    where = [table.org_id == org_id, *queue.where]
    place = read_cursor(asked.cursor, order, datetime)
    if place is not None:
        where.append(beyond(key, table.id, place))
    columns = [table[name] for name in columns_of(queue.kind)]
    rows = await fetch(conn, select(*columns).where(*where).order_by(key, table.id).limit(asked.limit + 1))
    items = tuple(msgspec.convert(dict(row), DOCUMENTS[queue.kind]) for row in rows[: asked.limit])
    if len(rows) <= asked.limit:
        return items, None
    return items, write_cursor(Place(order, getattr(items[-1], queue.since), items[-1].id))


def _returned(job_id: UUID, rows: Sequence[asyncpg.Record]) -> ReturnedJob:
    lines = tuple(ReturnLine(**{name: row[name] for name in ReturnLine.__struct_fields__}) for row in rows)
    return ReturnedJob(job_id=job_id if job_id.int else None, since=rows[0]["job_since"], lines=lines)
