"""`onsite demo`: plays a working day in a synthetic city with real devices and proves that nothing was lost. Never plays outside its organisation."""

from typing import Annotated

import typer

PROOF_FAILED = 1


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(name="demo")(demo)


def demo(
    *,
    seed: Annotated[int, typer.Option(help="Another seed is another day.")] = 1,
    org: Annotated[str, typer.Option(help="Slug of the organisation to play in; it is founded when missing.")] = "demo",
    devices: Annotated[int, typer.Option(min=1, max=12, help="How many crews, each with its phone.")] = 12,
) -> None:
    """Play a working day: a dozen crews with phones that go offline, collide with the dispatcher and come back; print story and proof.

    Starts the private database where it is down. Refused in production. Exit status 1: the proof failed.

    Example: onsite demo

    Example: onsite demo --seed 7 --devices 4
    """
    import asyncio
    import time
    from datetime import UTC, datetime

    from api.console import console
    from api.demo.playing import Day, play_day
    from api.demo.standing import prepare_database, zone_of
    from api.demo.telling import Teller, proof_tables
    from api.operator_error import OperatorError
    from api.settings import load_settings

    settings = load_settings()
    if settings.production:
        raise OperatorError("`onsite demo` invents people and work: it is refused in production.")
    prepare_database(settings)
    zone = asyncio.run(zone_of(settings, org))
    begun = time.monotonic()
    day = Day(slug=org, seed=seed, devices=devices)
    played = play_day(settings, day, now=datetime.now(UTC), teller=lambda hours: Teller(hours, console), zone=zone)
    console.print()
    console.print(proof_tables(played.proof, played.hours))
    console.print(
        f"A day of {org} in {time.monotonic() - begun:.0f} s. Play another: onsite demo --seed {seed + 1}", markup=False
    )
    if not played.proof.holds:
        raise typer.Exit(PROOF_FAILED)
