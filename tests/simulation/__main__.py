"""Simulates seeds from the command line: thousands with a progress bar, or one with its story. See `--help`."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from tests.simulation import steps
from tests.simulation.levels import LEVELS, backend_of
from tests.simulation.run import STEPS, Make, Result, shrink, simulate, total

_AT_ONCE: Final = 10
_INVARIANTS: Final = tuple(f"I{i}" for i in range(1, 17))
_EXAMPLES: Final = """
Examples:

  python -m tests.simulation                              1,000 seeds of the model

  python -m tests.simulation --seeds 5000 --first 20000   other ones

  python -m tests.simulation --seed 4711                  one seed again; a failure is made short and told

  python -m tests.simulation --seed 7 --level stack       the same world on the real stack

  make sim SEEDS=5000                                     the same from make
"""

console = Console(stderr=True, highlight=False)
_make = cache(backend_of)


def run(level: str, seeds: range, planned: int) -> tuple[Counter[str], list[Result]]:
    """Simulate some seeds; give the checks that were made and the failures."""
    results = [simulate(seed, _make(level), steps.plan(seed, planned)) for seed in seeds]
    return total(results), [result for result in results if result.failed]


def main(
    seeds: Annotated[int, typer.Option(help="How many seeds.", min=1)] = 1000,
    first: Annotated[int, typer.Option(help="The first seed.")] = 0,
    seed: Annotated[int | None, typer.Option(help="Only this seed, with its story.")] = None,
    level: Annotated[str, typer.Option(help=f"One of: {', '.join(LEVELS)}.")] = "model",
    planned: Annotated[
        int, typer.Option("--steps", help="Steps of a world before its network goes quiet.", min=1)
    ] = STEPS,
    jobs: Annotated[int, typer.Option(help="Processes at once; 0: one for each core.", min=0)] = 0,
    shorten: Annotated[bool, typer.Option(help="Leave out the steps that a failure does not need.")] = True,
) -> None:
    """Simulate phones, office, network and server by seeds, and check I1 to I16 all the way."""
    if level not in LEVELS:
        console.print(f"There is no level {level!r}. Choose one of: {', '.join(LEVELS)}.")
        raise typer.Exit(2)
    span = range(first, first + seeds) if seed is None else range(seed, seed + 1)
    counts, failures = Counter[str](), list[Result]()
    for found, failed in _progress(level, span, planned, jobs if seed is None else 1):
        counts += found
        failures += failed
        if failures:
            break
    _show_counts(counts)
    if not failures:
        console.print(f"[green]{len(span):,} seeds passed.[/]")
        return
    _tell(min(failures, key=lambda result: result.seed), level, planned, _make(level), shorten=shorten)
    raise typer.Exit(1)


def _progress(level: str, span: range, planned: int, jobs: int) -> Iterator[tuple[Counter[str], list[Result]]]:
    chunks = [span[i : i + _AT_ONCE] for i in range(0, len(span), _AT_ONCE)]
    columns = (TextColumn("seeds"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(span))
        workers = jobs or os.cpu_count() or 1
        if workers == 1 or len(chunks) == 1:
            for chunk in chunks:
                yield run(level, chunk, planned)
                progress.advance(task, len(chunk))
            return
        with ProcessPoolExecutor(workers) as pool:
            futures = {pool.submit(run, level, chunk, planned): chunk for chunk in chunks}
            try:
                for future in as_completed(futures):
                    yield future.result()
                    progress.advance(task, len(futures[future]))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _show_counts(counts: Counter[str]) -> None:
    table = Table("invariant", "checks")
    for invariant in _INVARIANTS:
        table.add_row(invariant, f"{counts[invariant]:,}")
    console.print(table)
    rest = {name: count for name, count in sorted(counts.items()) if name not in _INVARIANTS}
    console.print(", ".join(f"{name}: {count:,}" for name, count in rest.items()))


def _tell(result: Result, level: str, planned: int, make: Make, *, shorten: bool) -> None:
    if shorten:
        console.print(f"Seed {result.seed} broke {result.invariant}. Leaving out steps …")
        result = shrink(result, make)
    console.print("\n".join(result.trace), markup=False)
    console.print(
        f"\n[bold red]{result.error}[/]" if "[" not in result.error else f"\n{result.error}",
        markup="[" not in result.error,
    )
    console.print("steps: " + ", ".join(step.name for step in result.steps), markup=False)
    again = f"python -m tests.simulation --seed {result.seed} --level {level} --steps {planned}"
    console.print(f"again: {again}", markup=False)


app = typer.Typer(add_completion=False, rich_markup_mode=None)
app.command(epilog=_EXAMPLES)(main)

if __name__ == "__main__":
    sys.exit(app())
