"""The state of a job: computed from its visits, but for cancel, hold and close. One decision table, read from the top. Pure."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from jobs.rules.visit import BOOKED, DONE, FINISHED, UNDER_WAY
from mobile_contract.schema.job import Flag, Job, JobState, Visit, VisitState


class LastTrip(StrEnum):
    """How the latest finished visit ended; a visit that ended before the job was reopened no longer counts."""

    NONE = "none"
    DONE = "done"
    FOLLOW_UP = "follow-up needed"
    NO_ACCESS = "no access"
    CANNOT = "not ours, or cannot be done"


class View(Struct, frozen=True, kw_only=True):
    """What the table looks at."""

    cancelled: bool = False
    closed: bool = False
    held: bool = False
    draft: bool = False
    triaged: bool = True
    under_way: bool = False
    booked: bool = False
    last: LastTrip = LastTrip.NONE


class Row(Struct, frozen=True):
    """A row of the table: the first one that holds gives the state. `when` is for people."""

    when: str
    holds: Callable[[View], bool]
    state: JobState


TABLE: tuple[Row, ...] = (
    Row("it was cancelled", lambda v: v.cancelled, JobState.CANCELLED),
    Row("it was closed", lambda v: v.closed, JobState.CLOSED),
    Row(
        "the latest visit did the work and nobody else is booked or under way",
        lambda v: v.last is LastTrip.DONE and not v.under_way and not v.booked,
        JobState.COMPLETED,
    ),
    Row("it is held", lambda v: v.held, JobState.ON_HOLD),
    Row("a crew is travelling, on site, working or pausing", lambda v: v.under_way, JobState.IN_PROGRESS),
    Row("a visit is scheduled, dispatched or accepted", lambda v: v.booked, JobState.SCHEDULED),
    Row(
        "the latest visit found it not ours or not possible",
        lambda v: v.last is LastTrip.CANNOT,
        JobState.CANNOT_COMPLETE,
    ),
    Row("it is a draft that nobody has decided on", lambda v: v.draft and not v.triaged, JobState.DRAFT),
    Row("nobody has triaged it", lambda v: not v.triaged, JobState.AWAITING_TRIAGE),
    Row(
        "otherwise: no visit yet, only tentative, declined or cancelled ones, no access, follow-up needed, or reopened",
        lambda _: True,
        JobState.READY,
    ),
)
"""The decision table of a job's state, from the top."""

WAITING = frozenset({JobState.DRAFT, JobState.AWAITING_TRIAGE, JobState.READY, JobState.SCHEDULED})
LIVE = WAITING | {JobState.IN_PROGRESS, JobState.ON_HOLD}
OVER = frozenset(JobState) - LIVE

_FROM_VISITS = frozenset({Flag.OUT_OF_ORDER, Flag.INCOMPLETE, Flag.NOT_OURS})


def state_of(view: View) -> JobState:
    """Read the table: the state of the first row that holds."""
    return next(row.state for row in TABLE if row.holds(view))


def view_of(job: Job, visits: Iterable[Visit]) -> View:
    """Sum a job and its visits up for the table."""
    visits = list(visits)
    return View(
        cancelled=job.cancelled_at is not None,
        closed=job.closed_at is not None,
        held=job.held_for is not None,
        draft=job.state is JobState.DRAFT,
        triaged=job.triaged_at is not None,
        under_way=any(v.state in UNDER_WAY for v in visits),
        booked=any(v.state in BOOKED for v in visits),
        last=_last_trip(job, visits),
    )


def fold_job(job: Job, visits: Iterable[Visit]) -> Job:
    """Compute a job's state, its first arrival with the breach, when it was made safe, and the flags its visits give it.

    The first arrival is the earliest corrected one of any visit, whoever made it; a breach counts against the due time as it is now.
    """
    visits = sorted(visits, key=lambda v: v.id.int)
    arrivals = [(v.arrived_at, v.arrival_recorded_at) for v in visits if v.arrived_at is not None]
    arrived_at, recorded_at = min(arrivals, key=lambda a: a[0], default=(None, None))
    due_at = job.arrival_due_at
    breached = arrived_at is not None and due_at is not None and arrived_at > due_at
    safe_at = min((v.made_safe_at for v in visits if v.made_safe_at is not None), default=None)
    state = state_of(view_of(job, visits))
    flags = set(job.flags) - _FROM_VISITS
    in_order = tuple(sorted(flags.union(*(v.flags for v in visits))))
    known = (job.state, job.arrived_at, job.arrival_recorded_at, job.arrival_breached, job.made_safe_at, job.flags)
    if known == (state, arrived_at, recorded_at, breached, safe_at, in_order):
        return job
    return replace(
        job,
        state=state,
        arrived_at=arrived_at,
        arrival_recorded_at=recorded_at,
        arrival_breached=breached,
        made_safe_at=safe_at,
        flags=in_order,
    )


def did_the_work(visit: Visit) -> bool:
    """Tell whether a visit was completed, did what it went for and the trouble was ours."""
    return visit.state is VisitState.COMPLETED and visit.reason in ("", DONE) and Flag.NOT_OURS not in visit.flags


def _last_trip(job: Job, visits: Sequence[Visit]) -> LastTrip:
    reopened = job.reopened_at
    counted = [
        (v.ended_at, v.id, v)
        for v in visits
        if v.state in FINISHED and v.ended_at is not None and (reopened is None or v.ended_at >= reopened)
    ]
    if not counted:
        return LastTrip.NONE
    _, _, last = max(counted, key=lambda c: c[:2])
    if last.state is VisitState.NO_ACCESS:
        return LastTrip.NO_ACCESS
    if last.state is VisitState.FOLLOW_UP_NEEDED:
        return LastTrip.FOLLOW_UP
    return LastTrip.DONE if did_the_work(last) else LastTrip.CANNOT
