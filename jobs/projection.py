"""What devices hold, computed from the database: bodies and buckets of documents, and who holds which buckets. Writes nothing.

The rules of visibility live here and nowhere else; `onsite sync verify` compares them with what the sync tables hold.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import cast
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct, field

from jobs.store import rows
from jobs.store.rows import Want
from jobs.work import Key
from mobile_contract.schema.approval import Allowance, Delegation
from mobile_contract.schema.base import Document
from mobile_contract.schema.job import Job, JobState, OpenJob
from mobile_contract.schema.material import MaterialRequest, Part
from mobile_contract.schema.outcome import Notice
from mobile_contract.schema.people import Crew, Shift
from mobile_contract.schema.place import Meter, UsagePoint
from mobile_contract.schema.stock import (
    LocationKind,
    StockLevel,
    StockLocation,
    StockMove,
    StockTransfer,
    TransferState,
)
from mobile_contract.schema.storm import Storm

JOB_DOCUMENTS = (
    "visit", "task", "note", "photo", "reading", "signature", "material_request", "approval", "issue_slip", "repair_form",
    "stock_move", "request",
)  # fmt: skip
"""Kinds that go where their job goes."""

_SHARED = ("site", "contact", "usage_point", "meter")
_REFERENCE = (
    "district",
    "job_type",
    "policy",
    "part",
    "material_rules",
    "work_calendar",
    "duty",
    "signing_key",
    "storm",
)
_PERSONAL = ("person", "crew", "shift", "notice", "delegation", "allowance")
_STOCK = ("stock_location", "stock_level", "stock_transfer")
MASTER_DOCUMENTS = (*_SHARED, *_REFERENCE, *_PERSONAL, *_STOCK)
"""Kinds that are documents of their own accord."""

# To whom a crew hands over, and where it gives back.
_CHOSEN = frozenset({LocationKind.VAN, LocationKind.STORE})
ROLES_WITH_INBOX = ("engineer", "manager", "deputy_gm", "duty_chief")
PRIORITIES = {"dev": 0, "me": 1, "role": 2, "crew": 3, "district": 4, "ref": 9}

_FAMILY = """
select 'contact' kind, contact_id id from job where org_id = $1 and id = any($2) and contact_id is not null
union select 'site', site_id from job where org_id = $1 and id = any($2) and site_id is not null
union select 'usage_point', u.id from job j join usage_point u on u.org_id = $1 and u.site_id = j.site_id where j.org_id = $1 and j.id = any($2)
union select 'meter', m.id from job j join meter m on m.org_id = $1 and m.site_id = j.site_id where j.org_id = $1 and j.id = any($2)
union select 'contact', contact_id from request where org_id = $1 and job_id = any($2) and contact_id is not null
""" + "".join(
    f"union select '{kind}', id from {kind} where org_id = $1 and job_id = any($2)\n" for kind in JOB_DOCUMENTS
)

# What else follows from a changed row: a site, since whoever adds something to it and whoever sends a crew there must meet at one lock; the
# persons who ever were in a crew; the contact of a request.
_BESIDE = """
select 'site' kind, site_id id from meter where org_id = $1 and id = any($2)
union select 'site', site_id from usage_point where org_id = $1 and id = any($2)
union select 'person', person_id from crew_member where org_id = $1 and crew_id = any($3)
union select 'contact', contact_id from request where org_id = $1 and id = any($4) and contact_id is not null"""

_AT_SITES = """
select 'meter' kind, id from meter where org_id = $1 and site_id = any($2)
union all select 'usage_point', id from usage_point where org_id = $1 and site_id = any($2)"""

# Who holds a job: the crew or person of each of its visits that is more than a thought and not called off; and who found it on site.
# The jobs are named first, each by an index: with one `or` over all the ways PostgreSQL would read every job.
_HOLDERS = """
with named as (
  select unnest($2::uuid[]) id
  union select id from job where org_id = $1 and site_id = any($3)
  union select id from job where org_id = $1 and contact_id = any($4)
  union select job_id from request where org_id = $1 and contact_id = any($4) and job_id is not null),
