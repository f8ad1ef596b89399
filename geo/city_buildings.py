"""Buildings of the synthetic city: one on each address, others along the edges of the blocks, so that a map looks built on.

Owns footprints only. They follow from the city and its seed and are no part of it: addresses, meters and the city's fingerprint
do not depend on them. Never moves an address.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from msgspec import Struct
from shapely.geometry import Polygon

from geo.city_draw import Draw
from geo.city_ground import Spot, to_line, to_metres
from geo.city_plan import Block, City, Line

# Frontage, depth and gap between neighbours in metres, by the use of the block.
_PLOTS: Final = {
    "residential": ((10.0, 18.0), (9.0, 13.0), (3.0, 9.0)),
    "commercial": ((18.0, 42.0), (14.0, 24.0), (2.0, 6.0)),
    "industrial": ((35.0, 80.0), (25.0, 45.0), (10.0, 22.0)),
}
# Width and depth in metres of a building with an address, by the kind of site.
_SIZES: Final = {
    "house": (11.0, 9.0),
    "apartments": (24.0, 13.0),
    "shop": (14.0, 12.0),
    "office": (22.0, 16.0),
    "plaza": (38.0, 26.0),
    "plant": (40.0, 28.0),
}
_FROM_EDGE_M: Final = 2.0
_BESIDE_M: Final = 1.0


class Building(Struct, frozen=True):
    """The footprint of a building; `site_code` is the address on it, empty for the others."""

    number: int
    use: str
    site_code: str
    outline: Line


class _Plot(Struct, frozen=True, eq=False):
    use: str
    site_code: str
    ground: Polygon


def make_buildings(city: City) -> tuple[Building, ...]:
    """Put up the buildings of a city, numbered block by block; none overlaps another, all stand inside their block."""
    draw = Draw(city.seed, "buildings")
    grounds = [Polygon([to_metres(point) for point in block.outline]) for block in city.blocks]
    sites = [to_metres(site.point) for site in city.sites]
    on_block: dict[int, list[int]] = {}
    index = shapely.STRtree(grounds)
    for site, block in index.query(shapely.points(sites), predicate="within").T.tolist():
        on_block.setdefault(block, []).append(site)
    found: list[Building] = []
    for at, (block, ground) in enumerate(zip(city.blocks, grounds, strict=True)):
        own = [_on_site(city, site, sites[site], ground) for site in sorted(on_block.get(at, ()))]
        for plot in _apart([*own, *_along(draw, block, ground)], ground):
            outline = to_line(shapely.get_coordinates(plot.ground.exterior).tolist())
            found.append(Building(len(found), plot.use, plot.site_code, outline))
    return tuple(found)


def _on_site(city: City, site: int, spot: Spot, ground: Polygon) -> _Plot:
    """Turn the building of an address to the nearest edge of its block."""
    start, end = min(_edges(ground), key=lambda edge: shapely.LineString(edge).distance(shapely.Point(spot)))
    width, depth = _SIZES[city.sites[site].kind]
    length = math.dist(start, end)
    ahead = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
    corner = (
        spot[0] - ahead[0] * width / 2 + ahead[1] * depth / 2,
        spot[1] - ahead[1] * width / 2 - ahead[0] * depth / 2,
    )
    return _Plot(city.sites[site].kind, city.sites[site].code, _rectangle(corner, ahead, width, depth))


def _along(draw: Draw, block: Block, ground: Polygon) -> list[_Plot]:
    """Line the edges of a block with buildings, going round it; parks and squares stay empty."""
    if block.use not in _PLOTS:
        return []
    fronts, depths, gaps = _PLOTS[block.use]
    plots: list[_Plot] = []
    for start, end in _edges(ground):
        length = math.dist(start, end)
        if length < fronts[0]:
            continue
        ahead = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)
        at_m = draw.between(*gaps)
        # As many as the longest edge can hold.
        for _ in range(int(length / fronts[0]) + 1):
            width, depth, gap = draw.between(*fronts), draw.between(*depths), draw.between(*gaps)
            if at_m + width > length:
                break
            east = start[0] + ahead[0] * at_m - ahead[1] * _FROM_EDGE_M
            north = start[1] + ahead[1] * at_m + ahead[0] * _FROM_EDGE_M
            plots.append(_Plot(block.use, "", _rectangle((east, north), ahead, width, depth)))
            at_m += width + gap
    return plots


def _apart(plots: list[_Plot], ground: Polygon) -> list[_Plot]:
    """Leave out what reaches over the edge of the block, and what stands on or right beside an earlier one."""
    grounds = np.array([plot.ground for plot in plots], dtype=object)
    if not len(grounds):
        return []
    shapely.prepare(ground)
    inside = shapely.covers(ground, grounds)
    addressed = np.array([bool(plot.site_code) for plot in plots])
    # An address keeps its building even where it reaches over the pavement.
    standing = (inside | addressed).tolist()
    pairs = shapely.STRtree(grounds).query(grounds, predicate="dwithin", distance=_BESIDE_M)
    for later, earlier in sorted(pairs.T.tolist()):
        if earlier < later and standing[earlier]:
            standing[later] = False
    return [plot for plot, stands in zip(plots, standing, strict=True) if stands]


def _edges(ground: Polygon) -> list[tuple[Spot, Spot]]:
    """Give the edges of a block counter-clockwise, so that its inside is on the left."""
    ring = shapely.get_coordinates(shapely.orient_polygons(ground).exterior).tolist()
    return [((a[0], a[1]), (b[0], b[1])) for a, b in pairwise(ring) if a != b]


def _rectangle(corner: Spot, ahead: Spot, width: float, depth: float) -> Polygon:
    """Draw a rectangle from a corner: `width` along a direction, `depth` to the left of it."""
    (x, y), (east, north) = corner, ahead
    far = (x + east * width, y + north * width)
    side = (-north * depth, east * depth)
    return Polygon([corner, far, (far[0] + side[0], far[1] + side[1]), (x + side[0], y + side[1])])
