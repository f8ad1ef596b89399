"""The basemap of the synthetic city: vector tiles in one PMTiles file, equal byte for byte for equal seeds.

Owns which layer shows from which zoom and what it says. Never writes a file and knows no organisation: nothing in it is anybody's.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import mapbox_vector_tile
import numpy as np
import shapely
from msgspec import Struct
from numpy.typing import NDArray
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from shapely.geometry.base import BaseGeometry

from geo.city_buildings import make_buildings
from geo.city_plan import City, Line
from geo.coordinates import Area
from geo.tile_grid import Tile, on_grid, tiles_over
from geo.travel import RoadClass

ZOOM_MIN: Final = 9
ZOOM_MAX: Final = 15
EXTENT: Final = 4096
# A line that ends in the next tile must not show its end at the border.
_MARGIN: Final = 64
# Lines and outlines lose what is smaller than half a pixel of the screen.
_FINEST: Final = 8.0
_EXACT_FROM: Final = 15
_E7: Final = 10_000_000
_ENCODING: Final = {"y_coord_down": True, "extents": EXTENT, "check_winding_order": False}

Progress = Callable[[int, int], None]
Shapes = NDArray[np.object_]


class LayerPlan(Struct, frozen=True):
    """A layer of the basemap: its name, the zoom from which it shows, and what its features say."""

    name: str
    from_zoom: int
    fields: tuple[tuple[str, str], ...]


LAYERS: Final = (
    LayerPlan("land", 9, (("name", "String"), ("name_zh", "String"))),
    LayerPlan("water", 9, ()),
    LayerPlan("blocks", 12, (("use", "String"),)),
    LayerPlan("districts", 10, (("code", "String"), ("name", "String"), ("name_zh", "String"), ("leaf", "Boolean"))),
    LayerPlan("buildings", 15, (("use", "String"),)),
    LayerPlan("streets", 9, (("class", "String"), ("name", "String"), ("name_zh", "String"))),
    LayerPlan(
        "pipes", 13, (("code", "String"), ("medium", "String"), ("material", "String"), ("diameter_mm", "Number"))
    ),
    LayerPlan("valves", 14, (("code", "String"), ("medium", "String"), ("kind", "String"))),
    LayerPlan("meters", 15, (("site_code", "String"), ("medium", "String"), ("count", "Number"))),
    LayerPlan(
        "addresses", 14, (("number", "Number"), ("address", "String"), ("address_zh", "String"), ("kind", "String"))
    ),
    LayerPlan("depots", 12, (("kind", "String"), ("name", "String"), ("name_zh", "String"))),
)
# Which streets show at a zoom; all from 13 on.
_ROADS_FROM: Final = {RoadClass.RING: 9, RoadClass.ARTERIAL: 10, RoadClass.COLLECTOR: 12, RoadClass.LOCAL: 13}


class _Feature(Struct, frozen=True, eq=False):
    shape: BaseGeometry
    said: dict[str, Any]
    from_zoom: int = 0


class _Sheet(Struct, frozen=True, eq=False):
    """A layer placed on the grid of a zoom, with the index over it."""

    name: str
    shapes: Shapes
    said: Sequence[dict[str, Any]]
    index: shapely.STRtree


def make_basemap(city: City, progress: Progress | None = None) -> bytes:
    """Make the PMTiles file (version 3, gzip) of a city: zooms 9 to 15.

    `progress` is told how many tiles of how many are done.
    """
    features = {plan.name: list(_FEATURES[plan.name](city)) for plan in LAYERS}
    area = _area(city)
    tiles = [tile for zoom in range(ZOOM_MIN, ZOOM_MAX + 1) for tile in tiles_over(area, zoom)]
    done: list[tuple[int, bytes]] = []
    sheets: dict[int, list[_Sheet]] = {}
    for at, tile in enumerate(tiles):
        if tile.z not in sheets:
            sheets = {tile.z: _sheets(features, tile.z)}
        body = _encode(tile, sheets[tile.z])
        if body:
            # Neither the time nor the machine may show in the bytes.
            done.append((zxy_to_tileid(tile.z, tile.x, tile.y), gzip.compress(body, 9, mtime=0)))
        if progress is not None:
            progress(at + 1, len(tiles))
    return _bound(city, area, sorted(done))


def _bound(city: City, area: Area, tiles: Sequence[tuple[int, bytes]]) -> bytes:
    """Write tiles in the order of their ids, with the header and the description of the layers."""
    out = io.BytesIO()
    writer = Writer(out)
    for id, body in tiles:
        writer.write_tile(id, body)
    header = {
        "version": 3,
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": round(area.west_deg * _E7),
        "min_lat_e7": round(area.south_deg * _E7),
        "max_lon_e7": round(area.east_deg * _E7),
        "max_lat_e7": round(area.north_deg * _E7),
        "center_zoom": 13,
        "center_lon_e7": round(city.centre.lon_deg * _E7),
        "center_lat_e7": round(city.centre.lat_deg * _E7),
    }
    layers = [
        {"id": plan.name, "minzoom": plan.from_zoom, "maxzoom": ZOOM_MAX, "fields": dict(plan.fields)}
        for plan in LAYERS
    ]
    about = {
        "name": f"{city.name} {city.name_zh}",
        "description": f"A synthetic city, seed {city.seed}; no place on earth.",
        "type": "baselayer",
        "vector_layers": layers,
    }
    writer.finalize(header, about)
    return out.getvalue()


def _area(city: City) -> Area:
    lon, lat = [p.lon_deg for p in city.outline], [p.lat_deg for p in city.outline]
    return Area(min(lon), min(lat), max(lon), max(lat))


def _sheets(features: dict[str, list[_Feature]], zoom: int) -> list[_Sheet]:
    """Place what shows at a zoom on its grid, in units of a tile's 4,096, simplified where a pixel shows no more."""
    sheets: list[_Sheet] = []
    for plan in LAYERS:
        shown = [f for f in features[plan.name] if zoom >= max(plan.from_zoom, f.from_zoom)]
        if not shown:
            continue
        shapes: Shapes = shapely.transform(np.array([f.shape for f in shown], object), lambda xy: _units(xy, zoom))
        if zoom < _EXACT_FROM:
            shapes = shapely.simplify(shapes, _FINEST)
        sheets.append(_Sheet(plan.name, shapes, [f.said for f in shown], shapely.STRtree(shapes)))
    return sheets


