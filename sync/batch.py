"""The commands of one call of `execute`: what was known, answered, put aside, held and changed so far, and the order in which it is written.

Owns idempotence, scope and dependencies; what a command may do is asked of `jobs.handlers.apply`. Never opens or ends a transaction.
"""

import logging
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from itertools import pairwise
from time import perf_counter
from typing import cast
from uuid import UUID, uuid5

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from jobs.context import Via
from jobs.handlers import apply
from jobs.loading import load_work
from jobs.projection import Projected, documents_of
from jobs.reports import documents_told, only_reports
from jobs.result import Applied, Merged, PutAside, Refused, Result
from jobs.work import Key, Organisation, Work
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import ClaimJob
from mobile_contract.schema.facts import ReportJob
from mobile_contract.schema.outcome import OutcomeStatus, Resolution
from mobile_contract.schema.people import Role
from mobile_contract.schema.reconciliation_commands import ReconcileDay
from sync import buckets, dependencies, documents, notices, outcomes, quarantine
from sync.ask import Ask, decode, told_name
from sync.dependencies import Wait
from sync.outcomes import Answer
from sync.transaction import on_its_way

log = logging.getLogger("onsite.command")
_VERSIONS = "select id, ver from sync_doc where org_id = $1 and kind = 'job' and id = any($2) order by id limit $3"

# So many commands are judged at a time: fewer and a statement's beginning outweighs what is gained.
_STRETCH = 13

_SUMMING = frozenset({ReconcileDay.__struct_config__.tag})

Plan = Command | Refused | PutAside | None
# Types themselves: `isinstance` of a Struct asks its abstract base class, for each of thousands of commands.
_NO_COMMAND = (Refused, PutAside, type(None))


