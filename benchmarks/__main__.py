"""`python -m benchmarks`: measures Onsite beside its floors and its peers, or one of the other measurements by name."""

import sys
from typing import Annotated, Final

import typer

HELP: Final = """Measure Onsite side by side with raw asyncpg, a bare Litestar handler, Kinto and PocketBase, in one run with interleaved rounds.

Without arguments everything is measured (about 12 minutes) and the figures, the plot and docs/performance.md are written anew.

\b
Examples:
  python -m benchmarks                        everything
  python -m benchmarks --quick                everything, in 3 minutes; nothing is written
  python -m benchmarks --only pull            the pulls alone; nothing is written
  python -m benchmarks --only pull,push --rounds 3
  python -m benchmarks profile no-change      where the time of a hot path goes
  python -m benchmarks reconcile              a day of a store, 100,000 moves
  python -m benchmarks board                  the dispatch board, 10,000 jobs and 200 crews
  python -m benchmarks frames                 frame times of the console's map, 10,000 jobs and 200 crews
  python -m benchmarks render                 write the page and the plot again from the last figures
  python -m benchmarks field-year --slice 100
  python -m benchmarks planning               plans against published instances and PyVRP; writes docs/planning.md
"""

app = typer.Typer(
    help=HELP,
    rich_markup_mode=None,
    pretty_exceptions_show_locals=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True, help=HELP)
def everything(
    context: typer.Context,
    *,
    only: Annotated[str, typer.Option(help="Parts to measure, with commas between: pull, push, rush, growth.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds, shorter measurements.")] = False,
    rounds: Annotated[int, typer.Option(help="Rounds; 0: as many as the plan has.", min=0, max=50)] = 0,
    write: Annotated[
        bool, typer.Option("--write", help="Write figures, plot and page also after a part or --quick.")
    ] = False,
) -> None:
    """Measure, unless a command is named."""
    if context.invoked_subcommand is not None:
        return
    from benchmarks import command

    command.measure(only=only, quick=quick, rounds=rounds, write=write)


@app.command()
def profile(
    paths: Annotated[
        list[str] | None, typer.Argument(help="first-pull, delta, no-change, push; all when none is named.")
    ] = None,
    *,
    write: Annotated[bool, typer.Option("--write", help="Write the tables into docs/performance.md.")] = False,
) -> None:
    """Show where the time of hot paths goes: the worker's by what it does, the database's by statement.

    Example: python -m benchmarks profile push --write
    """
    from benchmarks import command

    command.profile(paths or [], write=write)


@app.command()
def reconcile(
    *,
    rounds: Annotated[int, typer.Option(help="Rounds of each size.", min=1, max=20)] = 3,
    write: Annotated[bool, typer.Option("--write", help="Write figures and table into docs/performance.md.")] = False,
) -> None:
    """Reconcile days of a store's ledger, beside the bare sums in SQL.

    Example: python -m benchmarks reconcile --rounds 5 --write
    """
    from benchmarks import command

    command.reconcile(rounds, write=write)


@app.command("board")
def dispatch_board(*, rounds: Annotated[int, typer.Option(help="Rounds of each call.", min=3, max=100)] = 15) -> None:
    """Read the dispatch board and its changes with 10,000 jobs and 200 crews, beside raw SQL; writes nothing.

    Example: python -m benchmarks board --rounds 30
    """
    from benchmarks import board

    board.measure(rounds)


@app.command()
def frames(
    *,
    rounds: Annotated[int, typer.Option(help="Rounds of each movement.", min=1, max=50)] = 5,
    jobs: Annotated[int, typer.Option(help="Jobs on the full map.", min=10, max=20_000)] = 10_000,
    crews: Annotated[int, typer.Option(help="Crews on the full map.", min=1, max=1_000)] = 200,
) -> None:
    """Pan the console's map and drag jobs on it in headless Chromium, beside the empty map; ends with 1 above the bound.

    Example: python -m benchmarks frames --rounds 9
    """
    from benchmarks import frames as map_frames

    sys.exit(0 if map_frames.measure(map_frames.Plan(rounds=rounds, jobs=jobs, crews=crews)) else 1)


@app.command()
def render() -> None:
    """Write docs/performance.md and its picture again from the figures of the last run."""
    from benchmarks import command

    command.render()


@app.command("planning")
def plans(
    *,
    only: Annotated[str, typer.Option(help="Instances to measure, with commas between; all when empty.")] = "",
    limits: Annotated[str, typer.Option(help="Seconds for our planner, with commas between.")] = "1,5,20",
    pyvrp: Annotated[bool, typer.Option(help="Measure PyVRP given a minute, too.")] = True,
    anew: Annotated[bool, typer.Option("--anew", help="Forget what was measured before.")] = False,
) -> None:
    """Compare plans with the best known ones and with PyVRP given a minute; what is measured already is kept.

    Example: python -m benchmarks planning --only R101,C204 --limits 1,5
    """
    from benchmarks import planning

    planning.measure(only=only, limits=limits, pyvrp=pyvrp, anew=anew)


@app.command(
    "field-year", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def field_year(context: typer.Context) -> None:
    """Play a year of real repairs and prove that devices and server agree; `field-year --help` says more."""
    from benchmarks import field_year as year

    sys.exit(year.main(context.args))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
