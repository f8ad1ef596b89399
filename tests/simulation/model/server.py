"""The model's server: who may call, what a request becomes, lives of its database. Implements `Backend` for the world."""

import hashlib
import json
from collections.abc import Generator
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from msgspec.structs import replace

from mobile_contract.schema.clock import ClockSample
from tests.simulation.backend import (
    Answer,
    Content,
    Cost,
    Deed,
    Key,
    Request,
    Return,
    ServerDied,
    Setting,
    Stored,
    Truth,
    Witness,
)
from tests.simulation.backend import Effect as Effect_
from tests.simulation.model import access, office, projection
from tests.simulation.model.access import AHEAD
from tests.simulation.model.database import Database, Deadlock, Table, Txn
from tests.simulation.model.execute import Batch, Run
from tests.simulation.model.faults import Fault
from tests.simulation.model.pulling import Page, View, page_answer, unseal
from tests.simulation.model.pushing import Push, problem
from tests.simulation.model.rows import Ask, Device, Doc, Member, Outcome, Projected, Session, Spell
from tests.simulation.reading import sha256

_GONE: Final = timedelta(days=90)
_PATIENCE: Final = timedelta(seconds=30)


Stand = tuple[dict[str, dict[Key, Content]], frozenset[Key]]


class ModelHandling:
    """A request or deed under way in the model: a generator that is run from one wait to the next."""

    def __init__(self, server: "Server", run: Run) -> None:
        self._server, self._run, self._life = server, run, server.generation
        self._begun_at: datetime | None = None
        self.witness: Witness | None = None
        self.cost = Cost()

    def step(self) -> Answer | None:
        """Run to the next point at which others may come between. Raises ServerDied."""
        self._begun_at = self._begun_at or self._server.now
        if self._life != self._server.generation or self._server.now - self._begun_at > _PATIENCE:
            # The database ends transactions that stay open: its operator's promise of what is durable stands on it.
            self._run.close()
            raise ServerDied
        self._server.handling = self
        try:
            next(self._run)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        return None


