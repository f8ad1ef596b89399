"""A day to plan: two crews on shift with a base each, and what dispatchers do with proposals. Never a row written by hand."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Priority
from mobile_contract.schema.people import Person, Role, Shift
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW

HOUR = timedelta(hours=1)
MIN = timedelta(minutes=1)
BASES = {"amy": "west", "ali": "west", "bob": "east"}


async def planning_desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    """Put crew alpha (amy, ali) in the west on shift and crew beta (bob) in the east, from two hours ago for eight hours more."""
    desk = await office(site, pool, seed, "dan", "max", "cal", "ada")
    for name in BASES:
        await on_shift(desk, name, NOW - 2 * HOUR, NOW + 8 * HOUR)
    return desk


async def on_shift(desk: Office, name: str, from_at: datetime, to_at: datetime, **more: Any) -> UUID:
    """Give a person a base and a shift; gives the shift."""
    org = desk.org
    lon, lat = base(BASES[name])
    person = Person(
        id=org.people[name], code=name, name=name.title(), roles=(Role.TECHNICIAN,), lon_deg=lon, lat_deg=lat, **more
    )
    shift = Shift(id=org.new_id(), person_id=person.id, from_at=from_at, to_at=to_at)
    await org.ok(d.SavePerson(person=person), d.SaveShift(shift=shift))
    return shift.id


def base(district: str) -> tuple[float, float]:
    """Give the middle of a district."""
    return (116.35 if district == "west" else 116.45, 39.95)


async def job(
    desk: Office, district: str = "west", *, north_deg: float = 0.0, priority: Priority | None = None, **more: Any
) -> UUID:
    """Open a survey, an hour's work, so many degrees north of a district's middle."""
    lon, lat = base(district)
    job_id = desk.org.new_id()
    opened = {"job_type": "survey", "reported_at": NOW, "lon_deg": lon, "lat_deg": lat + north_deg, **more}
    await desk.org.ok(d.OpenJob(job_id=job_id, priority=priority, **opened), by="dan")
    return job_id


async def sent(desk: Office, job_id: UUID, crew: str, at: datetime | None = None) -> UUID:
    """Send a crew to a job, for an hour where a time is given; gives the visit."""
    visit_id = desk.org.new_id()
    command = d.AssignVisit(
        job_id=job_id,
        visit_id=visit_id,
        crew_id=desk.org.crews[crew],
        planned_start_at=at,
        planned_end_at=None if at is None else at + HOUR,
    )
    await desk.org.ok(command, by="dan")
    return visit_id


async def proposal(desk: Office, kind: str = "day", **ask: Any) -> dict[str, Any]:
    """Ask for a proposal by little solving, for an urgent job by none; the judge finds nothing in it."""
    little = {} if kind == "urgent" else {"limit_s": 0.1}
    answer = await desk.post("/plans", {"kind": kind, **little, **ask})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert "broken" not in found, found["broken"]
    return found


async def committed(desk: Office, plan: dict[str, Any], *, by: str = "dan", **ask: Any) -> dict[str, Any]:
    """Commit a proposal and give the answer, whatever became of it."""
    answer = await desk.post(f"/plans/{plan['id']}/commit", ask, by=by, key=uuid4())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def visits_of(desk: Office, job_id: UUID) -> list[dict[str, Any]]:
    """List the visits of a job that are not called off."""
    found = (await desk.get("/visits", job=str(job_id)))["items"]
    return [visit for visit in found if visit["state"] != "cancelled"]


def step_of(plan: dict[str, Any], job_id: UUID) -> dict[str, Any]:
    """Find the step of a job."""
    (found,) = [step for step in plan["steps"] if step["job_id"] == str(job_id)]
    return dict(found)


def changes(plan: dict[str, Any]) -> dict[str, str]:
    """Name what changes, by job."""
    return {step["job_id"]: step["kind"] for step in plan.get("steps", ()) if step["kind"] != "kept"}
