"""The synthetic city: repeatable, tiled by districts, reachable, and fit for the map, the planner and imports."""

import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest
import rustworkx
import shapely
from shapely.geometry import Point, Polygon
from typer.testing import CliRunner

import geo.city
from api.cli import build
from api.commands import city as city_command
from geo.city import DEFAULT_SEED, DEFAULT_SITES, MOST_SITES, fingerprint, make_city
from geo.city_draw import Draw
from geo.city_geojson import layer, layer_names
from geo.city_plan import City, Line
from geo.coordinates import distance_m
from geo.district_shapes import read_districts
from geo.districts import DistrictMap, settle_tree
from geo.street_graph import StreetGraphTravel
from geo.travel import Points

SEEDS = (1, 2, 3, 20260303, -5)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)

made = cache(make_city)
every_seed = pytest.mark.parametrize("seed", SEEDS)


def polygon(ring: Line) -> Polygon:
    """Build a shapely polygon of a ring."""
    return Polygon([(p.lon_deg, p.lat_deg) for p in ring])


def numbers(value: object) -> Iterator[float]:
    """Walk all numbers of decoded JSON."""
    if isinstance(value, dict):
        for part in value.values():
            yield from numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield value


def test_equal_seeds_give_equal_bytes_whatever_the_hash_seed() -> None:
    code = "from geo.city import *; print(fingerprint(make_city(7, 60)))"
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(geo.city.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout.strip()
        for hash_seed in ("0", "4711")
    ]
    assert told == [fingerprint(make_city(7, 60))] * 2
    assert fingerprint(made(8, 60)) != told[0]


def test_more_sites_do_not_change_the_streets() -> None:
    few, many = made(1, 60), made(1)
    assert (few.graph, few.districts, few.pipes) == (many.graph, many.districts, many.pipes)


@every_seed
def test_no_number_is_nan_and_all_points_are_near_the_centre(seed: int) -> None:
    city = made(seed)
    assert all(math.isfinite(n) for n in numbers(msgspec.json.decode(msgspec.json.encode(city))))
    for point in [*city.outline, *(s.point for s in city.sites), *(d.point for d in city.depots)]:
        assert distance_m(point, city.centre) < 6000


@every_seed
def test_districts_tile_their_zones_and_zones_the_city(seed: int) -> None:
    city = made(seed)
    zones = [d for d in city.districts if d.parent_code is None]
    leaves = [d for d in city.districts if d.parent_code is not None]
    assert len(zones) == 2
    assert sorted(Counter(d.parent_code for d in leaves).values()) == [3, 4]
    assert len({d.code for d in city.districts}) == len({d.name for d in city.districts}) == 9
    whole = polygon(city.outline)
    assert all(polygon(d.outline).is_valid for d in city.districts)
    for tiles, ground in [
        (zones, whole),
        *(([d for d in leaves if d.parent_code == z.code], polygon(z.outline)) for z in zones),
    ]:
        polygons = [polygon(t.outline) for t in tiles]
        joined = shapely.union_all(polygons)
        # Corners are rounded to a centimetre where they meet, so nothing but rounding may be left over.
        assert joined.symmetric_difference(ground).area < 1e-9
        assert sum(p.area for p in polygons) == pytest.approx(joined.area, abs=1e-12)
    smallest, largest = min(polygon(d.outline).area for d in leaves), max(polygon(d.outline).area for d in leaves)
    assert smallest > 0.04 * largest


@every_seed
def test_each_site_lies_in_its_district_on_dry_land_with_an_address_of_its_own(seed: int) -> None:
    city = made(seed)
    assert len(city.sites) == DEFAULT_SITES
    districts = DistrictMap(read_districts(layer(city, "districts")).districts)
    found = districts.locate_many([s.point.lon_deg for s in city.sites], [s.point.lat_deg for s in city.sites])
    assert found == [s.district_code for s in city.sites]
    water = shapely.union_all([polygon(ring) for ring in city.water])
    assert not any(water.covers(Point(s.point.lon_deg, s.point.lat_deg)) for s in city.sites)
    assert len({s.address for s in city.sites}) == len({s.address_zh for s in city.sites}) == DEFAULT_SITES
    assert len({s.point for s in city.sites}) == DEFAULT_SITES
    assert len({s.district_code for s in city.sites}) == 7


@every_seed
def test_odd_numbers_stand_opposite_even_ones_and_grow_along_the_street(seed: int) -> None:
    city = made(seed)
    for street in city.streets:
        on_it = [s for s in city.sites if s.street == street.number]
        if len(on_it) < 8 or "Ring" in street.name:
            continue
        on_it.sort(key=lambda s: s.house_number)
        first, last = on_it[0], on_it[-1]
        assert distance_m(first.point, last.point) > 4.0 * (last.house_number - first.house_number) * 0.5
        # Along an embankment one side is the river.
        assert {s.house_number % 2 for s in on_it} == {0, 1} or "Embankment" in street.name or len(on_it) < 14


@every_seed
def test_every_place_is_reachable_from_every_other(seed: int) -> None:
    graph = made(seed).graph
    assert rustworkx.is_strongly_connected(graph.directed())
    assert [n.id for n in graph.nodes] == list(range(len(graph.nodes)))
    assert len(graph.nodes) > 700
    assert min(e.length_m for e in graph.edges) > 20
    both_ways = {(e.from_id, e.to_id) for e in graph.edges}
    assert 4 <= sum((b, a) not in both_ways for a, b in both_ways) <= 200, "a few streets are one-way"


