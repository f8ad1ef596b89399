"""Turns drawn streets into a street graph: crossings, merged corners, no scraps, every place reachable.

Owns the clean-up. Never draws a street and never names one (`geo.city_streets`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import rustworkx as rx
import shapely
from msgspec import Struct
from shapely.geometry import LineString, Point

from geo.city_draw import Draw
from geo.city_ground import Spot, to_degrees
from geo.city_streets import StreetLine
from geo.street_graph import StreetEdge, StreetGraph, StreetNode, edge_length_m
from geo.travel import RoadClass

# Crossings nearer than this are one corner.
_CORNER_M: Final = 24.0
# A lesser street running beside a greater one within this is left out.
_BESIDE_M: Final = 52.0
_STUB_M: Final = 130.0
_ONE_WAY_STREETS: Final = 6
_ONE_WAY_WITHIN_M: Final = 1300.0
_MIDDLE: Final = Point(0, 0)
_RANK: Final = {road: rank for rank, road in enumerate(RoadClass)}


class Stretch(Struct, frozen=True, order=True):
    """A straight piece of street between two corners, in no direction; `a` < `b` are node numbers."""

    a: int
    b: int
    street: int


class Network(Struct, frozen=True, eq=False):
    """The cleaned streets: corners in metres, stretches between them, and the graph on the globe."""

    spots: tuple[Spot, ...]
    stretches: tuple[Stretch, ...]
    one_way: frozenset[Stretch]
    graph: StreetGraph


def make_network(seed: int, streets: Sequence[StreetLine]) -> Network:
    """Build the network of drawn streets; strongly connected, numbered from south to north and west to east."""
    pieces = _pieces(streets)
    pieces = _without_doubles(streets, pieces)
    spots, stretches = _corners(pieces, streets)
    stretches = _prune(spots, stretches)
    spots, stretches = _renumber(spots, _largest_part(len(spots), stretches))
    one_way = _one_way(seed, streets, spots, stretches)
    return Network(tuple(spots), tuple(stretches), one_way, _graph(streets, spots, stretches, one_way))


class _Piece(Struct, frozen=True):
    street: int
    start: Spot
    end: Spot


def _pieces(streets: Sequence[StreetLine]) -> list[_Piece]:
    """Cut all lines where they cross, and give each straight piece to the greatest street it lies on."""
    noded = shapely.unary_union([s.line for s in streets])
    index = shapely.STRtree([s.line for s in streets])
    pieces: list[_Piece] = []
    for part in shapely.get_parts(noded):
        coordinates = shapely.get_coordinates(part).tolist()
        for (x0, y0), (x1, y1) in pairwise(coordinates):
            middle = Point((x0 + x1) / 2, (y0 + y1) / 2)
            owners = [int(i) for i in index.query(middle, predicate="dwithin", distance=0.01)]
            owner = min(owners, key=lambda i: (_RANK[streets[i].road], i))
            ends = sorted([(round(x0, 2), round(y0, 2)), (round(x1, 2), round(y1, 2))])
            pieces.append(_Piece(owner, ends[0], ends[1]))
    return sorted(pieces, key=lambda p: (p.start, p.end, p.street))


def _without_doubles(streets: Sequence[StreetLine], pieces: Sequence[_Piece]) -> list[_Piece]:
    """Leave out pieces of the grid that run beside a ring, boulevard or embankment."""
    special = [s for s in streets if s.family in ("ring", "diagonal", "embankment")]
    beside = shapely.unary_union([s.line.buffer(_BESIDE_M) for s in special])
    shapely.prepare(beside)
    numbers = {s.number for s in special}
    return [p for p in pieces if p.street in numbers or not beside.covers(LineString([p.start, p.end]))]


def _corners(pieces: Sequence[_Piece], streets: Sequence[StreetLine]) -> tuple[list[Spot], list[Stretch]]:
    """Merge ends that are close together, to the place of the greatest street among them."""
    rank: dict[Spot, tuple[int, Spot]] = {}
    for piece in pieces:
        for spot in (piece.start, piece.end):
            own = (_RANK[streets[piece.street].road], spot)
            rank[spot] = min(rank.get(spot, own), own)
    ends = sorted(rank, key=lambda spot: rank[spot])
    index = shapely.STRtree([Point(spot) for spot in ends])
    corner_of: dict[int, int] = {}
    corners: list[Spot] = []
    for at, spot in enumerate(ends):
        if at in corner_of:
            continue
        for other in sorted(index.query(Point(spot), predicate="dwithin", distance=_CORNER_M).tolist()):
            corner_of.setdefault(other, len(corners))
        corners.append(spot)
    number = {spot: corner_of[at] for at, spot in enumerate(ends)}
    best: dict[tuple[int, int], int] = {}
    for piece in pieces:
        a, b = sorted((number[piece.start], number[piece.end]))
        if a != b:
            known = best.get((a, b), piece.street)
            best[a, b] = min(known, piece.street, key=lambda s: (_RANK[streets[s].road], s))
    return corners, [Stretch(a, b, street) for (a, b), street in sorted(best.items())]


def _prune(spots: Sequence[Spot], stretches: Sequence[Stretch]) -> list[Stretch]:
    """Take off short dead ends, again and again until none is left."""
    left = list(stretches)
    for _ in range(len(stretches)):
        degree = _degrees(left)
        kept = [s for s in left if min(degree[s.a], degree[s.b]) > 1 or _length_m(spots, s) > _STUB_M]
        if len(kept) == len(left):
            break
        left = kept
    return left


def _degrees(stretches: Sequence[Stretch]) -> dict[int, int]:
    degree: dict[int, int] = defaultdict(int)
    for stretch in stretches:
        degree[stretch.a] += 1
        degree[stretch.b] += 1
    return degree


def _length_m(spots: Sequence[Spot], stretch: Stretch) -> float:
    return Point(spots[stretch.a]).distance(Point(spots[stretch.b]))


def _largest_part(size: int, stretches: Sequence[Stretch]) -> list[Stretch]:
    graph: rx.PyGraph[None, None] = rx.PyGraph()
    graph.add_nodes_from([None] * size)
    graph.add_edges_from([(s.a, s.b, None) for s in stretches])
    largest = max(rx.connected_components(graph), key=lambda part: (len(part), -min(part)))
    return [s for s in stretches if s.a in largest]


def _renumber(spots: Sequence[Spot], stretches: Sequence[Stretch]) -> tuple[list[Spot], list[Stretch]]:
    used = sorted({end for s in stretches for end in (s.a, s.b)}, key=lambda at: (spots[at][1], spots[at][0]))
    number = {old: new for new, old in enumerate(used)}
    ends = [(*sorted((number[s.a], number[s.b])), s.street) for s in stretches]
    return [spots[old] for old in used], sorted(Stretch(a, b, street) for a, b, street in ends)


def _one_way(
    seed: int, streets: Sequence[StreetLine], spots: Sequence[Spot], stretches: Sequence[Stretch]
) -> frozenset[Stretch]:
    """Make a few local streets of the middle one-way, as long as every place stays reachable from every other."""
    degree = _degrees(stretches)
    by_street: dict[int, list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        inside = all(
            degree[end] > 2 and Point(spots[end]).distance(_MIDDLE) < _ONE_WAY_WITHIN_M
            for end in (stretch.a, stretch.b)
        )
        if inside and streets[stretch.street].road is RoadClass.LOCAL:
            by_street[stretch.street].append(stretch)
    chosen: frozenset[Stretch] = frozenset()
    left = _ONE_WAY_STREETS
    for number in Draw(seed, "one-way streets").shuffled(sorted(by_street)):
        wider = chosen.union(by_street[number])
        if left and rx.is_strongly_connected(_graph(streets, spots, stretches, wider).directed()):
            chosen, left = wider, left - 1
    return chosen


def _graph(
    streets: Sequence[StreetLine], spots: Sequence[Spot], stretches: Sequence[Stretch], one_way: frozenset[Stretch]
) -> StreetGraph:
    """Put the network on the globe; one-way streets of even number run the other way than odd ones."""
    nodes = []
    for at, spot in enumerate(spots):
        point = to_degrees(spot)
        nodes.append(StreetNode(at, point.lon_deg, point.lat_deg))
    edges: list[StreetEdge] = []
    for stretch in stretches:
        metres = edge_length_m(nodes[stretch.a], nodes[stretch.b])
        ends = sorted((stretch.a, stretch.b), key=lambda at: spots[at], reverse=stretch.street % 2 == 0)
        ways = [ends] if stretch in one_way else [ends, ends[::-1]]
        road = streets[stretch.street].road
        edges.extend(StreetEdge(a, b, metres, road, stretch.street) for a, b in ways)
    return StreetGraph(tuple(nodes), tuple(edges))
