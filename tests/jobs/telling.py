"""Commands as they come from the field: done at one time, received at another. Ids of jobs and visits are the test's."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from jobs.context import Occurrence
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import Job, JobState, Visit, VisitState
from sync.execute import run
from sync.outcomes import Answer
from tests.arrange import NOW, Assigned, Org, ask_of
from tests.jobs import stored


async def tell(
    org: Org,
    *commands: Command,
    by: str = "amy",
    at: datetime = NOW,
    received_at: datetime | None = None,
    suspect: bool = False,
    after: tuple[UUID, ...] = (),
) -> tuple[Answer, ...]:
    """Execute commands of a person in the field: done at `at`, received then or later; give the answers."""
    received = received_at or at
    occurrence = Occurrence(at=at, not_before=at, not_after=received, raw_at=at, clock="anchor", suspect=suspect)
    asks = [
        replace(ask_of(c, org.actor(by), id=org.new_id(), now=received), occurrence=occurrence, after=after)
        for c in commands
    ]
    return await run(org.pool, org.id, asks, now=received)


async def state(org: Org, job: Assigned) -> tuple[JobState, VisitState]:
    """Give the states of a job and of its visit as stored."""
    known, visit = await stored.one(org, Job, job.job_id), await stored.one(org, Visit, job.visit_id)
    return known.state, visit.state


def fact(kind: type[f.VisitFact], job: Assigned, **said: object) -> f.VisitFact:
    """Make a fact about a job's visit."""
    return kind(job_id=job.job_id, visit_id=job.visit_id, **said)  # type: ignore[arg-type]
