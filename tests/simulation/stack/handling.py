"""A request or deed under way on the real server, brought on from one commit to the next. Never decides what is done.

Before each commit it stops, so that others may come between; after its last one it stops once more before the answer leaves. Whoever
waits for a lock that a stopped one holds lets that one make its commit first: in the real world it would only have to wait. Only one is
moved at a time: two would race for the next lock, and a seed would not replay. But pulls of other devices that have come and wait begin
with a pull in the same turn of the loop, so that they are read in one statement; their answers wait for their own step.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final
from uuid import UUID

import asyncpg

from tests.simulation.backend import Answer, Cost, ServerDied, Witness
from tests.simulation.stack.ground import pages_of, stop_of

if TYPE_CHECKING:
    from tests.simulation.stack.backend import Stack

Work = Callable[[], Awaitable[Answer]]
_LOOK_S: Final = 0.02
_LOOKS_MAX: Final = 3_000
_COMMIT_S: Final = 60.0

_XID: Final = "select pg_current_xact_id_if_assigned()::text::bigint"
# Others of the cluster wait too, and for locks that are none of ours: what counts is whom a waiting one waits for.
_BLOCKING: Final = """
select distinct b.pid from pg_locks l join pg_stat_activity a using (pid) cross join unnest(pg_blocking_pids(l.pid)) b(pid)
where not l.granted and a.datname = current_database() and a.application_name = 'onsite'"""


class StackHandling:
    """One piece of work. Its commits stop if it `stops`; the first one does so for `slow` steps more than one."""

    def __init__(self, server: "Stack", work: Work, *, stops: bool = True, slow: int = 0) -> None:
        self.witness: Witness | None = None
        self.cost = Cost()
        self.look: Callable[[], Awaitable[None]] | None = None
        self.after: Callable[[Answer], Awaitable[None]] | None = None
        self.reads_for: UUID | None = None
        self.pulls = self.follows = False
        self._server, self._work, self._stops, self._slow = server, work, stops, slow
        self._group: list[StackHandling] = []
        self._generation = server.generation
        self._task: asyncio.Task[Answer] | None = None
        self._reached, self._go, self._passed, self._on = (asyncio.Event() for _ in range(4))
        self._answer: Answer | None = None
        self.committed = False
        self.pid: int | None = None
        self.xids: list[int | None] | None = None

    # called by the transaction

    async def before_commit(self, connection: asyncpg.Connection) -> None:
        """Wait until the world lets the commit go ahead."""
        if self.xids is not None:
            self.xids.append(await connection.fetchval(_XID))
        self.pid = connection.get_server_pid()
        self._reached.set()
        await self._go.wait()
        self._go.clear()
        self.committed = True

    async def after_commit(self) -> None:
        """Wait until nobody is moved who was here first."""
        self._passed.set()
        await self._on.wait()

    @property
    def begun(self) -> bool:
        """Tell whether it was moved at all."""
        return self._task is not None

    @property
    def over(self) -> bool:
        """Tell whether nothing more is done for this."""
        return self._task is not None and self._task.done()

    # called by the world

    def step(self) -> Answer | None:
        """Go on to just before the next commit, then to the end, then let the answer leave. Raises ServerDied after a crash."""
        if self._generation != self._server.generation:
            raise ServerDied
        if self._task is None:
            return self._server.ground.run(self._first_step(self._server.at_once(self)))
        return self._server.ground.run(self._step())

    async def _first_step(self, group: "list[StackHandling]") -> Answer | None:
        for each in group:
            each._group = group
            each._task = asyncio.create_task(each._in_own_name())
        await self._still(group)
        return await self._ended()

    async def _step(self) -> Answer | None:
        if self._answer is not None:
            return self._answer
        if self._slow and self in self._server.stopped:
            self._slow -= 1
            return None
        if self in self._server.stopped:
            await self._commit()
        await self._still([self])
        return await self._ended()

    async def _ended(self) -> Answer | None:
        assert self._task is not None
        if not self._task.done():
            return None
        self._server.stopped.pop(self, None)
        self._answer = self._task.result()
        if self.after is not None:
            await self.after(self._answer)
        return None if self.committed else self._answer

    async def _in_own_name(self) -> Answer:
        stop_of.set(self if self._stops else None)
        pages_of.set(self._before_pages if self.look is not None else None)
        return await self._work()

    async def _before_pages(self, devices: Collection[UUID]) -> None:
        """Look at what pages are made of that are read by one statement."""
        for each in self._group:
            if each.look is not None and each.reads_for in devices:
                await each.look()

    async def _commit(self) -> None:
        """Make the commit before which this stands, and stay right behind it."""
        for event in (self._reached, self._passed, self._on):
            event.clear()
        self._server.stopped.pop(self, None)
        self._server.commits += 1
        self._go.set()
        await self._wait_for(self._passed, self._reached, most_s=_COMMIT_S)
        await self._server.committed()

    @staticmethod
    async def _still(group: "Iterable[StackHandling]") -> None:
        """Move each until it stands before a commit or is done, and then those, one after the other, whose commit they had to wait for."""
        moving = deque(group)
        while moving:
            moving.extend(await moving.popleft()._moved())

    async def _moved(self) -> list["StackHandling"]:
        """Move this alone; give those who had to commit first and stay behind their commits."""
        behind: list[StackHandling] = []
        self._on.set()
        for _ in range(_LOOKS_MAX):
            if await self._stands():
                return behind
            blocking = {row["pid"] for row in await self._server.ground.eyes.fetch(_BLOCKING)}
            first = next((each for each in self._server.stopped if each.pid in blocking), None)
            if first is not None:
                await first._commit()
                behind.append(first)
        raise AssertionError("a handling neither ends nor reaches a commit")

    async def _wait_for(self, *events: asyncio.Event, most_s: float) -> None:
        """Wait for an event or the end of this, for so long at most."""
        assert self._task is not None
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait({self._task, *waits}, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _stands(self) -> bool:
        """Tell whether this is done or stands before a commit, after a short wait."""
        assert self._task is not None
        await self._wait_for(self._reached, most_s=_LOOK_S)
        if self._reached.is_set() and not self._task.done():
            self._server.stopped[self] = None
            return True
        return self._task.done()

    async def die(self) -> None:
        """Be rolled back."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
