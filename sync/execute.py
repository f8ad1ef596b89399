"""The one door: every change of the trade's state goes through `execute`, whatever way the command came.

`execute` works inside the caller's transaction; `run` owns one. An answer leaves only after the commit. What a command may do is asked of
`jobs.handlers.apply`; this module owns idempotence, scope, dependencies, and the order of writes.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct

from jobs.context import Via
from jobs.handlers import apply
from jobs.loading import load_organisation, load_work
from jobs.projection import documents_of
from jobs.result import Applied, Merged, PutAside, Refused, Result
from jobs.work import Key, Organisation, Work
from mobile_contract.errors import ERRORS
from mobile_contract.registry import decode_args
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.outcome import Notice, OutcomeStatus
from sync import buckets, dependencies, documents, outcomes, quarantine
from sync.ask import Ask
from sync.dependencies import Wait
from sync.outcomes import Answer
from sync.transaction import org_transaction

log = logging.getLogger("onsite.command")
T = TypeVar("T")
RETRIES = 3
_RETRYABLE = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.LockNotAvailableError,
)
_VERSIONS = "select id, ver from sync_doc where org_id = $1 and kind = 'job' and id = any($2)"


class Executed(Struct, frozen=True):
    """Answers in the order asked, and the buckets to poke once the transaction is committed."""

    answers: tuple[Answer, ...]
    touched: frozenset[str]


class HandlerFault(Exception):
    """A handler raised: nothing of the transaction may be kept. The caller runs it anew, or names the command as poison."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(f"{ask.name} {ask.id}")
        self.ask = ask


async def run(
    pool: asyncpg.Pool,
    org_id: UUID,
    asks: Sequence[Ask],
    *,
    now: datetime,
    poke: Callable[[UUID, Iterable[str]], None] = lambda org_id, touched: None,
) -> tuple[Answer, ...]:
    """Execute commands in one transaction of their own and answer after its commit.

    Retries 40P01, 40001 and lost races for a new row three times. Raises HandlerFault when a handler raises; then nothing is changed.
    """

    async def once() -> Executed:
        async with org_transaction(pool, org_id) as conn:
            return await execute(conn, org_id, asks, now=now)

    done = await retrying(once)
    poke(org_id, done.touched)
    return done.answers


async def retrying(once: Callable[[], Awaitable[T]]) -> T:
    """Run a whole transaction, anew when it lost against another one; the last failure is raised."""
    for _ in range(RETRIES):
        try:
            return await once()
        except _RETRYABLE as error:
            log.info("retry %s", type(error).__name__)
    return await once()


async def execute(
    conn: asyncpg.Connection,
    org_id: UUID,
    asks: Sequence[Ask],
    *,
    now: datetime,
    poison: frozenset[UUID] = frozenset(),
) -> Executed:
    """Execute commands in order inside the caller's transaction; answers come in that order.

    A command whose id has an answer gets that answer again (other bytes: `id_reused`). Commands in `poison` are put aside unseen as
    `server_fault`. Held decisions that the answers release are executed too. Raises HandlerFault.
    """
    batch = _Batch(conn, await load_organisation(conn, org_id), now, poison)
    await batch.round(asks)
    answers = batch.order
    released = await dependencies.release(conn, org_id, batch.resolved())
    while released:
        await batch.round(released)
        released = await dependencies.release(conn, org_id, batch.resolved())
    touched = await batch.write()
    return Executed(tuple(answers), frozenset(touched))


