"""What the model's commands do to the rows of the trade: facts that report, decisions that are checked, deeds of the office."""

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from tests.simulation.backend import POISON
from tests.simulation.model.database import Txn
from tests.simulation.model.rows import Ask, Job, Visit

FACTS: Final = frozenset(
    {"add_note", "use_part", "start_travel", "arrive_on_site", "start_work", "complete_visit", "report_job"}
)
_VISIT_STATES: Final = {
    "start_travel": "en_route",
    "arrive_on_site": "on_site",
    "start_work": "working",
    "complete_visit": "completed",
}
Verdict = tuple[str, str]


class HandlerRaised(Exception):
    """A handler raised: what it wrote must not stay."""


class Work:
    """What the commands of one transaction touch."""

    def __init__(self, txn: Txn, now: datetime, order: "count[int]") -> None:
        self.txn, self.now, self._order = txn, now, order
        self.jobs: set[UUID] = set()
        self.crews: set[UUID] = set()

    def run(self, ask: Ask) -> Verdict:
        """Do what a command asks. Raises HandlerRaised."""
        handler = _HANDLERS.get(ask.name)
        if handler is None:
            return ("quarantined", "unknown_command")
        return handler(self, ask)

    def effect(self, ask: Ask) -> None:
        """Note that a command took effect now."""
        k = next(self._order)
        self.txn.write("effect", (ask.id, k), (k, ask.person_id))

    def job_of(self, ask: Ask) -> tuple[UUID, Job | None]:
        """Read the job that a command is about."""
        job_id = UUID(ask.args["job_id"])
        self.jobs.add(job_id)
        return job_id, self.txn.read("job", job_id)


def _crew_of(work: Work, job_id: UUID, person_id: UUID | None) -> UUID | None:
    spells = work.txn.read("spells", person_id) or ()
    return next((s.crew_id for s in spells if s.to_at is None), None)


def _add_note(work: Work, ask: Ask) -> Verdict:
    job_id, _ = work.job_of(ask)
    note_id = UUID(ask.args["note_id"])
    work.txn.write(f"note/{job_id}", note_id, (ask.args["text"], ask.person_id))
    work.effect(ask)
    if ask.args["text"] == POISON:
        raise HandlerRaised
    return ("applied", "ok")


def _use_part(work: Work, ask: Ask) -> Verdict:
    job_id, _ = work.job_of(ask)
    move_id, quantity = UUID(ask.args["move_id"]), int(ask.args["quantity"])
    crew_id = _crew_of(work, job_id, ask.person_id)
    work.txn.write(f"move/{job_id}", move_id, (ask.args["part_id"], quantity, ask.person_id))
    if crew_id is not None:
        work.txn.write(f"used/{crew_id}", move_id, (ask.args["part_id"], quantity))
        work.crews.add(crew_id)
    work.effect(ask)
    return ("applied", "ok")


def _visit_fact(work: Work, ask: Ask) -> Verdict:
    job_id, _ = work.job_of(ask)
    visit_id = UUID(ask.args["visit_id"])
    visit = work.txn.read(f"visit/{job_id}", visit_id) or Visit(None, ask.person_id)
    work.txn.write(f"visit/{job_id}", visit_id, replace(visit, state=_VISIT_STATES[ask.name]))
    work.effect(ask)
    return ("applied", "ok")


def _report_job(work: Work, ask: Ask) -> Verdict:
    job_id, known = work.job_of(ask)
    if known is None:
        district = next(d for d, _ in work.txn.scan("district"))
        work.txn.write("job", job_id, Job(ask.args.get("title", ""), "", district))
    work.effect(ask)
    return ("applied", "ok")


def _claim(work: Work, ask: Ask) -> Verdict:
    job_id, job = work.job_of(ask)
    if job is None:
        return ("rejected", "unknown_job")
    if job.over or list(work.txn.scan(f"visit/{job_id}")):
        return ("rejected", "job_already_claimed")
    work.txn.write(f"visit/{job_id}", UUID(ask.args["visit_id"]), Visit(None, ask.person_id, "accepted"))
    work.effect(ask)
    return ("applied", "ok")


def _accept(work: Work, ask: Ask) -> Verdict:
    job_id, _ = work.job_of(ask)
    visit_id = UUID(ask.args["visit_id"])
    visit: Visit | None = work.txn.read(f"visit/{job_id}", visit_id)
    if visit is None:
        return ("rejected", "unknown_visit")
    if visit.plan_version != ask.args["plan_version"]:
        return ("rejected", "plan_changed")
    work.txn.write(f"visit/{job_id}", visit_id, replace(visit, state="accepted"))
    work.effect(ask)
    return ("applied", "ok")


def _hold(work: Work, ask: Ask) -> Verdict:
    return _changed(work, ask, on_hold=True)


def _release(work: Work, ask: Ask) -> Verdict:
    return _changed(work, ask, on_hold=False)


def _changed(work: Work, ask: Ask, **fields: Any) -> Verdict:
    job_id, job = work.job_of(ask)
    if job is None or job.over:
        return ("rejected", "job_state")
    work.txn.write("job", job_id, replace(job, **fields))
    work.effect(ask)
    return ("applied", "ok")


def _edit(work: Work, ask: Ask) -> Verdict:
    job_id, job = work.job_of(ask)
    change = ask.args["changes"].get("title")
    if job is None or change is None:
        return ("rejected", "unknown_job")
    work.effect(ask)
    if job.title not in (change["was"], change["set"]):
        return ("merged", "edit_merged")
    work.txn.write("job", job_id, replace(job, title=change["set"]))
    return ("applied", "ok")


_HANDLERS: Final[dict[str, Callable[[Work, Ask], Verdict]]] = {
    "add_note": _add_note,
    "use_part": _use_part,
    **dict.fromkeys(_VISIT_STATES, _visit_fact),
    "report_job": _report_job,
    "claim_job": _claim,
    "accept_visit": _accept,
    "hold_job": _hold,
    "release_job": _release,
    "edit_job": _edit,
}
