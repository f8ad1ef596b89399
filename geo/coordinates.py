"""Points on the earth: checking them, the Chinese map datums, and distance in metres.

Owns the `LonLat` of geo (always WGS 84, longitude first), the refusal of impossible coordinates, the
conversions between WGS 84, GCJ-02 and BD-09, and geodesic distance. It never guesses a datum: a source
says which one it speaks, and the source datum is kept beside the converted point by whoever stores it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod

from mobile_contract.schema.base import Datum

Floats = NDArray[np.float64]
_Shift = Callable[[Floats, Floats], tuple[Floats, Floats]]


class LonLat(Struct, frozen=True, order=True):
    """A WGS 84 point in degrees, longitude first (SRID 4326)."""

    lon_deg: float
    lat_deg: float


class Area(Struct, frozen=True):
    """A box in degrees that a source is expected to stay in; it does not cross the antimeridian."""

    west_deg: float
    south_deg: float
    east_deg: float
    north_deg: float

    def holds(self, lon_deg: float, lat_deg: float) -> bool:
        """Tell whether the point is in the box, edges included."""
        return self.west_deg <= lon_deg <= self.east_deg and self.south_deg <= lat_deg <= self.north_deg


class PointCheck(Struct, frozen=True):
    """What reading a coordinate pair gave: a point with flags, or a refusal code and no point."""

    point: LonLat | None
    refusal: str | None = None
    flags: tuple[str, ...] = ()


NOT_FINITE: Final = "coordinates_not_finite"
OUT_OF_RANGE: Final = "coordinates_out_of_range"
NULL_ISLAND: Final = "coordinates_null_island"
MAYBE_SWAPPED: Final = "coordinates_maybe_swapped"

# Devices without a fix report 0,0; real ones never are within this of it.
NULL_ISLAND_DEG: Final = 1e-6

# The rectangle of the reference implementations (eviltransform, gcoord): GCJ-02 shifts inside it only.
# The web console converts with gcoord, so both ends must use the same one.
CHINA: Final = Area(72.004, 0.8293, 137.8347, 55.8271)

# Krasovsky 1940, as GCJ-02 uses it.
_KRASOVSKY_A_M: Final = 6378245.0
_KRASOVSKY_EE: Final = 0.00669342162296594323
_BD_PI: Final = math.pi * 3000.0 / 180.0
_INVERSE_TOLERANCE_DEG: Final = 1e-11
_INVERSE_STEPS: Final = 20

_GEOD: Final = Geod(ellps="WGS84")
MEAN_RADIUS_M: Final = 6371008.8


def check_point(lon_deg: float, lat_deg: float, *, expected: Area | None = None) -> PointCheck:
    """Check a coordinate pair in degrees, longitude first.

    Refuses NaN and infinity (`coordinates_not_finite`) and values outside ±180, ±90
    (`coordinates_out_of_range`). Flags a point at 0,0 and a pair that looks swapped: either it is only
    possible the other way round, or it lies outside `expected` and would lie inside when swapped.
    """
    if not (math.isfinite(lon_deg) and math.isfinite(lat_deg)):
        return PointCheck(None, NOT_FINITE)
    if abs(lon_deg) > 180.0 or abs(lat_deg) > 90.0:
        swapped = abs(lat_deg) <= 180.0 and abs(lon_deg) <= 90.0
        return PointCheck(None, OUT_OF_RANGE, (MAYBE_SWAPPED,) if swapped else ())
    flags: list[str] = []
    if abs(lon_deg) < NULL_ISLAND_DEG and abs(lat_deg) < NULL_ISLAND_DEG:
        flags.append(NULL_ISLAND)
    if expected is not None and not expected.holds(lon_deg, lat_deg) and expected.holds(lat_deg, lon_deg):
        flags.append(MAYBE_SWAPPED)
    return PointCheck(LonLat(lon_deg, lat_deg), None, tuple(flags))


def read_point(lon_deg: float, lat_deg: float, datum: Datum, *, expected: Area | None = None) -> PointCheck:
    """Check a pair in the source's datum and convert it to WGS 84.

    `expected` is in WGS 84. Refusals and flags are those of `check_point`; 0,0 is looked for before the
    conversion, because BD-09 would move it away from 0,0.
    """
    raw = check_point(lon_deg, lat_deg)
    if raw.point is None:
        return raw
    point = to_wgs84(lon_deg, lat_deg, datum)
    checked = check_point(point.lon_deg, point.lat_deg, expected=expected)
    flags = tuple(dict.fromkeys((*raw.flags, *checked.flags)))
    return PointCheck(checked.point, checked.refusal, flags)


def in_china(lon_deg: ArrayLike, lat_deg: ArrayLike) -> NDArray[np.bool_]:
    """Tell which points lie in the rectangle in which GCJ-02 is shifted."""
    lon, lat = np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    inside: NDArray[np.bool_] = np.asarray(
        (lon >= CHINA.west_deg) & (lon <= CHINA.east_deg) & (lat >= CHINA.south_deg) & (lat <= CHINA.north_deg)
    )
    return inside


def to_wgs84(lon_deg: float, lat_deg: float, datum: Datum) -> LonLat:
    """Convert one finite point from `datum` to WGS 84 (inverse by iteration, error below 1e-9 degrees)."""
    lon, lat = to_wgs84_arrays(lon_deg, lat_deg, datum)
    return LonLat(float(lon), float(lat))


def from_wgs84(lon_deg: float, lat_deg: float, datum: Datum) -> LonLat:
    """Convert one finite WGS 84 point to `datum`; the result is in that datum, not in WGS 84."""
    lon, lat = from_wgs84_arrays(lon_deg, lat_deg, datum)
    return LonLat(float(lon), float(lat))


def from_wgs84_arrays(lon_deg: ArrayLike, lat_deg: ArrayLike, datum: Datum) -> tuple[Floats, Floats]:
    """Convert WGS 84 arrays to `datum`.

    Outside the rectangle `CHINA` GCJ-02 equals WGS 84. BD-09 adds its own shift everywhere, as gcoord does.
    """
    lon, lat = np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    if datum is Datum.WGS84:
        return lon, lat
    inside = in_china(lon, lat)
    d_lon, d_lat = _gcj_shift(lon, lat)
    lon, lat = np.where(inside, lon + d_lon, lon), np.where(inside, lat + d_lat, lat)
    return (lon, lat) if datum is Datum.GCJ02 else _gcj_to_bd(lon, lat)


def to_wgs84_arrays(lon_deg: ArrayLike, lat_deg: ArrayLike, datum: Datum) -> tuple[Floats, Floats]:
    """Convert arrays in `datum` to WGS 84.

    A GCJ-02 point is unshifted when its origin lies in the rectangle `CHINA`, else it is taken as it is.
    The shift stops abruptly at the rectangle, so within about 1 km of its edge two origins can share one
    GCJ-02 point and the inner one is returned; no Chinese city lies there.
    """
    lon, lat = np.asarray(lon_deg, dtype=np.float64), np.asarray(lat_deg, dtype=np.float64)
    if datum is Datum.WGS84:
        return lon, lat
    if datum is Datum.BD09:
        lon, lat = _invert(lon, lat, _bd_shift)
    origin_lon, origin_lat = _invert(lon, lat, _gcj_shift)
    inside = in_china(origin_lon, origin_lat)
    return np.where(inside, origin_lon, lon), np.where(inside, origin_lat, lat)


def distance_m(a: LonLat, b: LonLat) -> float:
    """Measure the geodesic between two points in metres (WGS 84 ellipsoid, GeographicLib through pyproj)."""
    return float(_GEOD.inv(a.lon_deg, a.lat_deg, b.lon_deg, b.lat_deg)[2])


def great_circle_m(lon_a: ArrayLike, lat_a: ArrayLike, lon_b: ArrayLike, lat_b: ArrayLike) -> Floats:
    """Measure great circles in metres between broadcast arrays in degrees (haversine, mean radius).

    Within 0.6 % of the geodesic; for estimates over many pairs. Distances that are shown or stored come
    from `distance_m`.
    """
    phi_a, phi_b = np.radians(np.asarray(lat_a, np.float64)), np.radians(np.asarray(lat_b, np.float64))
    d_lambda = np.radians(np.asarray(lon_b, np.float64) - np.asarray(lon_a, np.float64))
    half = np.sin((phi_b - phi_a) / 2.0) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin(d_lambda / 2.0) ** 2
    metres: Floats = 2.0 * MEAN_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
    return metres


def _gcj_shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Give what GCJ-02 adds to a WGS 84 point, in degrees (formula as published in eviltransform)."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    ripple = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    north += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    north += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    east += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    east += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    rad = np.radians(lat)
    magic = 1.0 - _KRASOVSKY_EE * np.sin(rad) ** 2
    d_lat = np.degrees(north * magic * np.sqrt(magic) / (_KRASOVSKY_A_M * (1.0 - _KRASOVSKY_EE)))
    # Only points of the China rectangle are used, so the cosine is never near zero there; the floor keeps
    # the unused values finite at the poles.
    d_lon = np.degrees(east * np.sqrt(magic) / (_KRASOVSKY_A_M * np.maximum(np.cos(rad), 1e-6)))
    return d_lon, d_lat


def _gcj_to_bd(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Apply Baidu's published twist to a GCJ-02 point."""
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_PI)
    theta = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_PI)
    return radius * np.cos(theta) + 0.0065, radius * np.sin(theta) + 0.006


def _bd_shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Give what BD-09 adds to a GCJ-02 point, in degrees."""
    bd_lon, bd_lat = _gcj_to_bd(lon, lat)
    return bd_lon - lon, bd_lat - lat


def _invert(lon: Floats, lat: Floats, shift: _Shift) -> tuple[Floats, Floats]:
    """Find the point that `shift` moves to (lon, lat), by fixed-point iteration.

    Both shifts change by less than 1 % over their own length, so every step gains two digits.
    """
    guess_lon, guess_lat = lon, lat
    for _ in range(_INVERSE_STEPS):
        d_lon, d_lat = shift(guess_lon, guess_lat)
        next_lon, next_lat = lon - d_lon, lat - d_lat
        moved = np.maximum(np.abs(next_lon - guess_lon), np.abs(next_lat - guess_lat))
        guess_lon, guess_lat = next_lon, next_lat
        if np.max(moved, initial=0.0) < _INVERSE_TOLERANCE_DEG:
            break
    return guess_lon, guess_lat
