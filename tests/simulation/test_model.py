"""Seeds of the model: the reference client against the protocol's server in memory, every invariant checked all the way."""

from functools import cache

import pytest

from tests.simulation import steps
from tests.simulation.auditor import Auditor
from tests.simulation.model.faults import Fault
from tests.simulation.model.server import Server
from tests.simulation.quiet import come_to_rest
from tests.simulation.run import STEPS, Result, shrink, simulate, total
from tests.simulation.world import World, setting_of

SEEDS = range(80)
SHRINK_SEEDS = 10
SLICE = 10


def told(result: Result) -> str:
    again = f"python -m tests.simulation --seed {result.seed}"
    return "\n".join((*result.trace[-80:], result.error, f"again: {again}"))


@cache
def result_of(seed: int) -> Result:
    return simulate(seed, Server, steps.plan(seed, STEPS))


@pytest.mark.parametrize("first", SEEDS[::SLICE])
def test_seeds_keep_every_invariant(first: int) -> None:
    for seed in range(first, first + SLICE):
        assert not result_of(seed).failed, told(result_of(seed))


def test_the_seeds_check_every_invariant_and_meet_every_trouble() -> None:
    counts = total([result_of(seed) for seed in SEEDS])
    assert {f"I{i}" for i in range(1, 17)} <= counts.keys()
    assert {"status 409", "status 422", "status 503", "revoked"} <= counts.keys()
    assert {f"came back by {how}" for how in ("restore", "dump", "failover")} <= counts.keys()


def story(seed: int) -> list[str]:
    world = World(Server(), setting_of(seed), Auditor())
    world.begin()
    for step in steps.plan(seed, 60):
        steps.make(world, step)
    come_to_rest(world)
    world.close()
    return world.trace


def test_a_seed_tells_the_same_story_each_time() -> None:
    assert story(7) == story(7)


def test_a_longer_plan_begins_with_the_shorter_one() -> None:
    assert steps.plan(3, 90)[:40] == steps.plan(3, 40)


def test_a_failure_is_made_shorter_and_stays_the_same_failure() -> None:
    def faulty() -> Server:
        return Server(Fault.NO_SAVEPOINT)

    tried = (simulate(seed, faulty, steps.plan(seed, STEPS)) for seed in range(SHRINK_SEEDS))
    result = next(result for result in tried if result.failed)
    shorter = shrink(result, faulty, tries=40)
    assert shorter.invariant == result.invariant
    assert len(shorter.steps) < len(result.steps)
    assert shorter.trace
