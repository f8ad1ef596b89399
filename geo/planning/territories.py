"""Splitting a large problem by territory: parts of neighbouring visits and the crews to go there. Owns the split only."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians

from msgspec import Struct

from geo.planning.board import Board


class Territory(Struct, frozen=True):
    """Positions of visits and of crews' days that are planned together."""

    visits: tuple[int, ...]
    crews: tuple[int, ...]


def territories(board: Board, visits: Sequence[int], crews: Sequence[int]) -> list[Territory]:
    """Split until no part has more visits than the policy allows; parts with fewer than two crews stay whole.

    Each cut goes across the longer side of the visits' extent, half of the visits on each side, and crews in the same proportion by
    where they start. Crews that may do nothing on their side change it.
    """
    most = board.problem.policy.territory_visits
    if len(visits) <= most or len(crews) < 2:
        return [Territory(tuple(visits), tuple(crews))]
    places = board.problem.places
    where = {v: places[board.visits[v].place] for v in visits}
    lon, lat = [p.lon_deg for p in where.values()], [p.lat_deg for p in where.values()]
    wide = (max(lon) - min(lon)) * cos(radians(sum(lat) / len(lat))) >= max(lat) - min(lat)

    def along(place: int) -> float:
        return places[place].lon_deg if wide else places[place].lat_deg

    by_place = sorted(visits, key=lambda v: (along(board.visits[v].place), v))
    low, high = by_place[: len(by_place) // 2], by_place[len(by_place) // 2 :]
    people = sorted(crews, key=lambda c: (along(board.crews[c].start), c))
    sides = _deal(board, people, low, high)
    return [*territories(board, low, sides[0]), *territories(board, high, sides[1])]


def _deal(board: Board, people: Sequence[int], low: Sequence[int], high: Sequence[int]) -> tuple[list[int], list[int]]:
    """Give each side half of the crews, those first whose work lies there more than elsewhere; neither side is left empty."""

    def leaning(crew: int) -> float:
        below = sum(board.fit_until(crew, v) >= 0 for v in low) / max(1, len(low))
        above = sum(board.fit_until(crew, v) >= 0 for v in high) / max(1, len(high))
        return round(above - below, 1)

    ranked = sorted(people, key=lambda crew: (leaning(crew), people.index(crew)))
    half = max(1, len(ranked) // 2)
    return ranked[:half], ranked[half:]
