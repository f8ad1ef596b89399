"""Phones of the simulated world: the reference client on a store that can die at any statement, with clocks that can be turned.

The client is synchronous; each of its calls runs in a greenlet of its own that stops where it waits for the network or for time to pass.
So calls of several phones interleave, and nothing runs but what the world lets run.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, Protocol
from uuid import UUID

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from mobile_contract.client import Device, Pace, Response, Store, Unreachable, uuid7
from tests.simulation.backend import Content, Key

PACE: Final = Pace(tries=3, base_s=1, cap_s=30, timeout_s=20)
_DRIFT_PPM: Final = 80


@cache
def uuid(text: str) -> UUID:
    """Read an id. The same ones are read again and again."""
    return UUID(text)


class ProcessDied(BaseException):
    """The phone's process was killed: nothing in it may go on."""


class FragileStore(Store):
    """A store in memory that kills the process before or after its n-th statement. What was committed is there for the next process."""

    fuse: int | None = None

    def __init__(self) -> None:
        super().__init__(":memory:")

    def run(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Run one statement, unless the process dies before it or right after it."""
        self._burn()
        done = super().run(sql, values)
        self._burn()
        return done

    def _burn(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse <= 0:
                self.fuse = None
                raise ProcessDied

    def reopen(self) -> None:
        """Do what the next process does when it opens the file."""
        self.fuse = None
        if self._db.in_transaction:
            self._db.rollback()
        if self.tombstone() is not None:
            self._scrub()

    def copy(self) -> "FragileStore":
        """Copy the file, as whoever clones a phone does."""
        twin = FragileStore()
        self._db.backup(twin._db)
        return twin


class Hours(Protocol):
    """The world's true time."""

    now: datetime


class TurnableClock:
    """The clocks of a phone: the wall clock may be anywhere, the monotonic one drifts a little and starts anew with each boot."""

    def __init__(self, hours: Hours, source: random.Random) -> None:
        self._hours = hours
        self._drift_ppm = source.randint(-_DRIFT_PPM, _DRIFT_PPM)
        self.offset = timedelta(seconds=source.uniform(-30, 30))
        self.boots = 0
        self._name = f"{source.getrandbits(32):08x}"
        self._booted_at = hours.now

    def wall(self) -> datetime:
        """Read what the user sees."""
        return self._hours.now + self.offset

    def mono_ms(self) -> int:
        """Read the milliseconds since the boot."""
        elapsed_us = (self._hours.now - self._booted_at) // timedelta(microseconds=1)
        return (elapsed_us + elapsed_us * self._drift_ppm // 1_000_000) // 1_000

    def boot(self) -> str:
        """Name the boot."""
        return f"{self._name}-{self.boots}"

    def sleep(self, seconds: float) -> None:
        """Let the world go on for so long."""
        getcurrent().parent.switch(Slept(self._hours.now + timedelta(seconds=seconds)))

    def reboot(self) -> None:
        """Begin another boot."""
        self.boots += 1
        self._booted_at = self._hours.now


@dataclass(frozen=True)
class Slept:
    """A call that waits for an instant."""

    until: datetime


@dataclass(frozen=True)
class Posted:
    """A call that waits for an answer; `until` it gives up."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    until: datetime


class Wire:
    """The client's transport: hands the request to the world and waits for what comes of it."""

    def __init__(self, hours: Hours) -> None:
        self._hours = hours

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        """Wait in the world for an answer. Raises Unreachable when the world says so."""
        lowered = {name.lower(): value for name, value in headers.items()}
        until = self._hours.now + timedelta(seconds=timeout_s)
        answer: Response = getcurrent().parent.switch(Posted(path, lowered, body, until))
        return answer


@dataclass(eq=False)
class Call:
    """One call of the client under way. `waits_for` is None once it is over; `error` is what it ended with."""

    phone: "Phone"
    work: Callable[[], object]
    name: str
    waits_for: Posted | Slept | None = None
    result: object = None
    error: BaseException | None = None
    over: bool = False
    thread: greenlet = field(init=False)

    def __post_init__(self) -> None:
        self.thread = greenlet(self._run)

    def go_on(self, answer: Response | BaseException | None = None) -> None:
        """Run until the call waits again or is over."""
        if isinstance(answer, BaseException):
            waits = self.thread.throw(answer)
        else:
            waits = self.thread.switch(answer) if self.thread else self.thread.switch()
        self.waits_for = None if self.over else waits

    def _run(self, *_: object) -> None:
        try:
            self.result = self.work()
        except (Exception, ProcessDied) as error:
            # The frames would keep statements of the dead process open.
            self.error = error.with_traceback(None)
        self.over = True


@dataclass(frozen=True)
class Kept:
    """A command as the phone keeps it."""

    n: int
    status: str | None
    code: str | None
    cmd: bytes


@dataclass(frozen=True)
class Holdings:
    """What a phone's file holds, read past the client. `filling`: how complete each bucket is."""

    device_id: UUID | None
    person_id: UUID | None
    cursor: str | None
    life: str | None
    acked_n: int
    durable_n: int | None
    forked: bool
    wiped: bool
    filling: Mapping[str, str]
    documents: Mapping[Key, Content]
    members: Mapping[str, frozenset[Key]]
    commands: Mapping[UUID, Kept]


class Phone:
    """One phone: a file, a clock, whoever holds it, and the calls of the app that are under way."""

    def __init__(self, name: str, hours: Hours, source: random.Random, *, holder: UUID) -> None:
        self.name, self.holder = name, holder
        self._hours, self._source = hours, source
        self.clock = TurnableClock(hours, source)
        self.store = FragileStore()
        self.online, self.rotten = True, False
        self.calls: list[Call] = []
        self._read: tuple[object, Holdings] | None = None
        self._documents: tuple[object, Pages] | None = None
        self.device = self._start()

    def _start(self) -> Device:
        return Device(
            self.store,
            Wire(self._hours),
            clock=self.clock,
            source=random.Random(self._source.getrandbits(64)),
            new_id=lambda: uuid7(self._hours.now, self._source),
            pace=PACE,
        )

    def call(self, name: str, work: Callable[[], object]) -> Call:
        """Begin a call of the client and run it until it waits."""
        call = Call(self, work, name)
        self.calls.append(call)
        self.go_on(call)
        return call

    def go_on(self, call: Call, answer: Response | BaseException | None = None) -> None:
        """Let a call go on; a process that dies takes all calls with it."""
        call.go_on(answer)
        if isinstance(call.error, ProcessDied):
            self.kill()
        self.calls = [each for each in self.calls if not each.over]

    def unreachable(self, call: Call, why: str) -> None:
        """Tell a call that no answer came."""
        self.go_on(call, Unreachable(why))

    def kill(self) -> None:
        """Kill the process and start the next one on the same file."""
        dying, self.calls = self.calls, []
        for call in dying:
            if not call.over and call.thread:
                call.go_on(ProcessDied())
            call.over = True
        self.store.reopen()
        self.device = self._start()

    def clone(self, name: str) -> "Phone":
        """Copy the phone: file and identity. Its clock is another one."""
        twin = Phone(name, self._hours, random.Random(self._source.getrandbits(64)), holder=self.holder)
        twin.store.close()
        twin.store = self.store.copy()
        twin.device = twin._start()
        twin.rotten = self.rotten
        return twin

    def close(self) -> None:
        """End what runs and give the memory back."""
        for call in self.calls:
            if not call.over and call.thread:
                call.go_on(ProcessDied())
        self.calls = []
        self.store.close()

    def install(self) -> tuple[bool, bool, bool]:
        """Tell whether the phone is enrolled, wiped, forked."""
        rows = self.store._db.execute
        row = rows("select forked from install").fetchone()
        return row is not None, rows("select 1 from tombstone").fetchone() is not None, bool(row and row[0])

    def mark(self) -> int:
        """Give a number that grows with every page applied."""
        return int(self.store._db.execute("select coalesce(max(no), 0) from anchor").fetchone()[0])

    def holdings(self) -> Holdings:
        """Read the file by plain SQL; the same object as long as nothing was written."""
        changes = (self.store, self.store._db.total_changes)
        if self._read is None or self._read[0] != changes:
            self._read = (changes, self._holdings())
        return self._read[1]

    def _holdings(self) -> Holdings:
        rows = self.store._db.execute
        install = rows("select device_id, cursor, life, acked_n, durable_n, forked from install").fetchone()
        at_work = rows("select person_id from session join install on session_id = session.id").fetchone()
        device_id, cursor, life, acked_n, durable_n, forked = install or (None, None, None, 0, None, 0)
        wiped = rows("select 1 from tombstone").fetchone() is not None
        # Documents change by pages alone, as long as nothing rots.
        version = (self.store, self.mark(), self.rotten, wiped)
        if self._documents is None or self._documents[0] != version or self.rotten:
            self._documents = (version, self._pages())
        filling, documents, members = self._documents[1]
        return Holdings(
            device_id=uuid(device_id) if device_id else None,
            person_id=uuid(at_work[0]) if at_work else None,
            cursor=cursor,
            life=life,
            acked_n=acked_n,
            durable_n=durable_n,
            forked=bool(forked),
            wiped=wiped,
            filling=filling,
            documents=documents,
            members=members,
            commands={
                uuid(id): Kept(n, status, code, cmd)
                for id, n, status, code, cmd in rows("select id, n, status, code, cmd from command")
            },
        )

    def _pages(self) -> "Pages":
        rows = self.store._db.execute
        members: dict[str, set[Key]] = {}
        for kind, id, bucket in rows("select kind, id, bucket from member"):
            members.setdefault(bucket, set()).add((kind, uuid(id)))
        return (
            dict(rows("select name, filling from bucket")),
            {
                (kind, uuid(id)): Content(ver, body)
                for kind, id, ver, body in rows("select kind, id, ver, body from document")
            },
            {bucket: frozenset(keys) for bucket, keys in members.items()},
        )


Pages = tuple[dict[str, str], dict[Key, Content], dict[str, frozenset[Key]]]
