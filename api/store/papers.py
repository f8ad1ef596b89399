"""Reads what is printed: a slip or a form with what things are called; and the forms whose copies are still out. Never writes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select

from api.slips import Around, Goods
from api.store.composing import Place, beyond, fetch, read_cursor, write_cursor
from api.store.labels import labels_of
from jobs.store import rows
from jobs.store.rows import Want
from jobs.store.tables import TABLES, columns_of
from mobile_contract.schema.listing_papers import FormFilter, FormPage
from mobile_contract.schema.material import IssueSlip, MaterialRequest, Part, RepairForm

_ORDER: Final = "repair_form.next_due_at"
_AROUND: Final = """
select o.name organisation, o.zone, j.number, j.address, j.title, j.reported_at, j.arrived_at
from organisation o join job j on j.org_id = $1 and j.id = $2 where o.org_id = $1 limit 1"""


async def read_slip(conn: asyncpg.Connection, org_id: UUID, id: UUID) -> tuple[IssueSlip, Around] | None:
    """Read an issue slip and what its ids are called; None where there is none."""
    found = await rows.load(conn, org_id, [Want("issue_slip", "id", (id,))])
    if not found or not isinstance(slip := found[0].document, IssueSlip):
        return None
    named = [slip.store_id, slip.crew_id, slip.person_id, slip.form_id, slip.issued_by]
    named += [line.from_location_id for line in slip.lines]
    return slip, await _around(conn, org_id, slip.job_id, named=named, parts={line.part_id for line in slip.lines})


async def read_form(
    conn: asyncpg.Connection, org_id: UUID, id: UUID
) -> tuple[RepairForm, list[MaterialRequest], Around] | None:
    """Read a form, the requests of its job oldest first, and what ids are called; None where there is none."""
    found = await rows.load(conn, org_id, [Want("repair_form", "id", (id,))])
    if not found or not isinstance(form := found[0].document, RepairForm):
        return None
    stored = await rows.load(conn, org_id, [Want("material_request", "job_id", (form.job_id,))])
    requests = [item.document for item in stored if isinstance(item.document, MaterialRequest)]
    requests.sort(key=lambda r: (r.requested_at, r.id))
    parts = {line.part_id for request in requests for line in request.lines}
    return form, requests, await _around(conn, org_id, form.job_id, named=[], parts=parts)


async def list_forms(conn: asyncpg.Connection, org_id: UUID, asked: FormFilter, *, now: datetime) -> FormPage:
    """List forms of which a copy that is due is still out, the one that is due first before all others."""
    form = TABLES["repair_form"].c
    where = [form.org_id == org_id, form.next_due_at.is_not(None)]
    if asked.overdue:
        where.append(form.next_due_at < now)
    if asked.shift is not None:
        where.append(form.shift == asked.shift)
    place = read_cursor(asked.cursor, _ORDER, datetime)
    if place is not None:
        where.append(beyond(form.next_due_at, form.id, place))
    columns = [form[name] for name in columns_of("repair_form")]
    statement = select(*columns).where(*where).order_by(form.next_due_at, form.id).limit(asked.limit + 1)
    found = await fetch(conn, statement)
    items = tuple(msgspec.convert(dict(row), RepairForm) for row in found[: asked.limit])
    names = await labels_of(conn, org_id, [form.job_id for form in items])
    if len(found) <= asked.limit:
        return FormPage(items=items, names=names)
    last = items[-1]
    return FormPage(items=items, names=names, next=write_cursor(Place(_ORDER, last.next_due_at, last.id)))


async def _around(
    conn: asyncpg.Connection, org_id: UUID, job_id: UUID, *, named: Iterable[UUID | None], parts: Iterable[UUID]
) -> Around:
    row: Any = await conn.fetchrow(_AROUND, org_id, job_id)
    stored = await rows.load(conn, org_id, [Want("part", "id", tuple(sorted(set(parts))))])
    goods = {
        str(part.id): Goods(code=part.code, name=" ".join(filter(None, (part.name.zh, part.name.en))), unit=part.unit)
        for item in stored
        if isinstance(part := item.document, Part)
    }
    return Around(
        organisation=row["organisation"],
        zone=row["zone"],
        job_number=row["number"],
        address=row["address"],
        title=row["title"],
        reported_at=row["reported_at"],
        arrived_at=row["arrived_at"],
        names=await labels_of(conn, org_id, named),
        goods=goods,
    )
