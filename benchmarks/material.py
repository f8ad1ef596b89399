"""A day of a store reconciled: the command from its loading to its commit, beside the floor, the same sums asked of the database and nothing else.

The ledger is loaded by COPY, as rows that the product's own commands would have left; what is measured is the product's own way.
"""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
import psutil
from msgspec import Struct
from uuid_utils.compat import uuid7

from api.database import open_pool, owner_connection
from api.settings import Settings
from benchmarks.ground import running
from benchmarks.page import PAGE, put
from benchmarks.tables import markdown
from jobs.stock_locations import CUSTOMER, RETURNED, TRANSIT, place_id
from jobs.store.tables import columns_of
from mobile_contract.schema.reconciliation_commands import ReconcileDay
from tests.arrange import NOW, Org, organisation

RESULTS: Final = Path(__file__).parent / "results" / "reconciliation.json"
SECTION: Final = "reconciliation"
SIZES: Final = ((2_600, 2_600), (26_000, 26_000), (26_000, 260_000))
"""Jobs of the day, and of the whole ledger; nearly four moves each."""
_DAY: Final = date(2026, 3, 2)
_START: Final = datetime(2026, 3, 1, 16, tzinfo=UTC)
# Two of a hundred jobs do not agree: one of pieces, one of a serial.
_OF: Final = 100
_WRONG: Final = (3, 10)
_SERIALISED_OF: Final = 10
_VANS: Final = 12
_PARTS: Final = 300
_SEED: Final = 20260302

# What the slips, uses and returns of a day come to, asked as plainly as SQL can: one statement, no rule, no row-level security.
_FLOOR: Final = """
select m.job_id, m.part_id, sum(m.quantity) filter (where m.kind = 'issued') issued,
  sum(m.quantity) filter (where m.kind = 'used') used, sum(m.quantity) filter (where m.kind = 'returned') returned
from stock_move m where m.org_id = $1 and m.job_id in (
  select d.job_id from stock_move d where d.org_id = $1 and d.occurred_at >= $2 and d.occurred_at < $3)
group by m.job_id, m.part_id"""
_ON_DAY: Final = "select count(*) from stock_move where org_id = $1 and occurred_at >= $2 and occurred_at < $3"
_COPIES: Final = """
insert into {kind} (org_id, {columns}) select t.org_id, {copied}
from {kind} t cross join unnest($2::uuid[]) with ordinality n(id, no) where t.org_id = $1 and t.id = $3"""
_LEVELS: Final = """
insert into stock_level (org_id, id, location_id, part_id, quantity, reserved)
select $1, gen_random_uuid(), location_id, part_id, sum(quantity), 0 from (
  select to_location_id location_id, part_id, quantity from stock_move where org_id = $1 and to_location_id = any($2)
  union all select from_location_id, part_id, -quantity from stock_move where org_id = $1 and from_location_id = any($2)) m
group by location_id, part_id"""


class Measured(Struct, frozen=True, kw_only=True):
    """One size: seconds of each round for the floor, the first reconciliation and one that finds nothing new; and what was found."""

    moves: int
    ledger: int
    floor_s: list[float]
    first_s: list[float]
    again_s: list[float]
    found: int
    seeded: int


class Results(Struct, frozen=True, kw_only=True):
    """A run. `load`: how many wanted to run at once when it ended, on `cores`."""

    at: datetime
    load: float
    cores: int
    sizes: list[Measured]


def measure(rounds: int, told: Callable[[str], None], sizes: Sequence[tuple[int, int]] = SIZES) -> Results:
    """Load each size into a cluster of its own and measure it in rounds."""
    measured = []
    with running() as ground:
        for size in sizes:
            told(f"{size[0]:,} jobs of a ledger of {size[1]:,}")
            measured.append(asyncio.run(_measure(ground.copy(f"material_{size[0]}_{size[1]}"), size, rounds)))
    return Results(at=datetime.now(UTC), load=psutil.getloadavg()[0], cores=psutil.cpu_count() or 1, sizes=measured)


def write(results: Results) -> None:
    """Keep the figures and put their table into the page."""
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    PAGE.write_text(put(PAGE.read_text(encoding="utf-8"), SECTION, table(results)), encoding="utf-8")


def table(results: Results) -> str:
    """Write the figures as a table: medians in seconds, and ours ÷ the floor."""
    head = (
        "moves of the day", "of a ledger of", "reconciled, s", "again, s", "floor, s", "reconciled ÷ floor", "found of seeded",
    )  # fmt: skip
    rows = []
    for size in results.sizes:
        first, again, floor = (statistics.median(found) for found in (size.first_s, size.again_s, size.floor_s))
        seconds = (f"{first:.2f}", f"{again:.2f}", f"{floor:.2f}", f"{first / floor:.1f}")
        rows.append((f"{size.moves:,}", f"{size.ledger:,}", *seconds, f"{size.found:,} of {size.seeded:,}"))
    busy = f"One run on {results.at:%d %B %Y}, {results.cores} cores; load average at its end {results.load:.1f}."
    return f"{busy}\n\n{markdown(head, rows)}"


