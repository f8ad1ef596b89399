"""Which district a point belongs to, the district tree and the neighbours (decision 0010).

Owns the rule for boundaries and overlaps. Never reads files (`geo.district_shapes`) and never touches the
database; `geo.store` states the same rule in SQL: `ORDER BY area_m2, code LIMIT 1` over `ST_Covers`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np
import shapely
from msgspec import Struct
from numpy.typing import ArrayLike
from pyproj import Proj

from geo.district_shapes import DistrictShape, RowNote, area_m2

# Wide enough for the two banks of a river and for a motorway drawn as a gap.
NEIGHBOUR_WITHIN_M: Final = 200.0
# A child digitised a little over its parent's edge is still its child.
CONTAINED_SHARE: Final = 0.99
# Neighbours digitised apart overlap by slivers; those are settled by the rule and not worth a flag.
OVERLAP_FLAG_SHARE: Final = 0.001


class Neighbours(Struct, frozen=True, order=True):
    """Two districts of which neither contains the other, `gap_m` apart; `code` < `neighbour_code`."""

    code: str
    neighbour_code: str
    gap_m: float
    border_m: float


class Overlap(Struct, frozen=True, order=True):
    """Two districts that share ground without one being above the other in the tree."""

    code: str
    other_code: str
    area_m2: float


class TreeRead(Struct, frozen=True):
    """Districts whose parents all exist and form no circle, with what had to be changed for that."""

    districts: tuple[DistrictShape, ...]
    notes: tuple[RowNote, ...] = ()


class DistrictMap:
    """An index over districts that answers by the one rule: smallest area first, then lowest code."""

    def __init__(self, districts: Iterable[DistrictShape]) -> None:
        self.districts: tuple[DistrictShape, ...] = tuple(sorted(districts, key=lambda d: (d.area_m2, d.code)))
        self._by_code = {d.code: d for d in self.districts}
        self._geometries = [d.geometry() for d in self.districts]
        self._index = shapely.STRtree(self._geometries)

    def locate(self, lon_deg: float, lat_deg: float) -> str | None:
        """Give the code of the district of a WGS 84 point; none when no district covers it."""
        return self.locate_many([lon_deg], [lat_deg])[0]

    def locate_many(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> list[str | None]:
        """Give the district code of each WGS 84 point, in order; none where no district covers the point."""
        points = shapely.points(np.asarray(lon_deg, np.float64), np.asarray(lat_deg, np.float64))
        nowhere = len(self.districts)
        best = np.full(np.size(lon_deg), nowhere)
        # Positions in `self.districts` are ranks of the rule, so the lowest position wins.
        point_at, district_at = self._index.query(points, predicate="intersects")
        np.minimum.at(best, point_at, district_at)
        return [None if rank == nowhere else self.districts[rank].code for rank in best.tolist()]

    def ancestors(self, code: str) -> tuple[str, ...]:
        """List the codes above a district, nearest first; empty for a root. Raises KeyError for an unknown code."""
        above: list[str] = []
        parent = self._by_code[code].parent_code
        while parent is not None and parent in self._by_code and parent not in above:
            above.append(parent)
            parent = self._by_code[parent].parent_code
        return tuple(above)

    def children(self, code: str) -> tuple[str, ...]:
        """List the codes right below a district, sorted; empty for a leaf."""
        return tuple(sorted(d.code for d in self.districts if d.parent_code == code))

    def neighbours(self, within_m: float = NEIGHBOUR_WITHIN_M) -> tuple[Neighbours, ...]:
        """List pairs that share a border or come within `within_m` metres, sorted by code.

        Pairs in which one is above the other in the tree are left out. `border_m` is the length of the
        border that runs within that distance, so a mere corner has a short one.
        """
        plane = _on_plane(self._geometries)
        found: list[Neighbours] = []
        index = shapely.STRtree(plane)
        for here, there in index.query(plane, predicate="dwithin", distance=within_m).T.tolist():
            a, b = self.districts[here].code, self.districts[there].code
            if a >= b or b in self.ancestors(a) or a in self.ancestors(b):
                continue
            gap = float(shapely.distance(plane[here], plane[there]))
            near = shapely.buffer(plane[there], within_m)
            border = float(shapely.length(shapely.intersection(shapely.boundary(plane[here]), near)))
            found.append(Neighbours(a, b, round(gap, 2), round(border, 1)))
        return tuple(sorted(found))

    def neighbours_of(self, pairs: Sequence[Neighbours], code: str) -> tuple[str, ...]:
        """List the other codes of the pairs that name `code`, sorted."""
        others = {p.neighbour_code if p.code == code else p.code for p in pairs if code in (p.code, p.neighbour_code)}
        return tuple(sorted(others))

    def overlaps(self) -> tuple[Overlap, ...]:
        """List pairs outside the tree's lines that share more than 0.1 % of the smaller one, sorted."""
        found: list[Overlap] = []
        for here, there in self._index.query(self._geometries, predicate="intersects").T.tolist():
            a, b = self.districts[here], self.districts[there]
            if a.code >= b.code or b.code in self.ancestors(a.code) or a.code in self.ancestors(b.code):
                continue
            shared = shapely.intersection(self._geometries[here], self._geometries[there])
            ground_m2 = area_m2(shared) if shared.area > 0 else 0.0
            if ground_m2 > OVERLAP_FLAG_SHARE * min(a.area_m2, b.area_m2):
                found.append(Overlap(a.code, b.code, round(ground_m2, 1)))
        return tuple(sorted(found))


