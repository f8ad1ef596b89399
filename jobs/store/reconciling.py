"""Gathers what a day's reconciliation compares: moves are summed by the database, never read row by row. Decides nothing.

Sums are over all that is known of a job, not of the day: the day says which jobs are looked at. Moves told while it gathers may be seen by
its later statements only; the next reconciliation of the day puts that right.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from msgspec.structs import replace

from jobs.material_rules import rules_id, shipped_rules
from jobs.rules.reconcile import (
    EXACT,
    Gathered,
    JobPapers,
    JobPart,
    Loose,
    Material,
    Serial,
    Stock,
    Tolerance,
    Transfer,
    VanPart,
    Wanting,
)
from jobs.stock_locations import COUNT_DIFFERENCE, TRANSIT, place_id
from jobs.store import day_sums as sums
from jobs.store import rows
from jobs.store.rows import Want
from jobs.work import Organisation
from mobile_contract.schema.material import MaterialRules

JOBS_MAX: Final = 200_000
_Of = tuple[UUID, UUID]


def bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Give the instants between which a local day lies, the second excluded."""
    here = ZoneInfo(zone)
    start, end = (datetime(d.year, d.month, d.day, tzinfo=here) for d in (day, day + timedelta(days=1)))
    return start, end


async def gather(conn: asyncpg.Connection, org: Organisation, day: date, now: datetime) -> Gathered:
    """Sum what belongs to a day: a fixed number of statements, however many moves there are."""
    await conn.execute(sums.ROOM)
    start, end = bounds(day, org.zone)
    found = await conn.fetch(sums.JOBS, org.org_id, start, end, day, now, JOBS_MAX)
    jobs = [row["job_id"] for row in found]
    parts, agreeing = await _parts(conn, org, jobs)
    asked = sorted({part.job_id for part in parts})
    below = await conn.fetch(sums.BELOW_ZERO, org.org_id, start, end, day)
    spent = {(part.spender_id, part.part_id) for part in parts if part.excess > 0 and part.spender_id is not None}
    vans = await _vans(conn, org.org_id, sorted(spent | {(row["van_id"], row["part_id"]) for row in below}))
    material = Material(
        parts=tuple(parts),
        agreeing=agreeing,
        papers=tuple(_papers(row) for row in await conn.fetch(sums.PAPERS, org.org_id, jobs, now, asked)),
        loose=tuple(Loose(**dict(row)) for row in await conn.fetch(sums.LOOSE, org.org_id, start, end)),
        vans=tuple(vans),
        transfers=tuple(
            Transfer(transfer_id=row["id"], location_id=row["location_id"], differs=row["differs"])
            for row in await conn.fetch(sums.TRANSFERS, org.org_id, start, end)
        ),
    )
    moves = await conn.fetchval(sums.MOVES, org.org_id, start, end)
    return Gathered(material=material, moves=moves, jobs=frozenset(jobs))


async def _parts(conn: asyncpg.Connection, org: Organisation, jobs: Sequence[UUID]) -> tuple[list[JobPart], int]:
    """Give the parts of jobs that may not agree, and how many agree to the last bit."""
    lost, transit = place_id(org.org_id, COUNT_DIFFERENCE), place_id(org.org_id, TRANSIT)
    tolerances = await _tolerances(conn, org.org_id)
    serials: dict[_Of, list[Serial]] = defaultdict(list)
    for row in await conn.fetch(sums.SERIALS, org.org_id, lost, jobs):
        each = Serial(serial=row["serial"], drawn=row["drawn"], spent=row["spent"])
        serials[(row["job_id"], row["part_id"])].append(each)
    found = await conn.fetch(sums.PARTS, org.org_id, lost, transit, jobs, *_columns(serials))
    parts: list[JobPart] = []
    for row in found:
        said = dict(row)
        del said["agreeing"]
        part_class = said.pop("part_class")
        if said["job_id"] is not None:
            off = tuple(serials.get((said["job_id"], said["part_id"]), ()))
            parts.append(JobPart(**said, tolerance=tolerances.get(part_class, EXACT), serials=off))
    return await _with_own_serials(conn, org.org_id, parts), found[0]["agreeing"]


async def _with_own_serials(conn: asyncpg.Connection, org_id: UUID, parts: Sequence[JobPart]) -> list[JobPart]:
    """Add what vans carry for no job to the parts of which a serial was spent that was not drawn."""
    strange = {
        (part.spender_id, part.part_id)
        for part in parts
        if part.spender_id is not None and any(each.spent > each.drawn for each in part.serials)
    }
    own: dict[Stock, set[str]] = defaultdict(set)
    for row in await conn.fetch(sums.OWN_SERIALS, org_id, *_columns(strange)) if strange else ():
        own[(row["van_id"], row["part_id"])].add(row["serial"])
    return [
        replace(part, own_serials=frozenset(own[(part.spender_id, part.part_id)]))
        if part.spender_id is not None and (part.spender_id, part.part_id) in own
        else part
        for part in parts
    ]


async def _tolerances(conn: asyncpg.Connection, org_id: UUID) -> dict[str, Tolerance]:
    stored = await rows.load(conn, org_id, [Want("material_rules", "id", (rules_id(org_id),))])
    rules = next((item.document for item in stored if isinstance(item.document, MaterialRules)), shipped_rules(org_id))
    return {each.part_class: Tolerance(percent=each.percent) for each in rules.tolerances}


def _papers(row: asyncpg.Record) -> JobPapers:
    return JobPapers(
        job_id=row["job_id"],
        ended=row["ended"],
        unsigned=row["unsigned"],
        form_id=row["form_id"],
        copies_missing=tuple(row["missing"]),
    )


async def _vans(conn: asyncpg.Connection, org_id: UUID, stocks: Sequence[Stock]) -> list[VanPart]:
    if not stocks:
        return []
    columns = _columns(stocks)
    lost, transit = place_id(org_id, COUNT_DIFFERENCE), place_id(org_id, TRANSIT)
    wanting: dict[Stock, list[Wanting]] = defaultdict(list)
    for row in await conn.fetch(sums.WANTING, org_id, lost, transit, *columns):
        each = Wanting(job_id=row["job_id"], first_at=row["first_at"], excess=row["excess"])
        wanting[(row["van_id"], row["part_id"])].append(each)
    return [
        VanPart(**dict(row), wanting=tuple(wanting[(row["van_id"], row["part_id"])]))
        for row in await conn.fetch(sums.VANS, org_id, *columns)
    ]


def _columns(pairs: Iterable[tuple[UUID, UUID]]) -> tuple[list[UUID], list[UUID]]:
    ordered = sorted(pairs)
    return [first for first, _ in ordered], [second for _, second in ordered]
