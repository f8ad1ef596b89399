"""The street graph and travel times along it by shortest paths.

Owns nodes, edges and the search for the quickest way. Off the graph it hands over to the estimate it was
given, and every answer says which of the two it is. Never reads files; a city or an importer builds graphs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime
from typing import Final

import numpy as np
import rustworkx as rx
import shapely
from msgspec import Struct
from numpy.typing import NDArray
from shapely.geometry import Point

from geo.coordinates import Floats, great_circle_m
from geo.travel import DETOUR, GreatCircleTravel, HourClass, Points, RoadClass, SpeedTable, TravelTable, TravelTimes

# A place further from every street than this is not on the map.
OFF_GRAPH_M: Final = 1500.0
_ROWS_KEPT: Final = 2048
_Ints = NDArray[np.intp]


class StreetNode(Struct, frozen=True):
    """A crossing or an end of a street; `id` is its position in the graph's nodes."""

    id: int
    lon_deg: float
    lat_deg: float


class StreetEdge(Struct, frozen=True):
    """A directed stretch of street between two nodes; a two-way street has one edge each way."""

    from_id: int
    to_id: int
    length_m: float
    road: RoadClass
    street: int = -1


class StreetGraph(Struct, frozen=True):
    """Nodes and directed edges; lengths are above zero."""

    nodes: tuple[StreetNode, ...]
    edges: tuple[StreetEdge, ...]

    def without(self, closed: Collection[int]) -> StreetGraph:
        """Give the graph without some stretches of street (positions in `edges`), as when a road is closed."""
        return StreetGraph(self.nodes, tuple(edge for at, edge in enumerate(self.edges) if at not in closed))

    def directed(self) -> rx.PyDiGraph[int, int]:
        """Give the rustworkx graph; node weights are node ids, edge weights positions in `edges`."""
        graph: rx.PyDiGraph[int, int] = rx.PyDiGraph()
        graph.add_nodes_from([node.id for node in self.nodes])
        graph.add_edges_from([(e.from_id, e.to_id, i) for i, e in enumerate(self.edges)])
        return graph


class _Row(Struct, frozen=True, eq=False):
    """The quickest ways between one node and all others: seconds (infinite when there is none) and metres."""

    travel_s: Floats
    distance_m: Floats