j as (select job.id, site_id, contact_id, found_on_site, opened_by from job join named on job.id = named.id
  where org_id = $1 and state not in ('closed', 'cancelled'))
select j.id job_id, j.site_id, j.contact_id, 'crew/' || v.crew_id bucket from j join visit v on v.org_id = $1 and v.job_id = j.id
  where v.crew_id is not null and v.state not in ('tentative', 'declined', 'cancelled')
union select j.id, j.site_id, j.contact_id, 'me/' || v.person_id from j join visit v on v.org_id = $1 and v.job_id = j.id
  where v.person_id is not null and v.state not in ('tentative', 'declined', 'cancelled')
union select j.id, j.site_id, j.contact_id, 'me/' || j.opened_by from j where j.found_on_site and j.opened_by is not null
order by 1, 4"""

_REQUEST_CONTACTS = (
    "select contact_id, job_id from request where org_id = $1 and contact_id = any($2) and job_id is not null"
)
# A request for material is seen by whoever is to approve it, also when the approval itself is not looked at now.
_INBOX = """
select id, array(select jsonb_array_elements_text(inboxes)) inboxes from approval
where org_id = $1 and state = 'waiting' and id = any($2)"""
# What a van holds is seen by the crews that have it; so are the transfers from and to it, until both sides agree.
_OF_VANS = """
select 'stock_level' kind, id from stock_level where org_id = $1 and location_id = any($2)
union all select 'stock_transfer', id from stock_transfer where org_id = $1
  and (from_location_id = any($2) or to_location_id = any($2) or arrived_location_id = any($2))"""
_CREWS_WITH = "select id, van_id from crew where org_id = $1 and van_id = any($2) order by id"
_CREWS_OF = "select id, member_ids from crew where org_id = $1 and active and member_ids ?| $2 order by id"

_SCOPES = """
select p.id person_id, 'me/' || p.id bucket, p.id cause, 'epoch'::timestamptz from_at, null::timestamptz to_at
  from person p where p.org_id = $1 and p.id = any($2) and p.active
union all select p.id, 'ref', p.id, 'epoch', null from person p where p.org_id = $1 and p.id = any($2) and p.active
union all select p.id, 'role/' || r.role, p.id, 'epoch', null from person p
  cross join lateral jsonb_array_elements_text(p.roles) r(role) where p.org_id = $1 and p.id = any($2) and p.active and r.role = any($3)
union all select m.person_id, 'crew/' || m.crew_id, m.id, m.from_at, m.to_at from crew_member m join person p on p.org_id = $1 and p.id = m.person_id
  join crew c on c.org_id = $1 and c.id = m.crew_id where m.org_id = $1 and m.person_id = any($2) and p.active and c.active
union all select m.person_id, 'district/' || d.id || '/open', m.id, m.from_at, m.to_at from crew_member m
  join person p on p.org_id = $1 and p.id = m.person_id join crew c on c.org_id = $1 and c.id = m.crew_id
  cross join lateral jsonb_array_elements_text(c.district_ids) d(id) where m.org_id = $1 and m.person_id = any($2) and p.active and c.active
