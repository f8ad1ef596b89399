"""Breadth first through every state that a scope can reach: so a counterexample is a shortest one. Knows nothing of the protocol."""

import gc
from collections.abc import Iterator
from time import perf_counter

from msgspec import Struct
from msgspec.structs import replace

from tests.simulation.search import likeness, proof
from tests.simulation.search import phone as phones
from tests.simulation.search import server as servers
from tests.simulation.search.scope import Scope
from tests.simulation.search.state import World


class Counterexample(Struct, frozen=True):
    """How an invariant comes to be broken: the steps in words, then what was seen."""

    invariant: str
    steps: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        lines = [f"{no:4}. {step}" for no, step in enumerate(self.steps, 1)]
        return "\n".join([*lines, f"   => {self.what}"])


class Found(Struct, frozen=True, kw_only=True):
    """What a search saw. `exhausted`: no state was left to go on from, and no bound cut it short. `quiets`: ways to rest followed."""

    scope: Scope
    states: int
    steps: int
    quiets: int
    depth: int
    seconds: float
    exhausted: bool
    counterexample: Counterexample | None = None


Origin = dict[World, tuple[World | None, str]]


def explore(scope: Scope, *, states_max: int | None = None) -> Found:
    """Search a scope through, or to the first broken invariant; at most `states_max` states (None: all there are)."""
    search = _Search(scope)
    # Millions of small values, none in a circle: looking for circles would take a third of the time.
    gc.disable()
    try:
        search.run(states_max)
    except proof.Broken as broken:
        return search.found(_counterexample(search, broken))
    finally:
        gc.enable()
    return search.found(None)


class _Search:
    def __init__(self, scope: Scope) -> None:
        self.scope, self.begun = scope, perf_counter()
        self.joins = likeness.applies(scope)
        first = self.joined(servers.first_state(scope))
        self.origin: Origin = {first: (None, "")}
        self.frontier = [first]
        self.rested: set[World] = set()
        self.steps = self.depth = 0
        self.last: tuple[World, list[str]] = (first, [])

    def joined(self, world: World) -> World:
        return likeness.representative(self.scope, world) if self.joins else world

    def run(self, states_max: int | None) -> None:
        proof.check_server(self.scope, self.frontier[0].server)
        while self.frontier and (states_max is None or len(self.origin) < states_max):
            reached: list[World] = []
            for world in self.frontier:
                self._rest(world)
                for step, reality in _steps(self.scope, world):
                    self.steps += 1
                    self.last = (world, [step])
                    proof.check_step(self.scope, world, reality)
                    after = self.joined(reality)
                    if after not in self.origin:
                        self.origin[after] = (world, step)
                        reached.append(after)
            self.frontier = reached
            self.depth += 1

    def _rest(self, world: World) -> None:
        # What is on its way, and how much may still go wrong, makes no difference to where a quiet network leads.
        calm = tuple(replace(phone, told=(), holes=(), page=None) for phone in world.phones)
        world_at_rest = replace(world, phones=(calm[0], calm[1]), aborts=0, crashes=0, restores=0)
        if world_at_rest not in self.rested:
            told: list[str] = []
            self.last = (world, told)
            proof.check_quiet(self.scope, world_at_rest, told)
            self.rested.add(world_at_rest)

    def found(self, counterexample: Counterexample | None) -> Found:
        return Found(
            scope=self.scope,
            states=len(self.origin),
            steps=self.steps,
            quiets=len(self.rested),
            depth=self.depth,
            seconds=perf_counter() - self.begun,
            exhausted=not self.frontier,
            counterexample=counterexample,
        )


def _steps(scope: Scope, world: World) -> Iterator[servers.Step]:
    yield from servers.steps(scope, world)
    yield from phones.steps(scope, world)


def _counterexample(search: _Search, broken: proof.Broken) -> Counterexample:
    world, told = search.last
    steps = told[::-1]
    while True:
        before, how = search.origin[world]
        if before is None:
            return Counterexample(broken.invariant, tuple(reversed(steps)), str(broken))
        steps.append(how)
        world = before
