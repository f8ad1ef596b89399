"""The types every document and command is built from. Owns no noun of the trade and never touches a network or a clock."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

Instant = Annotated[datetime, Meta(tz=True, description="An aware instant; sent in UTC, RFC 3339.")]
LonDeg = Annotated[float, Meta(ge=-180, le=180, description="Longitude in degrees, WGS 84 unless a datum is named.")]
LatDeg = Annotated[float, Meta(ge=-90, le=90, description="Latitude in degrees, WGS 84 unless a datum is named.")]
Code = Annotated[str, Meta(min_length=1, max_length=80, description="A short stable name made by people.")]
Line = Annotated[str, Meta(max_length=300, description="One line of text.")]
Prose = Annotated[str, Meta(max_length=8000, description="Free text.")]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 in lower-case hex.")]
Version = Annotated[int, Meta(ge=0)]
Quantity = Annotated[Decimal, Meta(description="An exact decimal; a string on the wire.")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code.")]


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a device stores of one thing. The kind and `ver` travel beside the body; unknown fields are kept as bytes."""

    id: UUID


class Value(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value inside a document: it has no identity of its own."""


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="name"):
    """An intent. The tag is the command's name; an unknown field makes it schema-invalid, so that nothing is dropped unseen."""


class LocalText(Value, frozen=True, kw_only=True):
    """The same line in the two interface languages."""

    en: Line
    zh: Line = ""


class Datum(StrEnum):
    """The coordinate system a point was given in."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


class Position(Value, frozen=True, kw_only=True):
    """Where a device was: WGS 84 unless `datum` says otherwise, accuracy as a radius in metres."""

    lon_deg: LonDeg
    lat_deg: LatDeg
    accuracy_m: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    at: Instant | None = None
    datum: Datum = Datum.WGS84
    mock: bool = False


class Skill(Value, frozen=True, kw_only=True):
    """A skill held or asked for; a level includes all lower ones."""

    code: Code
    level: Annotated[int, Meta(ge=1, le=9)] = 1
    expires_at: Instant | None = None


class Priority(StrEnum):
    """How soon; the order of declaration is the order of urgency."""

    EMERGENCY = "emergency"
    URGENT = "urgent"
    NORMAL = "normal"
    LOW = "low"