def settle_tree(districts: Sequence[DistrictShape], *, infer_parents: bool = False) -> TreeRead:
    """Make parents exist and be free of circles.

    An unknown parent and the parent of every member of a circle are dropped, with a note
    (district_parent_unknown, district_parent_circle; `row` is the position in `districts` from 1). With
    `infer_parents` a district without a parent gets the smallest larger one that holds 99 % of it.
    """
    parents = {d.code: d.parent_code for d in districts}
    notes: list[RowNote] = []
    for row, district in enumerate(districts, start=1):
        parent = district.parent_code
        if parent is not None and parent not in parents:
            parents[district.code] = None
            notes.append(RowNote(row, "district_parent_unknown", f"{district.code}: no district {parent!r}"))
    circled = {code for code in parents if _reaches(parents, code, code)}
    for row, district in enumerate(districts, start=1):
        if district.code in circled:
            parents[district.code] = None
            notes.append(RowNote(row, "district_parent_circle", f"{district.code} would be its own ancestor"))
    if infer_parents:
        found = _containers(districts)
        parents = {code: parent or found.get(code) for code, parent in parents.items()}
    settled = tuple(msgspec.structs.replace(d, parent_code=parents[d.code]) for d in districts)
    return TreeRead(settled, tuple(sorted(notes, key=lambda n: (n.row, n.code))))


def _reaches(parents: dict[str, str | None], start: str, goal: str) -> bool:
    """Tell whether going up from `start` comes to `goal` after at least one step."""
    code = parents.get(start)
    for _ in range(len(parents)):
        if code is None or code == goal:
            break
        code = parents.get(code)
    return code == goal


def _containers(districts: Sequence[DistrictShape]) -> dict[str, str]:
    """Find for each district the smallest larger one that holds nearly all of it."""
    ranked = sorted(districts, key=lambda d: (d.area_m2, d.code))
    geometries = [d.geometry() for d in ranked]
    candidates: dict[int, list[int]] = defaultdict(list)
    for here, there in shapely.STRtree(geometries).query(geometries, predicate="intersects").T.tolist():
        if there > here and ranked[there].area_m2 > ranked[here].area_m2:
            candidates[here].append(there)
    found: dict[str, str] = {}
    for here, larger in sorted(candidates.items()):
        for there in sorted(larger):
            share = shapely.intersection(geometries[here], geometries[there]).area / geometries[here].area
            if share >= CONTAINED_SHARE:
                found[ranked[here].code] = ranked[there].code
                break
    return found


def _on_plane(geometries: Sequence[shapely.Geometry]) -> list[shapely.Geometry]:
    """Project to metres around the middle of everything (azimuthal equidistant).

    Gaps of metres stay right within 0.2 % up to 500 km from the middle, which is all that is asked of it.
    """
    if not geometries:
        return []
    west, south, east, north = shapely.total_bounds(geometries)
    plane = Proj(proj="aeqd", lon_0=(west + east) / 2, lat_0=(south + north) / 2, ellps="WGS84")
    return [shapely.transform(g, lambda xy: np.column_stack(plane(xy[:, 0], xy[:, 1]))) for g in geometries]
