"""What all worlds of one process stand on: a database of its own in the tests' cluster, the application on it, one event loop.

The application is the one of production but for four things: its clock and its ids are given to it, a transaction that belongs to a
handling stops before its commit until it is told to go on (`Gated`), and nothing is done by the hours of the machine: when devices were
seen is written with the timers, and pokes, which nobody hears, are not sent.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from multiprocessing.util import Finalize
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec

from api.app import create_app
from api.cluster.place import SUPERUSER, Place
from api.services import Services
from mobile_contract.client import uuid7
from tests import databases

T = TypeVar("T")
OPEN_MAX: Final = 32
"""Handlings that may stand open at once."""
# Room beside them for timers, telemetry and whoever looks.
_POOL_MAX: Final = OPEN_MAX + 8
# Real seconds. What stops before its commit may stop there for as long as a whole world takes.
_PATIENCE_S: Final = 600.0


class Stop(Protocol):
    """What a transaction waits at before its commit."""

    async def before_commit(self, connection: asyncpg.Connection) -> None:
        """Return when the commit of a connection may go ahead."""
        ...

    async def after_commit(self) -> None:
        """Return when whoever committed may go on."""
        ...


stop_of: ContextVar[Stop | None] = ContextVar("stop_of", default=None)
"""The handling in whose name the current task works; None: nothing stops."""
pages_of: ContextVar[Callable[[Collection[UUID]], Awaitable[None]] | None] = ContextVar("pages_of", default=None)
"""What to do right before pages of devices are read: a pull that begins a life waits for others, whose commits are in its page."""

_Connection = asyncpg.Connection


class Gated(_Connection):  # type: ignore[misc,valid-type]
    """A connection whose commits wait for the handling that they belong to."""

    async def execute(self, query: str, *args: Any, **more: Any) -> str:
        """Run a statement; a commit waits before it is made and after it."""
        stop = stop_of.get() if query.lower().startswith("commit") else None
        if stop is not None:
            await stop.before_commit(self)
        status: str = await super().execute(query, *args, **more)
        if stop is not None:
            await stop.after_commit()
        return status

    async def fetch(self, query: str, *args: Any, **more: Any) -> list[asyncpg.Record]:
        """Run a query; who is to see what a page is made of sees it right before."""
        before_pages = pages_of.get() if "sync_page" in query else None
        if before_pages is not None:
            await before_pages([UUID(id) for id in str(args[1]).strip("{}").split(",")])
        rows: list[asyncpg.Record] = await super().fetch(query, *args, **more)
        return rows


class Eyes(_Connection):  # type: ignore[misc,valid-type]
    """A connection that looks at the database beside a world: one statement at a time, whoever asks while another is looking."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._alone = asyncio.Lock()

    async def execute(self, query: str, *args: Any, **more: Any) -> str:
        """Run a statement."""
        async with self._alone:
            status: str = await super().execute(query, *args, **more)
        return status

    async def fetch(self, query: str, *args: Any, **more: Any) -> list[asyncpg.Record]:
        """Run a query."""
        async with self._alone:
            rows: list[asyncpg.Record] = await super().fetch(query, *args, **more)
        return rows

    async def fetchval(self, query: str, *args: Any, **more: Any) -> Any:
        """Run a query for one value."""
        async with self._alone:
            return await super().fetchval(query, *args, **more)

    async def fetchrow(self, query: str, *args: Any, **more: Any) -> Any:
        """Run a query for one row."""
        async with self._alone:
            return await super().fetchrow(query, *args, **more)


class Ground:
    """One process's database, application and loop. `now` and `source` belong to the world that is running."""

    def __init__(self, place: Place, undo: contextlib.ExitStack) -> None:
        self._undo = undo
        copy = undo.enter_context(databases.migrated_copy(place))
        self.settings = msgspec.structs.replace(
            copy,
            pool_size_min=1,
            pool_size_max=_POOL_MAX,
            statement_timeout_s=_PATIENCE_S,
            lock_timeout_s=_PATIENCE_S,
            idle_in_transaction_timeout_s=_PATIENCE_S,
        )
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.source = random.Random(0)
        self.runs = 0
        self._runner = undo.enter_context(asyncio.Runner())
        self.app = create_app(self.settings, clock=lambda: self.now)
        self._leave = asyncio.Event()
        with _connections_are(Gated):
            self._serving = self.run(self._serve())
        undo.callback(lambda: self.run(self._end()))
        database = urlsplit(self.settings.database_url).path.removeprefix("/")
        self.eyes: asyncpg.Connection = self.run(asyncpg.connect(place.url(SUPERUSER, database), connection_class=Eyes))
        undo.callback(lambda: self.run(self.eyes.close()))

    async def _serve(self) -> asyncio.Task[None]:
        # What the application opens it must close in the same task.
        opened = asyncio.Event()

        async def serve() -> None:
            async with self.app.lifespan():
                opened.set()
                await self._leave.wait()

        task = asyncio.create_task(serve())
        ready = asyncio.create_task(opened.wait())
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task

    async def _end(self) -> None:
        self._leave.set()
        await self._serving

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self._runner.run(work)

    @property
    def services(self) -> Services:
        """Give what the application's routes work with."""
        services: Services = self.app.state.services
        return services

    def use(self, services: Services) -> None:
        """Have the application work with other services."""
        self.app.state.services = services

    def new_id(self) -> UUID:
        """Make a UUIDv7 of the world's time and chance."""
        return uuid7(self.now, self.source)


@contextlib.contextmanager
def _connections_are(kind: type) -> Iterator[None]:
    asyncpg.Connection = kind
    try:
        yield
    finally:
        asyncpg.Connection = _Connection


_ground: list[Ground] = []


def ground() -> Ground:
    """Give this process's ground, made when first asked for and given back when the process ends."""
    if not _ground:
        undo = contextlib.ExitStack()
        # Also runs where a process of a pool ends, which `atexit` does not.
        Finalize(None, undo.close, exitpriority=100)
        _ground.append(Ground(undo.enter_context(databases.running_cluster()), undo))
    return _ground[0]
