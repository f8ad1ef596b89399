"""Reads of one job with everything that belongs to it: one statement. Never writes, never decides who may read."""

from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from jobs.store.tables import columns_of
from mobile_contract.registry import KINDS
from mobile_contract.schema.job import Job
from mobile_contract.schema.listing import EventLine, JobDetail
from mobile_contract.schema.place import Contact, District, Site

# Of a kind at most; a job with more is cut to its newest. Ids of one device rise with time, so id order is the order of making.
CHILDREN_MAX: Final = 500

_CHILDREN: Final = {
    "visit": "visits",
    "task": "tasks",
    "note": "notes",
    "photo": "photos",
    "reading": "readings",
    "material_request": "material_requests",
    "approval": "approvals",
    "signature": "signatures",
    "stock_move": "stock_moves",
    "issue_slip": "issue_slips",
    "repair_form": "repair_forms",
    "request": "requests",
}
_SINGLE: Final[dict[str, type[Any]]] = {"site": Site, "contact": Contact, "district": District}
_EVENT_COLUMNS: Final = ", ".join(EventLine.__struct_fields__)


def _one(kind: str, where: str) -> str:
    return f"""
select '{kind}' kind, row_to_json(t)::text body from (select {", ".join(columns_of(kind))} from {kind} where org_id = $1 and {where} limit 1) t"""


def _children(kind: str, columns: str, order: str) -> str:
    return f"""
select '{kind}', row_to_json(t)::text from (select {columns} from {kind} where org_id = $1 and job_id = $2 order by {order} limit {CHILDREN_MAX}) t"""


_NAMES: Final = """
select 'name', json_build_object('id', n.id, 'name', n.name)::text from (
  select p.id, p.name from person p where p.org_id = $1 and p.id in (
    select actor_id from event where org_id = $1 and job_id = $2 union select person_id from visit where org_id = $1 and job_id = $2
    union select person_id from approval where org_id = $1 and job_id = $2)
  union all select c.id, c.name from crew c where c.org_id = $1 and c.id in (select crew_id from visit where org_id = $1 and job_id = $2)
  union all select d.device_id, d.name from sync_device d where d.org_id = $1
    and d.device_id in (select device_id from event where org_id = $1 and job_id = $2)
  union all select p.id, p.code from part p where p.org_id = $1 and p.id in (select part_id from stock_move where org_id = $1 and job_id = $2)
  order by 1 limit 1000) n"""

_SELECT: Final = " union all ".join(
    (
        _one("job", "id = $2"),
        *(_one(kind, f"id = (select {kind}_id from job where org_id = $1 and id = $2)") for kind in _SINGLE),
        *(_children(kind, ", ".join(columns_of(kind)), "id desc") for kind in _CHILDREN),
        _children("event", _EVENT_COLUMNS, "seq desc"),
        _NAMES,
        "select 'ver', ver::text from sync_doc where org_id = $1 and kind = 'job' and id = $2",
    )
)


async def show_job(conn: asyncpg.Connection, org_id: UUID, job_id: UUID) -> JobDetail | None:
    """Read a job with its visits, reports, requests, approvals and events; None where there is none."""
    bodies: dict[str, list[str]] = {}
    for row in await conn.fetch(_SELECT, org_id, job_id):
        bodies.setdefault(row["kind"], []).append(row["body"])
    if "job" not in bodies:
        return None
    children = {
        field: tuple(msgspec.json.decode(body, type=KINDS[kind]) for body in reversed(bodies.get(kind, [])))
        for kind, field in _CHILDREN.items()
    }
    single = {
        kind: msgspec.json.decode(bodies[kind][0], type=struct) for kind, struct in _SINGLE.items() if kind in bodies
    }
    names = [msgspec.json.decode(body, type=dict[str, str]) for body in bodies.get("name", [])]
    fields: dict[str, Any] = {**children, **single}
    return JobDetail(
        job=msgspec.json.decode(bodies["job"][0], type=Job),
        ver=int(bodies.get("ver", ["0"])[0]),
        events=tuple(msgspec.json.decode(body, type=EventLine) for body in reversed(bodies.get("event", []))),
        names={entry["id"]: entry["name"] for entry in names},
        **fields,
    )
