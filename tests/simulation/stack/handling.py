"""A request or deed under way on the real server, brought on from one commit to the next. Never decides what is done.

Before each commit it stops, so that others may come between; after its last one it stops once more before the answer leaves. Whoever
waits for a lock that a stopped one holds lets that one go on first: in the real world it would only have to wait.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import asyncpg

from tests.simulation.backend import Answer, Cost, ServerDied, Witness
from tests.simulation.stack.ground import stop_of

if TYPE_CHECKING:
    from tests.simulation.stack.backend import Stack

Work = Callable[[], Awaitable[Answer]]
_LOOK_S: Final = 0.02
_LOOKS_MAX: Final = 3_000

_XID: Final = "select pg_current_xact_id_if_assigned()::text::bigint"
_BLOCKED: Final = """
select exists (select from pg_locks l join pg_stat_activity a using (pid)
  where not l.granted and a.datname = current_database() and a.application_name = 'onsite')"""


class StackHandling:
    """One piece of work. Its commits stop if it `stops`; the first one does so for `slow` steps more than one."""

    def __init__(self, server: "Stack", work: Work, *, stops: bool = True, slow: int = 0) -> None:
        self.witness: Witness | None = None
        self.cost = Cost()
        self.before: Callable[[], Awaitable[None]] | None = None
        self.after: Callable[[Answer], Awaitable[None]] | None = None
        self._server, self._work, self._stops, self._slow = server, work, stops, slow
        self._generation = server.generation
        self._task: asyncio.Task[Answer] | None = None
        self._reached, self._go = asyncio.Event(), asyncio.Event()
        self._answer: Answer | None = None
        self.committed = False
        self.xids: list[int | None] | None = None

    # called by the transaction

    async def before_commit(self, connection: asyncpg.Connection) -> None:
        """Wait until the world lets the commit go ahead."""
        if self.xids is not None:
            self.xids.append(await connection.fetchval(_XID))
        self._reached.set()
        await self._go.wait()
        self._go.clear()
        self.committed = True

    @property
    def over(self) -> bool:
        """Tell whether nothing more is done for this."""
        return self._task is not None and self._task.done()

    # called by the world

    def step(self) -> Answer | None:
        """Go on to just before the next commit, then to the end, then let the answer leave. Raises ServerDied after a crash."""
        if self._generation != self._server.generation:
            raise ServerDied
        return self._server.ground.run(self._step())

    async def _step(self) -> Answer | None:
        if self._answer is not None:
            return self._answer
        if self._task is None:
            if self.before is not None:
                await self.before()
            self._task = asyncio.create_task(self._in_own_name())
        elif self._slow and self in self._server.stopped:
            self._slow -= 1
            return None
        else:
            self.go_on()
        await self._still()
        if not self._task.done():
            return None
        self._server.stopped.pop(self, None)
        self._answer = self._task.result()
        if self.after is not None:
            await self.after(self._answer)
        return None if self.committed else self._answer

    async def _in_own_name(self) -> Answer:
        stop_of.set(self if self._stops else None)
        return await self._work()

    def go_on(self) -> None:
        """Let the commit go ahead at which this stands."""
        self._reached.clear()
        self._server.stopped.pop(self, None)
        self._server.commits += 1
        self._go.set()

    async def _still(self) -> None:
        """Wait until this stands before a commit or is done; what it waits for goes on first."""
        gone_on: list[StackHandling] = []
        for _ in range(_LOOKS_MAX):
            moving = [each for each in (self, *gone_on) if not await each.stands()]
            if not moving:
                return
            if await self._server.ground.eyes.fetchval(_BLOCKED) and self._server.stopped:
                first = next(iter(self._server.stopped))
                first.go_on()
                gone_on.append(first)
        raise AssertionError("a handling neither ends nor reaches a commit")

    async def stands(self) -> bool:
        """Tell whether this is done or stands before a commit, after a short wait."""
        assert self._task is not None
        reached = asyncio.ensure_future(self._reached.wait())
        try:
            await asyncio.wait({self._task, reached}, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reached.cancel()
        if self._reached.is_set() and not self._task.done():
            self._server.stopped[self] = None
            return True
        return self._task.done()

    async def die(self) -> None:
        """Be rolled back."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
