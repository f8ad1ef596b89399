"""Districts: reading, repair and refusal, the rule for boundaries and overlaps, the tree, neighbours."""

import msgspec
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon, box

from geo.district_shapes import DistrictColumns, DistrictsRead, make_shape, read_districts
from geo.districts import DistrictMap, settle_tree
from mobile_contract.schema.base import Datum

SQUARE = [[[0.0, 0.0], [0.1, 0.0], [0.1, 0.1], [0.0, 0.1], [0.0, 0.0]]]


def read(*features: object, **options: object) -> DistrictsRead:
    """Read the features as one file."""
    raw = msgspec.json.encode({"type": "FeatureCollection", "features": list(features)})
    return read_districts(raw, **options)  # type: ignore[arg-type]


def feature(coordinates: object, *, kind: str = "Polygon", **properties: object) -> dict[str, object]:
    """Build one GeoJSON feature."""
    properties = {"code": "a", "name": "A", **properties}
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def test_a_good_file_gives_districts_in_order_with_area_and_srid() -> None:
    outcome = read(
        feature(SQUARE, name_zh="甲", arrival_class="village"),
        feature([SQUARE], kind="MultiPolygon", code="b", parent_code="a"),
    )
    assert (outcome.refused, outcome.notes) == ((), ())
    first, second = outcome.districts
    assert (first.code, first.name, first.name_zh, first.parent_code) == ("a", "A", "甲", None)
    assert (second.parent_code, second.arrival_class) == ("a", "town")
    assert first.arrival_class == "village"
    assert first.area_m2 == pytest.approx(11_132 * 11_057.4, rel=1e-3)
    assert shapely.get_srid(first.geometry()) == 4326


def test_other_property_names_and_numeric_codes_are_read() -> None:
    columns = DistrictColumns(code="ID", name="LABEL")
    raw = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": SQUARE},
        "properties": {"ID": 7, "LABEL": "x"},
    }
    assert read(raw, columns=columns).districts[0].code == "7"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (feature(SQUARE, code=""), "district_code_missing"),
        (feature([[0, 0], [1, 1]], kind="LineString"), "district_not_a_polygon"),
        ({"type": "Feature", "geometry": None, "properties": {"code": "x"}}, "district_not_a_polygon"),
        ("no feature", "district_not_a_polygon"),
        (feature([[[0, 0], [0.1, 0.1]]]), "district_coordinates_bad"),
        (feature([[[0, 0], [0.1, 0.1], [0, 0]]]), "district_coordinates_bad"),
        (feature([[[0, 0], [0.1, "x"], [0.1, 0.1], [0, 0]]]), "district_coordinates_bad"),
        (feature([[[34.0, -118.0], [34.0, -118.1], [34.1, -118.1], [34.0, -118.0]]]), "district_coordinates_bad"),
        (feature([]), "district_coordinates_bad"),
        (feature([[[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]]]), "district_spans_antimeridian"),
        (feature([[[0, 0], [0.1, 0.1], [0.2, 0.2], [0, 0]]]), "district_without_area"),
    ],
)
def test_a_bad_row_is_refused_with_its_number_and_the_rest_is_read(bad: object, code: str) -> None:
    outcome = read(feature(SQUARE, code="good"), bad)
    assert [d.code for d in outcome.districts] == ["good"]
    assert [(r.row, r.code) for r in outcome.refused] == [(2, code)]


def test_swapped_coordinates_are_called_by_name() -> None:
    swapped = feature([[[34.0, -118.0], [34.0, -118.1], [34.1, -118.1], [34.0, -118.0]]])
    assert "swapped" in read(swapped).refused[0].detail


def test_a_code_is_taken_once() -> None:
    outcome = read(feature(SQUARE), feature(SQUARE))
    assert len(outcome.districts) == 1
    assert outcome.refused[0].code == "district_code_repeated"


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b'{"type":"Feature","features":[]}', b'{"type":"FeatureCollection"}']
)
def test_a_file_that_is_no_collection_is_refused_as_a_whole(raw: bytes) -> None:
    outcome = read_districts(raw)
    assert outcome.districts == ()
    assert [(r.row, r.code) for r in outcome.refused] == [(0, "file_not_geojson")]


def test_a_file_in_a_projected_system_is_refused() -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2229"}}
    raw = msgspec.json.encode({"type": "FeatureCollection", "crs": crs, "features": [feature(SQUARE)]})
    assert read_districts(raw).refused[0].code == "file_crs_not_wgs84"


def test_repairs_are_made_and_told() -> None:
    bow_tie = feature([[[0, 0], [0.1, 0.1], [0.1, 0], [0, 0.1], [0, 0]]], code="bow")
    open_ring = feature([[[0, 0, 5], [0.1, 0, 5], [0.1, 0.1, 5]]], code="open", name=None)
    outcome = read(bow_tie, open_ring)
    assert [d.geometry().is_valid for d in outcome.districts] == [True, True]
    assert [(n.row, n.code) for n in outcome.notes] == [
        (1, "self_intersection_repaired"),
        (2, "name_missing"),
        (2, "elevation_dropped"),
        (2, "ring_closed"),
    ]


def test_a_file_in_gcj02_lands_in_wgs84() -> None:
    ring = [[[116.38, 39.91], [116.40, 39.91], [116.40, 39.93], [116.38, 39.93], [116.38, 39.91]]]
    shifted = read(feature(ring), datum=Datum.GCJ02).districts[0].geometry()
    assert shifted.bounds[0] == pytest.approx(116.3738, abs=2e-4)


