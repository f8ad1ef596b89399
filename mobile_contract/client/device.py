"""The device, as an app calls it: enrol, choose who is working, do commands, look at the work, sync. A port mirrors this class.

Everything but `enrol` and `sync` works without a network. Nothing is kept in memory between two calls: whatever the
process was doing when it was killed, the next one goes on from what the store holds.
"""

import hashlib
import hmac
import random
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self
from uuid import UUID

import msgspec
from msgspec import Struct

from mobile_contract import limits
from mobile_contract.client import optimistic, pages, queue
from mobile_contract.client.clocks import Clock, SystemClock, sample, uuid7
from mobile_contract.client.exchange import Exchange, SyncReport
from mobile_contract.client.made import NOWHERE, Made
from mobile_contract.client.optimistic import Key
from mobile_contract.client.queue import Draft, Queued
from mobile_contract.client.store import FILE_NAME, Install, Store, Tombstone, plain
from mobile_contract.client.transport import APP, Caller, HttpTransport, Pace, Transport
from mobile_contract.digest import Digest
from mobile_contract.errors import ERRORS
from mobile_contract.registry import COMMANDS, KINDS, decode_args
from mobile_contract.rules.guards import Missing, missing_before_completion
from mobile_contract.schema.access import EnrolAnswer, EnrolAsk, SessionGrant
from mobile_contract.schema.base import Command, Document
from mobile_contract.schema.facts import UsePart
from mobile_contract.schema.job import Job, JobType, Photo, Reading, Signature, Task
from mobile_contract.schema.messages import CommandEnvelope
from mobile_contract.schema.stock import MoveKind, StockMove
from mobile_contract.schema.waking import WakingAsk, WakingSetup

ENROL_PATH: Final = "/sync/v1/enrol"
WAKING_PATH: Final = "/sync/v1/waking"
_DOCUMENT: Final = {kind: msgspec.json.Decoder(type) for kind, type in KINDS.items()}


