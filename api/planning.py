"""Proposals at the edge: make one and keep it, show it, explain a visit of it, commit it.

Decides nothing about a visit: planning is `jobs.planning`, what still holds `jobs.plan_commit`, and whether a change takes effect its own
command. The id of a commit (its Idempotency-Key) leads to the ids of its commands, so that sending it again changes nothing.
"""

import asyncio
import hashlib
import zlib
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from uuid_utils.compat import uuid7

from api import plan_words
from api.problems import ProblemError
from api.services import Services
from api.store import plans
from api.store.names import names_of
from api.store.plans import Commit, KeptPlan, NewPlan
from geo.planning.explain import Explanation, explain
from geo.planning.plan import Plan
from geo.planning.problem import Problem
from geo.planning.routing import Solver
from geo.travel import TravelTimes
from jobs.context import Actor, Occurrence
from jobs.plan_commit import Basis, Overtaken, Settled, Step, basis_of, command_of, settle
from jobs.planning import Made, load_day, make
from mobile_contract.errors import Language
from mobile_contract.schema.base import Command
from mobile_contract.schema.planning import (
    CommittedStep,
    OvertakenStep,
    PlanAsk,
    PlanCommitAsk,
    PlanCommitted,
    PlanExplanation,
    PlanKind,
    PlanProposal,
    PlanSpot,
)
from sync import outcomes
from sync.ask import Ask
from sync.execute import Executed, execute, retrying
from sync.transaction import org_transaction

# Problems beyond this are not kept, so their visits are explained only in the proposal itself.
_BASIS_BYTES: Final = 2 * 1024 * 1024


class _Kept(Struct, frozen=True, kw_only=True):
    """What is kept of a proposal: as it is shown, and what its commit needs."""

    proposal: PlanProposal
    basis: Basis


class _Explainable(Struct, frozen=True, kw_only=True):
    """What explanations are made from."""

    problem: Problem
    plan: Plan
    jobs: dict[UUID, UUID]
    persons: frozenset[UUID]


_KEPT = msgspec.msgpack.Decoder(_Kept)
_EXPLAINABLE = msgspec.msgpack.Decoder(_Explainable)
_ANSWER = msgspec.msgpack.Decoder(PlanCommitted)


async def propose(services: Services, actor: Actor, ask: PlanAsk, language: Language) -> PlanProposal:
    """Make a proposal and keep it; nothing else changes.

    Raises ProblemError: invalid (an urgent plan is for one job), unknown_job, job_not_open, too_much_to_plan, busy.
    """
    now, plan_id = services.clock(), uuid7()
    if ask.kind is PlanKind.URGENT and len(ask.job_ids) != 1:
        raise ProblemError("invalid", about={"field": "job_ids"})
    async with org_transaction(services.pool, actor.org_id) as conn:
        day = await load_day(conn, actor.org_id, ask, plan_id=plan_id, now=now)
        if day is None:
            raise ProblemError("too_much_to_plan")
        await _refuse_strangers(conn, actor.org_id, ask, {job.id for job in day.ground.jobs})

    def work(travel: TravelTimes, solver: Solver) -> tuple[Made, bytes | None]:
        made = make(day, travel, solver, now=now)
        return made, _explainable(made)

    made, explainable = await services.planning.plan(actor.org_id, work, zone=day.ground.zone)
    async with org_transaction(services.pool, actor.org_id) as conn:
        names = await names_of(conn, actor.org_id, plan_words.ids_named(made))
    # Between the transactions: nobody waits for a row while a large plan is written down.
    shown, body = await asyncio.to_thread(_written, made, plan_id, names)
    new = NewPlan(
        id=plan_id,
        kind=shown.kind,
        made_at=now,
        made_by=actor.person_id,
        expires_at=shown.expires_at,
        body=body,
        basis=explainable,
    )
    async with org_transaction(services.pool, actor.org_id) as conn:
        await plans.keep(conn, actor.org_id, new)
    return plan_words.spoken(shown, language)


def _written(made: Made, plan_id: UUID, names: plan_words.Names) -> tuple[PlanProposal, bytes]:
    shown = plan_words.proposal_of(made, plan_id, names)
    return shown, zlib.compress(msgspec.msgpack.encode(_Kept(proposal=shown, basis=basis_of(made))), 1)


