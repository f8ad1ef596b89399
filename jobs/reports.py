"""The documents of a batch that only reports: what crews tell changes what devices hold, not who holds it. Asks the database nothing.

A job's row is locked as long as the batch lasts, so its visits and what belongs to it are as the work knows them. Where anything else
changes (who is sent, a site, a person), `jobs.projection` computes the documents from the database, under the documents' locks.
"""

from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from jobs.event import Event
from jobs.projection import JOB_DOCUMENTS, Projected, Visible, open_job, projected
from jobs.store.rows import kind_name
from jobs.store.stored_form import as_stored
from jobs.work import Change, Work
from mobile_contract.schema.approval import Approval, ApprovalState
from mobile_contract.schema.job import Job, JobState, Visit, VisitState
from mobile_contract.schema.stock import StockLocation

DOCUMENTS = frozenset(JOB_DOCUMENTS) - {"request"} | {"job", "meter", "notice", "stock_level", "stock_location"}
"""Kinds that a report makes or changes and that devices hold."""

_HOLDING = frozenset(VisitState) - {VisitState.TENTATIVE, VisitState.DECLINED, VisitState.CANCELLED}
_LEFT = frozenset({JobState.CLOSED, JobState.CANCELLED})


def only_reports(work: Work) -> bool:
    """Tell whether nobody gains or loses sight of anything by what the batch changed."""
    # Most changes are events, and nobody holds those.
    changes = [change for change in work.changes() if type(change.now) is not Event]
    return not work.drawn and all(_is_report(c) for c in changes) and all(_stays(work, id) for id in _jobs(changes))


def documents_told(work: Work) -> list[Projected]:
    """Compute the documents of a batch that `only_reports`, as from its rows.

    Their buckets come on top of those that hold them already: a meter's are left as they are.
    """
    documents = [as_stored(c.now) for c in work.changes() if kind_name(type(c.now)) in DOCUMENTS]
    visible = Visible()
    for job_id in {job_id for d in documents if (job_id := _job_id(d)) is not None}:
        visible.job[job_id] = holders_of(work.get(Job, job_id), work.of_job(Visit, job_id))
        waiting = (a for a in work.of_job(Approval, job_id) if a.state is ApprovalState.WAITING)
        visible.inboxes.update((a.id, set(a.inboxes)) for a in waiting)
    for (location_id, _), timeline in work.timelines.items():
        visible.van[location_id] |= {f"crew/{id}" for id in timeline.crews}
    told = [projected(kind_name(type(d)), d.id, d, visible) for d in documents]
    jobs = [d for d in documents if isinstance(d, Job)]
    opened = [(open_job(job.id, work.before(job)), open_job(job.id, job)) for job in jobs]
    return [*told, *(now for before, now in opened if now != before)]


def holders_of(job: Job | None, visits: Iterable[Visit]) -> set[str]:
    """Name the buckets that hold a job: the same rule as `jobs.projection` asks of the database."""
    if job is None or job.state in _LEFT:
        return set()
    holding = [visit for visit in visits if visit.state in _HOLDING]
    holders = {f"crew/{v.crew_id}" for v in holding if v.crew_id is not None}
    holders |= {f"me/{v.person_id}" for v in holding if v.person_id is not None}
    return holders | ({f"me/{job.opened_by}"} if job.found_on_site and job.opened_by is not None else set())


def _is_report(change: Change) -> bool:
    kind, before, now = kind_name(type(change.now)), change.before, change.now
    if isinstance(now, Job):
        # Where a job lies and whose it is says who sees it, and its site and contact with it.
        return isinstance(before, Job) and _place(before) == _place(now)
    if isinstance(now, Approval):
        return before is None
    if isinstance(now, StockLocation):
        # A place that came into being with its first use; one that is saved may leave the phones.
        return before is None
    return kind in DOCUMENTS and (kind != "meter" or before is not None)


def _place(job: Job) -> tuple[UUID | None, UUID | None, UUID | None]:
    return job.district_id, job.site_id, job.contact_id


def _jobs(changes: Iterable[Change]) -> set[UUID]:
    jobs = {c.now.id for c in changes if type(c.now) is Job}
    return jobs | {c.now.job_id for c in changes if type(c.now) is Visit}


def _stays(work: Work, job_id: UUID) -> bool:
    job, visits = work.get(Job, job_id), work.of_job(Visit, job_id)
    if job is None:
        return False
    before = [known for visit in visits if (known := work.before(visit)) is not None]
    return holders_of(work.before(job), before) == holders_of(job, visits)


def _job_id(document: object) -> UUID | None:
    return (
        document.id if isinstance(document, Job) else cast("UUID | None", getattr(cast(Any, document), "job_id", None))
    )
