"""Repeatable chance for the synthetic city: the same seed gives the same draws on every machine.

Only `random.Random.random()` is used, the one method whose sequence Python promises to keep; sets and hashes
are never iterated. Never to be used where chance has to be secret.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


class Draw:
    """A stream of draws for one part of the city, so that a change to one part leaves the others as they were."""

    def __init__(self, seed: int, part: str) -> None:
        # A text seed goes through SHA-512, not through the randomised `hash`.
        self._random = random.Random(f"onsite city/{seed}/{part}")  # noqa: S311  (a map, not a secret)

    def unit(self) -> float:
        """Draw from [0, 1)."""
        return self._random.random()

    def between(self, low: float, high: float) -> float:
        """Draw a number from [low, high)."""
        return low + (high - low) * self._random.random()

    def whole(self, low: int, high: int) -> int:
        """Draw a whole number from low to high, both included."""
        return low + int((high - low + 1) * self._random.random())

    def chance(self, share: float) -> bool:
        """Tell true in the given share of draws."""
        return self._random.random() < share

    def pick(self, items: Sequence[Item]) -> Item:
        """Draw one item; raises IndexError when there is none."""
        return items[int(len(items) * self._random.random())]

    def weighted(self, choices: Sequence[tuple[Item, float]]) -> Item:
        """Draw one item by its weight; the last one stands in for rounding."""
        goal = self._random.random() * sum(weight for _, weight in choices)
        for item, weight in choices:
            goal -= weight
            if goal < 0:
                return item
        return choices[-1][0]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Give the items in a drawn order."""
        left = list(items)
        for last in range(len(left) - 1, 0, -1):
            other = int((last + 1) * self._random.random())
            left[last], left[other] = left[other], left[last]
        return left
