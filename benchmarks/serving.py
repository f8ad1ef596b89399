"""Server processes under measurement: started as users start them, waited for, weighed, stopped. Never more than what it started."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil
from msgspec import Struct

from api.settings import Settings

# A machine that is busy with other things takes its time.
START_S: Final = 180.0
STOP_S: Final = 20.0
POLL_S: Final = 0.05
ROOT: Final = Path(__file__).resolve().parents[1]


class Weight(Struct, frozen=True):
    """Memory of a server with all its processes, in MiB: resident, and proportional (shared pages counted once)."""

    rss_mib: float
    pss_mib: float


class Server:
    """A running server on a port of the loopback."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    def weigh(self) -> Weight:
        """Weigh all processes of the server."""
        rss = pss = 0
        for each in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                memory = each.memory_full_info()
                rss += memory.rss
                pss += memory.pss
        return Weight(rss / 2**20, pss / 2**20)

    def rss_mib(self) -> float:
        """Weigh quickly: the resident memory alone, as often as a peak needs."""
        total = 0
        for each in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
        return total / 2**20

    def workers(self) -> list[int]:
        """Name the processes that answer requests: the youngest generation."""
        children = psutil.Process(self._process.pid).children()
        return [child.pid for child in children if "resource_tracker" not in " ".join(child.cmdline())] or [
            self._process.pid
        ]

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> None:
        """Ask it to stop, and insist after a while."""
        family = self._family()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            for each in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            self._process.wait(STOP_S)


@contextlib.contextmanager
def serving(
    command: Sequence[str], *, port: int, ready: str, log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server until the block ends. `ready` is the path that answers 200 once it serves; what it prints goes to `log`.

    Raises RuntimeError with the end of its log when it does not come up.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=dict(environ or os.environ), cwd=ROOT
        )
    server = Server(process, port)
    try:
        _wait_until(ready, server, process, log)
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def onsite(settings: Settings, *, workers: int, folder: Path, name: str) -> Iterator[Server]:
    """Run `onsite serve` against a database, with the settings that users have by default."""
    port = free_port()
    program = str(Path(sys.executable).with_name("onsite"))
    command = [program, "serve", "--port", str(port), "--workers", str(workers)]
    with serving(
        command, port=port, ready="/health/ready", log=folder / f"{name}.log", environ=environment(settings)
    ) as server:
        yield server


@contextlib.contextmanager
def bare_litestar(settings: Settings, *, workers: int, folder: Path) -> Iterator[Server]:
    """Run a Litestar application that does nothing, under the same HTTP server with the same settings."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare", str(port), str(workers)]
    with serving(command, port=port, ready="/", log=folder / "litestar.log", environ=environment(settings)) as server:
        yield server


def environment(settings: Settings) -> dict[str, str]:
    """Give the environment of a server process: that of ours without its settings, and the given ones."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ONSITE_") and k != "DATABASE_URL"}
    return {
        **kept,
        "ONSITE_STATE_DIR": str(settings.state_dir),
        "ONSITE_DATABASE_URL": settings.database_url,
        "ONSITE_OWNER_DATABASE_URL": settings.owner_database_url,
        "ONSITE_SECRET": settings.secret,
    }


def free_port() -> int:
    """Find a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until(ready: str, server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        try:
            connection.request("GET", ready)
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(POLL_S)
    end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise RuntimeError(f"{log.stem} did not start:\n{end}")
