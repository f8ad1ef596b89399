"""`python -m tests.geo.planning --days 1000`: plays random days through all planners; no rule may be broken."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from geo.planning.solver_process import SolverProcess
from tests.geo.planning.playing import Played, play


def main(
    *,
    days: Annotated[int, typer.Option(help="How many days.", min=1, max=1_000_000)] = 1000,
    first: Annotated[int, typer.Option(help="Seed of the first day.", min=0)] = 0,
    vroom: Annotated[int, typer.Option(help="Every how many days VROOM plans too; 0: never.", min=0)] = 10,
    limit_s: Annotated[float, typer.Option(help="Stop after so many seconds.", min=1)] = 3600.0,
) -> None:
    """Play random days: planned in the morning, repaired at midday and after a leak, planned anew; the checker judges each plan.

    Example: python -m tests.geo.planning --days 1000 --first 5000
    """
    console = Console()
    begun = time.monotonic()
    broken: list[Played] = []
    plans = played_days = 0
    with Progress(console=console) as progress, SolverProcess() as solver:
        bar = progress.add_task("days", total=days)
        for seed in range(first, first + days):
            for played in play(seed, solver if vroom and seed % vroom == 0 else None):
                plans += 1
                if played.broken:
                    broken.append(played)
            played_days += 1
            progress.advance(bar)
            if time.monotonic() - begun > limit_s:
                break
    for played in broken[:20]:
        console.print(f"[red]day {played.seed}, {played.kind}:[/] {'; '.join(played.broken[:3])}")
    console.print(
        f"{played_days} days, {plans} plans, {len(broken)} with broken rules, {time.monotonic() - begun:.0f} s"
    )
    raise typer.Exit(1 if broken else 0)


if __name__ == "__main__":
    typer.run(main)
