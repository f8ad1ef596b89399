"""How a document reads once it is a row: what `rows.load` would give, without asking. Decides nothing.

Bodies on devices are made of rows, to the byte: instants in UTC, numbers as PostgreSQL writes them, and nothing left out but what a row
leaves out too. The tests hold this against the database.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mobile_contract.schema.base import Document

D = TypeVar("D", bound=Document)


def as_stored(document: D) -> D:
    """Give a document as it will be read from its row; the same object where that is so already. TypeError for a kind with free-form fields."""
    changed = {}
    for name, written in _fields(type(document)):
        value = getattr(document, name)
        if value is not None:
            stored = written(value)
            if stored is not value:
                changed[name] = stored
    return replace(document, **changed) if changed else document


@cache
def _fields(kind: type[Document]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Name the fields that may read otherwise than they were put, with how they read."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for field in msgspec.structs.fields(kind):
        written = _written(_plain(hints[field.name]), field.default)
        if written is not None:
            found.append((field.name, written))
    return tuple(found)


def _written(hint: Any, default: Any) -> Callable[[Any], Any] | None:
    if hint is datetime:
        return _instant
    if hint is Decimal:
        return lambda value: _number(value, default)
    if hint is float:
        return _point
    if hint is str:
        return (lambda value: _text(value, default)) if isinstance(default, str) and default else None
    if get_origin(hint) is tuple or (isinstance(hint, type) and issubclass(hint, bool | int | UUID | Enum | Struct)):
        return None
    raise TypeError(f"nobody says how {hint} reads from a row")


def _plain(hint: Any) -> Any:
    """Take off what says nothing about the type: annotations, and that it may be absent."""
    while get_origin(hint) is Annotated or type(None) in get_args(hint):
        (hint, *_) = [each for each in get_args(hint) if each is not type(None)]
    return hint


def _instant(value: datetime) -> datetime:
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _number(value: Decimal, default: object) -> Decimal:
    if "E+" in str(value):
        value = Decimal(f"{value:f}")
    # The very object that a Struct has by itself is left out of a body; one that was read never is. And there is no zero below zero.
    return value.copy_abs() if value is default or (value.is_signed() and value.is_zero()) else value


def _point(value: float) -> float:
    return value or 0.0


def _text(value: str, default: str) -> str:
    return value[:1] + value[1:] if value is default else value
