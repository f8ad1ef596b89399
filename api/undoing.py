"""Takes a command back, or a committed plan: finds what it did, and executes what leads back in one transaction. Decides nothing itself.

The undo is answered under its Idempotency-Key like a command, so that sending it again changes nothing and nothing else goes under that key.
"""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from api.problems import ProblemError, busy
from api.services import Services
from api.store import plans
from api.store import undo as store
from api.store.undo import Rows
from jobs.context import Actor, Occurrence
from jobs.result import Refused
from jobs.undoing import Scene, take_back
from mobile_contract.errors import ERRORS, Language
from mobile_contract.schema.base import Command
from mobile_contract.schema.outcome import OutcomeStatus
from mobile_contract.schema.planning import PlanCommitted
from mobile_contract.schema.undo import UndoAnswer, UndoLeft, UndoStep
from sync import outcomes
from sync.ask import Ask
from sync.execute import execute, retrying
from sync.outcomes import Answer
from sync.transaction import org_transaction

# A plan of so many visits is committed at most; each may take three commands back.
STEPS_MAX: Final = 3_000
# Each round goes without the parts that the one before was refused; one is nearly always enough.
ROUNDS_MAX: Final = 5
# What is kept as the answer to an undo bears this name; no command does.
NAME: Final = "undo"
_COMMITTED: Final = msgspec.msgpack.Decoder(PlanCommitted)


class _Done(Struct, frozen=True):
    """A command that is to be taken back, as it was answered: its name, and the job that it named."""

    command_id: UUID
    name: str
    job_id: UUID


class _Request(Struct, frozen=True, kw_only=True):
    """What was asked."""

    actor: Actor
    undone_id: UUID
    key: UUID
    now: datetime

    @property
    def digest(self) -> bytes:
        """Tell this undo from whatever else may be asked under its key."""
        return hashlib.sha256(b"undo\0" + self.undone_id.bytes).digest()

    def id(self, n: int) -> UUID:
        """Give the id of the n-th command that takes something back."""
        return uuid5(self.key, f"{self.undone_id}/{n}")


async def undo(services: Services, actor: Actor, command_id: UUID, *, key: UUID, language: Language) -> UndoAnswer:
    """Take a command back.

    Raises ProblemError: not_found, undo_not_possible, undo_overtaken, id_reused, the code for which a step was refused, or `busy` where
    in each round another part of a plan was.
    """
    request = _Request(actor=actor, undone_id=command_id, key=key, now=services.clock())
    refused: dict[UUID, str] = {}

    async def once() -> tuple[UndoAnswer, frozenset[str]]:
        async with org_transaction(services.pool, actor.org_id) as conn:
            return await _undo(conn, request, refused)

    for _ in range(ROUNDS_MAX):
        try:
            answer, touched = await retrying(once)
            break
        except _PartsRefused as found:
            refused |= found.codes
    else:
        raise busy()
    if touched:
        services.poke(actor.org_id, touched)
    left = tuple(replace(each, text=ERRORS[each.code].text(language)) for each in answer.left)
    return replace(answer, title=ERRORS["ok"].text(language), left=left)


class _PartsRefused(Exception):
    """Commands that would take a part of a plan back were refused: nothing is kept, and the undo is made anew without these parts."""

    def __init__(self, codes: dict[UUID, str]) -> None:
        super().__init__()
        self.codes = codes


async def _undo(
    conn: asyncpg.Connection, request: _Request, refused: Mapping[UUID, str]
) -> tuple[UndoAnswer, frozenset[str]]:
    org_id = request.actor.org_id
    done = await _done(conn, request)
    scenes = await _scenes(conn, request, done)
    # Only now: the same request may have been under way, and the jobs are locked.
    before = await _asked_before(conn, request)
    if before is not None:
        answers = await outcomes.find(conn, org_id, (request.id(n) for n in range(STEPS_MAX)))
        known = [answers[id] for n in range(len(answers)) if (id := request.id(n)) in answers]
        left = _left(done, scenes, {UUID(id): code for id, code in before.detail.items()})
        return _answer(request, known, [], left, repeated=True), frozenset()
    commands: list[Command] = []
    owners: list[_Done] = []
    stays: dict[UUID, str] = {}
    why = Refused("undo_not_possible")
    for each in done:
        back = take_back(each.name, each.command_id, scenes[each.command_id])
        if each.command_id in refused:
            back = Refused(refused[each.command_id])
        if isinstance(back, Refused):
            why, stays[each.command_id] = back, back.code
        else:
            commands += back
            owners += [each] * len(back)
    if not commands:
        raise ProblemError(why.code, about=why.detail)
    asks = [_ask(command, request, n) for n, command in enumerate(commands)]
    executed = await execute(conn, org_id, asks, now=request.now)
    _need_all(done, owners, executed.answers)
    await outcomes.add(conn, org_id, [_own_answer(request, stays)])
    return _answer(request, executed.answers, commands, _left(done, scenes, stays)), executed.touched


