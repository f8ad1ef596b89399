"""Reads of visits, people, crews, districts, sites and approvals for lists: filters and keyset pages, one statement each. Never writes."""

from typing import Any, Final, Generic, TypeVar, cast
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Text, bindparam, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api.store.composing import Place, beyond, fetch, in_box, one_of, read_cursor, starts, write_cursor
from geo.store.tables import district
from jobs.context import Actor
from jobs.store.tables import DOCUMENTS, TABLES, columns_of
from mobile_contract.schema.approval import ApprovalState
from mobile_contract.schema.base import Document
from mobile_contract.schema.listing import (
    ApprovalFilter,
    ApprovalPage,
    CrewFilter,
    CrewPage,
    DistrictPage,
    PageOf,
    PersonFilter,
    PersonPage,
    SiteFilter,
    SitePage,
    VisitFilter,
    VisitPage,
)

Page = TypeVar("Page", bound=Struct)
_TABLES: Final = {**TABLES, "district": district}


async def list_visits(conn: asyncpg.Connection, org_id: UUID, asked: VisitFilter) -> VisitPage:
    """List visits by id."""
    visit = TABLES["visit"].c
    where: list[ColumnElement[bool]] = []
    if asked.state:
        where.append(one_of(visit.state, asked.state))
    for column, wanted in ((visit.job_id, asked.job), (visit.crew_id, asked.crew), (visit.person_id, asked.person)):
        if wanted is not None:
            where.append(column == wanted)
    if asked.planned_from is not None:
        where.append(visit.planned_start_at >= asked.planned_from)
    if asked.planned_to is not None:
        where.append(visit.planned_start_at < asked.planned_to)
    return await _page(conn, org_id, asked, Listing("visit", "id", VisitPage, where))


async def list_persons(conn: asyncpg.Connection, org_id: UUID, asked: PersonFilter) -> PersonPage:
    """List persons by code; `text` begins a code or a word of a name."""
    person = TABLES["person"].c
    where: list[ColumnElement[bool]] = []
    if asked.role is not None:
        where.append(_holds(person.roles, asked.role.value))
    if asked.active is not None:
        where.append(person.active.is_(asked.active))
    if asked.text is not None:
        where.append(or_(starts(person.code, asked.text), starts(person.name, asked.text, words=True)))
    return await _page(conn, org_id, asked, Listing("person", "code", PersonPage, where))


async def list_crews(conn: asyncpg.Connection, org_id: UUID, asked: CrewFilter) -> CrewPage:
    """List crews by code."""
    crew = TABLES["crew"].c
    where: list[ColumnElement[bool]] = []
    if asked.active is not None:
        where.append(crew.active.is_(asked.active))
    if asked.district is not None:
        where.append(_holds(crew.district_ids, str(asked.district)))
    return await _page(conn, org_id, asked, Listing("crew", "code", CrewPage, where))


async def list_districts(conn: asyncpg.Connection, org_id: UUID, asked: PageOf) -> DistrictPage:
    """List districts by code, without their outlines."""
    return await _page(conn, org_id, asked, Listing("district", "code", DistrictPage, []))


async def list_sites(conn: asyncpg.Connection, org_id: UUID, asked: SiteFilter) -> SitePage:
    """List sites by code; `text` begins a code, or a word of a name or an address. Raises ProblemError for a wrong box."""
    site = TABLES["site"].c
    where: list[ColumnElement[bool]] = []
    if asked.district is not None:
        where.append(site.district_id == asked.district)
    if asked.text is not None:
        words = (starts(column, asked.text, words=True) for column in (site.name, site.address))
        where.append(or_(starts(site.code, asked.text), *words))
    if asked.bbox is not None:
        where.append(in_box(site.lon_deg, site.lat_deg, asked.bbox))
    return await _page(conn, org_id, asked, Listing("site", "code", SitePage, where))


async def list_approvals(conn: asyncpg.Connection, actor: Actor, asked: ApprovalFilter) -> ApprovalPage:
    """List approvals by id; `mine` are those that wait for the actor."""
    approval = TABLES["approval"].c
    where: list[ColumnElement[bool]] = []
    if asked.state:
        where.append(one_of(approval.state, asked.state))
    if asked.job is not None:
        where.append(approval.job_id == asked.job)
    if asked.role is not None:
        where.append(approval.role == asked.role.value)
    if asked.mine:
        # Also what somebody has delegated to the actor, and what escalated to them.
        seen = [f"me/{actor.person_id}", *(f"role/{role}" for role in sorted(actor.roles))]
        where += [
            approval.state == ApprovalState.WAITING.value,
            approval.inboxes.has_any(bindparam(None, seen, type_=ARRAY(Text))),
            or_(approval.asked_by.is_(None), approval.asked_by != actor.person_id),
        ]
    return await _page(conn, actor.org_id, asked, Listing("approval", "id", ApprovalPage, where))


class Listing(Struct, Generic[Page], frozen=True, eq=False):
    """A list of documents: their kind, the column they are ordered by, what a page of them is, and which of them."""

    kind: str
    sort: str
    page: type[Page]
    where: list[ColumnElement[bool]]


async def _page(conn: asyncpg.Connection, org_id: UUID, asked: PageOf, listing: Listing[Page]) -> Page:
    make = cast(Any, listing.page)
    table = _TABLES[listing.kind]
    key = table.c[listing.sort]
    order = f"{listing.kind}.{listing.sort}"
    where = [table.c.org_id == org_id, *listing.where]
    by_id = listing.sort == "id"
    place = read_cursor(asked.cursor, order, type(None) if by_id else str)
    if place is not None:
        where.append(key > place.id if by_id else beyond(key, table.c.id, place))
    columns = [table.c[name] for name in columns_of(listing.kind)]
    statement = (
        select(*columns).where(*where).order_by(*((key,) if by_id else (key, table.c.id))).limit(asked.limit + 1)
    )
    rows = await fetch(conn, statement)
    kind: type[Document] = DOCUMENTS[listing.kind]
    items = tuple(msgspec.convert(dict(row), kind) for row in rows[: asked.limit])
    if len(rows) <= asked.limit:
        return cast(Page, make(items=items))
    last = Place(order, None if by_id else getattr(items[-1], listing.sort), items[-1].id)
    return cast(Page, make(items=items, next=write_cursor(last)))


def _holds(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Say that a jsonb array holds a text."""
    held: ColumnElement[bool] = column.contains(bindparam(None, [text], type_=JSONB))
    return held
