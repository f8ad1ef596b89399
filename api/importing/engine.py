"""Runs an import: reads, maps and identifies all rows, then sends each chunk's commands through `execute`. Owns chunks and trial runs.

Every chunk is a transaction of its own with at most about a thousand documents, so that nobody waits for an import. A trial run does
exactly the same and rolls each chunk back.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from api.importing.districts import DistrictPlanner
from api.importing.fields import Noun
from api.importing.jobs import JobPlanner
from api.importing.mapping import Mapping, fit
from api.importing.notes import Fate, Note
from api.importing.parts import PartPlanner
from api.importing.people import PersonPlanner
from api.importing.plans import Importing, Plan, Planner, Step
from api.importing.readers import read_table
from api.importing.report import Report
from api.importing.rows import identify
from api.importing.sites import SitePlanner
from api.importing.stock import LocationPlanner, StockPlanner
from api.importing.values import MappedRow, map_row
from api.offboarding import end_access, who_leaves
from api.organisations import operator_ask
from api.store import credentials, imports
from jobs.loading import load_organisation
from mobile_contract.schema.base import Datum
from mobile_contract.schema.outcome import OutcomeStatus
from sync import outcomes
from sync.ask import Ask
from sync.execute import HandlerFault, execute, retrying
from sync.outcomes import Answer
from sync.transaction import org_transaction

log = logging.getLogger("onsite.import")

# A name that renaming the file does not change: the same rows under another file name are still the same rows.
DEFAULT_SOURCE: Final = "import"
_PLANNERS: Final[dict[Noun, Callable[[], Planner]]] = {
    Noun.DISTRICTS: DistrictPlanner,
    Noun.PEOPLE: PersonPlanner,
    Noun.PARTS: PartPlanner,
    Noun.LOCATIONS: LocationPlanner,
    Noun.STOCK: StockPlanner,
    Noun.SITES: SitePlanner,
    Noun.JOBS: JobPlanner,
}
# Rows per transaction: a job brings a dozen documents (its checklist), a district redraws its neighbours.
_CHUNK: Final[dict[Noun, int]] = {**dict.fromkeys(Noun, 300), Noun.DISTRICTS: 20, Noun.PEOPLE: 100, Noun.JOBS: 75}
# How often a row may have been refused and come again.
_AGAIN_MAX: Final = 50
_ROW_FAULTS: Final = (
    HandlerFault,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.InternalServerError,
    asyncpg.ProgramLimitExceededError,
)


class ImportOrder(Struct, frozen=True, kw_only=True):
    """What to import. `source` and `datum` win over the mapping's; `as_requests`: jobs come as customers' requests with a job each."""

    org_id: UUID
    noun: Noun
    path: Path
    mapping: Mapping = Mapping()
    source: str = ""
    datum: Datum | None = None
    dry_run: bool = False
    as_requests: bool = False


class _Done(Struct, frozen=True):
    """What became of a chunk: fates by row number, notes, rows whose job waits, buckets to poke."""

    made: frozenset[int]
    changed: frozenset[int]
    refused: frozenset[int]
    notes: tuple[Note, ...]
    waiting: frozenset[int]
    touched: frozenset[str]


class _TrialEnded(Exception):
    """Carries a chunk's outcome out of a transaction that is rolled back; never leaves this module."""

    def __init__(self, done: _Done) -> None:
        super().__init__()
        self.done = done


async def import_file(
    pool: asyncpg.Pool,
    order: ImportOrder,
    *,
    now: datetime,
    progress: Callable[[int, int], None] = lambda done, total: None,
    poke: Callable[[UUID, Iterable[str]], None] = lambda org_id, touched: None,
) -> Report:
    """Import a file; `progress` is told rows done and rows in all. Rows already imported change nothing.

    Raises OperatorError when the file or the mapping cannot be used, before anything is written.
    """
    table = read_table(order.path, order.mapping.reading())
    fitted = fit(order.mapping, order.noun, table)
    importing = await _begin(pool, order, now)
    rows = [map_row(row, order.noun, fitted, importing.org.zone) for row in identify(table.rows, fitted, order.noun)]
    planner = _PLANNERS[order.noun]()
    async with org_transaction(pool, order.org_id) as conn:
        prepared = await planner.prepare(conn, importing, rows)
    notes = [*(note for row in rows for note in row.notes), *prepared.notes]
    done: list[_Done] = []
    size = _CHUNK[order.noun]
    for start in range(0, len(prepared.rows), size):
        chunk = await _chunk(pool, importing, planner, prepared.rows[start : start + size])
        if not order.dry_run:
            poke(order.org_id, chunk.touched)
        done.append(chunk)
        progress(min(start + size, len(rows)), len(rows))
    report = _report(len(rows), _joined(done), notes)
    return replace(report, form=table.form, unread=fitted.unread, dry_run=order.dry_run)


async def _begin(pool: asyncpg.Pool, order: ImportOrder, now: datetime) -> Importing:
    async with org_transaction(pool, order.org_id) as conn:
        return Importing(
            org=await load_organisation(conn, order.org_id),
            noun=order.noun,
            source=order.source or order.mapping.source or DEFAULT_SOURCE,
            datum=order.datum or order.mapping.datum,
            now=now,
            area=await imports.expected_area(conn, order.org_id),
            as_requests=order.as_requests,
            dry_run=order.dry_run,
        )


