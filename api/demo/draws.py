"""Chance that repeats: every draw of a played day follows from its seed and from what it is drawn for."""

import random


def drawn(seed: int, purpose: str) -> random.Random:
    """Give a source of its own for a purpose, so that a change in one place moves nothing in another."""
    return random.Random(f"{seed}/{purpose}")  # noqa: S311 - repeatable, guards nothing
