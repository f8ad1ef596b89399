"""Reads of requests for their list: filters and keyset pages, one statement. Never writes, never decides who may read."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import ColumnElement, Select, and_, or_, select

from api.store.composing import Place, beyond, fetch, read_cursor, starts, write_cursor
from jobs.store.tables import TABLES, columns_of
from mobile_contract.schema.job import Request
from mobile_contract.schema.listing import RequestFilter, RequestPage, RequestShown
from mobile_contract.schema.place import Contact

_REQUEST: Final = TABLES["request"]
_CONTACT: Final = TABLES["contact"]
_ORDER: Final = "request.newest"
# Both tables have an id: the contact's columns go by another name.
_OF_CONTACT: Final = {name: f"contact__{name}" for name in columns_of("contact")}


async def list_requests(conn: asyncpg.Connection, org_id: UUID, asked: RequestFilter) -> RequestPage:
    """List the requests that pass the filter, newest reports first, one page. Raises ProblemError for a cursor that cannot be read."""
    place = read_cursor(asked.cursor, _ORDER, datetime)
    rows = await fetch(conn, _page(org_id, asked, place))
    items = tuple(_shown(row) for row in rows[: asked.limit])
    if len(rows) <= asked.limit:
        return RequestPage(items=items)
    last = items[-1].request
    return RequestPage(items=items, next=write_cursor(Place(_ORDER, last.reported_at, last.id)))


def _page(org_id: UUID, asked: RequestFilter, place: Place | None) -> Select[Any]:
    request, contact = _REQUEST.c, _CONTACT.c
    where = [request.org_id == org_id, *_conditions(asked)]
    if place is not None:
        where.append(beyond(request.reported_at, request.id, place, descending=True))
    theirs = and_(contact.org_id == org_id, contact.id == request.contact_id)
    columns = (request[name] for name in columns_of("request"))
    of_contact = (contact[name].label(label) for name, label in _OF_CONTACT.items())
    return (
        select(*columns, *of_contact)
        .select_from(_REQUEST.outerjoin(_CONTACT, theirs))
        .where(*where)
        .order_by(request.reported_at.desc(), request.id.desc())
        .limit(asked.limit + 1)
    )


def _conditions(asked: RequestFilter) -> Iterator[ColumnElement[bool]]:
    request = _REQUEST.c
    if asked.linked is not None:
        yield request.job_id.is_not(None) if asked.linked else request.job_id.is_(None)
    if asked.job is not None:
        yield request.job_id == asked.job
    if asked.text is not None:
        yield or_(starts(request.external_ref, asked.text), starts(request.address, asked.text, words=True))
    if asked.reported_from is not None:
        yield request.reported_at >= asked.reported_from
    if asked.reported_to is not None:
        yield request.reported_at < asked.reported_to


def _shown(row: asyncpg.Record) -> RequestShown:
    request = msgspec.convert({name: row[name] for name in columns_of("request")}, Request)
    contact = {name: row[label] for name, label in _OF_CONTACT.items()}
    # A request without a contact is joined with nothing.
    return RequestShown(
        request=request, contact=msgspec.convert(contact, Contact) if contact["id"] is not None else None
    )
