"""Reads district polygons from GeoJSON: checks, repairs and refuses them row by row.

Owns what a usable district outline is. Never stores anything and never decides which district a point
belongs to (that is `geo.districts`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
import shapely
from msgspec import Struct
from pyproj import Geod
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from geo.coordinates import to_wgs84_arrays
from mobile_contract.schema.base import Datum

SRID: Final = 4326
SMALLEST_DISTRICT_M2: Final = 1.0
# A drawn edge is straight in degrees, a geography edge is a great circle. Over 0.01 degrees they part by
# 2 cm at most below 60 degrees of latitude; over 0.25 degrees by 8 m. See decision 0010.
LONGEST_EDGE_DEG: Final = 0.01
# An outline is drawn by people or measured; one beyond these would keep a server busy for minutes. 1,000 random points cross each other
# 100,000 times and take 5 s to mend; the largest district of a country has some 100,000 vertices and crosses itself a few times.
VERTICES_MAX: Final = 250_000
CROSSINGS_MAX: Final = 2_000
_GEOD: Final = Geod(ellps="WGS84")
_LON_LAT_CRS: Final = ("CRS84", "4326")


class DistrictColumns(Struct, frozen=True):
    """The property names of a source file."""

    code: str = "code"
    name: str = "name"
    name_zh: str = "name_zh"
    parent_code: str = "parent_code"
    arrival_class: str = "arrival_class"


class DistrictShape(Struct, frozen=True):
    """One district as read: `ewkb` is a valid MultiPolygon, WGS 84, SRID 4326; `area_m2` is geodesic."""

    code: str
    name: str
    name_zh: str
    parent_code: str | None
    ewkb: bytes
    area_m2: float
    arrival_class: str = "town"

    def geometry(self) -> BaseGeometry:
        """Give the outline as a shapely MultiPolygon in degrees."""
        return shapely.from_wkb(self.ewkb)

    def geojson(self) -> str:
        """Give the outline as a GeoJSON MultiPolygon in text."""
        return str(shapely.to_geojson(self.geometry()))


class RowNote(Struct, frozen=True):
    """What was repaired, flagged or refused in a row; rows count from 1, row 0 is the file itself."""

    row: int
    code: str
    detail: str


class DistrictsRead(Struct, frozen=True):
    """The outcome of reading one file: usable districts in file order, refused rows, repaired or flagged rows."""

    districts: tuple[DistrictShape, ...]
    refused: tuple[RowNote, ...] = ()
    notes: tuple[RowNote, ...] = ()


class _RefusedRowError(Exception):
    """Carries a row's refusal out of the nested readers; never leaves this module."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class _Geometry(Struct, frozen=True):
    type: str
    coordinates: list[object] = []


class _Feature(Struct, frozen=True):
    geometry: _Geometry | None = None
    properties: dict[str, object] | None = None


class _Collection(Struct, frozen=True):
    type: str
    features: list[msgspec.Raw]
    crs: object = None


def read_districts(raw: bytes, *, columns: DistrictColumns | None = None, datum: Datum = Datum.WGS84) -> DistrictsRead:
    """Read a GeoJSON FeatureCollection of Polygons and MultiPolygons.

    Coordinates are degrees in `datum`, longitude first. A file that is no such collection gives one refusal
    for row 0 and no districts. Refusal codes: file_not_geojson, file_crs_not_wgs84, district_code_missing,
    district_code_repeated, district_not_a_polygon, district_coordinates_bad, district_spans_antimeridian,
    district_without_area, district_too_intricate. Note codes: ring_closed, elevation_dropped, self_intersection_repaired,
    parts_dropped, name_missing.
    """
    try:
        collection = msgspec.json.decode(raw, type=_Collection)
    except msgspec.MsgspecError as error:
        return DistrictsRead((), (RowNote(0, "file_not_geojson", f"not a GeoJSON FeatureCollection: {error}"),))
    if collection.type != "FeatureCollection":
        return DistrictsRead((), (RowNote(0, "file_not_geojson", f"type is {collection.type!r}"),))
    if collection.crs is not None and not any(name in str(collection.crs) for name in _LON_LAT_CRS):
        detail = "export it again in WGS 84, longitude and latitude (EPSG:4326)"
        return DistrictsRead((), (RowNote(0, "file_crs_not_wgs84", detail),))
    columns = columns or DistrictColumns()
    districts: dict[str, DistrictShape] = {}
    refused: list[RowNote] = []
    notes: list[RowNote] = []
    for row, feature in enumerate(collection.features, start=1):
        row_notes: list[RowNote] = []
        try:
            shape = _read_feature(feature, columns, datum, _Noter(row, row_notes))
            if shape.code in districts:
                raise _RefusedRowError("district_code_repeated", f"code {shape.code!r} was read before")
        except _RefusedRowError as refusal:
            refused.append(RowNote(row, refusal.code, refusal.detail))
            continue
        districts[shape.code] = shape
        notes.extend(row_notes)
    return DistrictsRead(tuple(districts.values()), tuple(refused), tuple(notes))