order by 1, 2, 3"""


class Projected(Struct, frozen=True):
    """A document as devices should hold it; no body: it does not exist (any more)."""

    kind: str
    id: UUID
    body: bytes | None
    buckets: tuple[str, ...] = ()


class Scope(Struct, frozen=True, order=True):
    """A person holds a bucket from an instant to an instant, because of `cause` (the membership, or the person itself)."""

    person_id: UUID
    bucket: str
    cause: UUID
    from_at: datetime
    to_at: datetime | None


async def documents_of(conn: asyncpg.Connection, org_id: UUID, changed: Iterable[Key]) -> set[Key]:
    """Name every document whose body or buckets may differ after the rows `changed`, which may include documents that never existed."""
    changed = set(changed)
    keys: set[Key] = {key for key in changed if key[0] in MASTER_DOCUMENTS}
    by_kind: dict[str, set[UUID]] = defaultdict(set)
    for kind, id in changed:
        by_kind[kind].add(id)
    keys.update((kind, id) for kind in JOB_DOCUMENTS for id in by_kind[kind])
    installed = by_kind["meter"] | by_kind["usage_point"]
    if installed or by_kind["crew"] or by_kind["request"]:
        beside = await conn.fetch(_BESIDE, org_id, list(installed), list(by_kind["crew"]), list(by_kind["request"]))
        keys.update((row["kind"], row["id"]) for row in beside)
    if by_kind["stock_location"]:
        held = await conn.fetch(_OF_VANS, org_id, list(by_kind["stock_location"]))
        keys.update((row["kind"], row["id"]) for row in held)
    jobs = by_kind["job"]
    if jobs:
        found = await conn.fetch(_FAMILY, org_id, sorted(jobs))
        keys.update((row["kind"], row["id"]) for row in found)
        keys.update((kind, id) for id in jobs for kind in ("job", "open_job"))
    return keys


async def found_at_sites(conn: asyncpg.Connection, org_id: UUID, keys: Iterable[Key]) -> set[Key]:
    """Name the meters and usage points of the sites among the keys: asked again once the sites are locked, since some may be new."""
    sites = [id for kind, id in keys if kind == "site"]
    if not sites:
        return set()
    return {(row["kind"], row["id"]) for row in await conn.fetch(_AT_SITES, org_id, sites)}


async def project(conn: asyncpg.Connection, org_id: UUID, keys: Iterable[Key]) -> list[Projected]:
    """Compute bodies and buckets of documents, sorted by (kind, id); those that do not exist come without a body."""
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for kind, id in keys:
        wanted[kind].add(id)
    jobs = wanted.pop("job", set()) | wanted.pop("open_job", set())
    by_id = [Want(kind, "id", tuple(sorted(ids))) for kind, ids in sorted(wanted.items())]
    stored = await rows.load(conn, org_id, [Want("job", "id", tuple(sorted(jobs))), *by_id])
    found = {(item.kind, item.document.id): item.document for item in stored}
    visible = await _buckets(conn, org_id, found, wanted)
    out = [projected(kind, id, found.get((kind, id)), visible) for kind, ids in wanted.items() for id in ids]
    for id in jobs:
        job = cast("Job | None", found.get(("job", id)))
        out.append(projected("job", id, job, visible))
        out.append(open_job(id, job))
    return sorted(out, key=lambda p: (p.kind, p.id))


async def scopes_of(conn: asyncpg.Connection, org_id: UUID, people: Iterable[UUID]) -> list[Scope]:
    """List which buckets persons hold and when; an inactive person holds none."""
    found = await conn.fetch(_SCOPES, org_id, sorted(people), list(ROLES_WITH_INBOX))
    return [Scope(r["person_id"], r["bucket"], r["cause"], r["from_at"], r["to_at"]) for r in found]


def priority_of(bucket: str) -> int:
    """Tell in which order a bucket is fetched: what a technician needs first comes first."""
    return PRIORITIES[bucket.partition("/")[0]]


class Visible(Struct):
    """Buckets by job, site and contact, and by the other documents that have a rule of their own."""

    job: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    site: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    contact: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    person: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    van: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    inboxes: dict[UUID, set[str]] = field(default_factory=dict)


async def _buckets(
    conn: asyncpg.Connection, org_id: UUID, found: dict[Key, Document], wanted: dict[str, set[UUID]]
) -> Visible:
    jobs = {job_id for (kind, _), d in found.items() if kind in JOB_DOCUMENTS and (job_id := _job_id(d)) is not None}
    jobs |= {id for kind, id in found if kind == "job"}
    sites = wanted.get("site", set()) | {d.site_id for d in found.values() if isinstance(d, Meter | UsagePoint)}
    contacts = wanted.get("contact", set())
    visible = Visible()
    if jobs or sites or contacts:
        for row in await conn.fetch(_HOLDERS, org_id, sorted(jobs), sorted(sites), sorted(contacts)):
            visible.job[row["job_id"]].add(row["bucket"])
            visible.site[row["site_id"]].add(row["bucket"])
            visible.contact[row["contact_id"]].add(row["bucket"])
    if contacts:
        for row in await conn.fetch(_REQUEST_CONTACTS, org_id, sorted(contacts)):
            visible.contact[row["contact_id"]] |= visible.job[row["job_id"]]
    if wanted.get("person"):
        people = {str(id) for id in wanted["person"]}
        for row in await conn.fetch(_CREWS_OF, org_id, sorted(people)):
            for member in people.intersection(row["member_ids"]):
                visible.person[UUID(member)].add(f"crew/{row['id']}")
    vans = {id for d in found.values() for id in locations_of(d)}
    if vans:
        for row in await conn.fetch(_CREWS_WITH, org_id, sorted(vans)):
            visible.van[row["van_id"]].add(f"crew/{row['id']}")
    approvals = {id for kind, id in found if kind == "approval"}
    approvals |= {d.approval_id for d in found.values() if isinstance(d, MaterialRequest) and d.approval_id is not None}
    if approvals:
        for row in await conn.fetch(_INBOX, org_id, list(approvals)):
            visible.inboxes[row["id"]] = set(row["inboxes"])
    return visible


def locations_of(document: Document) -> set[UUID]:
    """Name the locations whose van's crews see a document of the stock."""
    if isinstance(document, StockLevel):
        return {document.location_id}
    if isinstance(document, StockTransfer) and document.state is not TransferState.CONFIRMED:
        ends = (document.from_location_id, document.to_location_id, document.arrived_location_id)
        return {id for id in ends if id is not None}
    return set()


