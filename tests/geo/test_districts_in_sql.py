"""The rule for districts says the same in SQL and without a database (decision 0010)."""

import random
import uuid
from itertools import pairwise

import asyncpg
import pytest
import shapely
from shapely.geometry import LineString, Point, box

from geo.city import make_city
from geo.city_geojson import layer
from geo.district_shapes import DistrictShape, make_shape, read_districts
from geo.districts import DistrictMap, settle_tree
from geo.store.districts import Outline, districts_of, save_districts

# Two readings of an edge, straight or great circle, part by 2 cm at most; this is 3 cm.
CLOSE_DEG = 3e-7

OVERLAPPING = (
    make_shape("a", "A", box(10, 45, 10.3, 45.2)),
    make_shape("b", "B", box(10.3, 45, 10.6, 45.2)),
    make_shape("c", "C", box(10.2, 45.05, 10.4, 45.15)),
    make_shape("d", "D", box(10.25, 45.0, 10.6, 45.1)),
)


async def saved(owner: asyncpg.Connection, shapes: tuple[DistrictShape, ...]) -> tuple[uuid.UUID, dict[uuid.UUID, str]]:
    """Save the districts for a new organisation; give it and the code of each district id."""
    org_id = uuid.uuid4()
    ids = {shape.code: uuid.uuid4() for shape in shapes}
    for shape in shapes:
        parent_id = None if shape.parent_code is None else ids[shape.parent_code]
        outline = Outline(ids[shape.code], shape.code, '{"en": "x"}', parent_id, "town", shape.geojson())
        await save_districts(owner, org_id, [outline])
    return org_id, {district_id: code for code, district_id in ids.items()}


def points(shapes: tuple[DistrictShape, ...], rng: random.Random) -> list[tuple[float, float]]:
    """Draw points everywhere around, and on corners and edges, where the rule has to decide."""
    west, south, east, north = shapely.total_bounds([s.geometry() for s in shapes])
    found = [(rng.uniform(west, east), rng.uniform(south, north)) for _ in range(400)]
    for shape in shapes:
        corners = shapely.get_coordinates(shape.geometry()).tolist()
        for (x0, y0), (x1, y1) in rng.sample(list(pairwise(corners)), 15):
            found += [(x0, y0), ((x0 + x1) / 2, (y0 + y1) / 2), (x0 + 1e-6, y0 + 1e-6), (x0 - 1e-6, y0 - 1e-6)]
    return found


@pytest.mark.parametrize("which", ["overlapping", "city"])
async def test_a_point_has_the_same_district_in_sql_and_without(
    owner: asyncpg.Connection, which: str, seed: int
) -> None:
    shapes = OVERLAPPING if which == "overlapping" else read_districts(layer(make_city(2, 20), "districts")).districts
    districts = DistrictMap(settle_tree(shapes).districts)
    org_id, code_of = await saved(owner, districts.districts[::-1] if which == "city" else shapes)
    asked = points(shapes, random.Random(seed))
    expected = districts.locate_many([p[0] for p in asked], [p[1] for p in asked])
    told = [None if d is None else code_of[d] for d in await districts_of(owner, org_id, asked)]
    borders = shapely.union_all([LineString(ring) for s in shapes for ring in _rings(s)])
    shapely.prepare(borders)
    different = [
        (point, pure, sql)
        for point, pure, sql in zip(asked, expected, told, strict=True)
        if pure != sql and not shapely.dwithin(borders, Point(point), CLOSE_DEG)
    ]
    assert different == []
    inside = shapely.union_all([s.geometry() for s in shapes]).buffer(-2 * CLOSE_DEG)
    lost = [p for p, sql in zip(asked, told, strict=True) if sql is None and inside.covers(Point(p))]
    assert lost == [], "a border inside the town is never nobody's"


def _rings(shape: DistrictShape) -> list[list[list[float]]]:
    return [shapely.get_coordinates(ring).tolist() for ring in shapely.get_rings(shape.geometry())]