class Server:
    """The backend. `faults` are the safeguards that it lacks."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = frozenset(faults)
        self.can = frozenset({"retain", "crash", "restart", "backup", *Return})
        self.db = Database()
        self.generation, self.system = 0, 1
        self.secret = b"the model's"
        self.handling: ModelHandling | None = None
        self.postponed: list[Txn] = []
        self._order, self.serial = count(), count()
        self._backups: list[tuple[Database, int]] = []
        self._cached: tuple[object, Truth] | None = None
        self._stand: tuple[int, int, Stand] | None = None
        self._projections: dict[projection.Part, Projected] = {}
        self.setting: Setting
        self.now: datetime

    # the world's side

    def begin(self, setting: Setting, at: datetime) -> None:
        """Arrange the organisation."""
        self.setting, self.now = setting, at
        txn = self.db.begin()
        for person in setting.persons:
            txn.write("spells", person.id, (Spell(person.crew_id, at - AHEAD),))
        for district_id in setting.districts:
            txn.write("district", district_id, True)
        for i, part_id in enumerate(setting.parts):
            txn.write("part", part_id, f"part {i}")
        txn.commit()
        for crew_id in setting.crews:
            self._finish(office.refresh(self, partial(projection.of_crew, id=crew_id)))
        for part_id in setting.parts:
            self._finish(office.refresh(self, partial(projection.of_part, id=part_id)))

    def _finish(self, run: Run) -> Any:
        """Run something to its end; None where it waits for others for too long."""
        for _ in range(500):
            try:
                next(run)
            except StopIteration as end:
                return end.value
        run.close()
        return None

    def code(self, holder: UUID, at: datetime) -> str:
        """Make a one-time code."""
        txn, code = self.db.begin(), f"code {next(self.serial)}"
        txn.write("code", code, holder)
        txn.commit()
        return code

    def clock(self, at: datetime) -> None:
        """Say what time it is."""
        self.now = at
        if self.postponed and Random(at.timestamp()).random() < 0.3:
            self.postponed.pop(0).commit()

    def receive(self, request: Request, at: datetime) -> ModelHandling:
        """Take in a request."""
        return ModelHandling(self, self._answer(request, at))

    def deed(self, deed: Deed, at: datetime) -> ModelHandling:
        """Take in an office's deed."""
        return ModelHandling(self, office.deed(self, deed))

    def tick(self, at: datetime) -> None:
        """Sweep held decisions."""
        self._finish(office.attempts(self, lambda txn: self.batch(txn).sweep()))

    def retain(self, at: datetime) -> int:
        """Remove memberships that have been gone for long, raising the floor of their buckets."""
        txn, removed = self.db.begin(), 0
        for name, table in list(self.db.tables.items()):
            if not name.startswith("member/"):
                continue
            bucket = name.removeprefix("member/")
            for key in list(table.rows):
                member: Member | None = txn.read(name, key)
                if member is None or not member.gone or member.at > at - _GONE or ("doc", key) in self.db.locks:
                    continue
                txn.write(name, key, None)
                txn.write("floor", bucket, max(txn.read("floor", bucket) or 0, member.xid + 1))
                removed += 1
        txn.commit()
        return removed

    def crash(self, at: datetime) -> None:
        """Kill the database."""
        life = dict(self.db.table("life").rows)
        self._fall()
        self.db.crash()
        if Fault.LIFE_SURVIVES_CRASH in self.faults:
            self.db.table("life").rows.update(life)

    def restart(self, at: datetime) -> None:
        """Restart in an orderly way."""
        self._fall()

    def _fall(self) -> None:
        self.generation += 1
        self.postponed.clear()
        for txn in list(self.db.open.values()):
            txn.abort()
        self.db.locks.clear()

    def backup(self, at: datetime) -> int:
        """Keep the state of now."""
        self._backups.append((self.db.copy(), self.system))
        return len(self._backups) - 1

    def come_back(self, backup: int, how: Return, at: datetime) -> None:
        """Go back to a kept state."""
        self._fall()
        kept, system = self._backups[backup]
        self.db, self.system = kept.copy(), system
        if how is Return.DUMP:
            self.system = 1000 + next(self.serial)
            self.db = _loaded(kept, first=Random(backup).choice((20, 5000)))
        elif not (how is Return.FAILOVER and Fault.LIFE_SURVIVES_PROMOTION in self.faults):
            self.db.table("life").rows.clear()

    def close(self) -> None:
        """Nothing has to be given back."""

    # what requests become

    def _answer(self, request: Request, at: datetime) -> Run:
        yield
        try:
            ask = msgspec.json.decode(request.body)
        except msgspec.MsgspecError:
            ask = None
        if request.path.endswith("/enrol"):
            return (yield from access.enrol(self, ask))
        view = View(self, self.db.snapshot())
        device_id = access.device_of(view, request.headers)
        if device_id is None:
            return problem(401, "unauthenticated")
        at_work = access.session_of(view, request.headers, device_id)
        if request.path.endswith("/sessions"):
            return access.sessions(self, device_id)
        if request.path.endswith("/push"):
            person_id = at_work.person_id if isinstance(at_work, Session) else None
            return (yield from Push(self, device_id, person_id, at).run(request.body))
        if isinstance(at_work, bool):
            return problem(403, "session_unknown")
        return (yield from self._pull(device_id, at_work, ask, repair=request.path.endswith("/repair")))

    # pull

    def _pull(self, device_id: UUID, session: Session | None, ask: Any, *, repair: bool) -> Run:
        if not isinstance(ask, dict):
            return problem(400, "malformed")
        standby = Random(self.now.timestamp()).random() < (0.5 if Fault.STANDBY_PULL in self.faults else 0.05)
        if standby and Fault.STANDBY_PULL not in self.faults:
            return problem(503, "standby")
        cursor = unseal(self.secret, ask["cursor"], device_id) if ask.get("cursor") else None
        if ask.get("seen_n") and cursor is not None:
            yield from office.forget_seen(self, device_id, int(ask["seen_n"]), cursor)
        while (life := self.current_life()) is None:
            yield from self._begin_life()
        view = View(self, self.db.blind_snapshot() if standby else self.db.snapshot())
        handling = self.handling
        assert handling is not None
        person_id = self._at_work(view, device_id, session)
        wants = projection.scope(view, self.setting, device_id, person_id)
        handling.witness = self._witness(device_id, wants)
        page = Page(self, device_id, view, wants)
        device: Device = view.read("device", device_id)
        if cursor is not None and (cursor.life == life or Fault.NO_LIFE_CHECK in self.faults):
            page.follow(cursor, fill=not repair)
            if repair:
                page.mend(ask["bucket"], {r: (n, x) for r, n, x in ask.get("sums", ())})
        elif repair or (ask.get("digests") is None and ask.get("cursor")):
            begin = {"frame": "begin", "life": life, **self.head(device_id), "compare": True}
            end = {"frame": "end", "cursor": ask.get("cursor"), "acked_n": device.last_n, "more": True}
            return page_answer(json.dumps(begin).encode() + b"\n" + json.dumps(end).encode() + b"\n")
        elif ask.get("digests") is not None:
            page.compared(ask["digests"])
        else:
            page.anew()
        body = page.body(life, device.last_n, check=bool(ask.get("check")) and not repair)
        handling.cost = Cost(documents_read=page.documents_read)
        yield
        return page_answer(body)

    def _at_work(self, view: View, device_id: UUID, session: Session | None) -> UUID | None:
        device: Device = view.read("device", device_id)
        if session is None or device.revoked:
            return None
        if device.holder == session.person_id:
            return session.person_id
        spells: tuple[Spell, ...] = view.read("spells", session.person_id)
        member = any(s.crew_id == device.holder and s.to_at is None for s in spells)
        return session.person_id if member and session.to_at + AHEAD >= self.now else None

    def current_life(self) -> str | None:
        """Read the life that holds; None when another has to begin."""
        row = self.db.begin().read("life", 0)
        if row is None:
            return None
        life, system = row
        return life if system == self.system or Fault.LIFE_IN_DUMP in self.faults else None

    def _begin_life(self) -> Run:
        txn, life = self.db.begin(), self.generation
        try:
            yield from self._settle(txn)
            if self.current_life() is None:
                named = str(uuid5(self.setting.org_id, f"life {next(self.serial)}"))
                txn.write("life", 0, (named, self.system))
            if life == self.generation:
                txn.commit()
        finally:
            txn.abort()

    def _settle(self, txn: Txn) -> Run:
        yield from txn.lock("life")
        for name in list(self.db.tables):
            if name.startswith("member/") and Fault.XIDS_IN_DUMP not in self.faults:
                for key, _ in list(txn.scan(name)):
                    while self.db.locks.get(("doc", key)) is not None:
                        yield
                    member: Member | None = txn.read(name, key)
                    if member is not None and member.xid >= self.db.next_xid:
                        txn.write(name, key, replace(member, xid=1))
        for bucket, floor in list(txn.scan("floor")):
            if floor > self.db.next_xid:
                txn.write("floor", bucket, 0)

    def head(self, device_id: UUID) -> dict[str, str]:
        """Give time and anchor of a page."""
        at = self.now.isoformat()
        mac = hashlib.sha256(self.secret + f"{at}{device_id}".encode()).hexdigest()[:8]
        return {"server_time": at, "anchor": f"{at}|{mac}"}

    def anchor_of(self, sample: ClockSample, device_id: UUID) -> datetime | None:
        """Read the server's time from the anchor that a sample cites; None for none of ours."""
        if sample.anchor is None:
            return None
        at, _, mac = sample.anchor.token.partition("|")
        known = hashlib.sha256(self.secret + f"{at}{device_id}".encode()).hexdigest()[:8]
        return datetime.fromisoformat(at) if mac == known else None

    def batch(self, txn: Txn) -> Batch:
        """Begin a batch of commands in a transaction."""
        made = Batch(self.db, txn, self.setting, self.faults, self.now)
        made.order = self._order
        return made

    # what the auditor is told

    def _projected(self) -> "Stand":
        """Project everything that is committed now, anew only where something was written since the last time."""
        if self._stand is None or self._stand[0] != self.generation:
            self.db.changed.clear()
            self._projections = projection.everything(self._honest(), self.setting)
        elif self._stand[1] == self.db.commits:
            return self._stand[2]
        else:
            self._projections = projection.refreshed(self._honest(), self.setting, self._projections, self.db.changed)
            self.db.changed.clear()
        view = self._honest()
        buckets: dict[str, dict[Key, Content]] = {}
        for found in self._projections.values():
            for key, (body, holding) in found.items():
                doc: Doc | None = view.read("doc", key)
                content = Content(doc.ver if doc else 0, body)
                for bucket in holding:
                    buckets.setdefault(bucket, {})[key] = content
        there = {key for found in self._projections.values() for key in found}
        deleted = frozenset(key for key in self.db.table("doc").rows if key not in there and view.read("doc", key))
        stand = (buckets, deleted)
        self._stand = (self.generation, self.db.commits, stand)
        return stand

    def _honest(self) -> View:
        return View(self, self.db.snapshot())

    def _witness(self, device_id: UUID, wants: tuple[str, ...]) -> Witness:
        # A page is measured by what is committed when its snapshot is taken, whatever the snapshot says.
        buckets, deleted = self._projected()
        theirs = {bucket: buckets.get(bucket, {}) for bucket in wants}
        acked_n = max((n for n, _ in self._honest().scan(f"taken/{device_id}")), default=0)
        return Witness(
            device_id=device_id,
            wants=wants,
            buckets=theirs,
            deleted=deleted,
            acked_n=acked_n,
            commits=(self.generation + 1) * 1_000_000 + self.db.commits,
        )

    def truth(self, at: datetime) -> Truth:
        """Tell how things stand."""
        state = (self.generation, self.db.commits)
        if self._cached is not None and self._cached[0] == state:
            return self._cached[1]
        view = self._honest()
        buckets, deleted = self._projected()
        effects: dict[UUID, tuple[Effect_, ...]] = {}
        for (id_, _), (order, person_id) in view.scan("effect"):
            effects[id_] = (*effects.get(id_, ()), Effect_(order, person_id))
        outcomes: dict[UUID, Outcome] = dict(view.scan("outcome"))
        aside: dict[UUID, Ask] = dict(view.scan("quarantine"))
        truth = Truth(
            buckets=buckets,
            deleted=deleted,
            outcomes={id_: _stored(outcome) for id_, outcome in outcomes.items()},
            effects=effects,
            quarantine={id_: sha256(ask.raw) for id_, ask in aside.items()},
            last_n={id_: device.last_n for id_, device in view.scan("device")},
        )
        self._cached = (state, truth)
        return truth


def _stored(outcome: Outcome) -> Stored:
    return Stored(
        status=outcome.status,
        code=outcome.code,
        device_id=outcome.device_id,
        n=outcome.n,
        sha256=outcome.digest,
        not_before=outcome.not_before,
        not_after=outcome.not_after,
        suspect=outcome.suspect,
    )


def _loaded(kept: Database, *, first: int) -> Database:
    """Load a dump into another server: rows as they were, written by one transaction of its own."""
    db = Database(first + 1)
    for name, table in kept.copy().tables.items():
        db.tables[name] = Table({key: [(first, versions[-1][1])] for key, versions in table.rows.items()})
    db.completed, db.commits = first, kept.commits
    return db


__all__ = ["Deadlock", "Generator", "ModelHandling", "Server"]
