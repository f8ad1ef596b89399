"""Proposals of dispatch at the edge: what ranking found, in words and with names, and the commands that make a proposal so.

Decides nothing: ranking is `jobs.dispatching`, and whether an assignment takes effect is the command's own business. The id of the request
(its Idempotency-Key) leads to the ids of all its commands and visits, so that sending it again changes nothing.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from api.problems import ProblemError
from api.services import Services
from api.store.names import names_of, plans_of
from geo.candidates import Assignment, Dispatched, Reason, Suggestion
from geo.reason_texts import REASON_TEXTS
from jobs import dispatching
from jobs.context import Actor, Occurrence
from mobile_contract.errors import Language
from mobile_contract.schema.decisions import AssignVisit
from mobile_contract.schema.dispatch import (
    AssignmentLine,
    BacklogAnswer,
    BacklogAsk,
    Hindrance,
    ReasonLine,
    ScorePart,
    SuggestionLine,
    Suggestions,
    TakeSuggestionAsk,
    UnassignedLine,
)
from sync import outcomes
from sync.ask import Ask
from sync.execute import run
from sync.outcomes import Answer
from sync.transaction import org_transaction

_ASSIGN = str(AssignVisit.__struct_config__.tag)


async def suggest(services: Services, org_id: UUID, job_id: UUID, *, limit: int, language: Language) -> Suggestions:
    """Suggest who should go to a job, best first. Raises ProblemError (unknown_job)."""
    async with org_transaction(services.pool, org_id) as conn:
        found = await dispatching.suggest(conn, org_id, job_id, now=services.clock(), limit=limit)
        if found is None:
            raise ProblemError("unknown_job")
        names = await names_of(conn, org_id, [id for s in found for id in (s.person_id, s.crew_id)])
    return Suggestions(job_id=job_id, items=tuple(_suggestion(s, names, language) for s in found))


async def take_suggestion(
    services: Services, actor: Actor, job_id: UUID, ask: TakeSuggestionAsk, *, key: UUID
) -> Answer:
    """Assign a job to whom the ask names, else to the best candidate of this moment; `visit_id` in the answer's detail.

    Raises ProblemError (unknown_job, nobody_suggested, nobody_named).
    """
    now = services.clock()
    crew_id, person_id = ask.crew_id, ask.person_id
    async with org_transaction(services.pool, actor.org_id) as conn:
        known = (await outcomes.find(conn, actor.org_id, [key])).get(key)
        # A repeat is answered from memory, whoever would be the best by now.
        if known is None and crew_id is None and person_id is None:
            found = await dispatching.suggest(conn, actor.org_id, job_id, now=now, limit=1)
            if found is None:
                raise ProblemError("unknown_job")
            if not found or not found[0].eligible:
                raise ProblemError("nobody_suggested")
            crew_id = found[0].crew_id
            person_id = None if crew_id else found[0].person_id
    visit_id = uuid5(key, "visit")
    command = AssignVisit(job_id=job_id, visit_id=visit_id, crew_id=crew_id, person_id=person_id, only_if_open=True)
    asked = b"\0".join((b"take-suggestion", job_id.bytes, msgspec.json.encode(ask)))
    sent = _ask(command, actor, key, hashlib.sha256(asked).digest(), now=now)
    (answer,) = await run(services.pool, actor.org_id, [sent], now=now, poke=services.poke)
    return replace(answer, detail={**answer.detail, "visit_id": str(visit_id)}) if answer.took_effect else answer


async def propose(services: Services, org_id: UUID, ask: BacklogAsk, language: Language) -> BacklogAnswer:
    """Plan the backlog; nothing changes."""
    now = services.clock()
    async with org_transaction(services.pool, org_id) as conn:
        backlog = await dispatching.load_backlog(conn, org_id, now=now, district_id=ask.district_id)
    _, told = await _planned(services, org_id, backlog, _Asked(ask, now, language))
    return told


async def commit(services: Services, actor: Actor, ask: BacklogAsk, *, key: UUID, language: Language) -> BacklogAnswer:
    """Plan the backlog and send its assignments in one transaction. The same request again is answered with what it did then.

    Raises ProblemError (id_reused) when the key was used for something else.
    """
    now = services.clock()
    digest = hashlib.sha256(b"backlog\0" + msgspec.json.encode(ask)).digest()
    ids = [_nth(key, n) for n in range(ask.limit)]
    async with org_transaction(services.pool, actor.org_id) as conn:
        known = await outcomes.find(conn, actor.org_id, [*ids, key])
        if known:
            return await _again(conn, actor.org_id, known, ids, digest=digest)
        backlog = await dispatching.load_backlog(conn, actor.org_id, now=now, district_id=ask.district_id)
    plan, told = await _planned(services, actor.org_id, backlog, _Asked(ask, now, language))
    commands = [
        dispatching.assignment_command(assignment, uuid5(id, "visit"))
        for id, assignment in zip(ids, plan.assignments, strict=False)
    ]
    asks = [_ask(command, actor, id, digest, now=now) for command, id in zip(commands, ids, strict=False)]
    answers = await run(services.pool, actor.org_id, asks, now=now, poke=services.poke) if asks else ()
    lines = tuple(
        replace(line, visit_id=command.visit_id, status=answer.status, code=answer.code)
        for line, command, answer in zip(told.assignments, commands, answers, strict=True)
    )
    return replace(told, committed=True, assignments=lines)


class _Asked(Struct, frozen=True):
    """What was asked, when, in which language."""

    ask: BacklogAsk
    now: datetime
    language: Language


async def _planned(
    services: Services, org_id: UUID, backlog: dispatching.Backlog, asked: _Asked
) -> tuple[Dispatched, BacklogAnswer]:
    """Make the plan in a thread, so that nobody else waits for it: no request of this process, and no row of the database."""
    plan = await asyncio.to_thread(dispatching.plan_backlog, backlog, now=asked.now)
    async with org_transaction(services.pool, org_id) as conn:
        return plan, await _tell(conn, org_id, plan, limit=asked.ask.limit, language=asked.language)


async def _again(
    conn: asyncpg.Connection, org_id: UUID, known: dict[UUID, Answer], ids: Sequence[UUID], *, digest: bytes
) -> BacklogAnswer:
    answers = [known[id] for id in ids if id in known]
    if not answers or any(answer.digest != digest for answer in answers):
        raise ProblemError("id_reused")
    plans = await plans_of(conn, org_id, [uuid5(answer.command_id, "visit") for answer in answers])
    names = await names_of(conn, org_id, [id for p in plans.values() for id in (p.crew_id, p.person_id, p.job_id)])
    lines = []
    for answer in answers:
        visit_id = uuid5(answer.command_id, "visit")
        plan = plans.get(visit_id)
        if plan is None:
            continue
        lines.append(
            AssignmentLine(
                job_id=plan.job_id,
                number=names.get(plan.job_id, "-"),
                crew_id=plan.crew_id,
                person_id=plan.person_id,
                assignee=_name(names, plan.crew_id, plan.person_id),
                visit_id=visit_id,
                status=answer.status,
                code=answer.code,
            )
        )
    return BacklogAnswer(committed=True, repeated=True, assignments=tuple(lines))


def _nth(key: UUID, n: int) -> UUID:
    return uuid5(key, str(n))


def _ask(command: AssignVisit, actor: Actor, id: UUID, digest: bytes, *, now: datetime) -> Ask:
    fields = msgspec.to_builtins(command)
    del fields["name"]
    args = msgspec.json.encode(fields)
    return Ask(
        id=id,
        name=_ASSIGN,
        args=args,
        digest=digest,
        raw=args,
        actor=actor,
        occurrence=Occurrence(at=now),
        received_at=now,
    )


async def _tell(
    conn: asyncpg.Connection, org_id: UUID, plan: Dispatched, *, limit: int, language: Language
) -> BacklogAnswer:
    chosen = plan.assignments[:limit]
    ids = [id for a in chosen for id in (a.job_id, a.crew_id, a.person_id)] + [u.job_id for u in plan.unassigned]
    names = await names_of(conn, org_id, ids)
    unassigned = tuple(
        UnassignedLine(
            job_id=each.job_id,
            number=names.get(each.job_id, "-"),
            why=tuple(
                Hindrance(code=w.reason, text=_words(w.reason, language), candidates=w.candidates) for w in each.why
            ),
        )
        for each in plan.unassigned
    )
    return BacklogAnswer(assignments=tuple(_assignment(a, names, language) for a in chosen), unassigned=unassigned)


def _assignment(assignment: Assignment, names: dict[UUID, str], language: Language) -> AssignmentLine:
    return AssignmentLine(
        job_id=assignment.job_id,
        number=names.get(assignment.job_id, "-"),
        crew_id=assignment.crew_id,
        person_id=assignment.person_id,
        assignee=_name(names, assignment.crew_id, assignment.person_id),
        leave_at=assignment.leave_at,
        arrive_at=assignment.arrive_at,
        finish_at=assignment.finish_at,
        travel_s=assignment.travel_s,
        distance_m=assignment.distance_m,
        source=assignment.source,
        reasons=_reasons(assignment.reasons, language),
        next_best_id=assignment.next_best_id,
        margin_s=assignment.margin_s,
    )


def _suggestion(found: Suggestion, names: dict[UUID, str], language: Language) -> SuggestionLine:
    arrival = found.arrival
    return SuggestionLine(
        person_id=found.person_id,
        person_name=names.get(found.person_id, ""),
        crew_id=found.crew_id,
        crew_name=_name(names, found.crew_id),
        eligible=found.eligible,
        reasons=_reasons(found.reasons, language),
        travel_s=found.travel_s,
        distance_m=found.distance_m,
        source=found.source,
        earliest_at=arrival.earliest_at if arrival else None,
        expected_at=arrival.expected_at if arrival else None,
        latest_at=arrival.latest_at if arrival else None,
        score_s=found.score_s,
        score=tuple(ScorePart(name=term.name, seconds=term.seconds) for term in found.terms),
    )


def _reasons(reasons: Sequence[Reason], language: Language) -> tuple[ReasonLine, ...]:
    return tuple(ReasonLine(code=reason, text=_words(reason, language)) for reason in reasons)


def _words(reason: Reason, language: Language) -> str:
    text = REASON_TEXTS[reason]
    return text.zh if language is Language.ZH else text.en


def _name(names: dict[UUID, str], *ids: UUID | None) -> str:
    return next((names[id] for id in ids if id in names), "")
