"""Where the time of a hot path goes: the worker's own by what it does, and the database's by statement.

A sampler looks at the one worker process from outside, with its C extensions; the database counts its statements. The share of a
group is of samples, the microseconds are CPU time as the system counts it, taken in a measurement without the sampler.
"""

import asyncio
import contextlib
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import psutil
from msgspec import Struct

from api import cluster
from api.database import owner_connection
from api.settings import Settings
from benchmarks import ground, load, phone, pulls, pushes, serving
from benchmarks.ground import Ground
from benchmarks.load import Driver, Load, Outcome
from benchmarks.plan import FULL, Plan
from benchmarks.serving import Server

PATHS: Final = ("first-pull", "delta", "no-change", "push")
SECONDS: Final = 6.0
_SAMPLES_HZ: Final = 150
_PUSHED: Final = 3_000
_STATEMENTS: Final = """
select regexp_replace(query, '\\s+', ' ', 'g') query, calls, total_exec_time ms, rows from pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database()) and query !~ 'pg_stat_statements'
order by total_exec_time desc limit 12"""
_IDLE: Final = re.compile(r"^(epoll_p?wait|futex|__futex|pthread_cond|clock_nanosleep|poll|select) ")

# Frames are looked at from the innermost one outwards; the first that any group knows decides.
_GROUPS: Final = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("compression", r"zstd\.c|zstandard|gzip\.py|\bencode \(sync/wire\.py|choose_encoding|ZSTD|HUF_|FSE_"),
        ("PostgreSQL's driver (asyncpg)", r"asyncpg|protocol\.c|pgproto\.c|api/database\.py|sync/transaction\.py"),
        ("sockets and event loop (uvloop)", r"\(loop\.c|libuv|uv__|asyncio/|uvloop"),
        ("HTTP server", r"uvicorn|httptools|parser\.c|granian|api/http_protocol\.py|_rsgi|_asgi\.py"),
        ("log", r"structlog|logging/|api/logs\.py"),
        ("JSON (msgspec)", r"_core\.c|msgspec"),
        ("authentication", r"api/auth\.py|sync/devices\.py|sync/tokens\.py"),
        (
            "page, cursor, frames",
            r"sync/(page|pull|reading|wire|cursor|keyring|clock|life|waiting|pokes|together|ahead|gate)\.py|api/frames\.py|libcrypto",
        ),
        ("rules", r"jobs/handlers|jobs/rules|mobile_contract/rules|jobs/(visits|stock|approvals|folds?)\b"),
        ("loading and recording rows", r"jobs/(loading|recording|work|store|journal|event)"),
        ("documents and buckets", r"jobs/projection\.py|sync/(documents|buckets)\.py|mobile_contract/digest\.py"),
        (
            "taking commands in",
            r"sync/(push|batch|execute|authors|envelopes|outcomes|dependencies|quarantine|opening|\w+)\.py",
        ),
        (
            "request line, headers, metrics",
            r"api/(envelope|ledger|shortcut|record|metrics|flood|sightings|telemetry)\.py|prometheus",
        ),
        ("web framework (Litestar)", r"litestar|anyio|multidict|api/"),
    )
)


class Statement(Struct, frozen=True):
    """A statement of the database: its calls and its time in milliseconds, together."""

    text: str
    calls: int
    ms: float


class Profile(Struct, frozen=True, kw_only=True):
    """What one unit of work costs: CPU of the worker and of the database in microseconds; the worker's by group."""

    path: str
    unit: str
    per_second: float
    worker_us: float
    database_us: float
    groups: tuple[tuple[str, float], ...]
    statements: tuple[Statement, ...]
    units: int


class _Path(Struct, frozen=True, kw_only=True):
    """Load for a path: a round that warms up, one without and one with the sampler; `units` per script that ends, `unit` their name."""

    rounds: tuple[Load, Load, Load]
    unit: str
    units_per_script: float


def profile(path: str, plan: Plan = FULL) -> Profile:
    """Profile a hot path. Raises RuntimeError when the sampler cannot look into the server."""
    with (
        ground.running() as cluster_,
        load.driver() as driver,
        tempfile.TemporaryDirectory(prefix="onsite-profile-") as folder,
    ):
        _count_statements(cluster_)
        settings = cluster_.copy("profiled")
        cluster_.as_superuser("create extension pg_stat_statements", database="profiled")
        cluster_.as_superuser("grant pg_read_all_stats to onsite_owner", database="profiled")
        with _stage(path, settings, plan, Path(folder)) as (server, work):
            return _look(path, settings, cluster_, (driver, server, work))


def _count_statements(cluster_: Ground) -> None:
    cluster_.as_superuser("alter system set shared_preload_libraries = 'pg_stat_statements'")
    cluster.down(cluster_.place)
    cluster.up(cluster_.place)


