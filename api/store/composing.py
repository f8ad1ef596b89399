"""Runs selects that SQLAlchemy Core composed, on asyncpg: filters that may or may not be there. Never writes.

Keyset pages: the cursor is the last item's sort value and id, which nobody needs to keep secret.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Select, Text, Uuid, and_, any_, bindparam, or_, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql.compiler import SQLCompiler

from api.problems import ProblemError
from mobile_contract.schema.problem import FieldError

_DIALECT: Final = asyncpg_dialect()  # type: ignore[no-untyped-call]
_NO_MATCH: Final = ("\\", "%", "_")


class Place(Struct, frozen=True, array_like=True):
    """Where a page ends: the order it belongs to, the sort value and the id of its last item."""

    order: str
    value: datetime | str | None
    id: UUID


async def fetch(conn: asyncpg.Connection, statement: Select[Any]) -> list[asyncpg.Record]:
    """Run one select in the caller's transaction."""
    compiled = statement.compile(dialect=_DIALECT)
    assert isinstance(compiled, SQLCompiler)
    rows: list[asyncpg.Record] = await conn.fetch(
        str(compiled), *(compiled.params[name] for name in compiled.positiontup or ())
    )
    return rows


def one_of(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """Say that a text column has one of some values."""
    return column == any_(bindparam(None, [str(value) for value in values], type_=ARRAY(Text)))


def among(column: ColumnElement[Any], ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Say that a column names one of some ids."""
    return column == any_(bindparam(None, sorted(set(ids)), type_=ARRAY(Uuid)))


def starts(column: ColumnElement[Any], text: str, *, words: bool = False) -> ColumnElement[bool]:
    """Say that a text, or with `words` any word of it, begins with another, whatever the case."""
    plain = text
    for character in _NO_MATCH:
        plain = plain.replace(character, f"\\{character}")
    found = column.ilike(f"{plain}%", escape="\\")
    return or_(found, column.ilike(f"% {plain}%", escape="\\")) if words else found


def in_box(lon: ColumnElement[Any], lat: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Say that a point lies in a box `west,south,east,north`, edges included. Raises ProblemError (invalid)."""
    west, south, east, north = (float(part) for part in text.split(","))
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ProblemError("invalid", errors=(FieldError(field="$.bbox", message="not a box on earth"),))
    across = and_(lon >= west, lon <= east) if west <= east else or_(lon >= west, lon <= east)
    return and_(across, lat >= south, lat <= north)


def beyond(
    key: ColumnElement[Any], id: ColumnElement[Any], place: Place, *, descending: bool = False
) -> ColumnElement[bool]:
    """Say that an item comes after a place in the order (key, id)."""
    if place.value is None:
        return and_(key.is_(None), id > place.id)
    here, there = tuple_(key, id), tuple_(place.value, place.id)
    after = here < there if descending else here > there
    # Whatever has no value comes last.
    return or_(after, key.is_(None)) if getattr(key, "nullable", False) else after


def write_cursor(place: Place) -> str:
    """Write a cursor."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read_cursor(text: str | None, order: str, value: Any = str) -> Place | None:
    """Read a cursor of a list in this order, whose sort value is of this type. Raises ProblemError for any other text."""
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found: tuple[str, Any, UUID] = msgspec.json.decode(raw, type=tuple[str, value, UUID])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise _unknown_cursor() from None
    naive = isinstance(found[1], datetime) and found[1].tzinfo is None
    if found[0] != order or naive or (isinstance(found[1], str) and "\0" in found[1]):
        raise _unknown_cursor()
    return Place(*found)


def _unknown_cursor() -> ProblemError:
    return ProblemError("invalid", errors=(FieldError(field="$.cursor", message="not a cursor of this list"),))
