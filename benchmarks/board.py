"""What the dispatch board and its changes cost with 10,000 open jobs and 200 crews, beside raw SQL that reads the same rows. Writes no file."""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
import psutil
from msgspec import Struct
from rich.console import Console
from rich.progress import track
from rich.table import Table

from api import board
from api.app import open_services
from api.cluster import Place
from api.database import open_pool, owner_connection
from api.metrics import Metrics
from api.services import Services
from api.settings import Settings
from benchmarks import ground
from benchmarks.cpu import Meter
from jobs.store.tables import columns_of
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Command
from mobile_contract.schema.board import Board, BoardAsk
from mobile_contract.schema.people import Crew, CrewMember, Person, Role, Shift
from sync.transaction import org_transaction
from sync.wire import encode
from tests.arrange import NOW, Org, organisation

JOBS: Final = 10_000
CREWS: Final = 200
ROUNDS: Final = 15
# The floor: the rows that are shown, as the driver gives them, and nothing made of them.
_JOBS: Final = f"select {', '.join(columns_of('job'))} from job where org_id = $1 and state <> 'closed'"
_VISITS: Final = f"select {', '.join(columns_of('visit'))} from visit where org_id = $1"


class Cost(Struct, frozen=True):
    """Milliseconds of a call: by the clock (median), CPU of this process and of the database; bytes of the answer, plain and as zstd."""

    what: str
    ms: float
    own_cpu_ms: float
    database_cpu_ms: float
    plain_bytes: int = 0
    packed_bytes: int = 0


def measure(rounds: int = ROUNDS) -> None:
    """Arrange, measure and print a table."""
    with ground.running() as place:
        costs = asyncio.run(_measured(place.settings, rounds))
    columns = ("", "ms", "CPU ms here", "CPU ms database", "KiB", "KiB as zstd")
    table = Table(*columns, title=f"{JOBS:,} open jobs, {CREWS} crews")
    for cost in costs:
        times = (f"{ms:.1f}" for ms in (cost.ms, cost.own_cpu_ms, cost.database_cpu_ms))
        sizes = (f"{size / 1024:,.1f}" if size else "" for size in (cost.plain_bytes, cost.packed_bytes))
        table.add_row(cost.what, *times, *sizes)
    Console().print(table)


async def _measured(settings: Settings, rounds: int) -> list[Cost]:
    pool = await open_pool(settings)
    try:
        org = await organisation(pool, 20260302)
        async with owner_connection(settings) as owner:
            await _populate(org, owner)
        async with open_services(settings, Metrics(), lambda: NOW) as services:
            return await _all(services, org, _Stopwatch(settings.place, rounds))
    finally:
        await pool.close()


async def _all(services: Services, org: Org, watch: "_Stopwatch") -> list[Cost]:
    actor = org.actor("dan")
    days = BoardAsk(from_at=NOW - timedelta(hours=10), to_at=NOW + timedelta(hours=14))

    async def whole() -> bytes:
        return await board.board(services, actor, days, places=True)

    async def floor() -> bytes:
        async with org_transaction(services.pool, org.id) as conn:
            await conn.fetch(_JOBS, org.id)
            await conn.fetch(_VISITS, org.id)
        return b""

    costs = [await watch.cost("raw SQL: the rows of jobs and visits", floor), await watch.cost("board", whole)]
    jobs = await _ids(org)
    for count in (0, 1, 100, 1000):
        version = msgspec.json.decode(await whole(), type=Board).version
        chosen = random.Random(count).sample(jobs, count)
        async with org_transaction(org.pool, org.id) as conn:
            await conn.execute("update job set title = title || '!' where org_id = $1 and id = any($2)", org.id, chosen)

        async def changed(version: str = version) -> bytes:
            return await board.changes(services, actor, version, places=True)

        async def rows(chosen: list[UUID] = chosen) -> bytes:
            async with org_transaction(services.pool, org.id) as conn:
                await conn.fetch(f"{_JOBS} and id = any($2)", org.id, chosen)
            return b""

        costs.append(await watch.cost(f"raw SQL: {count} jobs by id", rows))
        costs.append(await watch.cost(f"changes: {count} jobs", changed))
    return costs


