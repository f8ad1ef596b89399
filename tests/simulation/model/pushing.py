"""The model's push: identity of commands, numbers, chunks, what a fault does to the queue. The answer leaves after the last commit."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mobile_contract.schema.clock import ClockSample
from sync.clock import AnchorClaims, correct
from tests.simulation.backend import Answer
from tests.simulation.model.commands import HandlerRaised
from tests.simulation.model.database import Deadlock
from tests.simulation.model.execute import Run
from tests.simulation.model.faults import Fault
from tests.simulation.model.rows import Ask, Device, Outcome, Session

if TYPE_CHECKING:
    from tests.simulation.model.server import Server

_RAISES: Final = 3


class _Line(Struct):
    n: int
    session: Any = None
    cmd: Raw = Raw(b"")


class _Skip(Struct):
    n: int
    id: UUID
    sha256: str


class _Batch(Struct):
    sent: ClockSample
    commands: list[_Line] = []
    skips: list[_Skip] = []


class _Item(Struct, frozen=True):
    n: int
    session: Any
    ask: Ask


class _Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


def problem(status: int, code: str, **about: str) -> Answer:
    """Refuse."""
    body = {"type": "about:blank", "title": code, "status": status, "code": code, "instance": "", "about": about}
    return Answer(status, json.dumps(body).encode())


class Push:
    """One push under way."""

    def __init__(self, server: "Server", device_id: UUID, at_work: UUID | None, received_at: datetime) -> None:
        self._server, self._device_id, self._at_work = server, device_id, at_work
        self._received_at = received_at
        self._briefs: list[dict[str, Any]] = []
        self._last_n = 0
        self._durable_n: int | None = None

    def run(self, body: bytes) -> Run:
        """Take a batch in; gives the answer."""
        try:
            batch = msgspec.json.decode(body, type=_Batch)
        except (msgspec.MsgspecError, ValueError):
            return problem(422, "batch_unreadable")
        items = [self._item(line) for line in batch.commands] + [self._skipped(skip) for skip in batch.skips]
        items.sort(key=lambda item: item.n)
        size = self._server.setting.chunk
        for i in range(0, len(items), size) if items else (0,):
            refused = yield from self._chunk(items[i : i + size], batch.sent)
            if refused is not None:
                if not self._briefs or b"device_forked" in refused.body:
                    return refused
                break
        answer = {
            "last_n": self._last_n,
            "outcomes": self._briefs,
            "server_time": self._server.now.isoformat(),
            "durable_n": self._durable_n,
        }
        return Answer(200, json.dumps(answer).encode())

    def _chunk(self, items: Sequence[_Item], sent: ClockSample) -> Run:
        try:
            return (yield from self._take(items, sent))
        except HandlerRaised:
            pass
        for item in items:
            refused = yield from self._alone(item, sent)
            if refused is not None:
                return refused
        return None

    def _alone(self, item: _Item, sent: ClockSample) -> Run:
        for _ in range(_RAISES - 1):
            try:
                return (yield from self._take([item], sent))
            except HandlerRaised:
                continue
        if Fault.POISON_STOPS_QUEUE in self._server.faults:
            return problem(500, "internal")
        return (yield from self._take([item], sent, frozenset({item.ask.id})))

    def _take(self, items: Sequence[_Item], sent: ClockSample, poison: frozenset[UUID] = frozenset()) -> Run:
        for _ in range(4):
            txn = self._server.db.begin()
            try:
                return (yield from self._once(txn, items, sent, poison))
            except _Refused as refusal:
                return refusal.answer
            except Deadlock:
                yield
            finally:
                if txn not in self._server.postponed:
                    txn.abort()
        return problem(503, "busy")

    def _once(self, txn: Any, items: Sequence[_Item], sent: ClockSample, poison: frozenset[UUID]) -> Run:
        server, faults = self._server, self._server.faults
        yield from txn.lock(("device", self._device_id))
        yield
        device: Device = txn.read("device", self._device_id)
        known, new, answer = self._sorted(txn, device, items)
        if new:
            batch = server.batch(txn)
            batch.poison = poison
            asks = [self._judged(txn, item, sent, device) for item in new]
            for item in new:
                txn.write(f"taken/{self._device_id}", item.n, (item.ask.id, server.now))
            done = yield from batch.run(asks)
            known += [(item.n, item.ask.id, outcome) for item, (_, outcome) in zip(new, done, strict=True)]
            highest = max(new[-1].n, device.last_n)
            txn.write("device", self._device_id, replace(txn.read("device", self._device_id), last_n=highest))
        yield
        self._durable_n = self._durable(txn)
        self._last_n = txn.read("device", self._device_id).last_n
        briefs = [
            {"n": n, "id": str(id), "status": o.status, "code": o.code}
            if o
            else {"n": n, "id": str(id), "status": "applied"}
            for n, id, o in known
        ]
        self._briefs += briefs
        if Fault.ANSWER_BEFORE_COMMIT in faults:
            server.postponed.append(txn)
            return answer
        if new:
            txn.commit()
        yield
        return answer

    def _sorted(self, txn: Any, device: Device, items: Sequence[_Item]) -> tuple[list[Any], list[_Item], Answer | None]:
        """Tell what is known, what is new, and why the rest is not taken. Raises _Refused."""
        faults, answer = self._server.faults, None
        known: list[Any] = []
        new: list[_Item] = []
        for item in items:
            if item.n <= device.last_n and Fault.N_NOT_CHECKED not in faults:
                known.append((item.n, *self._stored(txn, item)))
            elif (
                item.n == device.last_n + len(new) + 1 or Fault.HOLES_ALLOWED in faults or Fault.N_NOT_CHECKED in faults
            ):
                new.append(item)
            else:
                answer = problem(409, "sequence_hole", expected_n=str(device.last_n + len(new) + 1))
                break
        return known, new, answer

    def _stored(self, txn: Any, item: _Item) -> tuple[UUID, Outcome | None]:
        taken = txn.read(f"taken/{self._device_id}", item.n)
        ids = [item.ask.id, uuid5(item.ask.id, item.ask.digest.hex()), *([taken[0]] if taken else [])]
        for id in ids:
            outcome: Outcome | None = txn.read("outcome", id)
            if outcome is not None and outcome.digest == item.ask.digest:
                return item.ask.id, outcome
        if taken and Fault.FORK_UNNOTICED in self._server.faults:
            return item.ask.id, txn.read("outcome", taken[0])
        if Fault.OUTCOME_NOT_STORED in self._server.faults:
            return item.ask.id, None
        raise _Refused(problem(409, "device_forked"))

    def _durable(self, txn: Any) -> int | None:
        lag_s = self._server.setting.lag_s
        if lag_s is None:
            return None
        if Fault.DURABLE_TOO_EARLY in self._server.faults:
            return int(txn.read("device", self._device_id).last_n)
        until = self._server.now - timedelta(seconds=lag_s)
        numbers = [n for n, (_, at) in txn.scan(f"taken/{self._device_id}") if at <= until]
        return max(numbers, default=0)

    def _item(self, line: _Line) -> _Item:
        cmd = bytes(line.cmd)
        digest = hashlib.sha256(cmd).digest()
        known: dict[str, Any] = {
            "id": uuid5(self._device_id, f"{line.n}/{digest.hex()}"),
            "name": "unreadable",
            "barred": "invalid",
        }
        try:
            envelope = json.loads(cmd)
            known["id"] = UUID(envelope["id"])
            known["name"] = str(envelope["name"])
            known |= {
                "args": dict(envelope["args"]),
                "after": tuple(UUID(id) for id in envelope.get("after", ())),
                "at": msgspec.convert(envelope["at"], ClockSample),
                "barred": "",
            }
        except (ValueError, KeyError, TypeError, AttributeError, msgspec.MsgspecError):
            known |= {"args": {}}
        return _Item(
            line.n,
            line.session,
            Ask(digest=digest, raw=cmd, device_id=self._device_id, person_id=None, n=line.n, **known),
        )

    def _skipped(self, skip: _Skip) -> _Item:
        ask = Ask(
            id=skip.id, name="skip", args={}, digest=bytes.fromhex(skip.sha256), raw=b"", device_id=self._device_id,
            person_id=None, n=skip.n, barred="skipped",
        )  # fmt: skip
        return _Item(skip.n, None, ask)

    def _judged(self, txn: Any, item: _Item, sent: ClockSample, device: Device) -> Ask:
        """Complete a command with whose deed it is and when it happened."""
        faults, ask = self._server.faults, item.ask
        session: Session | None = None
        try:
            session = txn.read("session", UUID(item.session))
        except (ValueError, TypeError, AttributeError):
            session = None
        if session is not None and session.device_id != self._device_id:
            session = None
        person_id = session.person_id if session else None
        if Fault.AUTHOR_IS_WHO_SENDS in faults and self._at_work is not None:
            person_id = self._at_work
        if session is not None and session.to_at < self._server.now and Fault.SHIFT_STOPS_QUEUE in faults:
            raise _Refused(problem(401, "unauthenticated"))
        barred = ask.barred or ("" if person_id is not None else "session_unknown")
        ask = replace(ask, person_id=person_id, revoked=device.revoked, barred=barred)
        return self._timed(ask, sent) if ask.at is not None else ask

    def _timed(self, ask: Ask, sent: ClockSample) -> Ask:
        assert ask.at is not None
        if Fault.CLOCK_BY_WALL in self._server.faults:
            return replace(
                ask, not_before=ask.at.wall - timedelta(seconds=5), not_after=ask.at.wall + timedelta(seconds=5)
            )
        anchor = self._server.anchor_of(ask.at, self._device_id)
        claims = None if anchor is None else AnchorClaims(anchor, self._device_id)
        time = correct(ask.at, sent, self._received_at, claims)
        return replace(ask, not_before=time.not_before, not_after=time.not_after, suspect=time.suspect)
