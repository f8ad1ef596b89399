"""The model's one door: known ids are answered again, what is judged is stored, held decisions go on when what they follow is resolved."""

from collections.abc import Generator, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid5

from msgspec.structs import replace

from tests.simulation.backend import Key, Setting
from tests.simulation.model import projection
from tests.simulation.model.commands import FACTS, HandlerRaised, Verdict, Work
from tests.simulation.model.database import Database, Txn, Wait
from tests.simulation.model.documents import Writer
from tests.simulation.model.faults import Fault
from tests.simulation.model.rows import Ask, Outcome, Projected

_MEMORY: Final = timedelta(days=90)
_PATIENCE: Final = timedelta(days=5)
TOOK_EFFECT: Final = ("applied", "merged")
Run: TypeAlias = Generator[None, None, Any]


class Batch:
    """The commands of one transaction."""

    def __init__(self, db: Database, txn: Txn, setting: Setting, faults: frozenset[Fault], now: datetime) -> None:
        self._db, self.txn, self._setting, self._faults, self._now = db, txn, setting, faults, now
        self.order: count[int] = count()
        self.poison: frozenset[UUID] = frozenset()
        self._told: set[UUID] = set()
        self.written = 0

    def run(self, asks: Sequence[Ask]) -> Run:
        """Execute commands in order and write what follows; gives the outcomes under which they are answered."""
        # Outcomes of commands that others hold, and rows, are locked in one order.
        jobs = sorted({a.args.get("job_id", "") for a in asks if isinstance(a.args.get("job_id", ""), str)})
        for job_id in jobs:
            yield from self.txn.lock(("job", job_id))
        for id in sorted({a.id for a in asks}):
            yield from self.txn.lock(("command", id))
        work = Work(self.txn, self._now, self.order)
        answers = [self._one(work, ask) for ask in asks]
        yield from self._release(work)
        yield from self._write(work)
        return [(id, self.txn.read("outcome", id)) for id in answers]

    def _one(self, work: Work, ask: Ask) -> UUID:
        known: Outcome | None = self.txn.read("outcome", ask.id)
        if known is not None and known.digest != ask.digest:
            ask = replace(ask, id=uuid5(ask.id, ask.digest.hex()), barred="id_reused")
            known = self.txn.read("outcome", ask.id)
        if (
            known is not None
            and not (known.status == "held" and ask.held_at)
            and Fault.IDS_NOT_CHECKED not in self._faults
        ):
            if ask.n is not None and known.device_id != ask.device_id:
                self.txn.write("outcome", ask.id, _held_by(replace(known, device_id=ask.device_id, n=ask.n)))
                self._told.add(ask.id)
            return ask.id
        savepoint = self.txn.savepoint()
        status, code = self._judge(work, ask)
        if status not in TOOK_EFFECT and Fault.NO_SAVEPOINT not in self._faults:
            self.txn.roll_back_to(savepoint)
        self._store(ask, status, code)
        return ask.id

    def _judge(self, work: Work, ask: Ask) -> Verdict:
        fact = ask.name in FACTS
        if ask.barred:
            return ("quarantined", ask.barred) if fact or ask.barred in _WHOLE else ("rejected", ask.barred)
        if ask.revoked:
            return ("quarantined" if fact else "rejected", "device_revoked")
        if not fact and ask.after and (verdict := self._depends(ask)) is not None:
            return verdict
        if ask.cause is None and ask.name not in ("report_job",) and not self._was_in_scope(ask):
            return ("quarantined" if fact else "rejected", "out_of_scope")
        if ask.id in self.poison:
            return ("quarantined", "server_fault")
        try:
            return work.run(ask)
        except HandlerRaised:
            if not ask.held_at and Fault.NO_SAVEPOINT not in self._faults:
                raise
            return ("quarantined", "server_fault")
        except (KeyError, ValueError, TypeError):
            return ("quarantined", "invalid")

    def _depends(self, ask: Ask) -> Verdict | None:
        found: list[Outcome | None] = [self.txn.read("outcome", id) for id in ask.after]
        if ask.id in ask.after:
            return ("rejected", "dependency_invalid")
        if any(o is not None and o.resolved and not _took_effect(o) for o in found):
            return ("rejected", "dependency_rejected")
        if all(o is not None and o.resolved for o in found):
            return None
        return ("held", "waiting")

    def _was_in_scope(self, ask: Ask) -> bool:
        try:
            job_id = UUID(ask.args["job_id"])
        except (KeyError, ValueError, TypeError):
            return True
        if ask.person_id is None:
            return False
        buckets = projection.ever_held(self.txn, ask.person_id, self._now - _MEMORY, self._setting)
        kinds: list[Key] = [("job", job_id), ("open_job", job_id)]
        return any(self.txn.read(f"member/{bucket}", key) is not None for bucket in buckets for key in kinds)

    def _store(self, ask: Ask, status: str, code: str) -> None:
        before: Outcome | None = self.txn.read("outcome", ask.id)
        outcome = Outcome(
            device_id=before.device_id if before else ask.device_id,
            n=before.n if before else ask.n,
            digest=ask.digest,
            status=status,
            code=code,
            decided_at=self._now,
            not_before=ask.not_before,
            not_after=ask.not_after,
            suspect=ask.suspect,
        )
        forgets = Fault.OUTCOME_NOT_STORED in self._faults and ask.digest[0] % 10 == 0
        if not forgets:
            if before is None and (status, code) == ("applied", "ok"):
                # Nothing to say but that it took effect: the answer to the push says it, and says it again.
                self.txn.write("outcome", ask.id, outcome)
            else:
                self.txn.write("outcome", ask.id, _held_by(replace(outcome, holders=before.holders if before else ())))
                self._told.add(ask.id)
        if status == "quarantined":
            self.txn.write("quarantine", ask.id, ask)
        if status == "held":
            self.txn.write("held", ask.id, replace(ask, held_at=self._now))
        if ask.cause is not None and status in TOOK_EFFECT:
            self.end(ask.cause, "applied")

    def end(self, command_id: UUID, how: str) -> None:
        """End a quarantine."""
        outcome: Outcome | None = self.txn.read("outcome", command_id)
        if outcome is not None and not outcome.resolution:
            self.txn.write("outcome", command_id, _held_by(replace(outcome, resolution=how)))
            self._told.add(command_id)

    def _release(self, work: Work) -> Wait:
        """Execute the held decisions that nothing keeps waiting any more."""
        for _ in range(50):
            ready = [a for _, a in self.txn.scan("held") if self._may_go_on(a)]
            ready = [a for a in ready if self._is_free(a)]
            if not ready:
                return
            for ask in sorted(ready, key=lambda a: (a.held_at, a.n or 0, a.id)):
                yield from self.txn.lock(("command", ask.id))
                yield from self.txn.lock(("job", ask.args.get("job_id", "")))
                if self.txn.read("held", ask.id) is not None:
                    self.txn.write("held", ask.id, None)
                    self._one(work, ask)

    def _is_free(self, ask: Ask) -> bool:
        # One that another transaction is at work on is left to the sweep, as a lock that is not waited for.
        names = (("command", ask.id), ("job", ask.args.get("job_id", "")))
        return all(self._db.locks.get(name) in (None, self.txn) for name in names)

    def _may_go_on(self, ask: Ask) -> bool:
        return ask.barred == "dependency_expired" or self._depends(ask) != ("held", "waiting")

    def sweep(self) -> Run:
        """Refuse decisions that were held for five days, and let those go on that were forgotten."""
        for id, ask in list(self.txn.scan("held")):
            if ask.held_at + _PATIENCE <= self._now and Fault.HELD_FOR_EVER not in self._faults and self._is_free(ask):
                yield from self.txn.lock(("command", id))
                self.txn.write("held", id, replace(ask, barred="dependency_expired"))
        return (yield from self.run([]))

    def _write(self, work: Work) -> Wait:
        view, writer = self.txn, Writer(self.txn, self._faults, self._now)
        jobs, crews = sorted(work.jobs), sorted(work.crews)
        keys: list[Key] = [key for job_id in jobs for key in projection.keys_of_job(view, job_id)]
        keys += [("van", crew_id) for crew_id in crews]
        keys += [("outcome", id) for id in self._told]

        def compute() -> Projected:
            found: Projected = {}
            for job_id in jobs:
                found |= projection.of_job(view, job_id, whole_view=Fault.REDUCED_VIEW_IS_WHOLE in self._faults)
            for crew_id in crews:
                found |= projection.of_crew(view, crew_id)
            for id in self._told:
                found |= projection.of_outcome(view, id)
            return found

        yield from writer.write(keys, compute)
        self.written = writer.written

    def touch(self, jobs: Sequence[UUID] = (), crews: Sequence[UUID] = ()) -> Wait:
        """Write the documents of jobs and crews that the office changed, and let go on what that released."""
        work = Work(self.txn, self._now, self.order)
        work.jobs.update(jobs)
        work.crews.update(crews)
        yield from self._release(work)
        yield from self._write(work)


_WHOLE: Final = frozenset({"id_reused", "invalid", "skipped", "unknown_command", "command_too_large"})


def _took_effect(outcome: Outcome) -> bool:
    return outcome.resolution == "applied" or (not outcome.resolution and outcome.status in TOOK_EFFECT)


def _held_by(outcome: Outcome) -> Outcome:
    """Let an outcome stand in the bucket of the device that has the command now, beside those in which it stands."""
    if outcome.device_id is None or outcome.device_id in outcome.holders:
        return outcome
    return replace(outcome, holders=(*outcome.holders, outcome.device_id))