def projected(kind: str, id: UUID, document: Document | None, visible: Visible) -> Projected:
    """Give a document as devices should hold it. A move that belongs to no job is none: what came of it is in the levels."""
    if document is None or (isinstance(document, StockMove) and document.job_id is None):
        return Projected(kind, id, None)
    return Projected(kind, id, msgspec.json.encode(document), tuple(sorted(_buckets_of(kind, document, visible))))


def _buckets_of(kind: str, document: Document, visible: Visible) -> set[str]:
    if kind in _STOCK:
        return _buckets_of_stock(document, visible)
    if kind in _REFERENCE:
        return {"ref"} if _stands(document) else set()
    if kind == "job":
        return visible.job[document.id]
    if kind in JOB_DOCUMENTS:
        job_id = _job_id(document)
        holders = set(visible.job[job_id]) if job_id else set()
        inbox = document.approval_id if isinstance(document, MaterialRequest) else document.id
        return holders | (visible.inboxes.get(inbox, set()) if inbox is not None else set())
    if kind == "site":
        return visible.site[document.id]
    if isinstance(document, Meter | UsagePoint):
        return visible.site[document.site_id]
    if kind == "contact":
        return visible.contact[document.id]
    if kind == "person":
        return visible.person[document.id] | {f"me/{document.id}"}
    if isinstance(document, Crew):
        return {f"crew/{document.id}"}
    if isinstance(document, Shift | Notice):
        return {f"me/{document.person_id}"}
    if isinstance(document, Delegation):
        return {f"me/{document.from_id}", f"me/{document.to_id}"}
    if isinstance(document, Allowance):
        return {f"me/{document.person_id}" if document.person_id is not None else f"crew/{document.crew_id}"}
    raise ValueError(f"no rule says who holds a {kind}")


def _stands(document: Document) -> bool:
    """Tell whether a row of reference is still one: parts are taken out of the catalogue, storms end."""
    if isinstance(document, Storm):
        return document.ended_at is None
    return not isinstance(document, Part) or document.active


def _buckets_of_stock(document: Document, visible: Visible) -> set[str]:
    if isinstance(document, StockLocation):
        return {"ref"} if document.active and document.kind in _CHOSEN else set()
    return set().union(*(visible.van[id] for id in locations_of(document)))


def _job_id(document: Document) -> UUID | None:
    job_id: UUID | None = getattr(document, "job_id", None)
    return job_id


def open_job(id: UUID, job: Job | None) -> Projected:
    """Give the view of a job that everybody in its district may hold; no body where it is not there to be taken."""
    if job is None or job.state is not JobState.READY or job.district_id is None:
        return Projected("open_job", id, None)
    fields = {name: getattr(job, name) for name in OpenJob.__struct_fields__}
    return Projected("open_job", id, msgspec.json.encode(OpenJob(**fields)), (f"district/{job.district_id}/open",))
