"""The command line as a whole: answers at once, complains plainly, every command shows how it is used."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from typer.main import get_command

from api.cli import build

HEAVY = (
    "sqlalchemy",
    "alembic",
    "litestar",
    "asyncpg",
    "shapely",
    "pyproj",
    "numpy",
    "python_calamine",
    "rich.markdown",
)


def run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONSITE_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**environment, **environ},
    )


def test_help_loads_nothing_heavy() -> None:
    loaded = run("import sys, api.cli; api.cli.build(); print(*sys.modules)").stdout.split()
    assert [name for name in HEAVY if name in loaded] == []


def test_what_the_operator_can_mend_is_said_without_a_traceback() -> None:
    done = run("import sys; sys.argv = ['onsite', 'settings']; from api.cli import main; main()", ONSITE_PROT="1")
    assert done.returncode == 2
    assert "ONSITE_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def leaf_commands() -> Iterator[tuple[str, str]]:
    """Yield (name, help) of each command that does something."""

    def walk(command: object, path: str) -> Iterator[tuple[str, str]]:
        below = getattr(command, "commands", None)
        if below is None:
            yield path, getattr(command, "help", None) or ""
            return
        for name, inner in below.items():
            yield from walk(inner, f"{path} {name}")

    application: typer.Typer = build()
    yield from walk(get_command(application), "onsite")


@pytest.mark.parametrize(("name", "text"), list(leaf_commands()), ids=lambda value: str(value)[:40])
def test_every_command_explains_itself_with_an_example(name: str, text: str) -> None:
    assert name in text, f"the help of `{name}` shows no example"
