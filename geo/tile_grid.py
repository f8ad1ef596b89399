"""The grid of map tiles (Web Mercator, z/x/y from the north-west): what a tile covers, which tiles cover a box.

Pure arithmetic. Never encodes a tile and never touches the database.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from msgspec import Struct

from geo.coordinates import Area, Floats

ZOOM_MAX: Final = 22
# Beyond this latitude the square of Web Mercator ends.
LAT_MAX_DEG: Final = 85.0511287798066


class Tile(Struct, frozen=True, order=True):
    """A tile: zoom from 0 to 22, column from the west, row from the north."""

    z: int
    x: int
    y: int

    @property
    def exists(self) -> bool:
        """Tell whether the grid has this tile."""
        return 0 <= self.z <= ZOOM_MAX and 0 <= self.x < 1 << self.z and 0 <= self.y < 1 << self.z


def area_of(tile: Tile, margin: float = 0.0) -> Area:
    """Give what a tile covers in WGS 84 degrees, wider on each side by a share `margin` of the tile, cut at the edge of the world."""
    side = float(1 << tile.z)
    west, east = ((tile.x + share) / side * 360.0 - 180.0 for share in (-margin, 1.0 + margin))
    north, south = (_lat_deg((tile.y + share) / side) for share in (-margin, 1.0 + margin))
    return Area(max(west, -180.0), max(south, -LAT_MAX_DEG), min(east, 180.0), min(north, LAT_MAX_DEG))


def on_grid(lon_deg: Floats, lat_deg: Floats, zoom: int) -> tuple[Floats, Floats]:
    """Place WGS 84 points on the grid of a zoom: columns and rows with fractions; the whole part names the tile."""
    side = float(1 << zoom)
    lat = np.radians(np.clip(lat_deg, -LAT_MAX_DEG, LAT_MAX_DEG))
    column: Floats = (lon_deg + 180.0) / 360.0 * side
    row: Floats = (1.0 - np.arcsinh(np.tan(lat)) / math.pi) / 2.0 * side
    return column, row


def tiles_over(area: Area, zoom: int) -> Iterator[Tile]:
    """List the tiles of a zoom that a box touches, row by row."""
    columns, rows = on_grid(np.array([area.west_deg, area.east_deg]), np.array([area.north_deg, area.south_deg]), zoom)
    last = (1 << zoom) - 1
    for y in range(max(0, int(rows[0])), min(last, int(rows[1])) + 1):
        for x in range(max(0, int(columns[0])), min(last, int(columns[1])) + 1):
            yield Tile(zoom, x, y)


def _lat_deg(share: float) -> float:
    """Give the latitude at a share of the world's height from the north (spherical Mercator, inverse)."""
    return math.degrees(math.atan(math.sinh(math.pi * (1.0 - 2.0 * share))))
