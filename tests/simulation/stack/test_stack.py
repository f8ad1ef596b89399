"""The real stack in the simulated world: seeds pass, a seed replays, and the lack of a safeguard is noticed."""

from time import monotonic
from typing import Final

import pytest

from tests.simulation import steps
from tests.simulation.levels import backend_of
from tests.simulation.run import STEPS, simulate
from tests.simulation.stack.bugs import Bug, switched_off

_SEEDS, _ENOUGH_S = 40, 45.0
_LEAST: Final = 4
# Within how many seeds, from the first on, the lack of a safeguard has to show.
_CAUGHT_WITHIN: Final = 6
# Some show only where something rare happens: their seeds have more of it.
_EMPHASIS: Final[dict[Bug, dict[str, float]]] = {
    Bug.HOLES_ALLOWED: {"backup": 4, "come back": 5, "do": 2, "retain": 0, "wait": 0.3},
    Bug.AUTHOR_IS_WHO_SENT_FIRST: {"change shift": 6, "do": 2, "sync": 0.6, "retain": 0},
}


def test_seeds_of_the_real_stack_pass() -> None:
    make, until, passed = backend_of("stack"), monotonic() + _ENOUGH_S, 0
    for seed in range(_SEEDS):
        if passed >= _LEAST and monotonic() > until:
            break
        result = simulate(seed, make, steps.plan(seed, STEPS))
        again = f"python -m tests.simulation --level stack --seed {seed} --steps {STEPS}"
        assert not result.failed, "\n".join([*result.trace, result.error, again])
        passed += 1
    print(f"{passed} seeds of the real stack")


def test_a_seed_replays() -> None:
    make = backend_of("stack")
    first, second = (simulate(7, make, steps.plan(7, 50)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("bug", Bug, ids=lambda bug: bug.name.lower())
def test_the_lack_of_a_safeguard_shows(bug: Bug) -> None:
    make = backend_of("stack")
    for seed in range(_CAUGHT_WITHIN):
        with switched_off(bug):
            result = simulate(seed, make, steps.plan(seed, STEPS, _EMPHASIS.get(bug, {})))
        if result.failed:
            print(f"seed {seed}: {result.error}")
            assert result.invariant.startswith("I"), result.error
            return
    pytest.fail(f"no seed noticed that the server {bug}")