class _Batch:
    """The state of one call of `execute`: what was answered, put aside, held and changed so far."""

    def __init__(self, conn: asyncpg.Connection, org: Organisation, now: datetime, poison: frozenset[UUID]) -> None:
        self.conn, self.org, self.now, self.poison = conn, org, now, poison
        self.known: dict[UUID, Answer] = {}
        self.order: list[Answer] = []
        self.fresh: dict[UUID, Answer] = {}
        self.aside: list[quarantine.Entry] = []
        self.held: list[Ask] = []
        self.changed: set[Key] = set()
        self._resolved: set[UUID] = set()

    def resolved(self) -> set[UUID]:
        """Name the commands that became resolved since the last call."""
        done, self._resolved = self._resolved, set()
        return done

    async def round(self, asks: Sequence[Ask]) -> None:
        """Answer the asks one after the other over one load, and write their rows."""
        self.order = []
        ids = {i for ask in asks for i in (ask.id, *ask.after)} - self.known.keys()
        self.known.update(await outcomes.find(self.conn, self.org.org_id, ids))
        decoded = {ask.id: _decode(ask) for ask in asks if not self._is_known(ask)}
        runnable = [(c, ask.deed()) for ask in asks if isinstance(c := decoded.get(ask.id), Command)]
        work = await load_work(self.conn, self.org, runnable)
        versions = await self._versions(asks, decoded)
        scoped = await self._in_scope(asks, decoded)
        for ask in asks:
            if self._is_known(ask):
                self.order.append(self._repeat(ask))
                continue
            started = decoded[ask.id]
            result = started if isinstance(started, Refused | PutAside) else self._check(ask, started, scoped, versions)
            if result is None and isinstance(started, Command):
                result = self._apply(work, ask, started)
            if result is not None:
                self.order.append(self._answer(work, ask, result, _job_of(started)))
        await work.flush(self.conn)
        self.changed.update(work.changed)

    async def write(self) -> set[str]:
        """Write answers, quarantine, held decisions, documents and scopes; return the buckets touched."""
        org_id = self.org.org_id
        fresh = list(self.fresh.values())
        await outcomes.save(self.conn, org_id, fresh)
        await quarantine.save(self.conn, org_id, self.aside)
        await dependencies.hold(
            self.conn, org_id, [a for a in self.held if self.fresh[a.id].status == OutcomeStatus.HELD], self.now
        )
        keys = await documents_of(self.conn, org_id, self.changed)
        given = [p for answer in fresh if (p := outcomes.document_of(answer)) is not None]
        touched = await documents.write(self.conn, org_id, keys, given)
        await buckets.follow(self.conn, org_id, self.changed, self.now)
        return touched

    def _is_known(self, ask: Ask) -> bool:
        known = self.known.get(ask.id)
        return known is not None and not (ask.released and known.status is OutcomeStatus.HELD)

    def _repeat(self, ask: Ask) -> Answer:
        known = self.known[ask.id]
        if known.digest == ask.digest:
            return msgspec.structs.replace(known, repeated=True, n=ask.n if ask.n is not None else known.n)
        if ask.actor.via is Via.DEVICE:
            self.aside.append(quarantine.entry(ask, "id_reused", self.now))
            return ask.answer(OutcomeStatus.QUARANTINED, "id_reused", self.now)
        return ask.answer(OutcomeStatus.REJECTED, "id_reused", self.now)

    def _check(self, ask: Ask, command: Command, scoped: set[UUID], versions: dict[UUID, int]) -> Result | Wait | None:
        """Judge what comes before the handler: poison, dependencies, scope, If-Match. None: go on."""
        if ask.id in self.poison:
            return PutAside("server_fault")
        if not ask.is_fact and ask.after:
            verdict = dependencies.judge(ask, self.known)
            if verdict is not None:
                return verdict
        if ask.id not in scoped:
            return PutAside("out_of_scope")
        if ask.expected_ver is not None and versions.get(_job_of(command) or ask.id) != ask.expected_ver:
            return Refused("precondition_failed")
        return None

    def _apply(self, work: Work, ask: Ask, command: Command) -> Result:
        unresolved = ask.is_fact and any(i not in self.known or not self.known[i].resolved for i in ask.after)
        try:
            return apply(work, command, ask.deed(after_unresolved=unresolved))
        except Exception as error:
            log.exception("handler failed", extra={"command": str(ask.id), "command_name": ask.name})
            raise HandlerFault(ask) from error

    def _answer(self, work: Work, ask: Ask, result: Result | Wait, job_id: UUID | None) -> Answer:
        answer = msgspec.structs.replace(_answer(ask, result, self.now), job_id=job_id)
        if answer.status is OutcomeStatus.QUARANTINED:
            self.aside.append(quarantine.entry(ask, answer.code, self.now, detail=answer.detail, job_id=job_id))
        if answer.status is OutcomeStatus.HELD:
            self.held.append(ask)
        if answer.resolved:
            self._resolved.add(ask.id)
        notice = _notice(ask, answer)
        if notice is not None:
            work.put(notice)
            work.keep()
        self.known[ask.id] = self.fresh[ask.id] = answer
        log.info(
            "command",
            extra={"org": str(self.org.org_id), "actor": str(ask.actor.person_id), "command": str(ask.id),
                   "command_name": ask.name, "status": answer.status, "code": answer.code},
        )  # fmt: skip
        return answer

    async def _versions(
        self, asks: Sequence[Ask], decoded: "dict[UUID, Command | Refused | PutAside]"
    ) -> dict[UUID, int]:
        jobs = {_job_of(decoded.get(ask.id)) for ask in asks if ask.expected_ver is not None} - {None}
        if not jobs:
            return {}
        return {r["id"]: r["ver"] for r in await self.conn.fetch(_VERSIONS, self.org.org_id, list(jobs))}

    async def _in_scope(self, asks: Sequence[Ask], decoded: "dict[UUID, Command | Refused | PutAside]") -> set[UUID]:
        """Name the asks that may be judged: all but a device's facts on jobs that were never in its person's scope."""
        made = {
            _job_of(c) for c in decoded.values() if isinstance(c, Command) and c.__struct_config__.tag == "report_job"
        }
        facts: list[tuple[UUID, UUID, UUID]] = []
        for ask in asks:
            job_id = _job_of(decoded.get(ask.id))
            person_id = ask.on_behalf_of or ask.actor.person_id
            if ask.is_fact and ask.actor.via is Via.DEVICE and job_id and job_id not in made and person_id:
                facts.append((ask.id, person_id, job_id))
        found = await buckets.were_in_scope(self.conn, self.org.org_id, [(p, j) for _, p, j in facts], self.now)
        strangers = {id for (id, _, _), seen in zip(facts, found, strict=True) if not seen}
        return {ask.id for ask in asks} - strangers


