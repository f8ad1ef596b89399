"""Work by the clock: what was held too long, what nobody needs any more. The only module that knows the scheduler.

One process leads: it holds an advisory lock on a connection of its own, and stops when that connection is lost. What a timer does is found
by a query and done by idempotent commands, so that two leaders for a moment, or one that fires twice, do no harm.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from msgspec import Struct

from api.database import connect_as_app
from api.keeping import keep_of
from api.offboarding import sweep_access
from api.operator_error import OperatorError
from api.services import Services
from api.store import enrolments, sign_ins, throttle
from sync.escalations import escalate_due, follow_delegations
from sync.holds import release_due
from sync.patience import sweep_held
from sync.retention import retain
from sync.transaction import org_transaction

# "onsite" and "timers", so that no other program's lock is met by chance.
LOCK: Final = (0x6F6E7369, 0x74696D65)
TRY_AGAIN_S: Final = 10.0
HEARTBEAT_S: Final = 5.0
# A timer that comes late, because the machine slept or was busy, is still run.
GRACE_S: Final = 3600
ORGS_AT_ONCE: Final = 500

_LEAD: Final = "select pg_try_advisory_lock($1, $2)"
_ORGS: Final = "select onsite_org_ids($1, $2)"
_LOST: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, OperatorError, TimeoutError)

log = structlog.get_logger()

Work = Callable[[Services, UUID, datetime], Awaitable[int]]


class Timer(Struct, frozen=True):
    """Work to be done for every organisation every so many seconds; it gives how much it did."""

    name: str
    every_s: int
    work: Work


async def _expire_held(services: Services, org_id: UUID, now: datetime) -> int:
    """Refuse decisions that were held for five days, and let those go on that nothing keeps waiting."""
    return await sweep_held(services.pool, org_id, now=now, poke=services.poke)


async def _release_holds(services: Services, org_id: UUID, now: datetime) -> int:
    """Let the jobs go on whose hold had an end and has reached it."""
    return await release_due(services.pool, org_id, now=now, poke=services.poke)


async def _escalate(services: Services, org_id: UUID, now: datetime) -> int:
    """Let others decide what has waited too long for its approver."""
    return await escalate_due(services.pool, org_id, now=now, poke=services.poke)


async def _follow_delegations(services: Services, org_id: UUID, now: datetime) -> int:
    """Show what waits to those who may decide it since a delegation began or ended."""
    return await follow_delegations(services.pool, org_id, now=now, poke=services.poke)


async def _retain(services: Services, org_id: UUID, now: datetime) -> int:
    """Remove what is older than it has to be, a bounded part in one run."""
    keep, done = keep_of(services.settings), 0
    async for swept in retain(services.pool, org_id, keep, now=now, poke=services.poke):
        done += swept.rows
    return done


async def _purge(services: Services, org_id: UUID, now: datetime) -> int:
    """Drop what has long expired: sign-ins, one-time codes and tokens, rate limits."""
    async with org_transaction(services.pool, org_id) as conn:
        await sign_ins.purge(conn, org_id, now=now)
        await enrolments.purge(conn, org_id, now=now)
    # Whoever guesses logins makes a row with each: the purge has to keep up with that.
    more = True
    while more:
        async with org_transaction(services.pool, org_id) as conn:
            more = await throttle.purge(conn, org_id, now=now)
    return 0


async def _wake(services: Services, org_id: UUID, now: datetime) -> int:
    """Wake the phones for which a pressing visit still waits unseen; whatever their push service does, the next organisation has its turn."""
    await services.waker.look(org_id)
    return 0


TIMERS: Final = (
    Timer("expire_held", 30, _expire_held),
    Timer("end_access", 60, sweep_access),
    Timer("release_holds", 60, _release_holds),
    Timer("escalate", 30, _escalate),
    Timer("follow_delegations", 30, _follow_delegations),
    Timer("wake", 60, _wake),
    Timer("purge", 3600, _purge),
    Timer("retain", 3600, _retain),
)


async def fire(services: Services, timer: Timer) -> int:
    """Run a timer once for every organisation and give how much was done; one that fails does not stop the others."""
    done = 0
    async for org_id in organisations(services.pool):
        try:
            done += await timer.work(services, org_id, services.clock())
        except Exception as error:
            # Also a fault of ours: it is told, and the next organisation is not made to suffer for it.
            log.exception("timer_failed", timer=timer.name, org=str(org_id), error=type(error).__name__)
    if done:
        log.info("timer", timer=timer.name, done=done)
    return done


async def organisations(pool: asyncpg.Pool) -> AsyncIterator[UUID]:
    """Name every organisation, by id."""
    after = UUID(int=0)
    while rows := await pool.fetch(_ORGS, after, ORGS_AT_ONCE):
        for row in rows:
            yield row[0]
        after = rows[-1][0]


@contextlib.asynccontextmanager
async def timing(services: Services) -> AsyncIterator[None]:
    """Run the timers beside the block, as long as this process leads."""
    task = asyncio.create_task(keep_time(services))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def keep_time(services: Services) -> None:
    """Become the leader, run the timers while it lasts, and try again; ends only by being cancelled."""
    while True:
        try:
            await _lead(services)
        except _LOST as error:
            log.warning("timers_lost", error=type(error).__name__)
        await asyncio.sleep(TRY_AGAIN_S)


async def _lead(services: Services) -> None:
    """Run the timers while the lock is held; return when another process holds it, raise when the connection is lost."""
    connection = await connect_as_app(services.settings)
    try:
        if not await connection.fetchval(_LEAD, *LOCK):
            return
        log.info("timers_lead")
        scheduler = _schedule(services)
        scheduler.start()
        try:
            while True:
                await asyncio.sleep(HEARTBEAT_S)
                async with asyncio.timeout(HEARTBEAT_S):
                    await connection.execute("select 1")
        finally:
            scheduler.shutdown(wait=False)
    finally:
        connection.terminate()


def _schedule(services: Services) -> AsyncIOScheduler:
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_S}
    )
    for timer in TIMERS:
        # The first time at once: what came due while nobody led has waited long enough.
        scheduler.add_job(
            fire,
            IntervalTrigger(seconds=timer.every_s, timezone=UTC),
            args=(services, timer),
            id=timer.name,
            next_run_time=datetime.now(UTC),
        )
    return scheduler