@lru_cache(maxsize=4)
def read_outline(code: str, name: str, outline_geojson: str) -> DistrictsRead:
    """Read one outline, a GeoJSON geometry as text, with the codes of `read_districts`.

    Takes up to a second or two: call it in a thread first, and the next call for the same text finds it read.
    """
    try:
        geometry = msgspec.json.decode(outline_geojson)
    except (msgspec.MsgspecError, RecursionError) as error:
        return DistrictsRead((), (RowNote(1, "district_not_a_polygon", f"not a GeoJSON geometry: {error}"),))
    feature = {"type": "Feature", "geometry": geometry, "properties": {"code": code, "name": name}}
    return read_districts(msgspec.json.encode({"type": "FeatureCollection", "features": [feature]}))


def make_shape(
    code: str, name: str, geometry: BaseGeometry, *, name_zh: str = "", parent_code: str | None = None
) -> DistrictShape:
    """Build a district from a valid Polygon or MultiPolygon in WGS 84 degrees.

    Long edges get vertices in between, on the straight line (`LONGEST_EDGE_DEG`).
    Raises ValueError for any other geometry; outside data goes through `read_districts`.
    """
    if not isinstance(geometry, Polygon | MultiPolygon) or not geometry.is_valid or geometry.is_empty:
        raise ValueError(f"district {code}: not a valid polygon")
    parts = [geometry] if isinstance(geometry, Polygon) else list(geometry.geoms)
    whole = shapely.set_srid(shapely.segmentize(MultiPolygon(parts), LONGEST_EDGE_DEG), SRID)
    ewkb = shapely.to_wkb(whole, output_dimension=2, byte_order=1, include_srid=True)
    return DistrictShape(code, name, name_zh, parent_code, ewkb, area_m2(whole))


def area_m2(geometry: BaseGeometry) -> float:
    """Measure a polygon on the WGS 84 ellipsoid in square metres, whatever the direction of its rings."""
    return abs(float(_GEOD.geometry_area_perimeter(shapely.orient_polygons(geometry))[0]))


class _Noter:
    """Collects the notes of one row."""

    def __init__(self, row: int, notes: list[RowNote]) -> None:
        self._row = row
        self._notes = notes

    def note(self, code: str, detail: str) -> None:
        """Keep a note, once per code and row."""
        if all(known.code != code for known in self._notes):
            self._notes.append(RowNote(self._row, code, detail))


def _read_feature(raw: msgspec.Raw, columns: DistrictColumns, datum: Datum, noter: _Noter) -> DistrictShape:
    try:
        feature = msgspec.json.decode(raw, type=_Feature)
    except msgspec.MsgspecError as error:
        raise _RefusedRowError("district_not_a_polygon", f"not a GeoJSON feature: {error}") from error
    properties = feature.properties or {}
    code = _text(properties, columns.code)
    if not code:
        raise _RefusedRowError("district_code_missing", f"property {columns.code!r} is missing or empty")
    name = _text(properties, columns.name)
    if not name:
        noter.note("name_missing", f"property {columns.name!r} is missing; the code {code!r} is used")
    if feature.geometry is None:
        raise _RefusedRowError("district_not_a_polygon", "the feature has no geometry")
    geometry = _repaired(_read_geometry(feature.geometry, datum, noter), noter)
    if shapely.get_num_coordinates(geometry) + geometry.length / LONGEST_EDGE_DEG > VERTICES_MAX:
        raise _RefusedRowError("district_too_intricate", f"its outline is longer than {VERTICES_MAX:,} short edges")
    shape = make_shape(
        code,
        name or code,
        geometry,
        name_zh=_text(properties, columns.name_zh),
        parent_code=_text(properties, columns.parent_code) or None,
    )
    if shape.area_m2 < SMALLEST_DISTRICT_M2:
        raise _RefusedRowError("district_without_area", f"its area is {shape.area_m2:.3f} m²")
    arrival = _text(properties, columns.arrival_class)
    return msgspec.structs.replace(shape, arrival_class=arrival) if arrival else shape


