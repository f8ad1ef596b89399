"""The basemap of the synthetic city: repeatable to the byte, readable by the format's own reader, complete, and never in each other's way."""

import gzip
import hashlib
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely
from pmtiles.reader import MemorySource, Reader
from typer.testing import CliRunner

import geo.city
from api.cli import build
from geo.basemap import LAYERS, ZOOM_MAX, ZOOM_MIN, make_basemap
from geo.city import make_city
from geo.city_buildings import make_buildings
from geo.city_ground import to_metres
from geo.city_tables import addresses_csv, read_street_graph, street_graph_json
from geo.coordinates import Area
from geo.tile_grid import Tile, area_of, on_grid, tiles_over

city = cache(lambda: make_city(1, 120))
body = cache(lambda: make_basemap(city()))


def reader() -> Reader:
    return Reader(MemorySource(body()))


def layers_of(tile: Tile) -> dict[str, Any]:
    found = reader().get(tile.z, tile.x, tile.y)
    if found is None:
        return {}
    read: dict[str, Any] = mapbox_vector_tile.decode(gzip.decompress(found), default_options={"y_coord_down": True})
    return {name: layer["features"] for name, layer in read.items()}


def whole() -> Area:
    lon, lat = [p.lon_deg for p in city().outline], [p.lat_deg for p in city().outline]
    return Area(min(lon), min(lat), max(lon), max(lat))


def over_city(zoom: int, layer: str) -> list[Any]:
    return [f for tile in tiles_over(whole(), zoom) for f in layers_of(tile).get(layer, ())]


def test_equal_seeds_give_equal_bytes_whatever_the_hash_seed_and_the_time() -> None:
    code = (
        "import hashlib; from geo.city import *; from geo.basemap import *;"
        "print(hashlib.sha256(make_basemap(make_city(1, 120))).hexdigest())"
    )
    root = str(Path(geo.city.__file__).parents[1])
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": root, "TZ": "Asia/Shanghai"},
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    assert told.stdout.strip() == hashlib.sha256(body()).hexdigest()


def test_it_is_small_enough_to_be_made_and_kept_everywhere() -> None:
    assert 200_000 < len(body()) < 2_000_000


def test_the_header_says_what_the_file_holds() -> None:
    header, about = reader().header(), reader().metadata()
    assert (header["version"], header["min_zoom"], header["max_zoom"]) == (3, ZOOM_MIN, ZOOM_MAX)
    assert header["clustered"]
    assert header["min_lon_e7"] < header["center_lon_e7"] < header["max_lon_e7"]
    assert [layer["id"] for layer in about["vector_layers"]] == [plan.name for plan in LAYERS]


def test_every_layer_is_there_from_its_zoom_on_and_says_only_its_fields() -> None:
    for plan in LAYERS:
        assert over_city(plan.from_zoom, plan.name), plan.name
        if plan.from_zoom > ZOOM_MIN:
            assert over_city(plan.from_zoom - 1, plan.name) == []
        for feature in over_city(ZOOM_MAX, plan.name)[:50]:
            assert set(feature["properties"]) <= {name for name, _ in plan.fields}


def test_at_the_last_zoom_nothing_of_the_city_is_missing() -> None:
    places = Counter(f["properties"]["address"] for f in over_city(ZOOM_MAX, "addresses"))
    assert set(places) == {site.address for site in city().sites}
    assert {f["properties"]["name"] for f in over_city(ZOOM_MAX, "streets")} == {s.name for s in city().streets}
    assert {f["properties"]["code"] for f in over_city(ZOOM_MAX, "valves")} == {v.code for v in city().valves}
    assert {f["properties"]["code"] for f in over_city(ZOOM_MAX, "pipes")} == {p.code for p in city().pipes}
    assert {f["properties"]["kind"] for f in over_city(ZOOM_MAX, "depots")} == {"post", "depot", "warehouse"}


def test_an_address_stands_where_it_is() -> None:
    site = city().sites[0]
    column, row = on_grid(np.array([site.point.lon_deg]), np.array([site.point.lat_deg]), 15)
    tile = Tile(15, int(column[0]), int(row[0]))
    (found,) = [f for f in layers_of(tile)["addresses"] if f["properties"]["address"] == site.address]
    place = ((column[0] - tile.x) * 4096, (row[0] - tile.y) * 4096)
    assert np.allclose(found["geometry"]["coordinates"], place, atol=1.0)


@pytest.mark.parametrize("seed", [1, 2, 20260303])
def test_no_building_stands_in_another_or_in_the_water(seed: int) -> None:
    made = make_city(seed, 120)
    buildings = make_buildings(made)
    grounds = np.array([shapely.Polygon([to_metres(p) for p in b.outline]) for b in buildings], object)
    assert shapely.is_valid(grounds).all()
    pairs = shapely.STRtree(grounds).query(grounds, predicate="intersects")
    inside = [(a, b) for a, b in pairs.T.tolist() if a < b and grounds[a].intersection(grounds[b]).area > 0.5]
    # Two addresses may be nearer to each other than their buildings are wide; across a street they may meet.
    assert len(inside) < len(buildings) / 500
    water = shapely.union_all([shapely.Polygon([to_metres(p) for p in ring]) for ring in made.water])
    free = [b for b, ground in zip(buildings, grounds, strict=True) if not b.site_code and ground.intersects(water)]
    assert free == []
    assert {b.site_code for b in buildings} - {""} <= {site.code for site in made.sites}
    assert [b.number for b in buildings] == list(range(len(buildings)))


def test_tiles_and_boxes_fit_together() -> None:
    for tile in (Tile(0, 0, 0), Tile(15, 14563, 11737), Tile(22, 1, 4_194_302)):
        area = area_of(tile)
        assert list(tiles_over(Area(*_shrunk(area)), tile.z)) == [tile]
    assert area_of(Tile(0, 0, 0)).north_deg == pytest.approx(85.0511287798066)
    assert not Tile(3, 8, 0).exists and not Tile(23, 0, 0).exists and not Tile(3, -1, 0).exists


def _shrunk(area: Area) -> tuple[float, float, float, float]:
    wide, high = (area.east_deg - area.west_deg) / 100, (area.north_deg - area.south_deg) / 100
    return area.west_deg + wide, area.south_deg + high, area.east_deg - wide, area.north_deg - high


def test_the_street_graph_comes_back_as_it_was_and_addresses_are_a_table() -> None:
    assert read_street_graph(street_graph_json(city())) == city().graph
    lines = addresses_csv(city()).decode().splitlines()
    assert lines[0] == "code,kind,address,address_zh,district_code,lon_deg,lat_deg"
    assert len(lines) == 121


def test_the_command_writes_basemap_graph_and_addresses(tmp_path: Path) -> None:
    result = CliRunner().invoke(build(), ["city", "make", "--seed", "1", "--sites", "120", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "city.pmtiles").read_bytes() == body()
    assert (tmp_path / "street_graph.json").read_bytes() == street_graph_json(city())
    assert (tmp_path / "addresses.csv").read_bytes() == addresses_csv(city())
    assert "basemap" in result.output
