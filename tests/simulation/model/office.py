"""The model's office: what dispatchers, the store and the operator do, and what a pull may write."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec.structs import replace

from tests.simulation.backend import (
    Answer,
    Assign,
    Cancel,
    Close,
    Cost,
    Deed,
    Edit,
    Move,
    OpenJob,
    Resolve,
    Revoke,
    SavePart,
)
from tests.simulation.model import projection
from tests.simulation.model.database import Deadlock, Txn, parse
from tests.simulation.model.documents import Writer
from tests.simulation.model.execute import Run
from tests.simulation.model.faults import Fault
from tests.simulation.model.pulling import Cursor
from tests.simulation.model.rows import Ask, Device, Doc, Job, Member, Outcome, Projected, Spell, View, Visit

if TYPE_CHECKING:
    from tests.simulation.model.server import Server


def attempts(server: "Server", once: Callable[[Txn], Run]) -> Run:
    """Run a transaction, anew when it lost against another; gives what `once` gives."""
    for _ in range(4):
        txn = server.db.begin()
        try:
            result = yield from once(txn)
            yield
            if result == "rejected":
                return result
            txn.commit()
            yield
            return result
        except Deadlock:
            yield
        finally:
            txn.abort()
    return None


def refresh(server: "Server", compute: Callable[[View], Projected]) -> Run:
    """Bring documents that nobody else makes up to date."""

    def once(txn: Txn) -> Run:
        yield from Writer(txn, server.faults, server.now).write([], lambda: compute(txn))

    return (yield from attempts(server, once))


def deed(server: "Server", asked: Deed) -> Run:
    """Do what the office asks; gives the answer."""
    rows = 0

    def once(txn: Txn) -> Run:
        nonlocal rows
        yield
        told = yield from _DEEDS[type(asked)](server, txn, asked)
        rows = told if isinstance(told, int) else 0
        return told

    handling_of = yield from _noted(server, once)
    handling, told = handling_of
    handling.cost = Cost(documents_written=rows)
    body = {"deed": type(asked).__name__, "status": told if isinstance(told, str) else "applied", "code": "ok"}
    return Answer(200, json.dumps(body).encode())


def _noted(server: "Server", once: Callable[[Txn], Run]) -> Run:
    handling = server.handling
    told = yield from attempts(server, once)
    return handling, told


def _open(server: "Server", txn: Txn, asked: OpenJob) -> Run:
    yield from txn.lock(("job", str(asked.job_id)))
    if txn.read("job", asked.job_id) is None:
        txn.write("job", asked.job_id, Job(asked.title, asked.description, asked.district_id))
        yield from server.batch(txn).touch(jobs=[asked.job_id])


def _on_job(server: "Server", txn: Txn, job_id: UUID, change: Callable[[Job], None]) -> Run:
    yield from txn.lock(("job", str(job_id)))
    job: Job | None = txn.read("job", job_id)
    if job is None or job.over:
        return "rejected"
    change(job)
    yield
    yield from server.batch(txn).touch(jobs=[job_id])
    return "applied"


def _assign(server: "Server", txn: Txn, asked: Assign) -> Run:
    def change(job: Job) -> None:
        table = f"visit/{asked.job_id}"
        visit: Visit | None = txn.read(table, asked.visit_id)
        version = visit.plan_version + 1 if visit else 1
        txn.write(table, asked.visit_id, Visit(asked.crew_id, asked.person_id, "dispatched", version))

    return (yield from _on_job(server, txn, asked.job_id, change))


def _edit(server: "Server", txn: Txn, asked: Edit) -> Run:
    return (
        yield from _on_job(
            server, txn, asked.job_id, lambda job: txn.write("job", asked.job_id, replace(job, title=asked.title))
        )
    )


def _end(server: "Server", txn: Txn, asked: Cancel | Close) -> Run:
    how = "cancelled" if isinstance(asked, Cancel) else "closed"
    return (
        yield from _on_job(
            server, txn, asked.job_id, lambda job: txn.write("job", asked.job_id, replace(job, over=how))
        )
    )


def _move(server: "Server", txn: Txn, asked: Move) -> Run:
    yield from txn.lock(("person", asked.person_id))
    spells: tuple[Spell, ...] = txn.read("spells", asked.person_id)
    now = server.now
    before = {s.crew_id for s in spells if s.to_at is None}
    if before == {asked.crew_id}:
        return 0
    ended = tuple(replace(s, to_at=now) if s.to_at is None else s for s in spells)
    begun = (Spell(asked.crew_id, now),) if asked.crew_id is not None else ()
    txn.write("spells", asked.person_id, (*ended, *begun))
    yield
    crews = sorted(before | ({asked.crew_id} if asked.crew_id else set()))
    batch = server.batch(txn)
    yield from batch.touch(crews=crews)
    if Fault.MOVE_TOUCHES_DOCUMENTS not in server.faults:
        return batch.written
    return batch.written + sum(1 for crew_id in crews for _ in txn.scan(f"member/crew/{crew_id}"))


def _revoke(server: "Server", txn: Txn, asked: Revoke) -> Run:
    yield from txn.lock(("device", asked.device_id))
    device: Device | None = txn.read("device", asked.device_id)
    if device is not None:
        txn.write("device", asked.device_id, replace(device, revoked=True))
        yield from Writer(txn, server.faults, server.now).write([], lambda: projection.of_device(txn, asked.device_id))


def _save_part(server: "Server", txn: Txn, asked: SavePart) -> Run:
    yield from txn.lock(("part", asked.part_id))
    txn.write("part", asked.part_id, asked.name)
    yield from Writer(txn, server.faults, server.now).write([], lambda: projection.of_part(txn, asked.part_id))


def _resolve(server: "Server", txn: Txn, asked: Resolve) -> Run:
    ask: Ask | None = txn.read("quarantine", asked.command_id)
    if ask is None:
        return "rejected"
    yield from txn.lock(("job", ask.args.get("job_id", "")))
    yield from txn.lock(("command", asked.command_id))
    outcome: Outcome | None = txn.read("outcome", asked.command_id)
    if outcome is None or outcome.resolution:
        return "rejected"
    batch = server.batch(txn)
    if asked.kind == "discarded" or not ask.args:
        batch.end(asked.command_id, "discarded")
        yield from batch.touch()
        return "applied"
    by_hand = replace(ask, id=asked.by_id, device_id=None, n=None, cause=asked.command_id, barred="", revoked=False)
    batch.poison = frozenset({asked.by_id})
    if ask.args.get("text") == "poison":
        return "rejected"
    batch.poison = frozenset()
    yield from batch.run([by_hand])
    return "applied"


def forget_seen(server: "Server", device_id: UUID, seen_n: int, cursor: Cursor) -> Run:
    """Let outcomes that the device has shown leave its bucket."""
    bucket, held = f"dev/{device_id}", parse(cursor.snapshot)
    if bucket not in cursor.whole or server.current_life() != cursor.life:
        return

    def shown(txn: Txn) -> list[UUID]:
        found = []
        for key, member in txn.scan(f"member/{bucket}"):
            outcome: Outcome | None = txn.read("outcome", key[1]) if key[0] == "outcome" else None
            known = isinstance(member, Member) and not member.gone and held.sees(member.xid)
            if outcome is None or not known or outcome.status == "held":
                continue
            if outcome.device_id != device_id or outcome.n is None or outcome.n <= seen_n:
                found.append(key[1])
        return sorted(found)

    def once(txn: Txn) -> Run:
        for id in shown(txn):
            yield from txn.lock(("command", id))
        ids = shown(txn)
        if not ids:
            return

        for id in ids:
            outcome: Outcome = txn.read("outcome", id)
            left = tuple(holder for holder in outcome.holders if holder != device_id)
            txn.write("outcome", id, replace(outcome, holders=left))

        def compute() -> Projected:
            return {key: document for id in ids for key, document in projection.of_outcome(txn, id).items()}

        yield from Writer(txn, server.faults, server.now).write([("outcome", id) for id in ids], compute)

    if shown(server.db.begin()):
        yield from attempts(server, once)


_DEEDS: dict[type, Callable[..., Run]] = {
    OpenJob: _open,
    Assign: _assign,
    Edit: _edit,
    Cancel: _end,
    Close: _end,
    Move: _move,
    Revoke: _revoke,
    SavePart: _save_part,
    Resolve: _resolve,
}

__all__ = ["Any", "Doc", "attempts", "deed", "forget_seen", "refresh"]
