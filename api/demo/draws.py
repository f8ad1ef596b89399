"""Chance that repeats: what happens in a played day follows from its seed; only the ids are new with every play."""

import random

from msgspec import Struct


class Chance(Struct, frozen=True):
    """Where a play draws from. `play` names this one play: the same day played again must not name the same things."""

    seed: int
    play: str

    def drawn(self, purpose: str) -> random.Random:
        """Give a source of its own for a purpose, so that a change in one place moves nothing in another."""
        return random.Random(f"{self.seed}/{purpose}")  # noqa: S311 - repeatable, guards nothing

    def ids(self, purpose: str) -> random.Random:
        """Give a source of ids for a purpose."""
        return random.Random(f"{self.seed}/{self.play}/{purpose}")  # noqa: S311 - repeatable, guards nothing