class DeviceRefusal(Exception):
    """The device itself says no, before anything was stored. `code` is one of the error catalogue."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or ERRORS[code].en)
        self.code = code


class Status(Struct, frozen=True, kw_only=True):
    """How a device stands. `unsent`: commands the server has not answered; `commands`: all that are still kept, in order."""

    install: Install | None
    tombstone: Tombstone | None
    person: SessionGrant | None
    unsent: int
    commands: Sequence[Queued]
    digests: dict[str, Digest]


class Device:
    """One phone. Everything that a simulation wants to control comes in from outside."""

    def __init__(
        self,
        store: Store,
        transport: Transport,
        *,
        clock: Clock,
        source: random.Random,
        new_id: Callable[[], UUID] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.store = store
        self._clock, self._transport = clock, transport
        self.new_id = new_id or (lambda: uuid7(clock.wall(), source))
        self._caller = Caller(transport, clock, source, pace or Pace())
        self._exchange = Exchange(store, self._caller, clock)

    @classmethod
    def open(cls, folder: Path, *, url: str = "", default_url: str = "") -> Self:
        """Open the device kept in a folder with this machine's clocks; without `url` its server is the one it enrolled at."""
        store = Store(folder / FILE_NAME)
        install = store.install()
        transport = HttpTransport(url or (install.url if install else default_url))
        return cls(store, transport, clock=SystemClock(), source=random.SystemRandom())

    def close(self) -> None:
        """Close the file and the connections. Nothing has to be saved first."""
        self.store.close()
        if isinstance(self._transport, HttpTransport):
            self._transport.close()

    # who

    def enrol(self, code: str, name: str, *, app: str = APP) -> Install:
        """Trade a one-time code for an identity. Raises Refused or Later.

        A device that has one already (the server called it forked) gives it up: its documents stay to be compared, and
        every command it keeps is handed in again under new numbers with the same id.
        """
        body = self._caller.call(ENROL_PATH, EnrolAsk(code=code, device_name=name, app=app)).body
        answer = msgspec.json.decode(body, type=EnrolAnswer)
        with self.store.transaction():
            old, old_sessions = self.store.install(), self.store.sessions()
            if old is not None and old.org_id != answer.org_id:
                raise DeviceRefusal("forbidden", "This device belongs to another organisation; use another folder.")
            person_id = answer.person_id or (_person_of(old, old_sessions) if old else None)
            usable = [s for s in answer.sessions if person_id in (None, s.person_id)] or list(answer.sessions)
            self.store.run("delete from tombstone")
            # The server knows sessions of the old identity no more.
            self.store.run("delete from session")
            self.store.run(
                "insert or replace into install (one, url, org_id, device_id, token, name, session_id, life, cursor, sessions_at, zone)"
                " values (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *map(plain, (self._url(), answer.org_id, answer.device_id, answer.device_token, name)),
                    plain(usable[0].session_id) if usable else None,
                    *((old.life, old.cursor) if old else (None, None)),
                    plain(self._clock.wall()),
                    answer.zone,
                ],
            )
            self.store.keep_sessions(answer.sessions)
            by_person = {session.person_id: session.session_id for session in reversed(answer.sessions)}
            moved = {s.session_id: by_person[s.person_id] for s in old_sessions if s.person_id in by_person}
            queue.move_to_new_identity(self.store, moved)
        return self._install()

    def people(self) -> list[SessionGrant]:
        """List the sessions this device may work under, one for each person: the one of now, else the next, else the last."""
        now = self._clock.wall()
        best: dict[UUID, SessionGrant] = {}
        for session in reversed(self.store.sessions()):
            known = best.get(session.person_id)
            if known is None or session.to_at > now:
                best[session.person_id] = session
        return sorted(best.values(), key=lambda session: (session.name, session.person_id))

    def use(self, person_id: UUID, pin: str | None = None) -> SessionGrant:
        """Let another person of the crew work from here on, without a network. Raises DeviceRefusal: pin_wrong, session_unknown.

        A session whose time is over still opens: the server judges what was done in it, and the queue never stops.
        """
        self._install()
        session = next((s for s in self.people() if s.person_id == person_id), None)
        if session is None:
            raise DeviceRefusal("session_unknown")
        row = self.store.row("select verifier from pin where person_id = ?", (str(person_id),))
        if row is not None and not _pin_fits(row[0], pin or ""):
            raise DeviceRefusal("pin_wrong")
        with self.store.transaction():
            self.store.update_install(session_id=session.session_id)
        return session

    def set_pin(self, pin: str) -> None:
        """Set the PIN that opens the sessions of the person now working; it never leaves the device."""
        person_id = _person_of(self._install(), self.store.sessions())
        if person_id is None:
            raise DeviceRefusal("session_unknown")
        salt = secrets.token_hex(16)
        with self.store.transaction():
            self.store.run(
                "insert or replace into pin (person_id, verifier) values (?, ?)",
                (str(person_id), f"{salt}${_stretched(salt, pin)}"),
            )

    # work

    def do(self, command: Command, *, base: int | None = None, after: tuple[UUID, ...] | None = None) -> Queued:
        """Queue a command: on disk when this returns, whatever happens next. Raises DeviceRefusal before anything is stored.

        `base` is the `ver` of the document the user looked at, `after` the commands this one depends on; left out, they
        are the visit's (or job's) and the latest own decision on the job that the server has not finally answered.
        """
        name = str(command.__struct_config__.tag)
        args = msgspec.json.encode(command)
        self._check(name, args)
        with self.store.transaction():
            install = self._install()
            if install.session_id is None:
                raise DeviceRefusal("session_unknown", "Nobody is working on this device: choose a person first.")
            job_id: UUID | None = getattr(command, "job_id", None)
            if after is None:
                waiting = queue.last_undecided(self.store, job_id) if job_id else None
                after = (waiting,) if waiting else ()
            envelope = CommandEnvelope(
                id=self.new_id(),
                name=name,
                args=msgspec.Raw(args),
                base=base if base is not None else self._base(command),
                after=after,
                at=sample(self.store, self._clock),
            )
            cmd = msgspec.json.encode(envelope)
            if len(cmd) > limits.COMMAND_BYTES:
                raise DeviceRefusal("command_too_large")
            draft = Draft(
                id=envelope.id,
                session_id=install.session_id,
                name=name,
                job_id=job_id,
                cmd=cmd,
                made_at=self._clock.wall(),
            )
            n = queue.add(self.store, draft)
        return queue.numbered(self.store, n)

    def shown(self, kinds: Collection[str] | None = None) -> dict[Key, Document]:
        """Give the work as the user should see it: documents of one instant with own pending and held commands applied.

        With `kinds` only these are read: name every kind that the commands in question touch. Kinds and documents that
        only a newer app can read are left out.
        """
        wanted = sorted(_DOCUMENT.keys() if kinds is None else _DOCUMENT.keys() & set(kinds))
        marks = ", ".join("?" * len(wanted))
        with self.store.snapshot():
            rows = self.store.rows(
                f"select kind, id, body from document where kind in ({marks}) order by kind, id", wanted
            )
            own, install = queue.shown_on_top(self.store), self.store.install()
            people = {session.session_id: session.person_id for session in self.store.sessions()}
        documents: dict[Key, Document] = {}
        for kind, id, body in rows:
            with suppress(msgspec.ValidationError):
                documents[kind, UUID(id)] = _DOCUMENT[kind].decode(body)
        return optimistic.show(documents, _readable(own, people, install))

    def missing(self, job_id: UUID, *, no_parts_declared: bool = False) -> list[Missing]:
        """List what a job still misses before a visit may count as completed, by the same rule as the server's."""
        shown = self.shown()
        job = shown.get(("job", job_id))
        types = [d for d in shown.values() if isinstance(d, JobType) and isinstance(job, Job) and d.code == job.type]
        job_type = next((t for t in types if isinstance(job, Job) and t.version == job.type_version), None)
        if job_type is None:
            return []
        of_job = [d for d in shown.values() if getattr(d, "job_id", None) == job_id]
        used = any(isinstance(d, StockMove) and d.kind == MoveKind.USED for d in of_job) or any(
            each.name == UsePart.__struct_config__.tag and each.job_id == job_id for each in queue.kept(self.store)
        )
        return missing_before_completion(
            job_type,
            tasks=[d for d in of_job if isinstance(d, Task)],
            photos=[d for d in of_job if isinstance(d, Photo)],
            readings=[d for d in of_job if isinstance(d, Reading)],
            signatures=[d for d in of_job if isinstance(d, Signature)],
            parts_used=used,
            no_parts_declared=no_parts_declared,
        )

    # the server

    def sync(self, *, wait_s: int = 0, check: bool = False) -> SyncReport:
        """Hand in, fetch, compare, repair; `wait_s` waits for changes, `check` compares digests now. Safe to kill at any point."""
        self._install()
        return self._exchange.sync(wait_s=wait_s, check=check)

    def waking(self, ask: WakingAsk | None = None) -> WakingSetup:
        """Ask how this device may have itself woken; with `ask` say where a push reaches it, or that none does any more.

        A push says nothing but "look": `sync` is the answer to it. Ask anew after an update of the app, since the server's key may be
        another one. Raises Refused (`push_address_invalid`: the server calls no such address), Later without a network.
        """
        install = self._install()
        answer = self._caller.call(WAKING_PATH, ask or WakingAsk(), token=install.token)
        return msgspec.json.decode(answer.body, type=WakingSetup)

    def status(self) -> Status:
        """Tell how this device stands."""
        with self.store.snapshot():
            install = self.store.install()
            sessions = {session.session_id: session for session in self.store.sessions()}
            return Status(
                install=install,
                tombstone=self.store.tombstone(),
                person=sessions.get(install.session_id) if install and install.session_id else None,
                unsent=queue.unsent(self.store),
                commands=queue.kept(self.store),
                digests=pages.digests(self.store),
            )

    def _install(self) -> Install:
        install = self.store.install()
        if install is None:
            raise DeviceRefusal("device_wiped" if self.store.tombstone() else "unauthenticated")
        return install

    def _url(self) -> str:
        return self._transport.url if isinstance(self._transport, HttpTransport) else ""

    def _check(self, name: str, args: bytes) -> None:
        # The bytes are read as the server will read them: what it would quarantine is not queued in the first place.
        if name not in COMMANDS:
            raise DeviceRefusal("unknown_command", f"There is no command {name!r}.")
        try:
            decode_args(name, args)
        except msgspec.MsgspecError as error:
            raise DeviceRefusal("invalid", str(error)) from error

    def _base(self, command: Command) -> int | None:
        for kind, field in (("visit", "visit_id"), ("job", "job_id")):
            id = getattr(command, field, None)
            row = id and self.store.row("select ver from document where kind = ? and id = ?", (kind, str(id)))
            if row:
                return int(row[0])
        return None


def _person_of(install: Install, sessions: Sequence[SessionGrant]) -> UUID | None:
    return next((s.person_id for s in sessions if s.session_id == install.session_id), None)


def _readable(own: Sequence[Queued], people: dict[UUID, UUID], install: Install | None) -> Iterator[Made]:
    org_id, zone = (install.org_id, install.zone) if install is not None else (NOWHERE, "UTC")
    for each in own:
        # A command whose bytes were harmed shows nothing; the server is told of it all the same.
        with suppress(msgspec.MsgspecError, KeyError):
            envelope = msgspec.json.decode(each.cmd, type=CommandEnvelope)
            command = decode_args(envelope.name, bytes(envelope.args))
            yield Made(
                command=command, person_id=people.get(each.session_id), at=each.made_at, org_id=org_id, zone=zone
            )


def _stretched(salt: str, pin: str) -> str:
    return hashlib.scrypt(pin.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1).hex()


def _pin_fits(verifier: str, pin: str) -> bool:
    salt, _, expected = verifier.partition("$")
    return hmac.compare_digest(expected, _stretched(salt, pin))