def _text(properties: dict[str, object], key: str) -> str:
    value = properties.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _read_geometry(geometry: _Geometry, datum: Datum, noter: _Noter) -> BaseGeometry:
    if geometry.type == "Polygon":
        return _polygon(geometry.coordinates, datum, noter)
    if geometry.type == "MultiPolygon":
        return MultiPolygon([_polygon(part, datum, noter) for part in geometry.coordinates])
    raise _RefusedRowError(
        "district_not_a_polygon", f"a {geometry.type} has no inside; a Polygon or MultiPolygon is needed"
    )


def _polygon(rings: object, datum: Datum, noter: _Noter) -> Polygon:
    if not isinstance(rings, list) or not rings:
        raise _RefusedRowError("district_coordinates_bad", "a polygon without rings")
    shell, *holes = [_ring(ring, datum, noter) for ring in rings]
    return Polygon(shell, holes)


def _ring(ring: object, datum: Datum, noter: _Noter) -> np.ndarray:
    """Read one ring as an (n, 2) array in WGS 84 degrees, closed."""
    if not isinstance(ring, list) or len(ring) < 3:
        raise _RefusedRowError("district_coordinates_bad", "a ring needs at least three different points")
    points: list[tuple[float, float]] = []
    for position in ring:
        if not isinstance(position, list) or len(position) < 2 or not all(_is_number(n) for n in position):
            raise _RefusedRowError("district_coordinates_bad", f"not a position: {str(position)[:60]}")
        if len(position) > 2:
            noter.note("elevation_dropped", "positions carry more than longitude and latitude")
        lon, lat = float(position[0]), float(position[1])
        if abs(lon) > 180.0 or abs(lat) > 90.0:
            swapped = " (latitude and longitude swapped?)" if abs(lon) <= 90.0 and abs(lat) <= 180.0 else ""
            raise _RefusedRowError("district_coordinates_bad", f"{lon}, {lat} is out of range{swapped}")
        points.append((lon, lat))
    if points[0] != points[-1]:
        noter.note("ring_closed", "the last position of a ring was not its first")
        points.append(points[0])
    array = np.array(points, dtype=np.float64)
    if len(array) < 4:
        raise _RefusedRowError("district_coordinates_bad", "a ring needs at least three different points")
    if float(np.ptp(array[:, 0])) > 180.0:
        raise _RefusedRowError("district_spans_antimeridian", "cut it at 180 degrees into two parts (RFC 7946, 3.1.9)")
    return np.column_stack(to_wgs84_arrays(array[:, 0], array[:, 1], datum))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _repaired(geometry: BaseGeometry, noter: _Noter) -> BaseGeometry:
    """Give a valid geometry that consists of polygons only."""
    if geometry.is_valid:
        return geometry
    if _crosses_itself_too_often(geometry):
        raise _RefusedRowError("district_too_intricate", f"it crosses itself more than {CROSSINGS_MAX:,} times")
    reason = shapely.is_valid_reason(geometry)
    # "structure" keeps holes holes and merges overlapping parts; "linework" would turn an overlap into a hole.
    valid = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    polygons = [part for part in shapely.get_parts(valid) if isinstance(part, Polygon) and part.area > 0]
    if not polygons:
        raise _RefusedRowError("district_without_area", f"nothing is left of it after repair ({reason})")
    whole = shapely.union_all(polygons)
    noter.note("self_intersection_repaired", f"{reason}; area {area_m2(whole):,.0f} m² after repair")
    if len(shapely.get_parts(valid)) != len(polygons):
        noter.note("parts_dropped", "lines or points that were part of it have no area")
    return whole


def _crosses_itself_too_often(geometry: BaseGeometry) -> bool:
    """Count crossings of edges, a few edges at a time, until there are too many: mending takes a time that grows with them."""
    rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(geometry))]
    edges = np.concatenate([np.stack((ring[:-1], ring[1:]), axis=1) for ring in rings])
    if len(edges) > VERTICES_MAX:
        return True
    lines = np.asarray(shapely.linestrings(edges))
    tree = shapely.STRtree(lines)
    at_once = max(16, 200_000 // len(lines))
    crossings = 0
    for start in range(0, len(lines), at_once):
        crossings += tree.query(lines[start : start + at_once], predicate="crosses").shape[1]
        # Each is met from both of its edges.
        if crossings > 2 * CROSSINGS_MAX:
            return True
    return False
