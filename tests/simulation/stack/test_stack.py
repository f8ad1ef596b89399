"""The real stack in the simulated world: seeds pass, a seed replays, and the lack of a safeguard is noticed."""

from time import monotonic
from typing import Final

import pytest

from tests.simulation import steps
from tests.simulation.backend import Return, SavePart
from tests.simulation.levels import backend_of
from tests.simulation.run import STEPS, new_world, simulate
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


def test_a_page_that_waited_is_compared_with_what_it_waited_for() -> None:
    # After a dump a pull settles the memberships first: it waits for the office's transaction, whose part is in its page then.
    world = new_world(7, backend_of("stack"))
    try:
        world.begin()
        phone, backup = world.phones[0], world.backend.backup(world.now)
        world.backend.come_back(backup, Return.DUMP, world.now)
        world.auditor.came_back(Return.DUMP)
        world.server_fell("a dump is put back")
        with world.quiet():
            world.office(SavePart(world.setting.parts[0], "another name"))
            office = world.flights[-1].handling
            assert office is not None and office.step() is None
            world.begin_call(phone, "sync", phone.device.sync)
            pull = world.flights.pop()
            pull.handling = world.backend.receive(pull.request, world.now)
            pull.answer = pull.handling.step()
            assert pull.answer is not None and office.over  # type: ignore[attr-defined]
            world.auditor.answered(pull.number, pull.request, pull.answer, pull.handling)
            assert pull.handling.witness is not None
            parts = pull.handling.witness.buckets["ref"]
            assert b"another name" in parts["part", world.setting.parts[0]].body
    finally:
        world.close()


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