class HandlerFault(Exception):
    """A handler raised: nothing of the transaction may be kept. The caller runs it anew, or names the command as poison."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(f"{ask.name} {ask.id}")
        self.ask = ask


class Beforehand(Struct, frozen=True, kw_only=True):
    """What the caller of `execute` has looked up in the same transaction, so that it is not asked again.

    `unanswered`: commands without an answer; `waiting`: some decision is held; `plans`: commands as they were read, by digest; `scope`:
    whether a (person, job) was in scope; `taken`: how far a device's queue is taken with this, (device, n); `alone`: nobody else has work
    for this process while the database works.
    """

    org: Organisation
    unanswered: frozenset[UUID] = frozenset()
    waiting: bool = True
    alone: bool = False
    taken: tuple[UUID, int] | None = None
    plans: Mapping[bytes, Plan] = {}
    scope: Mapping[tuple[UUID, UUID], bool] = {}


class _Checks(Struct, frozen=True):
    """What was looked up for a round: versions of jobs (for If-Match), and the asks whose job was never in scope."""

    versions: Mapping[UUID, int]
    strangers: frozenset[UUID]


class Batch:
    """One call of `execute`. Rounds first, each over one load; then one `write`."""

    def __init__(
        self, conn: asyncpg.Connection, beforehand: Beforehand, now: datetime, poison: frozenset[UUID] = frozenset()
    ) -> None:
        self._conn, self._org, self._now, self._poison = conn, beforehand.org, now, poison
        self._beforehand = beforehand
        self._lines: list[dict[str, object]] = []
        self._known: dict[UUID, Answer] = {}
        self._fresh: dict[UUID, Answer] = {}
        self._changed_answers: dict[UUID, Answer] = {}
        self._adopted: dict[UUID, Answer] = {}
        self._aside: list[quarantine.Entry] = []
        self._held: dict[UUID, Ask] = {}
        self._chains: dict[UUID, Sequence[UUID]] = {}
        self._found: set[tuple[UUID | None, UUID]] = set()
        self._resolved: set[UUID] = set()
        self._newly: set[UUID] = set()
        self._changed: set[Key] = set()
        # The documents of a batch that only reported; None: they are to be computed.
        self._reports: Sequence[Projected] | None = None

    async def round(self, asks: Sequence[Ask]) -> list[Answer]:
        """Answer the asks one after the other over one load, and write their rows.

        What sums rows has those before it written first, and a load of its own.
        """
        cuts = [0, *(n for n, ask in enumerate(asks) if n and ask.name in _SUMMING), len(asks)]
        answers: list[Answer] = []
        for begin, end in pairwise(cuts):
            answers += await self._over_one_load(asks[begin:end])
        return answers

    async def _over_one_load(self, asks: Sequence[Ask]) -> list[Answer]:
        await self._recall(asks)
        asks = [self._identified(ask) for ask in asks]
        plans = [None if self._is_known(ask) else self._plan(ask) for ask in asks]
        runnable = [
            (cast(Command, p), ask.deed()) for ask, p in zip(asks, plans, strict=True) if type(p) not in _NO_COMMAND
        ]
        work = await load_work(self._conn, self._org, runnable)
        checks = _Checks(await self._versions(asks, plans), await self._strangers(asks, plans))
        answers: list[Answer] = []
        pairs = list(zip(asks, plans, strict=True))
        for start in range(0, len(pairs), _STRETCH):
            stretch = pairs[start : start + _STRETCH]
            if self._beforehand.alone and work.may_append:
                # The database writes the events of one stretch while the next one is judged.
                async with on_its_way(work.append(self._conn)):
                    answers += [self._answered(work, ask, plan, checks) for ask, plan in stretch]
            else:
                answers += [self._answered(work, ask, plan, checks) for ask, plan in stretch]
        # Only of the first round: another one may have changed the same documents, and who sees them.
        simple = not self._changed and only_reports(work)
        async with on_its_way(work.flush(self._conn)):
            self._reports = documents_told(work) if simple else None
        self._changed.update(work.changed)
        return answers

    def _answered(self, work: Work, given: Ask, plan: Plan, checks: _Checks) -> Answer:
        ask = self._identified(given)
        if self._is_known(ask):
            return self._repeat(ask)
        if ask.barred == "id_reused" and ask.actor.via is not Via.DEVICE:
            return ask.answer(OutcomeStatus.REJECTED, "id_reused", self._now)
        return self._answer(work, ask, plan, checks)

    async def end(self, endings: Mapping[UUID, Resolution]) -> None:
        """End quarantines without a command in their place (discarded)."""
        self._known.update(await outcomes.find(self._conn, self._org.org_id, endings.keys() - self._known.keys()))
        for command_id, resolution in endings.items():
            self._end(command_id, resolution)

    async def unblocked(self) -> list[Ask]:
        """Take the held decisions that may go on since the last call, in order."""
        newly, self._newly = self._newly, set()
        if not newly:
            return []
        own = [a for a in self._held.values() if all(i in self._known and self._known[i].resolved for i in a.after)]
        for ask in own:
            del self._held[ask.id]
        waiting = self._beforehand.waiting
        stored = await dependencies.release(self._conn, self._org.org_id, newly, self._resolved) if waiting else []
        return [*stored, *(replace(ask, released=True) for ask in own)]

    def final(self, answer: Answer) -> Answer:
        """Give the answer as it is at the end of the batch: what was held may have been released meanwhile."""
        last = self._known.get(answer.command_id)
        return last if last is not None and last.digest == answer.digest and not answer.repeated else answer

    async def write(self) -> set[str]:
        """Write answers, quarantine, held decisions, documents and scopes; return the buckets touched."""
        conn, org_id = self._conn, self._org.org_id
        await outcomes.add(conn, org_id, list(self._fresh.values()), self._beforehand.taken)
        # The answer to the push says it, and says it again: only what has more to tell becomes a document (decision 0129).
        given = [answer for answer in self._fresh.values() if not answer.plain]
        given += await outcomes.change(conn, org_id, sorted(self._changed_answers.values(), key=_by_id))
        given += await outcomes.adopt(conn, org_id, sorted(self._adopted.values(), key=_by_id))
        await quarantine.save(conn, org_id, self._aside)
        await dependencies.hold(conn, org_id, list(self._held.values()), self._now)
        keys = set() if self._reports is not None else await documents_of(conn, org_id, self._changed)
        told = {answer.command_id: p for answer in given if (p := outcomes.document_of(answer)) is not None}
        touched = await documents.write(conn, org_id, keys, [*(self._reports or ()), *told.values()])
        return touched | await buckets.follow(conn, org_id, self._changed, self._now)

    def condemn(self, ask: Ask) -> None:
        """Have a command put aside unseen in the next round."""
        self._poison |= {ask.id}

    def state(self) -> dict[str, object]:
        """Remember what is known and answered so far, for `restore`."""
        return {name: copy(value) for name, value in vars(self).items() if isinstance(value, dict | set | list)}

    def restore(self, state: Mapping[str, object]) -> None:
        """Forget what was answered since `state`; the caller has undone what was written."""
        vars(self).update(state)

    def log(self) -> None:
        """Log a line for each command; for after the commit, so that what was rolled back or run anew is not told."""
        if self._lines:
            log.info("command", extra={"lines": self._lines})

    async def _recall(self, asks: Sequence[Ask]) -> None:
        ids = {
            i for ask in asks for i in (ask.id, ask.cause, *ask.after) if i is not None
        } - self._beforehand.unanswered
        self._known.update(await outcomes.find(self._conn, self._org.org_id, ids - self._known.keys()))
        again = {i for ask in asks if (i := self._identified(ask).id) != ask.id} - self._known.keys()
        self._known.update(await outcomes.find(self._conn, self._org.org_id, again))
        waiting = {i for ask in asks if not ask.is_fact for i in ask.after} - self._chains.keys()
        held = {i for i in waiting if i in self._known and self._known[i].status is OutcomeStatus.HELD}
        self._chains.update(await dependencies.chains_of(self._conn, self._org.org_id, held))

    def _identified(self, ask: Ask) -> Ask:
        """Give an ask whose id was used for other bytes the id that its bytes give, so that it has an answer of its own."""
        known = self._known.get(ask.id)
        if known is None or known.digest == ask.digest:
            return ask
        return replace(ask, id=uuid5(ask.id, ask.digest.hex()), barred="id_reused")

    def _is_known(self, ask: Ask) -> bool:
        known = self._known.get(ask.id)
        return known is not None and not (ask.released and known.status is OutcomeStatus.HELD)

    def _plan(self, ask: Ask) -> Plan:
        if ask.barred or (self._poison and ask.id in self._poison):
            return None
        return self._beforehand.plans.get(ask.digest) or decode(ask.name, ask.args, ask.actor.via)

    def _repeat(self, ask: Ask) -> Answer:
        """Answer again. A command that comes under another device (a phone that enrolled anew) is that device's from now on."""
        known = replace(self._known[ask.id], repeated=True)
        if ask.n is not None and known.device_id != ask.actor.device_id:
            known = replace(known, device_id=ask.actor.device_id, n=ask.n)
            self._adopted[ask.id] = self._known[ask.id] = known
        return known

    def _judge(self, work: Work, ask: Ask, plan: Plan, checks: _Checks) -> Result | Wait:
        if ask.barred:
            return PutAside(ask.barred) if ask.is_fact or ask.barred == "id_reused" else Refused(ask.barred)
        if plan is None or (self._poison and ask.id in self._poison):
            return PutAside("server_fault")
        if isinstance(plan, Refused | PutAside):
            return plan
        if not ask.is_fact and ask.after:
            verdict = dependencies.judge(ask, self._known, self._chains)
            if verdict is not None:
                return verdict
        job_id = job_of(plan)
        if checks.strangers and ask.id in checks.strangers and (ask.actor.person_id, job_id) not in self._found:
            return PutAside("out_of_scope") if ask.is_fact else Refused("out_of_scope")
        if ask.expected_ver is not None and checks.versions.get(job_id or ask.id) != ask.expected_ver:
            return Refused("precondition_failed")
        result = self._apply(work, ask, plan)
        if type(plan) is ReportJob and type(result) is Applied:
            self._found.add((ask.actor.person_id, plan.job_id))
        return result

    def _apply(self, work: Work, ask: Ask, command: Command) -> Result:
        unresolved = ask.is_fact and any(i not in self._known or not self._known[i].resolved for i in ask.after)
        try:
            return apply(work, command, ask.deed(after_unresolved=unresolved))
        except Exception as error:
            log.exception("handler failed", extra={"command": str(ask.id), "command_name": ask.name})
            if ask.released:
                # What released it is innocent and must go on, be it a command behind which a queue waits, or the sweep.
                return PutAside("server_fault")
            raise HandlerFault(ask) from error

    def _answer(self, work: Work, ask: Ask, plan: Plan, checks: _Checks) -> Answer:
        started = perf_counter()
        job_id = job_of(plan)
        answer = _answer(ask, self._judge(work, ask, plan, checks), self._now)
        if job_id is not None:
            answer = replace(answer, job_id=job_id)
        if answer.status is OutcomeStatus.QUARANTINED:
            self._aside.append(quarantine.entry(ask, answer.code, detail=answer.detail, job_id=job_id))
        if answer.status is OutcomeStatus.HELD:
            self._held[ask.id] = ask
            self._chains[ask.id] = ask.after
        notice = notices.about(ask, answer)
        if notice is not None:
            work.put(notice)
            work.keep()
        self._store(answer)
        if ask.cause is not None and ask.ends is not None and answer.took_effect:
            self._end(ask.cause, Resolution(kind=ask.ends, by=ask.actor.person_id, at=self._now))
        self._lines.append(
            {"org": self._org.org_id, "actor": ask.actor.person_id, "command": ask.id, "command_name": told_name(ask.name),
             "status": answer.status, "code": answer.code, "ms": round(1000 * (perf_counter() - started), 1)}
        )  # fmt: skip
        return answer

    def _store(self, answer: Answer) -> None:
        stored = answer.command_id in self._known and answer.command_id not in self._fresh
        (self._changed_answers if stored else self._fresh)[answer.command_id] = answer
        self._known[answer.command_id] = answer
        if answer.resolved:
            self._resolved.add(answer.command_id)
            self._newly.add(answer.command_id)

    def _end(self, command_id: UUID, resolution: Resolution) -> None:
        known = self._known.get(command_id)
        if known is not None and known.resolution is None:
            self._store(replace(known, resolution=resolution))

    async def _versions(self, asks: Sequence[Ask], plans: Sequence[Plan]) -> dict[UUID, int]:
        jobs = {job_of(p) for ask, p in zip(asks, plans, strict=True) if ask.expected_ver is not None} - {None}
        if not jobs:
            return {}
        rows = await self._conn.fetch(_VERSIONS, self._org.org_id, list(jobs), len(jobs))
        return {row["id"]: row["ver"] for row in rows}

    async def _strangers(self, asks: Sequence[Ask], plans: Sequence[Plan]) -> frozenset[UUID]:
        """Name the facts and claims on jobs that were never in their person's scope. A job that is reported needs none."""
        asked: list[tuple[UUID, UUID, UUID]] = []
        for ask, plan in zip(asks, plans, strict=True):
            job_id, person_id = job_of(plan), ask.actor.person_id
            if job_id and person_id and _wants_scope(ask, plan):
                asked.append((ask.id, person_id, job_id))
        known = dict(self._beforehand.scope)
        unknown = sorted({(person_id, job_id) for _, person_id, job_id in asked} - known.keys())
        seen = await buckets.were_in_scope(self._conn, self._org.org_id, unknown, self._now)
        known.update(zip(unknown, seen, strict=True))
        return frozenset(id for id, person_id, job_id in asked if not known[(person_id, job_id)])