def _need_all(done: Sequence[_Done], owners: Sequence[_Done], answers: Sequence[Answer]) -> None:
    """Make sure that every command took effect; raised inside the transaction, which so is rolled back.

    Raises ProblemError where a command was to be taken back: all that it takes together or nothing. Of a plan each part is one for itself.
    """
    failed = [(owner, answer) for owner, answer in zip(owners, answers, strict=True) if not answer.took_effect]
    if failed and len(done) == 1:
        raise ProblemError(_known_code(failed[0][1].code), about=failed[0][1].detail)
    if failed:
        raise _PartsRefused({owner.command_id: _known_code(answer.code) for owner, answer in reversed(failed)})


def _known_code(code: str) -> str:
    return code if code in ERRORS else "internal"


def _left(done: Sequence[_Done], scenes: Mapping[UUID, Sequence[Scene]], stays: Mapping[UUID, str]) -> list[UndoLeft]:
    return [
        UndoLeft(
            command_id=each.command_id,
            job_id=each.job_id,
            number=next((scene.job.number for scene in scenes[each.command_id]), "-"),
            code=_known_code(stays[each.command_id]),
            text="",
        )
        for each in done
        if each.command_id in stays
    ]


async def _asked_before(conn: asyncpg.Connection, request: _Request) -> Answer | None:
    """Find what this undo was answered when it was done before. Raises ProblemError `id_reused` where something else was asked under its key."""
    org_id, key = request.actor.org_id, request.key
    known = (await outcomes.find(conn, org_id, [key])).get(key)
    if known is not None and known.digest == request.digest:
        return known
    if known is not None or await plans.find_by_key(conn, org_id, key) is not None:
        raise ProblemError("id_reused")
    return None


def _own_answer(request: _Request, stays: Mapping[UUID, str]) -> Answer:
    """Make what is kept as the answer to the undo; `detail` names the commands that stand, with the codes for which they do."""
    return Answer(
        command_id=request.key,
        name=NAME,
        digest=request.digest,
        status=OutcomeStatus.APPLIED,
        detail={str(id): code for id, code in stays.items()},
        actor_id=request.actor.person_id,
        received_at=request.now,
        decided_at=request.now,
    )


async def _done(conn: asyncpg.Connection, request: _Request) -> list[_Done]:
    """Find what was done under an id: a command, or all commands of a committed plan."""
    org_id, id = request.actor.org_id, request.undone_id
    plan = await plans.find_by_key(conn, org_id, id)
    steps: list[tuple[UUID, UUID | None]] = [(id, None)]
    if plan is not None and plan.commit_answer is not None:
        committed = _COMMITTED.decode(zlib.decompress(plan.commit_answer))
        steps = [(step.command_id, step.job_id) for step in committed.steps]
    answers = await outcomes.find(conn, org_id, [command_id for command_id, _ in steps])
    if not answers:
        raise ProblemError("not_found")
    done = []
    for command_id, named in steps:
        answer = answers.get(command_id)
        job_id = named if answer is None else answer.job_id or named
        if answer is not None and job_id is not None and answer.took_effect:
            done.append(_Done(command_id, answer.name, job_id))
    if not done:
        raise ProblemError("undo_not_possible")
    return done


async def _scenes(conn: asyncpg.Connection, request: _Request, done: list[_Done]) -> dict[UUID, list[Scene]]:
    org_id = request.actor.org_id
    jobs = {each.command_id: [each.job_id] for each in done}
    for each in done:
        if each.name == "swap_visits":
            jobs[each.command_id] += await store.partners(conn, org_id, each.job_id, each.command_id)
    rows = await store.read_locked(conn, org_id, sorted({id for ids in jobs.values() for id in ids}))
    return {
        command_id: [_scene(rows, job_id, request) for job_id in ids if job_id in rows.jobs]
        for command_id, ids in jobs.items()
    }


def _scene(rows: Rows, job_id: UUID, request: _Request) -> Scene:
    return Scene(
        job=rows.jobs[job_id],
        visits={visit.id: visit for visit in rows.visits.get(job_id, ())},
        events=rows.events.get(job_id, ()),
        new_id=lambda visit_id: uuid5(request.key, visit_id.hex),
    )


def _ask(command: Command, request: _Request, n: int) -> Ask:
    fields = msgspec.to_builtins(command)
    name = fields.pop("name")
    args = msgspec.json.encode(fields)
    return Ask(
        id=request.id(n),
        name=name,
        args=args,
        digest=hashlib.sha256(b"undo\0" + request.undone_id.bytes + b"\0%d" % n).digest(),
        raw=args,
        actor=request.actor,
        occurrence=Occurrence(at=request.now),
        received_at=request.now,
    )


def _answer(
    request: _Request,
    answers: list[Answer] | tuple[Answer, ...],
    commands: list[Command],
    left: list[UndoLeft],
    *,
    repeated: bool = False,
) -> UndoAnswer:
    steps = [
        UndoStep(
            command_id=answer.command_id,
            name=answer.name,
            status=answer.status,
            code=answer.code,
            job_id=answer.job_id or getattr(commands[n] if n < len(commands) else None, "job_id", None),
            visit_id=getattr(commands[n] if n < len(commands) else None, "visit_id", None),
        )
        for n, answer in enumerate(answers)
    ]
    return UndoAnswer(
        command_id=request.key,
        undone_id=request.undone_id,
        status=OutcomeStatus.APPLIED,
        code="ok",
        title="",
        steps=tuple(steps),
        left=tuple(left),
        repeated=repeated,
    )
