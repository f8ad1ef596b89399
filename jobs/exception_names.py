"""What commands about reconciliation name and need: days summed, exceptions under their locks, what an exception leads to. Decides nothing."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import asyncpg

from jobs.context import Deed
from jobs.stock_names import reversal_id
from jobs.store import rows
from jobs.store.reconciling import gather
from jobs.store.rows import Want
from jobs.work import Work
from mobile_contract.rules.material import in_force
from mobile_contract.schema.base import Command
from mobile_contract.schema.reconciliation import StockException
from mobile_contract.schema.reconciliation_commands import ReconcileDay, ResolveException
from mobile_contract.schema.stock import StockMove

if TYPE_CHECKING:
    from jobs.naming import Names

# What an exception is about never changes, so it is read before anything is locked.
_LED_TO = """
select 'job' kind, job_id id from stock_exception where org_id = $1 and id = any($2) and job_id is not null
union select 'part', part_id from stock_exception where org_id = $1 and id = any($2) and part_id is not null
union select 'stock_location', location_id from stock_exception where org_id = $1 and id = any($2) and location_id is not null
union select 'stock_transfer', t.id from stock_exception e join stock_transfer t on t.org_id = $1 and t.id = e.subject_id
  where e.org_id = $1 and e.id = any($2)
union select 'part', (l ->> 'part_id')::uuid from stock_exception e join stock_transfer t on t.org_id = $1 and t.id = e.subject_id,
  jsonb_array_elements(t.lines) l where e.org_id = $1 and e.id = any($2)
union select 'job', job_id from stock_move where org_id = $1 and id = any($3) and job_id is not null
union select 'part', part_id from stock_move where org_id = $1 and id = any($3)
union select 'stock_location', from_location_id from stock_move where org_id = $1 and id = any($3)
union select 'stock_location', to_location_id from stock_move where org_id = $1 and id = any($3)
order by 1, 2"""
_KNOWN = "select id from stock_exception where org_id = $1 and (job_id = any($2) or job_id is null) order by id"


def reconciliation_id(org_id: UUID, day: date) -> UUID:
    """Name the reconciliation of a day."""
    return uuid5(org_id, f"reconciliation/{day}")


def name_exception(command: ResolveException, names: "Names") -> None:
    """Name the exception, which is locked, and the move with what would undo it."""
    names.ids.setdefault("stock_exception", set()).add(command.exception_id)
    names.saved.setdefault("stock_exception", set()).add(command.exception_id)
    if command.move_id is not None:
        names.ids.setdefault("stock_move", set()).update((command.move_id, reversal_id(command.move_id)))


async def name_led_to(
    conn: asyncpg.Connection, org_id: UUID, names: "Names", batch: Sequence[tuple[Command, Deed]]
) -> None:
    """Name the jobs, parts, places and transfers that exceptions and their moves lead to."""
    commands = [command for command, _ in batch if type(command) is ResolveException]
    if not commands:
        return
    moves = [command.move_id for command in commands if command.move_id is not None]
    for row in await conn.fetch(_LED_TO, org_id, [command.exception_id for command in commands], moves):
        names.ids.setdefault(row["kind"], set()).add(row["id"])


async def load_days(conn: asyncpg.Connection, work: Work, batch: Sequence[tuple[Command, Deed]]) -> None:
    """Sum the days that are to be reconciled, then lock and load what was found about their jobs, or about no job, before."""
    for command, deed in batch:
        if type(command) is ReconcileDay and command.day not in work.days:
            work.days[command.day] = await gather(conn, work.org, command.day, deed.received_at)
    if not work.days:
        return
    jobs = {job_id for day in work.days.values() for job_id in day.jobs}
    known = [row["id"] for row in await conn.fetch(_KNOWN, work.org.org_id, sorted(jobs))]
    await rows.lock(conn, work.org.org_id, "stock_exception", known)
    days = tuple(reconciliation_id(work.org.org_id, day) for day in sorted(work.days))
    wanted = [Want("stock_exception", "id", tuple(known)), Want("reconciliation", "id", days)]
    work.adopt(await rows.load(conn, work.org.org_id, wanted))


def completed_at(work: Work, exception: StockException, deed: Deed) -> datetime:
    """Tell when what an exception misses will have happened: with the last that is known of the part on the job; without a job, now.

    So that a count made since has seen it.
    """
    if exception.job_id is None:
        return deed.occurrence.at
    moves = in_force(work.of_job(StockMove, exception.job_id))
    return max((m.occurred_at for m in moves if m.part_id == exception.part_id), default=deed.occurrence.at)


def touched(work: Work, command: ResolveException, deed: Deed) -> Iterable[tuple[UUID, UUID, datetime]]:
    """Name what an exception's end may move: place, part, and since when."""
    exception, move = work.get(StockException, command.exception_id), work.get(StockMove, command.move_id)
    if exception is not None and exception.part_id is not None:
        at = completed_at(work, exception, deed)
        for location_id in (command.location_id, exception.location_id):
            if location_id is not None:
                yield location_id, exception.part_id, at
    if move is not None:
        for location_id in (move.from_location_id, move.to_location_id):
            yield location_id, move.part_id, move.occurred_at
