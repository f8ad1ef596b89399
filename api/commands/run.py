"""`onsite run`: everything on one machine: database, migrations, the demo organisation with its day, then serving. Refused in production."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.demo.logins import Keys
    from api.settings import Settings

SLUG = "demo"


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(name="run")(run)


def run(
    *,
    seed: Annotated[int, typer.Option(help="Seed of the day that is played when there is none yet.")] = 1,
    devices: Annotated[int, typer.Option(min=1, max=12, help="How many crews play that day.")] = 12,
) -> None:
    """Start everything on this machine: the database, the demo organisation with its work, the server on 127.0.0.1:8000 (ONSITE_PORT).

    The first time it lives a month of the warehouse and plays a working day with a dozen devices, which takes about a minute; then it
    starts in seconds.

    Example: onsite run

    Example: ONSITE_PORT=8080 onsite run
    """
    from api.demo.standing import prepare_database
    from api.server import serve
    from api.settings import load_settings

    settings = load_settings()
    _insist_on_one_machine(settings)
    _insist_on_port(settings)
    prepare_database(settings)
    keys = _prepare_demo(settings, seed=seed, devices=devices)
    _prepare_basemap(settings)
    _show(settings, keys)
    serve(settings, host=settings.host, port=settings.port, timers=True)


def _insist_on_one_machine(settings: "Settings") -> None:
    from api.operator_error import OperatorError

    if settings.production:
        raise OperatorError(
            "`onsite run` is for one machine: in production use `onsite db migrate`, then `onsite serve`."
        )


def _insist_on_port(settings: "Settings") -> None:
    """Find out now, not after a minute's work, that somebody else has the port."""
    import socket

    from api.operator_error import OperatorError

    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise OperatorError(
                f"Port {settings.port} of {settings.host} is not free ({error.strerror}). "
                f"Stop what uses it, or take another: ONSITE_PORT={settings.port + 1} make run"
            ) from error


def _prepare_demo(settings: "Settings", *, seed: int, devices: int) -> "Keys":
    """Found the demo organisation, live its month and play its day, unless that was done; give its logins."""
    import asyncio
    from datetime import UTC, datetime

    from msgspec.structs import replace

    from api.console import complaints, console
    from api.demo import logins
    from api.demo.standing import zone_of

    zone = asyncio.run(zone_of(settings, SLUG))
    keys = logins.read(settings.state_dir)
    if zone is not None and keys is not None and keys.slug == SLUG and keys.played:
        return keys
    from api.demo.playing import Day, open_logins, play_day

    keys = keys if keys is not None and keys.slug == SLUG else logins.fresh(SLUG)
    logins.write(settings.state_dir, keys)
    day = Day(slug=SLUG, seed=seed, devices=devices, with_month=True)
    with console.status("Founding the demo organisation: about a minute in all") as shown:

        def progress(done: int, total: int) -> None:
            left = "; then it plays today with its phones" if done == total else ""
            shown.update(f"A month of the warehouse: day {done} of {total}{left}")

        played = play_day(settings, day, now=datetime.now(UTC), zone=zone, progress=progress)
        names = asyncio.run(open_logins(settings, played.founded, keys.password, now=datetime.now(UTC)))
    if not played.proof.holds:
        complaints.print("The demo's proof fails: " + played.proof.faults[0], style="red", markup=False)
    keys = replace(keys, logins=names, played=True)
    logins.write(settings.state_dir, keys)
    return keys


def _prepare_basemap(settings: "Settings") -> None:
    """Make the basemap of the demo's city once; an operator's own is left alone."""
    from api.basemap import FILE

    path = settings.state_dir / FILE
    if settings.basemap or path.exists():
        return
    from api.console import console
    from api.demo.playing import the_city
    from geo.basemap import make_basemap

    with console.status("Drawing the map of the demo's city, some seconds"):
        body = make_basemap(the_city())
    # A file that is half written must not be taken for a map the next time.
    draft = path.with_suffix(".draft")
    draft.write_bytes(body)
    draft.replace(path)


def _show(settings: "Settings", keys: "Keys") -> None:
    from rich.table import Table

    from api.console import console
    from api.demo.logins import FILE

    table = Table.grid(padding=(0, 3))
    table.add_row("console", f"{settings.base_url}/console/")
    table.add_row("live page", f"{settings.base_url}/")
    table.add_row("API reference", f"{settings.base_url}/docs")
    table.add_row("organisation", keys.slug)
    table.add_row("logins", ", ".join(keys.logins))
    table.add_row("password of all", keys.password)
    table.add_row("kept in", str(settings.state_dir / FILE))
    console.print(table)
    console.print("Stop with Ctrl-C; the database stays up until `onsite db down`.", markup=False)
