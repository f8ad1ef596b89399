"""Runs the shell blocks of a page in order, as a reader would type them, and compares what they print with what the page shows.

A block of `sh` is run as it stands, in one bash; a block of `text` right after it lists lines of its output, in order, with `…` for anything.
"""

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from api import cluster
from api.cluster import Place
from tests.databases import STATE

ROOT = Path(__file__).resolve().parents[2]
# As wide as the tables of the pages.
COLUMNS = "110"
_BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


class Block(Struct, frozen=True):
    """What is typed, and lines of what is printed."""

    typed: str
    shown: tuple[str, ...]


def blocks_of(page: str) -> list[Block]:
    """Take the shell blocks of a page with the outputs that follow them."""
    return [Block(typed, tuple(shown.splitlines())) for typed, shown in _BLOCK.findall(page)]


def missing(shown: tuple[str, ...], printed: str) -> list[str]:
    """Name the shown lines that are not printed, in their order; blanks count once, `…` is anything."""
    lines = iter([" ".join(line.split()) for line in printed.splitlines()])
    absent = []
    for wanted in filter(str.strip, shown):
        pattern = ".*".join(re.escape(part) for part in " ".join(wanted.split()).split("…"))
        if not any(re.fullmatch(pattern, line) for line in lines):
            absent.append(wanted)
            break
    return absent


@contextlib.contextmanager
def own_place() -> Iterator[Place]:
    """Give the place of a cluster that a page makes; it is gone afterwards."""
    place = Place(STATE / f"own-{os.getpid()}-{secrets.token_hex(3)}")
    place.state_dir.mkdir(parents=True)
    try:
        yield place
    finally:
        cluster.remove(place)
        shutil.rmtree(place.state_dir, ignore_errors=True)


def wrong_in(page: Path, place: Place, home: Path, *, within_s: float) -> list[str]:
    """Run a page's blocks and say which lines it shows that were not printed, with what was typed and printed instead."""
    blocks = blocks_of(page.read_text(encoding="utf-8"))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ONSITE_")},
        # Empty is not set, and wins over an `.env` of the checkout.
        "DATABASE_URL": "",
        "ONSITE_DATABASE_URL": "",
        "ONSITE_OWNER_DATABASE_URL": "",
        "ONSITE_STATE_DIR": str(place.state_dir),
        "ONSITE_PORT": str(_free_port()),
        "HOME": str(home),
        "TMPDIR": str(home),
        "COLUMNS": COLUMNS,
    }
    printed = re.split(r"^@@ block\n", _run(blocks, environment, within_s), flags=re.MULTILINE)[1:]
    return [
        f"{absent}\n--- was not printed by\n{block.typed}--- which printed\n{output}"
        for block, output in zip(blocks, printed, strict=True)
        for absent in missing(block.shown, output)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(blocks: list[Block], environment: dict[str, str], within_s: float) -> str:
    """Run the blocks in one bash of its own process group, within a time limit, and give all it printed."""
    script = "set -euo pipefail\n" + "".join(f"printf '\\n@@ block\\n'\n{block.typed}" for block in blocks)
    shell = subprocess.Popen(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        printed, _ = shell.communicate(timeout=within_s)
    finally:
        # The group is ours: the server that a failing block leaves behind is in it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait(10)
    assert shell.returncode == 0, printed[-3000:]
    return printed
