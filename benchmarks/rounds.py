"""Interleaves measurements: every round measures each candidate once, so that what else the machine does falls on all alike."""

import sys
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from benchmarks.measures import Sample

Measure = Callable[[int], Sample]
Advance = Callable[[str, str, int], None]


class Scenario(Struct, frozen=True, kw_only=True):
    """What is measured: candidates by name, each a function of the round. `rounds`: when not as many as the run has."""

    key: str
    candidates: Mapping[str, Measure]
    rounds: int | None = None


_ATTEMPTS: Final = 2


def play(scenario: Scenario, rounds: int, advance: Advance) -> tuple[list[Sample], list[str]]:
    """Measure a scenario. Gives the samples, and remarks on candidates that failed: the others go on without them."""
    samples: list[Sample] = []
    remarks: list[str] = []
    failed: dict[str, int] = {}
    for number in range(scenario.rounds or rounds):
        # Turned by one each round, so that nobody always comes after the same one.
        names = list(scenario.candidates)
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if failed.get(name, 0) >= _ATTEMPTS:
                continue
            advance(scenario.key, name, number)
            try:
                samples.append(scenario.candidates[name](number))
            except (RuntimeError, OSError, ValueError) as error:
                failed[name] = failed.get(name, 0) + 1
                remarks.append(f"{scenario.key}, {name}, round {number + 1}: {error}")
                sys.stderr.write(f"{remarks[-1]}\n")
    return samples, remarks
