"""`onsite city`: makes the synthetic city and writes it as GeoJSON. Never touches the database."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

# Kept equal to geo.city by a test: reading them from there would make `onsite --help` wait for numpy and shapely.
DEFAULT_SEED = 1
DEFAULT_SITES = 400
MOST_SITES = 8000
OUT = Path("build/city")

city = typer.Typer(no_args_is_help=True, help="The synthetic city of the demo, the map and the tests.")


def register(app: typer.Typer) -> None:
    """Add this noun to the command line."""
    app.add_typer(city, name="city")


@city.callback()
def about() -> None:
    """Make the synthetic city of the demo, the map and the tests."""


@city.command()
def make(
    out: Annotated[Path, typer.Option("--out", help="The folder to write to; it is created when missing.")] = OUT,
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal files, byte for byte.")] = DEFAULT_SEED,
    sites: Annotated[
        int, typer.Option("--sites", min=1, max=MOST_SITES, help="How many addresses to place along the streets.")
    ] = DEFAULT_SITES,
) -> None:
    """Make the city of a seed: the basemap (city.pmtiles), the street graph, the addresses, and a GeoJSON file per layer.

    Example: onsite city make --seed 1

    Example: onsite city make --seed 7 --sites 2000 --out build/seven
    """
    import time
    from functools import partial

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from api.console import complaints, console
    from api.operator_error import OperatorError
    from geo.basemap import make_basemap
    from geo.city import fingerprint, make_city
    from geo.city_geojson import layer, layer_names
    from geo.city_tables import addresses_csv, street_graph_json

    started = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=complaints, transient=True) as progress:
        task = progress.add_task("streets and sites", total=1)
        try:
            made = make_city(seed, sites)
        except ValueError as error:
            raise OperatorError(f"this city cannot be made: {error}. Ask for fewer sites or another seed.") from error
        files: dict[str, Callable[[], bytes]] = {
            "city.pmtiles": lambda: make_basemap(
                made, lambda done, total: progress.update(task, completed=done, total=total)
            ),
            "street_graph.json": partial(street_graph_json, made),
            "addresses.csv": partial(addresses_csv, made),
            **{f"{name}.geojson": partial(layer, made, name) for name in layer_names()},
        }
        try:
            out.mkdir(parents=True, exist_ok=True)
            for name, write in files.items():
                progress.update(task, description=name, completed=0, total=1)
                (out / name).write_bytes(write())
        except OSError as error:
            raise OperatorError(f"cannot write to {out}: {error.strerror}. Name another folder with --out.") from error
    console.print(
        f"{made.name} ({made.name_zh}), seed {seed}: {len(made.districts)} districts, {len(made.streets)} streets, "
        f"{len(made.sites)} sites, {len(made.meters)} meters, {len(made.pipes)} pipes in {out}",
        markup=False,
    )
    basemap = (out / "city.pmtiles").stat().st_size
    console.print(
        f"basemap {basemap / 1000:.0f} kB, {len(files)} files in {time.perf_counter() - started:.1f} s", markup=False
    )
    console.print(f"fingerprint {fingerprint(made)}", markup=False)
