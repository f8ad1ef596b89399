"""A server in memory, for what a device must get right by itself: pages, queue, crashes. The real server is tested elsewhere.

It speaks the messages of the contract over a `post` of its own, cuts its pages small, and can be told to misbehave.
"""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from mobile_contract.client import Response, Unreachable
from mobile_contract.digest import Digest, command_digest, document_hash, to_hex
from mobile_contract.ranges import differing, range_of, range_sums, sums_from_wire
from mobile_contract.schema.access import EnrolAnswer, SessionGrant, SessionsAnswer
from mobile_contract.schema.base import Document
from mobile_contract.schema.messages import (
    Begin,
    CommandEnvelope,
    Del,
    End,
    Mend,
    OutcomeBrief,
    PullAsk,
    PushAnswer,
    PushAsk,
    Put,
    RepairAsk,
)
from mobile_contract.schema.outcome import DeviceState, Outcome, OutcomeStatus

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
ORG = UUID(int=0xA)
Key = tuple[str, UUID]


class TestClock:
    """Clocks that a test turns by hand; sleeping turns them too."""

    __test__ = False

    def __init__(self) -> None:
        self.now, self.mono, self.boot_name = START, 1_000_000, "boot-1"
        self.slept: list[float] = []

    def wall(self) -> datetime:
        return self.now

    def mono_ms(self) -> int:
        return self.mono

    def boot(self) -> str:
        return self.boot_name

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.mono += int(seconds * 1000)


class Cursor(Struct):
    life: UUID
    seq: int
    buckets: list[str]
    partial: str | None = None
    after: str = ""
    resets: list[str] = []


class Stored(Struct):
    digest: bytes
    n: int
    brief: OutcomeBrief


