"""`onsite serve`: answer requests. Never migrates: `onsite db migrate` comes before."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command(name="serve", help=serve.__doc__)(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on. Default: ONSITE_HOST.")] = "",
    port: Annotated[int, typer.Option(help="Port to listen on. Default: ONSITE_PORT.", min=0, max=65535)] = 0,
    workers: Annotated[int, typer.Option(help="Processes that share the port.", min=1, max=64)] = 1,
) -> None:
    """Answer requests until told to stop (SIGINT, SIGTERM); requests under way are finished first.

    Example: [bold]onsite serve --port 8000[/bold]
    """
    from api.server import serve as run
    from api.settings import load_settings

    settings = load_settings()
    run(settings, host=host or settings.host, port=port or settings.port, workers=workers)
