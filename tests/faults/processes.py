"""Real processes of the product: `onsite serve` and `onsite timers`, started, measured, stopped and killed by id. Nothing of them is in this process."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil

from api.settings import Settings
from tests import databases
from tests.waiting import until

# Bounds for a machine that is busy with other things; all are waits for a condition.
START_WITHIN_S: Final = 240.0
STOP_WITHIN_S: Final = 90.0
MIB: Final = 1024 * 1024


@dataclass
class Process:
    """A process of the product. `log` is the file it writes its lines to."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    running: asyncio.subprocess.Process | None = None
    # Everybody that ever belonged to it, so that nothing is left behind whatever was killed.
    family: set[int] = field(default_factory=set)

    async def start(self) -> None:
        """Start it; whether it is ready is another question."""
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                "from api.cli import main; main()",
                *self.arguments,
                env=self.environment,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
            )
        self.family.add(self.running.pid)

    @property
    def pid(self) -> int:
        """Give the id of the process that was started."""
        assert self.running is not None
        return self.running.pid

    @property
    def alive(self) -> bool:
        """Tell whether the process that was started still runs."""
        return self.running is not None and self.running.returncode is None

    def workers(self) -> list[psutil.Process]:
        """List its worker processes, oldest first; none for a single process."""
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.pid).children()
            self.family |= {child.pid for child in children}
            return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        return []

    def rss_mib(self) -> float:
        """Measure the memory of the process and its workers, in MiB."""
        rss: int = sum(each.memory_info().rss for each in (psutil.Process(self.pid), *self.workers()))
        return rss / MIB

    def busy_workers(self, port: int) -> list[psutil.Process]:
        """List the workers that have a caller on a port of this machine."""
        return [w for w in self.workers() if any(c.laddr.port == port and c.raddr for c in w.net_connections("tcp4"))]

    async def kill(self) -> None:
        """Kill the process that was started with SIGKILL and wait until it is gone; workers are told by nobody."""
        assert self.running is not None
        self.workers()
        self.running.kill()
        await self.running.wait()

    async def stop(self) -> int:
        """Tell it to stop with SIGTERM and give its exit code."""
        assert self.running is not None
        self.workers()
        self.running.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.running.wait(), STOP_WITHIN_S)

    def lines(self) -> str:
        """Give what it has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    async def end(self) -> None:
        """Leave nothing of it behind."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.workers()
        if self.alive:
            await self.kill()
        for pid in self.family:
            with contextlib.suppress(psutil.NoSuchProcess):
                if "api.cli" in (line := " ".join(psutil.Process(pid).cmdline())) or "spawn_main" in line:
                    os.kill(pid, signal.SIGKILL)


@dataclass
class Server(Process):
    """A web process, or a supervisor with its workers, on a port of its own."""

    port: int = 0

    @property
    def url(self) -> str:
        """Give its address."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it answers."""
        await super().start()
        async with httpx.AsyncClient(base_url=self.url) as client:

            async def answers() -> bool:
                assert self.alive, f"the server ended by itself:\n{self.lines()[-4000:]}"
                with contextlib.suppress(httpx.TransportError):
                    return (await client.get("/health/live", headers={"Connection": "close"})).is_success
                return False

            await until(answers, timeout_s=START_WITHIN_S)


@contextlib.asynccontextmanager
async def served(
    settings: Settings, folder: Path, *, workers: int = 1, chosen: Mapping[str, object] | None = None
) -> AsyncIterator[Server]:
    """Serve a database with `onsite serve` until the block ends. `chosen` are settings by name, such as `pool_size_max`."""
    port = free_port()
    arguments = ("serve", "--port", str(port), "--workers", str(workers))
    server = Server(arguments, environment(settings, chosen or {}), folder / f"serve-{port}.log", port=port)
    try:
        await server.start()
        yield server
    finally:
        await server.end()


@contextlib.asynccontextmanager
async def keeping_time(settings: Settings, folder: Path, name: str) -> AsyncIterator[Process]:
    """Run `onsite timers` until the block ends."""
    process = Process(("timers",), environment(settings, {}), folder / f"timers-{name}.log")
    try:
        await process.start()
        yield process
    finally:
        await process.end()


def environment(settings: Settings, chosen: Mapping[str, object]) -> dict[str, str]:
    """Make the environment of a process; nothing of the developer's settings gets in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONSITE_", "PYTHON"))}
    given = {
        "state_dir": settings.state_dir,
        "database_url": settings.database_url,
        "owner_database_url": settings.owner_database_url,
        "secret": settings.secret,
        "log_format": "json",
        **chosen,
    }
    # Compiling everything anew takes four times as long as starting: a process is started dozens of times here.
    kept["PYTHONPYCACHEPREFIX"] = str(databases.STATE / "bytecode")
    return {**kept, **{f"ONSITE_{name.upper()}": str(value) for name, value in given.items()}}


def free_port() -> int:
    """Name a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