def _units(points: NDArray[np.float64], zoom: int) -> NDArray[np.float64]:
    column, row = on_grid(points[:, 0], points[:, 1], zoom)
    return np.column_stack((column * EXTENT, row * EXTENT))


def _encode(tile: Tile, sheets: Sequence[_Sheet]) -> bytes:
    """Encode what a tile shows; empty where it shows nothing."""
    west, north = tile.x * EXTENT, tile.y * EXTENT
    box = (west - _MARGIN, north - _MARGIN, west + EXTENT + _MARGIN, north + EXTENT + _MARGIN)
    layers: list[dict[str, Any]] = []
    for sheet in sheets:
        at = np.sort(sheet.index.query(shapely.box(*box)))
        cut = shapely.clip_by_rect(sheet.shapes[at], *box)
        # Outer rings run the way the format asks for; the encoder would look at each one by itself.
        local = shapely.orient_polygons(shapely.transform(cut, lambda xy: np.round(xy - (west, north))))
        features = [
            {"geometry": shape, "properties": sheet.said[i]}
            for i, shape in zip(at.tolist(), local.tolist(), strict=True)
            if not shape.is_empty and _shows(shape)
        ]
        if features:
            layers.append({"name": sheet.name, "features": features})
    if not layers:
        return b""
    made: bytes = mapbox_vector_tile.encode(layers, default_options=_ENCODING)
    return made