async def _measure(settings: Settings, size: tuple[int, int], rounds: int) -> Measured:
    pool = await open_pool(settings)
    try:
        org = await organisation(pool, _SEED)
        async with owner_connection(settings) as owner:
            await _load(owner, org, size)
            moves = await owner.fetchval(_ON_DAY, org.id, _START, _START + timedelta(days=1))
            ledger = await owner.fetchval("select count(*) from stock_move")
            floor, first, again = list[float](), list[float](), list[float]()
            found = 0
            for _ in range(rounds):
                await owner.execute("delete from stock_exception")
                floor.append(await _timed(owner.fetch(_FLOOR, org.id, _START, _START + timedelta(days=1))))
                first.append(await _timed(org.ok(ReconcileDay(day=_DAY), by="wes", now=NOW)))
                again.append(await _timed(org.ok(ReconcileDay(day=_DAY), by="wes", now=NOW)))
                found = await owner.fetchval("select count(*) from stock_exception")
    finally:
        await pool.close()
    seeded = sum(1 for number in range(size[0]) if number % _OF in _WRONG)
    return Measured(moves=moves, ledger=ledger, floor_s=floor, first_s=first, again_s=again, found=found, seeded=seeded)


async def _timed(doing: Awaitable[object]) -> float:
    started = perf_counter()
    await doing
    return perf_counter() - started


async def _load(owner: asyncpg.Connection, org: Org, size: tuple[int, int]) -> None:
    """Load a ledger whose first jobs are of the day."""
    today, ledger = size
    jobs, parts, vans = ([uuid7() for _ in range(count)] for count in (ledger, _PARTS, _VANS))
    template = await org.open_job("east")
    await _copies(owner, org, ("job", template, jobs), {"number": "n.id::text", "state": "'completed'"})
    serialised = {"code": "n.id::text", "serialised": f"(n.no - 1) % {_SERIALISED_OF} = 0"}
    await _copies(owner, org, ("part", org.parts["clamp"], parts), serialised)
    await _copies(owner, org, ("stock_location", org.vans["alpha"], vans), {"code": "n.id::text"})
    columns = ["org_id", "id", *_MOVE_COLUMNS]
    await owner.copy_records_to_table(
        "stock_move", records=_moves(org, jobs, parts, vans, today=today), columns=columns
    )
    await owner.execute(_LEVELS, org.id, vans)
    for name in ("stock_move", "job", "part", "stock_level"):
        await owner.execute(f"vacuum analyze {name}")


async def _copies(
    owner: asyncpg.Connection, org: Org, what: tuple[str, UUID, Sequence[UUID]], other: Mapping[str, str]
) -> None:
    """Make a copy of a row under each of the ids, other than it where that is said."""
    kind, template, ids = what
    said = {"id": "n.id", **other}
    names = columns_of(kind)
    copied = ", ".join(said.get(name, f"t.{name}") for name in names)
    await owner.execute(_COPIES.format(kind=kind, columns=", ".join(names), copied=copied), org.id, ids, template)


_MOVE_COLUMNS: Final = (
    "kind", "from_location_id", "to_location_id", "quantity", "job_id", "part_id", "serial", "unit_cost", "occurred_at", "recorded_at",
)  # fmt: skip


def _moves(
    org: Org, jobs: Sequence[UUID], parts: Sequence[UUID], vans: Sequence[UUID], *, today: int
) -> Iterator[tuple[Any, ...]]:
    """Make the moves of each job: given out, received, used, given back; with a serial one piece, that is used."""
    store, transit, customer, returned = org.vans["beta"], *(place_id(org.id, p) for p in (TRANSIT, CUSTOMER, RETURNED))
    for number, job_id in enumerate(jobs):
        part, van = number % len(parts), vans[number % len(vans)]
        day = 0 if number < today else 1 + number % 60
        at = _START - timedelta(days=day) + timedelta(hours=9, seconds=number % 20_000)
        piece, wrong = part % _SERIALISED_OF == 0, number % _OF in _WRONG
        serial = f"S-{number}" if piece else ""
        drawn, used, back = (1, 1, 0) if piece else (5, 3, 2)
        if wrong and not piece:
            used += 1 if number % (2 * _OF) < _OF else -1
        legs = (
            ("issued", store, transit, drawn, serial),
            ("received", transit, van, drawn, serial),
            ("used", van, customer, used, f"X-{number}" if wrong and piece else serial),
            ("returned", van, returned, back, serial),
        )
        for kind, source, target, quantity, marked in legs:
            if quantity:
                named = (kind, source, target, Decimal(quantity), job_id, parts[part], marked)
                yield org.id, uuid7(), *named, Decimal("12.50"), at, at