async def show(services: Services, org_id: UUID, plan_id: UUID, language: Language) -> PlanProposal:
    """Show a proposal as it was made. Raises ProblemError (unknown_plan)."""
    async with org_transaction(services.pool, org_id) as conn:
        found = _good(await plans.find(conn, org_id, plan_id), services.clock())
    proposal = replace(_read(found).proposal, committed_at=found.committed_at)
    return plan_words.spoken(proposal, language)


async def explain_visit(
    services: Services, org_id: UUID, plan_id: UUID, visit_id: UUID, *, language: Language
) -> PlanExplanation:
    """Explain a visit of a proposal: why this crew, why none of the others. Raises ProblemError.

    unknown_plan, unknown_visit, plan_committed, too_much_to_plan (too large to keep what explains it), busy.
    """
    async with org_transaction(services.pool, org_id) as conn:
        kept = _good(await plans.find(conn, org_id, plan_id), services.clock())
        basis = await plans.find_basis(conn, org_id, plan_id)
    if kept.committed_at is not None:
        raise ProblemError("plan_committed")
    if basis is None:
        raise ProblemError("too_much_to_plan")
    held, found = await services.planning.explain(org_id, lambda: _explained(basis, visit_id))
    async with org_transaction(services.pool, org_id) as conn:
        names = await names_of(conn, org_id, [found.crew_id, *(o.crew_id for o in found.others)])
    told = plan_words.explanation_of(found, held.jobs[visit_id], names, held.persons)
    return plan_words.spoken_explanation(told, language)


def _explained(basis: bytes, visit_id: UUID) -> tuple[_Explainable, Explanation]:
    try:
        held = _EXPLAINABLE.decode(zlib.decompress(basis))
    except msgspec.ValidationError:
        raise ProblemError("unknown_plan") from None
    if visit_id not in held.jobs:
        raise ProblemError("unknown_visit")
    return held, explain(held.problem, held.plan, visit_id)


async def commit(
    services: Services, actor: Actor, plan_id: UUID, ask: PlanCommitAsk, *, key: UUID, language: Language
) -> PlanCommitted:
    """Make a proposal so, in one transaction against what it was made from. The same request again is answered with what it did.

    What crews reported or accepted meanwhile is left out and told. Where somebody else planned these crews meanwhile nothing is done.
    Raises ProblemError (unknown_plan, unknown_visit, plan_committed, id_reused).
    """
    now = services.clock()
    digest = hashlib.sha256(b"plan\0" + plan_id.bytes + b"\0" + msgspec.json.encode(ask)).digest()
    request = _Request(actor=actor, plan_id=plan_id, ask=ask, key=key, digest=digest, now=now)

    async def once() -> tuple[PlanCommitted, frozenset[str]]:
        async with org_transaction(services.pool, actor.org_id) as conn:
            return await _commit(conn, request)

    answer, touched = await retrying(once)
    if touched:
        services.poke(actor.org_id, touched)
    told = tuple(replace(o, text=plan_words.words(o.code, language)) for o in answer.overtaken)
    return replace(answer, overtaken=told)


class _Request(Struct, frozen=True, kw_only=True):
    """A commit as it was asked."""

    actor: Actor
    plan_id: UUID
    ask: PlanCommitAsk
    key: UUID
    digest: bytes
    now: datetime


async def _commit(conn: asyncpg.Connection, request: _Request) -> tuple[PlanCommitted, frozenset[str]]:
    org_id, key = request.actor.org_id, request.key
    # Lock the proposal first: it is committed once, whoever asks at the same time.
    found = await plans.find(conn, org_id, request.plan_id, lock=True)
    if found is not None and found.committed_at is not None:
        return _again(found, request), frozenset()
    found = _good(found, request.now)
    if await plans.find_by_key(conn, org_id, key) is not None or await outcomes.find(conn, org_id, [key]):
        raise ProblemError("id_reused")
    kept = _read(found)
    steps = _chosen(kept.basis, request.ask)
    settled = await settle(conn, org_id, kept.basis, steps, now=request.now)
    overtaken = await _overtaken(conn, org_id, settled)
    if settled.outdated or (steps and not settled.valid):
        return PlanCommitted(
            plan_id=request.plan_id, committed=False, code="plan_outdated", overtaken=overtaken
        ), frozenset()
    done = await _execute(conn, request, settled)
    answer = PlanCommitted(
        plan_id=request.plan_id,
        committed=True,
        code="ok",
        steps=tuple(
            CommittedStep(
                visit_id=step.visit_id,
                job_id=step.job_id,
                command_id=each.command_id,
                status=each.status,
                code=each.code,
            )
            for step, each in zip(settled.valid, done.answers, strict=True)
        ),
        overtaken=overtaken,
    )
    body = zlib.compress(msgspec.msgpack.encode(answer), 1)
    await plans.mark_committed(
        conn, org_id, request.plan_id, Commit(at=request.now, key=key, digest=request.digest, answer=body)
    )
    return answer, done.touched


