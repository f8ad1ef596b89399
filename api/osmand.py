"""Positions as apps for Traccar send them: the OsmAnd query, and JSON. Pure reading; knows no tracker and no database.

What cannot be read as a place is no position, and never an error: an app that is refused sends the same again for ever, and what comes after
it waits. Sources: the description of the protocol at Traccar (parameters `id`, `lat`, `lon`, `timestamp`, `accuracy`, ...), and the location
template of the app's JSON (`location.coords`, `device_id`).
"""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from geo.coordinates import NULL_ISLAND, check_point

_NAMES_OF_ID: Final = ("id", "deviceid", "i")
# Larger numbers are milliseconds: as seconds they would be after the year 2038, which Traccar reads the same way.
_SECONDS_MAX: Final = 2**31 - 1
_FORMS: Final = ("%Y-%m-%d %H:%M:%S", "%d%m%y%H%M%S")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ACCURACY_MAX_M: Final = 1_000_000.0


class Report(Struct, frozen=True):
    """A position as it was sent: WGS 84; the time is None where it said none that can be read."""

    lon_deg: float
    lat_deg: float
    accuracy_m: float | None
    mock: bool
    at: datetime | None


class Sent(Struct, frozen=True):
    """What an app sent: the identifier it gave itself (the token), and the positions that can be read, in its order."""

    identifier: str
    reports: tuple[Report, ...]


class _Coords(Struct, frozen=True):
    latitude: float
    longitude: float
    accuracy: float | None = None


class _Location(Struct, frozen=True):
    timestamp: str | float | None = None
    coords: _Coords | None = None
    mock: bool = False


class _Message(Struct, frozen=True):
    device_id: str
    location: _Location | list[_Location] | None = None


def read_osmand(said: Mapping[str, str]) -> Sent:
    """Read the parameters of a query or a form."""
    identifier = next((said[name] for name in _NAMES_OF_ID if said.get(name)), "")
    lat, lon = said.get("lat") or said.get("la", ""), said.get("lon") or said.get("lo", "")
    if "location" in said:
        lat, _, lon = said["location"].partition(",")
    accuracy = said.get("accuracy") or said.get("p") or said.get("prec", "")
    invalid = said.get("valid", "true").lower() in ("false", "0") or said.get("v", "A").upper() != "A"
    report = _report(_number(lon), _number(lat), accuracy_m=_number(accuracy), at=_instant(said.get("timestamp", "")))
    return Sent(identifier, (report,) if report is not None and not invalid else ())


def read_json(body: bytes) -> Sent:
    """Read the message of an app that sends JSON. Raises msgspec.MsgspecError for what is no such message."""
    message = msgspec.json.decode(body, type=_Message, strict=False)
    locations = message.location if isinstance(message.location, list) else [message.location]
    return Sent(message.device_id, tuple(_of_locations(locations)))


def _of_locations(locations: list[Any]) -> Iterator[Report]:
    for location in locations:
        if location is None or location.coords is None:
            continue
        coords, at = location.coords, _instant(str(location.timestamp or ""))
        report = _report(coords.longitude, coords.latitude, accuracy_m=coords.accuracy, at=at, mock=location.mock)
        if report is not None:
            yield report


def _report(
    lon_deg: float | None, lat_deg: float | None, *, accuracy_m: float | None, at: datetime | None, mock: bool = False
) -> Report | None:
    if lon_deg is None or lat_deg is None:
        return None
    checked = check_point(lon_deg, lat_deg)
    # A phone without a fix says 0,0.
    if checked.point is None or NULL_ISLAND in checked.flags:
        return None
    known = accuracy_m is not None and math.isfinite(accuracy_m) and 0 < accuracy_m <= _ACCURACY_MAX_M
    return Report(lon_deg, lat_deg, accuracy_m if known else None, mock, at)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _instant(text: str) -> datetime | None:
    """Read seconds or milliseconds since 1970, ISO 8601, or one of two plain forms in UTC."""
    number = _number(text) if len(text) != 12 else None
    try:
        if number is not None:
            return _EPOCH + timedelta(seconds=number if number <= _SECONDS_MAX else number / 1000)
        if "T" in text:
            at = datetime.fromisoformat(text)
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