async def _chunk(pool: asyncpg.Pool, importing: Importing, planner: Planner, rows: Sequence[MappedRow]) -> _Done:
    """Import some rows in one transaction. When one of them breaks it, the halves are tried, down to the row, which is refused."""

    async def once() -> _Done:
        try:
            async with org_transaction(pool, importing.org.org_id) as conn:
                await imports.plan_anew(conn)
                plan = await planner.plan(conn, importing, rows)
                done = await _carry_out(conn, importing, plan)
                settled = await planner.settle(conn, importing, rows)
                done = replace(done, notes=(*done.notes, *settled.notes), waiting=settled.waiting)
                if importing.dry_run:
                    raise _TrialEnded(done)
                return done
        except _TrialEnded as trial:
            return trial.done

    try:
        return await retrying(once)
    except _ROW_FAULTS as fault:
        if len(rows) == 1:
            log.exception("row %d of an import", rows[0].row.number)
            note = rows[0].flag("import_fault", type(fault.__cause__ or fault).__name__, refused=True)
            nothing: frozenset[int] = frozenset()
            return _Done(nothing, nothing, frozenset({note.row}), (note,), nothing, frozenset())
    middle = len(rows) // 2
    return _joined([await _chunk(pool, importing, planner, half) for half in (rows[:middle], rows[middle:])])


async def _carry_out(conn: asyncpg.Connection, importing: Importing, plan: Plan) -> _Done:
    """Execute a plan in the caller's transaction and tell what became of its rows."""
    steps = await _with_live_ids(conn, importing, plan.steps)
    asks = [_ask(step, importing) for step in steps]
    executed = await execute(conn, importing.org.org_id, asks, now=importing.now)
    first = {step.row.row.number: step for step in reversed(steps)}
    made: set[int] = set()
    changed: set[int] = set()
    notes = list(plan.notes)
    refused = {note.row for note in plan.notes if note.fate is Fate.REFUSED}
    incomplete: set[int] = set()
    for step, answer in zip(steps, executed.answers, strict=True):
        number = step.row.row.number
        if answer.took_effect:
            if not answer.repeated and answer.code != "unchanged":
                (made if step.makes and step is first[number] else changed).add(number)
            continue
        incomplete.add(number)
        note = _refusal(step, answer, is_first=step is first[number], noun=importing.noun)
        notes.append(note)
        if note.fate is Fate.REFUSED:
            refused.add(number)
    notes.extend(await _give_logins(conn, importing, plan, refused))
    took = [ask for ask, answer in zip(asks, executed.answers, strict=True) if answer.took_effect]
    leavers = [person_id for ask in took for person_id in who_leaves(ask.name, ask.args)]
    ended = await end_access(conn, importing.org.org_id, leavers, by=None, now=importing.now)
    memory = [entry for number, entry in plan.memory.items() if number not in incomplete]
    await imports.remember(conn, importing.memory, dict(memory), now=importing.now)
    return _Done(
        frozenset(made),
        frozenset(changed - made),
        frozenset(refused),
        tuple(notes),
        frozenset(),
        executed.touched | ended,
    )


def _refusal(step: Step, answer: Answer, *, is_first: bool, noun: Noun) -> Note:
    """Say why a command was refused. A job that is there under other content came by the same row and another mapping."""
    if noun is Noun.JOBS and answer.code in ("id_reused", "job_exists"):
        return step.row.flag("settings_changed")
    detail = ", ".join(f"{name}: {value}" for name, value in sorted(answer.detail.items()))
    return step.row.flag(answer.code, detail, refused=is_first)


async def _with_live_ids(conn: asyncpg.Connection, importing: Importing, steps: Sequence[Step]) -> list[Step]:
    """Give commands that were refused in an earlier import the next id in their line, so that a mended cause lets them in."""
    live = list(steps)
    pending = set(range(len(live)))
    for _ in range(_AGAIN_MAX):
        known = await outcomes.find(conn, importing.org.org_id, {live[i].id for i in pending})
        pending = {i for i in pending if (a := known.get(live[i].id)) and a.status is OutcomeStatus.REJECTED}
        if not pending:
            break
        for i in pending:
            live[i] = replace(live[i], id=uuid5(live[i].id, "again"))
    return live


def _ask(step: Step, importing: Importing) -> Ask:
    return replace(operator_ask(importing.org.org_id, step.command, now=importing.now), id=step.id)


async def _give_logins(conn: asyncpg.Connection, importing: Importing, plan: Plan, refused: set[int]) -> list[Note]:
    """Give people their logins, without a password: they sign in by OIDC, or set one with a reset token."""
    notes = []
    org_id = importing.org.org_id
    for wanted in plan.logins:
        if wanted.row.row.number in refused:
            continue
        holder = await credentials.by_login(conn, org_id, wanted.login)
        if holder is not None and holder.person_id != wanted.person_id:
            notes.append(wanted.row.flag("login_taken", wanted.login))
        elif holder is None:
            new = credentials.NewCredential(
                person_id=wanted.person_id, login=wanted.login, password_hash=None, must_change=False
            )
            await credentials.set_credential(conn, org_id, new, now=importing.now)
    return notes


def _joined(parts: Sequence[_Done]) -> _Done:
    return _Done(
        frozenset().union(*(p.made for p in parts)),
        frozenset().union(*(p.changed for p in parts)),
        frozenset().union(*(p.refused for p in parts)),
        tuple(note for p in parts for note in p.notes),
        frozenset().union(*(p.waiting for p in parts)),
        frozenset().union(*(p.touched for p in parts)),
    )


def _report(rows: int, done: _Done, notes: Sequence[Note]) -> Report:
    ordered = sorted(
        {*notes, *done.notes}, key=lambda note: (note.row, note.fate is not Fate.REFUSED, note.code, note.detail)
    )
    return Report(
        rows=rows,
        made=len(done.made),
        changed=len(done.changed),
        unchanged=rows - len(done.made) - len(done.changed) - len(done.refused),
        refused=len(done.refused),
        waiting=len(done.waiting),
        notes=tuple(ordered),
    )