def grid() -> DistrictMap:
    """Build two equal squares side by side (a, b), a smaller one over both (c), and one far away (d)."""
    return DistrictMap(
        [
            make_shape("b", "B", box(0.1, 0, 0.2, 0.1)),
            make_shape("a", "A", box(0, 0, 0.1, 0.1)),
            make_shape("c", "C", box(0.09, 0.04, 0.11, 0.06)),
            make_shape("d", "D", box(1, 1, 1.1, 1.1)),
        ]
    )


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        pytest.param(0.05, 0.05, "a", id="inside"),
        pytest.param(0.1, 0.02, "a", id="on the border of two equal ones: lowest code"),
        pytest.param(0.1, 0.05, "c", id="in an overlap: smallest"),
        pytest.param(0.09, 0.05, "c", id="on the edge of the smaller one"),
        pytest.param(0.0, 0.0, "a", id="on an outer corner"),
        pytest.param(-1e-9, 0.0, None, id="just outside"),
        pytest.param(0.5, 0.5, None, id="nowhere"),
    ],
)
def test_a_point_belongs_to_the_smallest_district_then_the_lowest_code(
    lon: float, lat: float, code: str | None
) -> None:
    assert grid().locate(lon, lat) == code


@given(st.permutations(["a", "b", "c", "d"]), st.integers(-1, 21), st.integers(-1, 11))
def test_the_answer_does_not_depend_on_the_order_of_the_file(order: list[str], x: int, y: int) -> None:
    shapes = {d.code: d for d in grid().districts}
    point = (x / 100, y / 100)
    assert DistrictMap([shapes[code] for code in order]).locate(*point) == grid().locate(*point)


def test_many_points_are_located_in_order_and_none_is_fine() -> None:
    assert grid().locate_many([0.05, 0.5, 0.15], [0.05, 0.5, 0.05]) == ["a", None, "b"]
    assert grid().locate_many([], []) == []
    assert DistrictMap([]).locate(0, 0) is None


def test_overlaps_are_reported() -> None:
    pairs = [(o.code, o.other_code) for o in grid().overlaps()]
    assert pairs == [("a", "c"), ("b", "c")]


def test_neighbours_share_a_border_or_nearly_so() -> None:
    shapes = [
        make_shape("a", "A", box(0, 0, 0.1, 0.1)),
        make_shape("b", "B", box(0.1, 0, 0.2, 0.1)),
        make_shape("c", "C", box(0.2003, 0, 0.3, 0.1)),  # 33 m away from b
        make_shape("d", "D", box(0.1, 0.1, 0.2, 0.2)),  # touches a in a corner
        make_shape("e", "E", box(0.3010, 0, 0.4, 0.1)),  # 111 m away from c
        make_shape("z", "Z", box(0, 0, 0.2, 0.1)),
    ]
    districts = DistrictMap(settle_tree(shapes, infer_parents=True).districts)
    pairs = districts.neighbours(within_m=50)
    assert [p.code + p.neighbour_code for p in pairs] == ["ab", "ad", "bc", "bd", "cd", "cz", "dz"]
    assert {p.neighbour_code: p.gap_m for p in pairs if p.code == "b"}["c"] == pytest.approx(33.4, abs=0.5)
    assert districts.neighbours_of(pairs, "b") == ("a", "c", "d")
    border = {(p.code, p.neighbour_code): p.border_m for p in pairs}
    assert border["a", "b"] == pytest.approx(11_057, rel=0.01)
    assert border["a", "d"] < 200
    assert ("c", "e") in [(p.code, p.neighbour_code) for p in districts.neighbours()]


def test_the_tree_comes_from_codes_or_from_containment() -> None:
    shapes = [
        make_shape("city", "City", box(0, 0, 0.4, 0.4)),
        make_shape("zone", "Zone", box(0, 0, 0.2, 0.4)),
        make_shape("leaf", "Leaf", box(0, 0, 0.1, 0.1)),
    ]
    plain = DistrictMap(settle_tree(shapes).districts)
    assert plain.ancestors("leaf") == ()
    tree = DistrictMap(settle_tree(shapes, infer_parents=True).districts)
    assert tree.ancestors("leaf") == ("zone", "city")
    assert tree.children("city") == ("zone",)
    assert tree.locate(0.05, 0.05) == "leaf"


def test_unknown_parents_and_circles_are_cut_and_told() -> None:
    shapes = [
        make_shape("a", "A", box(0, 0, 1, 1), parent_code="b"),
        make_shape("b", "B", box(0, 0, 1, 1), parent_code="a"),
        make_shape("c", "C", box(0, 0, 1, 1), parent_code="a"),
        make_shape("x", "X", box(0, 0, 1, 1), parent_code="nobody"),
    ]
    outcome = settle_tree(shapes)
    assert [d.parent_code for d in outcome.districts] == [None, None, "a", None]
    assert [(n.row, n.code) for n in outcome.notes] == [
        (1, "district_parent_circle"),
        (2, "district_parent_circle"),
        (4, "district_parent_unknown"),
    ]


def test_long_edges_get_vertices_so_that_great_circles_follow_them() -> None:
    wide = make_shape("w", "W", box(0, 45, 0.25, 45.1)).geometry()
    steps = shapely.get_coordinates(wide)
    assert max(abs(steps[1:] - steps[:-1]).ravel()) <= 0.0101
    assert wide.equals(box(0, 45, 0.25, 45.1))


def test_only_valid_polygons_become_shapes() -> None:
    for geometry in (LineString([(0, 0), (1, 1)]), Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])):
        with pytest.raises(ValueError, match="not a valid polygon"):
            make_shape("x", "X", geometry)
