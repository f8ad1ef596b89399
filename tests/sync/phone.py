"""A phone without a store: it makes commands, numbers them, hands them in by the server's own function, and can be cloned or enrolled anew."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from mobile_contract.schema.base import Command
from mobile_contract.schema.clock import ClockSample
from mobile_contract.schema.facts import AddNote, VisitFact
from mobile_contract.schema.messages import OutcomeBrief, PushAnswer
from sync.devices import Device
from sync.execute import Poke, no_listeners
from sync.keyring import Keyring, make_keyring
from sync.overruns import Overruns
from sync.push import Desk, Refusal, push
from tests.arrange import NOW, Assigned, Enrolled, Org

F = TypeVar("F", bound=VisitFact)
KEYRING: Keyring = make_keyring(b"a secret of these tests alone")


@dataclass(frozen=True)
class Queued:
    """A command in a phone's queue: its bytes are made once."""

    n: int
    id: UUID
    session: UUID
    cmd: bytes

    @property
    def line(self) -> bytes:
        """Write it as a line of a batch."""
        return b'{"n":%d,"session":"%s","cmd":%s}' % (self.n, str(self.session).encode(), self.cmd)


@dataclass(kw_only=True)
class Phone:
    """A phone of one organisation. `queue` keeps everything that was ever queued."""

    org: Org
    enrolled: Enrolled
    author: str
    next_n: int = 1
    revoked: bool = False
    queue: list[Queued] = field(default_factory=list)
    poke: Poke = no_listeners
    durable_lag: timedelta | None = None
    overruns: Overruns = field(default_factory=Overruns)

    @property
    def id(self) -> UUID:
        """Name the device."""
        return self.enrolled.id

    @property
    def device(self) -> Device:
        """Give the device as the server recognises it."""
        return msgspec.structs.replace(self.enrolled.device, revoked=self.revoked)

    def session(self, name: str | None = None) -> UUID:
        """Name the session of a person on this phone."""
        return self.enrolled.sessions[self.org.people[name or self.author]].session_id

    def do(
        self,
        command: Command,
        *,
        after: tuple[UUID, ...] = (),
        at: datetime = NOW,
        by: str | None = None,
        id: UUID | None = None,
    ) -> UUID:
        """Queue a command as the phone's person (or `by`) at a wall time; gives its id."""
        return self.put(envelope(command, id or self.org.new_id(), after=after, at=at), by=by)

    def put(self, cmd: dict[str, Any] | bytes, *, by: str | None = None, session: UUID | None = None) -> UUID:
        """Queue an envelope, which may be anything."""
        raw = cmd if isinstance(cmd, bytes) else msgspec.json.encode(cmd)
        id = cmd["id"] if isinstance(cmd, dict) and isinstance(cmd.get("id"), UUID) else UUID(int=self.next_n)
        self.queue.append(Queued(self.next_n, id, session or self.session(by), raw))
        self.next_n += 1
        return id

    def pending(self, last_n: int = 0) -> list[Queued]:
        """List what was queued after a number."""
        return [queued for queued in self.queue if queued.n > last_n]

    def clone(self) -> "Phone":
        """Copy the phone whole, as a backup restored on a second one does."""
        return replace(self, queue=list(self.queue))

    async def enrol_anew(self) -> "Phone":
        """Enrol again and renumber the whole queue: the same commands under a new device."""
        enrolled = await self.org.device(self.author)
        fresh = replace(self, enrolled=enrolled, queue=[], next_n=1)
        for old in self.queue:
            fresh.queue.append(Queued(fresh.next_n, old.id, fresh.session(), old.cmd))
            fresh.next_n += 1
        return fresh

    async def push(self, queued: list[Queued] | None = None, *, now: datetime = NOW) -> PushAnswer | Refusal:
        """Hand in commands (all of the queue when none are named)."""
        return await self.hand_in(batch(self.queue if queued is None else queued, now=now), now=now)

    async def hand_in(self, body: bytes, *, now: datetime = NOW) -> PushAnswer | Refusal:
        """Hand in the bytes of a batch."""
        desk = Desk(
            pool=self.org.pool,
            keyring=KEYRING,
            poke=self.poke,
            durable_lag=self.durable_lag,
            overruns=self.overruns,
        )
        return await push(desk, self.device, body, received_at=now, now=now)

    async def taken(self, queued: list[Queued] | None = None, *, now: datetime = NOW) -> tuple[OutcomeBrief, ...]:
        """Hand in commands that must be taken, and give their outcomes."""
        answer = await self.push(queued, now=now)
        assert isinstance(answer, PushAnswer), answer
        return answer.outcomes


async def phone_of(org: Org, person: str) -> Phone:
    """Enrol a phone for a person."""
    return Phone(org=org, enrolled=await org.device(person), author=person)


async def phone_of_crew(org: Org, crew: str, author: str) -> Phone:
    """Enrol a phone that a crew shares; `author` holds it first."""
    return Phone(org=org, enrolled=await org.device(crew=crew), author=author)


def on(job: Assigned, fact: type[F], **more: Any) -> F:
    """Make a fact of a visit."""
    return fact(job_id=job.job_id, visit_id=job.visit_id, **more)


def note(org: Org, job: Assigned, text: str = "wet") -> AddNote:
    """Make a remark."""
    return on(job, AddNote, note_id=org.new_id(), text=text)


def envelope(command: Command, id: UUID, *, after: tuple[UUID, ...] = (), at: datetime = NOW) -> dict[str, Any]:
    """Write a command as the inside of `cmd`."""
    args = msgspec.to_builtins(command)
    name = args.pop("name")
    return {"id": id, "name": name, "args": args, "after": list(after), "at": ClockSample(wall=at)}


def batch(queued: list[Queued], *, now: datetime = NOW, skips: tuple[dict[str, Any], ...] = ()) -> bytes:
    """Write a batch."""
    sent = msgspec.json.encode(ClockSample(wall=now))
    lines = b",".join(q.line for q in queued)
    return b'{"sent":%b,"commands":[%b],"skips":%b}' % (sent, lines, msgspec.json.encode(skips))


def skip(queued: Queued) -> dict[str, Any]:
    """Write what stands in for a command that cannot be sent."""
    return {"n": queued.n, "id": queued.id, "sha256": hashlib.sha256(queued.cmd).hexdigest()}
