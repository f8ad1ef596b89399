"""The `onsite` command line: finds the command modules and hands over. Never does the work of a command itself."""

import importlib
import pkgutil

import typer

import api.commands

app = typer.Typer(
    name="onsite",
    help="Onsite: dispatch by location, work offline, sync exactly.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)


def main() -> None:
    """Run the command line and exit with its status."""
    for module in sorted(m.name for m in pkgutil.iter_modules(api.commands.__path__)):
        importlib.import_module(f"api.commands.{module}").register(app)
    app()
