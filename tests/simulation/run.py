"""One seed from beginning to end: its steps, the quiet at the end, and what is told of a failure."""

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from tests.simulation import steps
from tests.simulation.auditor import Auditor
from tests.simulation.backend import Backend
from tests.simulation.quiet import come_to_rest
from tests.simulation.steps import Step
from tests.simulation.world import World, setting_of

Make = Callable[[], Backend]
STEPS = 100
_TRACE_LINES = 400


class Result(Struct, frozen=True, kw_only=True):
    """What became of a seed. `invariant`: the one that was broken, "" when all held; `trace`: the last lines of what happened."""

    seed: int
    steps: tuple[Step, ...]
    invariant: str = ""
    error: str = ""
    trace: tuple[str, ...] = ()
    counts: dict[str, int] = {}

    @property
    def failed(self) -> bool:
        """Tell whether something did not hold."""
        return bool(self.error)


def new_world(seed: int, make: Make) -> World:
    """Make the world of a seed, before its beginning."""
    return World(make(), setting_of(seed), Auditor())


def simulate(seed: int, make: Make, planned: Sequence[Step]) -> Result:
    """Make the steps in the world of a seed and let it come to rest. Never raises."""
    world = new_world(seed, make)
    made = tuple(planned)
    try:
        world.begin()
        for i, step in enumerate(planned):
            world.say(f"--- {i}: {step.name}")
            steps.make(world, step)
        come_to_rest(world)
    except Exception as error:
        return Result(
            seed=seed,
            steps=made,
            invariant=getattr(error, "invariant", type(error).__name__),
            error=f"{type(error).__name__}: {error}",
            trace=tuple(world.trace[-_TRACE_LINES:]),
            counts=dict(world.auditor.counts),
        )
    finally:
        world.close()
    return Result(seed=seed, steps=made, counts=dict(world.auditor.counts))


def shrink(result: Result, make: Make, *, tries: int = 300) -> Result:
    """Leave out as many steps of a failure as can be left out while the same invariant is broken."""
    best, size = result, max(1, len(result.steps) // 2)
    while size and tries > 0:
        at, shorter = 0, False
        while at < len(best.steps) and tries > 0:
            tries -= 1
            found = simulate(best.seed, make, (*best.steps[:at], *best.steps[at + size :]))
            if found.invariant == best.invariant:
                best, shorter = found, True
            else:
                at += size
        if not shorter or size > 1:
            size //= 2
    return best


def total(results: Sequence[Result]) -> Counter[str]:
    """Add up the checks that were made."""
    counts: Counter[str] = Counter()
    for result in results:
        counts.update(result.counts)
    return counts