class Office:
    """The server. `faults` are taken one per request, before or after its work; `answers_for` decides on each command."""

    def __init__(self) -> None:
        self.device_id = UUID(int=0xD1)
        self.person = UUID(int=0xE1)
        self.zone = "Asia/Shanghai"
        self.life = UUID(int=1)
        self.seq = 0
        self.now = START
        self.bodies: dict[Key, tuple[int, bytes]] = {}
        self.members: dict[tuple[str, str, UUID], tuple[int, bool]] = {}
        self.scope = [f"dev/{self.device_id}", f"me/{self.person}"]
        self.page_documents = 1_000
        self.last_n = 0
        self.durable_n: int | None = None
        self.stored: dict[UUID, Stored] = {}
        self.effects: list[UUID] = []
        self.requests: list[tuple[str, object]] = []
        self.bytes_of: dict[UUID, bytes] = {}
        self.prefix = 1_000
        self.unreadable: set[UUID] = set()
        self.sessions = [self.grant(self.person, UUID(int=0x51), "Li")]
        self.faults: list[Callable[[], Response | None]] = []
        self.lose_answers: random.Random | None = None
        self.decide: Callable[[CommandEnvelope], OutcomeStatus] = lambda cmd: OutcomeStatus.APPLIED

    def grant(self, person: UUID, session: UUID, name: str) -> SessionGrant:
        return SessionGrant(
            session_id=session,
            person_id=person,
            name=name,
            from_at=START - timedelta(days=1),
            to_at=START + timedelta(days=9),
        )

    # documents

    def put(self, kind: str, document: Document, *buckets: str) -> None:
        self.put_bytes(kind, document.id, msgspec.json.encode(document), *buckets)

    def put_bytes(self, kind: str, id: UUID, body: bytes, *buckets: str) -> None:
        self.seq += 1
        self.bodies[kind, id] = (self.bodies.get((kind, id), (0, b""))[0] + 1, body)
        held = {b for (b, k, i), (_, gone) in self.members.items() if (k, i) == (kind, id) and not gone}
        for bucket in buckets:
            self.members[bucket, kind, id] = (self.seq, False)
        for bucket in held - set(buckets):
            self.members[bucket, kind, id] = (self.seq, True)

    def remove(self, kind: str, id: UUID) -> None:
        self.put_bytes(kind, id, b"{}")

    def keys(self, bucket: str) -> list[Key]:
        return sorted((k, i) for (b, k, i), (_, gone) in self.members.items() if b == bucket and not gone)

    def hash(self, key: Key) -> int:
        ver, body = self.bodies[key]
        return document_hash(*key, ver, body)

    def digest(self, bucket: str) -> Digest:
        return Digest.of(self.hash(key) for key in self.keys(bucket))

    def projection(self) -> dict[Key, tuple[int, bytes]]:
        return {key: self.bodies[key] for bucket in self.scope for key in self.keys(bucket)}

    def digests(self) -> dict[str, Digest]:
        return {bucket: self.digest(bucket) for bucket in self.scope}

    # requests

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        if self.faults and (early := self.faults.pop(0)()) is not None:
            return early
        answer = self._routes[path](self, body)
        if self.lose_answers is not None and self.lose_answers.random() < 0.3:
            raise Unreachable("the answer was lost")
        return answer

    def fail(self, status: int, code: str = "", **headers: str) -> None:
        problem = msgspec.json.encode({"code": code, "title": code})
        self.faults.append(lambda: Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, problem))

    def lose_next_request(self) -> None:
        def lost() -> None:
            raise Unreachable("no network")

        self.faults.append(lost)

    def lose_next_answer(self) -> None:
        answers = iter([0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])

        class Once(random.Random):
            def random(self) -> float:
                return next(answers, 1.0)

        self.lose_answers = Once()

    def _enrol(self, body: bytes) -> Response:
        self.requests.append(("enrol", msgspec.json.decode(body)))
        return _ok(
            EnrolAnswer(
                device_id=self.device_id,
                device_token="osd_secret",
                org_id=ORG,
                server_time=self.now,
                sessions=tuple(self.sessions),
                person_id=self.person,
                zone=self.zone,
            )
        )

    def _renew(self, body: bytes) -> Response:
        return _ok(SessionsAnswer(server_time=self.now, sessions=tuple(self.sessions), zone=self.zone))

    def _push(self, body: bytes) -> Response:
        ask = msgspec.json.decode(body, type=PushAsk)
        self.requests.append(("push", ask))
        numbered: dict[int, tuple[UUID, bytes, CommandEnvelope | None]] = {}
        for each in ask.commands:
            envelope = msgspec.json.decode(each.cmd, type=CommandEnvelope)
            if envelope.id in self.unreadable:
                return _problem(422, "batch_unreadable")
            known = self.bytes_of.setdefault(envelope.id, bytes(each.cmd))
            assert known == bytes(each.cmd), "a command changed between two sendings"
            numbered[each.n] = (envelope.id, command_digest(bytes(each.cmd)), envelope)
        for skip in ask.skips:
            numbered[skip.n] = (skip.id, bytes.fromhex(skip.sha256), None)
        assert sorted(numbered) == list(range(min(numbered), max(numbered) + 1)), "a gap inside one push"
        if min(numbered) > self.last_n + 1:
            return _problem(409, "sequence_hole", expected_n=str(self.last_n + 1))
        outcomes: list[OutcomeBrief] = []
        for n in sorted(numbered)[: self.prefix]:
            id, digest, made = numbered[n]
            there = next((s for s in self.stored.values() if s.n == n), None)
            stored = self.stored.get(id) or (there if there and there.digest == digest else None)
            if stored is None:
                if there is not None:
                    return _problem(409, "device_forked")
                stored = self._execute(n, id, digest, made)
            outcomes.append(msgspec.structs.replace(stored.brief, n=n, id=id))
            self.last_n = max(self.last_n, n)
        return _ok(
            PushAnswer(last_n=self.last_n, outcomes=tuple(outcomes), server_time=self.now, durable_n=self.durable_n)
        )

    def _execute(self, n: int, id: UUID, digest: bytes, envelope: CommandEnvelope | None) -> Stored:
        status = self.decide(envelope) if envelope else OutcomeStatus.QUARANTINED
        code = "ok" if envelope else "skipped"
        self.effects.append(id)
        stored = self.stored[id] = Stored(digest, n, OutcomeBrief(n=n, id=id, status=status, code=code))
        self.settle(id, status, code)
        return stored

    def settle(self, id: UUID, status: OutcomeStatus, code: str = "ok") -> None:
        """Publish an outcome; also what a held command ends with."""
        n = self.stored[id].n
        self.stored[id].brief = OutcomeBrief(n=n, id=id, status=status, code=code)
        self.put("outcome", Outcome(id=id, status=status, code=code, n=n), f"dev/{self.device_id}")

    def order_wipe(self) -> None:
        state = DeviceState(id=self.device_id, name="phone", revoked=True, wipe=True)
        self.put("device", state, f"dev/{self.device_id}")
        self.scope = [f"dev/{self.device_id}"]

    def new_life(self, last_n: int) -> None:
        """Come back from a backup that knew commands up to `last_n`."""
        self.life = UUID(int=self.life.int + 1)
        for id in [id for id, stored in self.stored.items() if stored.n > last_n]:
            del self.stored[id]
            self.effects.remove(id)
            self.bodies.pop(("outcome", id))
            self.members.pop((f"dev/{self.device_id}", "outcome", id))
        self.last_n = last_n

    def _pull(self, body: bytes) -> Response:
        ask = msgspec.json.decode(body, type=PullAsk)
        self.requests.append(("pull", ask))
        old = msgspec.json.decode(ask.cursor, type=Cursor) if ask.cursor else None
        if old is not None and old.life != self.life:
            if ask.digests is None:
                begin = self._begin(compare=True)
                return _page([begin, End(cursor=ask.cursor, acked_n=self.last_n, more=True)])
            return self._compared(ask)
        return self._delta(ask, old or Cursor(self.life, 0, []))

    def _compared(self, ask: PullAsk) -> Response:
        assert ask.digests is not None
        keep = [b for b in self.scope if ask.digests.get(b) == self.digest(b).to_wire()]
        resets = [b for b in self.scope if b not in keep]
        return self._delta(ask, Cursor(self.life, self.seq, keep, None, "", resets), keep=tuple(keep))

    def _delta(
        self, ask: PullAsk, old: Cursor, *, keep: tuple[str, ...] = (), mend: list[Mend] | None = None
    ) -> Response:
        room = self.page_documents
        drop = [b for b in old.buckets if b not in self.scope]
        buckets = [b for b in old.buckets if b in self.scope]
        partial, after = (old.partial, old.after) if old.partial in buckets else (None, "")
        frames: list[Struct] = []
        for (bucket, kind, id), (seq, gone) in sorted(self.members.items()):
            if bucket in buckets and seq > old.seq and (bucket != partial or _text(kind, id) <= after):
                frames.append(self._frame(bucket, (kind, id), buckets, gone=gone))
        add: list[str] = []
        reset: list[str] = []
        resets = [b for b in old.resets if b in self.scope]
        if partial is not None:
            room, partial, after = self._fill(frames, partial, buckets, after, room)
        for bucket in self.scope:
            if bucket in buckets or partial is not None or room <= 0:
                continue
            buckets.append(bucket)
            (reset if bucket in resets else add).append(bucket)
            resets = [b for b in resets if b != bucket]
            room, partial, after = self._fill(frames, bucket, buckets, "", room)
        more = partial is not None or set(buckets) != set(self.scope)
        cursor = Cursor(self.life, self.seq, buckets, partial, after, resets)
        # A put names all its buckets at once in the real protocol; one by one must give the same.
        begin = self._begin(
            buckets=(*buckets, *resets), add=tuple(add), keep=keep, reset=tuple(reset), drop=tuple(drop)
        )
        digests = (
            {b: self.digest(b).to_wire() for b in buckets if b != partial} if ask.check and not more else msgspec.UNSET
        )
        end = End(cursor=msgspec.json.encode(cursor).decode(), acked_n=self.last_n, more=more, digests=digests)
        return _page([begin, *(mend or []), *frames, end])

    def _fill(
        self, frames: list[Struct], bucket: str, buckets: list[str], after: str, room: int
    ) -> tuple[int, str | None, str]:
        for key in self.keys(bucket):
            if _text(*key) <= after:
                continue
            if room <= 0:
                return room, bucket, after
            frames.append(self._frame(bucket, key, buckets, gone=False))
            after, room = _text(*key), room - 1
        return room, None, ""

    def _repair(self, body: bytes) -> Response:
        ask = msgspec.json.decode(body, type=RepairAsk)
        self.requests.append(("repair", ask))
        assert ask.cursor is not None
        old = msgspec.json.decode(ask.cursor, type=Cursor)
        keys = self.keys(ask.bucket)
        wrong = differing(range_sums((i, self.hash((k, i))) for k, i in keys), sums_from_wire(ask.sums))
        number = old.buckets.index(ask.bucket)
        begin, *frames, end = msgspec.json.Decoder(Begin | Put | Del | End).decode_lines(
            self._delta(PullAsk(), old).body
        )
        repaired = [self._frame(ask.bucket, key, old.buckets, gone=False) for key in keys if range_of(key[1]) in wrong]
        return _page([begin, *frames, Mend(b=number, ranges=tuple(wrong)), *repaired, end])

    def _frame(self, bucket: str, key: Key, buckets: list[str], *, gone: bool) -> Struct:
        number = (buckets.index(bucket),)
        if gone:
            return Del(b=number, kind=key[0], id=key[1])
        ver, body = self.bodies[key]
        return Put(b=number, kind=key[0], id=key[1], ver=ver, h=to_hex(self.hash(key)), body=Raw(body))

    def _begin(self, **fields: object) -> Begin:
        return Begin(life=self.life, server_time=self.now, anchor=f"anchor-{len(self.requests)}", **fields)  # type: ignore[arg-type]

    _routes = {
        "/sync/v1/enrol": _enrol,
        "/sync/v1/sessions": _renew,
        "/sync/v1/push": _push,
        "/sync/v1/pull": _pull,
        "/sync/v1/repair": _repair,
    }


def _text(kind: str, id: UUID) -> str:
    return f"{kind} {id}"


def _ok(message: Struct) -> Response:
    return Response(200, {}, msgspec.json.encode(message))


def _problem(status: int, code: str, **about: str) -> Response:
    return Response(status, {}, msgspec.json.encode({"code": code, "about": about}))


def _page(frames: list[Struct]) -> Response:
    return Response(200, {}, b"".join(msgspec.json.encode(frame) + b"\n" for frame in frames))