def _decode(ask: Ask) -> Command | Refused | PutAside:
    try:
        return decode_args(ask.name, ask.args)
    except KeyError:
        return PutAside("unknown_command") if ask.actor.via is Via.DEVICE else Refused("unknown_command")
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        detail = {"error": str(error)[:300]}
        return PutAside("invalid", detail) if ask.is_fact else Refused("invalid", detail)


def _job_of(command: object) -> UUID | None:
    job_id = getattr(command, "job_id", None)
    return job_id if isinstance(job_id, UUID) else None


def _answer(ask: Ask, result: Result | Wait, now: datetime) -> Answer:
    match result:
        case Applied(code=code, flags=flags):
            return ask.answer(OutcomeStatus.APPLIED, code, now, flags=flags)
        case Merged(code=code, detail=detail):
            return ask.answer(OutcomeStatus.MERGED, code, now, detail=detail)
        case Refused(code=code, detail=detail):
            return ask.answer(OutcomeStatus.REJECTED, code, now, detail=detail)
        case PutAside(code=code, detail=detail):
            return ask.answer(OutcomeStatus.QUARANTINED, code, now, detail=detail)
        case Wait(code=code):
            return ask.answer(OutcomeStatus.HELD, code, now)


def _notice(ask: Ask, answer: Answer) -> Notice | None:
    """Tell the author of an offline command what the outcome's code alone does not: the details, in words."""
    if ask.actor.via is not Via.DEVICE or ask.actor.person_id is None or answer.status is OutcomeStatus.HELD:
        return None
    if answer.status is OutcomeStatus.APPLIED:
        return None
    entry = ERRORS[answer.code]
    about = ", ".join(f"{key}: {value}" for key, value in sorted(answer.detail.items()))
    return Notice(
        id=uuid5(ask.id, "notice"),
        person_id=ask.actor.person_id,
        code=answer.code,
        text=LocalText(en=entry.en, zh=entry.zh),
        at=answer.decided_at,
        job_id=answer.job_id,
        command_id=ask.id,
        about=about[:300],
    )