@every_seed
def test_travel_between_sites_follows_streets_and_is_longer_than_the_birds_way(seed: int) -> None:
    city = made(seed)
    some = Points.of([s.point for s in city.sites[::20]])
    table = StreetGraphTravel(city.graph).table(some, some, NOON)
    assert table.on_streets.all()
    apart = [[distance_m(a.point, b.point) for b in city.sites[::20]] for a in city.sites[::20]]
    ratio = table.distance_m.sum() / np.array(apart).sum()
    assert 1.1 < ratio < 1.6, ratio
    assert table.travel_s.max() < 3600


@every_seed
def test_streets_have_names_of_their_own_and_all_classes_exist(seed: int) -> None:
    city = made(seed)
    assert len({s.name for s in city.streets}) == len({s.name_zh for s in city.streets}) == len(city.streets)
    assert {s.road.value for s in city.streets} == {"ring", "arterial", "collector", "local"}
    assert {s.number for s in city.streets} == {e.street for e in city.graph.edges}


@every_seed
def test_each_usage_point_has_one_meter_whose_value_fits_its_dials(seed: int) -> None:
    city = made(seed)
    sites = {s.code for s in city.sites}
    assert {p.site_code for p in city.usage_points} == sites
    assert [m.usage_point_code for m in city.meters] == [p.code for p in city.usage_points]
    assert len({m.serial for m in city.meters}) == len(city.meters)
    assert all(0 <= m.last_value < Decimal(10) ** m.dial_count for m in city.meters)
    assert all(m.last_read_on < geo.city.READ_BEFORE for m in city.meters)
    assert {m.medium for m in city.meters} == {"water", "power", "gas"}


@every_seed
def test_pipes_run_from_node_to_node_and_depots_stand_in_their_districts(seed: int) -> None:
    city = made(seed)
    for pipe in city.pipes:
        a, b = city.graph.nodes[pipe.from_id], city.graph.nodes[pipe.to_id]
        assert [(p.lon_deg, p.lat_deg) for p in pipe.line] == [(a.lon_deg, a.lat_deg), (b.lon_deg, b.lat_deg)]
    assert {(v.medium, v.kind) for v in city.valves} == {("water", "gate"), ("gas", "ball")}
    outlines = {d.code: polygon(d.outline) for d in city.districts}
    assert all(outlines[d.district_code].covers(Point(d.point.lon_deg, d.point.lat_deg)) for d in city.depots)
    assert Counter(d.kind for d in city.depots) == {"warehouse": 1, "depot": 2, "post": 7}


@every_seed
def test_blocks_are_dry_and_of_every_use(seed: int) -> None:
    city = made(seed)
    polygons = [polygon(b.outline) for b in city.blocks]
    assert all(p.is_valid for p in polygons)
    water = shapely.union_all([polygon(ring) for ring in city.water])
    assert sum(p.intersection(water).area for p in polygons) < 1e-9
    assert {b.use for b in city.blocks} >= {"park", "commercial", "industrial", "residential"}


def test_the_districts_layer_imports_without_a_remark() -> None:
    outcome = read_districts(layer(made(1), "districts"))
    assert (len(outcome.districts), outcome.refused, outcome.notes) == (9, (), ())
    districts = DistrictMap(settle_tree(outcome.districts).districts)
    assert districts.overlaps() == ()
    pairs = districts.neighbours()
    assert all(districts.neighbours_of(pairs, d.code) for d in districts.districts)


@pytest.mark.parametrize("name", layer_names())
def test_every_layer_is_geojson_with_longitude_first(name: str) -> None:
    read = json.loads(layer(made(1, 60), name))
    assert (read["type"], read["name"]) == ("FeatureCollection", name)
    assert read["features"]
    for feature in read["features"]:
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert shape.is_valid
        west, south, east, north = shape.bounds
        assert -20.1 < west <= east < -19.9
        assert 44.9 < south <= north < 45.1
        if isinstance(shape, Polygon):
            assert shape.exterior.is_ccw


@pytest.mark.parametrize("sites", [0, -1, MOST_SITES + 1])
def test_a_senseless_number_of_sites_is_refused(sites: int) -> None:
    with pytest.raises(ValueError, match="sites must be"):
        make_city(1, sites)


def test_draws_are_the_same_on_every_machine() -> None:
    draw = Draw(1, "test")
    assert [draw.whole(1, 6) for _ in range(10)] == [1, 4, 4, 4, 5, 4, 1, 3, 5, 2]
    assert "".join(Draw(1, "test").shuffled("abcdef")) == "fdbeca"
    assert Draw(1, "test").shuffled(list(range(8))) != Draw(2, "test").shuffled(list(range(8)))
    assert {Draw(seed, "t").weighted([("a", 0.0), ("b", 1.0)]) for seed in range(20)} == {"b"}


def test_the_command_writes_all_layers_and_says_what_to_do_when_it_cannot(tmp_path: Path) -> None:
    out = tmp_path / "new" / "city"
    result = CliRunner().invoke(build(), ["city", "make", "--seed", "1", "--sites", "60", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert {p.stem for p in out.glob("*.geojson")} == set(layer_names())
    assert (out / "sites.geojson").read_bytes() == layer(made(1, 60), "sites")
    assert fingerprint(made(1, 60)) in result.output.replace("\n", "")
    (tmp_path / "file").write_text("")
    refused = CliRunner().invoke(build(), ["city", "make", "--sites", "60", "--out", str(tmp_path / "file")])
    assert "--out" in str(refused.exception)


def test_the_command_offers_what_the_generator_takes() -> None:
    assert (city_command.DEFAULT_SEED, city_command.DEFAULT_SITES, city_command.MOST_SITES) == (
        DEFAULT_SEED,
        DEFAULT_SITES,
        MOST_SITES,
    )


def test_a_city_is_plain_data() -> None:
    city = made(1, 60)
    assert msgspec.json.decode(msgspec.json.encode(city), type=City) == city
