"""Travel times: the embedded estimate, the street graph against a plain search, sources and ranges."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.coordinates import LonLat, distance_m
from geo.street_graph import StreetEdge, StreetGraph, StreetGraphTravel, StreetNode, edge_length_m
from geo.travel import (
    DETOUR,
    GreatCircleTravel,
    HourClass,
    Points,
    RoadClass,
    SpeedTable,
    TravelSource,
    between,
    eta,
)

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
A, B = LonLat(-20.0, 45.0), LonLat(-19.95, 45.01)


def test_the_estimate_is_the_great_circle_with_a_detour_at_the_speed_of_the_hour() -> None:
    journey = between(GreatCircleTravel(), A, B, NOON)
    assert journey.source is TravelSource.GREAT_CIRCLE
    assert journey.distance_m == pytest.approx(DETOUR * distance_m(A, B), rel=0.005)
    assert journey.travel_s == pytest.approx(journey.distance_m / (32.0 / 3.6))
    assert journey.low_s < journey.travel_s < journey.high_s


@pytest.mark.parametrize(
    ("at", "zone", "hour"),
    [
        (datetime(2026, 3, 3, 8, tzinfo=UTC), "UTC", HourClass.PEAK),
        (datetime(2026, 3, 7, 8, tzinfo=UTC), "UTC", HourClass.DAY),
        (datetime(2026, 3, 3, 0, tzinfo=UTC), "Asia/Shanghai", HourClass.PEAK),
        (datetime(2026, 3, 3, 21, 59, tzinfo=UTC), "UTC", HourClass.DAY),
        (datetime(2026, 3, 3, 22, tzinfo=UTC), "UTC", HourClass.NIGHT),
        (datetime(2026, 3, 3, 5, 59, tzinfo=UTC), "UTC", HourClass.NIGHT),
    ],
)
def test_the_local_hour_has_its_class(at: datetime, zone: str, hour: HourClass) -> None:
    assert SpeedTable(zone=zone).hour_class(at) is hour


def test_a_naive_moment_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="aware"):
        between(GreatCircleTravel(), A, B, NOON.replace(tzinfo=None))


def test_peak_is_slower_and_night_faster() -> None:
    times = GreatCircleTravel()
    peak, day, night = (between(times, A, B, NOON.replace(hour=h)).travel_s for h in (8, 12, 23))
    assert night < day < peak


def test_an_arrival_is_a_range_with_its_source() -> None:
    arrival = eta(between(GreatCircleTravel(), A, B, NOON), NOON)
    assert NOON < arrival.earliest_at < arrival.expected_at < arrival.latest_at
    assert arrival.source is TravelSource.GREAT_CIRCLE
    still = eta(between(GreatCircleTravel(), A, A, NOON), NOON)
    assert still.earliest_at == still.latest_at == NOON


def line_graph() -> StreetGraph:
    """Build four nodes 1.1 km apart on a meridian; local streets, and a one-way ring road from end to end."""
    nodes = tuple(StreetNode(i, -20.0, 45.0 + i / 100) for i in range(4))
    edges: list[StreetEdge] = []
    for a, b in pairwise(nodes):
        metres = edge_length_m(a, b)
        edges += [StreetEdge(a.id, b.id, metres, RoadClass.LOCAL), StreetEdge(b.id, a.id, metres, RoadClass.LOCAL)]
    edges.append(StreetEdge(0, 3, 4000.0, RoadClass.RING))
    return StreetGraph(nodes, tuple(edges))


def test_the_quickest_way_wins_over_the_shortest_and_one_way_streets_count() -> None:
    times = StreetGraphTravel(line_graph())
    south, north = LonLat(-20.0, 45.0), LonLat(-20.0, 45.03)
    up, down = between(times, south, north, NOON), between(times, north, south, NOON)
    assert (up.source, down.source) == (TravelSource.STREET_GRAPH, TravelSource.STREET_GRAPH)
    assert [up.travel_s, up.distance_m] == pytest.approx([240.0, 4000.0])
    assert down.distance_m == pytest.approx(3336, abs=5)
    assert down.travel_s == pytest.approx(down.distance_m / (25 / 3.6))


def test_places_off_the_graph_come_from_the_estimate_and_say_so() -> None:
    times = StreetGraphTravel(line_graph())
    far, near = LonLat(-19.0, 45.0), LonLat(-20.001, 45.0)
    table = times.table(Points.of([far, near]), Points.of([LonLat(-20.0, 45.02)]), NOON)
    assert [table.source(0, 0), table.source(1, 0)] == [TravelSource.GREAT_CIRCLE, TravelSource.STREET_GRAPH]
    assert table.travel_s[0, 0] == pytest.approx(between(GreatCircleTravel(), far, LonLat(-20.0, 45.02), NOON).travel_s)


def test_nodes_without_a_way_between_them_come_from_the_estimate() -> None:
    nodes = (StreetNode(0, -20.0, 45.0), StreetNode(1, -20.0, 45.01))
    graph = StreetGraph(nodes, (StreetEdge(0, 1, 1112.0, RoadClass.LOCAL),))
    back = between(StreetGraphTravel(graph), LonLat(-20.0, 45.01), LonLat(-20.0, 45.0), NOON)
    assert back.source is TravelSource.GREAT_CIRCLE


def test_neighbours_at_one_corner_do_not_drive_around() -> None:
    journey = between(StreetGraphTravel(line_graph()), LonLat(-20.002, 45.0), LonLat(-20.002, 45.0001), NOON)
    assert journey.distance_m < 20


def test_empty_tables_have_their_shape() -> None:
    nobody, one = Points.of([]), Points.of([A])
    for times in (GreatCircleTravel(), StreetGraphTravel(line_graph())):
        assert times.table(nobody, one, NOON).travel_s.shape == (0, 1)
        assert times.table(one, nobody, NOON).travel_s.shape == (1, 0)


def test_a_graph_without_nodes_or_length_is_a_mistake() -> None:
    node = StreetNode(0, 0.0, 1.0)
    for graph in (StreetGraph((), ()), StreetGraph((node,), (StreetEdge(0, 0, 0.0, RoadClass.LOCAL),))):
        with pytest.raises(ValueError, match="street graph"):
            StreetGraphTravel(graph)


@st.composite
def graphs(draw: st.DrawFn) -> StreetGraph:
    """Draw a small directed graph, connected or not."""
    size = draw(st.integers(1, 7))
    nodes = tuple(StreetNode(i, -20 + 0.003 * (i % 3), 45 + 0.003 * (i // 3)) for i in range(size))
    ends = st.integers(0, size - 1)
    edge = st.builds(StreetEdge, ends, ends, st.integers(1, 2000).map(float), st.sampled_from(list(RoadClass)))
    return StreetGraph(nodes, tuple(draw(st.lists(edge, max_size=20))))


def plain_times(graph: StreetGraph, speeds: SpeedTable) -> np.ndarray:
    """Find all quickest times by relaxing every edge as often as there are nodes."""
    size = len(graph.nodes)
    best = np.full((size, size), np.inf)
    np.fill_diagonal(best, 0.0)
    for _ in range(size):
        for edge in graph.edges:
            seconds = edge.length_m / speeds.metres_per_s(edge.road, HourClass.DAY)
            best[:, edge.to_id] = np.minimum(best[:, edge.to_id], best[:, edge.from_id] + seconds)
    return best


@given(graphs(), st.integers(1, 7), st.integers(1, 7))
def test_the_graph_agrees_with_a_plain_search_in_both_directions(graph: StreetGraph, rows: int, columns: int) -> None:
    times = StreetGraphTravel(graph)
    expected = plain_times(graph, times.speeds)
    places = [LonLat(n.lon_deg, n.lat_deg) for n in graph.nodes]
    table = times.table(Points.of(places[:rows]), Points.of(places[:columns]), NOON)
    part = expected[:rows, :columns]
    assert np.array_equal(table.on_streets, np.isfinite(part))
    assert np.allclose(table.travel_s[table.on_streets], part[table.on_streets])
    # What was driven cannot have been faster than the ring road allows, nor slower than a local street.
    metres, seconds = table.distance_m[table.on_streets], table.travel_s[table.on_streets]
    assert np.all(metres <= seconds * 60 / 3.6 + 1e-6)
    assert np.all(metres >= seconds * 25 / 3.6 - 1e-6)


@given(st.floats(-179, 179), st.floats(-85, 85), st.floats(-179, 179), st.floats(-85, 85))
def test_no_answer_is_negative_or_nan(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> None:
    for times in (GreatCircleTravel(), StreetGraphTravel(line_graph())):
        journey = between(times, LonLat(lon_a, lat_a), LonLat(lon_b, lat_b), NOON + timedelta(hours=5))
        assert journey.travel_s >= 0
        assert journey.distance_m >= 0
