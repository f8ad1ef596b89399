"""Changes of the board are exact: whoever keeps a board by them holds what a fresh one shows, however transactions overlapped."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace

from api import board
from api.board_version import CREWS_APART_MAX, differing, looks, unseal
from api.database import open_pool, owner_connection
from api.services import Services
from api.settings import Settings
from api.store import board as store
from jobs.context import Actor
from jobs.store.tables import columns_of
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command, Position
from mobile_contract.schema.board import BoardAsk, BoardChanges
from mobile_contract.schema.job import HoldReason
from mobile_contract.schema.people import Crew, Shift
from sync.execute import execute
from sync.life import ensure_life
from sync.transaction import org_transaction
from tests.api.held_board import HeldBoard
from tests.api.office import Clock
from tests.api.serving import in_process
from tests.arrange import NOW, Org, ask_of, organisation
from tests.devices import OneConnection
from tests.waiting import until

WRITERS = 8
COMMITS = 150
COMPARED = 60
SLOWEST_S = 0.6
LOST_RACES = (
    asyncpg.DeadlockDetectedError,
    asyncpg.UniqueViolationError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
)
DAY = BoardAsk(from_at=NOW - timedelta(hours=2), to_at=NOW + timedelta(hours=22))


@dataclass
class World:
    """What writers write: jobs of one organisation, by commands."""

    org: Org
    services: Services
    draw: random.Random
    jobs: list[tuple[UUID, UUID]] = field(default_factory=list)
    commits: int = 0
    rollbacks: int = 0
    compared: int = 0
    seen: int = 0
    stopped: bool = False

    def command(self) -> tuple[Command, str]:
        """Draw a command and who sends it: most change a job, some are refused."""
        if not self.jobs or self.draw.random() < 0.2:
            lon, lat = self.org.point(self.draw.choice(("west", "east")))
            opened = d.OpenJob(job_id=self.org.new_id(), job_type="repair", lon_deg=lon, lat_deg=lat, reported_at=NOW)
            self.jobs.append((opened.job_id, self.org.new_id()))
            return opened, "dan"
        job_id, visit_id = self.draw.choice(self.jobs)
        crew_id = self.draw.choice(list(self.org.crews.values()))
        edit = {"title": d.FieldEdit(was=self.draw.choice(("", "a", "b")), set=self.draw.choice("abc"))}
        visit: dict[str, Any] = {"job_id": job_id, "visit_id": visit_id}
        return self.draw.choice(
            [
                (d.AssignVisit(**visit, crew_id=crew_id), "dan"),
                (d.AssignVisit(**visit, crew_id=crew_id), "dan"),
                (d.ReassignVisit(**visit, crew_id=crew_id, plan_version=1), "dan"),
                (d.EditJob(job_id=job_id, changes=edit), "dan"),
                (d.HoldJob(job_id=job_id, reason=HoldReason.ACCESS), "dan"),
                (d.ReleaseJob(job_id=job_id), "dan"),
                (d.CancelJob(job_id=job_id, reason="x"), "dan"),
                (d.CloseJob(job_id=job_id), "dan"),
                (d.ReopenJob(job_id=job_id, reason="x"), "dan"),
                (f.ArriveOnSite(**visit, position=Position(lon_deg=116.4, lat_deg=39.95)), "amy"),
                (f.CompleteVisit(**visit), "amy"),
            ]
        )


async def send(conn: asyncpg.Connection, world: World) -> None:
    """Execute a command in the open transaction; half of those of the office are of two days ago."""
    command, by = world.command()
    now = NOW - timedelta(days=2) if world.draw.random() < 0.5 else NOW
    await execute(conn, world.org.id, [ask_of(command, world.org.actor(by), id=world.org.new_id(), now=now)], now=now)


async def write(world: World) -> None:
    """Be one writer until the world stops."""
    while not world.stopped:
        slow, fails = world.draw.random() < 0.15, world.draw.random() < 0.2
        try:
            async with org_transaction(world.org.pool, world.org.id) as conn:
                if world.draw.random() < 0.3:
                    await conn.execute("savepoint inner_one")
                    await send(conn, world)
                    undone = world.draw.random() < 0.5
                    await conn.execute(f"{'rollback to' if undone else 'release'} savepoint inner_one")
                for _ in range(world.draw.randint(1, 2)):
                    await send(conn, world)
                if slow:
                    await conn.execute("select pg_sleep($1)", world.draw.uniform(0.1, SLOWEST_S))
                if fails:
                    raise LookupError("rolled back")
        except (LookupError, *LOST_RACES):
            world.rollbacks += 1
        else:
            world.commits += 1


async def keep_up(world: World, settings: Settings) -> None:
    """Be one console until the world stops: after each step it is compared with a fresh board in the snapshot of that step."""
    held = HeldBoard.of(await whole(world.services, world.org))
    async with owner_connection(settings) as conn:
        while not world.stopped:
            held.apply(await since(world.services, world.org, held.version))
            async with conn.transaction(isolation="repeatable_read", readonly=True):
                still = replace(world.services, pool=cast(asyncpg.Pool, OneConnection(cast(Any, Within(conn)))))
                changes = held.apply(await since(still, world.org, held.version))
                fresh = HeldBoard.of(await whole(still, world.org))
                assert held.unlike(fresh) == []
                world.compared += 1
                world.seen += len(changes.jobs) + len(changes.gone_jobs)


class Within:
    """A connection in whose transaction the board is read: what begins and ends one of its own does neither here."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self._conn = conn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    async def execute(self, statement: str, *args: Any) -> None:
        if not statement.startswith("begin") and statement != "commit":
            await self._conn.execute(statement, *args)