class StreetGraphTravel:
    """Travel times along a street graph; keeps the newest searches, so it is cheap to ask again."""

    def __init__(
        self, graph: StreetGraph, speeds: SpeedTable | None = None, fallback: TravelTimes | None = None
    ) -> None:
        if not graph.nodes or any(edge.length_m <= 0 for edge in graph.edges):
            raise ValueError("a street graph needs nodes, and lengths above zero")
        self.speeds = speeds or SpeedTable()
        self.fallback = fallback or GreatCircleTravel(self.speeds)
        self._lon = np.array([n.lon_deg for n in graph.nodes])
        self._lat = np.array([n.lat_deg for n in graph.nodes])
        # Degrees of longitude shrink with latitude; scaled by the middle's cosine, nearest means nearest.
        self._squeeze = float(np.cos(np.radians(self._lat.mean())))
        self._index = shapely.STRtree([Point(xy) for xy in zip(self._lon * self._squeeze, self._lat, strict=True)])
        self._edges = graph.edges
        self._tail = np.array([e.from_id for e in graph.edges], dtype=np.intp)
        self._head = np.array([e.to_id for e in graph.edges], dtype=np.intp)
        self._length_m = np.array([e.length_m for e in graph.edges])
        self._forward = graph.directed()
        self._backward = graph.directed()
        self._backward.reverse()
        self._rows: OrderedDict[tuple[int, HourClass, bool], _Row] = OrderedDict()
        self._cost_s = {hour: self._costs(hour) for hour in HourClass}

    def table(self, origins: Points, destinations: Points, leave_at: datetime) -> TravelTable:
        """Give travel from every origin to every destination when leaving at an aware instant.

        Access from a point to its nearest node is driven at the speed of local streets. Pairs with an end
        more than 1.5 km from the graph, or without a way between them, come from the fallback.
        """
        hour = self.speeds.hour_class(leave_at)
        from_node, from_m = self._snap(origins)
        to_node, to_m = self._snap(destinations)
        travel_s, metres = self._between_nodes(from_node, to_node, hour)
        direct_m = DETOUR * great_circle_m(
            origins.lon_deg[:, None],
            origins.lat_deg[:, None],
            destinations.lon_deg[None, :],
            destinations.lat_deg[None, :],
        )
        access_m = from_m[:, None] + to_m[None, :]
        # Two points at one node need not drive by way of it.
        access_m = np.where(from_node[:, None] == to_node[None, :], np.minimum(access_m, direct_m), access_m)
        travel_s = travel_s + access_m / self.speeds.metres_per_s(RoadClass.LOCAL, hour)
        near = (from_m <= OFF_GRAPH_M)[:, None] & (to_m <= OFF_GRAPH_M)[None, :]
        on_streets = near & np.isfinite(travel_s)
        metres = metres + access_m
        if not on_streets.all():
            other = self.fallback.table(origins, destinations, leave_at)
            travel_s = np.where(on_streets, travel_s, other.travel_s)
            metres = np.where(on_streets, metres, other.distance_m)
        return TravelTable(travel_s, metres, on_streets)

    def _snap(self, points: Points) -> tuple[_Ints, Floats]:
        """Find the nearest node of each point and its distance in metres."""
        if len(points) == 0:
            return np.zeros(0, dtype=np.intp), np.zeros(0)
        flat = shapely.points(points.lon_deg * self._squeeze, points.lat_deg)
        nodes = np.asarray(self._index.query_nearest(flat, all_matches=False)[1], dtype=np.intp)
        return nodes, great_circle_m(points.lon_deg, points.lat_deg, self._lon[nodes], self._lat[nodes])

    def _between_nodes(self, from_node: _Ints, to_node: _Ints, hour: HourClass) -> tuple[Floats, Floats]:
        """Look up seconds and metres, searching from the side with fewer different nodes."""
        sources, source_at = np.unique(from_node, return_inverse=True)
        goals, goal_at = np.unique(to_node, return_inverse=True)
        if len(sources) == 0 or len(goals) == 0:
            empty = np.zeros((len(from_node), len(to_node)))
            return empty, empty
        if len(sources) <= len(goals):
            rows = [self._row(int(node), hour, backward=False) for node in sources]
            cells = np.ix_(source_at, to_node)
            return np.stack([r.travel_s for r in rows])[cells], np.stack([r.distance_m for r in rows])[cells]
        rows = [self._row(int(node), hour, backward=True) for node in goals]
        cells = np.ix_(goal_at, from_node)
        return np.stack([r.travel_s for r in rows])[cells].T, np.stack([r.distance_m for r in rows])[cells].T

    def _row(self, node: int, hour: HourClass, *, backward: bool) -> _Row:
        key = (node, hour, backward)
        row = self._rows.get(key)
        if row is None:
            row = self._search(node, hour, backward=backward)
            self._rows[key] = row
            if len(self._rows) > _ROWS_KEPT:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(key)
        return row

    def _search(self, node: int, hour: HourClass, *, backward: bool) -> _Row:
        """Search from one node along (or, backward, against) the streets, and measure the ways found."""
        cost_s = self._cost_s[hour]
        costs = cost_s.tolist()
        graph = self._backward if backward else self._forward
        found = rx.digraph_dijkstra_shortest_path_lengths(graph, node, costs.__getitem__)
        travel_s = np.full(len(self._lon), np.inf)
        for goal, seconds in found.items():
            travel_s[goal] = seconds
        travel_s[node] = 0.0
        tail, head = (self._head, self._tail) if backward else (self._tail, self._head)
        # An edge lies on a quickest way when it explains its head's time; costs above zero exclude circles.
        reached = np.flatnonzero(np.isfinite(travel_s[tail]) & (head != node))
        late_s = travel_s[tail[reached]] + cost_s[reached] - travel_s[head[reached]]
        tight = reached[late_s <= 1e-6]
        before = np.arange(len(travel_s))
        metres = np.zeros(len(travel_s))
        before[head[tight]] = tail[tight]
        metres[head[tight]] = self._length_m[tight]
        # Pointer doubling: each round joins every way with the way before it.
        for _ in range(len(travel_s).bit_length() + 1):
            metres = metres + metres[before]
            before = before[before]
        return _Row(travel_s, metres)

    def _costs(self, hour: HourClass) -> Floats:
        speed = {road: self.speeds.metres_per_s(road, hour) for road in RoadClass}
        cost_s: Floats = self._length_m / np.array([speed[e.road] for e in self._edges], dtype=np.float64)
        return cost_s


def edge_length_m(a: StreetNode, b: StreetNode) -> float:
    """Measure a straight stretch between two nodes in metres, to the centimetre and never zero."""
    metres = float(great_circle_m(a.lon_deg, a.lat_deg, b.lon_deg, b.lat_deg))
    return max(0.01, round(metres, 2))
