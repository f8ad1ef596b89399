"""What documents there are and which buckets hold them, computed from the rows of the trade. Pure; used for writing and for the truth."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from tests.simulation.backend import Key, Setting
from tests.simulation.model.rows import Device, Job, Outcome, Projected, Spell, View, Visit

_JSON: Final = msgspec.json.Encoder(order="deterministic").encode


def of_job(view: View, job_id: UUID, *, whole_view: bool = False) -> Projected:
    """Make the documents of a job: itself, its reduced view while it is open, its visits, notes and moves."""
    job: Job | None = view.read("job", job_id)
    if job is None:
        return {}
    visits: list[tuple[UUID, Visit]] = list(view.scan(f"visit/{job_id}"))
    buckets = () if job.over else tuple(sorted({_bucket(visit) for _, visit in visits}))
    notes = list(view.scan(f"note/{job_id}"))
    found: Projected = {}
    if buckets:
        body = {
            "id": job_id,
            "title": job.title,
            "description": job.description,
            "on_hold": job.on_hold,
            "notes": len(notes),
        }
        found["job", job_id] = _JSON(body), buckets
        for id, visit in visits:
            found["visit", id] = (
                _JSON({"id": id, "job_id": job_id, "state": visit.state, "plan": visit.plan_version}),
                buckets,
            )
        for id, (text, person_id) in notes:
            shown = {
                "id": id,
                "job_id": job_id,
                "text": text,
                "written_at": "2026-01-01T00:00:00Z",
                "written_by": person_id,
            }
            found["note", id] = _JSON(shown), buckets
        for id, (part_id, quantity, _) in view.scan(f"move/{job_id}"):
            found["move", id] = _JSON({"id": id, "job_id": job_id, "part_id": part_id, "quantity": quantity}), buckets
    elif not job.over and not visits:
        reduced = {"id": job_id, "title": job.title, **({"words": job.description} if whole_view else {})}
        found["open_job", job_id] = _JSON(reduced), (f"district/{job.district_id}/open",)
    return found


def keys_of_job(view: View, job_id: UUID) -> list[Key]:
    """Name every document that a job has or could have."""
    kinds = {"visit": "visit", "note": "note", "move": "move"}
    return [
        ("job", job_id),
        ("open_job", job_id),
        *((kind, id) for kind, table in kinds.items() for id, _ in view.scan(f"{table}/{job_id}")),
    ]


def _bucket(visit: Visit) -> str:
    return f"crew/{visit.crew_id}" if visit.crew_id is not None else f"me/{visit.person_id}"


def of_crew(view: View, id: UUID) -> Projected:
    """Make the document of a crew's van: what was used, on whichever job, and who belongs to the crew."""
    used: dict[str, int] = {}
    for _, (part_id, quantity) in view.scan(f"used/{id}"):
        used[str(part_id)] = used.get(str(part_id), 0) + quantity
    members = sorted(
        str(p) for p, spells in view.scan("spells") if any(s.crew_id == id and s.to_at is None for s in spells)
    )
    return {("van", id): (_JSON({"id": id, "used": used, "members": members}), (f"crew/{id}",))}


def of_part(view: View, id: UUID) -> Projected:
    """Make the document of a part."""
    name = view.read("part", id)
    return {} if name is None else {("part", id): (_JSON({"id": id, "label": name}), ("ref",))}


def of_device(view: View, device_id: UUID) -> Projected:
    """Make the document of a device."""
    device: Device = view.read("device", device_id)
    body = {"id": device_id, "name": device.name, "revoked": device.revoked, "wipe": device.revoked}
    return {("device", device_id): (_JSON(body), (f"dev/{device_id}",))}


def of_outcome(view: View, command_id: UUID) -> Projected:
    """Make the document of an outcome, until it was shown."""
    outcome: Outcome | None = view.read("outcome", command_id)
    if outcome is None or not outcome.holders:
        return {}
    body = {"id": command_id, "status": outcome.status, "code": outcome.code, "n": outcome.n}
    if outcome.resolution:
        body["resolution"] = {"kind": outcome.resolution, "at": "2026-01-01T00:00:00Z"}
    return {("outcome", command_id): (_JSON(body), tuple(sorted(f"dev/{id}" for id in outcome.holders)))}


Part = tuple[str, UUID]
"""What documents are projected together: all of a job, of a crew, a part, a device, an outcome."""


def everything(view: View, setting: Setting) -> dict[Part, Projected]:
    """Make every document there is."""
    parts: list[Part] = [("crew", crew_id) for crew_id in setting.crews]
    for table in ("job", "part", "device", "outcome"):
        parts += [(table, id) for id, _ in view.scan(table)]
    return {part: _project(view, part) for part in parts}


def refreshed(
    view: View, setting: Setting, known: dict[Part, Projected], changed: Iterable[tuple[str, Any]]
) -> dict[Part, Projected]:
    """Make anew what depends on the rows that changed."""
    parts: set[Part] = set()
    for table, key in changed:
        name, _, of = table.partition("/")
        if name in ("job", "part", "device", "outcome"):
            parts.add((name, key))
        elif name in ("visit", "note", "move"):
            parts.add(("job", UUID(of)))
        elif name in ("used", "spells"):
            parts.update(("crew", crew_id) for crew_id in setting.crews)
    return {**known, **{part: _project(view, part) for part in parts}}


def _project(view: View, part: Part) -> Projected:
    kind, id = part
    return _PROJECT[kind](view, id)


def scope(view: View, setting: Setting, device_id: UUID, person_id: UUID | None) -> tuple[str, ...]:
    """Name the buckets that a device may hold with that person at work, most urgent first."""
    wants = [f"dev/{device_id}"]
    if person_id is not None:
        spells: Iterable[Spell] = view.read("spells", person_id) or ()
        crews = sorted(f"crew/{s.crew_id}" for s in spells if s.to_at is None)
        districts = sorted(f"district/{id}/open" for id in setting.districts) if crews else []
        wants += [f"me/{person_id}", *crews, *districts, "ref"]
    return tuple(wants)


def ever_held(view: View, person_id: UUID, since: datetime, setting: Setting) -> set[str]:
    """Name the buckets that a person held at any time since then."""
    spells: Iterable[Spell] = view.read("spells", person_id) or ()
    recent = [s for s in spells if s.to_at is None or s.to_at >= since]
    districts = {f"district/{id}/open" for id in setting.districts} if recent else set()
    return {f"me/{person_id}", *districts, *(f"crew/{s.crew_id}" for s in recent)}


_PROJECT: Final[dict[str, Callable[[View, UUID], Projected]]] = {
    "job": of_job,
    "crew": of_crew,
    "part": of_part,
    "device": of_device,
    "outcome": of_outcome,
}