def actor(org: Org) -> Actor:
    return org.actor("dan")


async def whole(services: Services, org: Org) -> bytes:
    return await board.board(services, actor(org), DAY, places=True)


async def since(services: Services, org: Org, version: str) -> bytes:
    return await board.changes(services, actor(org), version, places=True)


@contextlib.asynccontextmanager
async def staged(settings: Settings, seed: int) -> AsyncIterator[World]:
    """Run an application and an organisation on a database of its own."""
    pool = await open_pool(settings)
    try:
        await ensure_life(pool)
        org = await organisation(pool, seed)
        async with in_process(settings, clock=Clock()) as site:
            yield World(org, site.services, random.Random(seed))
    finally:
        await pool.close()


@pytest.mark.slow
async def test_a_board_kept_by_changes_is_the_board_under_writers_that_overlap(
    fresh_settings: Settings, seed: int
) -> None:
    roomy = replace(fresh_settings, pool_size_max=WRITERS + 2)
    async with staged(roomy, seed) as world:
        tasks = [asyncio.create_task(write(world)) for _ in range(WRITERS)]
        tasks += [asyncio.create_task(keep_up(world, roomy)) for _ in range(2)]

        def enough() -> bool:
            # Whoever ends before the world does has found a difference, or fell over.
            ended = any(task.done() for task in tasks)
            return ended or (world.commits >= COMMITS and world.compared >= COMPARED and world.seen > 10)

        try:
            await until(enough, timeout_s=90.0)
        finally:
            world.stopped = True
            await asyncio.gather(*tasks)
        print(f"{world.commits} commits, {world.rollbacks} rollbacks, {world.compared} times compared")
        assert world.rollbacks > 0


async def test_what_began_before_the_board_was_read_and_was_committed_after_is_news(
    fresh_settings: Settings, seed: int
) -> None:
    async with staged(fresh_settings, seed) as world:
        early, late = await world.org.open_job(), await world.org.open_job()
        edit = {"title": d.FieldEdit(was="leak", set="burst")}
        async with org_transaction(world.org.pool, world.org.id) as conn:
            ask = ask_of(d.EditJob(job_id=early, changes=edit), actor(world.org), id=world.org.new_id(), now=NOW)
            await execute(conn, world.org.id, [ask], now=NOW)
            await world.org.ok(d.EditJob(job_id=late, changes=edit), by="dan")
            held = HeldBoard.of(await whole(world.services, world.org))
            assert (held.jobs[early].title, held.jobs[late].title) == ("leak", "burst")
        changes = held.apply(await since(world.services, world.org, held.version))
        assert [job.id for job in changes.jobs] == [early]
        assert held.jobs[early].title == "burst"


async def test_without_news_nothing_is_sent_and_what_left_the_days_is_gone(fresh_settings: Settings, seed: int) -> None:
    async with staged(fresh_settings, seed) as world:
        given = await world.org.assigned_job(now=NOW - timedelta(days=3))
        held = HeldBoard.of(await whole(world.services, world.org))
        changes = held.apply(await since(world.services, world.org, held.version))
        assert (changes.jobs, changes.visits, changes.crews, changes.gone_jobs) == ((), (), (), ())
        await world.org.ok(d.CancelJob(job_id=given.job_id, reason="x"), by="dan", now=NOW - timedelta(days=2))
        changes = held.apply(await since(world.services, world.org, held.version))
        assert (changes.gone_jobs, changes.gone_visits) == ((given.job_id,), (given.visit_id,))
        assert (held.jobs, held.visits) == ({}, {})


async def test_a_crew_is_sent_when_it_looks_otherwise_and_alone(fresh_settings: Settings, seed: int) -> None:
    async with staged(fresh_settings, seed) as world:
        held = HeldBoard.of(await whole(world.services, world.org))
        shift = Shift(
            id=world.org.new_id(), person_id=world.org.people["bob"], from_at=NOW, to_at=NOW + timedelta(hours=8)
        )
        await world.org.ok(d.SaveShift(shift=shift))
        changes = held.apply(await since(world.services, world.org, held.version))
        assert [crew.id for crew in changes.crews] == [world.org.crews["beta"]]
        assert [s.from_at for s in changes.crews[0].shifts] == [NOW]


