"""The arrival clock: elapsed minutes from the report to the first arrival, by job type, class of district and priority. Pure."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from mobile_contract.schema.base import Priority
from mobile_contract.schema.job import ArrivalLimit, Job, JobType


def arrival_minutes(job_type: JobType, arrival_class: str | None, priority: Priority) -> int | None:
    """Find the limit in minutes; None where the type promises nothing.

    The most specific limit wins: class and priority, then one of the two, then neither; of two equally specific ones the shorter.
    A job outside every district (None) has the limits that name no class.
    """
    fitting = [
        limit
        for limit in job_type.arrival_limits
        if limit.arrival_class in ("", arrival_class or "") and limit.priority in ("", priority.value)
    ]
    best = min(fitting, key=lambda limit: (-_specificity(limit), limit.minutes), default=None)
    return best.minutes if best else None


def arrival_due_at(
    job_type: JobType, arrival_class: str | None, *, priority: Priority, reported_at: datetime
) -> datetime | None:
    """Compute when somebody must be there. A change of priority re-targets from the report, so the time spent stays spent."""
    minutes = arrival_minutes(job_type, arrival_class, priority)
    return None if minutes is None else reported_at + timedelta(minutes=minutes)


def retarget(job: Job, job_type: JobType | None, arrival_class: str | None) -> Job:
    """Set a job's arrival due time anew after its type, priority or district changed; the breach follows when the job is folded."""
    if job_type is None:
        return job
    due_at = arrival_due_at(job_type, arrival_class, priority=job.priority, reported_at=job.reported_at)
    return replace(job, arrival_due_at=due_at)


def local(instant: datetime, zone: str) -> datetime:
    """Say an aware instant in an IANA zone, for people and calendars; elapsed time never needs it."""
    if instant.tzinfo is None:
        raise ValueError("an aware instant is needed")
    return instant.astimezone(ZoneInfo(zone))


def _specificity(limit: ArrivalLimit) -> int:
    return (limit.arrival_class != "") + (limit.priority != "")
