"""Reads of parts, policies, job types and rosters for lists: filters and keyset pages, one statement each. Never writes, never decides who may read."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, bindparam, exists, or_, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB

from api.barcodes import Scanned, gtin14, spellings
from api.store.composing import Place, beyond, fetch, read_cursor, starts, write_cursor
from jobs.store.tables import DOCUMENTS, TABLES, columns_of
from mobile_contract.schema.listing import PageOf
from mobile_contract.schema.listing_masters import (
    DutyPage,
    JobTypeFilter,
    JobTypePage,
    PartFilter,
    PartLine,
    PartPage,
    PolicyFilter,
    PolicyPage,
    ShiftPage,
    SpanFilter,
)

Page = TypeVar("Page", bound=Struct)
_PART: Final = TABLES["part"].c
_SHOWN_OF_SCAN: Final = 20
_COST: Final = "unit_cost"


async def list_parts(conn: asyncpg.Connection, org_id: UUID, asked: PartFilter, *, with_cost: bool) -> PartPage:
    """List parts by code, one page. Raises ProblemError for a cursor that cannot be read."""
    place = read_cursor(asked.cursor, "part.code", str)
    where = [_PART.org_id == org_id, *_parts_asked(asked)]
    if place is not None:
        where.append(beyond(_PART.code, _PART.id, place))
    found = await _parts(conn, where, limit=asked.limit + 1, with_cost=with_cost)
    if len(found) <= asked.limit:
        return PartPage(items=tuple(found))
    last = found[asked.limit - 1]
    return PartPage(items=tuple(found[: asked.limit]), next=write_cursor(Place("part.code", last.code, last.id)))


async def parts_of_scan(
    conn: asyncpg.Connection, org_id: UUID, scanned: Scanned, *, with_cost: bool
) -> tuple[PartLine, ...]:
    """Find the active parts that a barcode may mean, by code: those with its GTIN, else the one whose code it is."""
    meant = _with_gtin(scanned.gtin) if scanned.gtin else _PART.code == scanned.text
    where = [_PART.org_id == org_id, _PART.active.is_(True), meant]
    return tuple(await _parts(conn, where, limit=_SHOWN_OF_SCAN, with_cost=with_cost))


async def list_policies(conn: asyncpg.Connection, org_id: UUID, asked: PolicyFilter) -> PolicyPage:
    """List policies by code and version, one page. Raises ProblemError for a cursor that cannot be read."""
    policy = TABLES["policy"].c
    where = [policy.subject == asked.subject] if asked.subject is not None else []
    return await _versions(conn, org_id, asked, ("policy", PolicyPage, where))


async def list_job_types(conn: asyncpg.Connection, org_id: UUID, asked: JobTypeFilter) -> JobTypePage:
    """List job types by code and version, one page. Raises ProblemError for a cursor that cannot be read."""
    return await _versions(conn, org_id, asked, ("job_type", JobTypePage, []))


async def list_duties(conn: asyncpg.Connection, org_id: UUID, asked: SpanFilter) -> DutyPage:
    """List the duty roster by its beginnings, one page. Raises ProblemError for a cursor that cannot be read."""
    return await _spans(conn, org_id, asked, ("duty", DutyPage))


async def list_shifts(conn: asyncpg.Connection, org_id: UUID, asked: SpanFilter) -> ShiftPage:
    """List shifts by their beginnings, one page. Raises ProblemError for a cursor that cannot be read."""
    return await _spans(conn, org_id, asked, ("shift", ShiftPage))


def _parts_asked(asked: PartFilter) -> Iterator[ColumnElement[bool]]:
    if asked.part_class is not None:
        yield _PART.part_class == asked.part_class
    if asked.active is not None:
        yield _PART.active.is_(asked.active)
    if asked.text is not None:
        names = (starts(_PART.name[language].astext, asked.text, words=True) for language in ("en", "zh"))
        gtin = gtin14(asked.text)
        yield or_(starts(_PART.code, asked.text), *names, *([_with_gtin(gtin)] if gtin else []))


def _with_gtin(gtin: str) -> ColumnElement[bool]:
    """Say that a part has a number in whatever spelling."""
    return or_(*(_PART.gtins.contains(bindparam(None, [spelt], type_=JSONB)) for spelt in spellings(gtin)))


async def _parts(
    conn: asyncpg.Connection, where: Sequence[ColumnElement[bool]], *, limit: int, with_cost: bool
) -> list[PartLine]:
    # What may not be seen is not read: no later change of the answer can let it out.
    names = [name for name in PartLine.__struct_fields__ if with_cost or name != _COST]
    statement = select(*(_PART[name] for name in names)).where(*where).order_by(_PART.code, _PART.id).limit(limit)
    return [msgspec.convert(dict(row), PartLine) for row in await fetch(conn, statement)]


async def _versions(
    conn: asyncpg.Connection,
    org_id: UUID,
    asked: PolicyFilter | JobTypeFilter,
    listing: tuple[str, type[Page], list[ColumnElement[bool]]],
) -> Page:
    """List versioned documents by (code, version); the cursor names the last one, whose code and version never change."""
    kind, page, where = listing
    table, order = TABLES[kind], f"{kind}.version"
    where = [table.c.org_id == org_id, *where]
    if asked.code is not None:
        where.append(table.c.code == asked.code)
    if asked.latest:
        newer = table.alias("newer")
        later = (newer.c.org_id == org_id, newer.c.code == table.c.code, newer.c.version > table.c.version)
        where.append(~exists().where(*later))
    place = read_cursor(asked.cursor, order, type(None))
    if place is not None:
        last = table.alias("last")
        there = select(last.c.code, last.c.version).where(last.c.org_id == org_id, last.c.id == place.id)
        where.append(tuple_(table.c.code, table.c.version) > there.scalar_subquery())
    statement = (
        select(*(table.c[name] for name in columns_of(kind)))
        .where(*where)
        .order_by(table.c.code, table.c.version)
        .limit(asked.limit + 1)
    )
    return _paged(await fetch(conn, statement), asked, (kind, page, order), lambda item: None)


async def _spans(conn: asyncpg.Connection, org_id: UUID, asked: SpanFilter, listing: tuple[str, type[Page]]) -> Page:
    kind, page = listing
    span, order = TABLES[kind].c, f"{kind}.from_at"
    where: list[ColumnElement[bool]] = [span.org_id == org_id]
    if asked.person is not None:
        where.append(span.person_id == asked.person)
    if asked.from_at is not None:
        where.append(span.to_at > asked.from_at)
    if asked.to_at is not None:
        where.append(span.from_at < asked.to_at)
    place = read_cursor(asked.cursor, order, datetime)
    if place is not None:
        where.append(beyond(span.from_at, span.id, place))
    columns = [span[name] for name in columns_of(kind)]
    statement = select(*columns).where(*where).order_by(span.from_at, span.id).limit(asked.limit + 1)
    return _paged(await fetch(conn, statement), asked, (kind, page, order), lambda item: item.from_at)


def _paged(rows: Sequence[asyncpg.Record], asked: PageOf, listing: tuple[str, type[Page], str], key: Any) -> Page:
    kind, page, order = listing
    items = tuple(msgspec.convert(dict(row), DOCUMENTS[kind]) for row in rows[: asked.limit])
    make = cast(Any, page)
    if len(rows) <= asked.limit:
        return cast(Page, make(items=items))
    return cast(Page, make(items=items, next=write_cursor(Place(order, key(items[-1]), items[-1].id))))