@contextlib.contextmanager
def _stage(path: str, settings: Settings, plan: Plan, folder: Path) -> Iterator[tuple[Server, _Path]]:
    """Serve the path's database with one worker and make its load."""
    if path == "push":
        one = pushes.arrange(settings, _of_pushes(plan)).alone
        with serving.onsite(settings, workers=1, folder=folder, name="profiled") as server:
            loads = [Load(port=server.port, scripts=[q.requests], seconds=300, once=True) for q in one]
            yield server, _Path(rounds=(loads[0], loads[1], loads[2]), unit="command", units_per_script=one[0].commands)
        return
    founded = pulls.found(settings, plan)
    with serving.onsite(settings, workers=1, folder=folder, name="profiled") as server:
        stage = pulls.set_up(settings, server.port, plan, founded)
        first = stage.devices[0]
        if path == "first-pull":
            scripts: list[tuple[bytes, ...]] = [first.initial.requests]
        elif path == "delta":
            scripts = [(phone.pull_request(first.handset, stage.before_hundred),)]
        else:
            scripts = [(phone.pull_request(each.handset, each.now),) for each in stage.devices]
        looped = Load(port=server.port, scripts=scripts, seconds=SECONDS)
        yield (
            server,
            _Path(
                rounds=(looped, looped, looped),
                unit="document" if path == "first-pull" else "pull",
                units_per_script=first.initial.documents if path == "first-pull" else 1,
            ),
        )


def _of_pushes(plan: Plan) -> Plan:
    from msgspec.structs import replace

    return replace(plan, rounds=2, commands=_PUSHED, devices=0)


def _look(path: str, settings: Settings, cluster_: Ground, parts: tuple[Driver, Server, _Path]) -> Profile:
    driver, server, work = parts
    worker, postmaster = psutil.Process(server.workers()[0]), cluster.status(cluster_.place).pid
    assert postmaster is not None
    driver.run(work.rounds[0])
    asyncio.run(_reset(settings))
    before = _cpu_s(worker), _cpu_of_database_s(postmaster)
    outcome = driver.run(work.rounds[1])
    after = _cpu_s(worker), _cpu_of_database_s(postmaster)
    units = round(outcome.scripts_done * work.units_per_script)
    statements = asyncio.run(_statements(settings))
    groups = _sampled(worker.pid, driver, work.rounds[2])
    return Profile(
        path=path,
        unit=work.unit,
        per_second=units / outcome.elapsed_s,
        worker_us=(after[0] - before[0]) / units * 1e6,
        database_us=(after[1] - before[1]) / units * 1e6,
        groups=groups,
        statements=statements,
        units=units,
    )


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _cpu_of_database_s(postmaster: int) -> float:
    return sum(_cpu_s(child) for child in psutil.Process(postmaster).children())


async def _reset(settings: Settings) -> None:
    async with owner_connection(settings, database=None) as conn:
        await conn.execute("vacuum analyze")
    cluster.superuser_sql(settings.place, "select pg_stat_statements_reset()", database="profiled")


async def _statements(settings: Settings) -> tuple[Statement, ...]:
    async with owner_connection(settings) as conn:
        return tuple(Statement(r["query"][:110], r["calls"], r["ms"]) for r in await conn.fetch(_STATEMENTS))


def _sampled(pid: int, driver: Driver, given: Load) -> tuple[tuple[str, float], ...]:
    """Sample the worker's stacks while it works; gives the share of each group, greatest first."""
    results: list[Outcome] = []
    thread = threading.Thread(target=lambda: results.append(driver.run(given)))
    thread.start()
    # The first requests open connections and prepare statements.
    time.sleep(0.5)
    with tempfile.NamedTemporaryFile(suffix=".txt") as stacks:
        program = str(Path(sys.executable).with_name("py-spy"))
        command = [program, "record", "--native", "--format", "raw", "--rate", str(_SAMPLES_HZ)]
        command += ["--duration", str(round(SECONDS - 2)), "--pid", str(pid), "--output", stacks.name]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
        text = Path(stacks.name).read_text(encoding="utf-8")
    thread.join()
    if done.returncode != 0 or not text:
        raise RuntimeError(f"py-spy cannot look into the server: {done.stderr.strip()[-300:]}")
    return _grouped(text.splitlines())


def _grouped(stacks: Sequence[str]) -> tuple[tuple[str, float], ...]:
    counts: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if not _IDLE.match(frames[-1] + " "):
            counts[_group(frames)] += int(count)
    total = sum(counts.values()) or 1
    return tuple((name, count / total) for name, count in counts.most_common())


def _group(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        for name, pattern in _GROUPS:
            if pattern.search(frame):
                return name
    return "the rest of Python"