class _Stopwatch:
    """Measures calls, each so many rounds."""

    def __init__(self, place: Place, rounds: int) -> None:
        self._database, self._own, self._rounds = Meter(place, without=()), psutil.Process(), rounds

    async def cost(self, what: str, call: Callable[[], Awaitable[bytes]]) -> Cost:
        """Call once unmeasured, then measure."""
        body = await call()
        took_ms = []
        self._database.start()
        own_s = self._own_s()
        for _ in track(range(self._rounds), description=what, transient=True):
            began = time.perf_counter()
            await call()
            took_ms.append((time.perf_counter() - began) * 1000)
        own_ms, database_ms = (self._own_s() - own_s) * 1000, self._database.spent_s() * 1000
        return Cost(
            what=what,
            ms=statistics.median(took_ms),
            own_cpu_ms=own_ms / self._rounds,
            database_cpu_ms=database_ms / self._rounds,
            plain_bytes=len(body),
            packed_bytes=len(encode(body, "zstd").body) if body else 0,
        )

    def _own_s(self) -> float:
        times = self._own.cpu_times()
        return float(times.user + times.system)


async def _ids(org: Org) -> list[UUID]:
    async with org_transaction(org.pool, org.id) as conn:
        rows = await conn.fetch("select id from job where org_id = $1 order by id limit $2", org.id, JOBS)
    return [row["id"] for row in rows]


async def _populate(org: Org, owner: asyncpg.Connection) -> None:
    """Make crews by commands, and jobs by multiplying one of each kind: nobody has the time for so many commands."""
    await org.ok(*(command for i in range(CREWS) for command in _crew(org, i)))
    places = "select $1, id, 116.3 + 0.2 * random(), 39.9 + 0.1 * random(), $2, $2 from person where org_id = $1"
    await owner.execute(
        f"insert into position (org_id, person_id, lon_deg, lat_deg, at, received_at) {places}", org.id, NOW
    )
    waiting, given = await org.open_job(), await org.assigned_job()
    for job_id, visit_id in ((waiting, None), (given.job_id, given.visit_id)):
        ids = [org.new_id() for _ in range(JOBS // 2 - 1)]
        await _copies(owner, org, "job", like=job_id, job_ids=ids)
        if visit_id is not None:
            await _copies(owner, org, "visit", like=visit_id, job_ids=ids)
    await owner.execute("vacuum analyze")


def _crew(org: Org, i: int) -> Iterator[Command]:
    """Make a crew of two with a shift each."""
    crew_id = org.new_id()
    yield d.SaveCrew(crew=Crew(id=crew_id, code=f"c-{i}", name=f"Crew {i}"))
    for n in range(2):
        person_id = org.new_id()
        yield d.SavePerson(
            person=Person(id=person_id, code=f"p-{i}-{n}", name=f"Person {i} {n}", roles=(Role.TECHNICIAN,))
        )
        member = CrewMember(id=org.new_id(), crew_id=crew_id, person_id=person_id, from_at=NOW - timedelta(days=9))
        yield d.SaveCrewMember(member=member)
        shift = Shift(id=org.new_id(), person_id=person_id, from_at=NOW, to_at=NOW + timedelta(hours=8))
        yield d.SaveShift(shift=shift)


async def _copies(owner: asyncpg.Connection, org: Org, table: str, *, like: UUID, job_ids: list[UUID]) -> None:
    spread = {"lon_deg": "116.3 + 0.2 * random()", "lat_deg": "39.9 + 0.1 * random()", "number": "'n-' || k.n"}
    own = {"job": {"id": "k.id", **spread}, "visit": {"id": "gen_random_uuid()", "job_id": "k.id"}}[table]
    columns = columns_of(table)
    chosen = ", ".join(own.get(name, f"t.{name}") for name in columns)
    await owner.execute(
        f"insert into {table} (org_id, {', '.join(columns)}) select t.org_id, {chosen} from {table} t,"
        " unnest($3::uuid[]) with ordinality k(id, n) where t.org_id = $1 and t.id = $2",
        org.id,
        like,
        job_ids,
    )
