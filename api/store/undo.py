"""Reads what is needed to take a command back: which jobs it changed, and these as they stand. Never writes."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from jobs.event import Event
from jobs.rules.visit import BOOKED
from jobs.store.rows import Want, load, lock
from mobile_contract.schema.job import Job, Visit

# The other half of a swap: its visit stands where the first one stood, and the same command put it there.
_PARTNERS: Final = """
select distinct v.job_id from visit v
where v.org_id = $1 and v.state = any($2) and v.job_id <> $3
  and (v.crew_id in (select (e.detail ->> 'crew_id')::uuid from event e where e.org_id = $1 and e.job_id = $3 and e.visit_id is not null)
    or v.person_id in (select (e.detail ->> 'person_id')::uuid from event e where e.org_id = $1 and e.job_id = $3 and e.visit_id is not null))
  and exists (select from event k where k.org_id = $1 and k.job_id = v.job_id and k.command_id = $4)
order by v.job_id limit 10"""


class Rows:
    """Jobs as they stand, with their visits and events, locked until the transaction ends."""

    def __init__(self) -> None:
        self.jobs: dict[UUID, Job] = {}
        self.visits: dict[UUID, list[Visit]] = {}
        self.events: dict[UUID, list[Event]] = {}


async def partners(conn: asyncpg.Connection, org_id: UUID, job_id: UUID, command_id: UUID) -> list[UUID]:
    """Name the other jobs that a swap changed."""
    states = sorted(state.value for state in BOOKED)
    return [row["job_id"] for row in await conn.fetch(_PARTNERS, org_id, states, job_id, command_id)]


async def read_locked(conn: asyncpg.Connection, org_id: UUID, job_ids: Sequence[UUID]) -> Rows:
    """Lock jobs, so that nothing comes in between looking and taking back, and read them."""
    await lock(conn, org_id, "job", job_ids)
    ids = tuple(sorted(job_ids))
    wants = (Want("job", "id", ids), Want("visit", "job_id", ids), Want("event", "job_id", ids))
    found = Rows()
    for stored in await load(conn, org_id, wants):
        document = stored.document
        if isinstance(document, Job):
            found.jobs[document.id] = document
        elif isinstance(document, Visit):
            found.visits.setdefault(document.job_id, []).append(document)
        elif isinstance(document, Event):
            found.events.setdefault(document.job_id, []).append(document)
    for events in found.events.values():
        events.sort(key=lambda event: event.seq)
    return found
