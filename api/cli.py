"""The `onsite` command line: finds the command modules and hands over. Never does the work of a command itself.

A new noun is a new module in `api/commands/` with `register(app)`; it imports what is heavy inside its commands, so that
`onsite --help` answers at once.
"""

import importlib
import pkgutil
import sys

import typer

import api.commands
from api.operator_error import OperatorError

OPERATOR_MUST_ACT = 2
INTERRUPTED = 130


def build() -> typer.Typer:
    """Build the whole command line from the modules in `api/commands/`."""
    app = typer.Typer(
        name="onsite",
        help="Onsite: dispatch by location, work offline, sync exactly.",
        no_args_is_help=True,
        # Plain help: importing the rich rendering of it takes longer than everything else together.
        rich_markup_mode=None,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in sorted(found.name for found in pkgutil.iter_modules(api.commands.__path__)):
        importlib.import_module(f"api.commands.{name}").register(app)
    return app


def main() -> None:
    """Run the command line. What the operator can mend is printed without a traceback, with exit status 2."""
    try:
        build()()
    except OperatorError as error:
        from api.console import complaints

        complaints.print(f"onsite: {error}", style="red", markup=False)
        sys.exit(OPERATOR_MUST_ACT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