@pytest.mark.parametrize("what", ["district", "crew", "life", "seal", "nothing"])
async def test_what_has_no_changes_of_its_own_makes_the_board_to_be_fetched_anew(
    fresh_settings: Settings, seed: int, what: str
) -> None:
    async with staged(fresh_settings, seed) as world:
        held = HeldBoard.of(await whole(world.services, world.org))
        version = held.version
        if what == "district":
            async with org_transaction(world.org.pool, world.org.id) as conn:
                await conn.execute(
                    "update district set code = 'north' where org_id = $1 and code = 'west'", world.org.id
                )
        elif what == "crew":
            await world.org.ok(d.SaveCrew(crew=Crew(id=world.org.new_id(), code="gamma", name="Gamma")))
        elif what == "life":
            async with owner_connection(fresh_settings) as conn:
                await conn.execute("delete from sync_life")
        elif what == "seal":
            version = f"{version[:-4]}AAAA"
        changes = msgspec.json.decode(await since(world.services, world.org, version), type=BoardChanges)
        assert changes.reload is (what != "nothing")
        assert changes.jobs == ()


async def test_rows_of_another_server_are_no_news_for_ever(fresh_settings: Settings, seed: int) -> None:
    """A logical restore brings transaction ids from the future: a new life settles them before it begins."""
    async with staged(fresh_settings, seed) as world:
        given = await world.org.assigned_job()
        async with owner_connection(fresh_settings) as conn:
            for table in ("job", "visit"):
                await conn.execute(f"alter table {table} disable trigger note_change")
                await conn.execute(f"update {table} set changed = '99999999999'")
                await conn.execute(f"alter table {table} enable trigger note_change")
            await conn.execute("delete from sync_life")
        held = HeldBoard.of(await whole(world.services, world.org))
        assert set(held.visits) == {given.visit_id}
        changes = held.apply(await since(world.services, world.org, held.version))
        assert (changes.jobs, changes.visits) == ((), ())


async def test_news_is_found_by_its_index_in_a_large_organisation(fresh_settings: Settings, seed: int) -> None:
    async with staged(fresh_settings, seed) as world:
        given = await world.org.assigned_job()
        async with owner_connection(fresh_settings) as conn:
            for table in ("job", "visit"):
                columns = columns_of(table)
                chosen = ", ".join("gen_random_uuid()" if name == "id" else f"t.{name}" for name in columns)
                await conn.execute(
                    f"insert into {table} (org_id, {', '.join(columns)}) select t.org_id, {chosen} from {table} t, generate_series(1, 5000)"
                )
            await conn.execute("vacuum analyze job, visit")
        held = HeldBoard.of(await whole(world.services, world.org))
        assert len(held.jobs) == 5001
        standing = unseal(world.services.keyring, world.org.id, held.version)
        assert standing is not None
        days = (NOW, standing.from_at, standing.to_at)
        async with org_transaction(world.org.pool, world.org.id) as conn:
            rows = await conn.fetch(
                f"explain {store._CHANGES}", world.org.id, *days, store.OPEN, True, standing.snapshot, standing.life
            )
        plan = "\n".join(row[0] for row in rows)
        assert "job_changed_idx" in plan, plan
        assert "visit_changed_idx" in plan, plan
        edit = {"title": d.FieldEdit(was="leak", set="burst")}
        await world.org.ok(d.EditJob(job_id=given.job_id, changes=edit), by="dan")
        changes = held.apply(await since(world.services, world.org, held.version))
        assert [job.id for job in changes.jobs] == [given.job_id]


async def test_more_news_than_a_console_takes_makes_the_board_to_be_fetched_anew(
    fresh_settings: Settings, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CHANGED_MAX", 2)
    async with staged(fresh_settings, seed) as world:
        held = HeldBoard.of(await whole(world.services, world.org))
        for _ in range(3):
            await world.org.open_job()
        changes = msgspec.json.decode(await since(world.services, world.org, held.version), type=BoardChanges)
        assert (changes.reload, changes.jobs) == (True, ())


def test_a_version_tells_very_many_crews_apart_only_as_one() -> None:
    """Then all are sent when one changed, so that the version stays short."""
    few = {UUID(int=i): f"crew {i}" for i in range(CREWS_APART_MAX)}
    assert differing(looks(few), {**few, UUID(int=3): "x"}) == [UUID(int=3)]
    many = {UUID(int=i): f"crew {i}" for i in range(CREWS_APART_MAX + 1)}
    assert differing(looks(many), many) == []
    assert differing(looks(many), {**many, UUID(int=3): "x"}) == sorted(many)
    assert len(looks(many)) < len(looks(few))
