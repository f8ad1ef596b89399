"""The real stack as the world's backend: one organisation of its own for each world, on this process's ground. Implements `Backend`."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
import structlog
import uuid_utils.compat

import sync.ahead
import sync.reading
from api.keeping import keep_of
from api.timers import TIMERS, Timer
from jobs.handlers.door import _HANDLERS, handler_of
from mobile_contract import limits
from mobile_contract.client import exchange
from mobile_contract.schema.facts import AddNote
from sync.retention import retain
from sync.telemetry import Telemetry
from sync.transaction import org_transaction
from tests.simulation.backend import (
    POISON,
    Answer,
    Cost,
    Deed,
    Move,
    Request,
    Return,
    Setting,
    Truth,
    Witness,
)
from tests.simulation.memory import Violation
from tests.simulation.reading import read_page
from tests.simulation.stack import keeping, looking
from tests.simulation.stack.ground import OPEN_MAX, Ground, ground
from tests.simulation.stack.handling import StackHandling
from tests.simulation.stack.noting import Notes
from tests.simulation.stack.office import Office

# Steps for which an office's transaction stays open, so that pulls and pushes come while it is.
_SLOW: Final = 3
# How often a device pulls once more beside a pull of another one that may be read with it.
_BESIDE: Final = 0.8
_TICKED: Final = frozenset({"expire_held", "end_access", "release_holds"})
_LOOK_CLOSELY_EVERY: Final = 16
_WRITTEN: Final = """
select (select count(*) from sync_member where org_id = $1 and xid::text::bigint = any($2::bigint[])) documents,
  (select count(*) from sync_scope where org_id = $1 and xmin::text::bigint = any($2::bigint[])) scopes"""


class Stack:
    """The backend. A world's handlings stop before each commit of theirs; nothing else runs meanwhile."""

    def __init__(self, on: Ground) -> None:
        self.ground = on
        self.can = frozenset({"retain", "crash", "restart", "backup", *Return})
        self.generation = self.commits = self._looks = self._requests = 0
        self.stopped: dict[StackHandling, None] = {}
        self._running: list[StackHandling] = []
        self._kept: list[tuple[keeping.Kept, Notes]] = []
        self._notes = Notes()
        self._undo = contextlib.ExitStack()
        self._known: tuple[tuple[int, int], Truth] | None = None
        self._last_pulls: dict[UUID, Request] = {}
        self._company = Random(0)
        self.org_id: UUID
        self.office: Office

    def begin(self, setting: Setting, at: datetime) -> None:
        """Arrange the organisation, under an id that no world before it had."""
        on = self.ground
        on.runs += 1
        on.now, on.source = at, Random(f"server {setting.seed}")
        self.org_id = uuid5(setting.org_id, f"run {on.runs}")
        self.office = Office(self, setting)
        self._company = Random(f"company {setting.seed}")
        self._undo.enter_context(_arranged(on, setting))
        on.run(self.office.found(at))

    def code(self, holder: UUID, at: datetime) -> str:
        """Make a one-time code."""
        return self.ground.run(self.office.code(holder))

    def clock(self, at: datetime) -> None:
        """Say what time it is."""
        self.ground.now = at

    def receive(self, request: Request, at: datetime) -> StackHandling:
        """Take in a request."""
        reads = request.path.endswith(("/pull", "/repair"))
        handling = StackHandling(self, lambda: self._asgi(request), stops=not reads)
        if reads:
            handling.reads_for, handling.pulls = _device_of(request), request.path.endswith("/pull")
            handling.follows = handling.pulls and b'"check":true' not in request.body
            handling.look = lambda: self._witnessed(handling, request)
            handling.after = lambda answer: self._counted(handling, answer)
        if handling.pulls and handling.reads_for is not None:
            self._last_pulls[handling.reads_for] = request
        return self._begun(handling)

    def at_once(self, handling: StackHandling) -> list[StackHandling]:
        """List what begins in the same turn of the loop: with a pull those of other devices that have come, and now and then one more of a
        device from where it stood last, as of an app that ends before its answer comes.
        """
        if not handling.pulls or handling.reads_for is None:
            return [handling]
        found = {handling.reads_for: handling}
        for each in self._running:
            if each.pulls and not each.begun and each.reads_for is not None:
                found.setdefault(each.reads_for, each)
        for device_id, request in self._last_pulls.items() if handling.follows else ():
            if device_id not in found and self._company.random() < _BESIDE:
                cursor = msgspec.json.decode(request.body).get("cursor")
                bare = Request(request.path, request.headers, msgspec.json.encode({"cursor": cursor}))
                found[device_id] = self.receive(bare, self.ground.now)
        group = list(found.values())
        self._company.shuffle(group)
        return group

    def deed(self, deed: Deed, at: datetime) -> StackHandling:
        """Take in an office's deed."""
        handling = StackHandling(self, lambda: self.office.do(deed), slow=_SLOW)
        if isinstance(deed, Move):
            handling.xids = []
            handling.after = lambda _: self._written(handling)
        return self._begun(handling)

    def _begun(self, handling: StackHandling) -> StackHandling:
        self._running = [each for each in self._running if not each.over]
        # Each holds a connection for as long as it stands open: where there are nearly as many as the pool has, the oldest ends.
        if len(self._running) >= OPEN_MAX and self.stopped:
            self._end(next(iter(self.stopped)))
        self._running.append(handling)
        return handling

    def tick(self, at: datetime) -> None:
        """Fire the timers that bring things on."""
        self._let_all_end()
        self.ground.run(self.ground.services.telemetry.flush(self.ground.services.pool))
        for timer in TIMERS:
            if timer.name in _TICKED:
                self.ground.run(self._fired(timer, at))
        self.commits += 1
        self._look_closely()

    async def _fired(self, timer: Timer, at: datetime) -> None:
        await timer.work(self.ground.services, self.org_id, at)

    def retain(self, at: datetime) -> int:
        """Remove what has been gone for long."""
        self._let_all_end()

        async def swept() -> int:
            services = self.ground.services
            keep = keep_of(services.settings)
            return sum([s.rows async for s in retain(services.pool, self.org_id, keep, now=at, poke=services.poke)])

        self.commits += 1
        return self.ground.run(swept())

    def crash(self, at: datetime) -> None:
        """Kill the database and start it again."""
        self._fall()
        self.ground.run(keeping.crashed(self.ground.eyes))

    def restart(self, at: datetime) -> None:
        """Restart in an orderly way."""
        self._fall()

    def backup(self, at: datetime) -> int:
        """Keep the state of now."""
        self.truth(at)
        self._kept.append((self.ground.run(keeping.copied(self.ground.eyes, self.org_id)), self._notes.copied(0)))
        return len(self._kept) - 1

    def come_back(self, backup: int, how: Return, at: datetime) -> None:
        """Go back to a kept state."""
        self._fall()
        kept, notes = self._kept[backup]
        self._notes = notes.copied(self._notes.commits)
        self.ground.run(keeping.put_back(self.ground.eyes, self.org_id, kept, how, seed=backup))

    def truth(self, at: datetime) -> Truth:
        """Tell how things stand."""
        if self._known is None or self._known[0] != (self.generation, self.commits):
            self._looks += 1
            if self._looks % _LOOK_CLOSELY_EVERY == 0:
                self._look_closely()
            self._known = ((self.generation, self.commits), self.ground.run(self._truth()))
        return self._known[1]

    def close(self) -> None:
        """Drop what is under way and undo what was arranged."""
        try:
            self._fall()
        finally:
            self._undo.close()

    async def _truth(self) -> Truth:
        eyes = self.ground.eyes
        if told := await looking.leaks(eyes, self.org_id):
            raise Violation("I9", f"the reduced views of {told} say too much")
        await self.committed()
        return await looking.truth(eyes, self.org_id, await looking.documents(eyes, self.org_id), self._notes.order)

    async def committed(self) -> None:
        """Note what a commit brought."""
        await self._notes.note(self.ground.eyes, self.org_id)

    def _fall(self) -> None:
        async def dead() -> None:
            for handling in self._running:
                await handling.die()
            # What is read for several devices outlives whoever asked for it.
            await asyncio.gather(*self.ground.services.waiting._together._tasks, return_exceptions=True)

        self.ground.run(dead())
        self.generation += 1
        self.commits += 1
        self._running.clear()
        self.stopped.clear()

    def _let_all_end(self) -> None:
        """Let those that stand before a commit make it: a timer would wait for their locks."""
        for handling in list(self.stopped):
            self._end(handling)

    def _end(self, handling: StackHandling) -> None:
        while handling in self.stopped:
            handling.step()

    def _look_closely(self) -> None:
        async def look() -> list[str]:
            stand = await looking.documents(self.ground.eyes, self.org_id)
            async with org_transaction(self.ground.services.pool, self.org_id) as conn:
                return await looking.false_documents(conn, self.org_id, stand)

        if wrong := self.ground.run(look()):
            raise Violation("I5", f"documents are not what the deeds make them: {wrong[:2]}")

    # what a request is

    async def _asgi(self, request: Request) -> Answer:
        self._requests += 1
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": request.path,
            "raw_path": request.path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in _headers(request).items()],
            # Another address each time: guessing of codes is throttled by address.
            "client": (f"10.0.{self._requests >> 8 & 255}.{self._requests & 255}", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
            "extensions": {},
        }
        sent: list[dict[str, Any]] = []
        body = iter([{"type": "http.request", "body": request.body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            return next(body, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        await self.ground.app(scope, receive, send)  # type: ignore[arg-type]
        if not request.path.endswith(("/pull", "/repair")) or b'"seen_n":0' not in request.body:
            self.commits += 1
        start = next(m for m in sent if m["type"] == "http.response.start")
        headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], b"".join(m.get("body", b"") for m in sent), headers)

    # what held when a page was read

    async def _witnessed(self, handling: StackHandling, request: Request) -> None:
        device_id = _device_of(request)
        if device_id is None:
            return
        session = request.headers.get("onsite-session")
        handling.witness = await self._witness(device_id, UUID(session) if session else None)

    async def _witness(self, device_id: UUID, session_id: UUID | None) -> Witness:
        eyes = self.ground.eyes
        wanted = await looking.wants(eyes, self.org_id, device_id, session_id, self.ground.now)
        stand = await looking.documents(eyes, self.org_id)
        acked_n = await eyes.fetchval(
            "select coalesce(max(n), 0) from sync_outcome where org_id = $1 and device_id = $2", self.org_id, device_id
        )
        return Witness(
            device_id=device_id,
            wants=tuple(wanted),
            buckets={bucket: stand.buckets.get(bucket, {}) for bucket in wanted},
            deleted=stand.deleted,
            acked_n=max(acked_n, self._notes.taken.get(device_id, 0)),
            commits=(self.generation + 1) * 1_000_000 + self.commits,
        )

    async def _counted(self, handling: StackHandling, answer: Answer) -> None:
        if answer.status == 200:
            handling.cost = Cost(documents_read=sum(1 for each in read_page(answer.body).numbered if each[0]))

    async def _written(self, handling: StackHandling) -> None:
        documents, scopes = await self.ground.eyes.fetchrow(_WRITTEN, self.org_id, handling.xids)
        handling.cost = Cost(documents_written=documents, scope_written=scopes)


def make_backend() -> Stack:
    """Make a backend on this process's ground."""
    return Stack(ground())


def _headers(request: Request) -> dict[str, str]:
    return {**request.headers, "content-type": "application/json", "content-length": str(len(request.body))}


def _device_of(request: Request) -> UUID | None:
    # osd_<org>_<device>_<secret>
    parts = request.headers.get("authorization", "").removeprefix("Bearer ").split("_")
    try:
        return UUID(parts[2])
    except (IndexError, ValueError):
        return None


@contextlib.contextmanager
def _arranged(on: Ground, setting: Setting) -> Iterator[None]:
    """Have the server work with a world's limits, ids and poison for as long as the world lasts."""
    services = on.services
    lag_s = setting.lag_s if setting.lag_s is not None else timedelta(days=limits.DURABLE_DAYS).total_seconds()
    with contextlib.ExitStack() as undo:
        settings = msgspec.structs.replace(services.settings, durable_lag_s=lag_s)
        on.use(msgspec.structs.replace(services, settings=settings, telemetry=Telemetry(), poke=lambda *_: None))
        undo.callback(on.use, services)
        for module, name, value in (
            (limits, "PAGE_DOCUMENTS", setting.page_documents),
            (limits, "PUSH_CHUNK", setting.chunk),
            (sync.reading, "FILL_DOCUMENTS_MIN", 1),
            # A page that is read between two steps would be of a moment that no step names, and a seed would not replay.
            (sync.ahead, "PAGES", 0),
            # Pages with digests are read alone. Hours pass between the syncs of a world, so nearly all would be, did all phones check by the hour.
            (exchange, "CHECK_EVERY", exchange.CHECK_EVERY if setting.seed % 2 == 0 else timedelta.max),
        ):
            undo.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        real = uuid_utils.compat.uuid7
        for name, each in list(sys.modules.items()):
            if name.split(".")[0] in ("api", "sync", "jobs") and getattr(each, "uuid7", None) is real:
                undo.callback(setattr, each, "uuid7", real)
                each.uuid7 = on.new_id  # type: ignore[attr-defined]
        undo.enter_context(_poisonous())
        undo.enter_context(_silent("onsite"))
        # asyncpg tells when it rolls back what a crash cut off.
        undo.enter_context(_silent("asyncio"))
        yield


@contextlib.contextmanager
def _poisonous() -> Iterator[None]:
    """Have the handler of notes raise for one text, after it has written the note."""
    real = handler_of(AddNote)

    def noted(work: Any, command: AddNote, deed: Any) -> Any:
        result = real(work, command, deed)
        if command.text == POISON:
            raise RuntimeError("poison")
        return result

    _HANDLERS[AddNote] = noted
    try:
        yield
    finally:
        _HANDLERS[AddNote] = real


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    # Every request, every poison and every lost race would be told.
    log, chosen = logging.getLogger(name), structlog.get_config()
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        log.setLevel(level)
        structlog.configure(**chosen)
