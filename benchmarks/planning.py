"""Measures plans against published instances: ours after 1, 5 and 20 seconds, PyVRP after a minute, and an urgent visit into a running day.

Seconds are of processor time on one core, so that other work on the machine does not count. What is measured already is kept: a run
that was interrupted goes on where it stopped. Instances that are not there are left out, loudly.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
import typer
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress

from benchmarks.routing_sets import DATA, Instance, score, solomon, technicians
from benchmarks.running_day import UrgentTimes, urgent_times
from geo.planning.checker import check
from geo.planning.planners import RoutingPlanner, pyvrp_is_there
from geo.planning.solver_process import SolverProcess
from geo.planning.solver_task import Method

RESULTS: Final = Path(__file__).parent / "results" / "planning.json"
OURS: Final = "Onsite"
PYVRP: Final = "PyVRP"
LIMITS: Final = (1.0, 5.0, 20.0)
PYVRP_S: Final = 60.0
# On a busy machine a minute of processor time takes many minutes of the clock.
_PATIENCE_S: Final = 3600.0


class Case(Struct, frozen=True):
    """One measurement to be made. `depot` tells whether technicians may fetch what they lack."""

    instance: str
    kind: str
    planner: str
    limit_s: float
    depot: bool = True


class Found(Struct, frozen=True, kw_only=True):
    """What a planner made of an instance; `broken` counts rules that the checker found broken."""

    case: Case
    best_distance: float
    best_duration: float | None
    distance: float
    duration: float
    vehicles: int
    unserved: int
    depot_trips: int
    broken: int
    notes: tuple[str, ...] = ()


class Figures(Struct, frozen=True, kw_only=True):
    """Everything found so far."""

    at: datetime
    machine: str
    found: tuple[Found, ...] = ()
    urgent: UrgentTimes | None = None


def measure(*, only: str, limits: str, pyvrp: bool, anew: bool) -> None:
    """Measure what is not measured yet, and write the page."""
    console = Console()
    sets = _sets(console, only)
    figures = _fresh() if anew else load()
    wanted = list(cases(sets.values(), tuple(float(s) for s in limits.split(",")), pyvrp=pyvrp and _pyvrp(console)))
    done = {found.case for found in figures.found}
    open_cases = [case for case in wanted if case not in done]
    with Progress(console=console) as progress, ThreadPoolExecutor(2) as pool:
        bar = progress.add_task("plans", total=len(open_cases) + 1)
        for found in pool.map(lambda case: _measure(case, sets[case.kind, case.instance]), open_cases):
            figures = replace(figures, found=(*figures.found, found), at=datetime.now(UTC))
            save(figures)
            progress.advance(bar)
        figures = replace(figures, urgent=urgent_times())
        save(figures)
        progress.advance(bar)
    from benchmarks.planning_page import write

    write(figures)
    console.print(f"{len(figures.found)} plans; see docs/planning.md")


def cases(instances: Iterable[Instance], limits: tuple[float, ...], *, pyvrp: bool) -> Iterator[Case]:
    """Yield what is to be measured, the short ones first."""
    listed = list(instances)
    for limit_s in limits:
        yield from (Case(i.name, i.kind, OURS, limit_s) for i in listed)
    yield from (Case(i.name, i.kind, OURS, limits[-1], depot=False) for i in listed if i.kind == "technicians")
    if pyvrp:
        yield from (Case(i.name, i.kind, PYVRP, PYVRP_S, depot=i.kind == "solomon") for i in listed)


def load() -> Figures:
    """Read what was measured so far; nothing where nothing was."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Figures) if RESULTS.exists() else _fresh()


def save(figures: Figures) -> None:
    """Keep what was measured."""
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1))


def gap(found: Found) -> float:
    """Give by how much a plan's distance is above the best known one, in percent."""
    return 100 * (found.distance / found.best_distance - 1)


def _measure(case: Case, instance: Instance) -> Found:
    problem = instance.problem if case.depot else replace(instance.problem, stores=())
    method = Method.PYVRP if case.planner == PYVRP else Method.VROOM
    with SolverProcess(grace_s=_PATIENCE_S) as solver:
        plan = RoutingPlanner(solver, method=method, by_cpu=True).plan(problem, limit_s=case.limit_s)
    made = score(replace(instance, problem=problem), plan)
    return Found(
        case=case,
        best_distance=instance.best_distance,
        best_duration=instance.best_duration,
        distance=round(made.distance, 2),
        duration=round(made.duration, 2),
        vehicles=made.vehicles,
        unserved=made.unserved,
        depot_trips=made.depot_trips,
        broken=len(check(problem, plan)),
        notes=plan.notes,
    )


def _sets(console: Console, only: str) -> dict[tuple[str, str], Instance]:
    found = [*solomon(), *technicians()]
    if not found:
        console.print(f"[bold red]NOT MEASURED[/]: there are no instances in {DATA}; put solomon/ and trsp/ there.")
        raise typer.Exit(1)
    names = {name.strip() for name in only.split(",") if name.strip()}
    return {(i.kind, i.name): i for i in found if not names or i.name in names}


def _pyvrp(console: Console) -> bool:
    if not pyvrp_is_there():
        console.print("[bold red]PyVRP IS LEFT OUT[/]: it is not installed; `pip install 'onsite[night]'` brings it.")
    return pyvrp_is_there()


def _fresh() -> Figures:
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, VROOM by pyvroom {version('pyvroom')}"
    if pyvrp_is_there():
        machine += f", PyVRP {version('pyvrp')}"
    return Figures(at=datetime.now(UTC), machine=machine)