async def _execute(conn: asyncpg.Connection, request: _Request, settled: Settled) -> Executed:
    asks = [_ask(command_of(step), request, uuid5(request.key, step.visit_id.hex)) for step in settled.valid]
    return await execute(conn, request.actor.org_id, asks, now=request.now)


def _ask(command: Command, request: _Request, id: UUID) -> Ask:
    fields = msgspec.to_builtins(command)
    name = fields.pop("name")
    args = msgspec.json.encode(fields)
    return Ask(
        id=id,
        name=name,
        args=args,
        digest=request.digest,
        raw=args,
        actor=request.actor,
        occurrence=Occurrence(at=request.now),
        received_at=request.now,
    )


def _again(found: KeptPlan, request: _Request) -> PlanCommitted:
    if found.commit_key != request.key or found.commit_answer is None:
        raise ProblemError("plan_committed")
    if found.commit_digest != request.digest:
        raise ProblemError("id_reused")
    return replace(_ANSWER.decode(zlib.decompress(found.commit_answer)), repeated=True)


def _chosen(basis: Basis, ask: PlanCommitAsk) -> tuple[Step, ...]:
    if ask.visit_ids is None:
        return basis.steps
    wanted = set(ask.visit_ids)
    if wanted - {step.visit_id for step in basis.steps}:
        raise ProblemError("unknown_visit")
    return tuple(step for step in basis.steps if step.visit_id in wanted)


async def _overtaken(conn: asyncpg.Connection, org_id: UUID, settled: Settled) -> tuple[OvertakenStep, ...]:
    ids = [id for each in settled.overtaken for id in (each.step.job_id, *_whose(each))]
    names = await names_of(conn, org_id, ids)
    return tuple(
        OvertakenStep(
            visit_id=each.step.visit_id,
            job_id=each.step.job_id,
            number=names.get(each.step.job_id, "-"),
            code=each.why,
            text="",
            now=None
            if each.now is None
            else PlanSpot(
                crew_id=each.now.crew_id,
                person_id=each.now.person_id,
                crew=next((names[id] for id in _whose(each) if id in names), ""),
                begin_at=each.now.planned_start_at,
                end_at=each.now.planned_end_at,
            ),
        )
        for each in settled.overtaken
    )


def _whose(each: Overtaken) -> tuple[UUID, ...]:
    if each.now is None:
        return ()
    return tuple(id for id in (each.now.crew_id, each.now.person_id) if id is not None)


async def _refuse_strangers(conn: asyncpg.Connection, org_id: UUID, ask: PlanAsk, open_jobs: set[UUID]) -> None:
    """Refuse a plan for jobs that are not there, or that wait for nobody. Raises ProblemError (unknown_job, job_not_open)."""
    missing = [id for id in ask.job_ids if id not in open_jobs]
    if not missing:
        return
    known = await names_of(conn, org_id, missing)
    raise ProblemError("job_not_open" if missing[0] in known else "unknown_job", about={"job_id": str(missing[0])})


def _good(found: KeptPlan | None, now: datetime) -> KeptPlan:
    if found is None or (found.committed_at is None and found.expires_at <= now):
        raise ProblemError("unknown_plan")
    return found


def _read(found: KeptPlan) -> _Kept:
    try:
        return _KEPT.decode(zlib.decompress(found.body))
    except msgspec.ValidationError:
        # Another release kept it in another shape: nobody can answer for it any more.
        raise ProblemError("unknown_plan") from None


def _explainable(made: Made) -> bytes | None:
    held = _Explainable(
        problem=made.problem,
        plan=made.plan,
        jobs={visit.id: visit.job_id for visit in made.problem.visits},
        persons=made.laid.persons,
    )
    body = zlib.compress(msgspec.msgpack.encode(held), 1)
    return body if len(body) <= _BASIS_BYTES else None
