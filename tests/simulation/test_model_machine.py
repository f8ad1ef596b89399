"""Hypothesis drives the same steps over the model: it looks for short worlds in which something breaks, and makes them shorter still."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.simulation import steps
from tests.simulation.auditor import Auditor, Violation
from tests.simulation.backend import Backend
from tests.simulation.model.faults import Fault
from tests.simulation.model.server import Server
from tests.simulation.quiet import come_to_rest
from tests.simulation.steps import Step
from tests.simulation.world import World, setting_of

SALTS = st.integers(0, 2**16)
COMMON = st.sampled_from(["do", "sync", "go on", "assign", "open", "edit"])
RARE = st.sampled_from(sorted(set(steps.WEIGHTS) - {"do", "sync", "go on", "assign", "open", "edit"}))


def bounded(examples: int, *phases: Phase) -> settings:
    """Give settings that end: derandomised, with so many examples of at most 40 steps."""
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        phases=phases or (Phase.generate, Phase.shrink),
    )


def machine(make: Callable[[], Backend]) -> type[RuleBasedStateMachine]:
    """Make the state machine over a backend: each rule is a step of the world, and the end is the quiet network."""

    class Simulated(RuleBasedStateMachine):
        """A world that Hypothesis moves."""

        world: World | None = None

        @initialize(seed=st.integers(0, 50))
        def begin(self, seed: int) -> None:
            """Arrange one of fifty organisations."""
            self.world = World(make(), setting_of(seed), Auditor())
            self.world.begin()

        @rule(name=COMMON, salt=SALTS)
        def common(self, name: str, salt: int) -> None:
            """Make a step of everyday work."""
            assert self.world is not None
            steps.make(self.world, Step(name, salt))

        @rule(name=RARE, salt=SALTS)
        def rare(self, name: str, salt: int) -> None:
            """Make a step that happens now and then."""
            assert self.world is not None
            steps.make(self.world, Step(name, salt))

        def teardown(self) -> None:
            """Let the world come to rest."""
            if self.world is not None:
                world, self.world = self.world, None
                try:
                    come_to_rest(world)
                finally:
                    world.close()

    return Simulated


def test_hypothesis_finds_nothing_in_the_model() -> None:
    run_state_machine_as_test(machine(Server), settings=bounded(10))


def test_hypothesis_finds_a_fault_in_a_faulty_model() -> None:
    faulty = machine(lambda: Server(Fault.REDUCED_VIEW_IS_WHOLE))
    # Finding it is enough: making it short takes many more worlds.
    with pytest.raises((Violation, ExceptionGroup)):
        run_state_machine_as_test(faulty, settings=bounded(25, Phase.generate))
