"""Handler of conflicts of edits: somebody who saw both values says which one stands. Never merges two texts."""

from typing import Any

from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.job import wrong_state
from jobs.opening import arrival_class
from jobs.recording import record, settle
from jobs.result import Applied, Refused, Result
from jobs.rules.sla import retarget
from jobs.work import Work
from mobile_contract.schema.base import Priority
from mobile_contract.schema.conflicts import Keep, SettleConflict
from mobile_contract.schema.job import Job, JobState


@handles(SettleConflict)
def settle_conflict(work: Work, command: SettleConflict, deed: Deed) -> Result:
    """Let one value stand and take the conflict out of the inbox; the events keep both."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    waiting = [c for c in job.conflicts if c.field == command.field and command.edit_id in (None, c.command_id)]
    if not waiting:
        return Refused("conflict_settled")
    conflict = waiting[-1]
    now = str(getattr(job, conflict.field))
    new = replace(job, conflicts=tuple(c for c in job.conflicts if c is not conflict))
    if command.keep is Keep.OFFERED and now != conflict.offered:
        if job.state in (JobState.CLOSED, JobState.CANCELLED):
            return wrong_state(job)
        if now != (conflict.kept if command.was is None else command.was):
            return Refused("field_changed", {"field": conflict.field, "now": now})
        new = _set(work, new, conflict.field, conflict.offered)
    work.put(new)
    detail: dict[str, Any] = {
        "field": conflict.field,
        "edit_id": conflict.command_id,
        "keep": command.keep,
        "was": now,
        "set": str(getattr(new, conflict.field)),
        "offered": conflict.offered,
    }
    record(work, new, deed, EventName.CONFLICT_SETTLED, detail=detail)
    settle(work, job.id)
    return Applied()


def _set(work: Work, job: Job, field: str, value: str) -> Job:
    if field != "priority":
        changed: dict[str, Any] = {field: value}
        return replace(job, **changed)
    urgent = replace(job, priority=Priority(value))
    return retarget(urgent, work.job_type(job.type, job.type_version), arrival_class(work, job.district_id))
