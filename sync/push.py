"""Push: a device hands in its queue. Owns the order of numbers, chunks and what a fault does; `execute` does the work.

The answer leaves after the last commit and may cover a prefix. Nothing blocks the queue: whatever a single command is, it ends as an
outcome, and only what may pass by itself is an error.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct, field
from msgspec.structs import replace

from jobs.context import Via
from mobile_contract import limits
from mobile_contract.schema.messages import OutcomeBrief, PushAnswer
from sync import outcomes
from sync.ask import decode, told_name
from sync.authors import Arrival, Receipt, asks_of, occurrences
from sync.batch import Plan
from sync.buckets import MEMORY
from sync.devices import Device
from sync.envelopes import HandedIn, Item, Refusal, read_batch, read_items
from sync.execute import Poke, execute, no_listeners, retrying
from sync.faults import may_pass
from sync.keyring import Keyring
from sync.opening import Looking, Opening, open_chunk
from sync.outcomes import Answer
from sync.overruns import Overruns, ran_over
from sync.transaction import on_its_way, org_transaction
from sync.unreadable import keep_unreadable

__all__ = ["Desk", "Refusal", "push"]

log = logging.getLogger("onsite.push")
DAY: Final = timedelta(days=1)
RAISES: Final = 3
BUSY_S: Final = 2
QUOTA_S: Final = 3600


class Desk(Struct, frozen=True, kw_only=True):
    """What push works with. `durable_lag`: how long until a commit outlives the loss of the primary (None: not known)."""

    pool: asyncpg.Pool
    keyring: Keyring
    durable_lag: timedelta | None = None
    poke: Poke = no_listeners
    overruns: Overruns = field(default_factory=Overruns)

    def __repr__(self) -> str:
        return "Desk()"


class _Part(Struct, frozen=True):
    """What became of a stretch of the queue; `refusal` says why the rest was not taken."""

    last_n: int
    outcomes: tuple[OutcomeBrief, ...] = ()
    durable_n: int | None = None
    touched: frozenset[str] = frozenset()
    refusal: Refusal | None = None


async def push(
    desk: Desk, device: Device, body: bytes, *, received_at: datetime, now: datetime
) -> PushAnswer | Refusal:
    """Take in what a device hands in: the bytes of a PushAsk whose request's head arrived at `received_at`.

    Refusal `batch_unreadable` (kept by its hash), `batch_too_large`, `sequence_hole` (about: `expected_n`), `device_forked`,
    `quota_exceeded`. Raises only what may pass by itself, and then nothing of the batch but committed chunks is stored.
    """
    handed = read_batch(body)
    if isinstance(handed, Refusal):
        if handed.code == "batch_unreadable" and not await keep_unreadable(desk.pool, device, body, now=now):
            return Refusal("quota_exceeded", retry_after_s=QUOTA_S)
        return handed
    return await _Handover(desk, device, handed, received_at=received_at, now=now).run()


class _Handover:
    """One request's way through the chunks."""

    def __init__(self, desk: Desk, device: Device, handed: HandedIn, *, received_at: datetime, now: datetime) -> None:
        self._desk, self._device, self._handed = desk, device, handed
        self._received_at, self._now = received_at, now
        self._done: list[_Part] = []
        lines, size = handed.lines, limits.PUSH_CHUNK
        self._chunks = [lines[i : i + size] for i in range(0, len(lines), size)] or [()]
        self._read: list[list[Item]] = []
        self._plans: dict[bytes, Plan] = {}
        lag = desk.durable_lag
        self._looking = Looking(
            since=now - DAY,
            durable_until=None if lag is None else now - lag,
            scope_since=now - MEMORY,
            plans=self._plans,
        )

    async def run(self) -> PushAnswer | Refusal:
        """Take one chunk after the other; stop at the first that is not taken whole."""
        refusal = None
        for number in range(len(self._chunks)):
            if len(self._read) <= number:
                self._read_on()
            refusal = await self._chunk(self._read[number])
            if refusal is not None:
                break
        outcomes_ = tuple(brief for part in self._done for brief in part.outcomes)
        # A fork is always told: a prefix would make the second phone believe that its own commands had arrived.
        if refusal is not None and (not outcomes_ or refusal.code == "device_forked"):
            return refusal
        last = self._done[-1]
        return PushAnswer(last_n=last.last_n, outcomes=outcomes_, server_time=self._now, durable_n=last.durable_n)

    def _read_on(self) -> None:
        """Read the next chunk, if there is one: best while the process would only wait for the commit of the one before."""
        if len(self._read) < len(self._chunks):
            items = read_items(self._device.id, self._chunks[len(self._read)])
            self._plans.update((i.digest, decode(i.name, i.args, Via.DEVICE)) for i in items if not i.barred)
            self._read.append(items)

    async def _chunk(self, chunk: Sequence[Item]) -> Refusal | None:
        try:
            return await self._take(chunk)
        except Exception as error:
            if may_pass(error) and not ran_over(error):
                return self._busy(error)
            log.warning("chunk failed, redone command by command", exc_info=error)
        for item in chunk:
            try:
                refusal = await self._alone(item)
            except Exception as error:
                if not may_pass(error):
                    raise
                return self._busy(error)
            if refusal is not None:
                return refusal
        return None

    async def _alone(self, item: Item) -> Refusal | None:
        """Take a single command in a transaction of its own; one that has raised three times is poison and put aside unseen.

        So is one that keeps running into the time limit of statements, from request to request.
        """
        for _ in range(RAISES - 1):
            try:
                return await self._take([item])
            except Exception as error:
                if ran_over(error) and self._desk.overruns.add(item.id, self._now):
                    break
                if may_pass(error):
                    raise
        log.error(
            "poison: a command was put aside because it cannot be executed",
            extra={"org": str(self._device.org_id), "device": str(self._device.id), "command": str(item.id), "n": item.n,
                   "command_name": told_name(item.name), "code": "server_fault"},
        )  # fmt: skip
        return await self._take([item], poison=frozenset({item.id}))

    async def _take(self, items: Sequence[Item], *, poison: frozenset[UUID] = frozenset()) -> Refusal | None:
        part = await retrying(lambda: self._once(items, poison))
        self._desk.poke(self._device.org_id, part.touched)
        self._done.append(part)
        return part.refusal

    async def _once(self, items: Sequence[Item], poison: frozenset[UUID]) -> _Part:
        """Take a chunk in one transaction: what is known is answered again, what is new is executed in order."""
        org_id, device_id = self._device.org_id, self._device.id
        pool = self._desk.pool
        arrival = Arrival(device_id, self._handed.sent, self._received_at)
        async with org_transaction(pool, org_id, plan_once=True, meanwhile=self._read_on) as conn:
            # As few connections are in use as this push needs.
            alone = pool.get_size() - pool.get_idle_size() <= 1
            async with on_its_way(open_chunk(conn, self._device, items, self._looking, alone=alone)) as opened:
                occurred = occurrences(self._desk.keyring, arrival, items)
            found = opened.result()
            sent = [item for item in items if item.n <= found.last_n]
            new, refusal = self._new(items, found)
            known = await _stored(conn, self._device, sent)
            if known is None:
                return _Part(found.last_n, refusal=Refusal("device_forked"))
            if not new:
                return _Part(found.last_n, _briefs(sent, known), found.durable_n, refusal=refusal)
            receipt = Receipt(
                org_id=org_id,
                device_id=device_id,
                revoked=found.revoked,
                shared=found.shared,
                received_at=self._received_at,
                occurred=occurred,
            )
            asks = asks_of(receipt, found.authors, new)
            beforehand = replace(found.beforehand, taken=(device_id, new[-1].n))
            done = await execute(conn, org_id, asks, now=self._now, poison=poison, beforehand=beforehand)
        briefs = _briefs((*sent, *new), [*known, *done.answers])
        return _Part(new[-1].n, briefs, found.durable_n, done.touched, refusal)

    def _new(self, items: Sequence[Item], found: Opening) -> tuple[list[Item], Refusal | None]:
        """Pick the commands that come next, as far as they are consecutive and within the quota, and say why the rest waits."""
        last_n = found.last_n
        later = [item for item in items if item.n > last_n]
        new = [item for _, item in takewhile(lambda pair: pair[0] == pair[1].n, enumerate(later, last_n + 1))]
        recent = found.earlier_at is not None and found.earlier_at > self._now - DAY
        if later and (recent or found.put_aside > limits.QUARANTINE_BYTES_PER_DAY):
            return [], Refusal("quota_exceeded", retry_after_s=QUOTA_S)
        if len(new) < len(later):
            return new, Refusal("sequence_hole", {"expected_n": str(last_n + len(new) + 1)})
        return new, None

    def _busy(self, error: Exception) -> Refusal:
        """Stop at a fault that may pass: what was committed is answered, else the fault is the caller's to answer."""
        if not self._done:
            raise error
        return Refusal("busy", retry_after_s=BUSY_S)


async def _stored(conn: asyncpg.Connection, device: Device, items: Sequence[Item]) -> list[Answer] | None:
    """Find the answers to commands with numbers that were taken before; None when one of them was another command."""
    found = await outcomes.find_sent(conn, device.org_id, device.id, [(item.n, item.id) for item in items])
    by_n = {answer.n: answer for answer in found if answer.device_id == device.id}
    by_id = {answer.command_id: answer for answer in found}
    answers = []
    for item in items:
        fits = [a for a in (by_n.get(item.n), by_id.get(item.id)) if a is not None and a.digest == item.digest]
        if not fits:
            return None
        answers.append(fits[0])
    return answers


def _briefs(items: Iterable[Item], answers: Iterable[Answer]) -> tuple[OutcomeBrief, ...]:
    return tuple(
        OutcomeBrief(n=item.n, id=item.id, status=answer.status, code=answer.code)
        for item, answer in zip(items, answers, strict=True)
    )