def job_of(command: object) -> UUID | None:
    """Name the job that a command is about; None where there is none."""
    job_id = getattr(command, "job_id", None)
    return job_id if isinstance(job_id, UUID) else None


def _wants_scope(ask: Ask, plan: Plan) -> bool:
    """Tell whether a command stands on its person's scope alone, where any other has to be an owner's or the office's."""
    if ask.actor.via is not Via.DEVICE and (ask.actor.via is not Via.PERSON or ask.cause is not None):
        return False
    if ask.actor.via is Via.PERSON and Role.ADMIN in ask.actor.roles:
        return False
    return type(plan) is ClaimJob or (ask.is_fact and type(plan) is not ReportJob)


def _by_id(answer: Answer) -> UUID:
    return answer.command_id


def _answer(ask: Ask, result: Result | Wait, now: datetime) -> Answer:
    match result:
        case Applied(code=code, flags=flags):
            return ask.answer(OutcomeStatus.APPLIED, code, now, flags=flags)
        case Merged(code=code, detail=detail):
            return ask.answer(OutcomeStatus.MERGED, code, now, detail=detail)
        case Refused(code=code, detail=detail):
            return ask.answer(OutcomeStatus.REJECTED, code, now, detail=detail)
        case PutAside(code=code, detail=detail):
            # Quarantine is for what cannot be sent again: whoever waits for the answer is told at once.
            aside = OutcomeStatus.QUARANTINED if ask.actor.via is Via.DEVICE else OutcomeStatus.REJECTED
            return ask.answer(aside, code, now, detail=detail)
        case Wait(code=code):
            return ask.answer(OutcomeStatus.HELD, code, now)
