"""An example of every Struct of the contract, made from its types. Pure and always the same; each decodes strictly."""

import types
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

MOMENT: Final = "2026-03-02T08:00:00Z"
_SCALARS: Final[dict[type, Any]] = {
    bool: True,
    int: 1,
    float: 1.0,
    Decimal: "2.5",
    datetime: MOMENT,
    date: MOMENT[:10],
    str: "text",
}
# What people would write there; a field that is not named gets a value of its type.
_BY_NAME: Final[dict[str, Any]] = {
    "lon_deg": 121.4737,
    "lat_deg": 31.2304,
    "title": "Water in the cellar",
    "description": "Water comes through the wall beside the meter.",
    "address": "12 Canal Street",
    "job_type": "repair",
    "reason": "customer asked for another day",
    "language": "en",
    "login": "mei",
    "password": "quiet water 7 pipes",
    "current": "quiet water 7 pipes",
    "new": "another long 4nswer",
    "org": "demo",
    "sha256": "0" * 64,
    "shown_sha256": "0" * 64,
    "photo_sha256": "0" * 64,
    "public_key": "0" * 64,
    "signature": "0" * 128,
    "zone": "Asia/Shanghai",
    "media_type": "image/jpeg",
    "size_bytes": 482113,
    "currency": "CNY",
    "plan_version": 1,
    "quantity": "2",
    "amount": "86.50",
    "unit_cost": "43.25",
    "x": 10.0,
    "y": 12.5,
    "to_min": 1020,
    "from_min": 540,
    "planned_end_at": "2026-03-02T10:00:00Z",
    "to_at": "2026-03-02T16:00:00Z",
    "valid_s": 86400,
    "outline_geojson": '{"type":"Polygon","coordinates":[[[121.4,31.2],[121.5,31.2],[121.5,31.3],[121.4,31.2]]]}',
    "en": "Stop valve DN 25",
    "zh": "截止阀 DN 25",
    "name": "Mei Lin",
    "answer": "yes",
    "text": "Key is with the neighbour.",
    "code": "MEI",
    "note": "Valve in the yard is shut.",
}
# Fields with a default that an example shows, since most callers give them.
_SHOWN: Final = frozenset({"title", "lon_deg", "lat_deg", "address", "description", "person_id"})
_DEPTH_MAX: Final = 6


def example_of(kind: type[msgspec.Struct], salt: str = "") -> Any:
    """Give an example of a Struct as plain JSON values: its required fields, and a few that most callers give."""
    return _struct(kind, salt or kind.__name__, 0)


def whole_example_of(kind: type[msgspec.Struct], salt: str) -> dict[str, Any]:
    """Give an example of a Struct with every field, as plain JSON values."""
    hints = get_type_hints(kind, include_extras=True)
    required = _struct(kind, salt, 0)
    return {
        field.encode_name: required.get(field.encode_name, _value(hints[field.name], field.name, salt, 1))
        for field in msgspec.structs.fields(kind)
    }


def _struct(kind: type[msgspec.Struct], salt: str, depth: int) -> Any:
    hints = get_type_hints(kind, include_extras=True)
    config = kind.__struct_config__
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.required or (depth == 0 and field.name in _SHOWN) or config.array_like:
            values[field.encode_name] = _value(hints[field.name], field.name, salt, depth)
    if config.array_like:
        return list(values.values())
    # One of the two names who goes; both would be refused.
    if "crew_id" in values and "person_id" in values and not _both_required(kind):
        del values["crew_id"]
    return values


def _both_required(kind: type[msgspec.Struct]) -> bool:
    return {"crew_id", "person_id"} <= {field.name for field in msgspec.structs.fields(kind) if field.required}


def _value(hint: Any, name: str, salt: str, depth: int) -> Any:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(next(a for a in args if a is not type(None)), name, salt, depth)
    if origin is Literal:
        return args[0]
    if origin is tuple:
        return [_value(args[0], name, salt, depth + 1)] if depth < _DEPTH_MAX else []
    if origin is dict:
        return {"title": _value(args[1], name, salt, depth + 1)}
    return _plain(hint, name, salt, depth)


def _plain(hint: Any, name: str, salt: str, depth: int) -> Any:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _struct(hint, salt, depth + 1)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint)).value
    if hint is UUID:
        return str(_example_id(name))
    if name in _BY_NAME:
        return _BY_NAME[name]
    return _SCALARS.get(hint, {})


def _example_id(name: str) -> UUID:
    """Make a UUIDv7 that is the same for the same field everywhere, so that examples fit together."""
    number = sum(ord(char) * 31**index for index, char in enumerate(name.removesuffix("_id"))) % (1 << 62)
    return UUID(int=(0x0195_5A3C_8400_7000 << 64) | (0b10 << 62) | number)
