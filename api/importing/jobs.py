"""Rows that become jobs. A row is never lost: without a usable point it becomes a job that awaits triage, a repeated one another job.

The job's id follows from source, key, content and occurrence. A row whose content changed under the same key is therefore another job,
flagged: what a crew may already work on is not rewritten from a file, the dispatcher decides (and may mark one as a duplicate).
"""

from collections.abc import Sequence
from uuid import UUID, uuid5

import asyncpg

from api.importing.fields import Noun
from api.importing.notes import Note
from api.importing.plans import Importing, InFileOrder, Plan, Settled, Step
from api.importing.points import RowPoint, point_of, said_point
from api.importing.rows import id_of
from api.importing.values import MappedRow
from api.store import imports
from mobile_contract.schema.base import Command, Priority
from mobile_contract.schema.decisions import ContactDetails, OpenJob, RegisterRequest


class JobPlanner(InFileOrder):
    """Plans jobs."""

    async def plan(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Plan:
        """Plan one job per row."""
        org_id = importing.org.org_id
        ids = {row.row.number: id_of(org_id, Noun.JOBS, importing.source, row.row) for row in rows}
        points = {row.row.number: point_of(row, importing) for row in rows}
        job_types = await imports.job_types(conn, org_id)
        sites = await imports.ids_by_code(
            conn, org_id, "site", {code for row in rows if (code := row.text("site_code"))}
        )
        references = {row.row.key for row in rows if row.row.key}
        elsewhere = await imports.references_of_others(conn, org_id, references, but=list(ids.values()))
        steps: list[Step] = []
        notes: list[Note] = []
        for row in rows:
            number, point = row.row.number, points[row.row.number]
            refusal = _refusal(row, job_types)
            if refusal is not None:
                notes.append(refusal)
                continue
            site_id = sites.get(row.text("site_code"))
            # A row without a point of its own lies where its site is.
            if point.wgs84 is not None or site_id is None:
                notes.extend(point.notes)
            notes.extend(_oddities(row, importing, site_id=site_id, elsewhere=elsewhere))
            command = _command(row, importing, ids[number], (point, site_id))
            steps.append(Step(row=row, id=uuid5(ids[number], "import"), command=command, makes=True))
        return Plan(steps=tuple(steps), notes=tuple(notes))

    async def settle(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Settled:
        """Flag the jobs whose point is outside every district, and count those that await triage."""
        org_id = importing.org.org_id
        ids = {id_of(org_id, Noun.JOBS, importing.source, row.row): row for row in rows}
        found = await imports.jobs_in_triage(conn, org_id, list(ids))
        outside = [ids[job.id] for job in found if job.has_point]
        notes = tuple(row.flag("outside_districts", said_point(row)) for row in outside)
        return Settled(notes, frozenset(ids[job.id].row.number for job in found))


def _refusal(row: MappedRow, job_types: Sequence[str]) -> Note | None:
    job_type = row.text("job_type")
    if not job_type:
        return row.flag("value_missing", "job_type", refused=True)
    if job_type not in job_types:
        return row.flag("unknown_job_type", f"{job_type}; loaded are {', '.join(job_types) or 'none'}", refused=True)
    return None


def _oddities(row: MappedRow, importing: Importing, *, site_id: UUID | None, elsewhere: set[str]) -> list[Note]:
    """Say what a person should look at although the row becomes a job."""
    found: list[Note] = []
    if row.row.occurrence > 1:
        found.append(row.flag("row_repeated", f"row {row.row.first_row}"))
    elif row.row.twins > 1:
        found.append(row.flag("key_repeated", f"{row.row.twins} rows"))
    if not row.row.key:
        found.append(row.flag("key_missing"))
    elif row.row.key in elsewhere and row.row.twins == 1:
        found.append(row.flag("key_known"))
    if row.text("site_code") and site_id is None:
        found.append(row.flag("unknown_code", f"site {row.text('site_code')}"))
    reported_at = row.values.get("reported_at")
    if reported_at is not None and reported_at > importing.now:  # type: ignore[operator]
        found.append(row.flag("reported_in_future"))
    return found


def _command(row: MappedRow, importing: Importing, id: UUID, place: tuple[RowPoint, UUID | None]) -> Command:
    point, site_id = place
    values = row.values
    said = {
        "job_id": id,
        "job_type": row.text("job_type"),
        "description": row.text("description"),
        "address": row.text("address"),
        "lon_deg": point.lon_deg,
        "lat_deg": point.lat_deg,
        "datum": point.datum,
        "external_ref": (row.text("external_ref") or row.row.key)[:300],
        "reported_at": values.get("reported_at"),
        "contact": _contact(row, id),
    }
    if importing.as_requests:
        source = row.text("request_source") or "customer"
        return RegisterRequest(request_id=uuid5(id, "request"), source=source, **said)  # type: ignore[arg-type]
    priority = Priority(row.text("priority")) if row.text("priority") else None
    return OpenJob(
        **said,  # type: ignore[arg-type]
        title=row.text("title"),
        priority=priority,
        number=row.text("number") or None,
        site_id=site_id,
    )


def _contact(row: MappedRow, job_id: UUID) -> ContactDetails | None:
    name, phone = row.text("contact_name"), row.text("contact_phone")
    if not name and not phone:
        return None
    return ContactDetails(
        contact_id=uuid5(job_id, "contact"),
        name=name or phone,
        phone=phone,
        language=row.text("contact_language") or "en",
    )