def _shows(shape: BaseGeometry) -> bool:
    """Leave out lines and areas that rounding to the grid has made nothing of."""
    return shape.geom_type in ("Point", "MultiPoint") or (
        shape.length > 0 if "Line" in shape.geom_type else shape.area > 0
    )


def _polygon(ring: Line) -> BaseGeometry:
    return shapely.Polygon([(p.lon_deg, p.lat_deg) for p in ring])


def _line(line: Line) -> BaseGeometry:
    return shapely.LineString([(p.lon_deg, p.lat_deg) for p in line])


def _land(city: City) -> Iterator[_Feature]:
    yield _Feature(_polygon(city.outline), {"name": city.name, "name_zh": city.name_zh})


def _water(city: City) -> Iterator[_Feature]:
    for ring in city.water:
        yield _Feature(_polygon(ring), {})


def _blocks(city: City) -> Iterator[_Feature]:
    for block in city.blocks:
        yield _Feature(_polygon(block.outline), {"use": block.use})


def _districts(city: City) -> Iterator[_Feature]:
    for d in city.districts:
        leaf = d.parent_code is not None
        said = {"code": d.code, "name": d.name, "name_zh": d.name_zh, "leaf": leaf}
        yield _Feature(_polygon(d.outline), said, 12 if leaf else 10)


def _buildings(city: City) -> Iterator[_Feature]:
    for building in make_buildings(city):
        yield _Feature(_polygon(building.outline), {"use": building.use})


def _streets(city: City) -> Iterator[_Feature]:
    for street in city.streets:
        said = {"class": street.road.value, "name": street.name, "name_zh": street.name_zh}
        for line in street.lines:
            yield _Feature(_line(line), said, _ROADS_FROM[street.road])


def _pipes(city: City) -> Iterator[_Feature]:
    for pipe in city.pipes:
        said = {"code": pipe.code, "medium": pipe.medium, "material": pipe.material, "diameter_mm": pipe.diameter_mm}
        yield _Feature(_line(pipe.line), said)


def _valves(city: City) -> Iterator[_Feature]:
    for valve in city.valves:
        said = {"code": valve.code, "medium": valve.medium, "kind": valve.kind}
        yield _Feature(shapely.Point(valve.point.lon_deg, valve.point.lat_deg), said)


def _meters(city: City) -> Iterator[_Feature]:
    """Say how many meters of a medium a site has: those of a house stand on one spot."""
    places = {site.code: site.point for site in city.sites}
    counts: dict[tuple[str, str], int] = {}
    for point in city.usage_points:
        counts[point.site_code, point.medium] = counts.get((point.site_code, point.medium), 0) + 1
    for (site_code, medium), count in counts.items():
        place = places[site_code]
        said = {"site_code": site_code, "medium": medium, "count": count}
        yield _Feature(shapely.Point(place.lon_deg, place.lat_deg), said)


def _addresses(city: City) -> Iterator[_Feature]:
    for site in city.sites:
        said = {
            "number": site.house_number,
            "address": site.address,
            "address_zh": site.address_zh,
            "kind": site.kind,
        }
        yield _Feature(shapely.Point(site.point.lon_deg, site.point.lat_deg), said)


def _depots(city: City) -> Iterator[_Feature]:
    for depot in city.depots:
        said = {"kind": depot.kind, "name": depot.name, "name_zh": depot.name_zh}
        yield _Feature(shapely.Point(depot.point.lon_deg, depot.point.lat_deg), said)


_FEATURES: Final[dict[str, Callable[[City], Iterator[_Feature]]]] = {
    "land": _land,
    "water": _water,
    "blocks": _blocks,
    "districts": _districts,
    "buildings": _buildings,
    "streets": _streets,
    "pipes": _pipes,
    "valves": _valves,
    "meters": _meters,
    "addresses": _addresses,
    "depots": _depots,
}
