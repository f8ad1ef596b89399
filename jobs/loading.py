"""Fill a Work with what a batch of commands names: locks first, then one load. Never decides.

Lock order (protocol §5): the named rows by (kind, id), then the vans whose balance is asked (`jobs.balances`). Only roots that a command
may change are locked: the row of a job protects everything that belongs to the job; a saved master row protects itself; the row of a
crew protects its members.
"""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

import asyncpg

from geo.store.districts import districts_of
from jobs.approval_names import kinds_for_approval, load_for_approval, name_approvers, only_follows
from jobs.balances import STOCK_COMMANDS, VAN_COMMANDS, load_balances
from jobs.below_zero import load_below_zero
from jobs.context import Deed
from jobs.exception_names import load_days, name_led_to
from jobs.material_rules import rules_id
from jobs.naming import Names, collect, those
from jobs.planning_rules import planning_rules_id
from jobs.stock_locations import SHIPPED, place_id
from jobs.stock_names import name_stored, name_vans
from jobs.store import rows
from jobs.store.rows import Want
from jobs.store.tables import JOB_CHILDREN
from jobs.work import Organisation, Work
from mobile_contract.registry import COMMANDS
from mobile_contract.rules.stock import personal_van_id
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import (
    Approve,
    AssignVisit,
    CancelJob,
    ClaimJob,
    CloseJob,
    LinkRequest,
    MarkDuplicate,
    OffboardPerson,
    OpenJob,
    PlanVisit,
    ReassignVisit,
    Reject,
    SaveCrew,
    SaveCrewMember,
    SaveDistrict,
    SaveDuty,
    SavePerson,
    SavePolicy,
    TriageJob,
)
from mobile_contract.schema.facts import (
    CaptureSignature,
    ReceivePart,
    RequestParts,
    ReturnPart,
    StartWork,
    TakeParts,
    UsePart,
    VisitFact,
)
from mobile_contract.schema.job import Job, Visit
from mobile_contract.schema.material import MaterialRequest, MaterialRules, Part
from mobile_contract.schema.material_commands import (
    CloseRequest,
    HandInCopy,
    IssueParts,
    OpenForm,
    PickParts,
    ReserveParts,
    SaveMaterialRules,
    SubstitutePart,
    TakeBackParts,
)
from mobile_contract.schema.people import Crew, CrewMember, Duty, Person
from mobile_contract.schema.place import Site
from mobile_contract.schema.planning import SavePlanningRules, SwapVisits
from mobile_contract.schema.reconciliation_commands import ResolveException
from mobile_contract.schema.stock import StockLocation

# Most of what crews report asks only for what a complete visit needs; the rest of a job's long history stays where it is.
_REPORTS = frozenset(line.type for line in COMMANDS.values() if issubclass(line.type, VisitFact)) - {
    RequestParts,
    ReceivePart,
    UsePart,
    ReturnPart,
    TakeParts,
}
# Whether work began before the price was signed depends on what was asked for.
_PRICED_REPORTS = (StartWork, CaptureSignature)
# What the rules of material say something about.
_RULED = (
    *_PRICED_REPORTS,
    RequestParts,
    ReceivePart,
    UsePart,
    ReturnPart,
    TakeParts,
    Approve,
    Reject,
    SaveMaterialRules,
    ReserveParts,
    PickParts,
    IssueParts,
    SubstitutePart,
    CloseRequest,
    TakeBackParts,
    OpenForm,
    HandInCopy,
    ResolveException,
    CancelJob,
    CloseJob,
    MarkDuplicate,
)
_FROM_STORE = (ReserveParts, PickParts, IssueParts, SubstitutePart, CloseRequest, TakeBackParts)
_ASKED_BY_REPORTS = ("visit", "event", "task", "photo", "reading", "signature")
_GIVING = (PlanVisit, AssignVisit, ReassignVisit, SaveCrewMember, SaveDuty)

_ORGANISATION = "select org_id, name, zone, currency, language from organisation where org_id = $1"
_LOCK_JOBS = "select id, type, district_id from job where org_id = $1 and id = any($2) order by id for update"
# Who is on duty when parts are asked for, and the crews whose van a part may come into or leave.
_AROUND = """
select 'duty' as kind, id from duty where org_id = $1 and from_at <= $2 and to_at > $3
union all (with had as (
    select crew_id from crew_member where org_id = $1 and person_id = any($4)
    union select crew_id from visit where org_id = $1 and id = any($5) and crew_id is not null)
  select 'crew', crew_id from had
  union all select 'stock_location', c.van_id from had join crew c on c.org_id = $1 and c.id = had.crew_id where c.van_id is not null)
order by 1, 2 limit 5000"""
# What a person who leaves lets go of: open visits, decisions that wait for them, memberships, lines of the duty roster.
_HELD_BY_PERSON = """
select 'job' as kind, job_id as id from visit where org_id = $1 and person_id = any($2)
  and state not in ('completed', 'follow_up_needed', 'no_access', 'cancelled', 'declined')
union select 'job', a.job_id from approval a cross join unnest($2::uuid[]) p(id) where a.org_id = $1 and a.state = 'waiting' and (
  a.inboxes ? ('me/' || p.id) or jsonb_path_exists(a.steps, '$.**.person_id ? (@ == $id)', jsonb_build_object('id', p.id)))
union select 'delegation', id from delegation where org_id = $1 and (from_id = any($2) or to_id = any($2)) and to_at > $3
union select 'crew', crew_id from crew_member where org_id = $1 and person_id = any($2) and (to_at is null or to_at > $3)
union select 'crew', id from crew where org_id = $1 and lead_id = any($2)
union select 'duty', id from duty where org_id = $1 and person_id = any($2) and to_at > $3
order by 1, 2 limit 5000"""
# Whoever is given something must not leave meanwhile: shared, since many are given work at once.
_HOLD_PEOPLE = "select id from person where org_id = $1 and id = any($2) order by id for share"
_OWNERS = (
    "select person_id from visit where org_id = $1 and id = any($2) and person_id is not null order by 1 limit 5000"
)
_FORMER_JOBS = "select job_id from request where org_id = $1 and id = any($2) and job_id is not null"


async def load_organisation(conn: asyncpg.Connection, org_id: UUID) -> Organisation:
    """Load the organisation's settings. Raises LookupError when there is no such organisation."""
    row = await conn.fetchrow(_ORGANISATION, org_id)
    if row is None:
        raise LookupError(f"organisation {org_id} does not exist")
    return Organisation(row["org_id"], row["name"], row["zone"], row["currency"], row["language"])


async def load_work(conn: asyncpg.Connection, org: Organisation, batch: Sequence[tuple[Command, Deed]]) -> Work:
    """Lock and load what the batch works on; the caller's transaction keeps the locks."""
    names = Names(ids={}, saved={}, points=set(), job_types=set(), codes={}, given=set())
    for command, _ in batch:
        collect(command, names)
    takers = {deed.person_id for _, deed in those(batch, ClaimJob)} | {_given_to(c) for c, _ in those(batch, *_GIVING)}
    names.given.update(taker for taker in takers if taker is not None)
    await name_approvers(conn, org.org_id, names, batch)
    await _lock(conn, org.org_id, names, batch)
    await _look_around(conn, org.org_id, names, batch)
    work = Work(org)
    points = sorted(names.points)
    work.districts = dict(zip(points, await districts_of(conn, org.org_id, points), strict=True))
    names.ids.setdefault("district", set()).update(id for id in work.districts.values() if id is not None)
    work.adopt(await rows.load(conn, org.org_id, _wants(org.org_id, names, batch)))
    await _load_districts_of_stored(conn, work, batch)
    await _load_parts_of_requests(conn, work, batch)
    await _load_owners(conn, work, batch)
    await load_for_approval(conn, work, batch)
    await load_balances(conn, work, batch)
    await load_below_zero(conn, work, batch)
    await load_days(conn, work, batch)
    return work


async def _load_districts_of_stored(
    conn: asyncpg.Connection, work: Work, batch: Sequence[tuple[Command, Deed]]
) -> None:
    """Look up the districts of points that no command carries: the site's of a new job, the job's own when it is triaged as it lies."""
    points: set[tuple[float, float]] = set()
    opened = [c for c, _ in those(batch, OpenJob) if c.lon_deg is None]
    triaged = [c for c, _ in those(batch, TriageJob) if c.lon_deg is None and c.district_id is None]
    known = [*(work.get(Site, c.site_id) for c in opened), *(work.get(Job, c.job_id) for c in triaged)]
    for placed in known:
        if placed is not None and placed.lon_deg is not None and placed.lat_deg is not None:
            points.add((placed.lon_deg, placed.lat_deg))
    unknown = sorted(points - work.districts.keys())
    if unknown:
        found = await districts_of(conn, work.org.org_id, unknown)
        work.districts.update(zip(unknown, found, strict=True))
        ids = tuple(sorted({id for id in found if id is not None}))
        work.adopt(await rows.load(conn, work.org.org_id, [Want("district", "id", ids)]))


async def _load_owners(conn: asyncpg.Connection, work: Work, batch: Sequence[tuple[Command, Deed]]) -> None:
    """Load who has the visits that are swapped, or planned anew for whoever has them: their commands name visits only."""
    ids = set(_visits_without_names(batch))
    swapped = [visit for visit in (work.get(Visit, id) for id in ids) if visit is not None]
    crews = {v.crew_id for v in swapped if v.crew_id is not None and work.get(Crew, v.crew_id) is None}
    persons = {v.person_id for v in swapped if v.person_id is not None and work.get(Person, v.person_id) is None}
    wants = [Want(kind, "id", tuple(sorted(of))) for kind, of in (("crew", crews), ("person", persons)) if of]
    if wants:
        work.adopt(await rows.load(conn, work.org.org_id, wants))


async def _load_parts_of_requests(conn: asyncpg.Connection, work: Work, batch: Sequence[tuple[Command, Deed]]) -> None:
    """Load the parts of the requests that a store works on, and the stores they come from: their commands name lines only."""
    jobs = {cast(IssueParts, command).job_id for command, _ in those(batch, *_FROM_STORE)}
    if not jobs:
        return
    requests = [request for job_id in jobs for request in work.of_job(MaterialRequest, job_id)]
    parts = {line.part_id for request in requests for line in request.lines}
    rules = work.get(MaterialRules, rules_id(work.org.org_id))
    stores = {*(r.store_id for r in requests), rules.default_store_id if rules else None} - {None}
    unknown = [
        Want("part", "id", tuple(sorted(id for id in parts if work.get(Part, id) is None))),
        Want("stock_location", "id", tuple(sorted(i for i in stores if i and work.get(StockLocation, i) is None))),
    ]
    work.adopt(await rows.load(conn, work.org.org_id, unknown))


async def _look_around(
    conn: asyncpg.Connection, org_id: UUID, names: Names, batch: Sequence[tuple[Command, Deed]]
) -> None:
    """Name what no command names but parts depend on: the duty roster, crews, the places where material is."""
    asked = [deed for _, deed in those(batch, RequestParts)]
    moved, booked = those(batch, *VAN_COMMANDS), those(batch, *STOCK_COMMANDS)
    if not asked and not booked:
        return
    at = [deed.occurrence.at for deed in asked]
    people = sorted({deed.person_id for _, deed in moved if deed.person_id is not None})
    visits = sorted({visit_id for command, _ in moved if (visit_id := getattr(command, "visit_id", None)) is not None})
    first, last = (min(at), max(at)) if at else (None, None)
    for row in await conn.fetch(_AROUND, org_id, last, first, people, visits):
        names.ids.setdefault(row["kind"], set()).add(row["id"])
    if booked:
        places = {place_id(org_id, place) for place in SHIPPED}
        places |= {personal_van_id(org_id, deed.person_id) for _, deed in moved}
        names.ids.setdefault("stock_location", set()).update(places)


async def _lock(conn: asyncpg.Connection, org_id: UUID, names: Names, batch: Sequence[tuple[Command, Deed]]) -> None:
    leaving = [c.person_id for c, _ in those(batch, OffboardPerson)]
    leaving += [c.person.id for c, _ in those(batch, SavePerson) if not c.person.active]
    now = min((deed.received_at for _, deed in batch), default=None) if leaving else None
    await name_stored(conn, org_id, names, batch)
    await name_led_to(conn, org_id, names, batch)
    held = await conn.fetch(_HELD_BY_PERSON, org_id, leaving, now) if leaving else []
    for row in held:
        names.ids.setdefault(row["kind"], set()).add(row["id"])
        names.saved.setdefault(row["kind"], set()).add(row["id"])
    moving = [c.request_id for c, _ in those(batch, LinkRequest)]
    if moving:
        names.ids.setdefault("job", set()).update(r["job_id"] for r in await conn.fetch(_FORMER_JOBS, org_id, moving))
    if names.ids.get("job"):
        names.saved.setdefault("job", set())
    given = names.given - names.saved.get("person", set())
    vans = ("stock_location",) if those(batch, SaveCrew) else ()
    swapped = _visits_without_names(batch)
    for kind in sorted({*names.saved, *vans, *(("person",) if given or swapped else ())}):
        if kind == "job":
            locked = await conn.fetch(_LOCK_JOBS, org_id, sorted(names.ids["job"]))
            names.job_types.update(row["type"] for row in locked)
            names.ids.setdefault("district", set()).update(r["district_id"] for r in locked if r["district_id"])
            if swapped:
                # Their jobs are locked: whoever has them now gets the other one, or keeps what is planned anew.
                owners = {row["person_id"] for row in await conn.fetch(_OWNERS, org_id, swapped)}
                given |= owners - names.saved.get("person", set())
        elif kind != "district":
            await rows.lock(conn, org_id, kind, names.saved.get(kind, set()))
        if kind == "crew":
            await name_vans(conn, org_id, names, batch)
        if kind == "person" and given:
            await conn.execute(_HOLD_PEOPLE, org_id, sorted(given))
    if leaving and await conn.fetch(_HELD_BY_PERSON, org_id, leaving, now) != held:
        # Something was given to them before their rows were locked; now nothing can be, so anew it is complete.
        raise asyncpg.SerializationError("somebody who leaves was given something meanwhile")


def _visits_without_names(batch: Sequence[tuple[Command, Deed]]) -> list[UUID]:
    """Name the visits that are given to somebody by commands that name nobody."""
    swapped = [id for c, _ in those(batch, SwapVisits) for id in (c.visit_id, c.other_visit_id)]
    return [*swapped, *(c.visit_id for c, _ in those(batch, PlanVisit) if c.crew_id is None and c.person_id is None)]


def _given_to(command: Command) -> UUID | None:
    """Name the person to whom a command gives something that whoever leaves lets go of."""
    match command:
        case PlanVisit(person_id=id) | AssignVisit(person_id=id) | ReassignVisit(person_id=id):
            return id
        case SaveCrewMember(member=CrewMember(person_id=id)) | SaveDuty(duty=Duty(person_id=id)):
            return id
    return None


def _wants(org_id: UUID, names: Names, batch: Sequence[tuple[Command, Deed]]) -> list[Want]:
    """List what to load, sorted, so that the statement's text repeats and its plan is reused."""
    people = {deed.person_id for _, deed in batch if deed.person_id is not None}
    names.ids.setdefault("person", set()).update(people)
    if those(batch, *_RULED):
        names.ids.setdefault("material_rules", set()).add(rules_id(org_id))
    if those(batch, SavePlanningRules):
        names.ids.setdefault("planning_rules", set()).add(planning_rules_id(org_id))
    wanted: list[Want] = []
    whole = {*kinds_for_approval(batch), *(("policy",) if those(batch, SavePolicy) else ())}
    wanted.extend(Want(kind, "org_id", (org_id,)) for kind in whole)
    for kind in whole:
        names.ids.pop(kind, None)
    if those(batch, SaveDistrict):
        wanted.append(Want("district", "org_id", (org_id,)))
        names.ids.pop("district", None)
    wanted.append(Want("crew_member", "crew_id", tuple(sorted(names.saved.get("crew", ())))))
    wanted.extend(Want(kind, "code", tuple(sorted(codes))) for kind, codes in names.codes.items())
    members = people | names.ids.get("person", set()) | names.saved.get("person", set())
    wanted.append(Want("crew_member", "person_id", tuple(sorted(members))))
    if names.job_types:
        wanted.append(Want("job_type", "code", tuple(sorted(names.job_types))))
    for kind, ids in names.ids.items():
        wanted.append(Want(kind, "id", tuple(sorted(ids))))
    jobs = tuple(sorted(names.ids.get("job", ())))
    of_jobs: tuple[str, ...] = (*JOB_CHILDREN, "request")
    if all(type(c) in _REPORTS for c, _ in batch):
        of_jobs = (*_ASKED_BY_REPORTS, *(("material_request",) if those(batch, *_PRICED_REPORTS) else ()))
    if only_follows(batch):
        of_jobs = ()
    wanted.extend(Want(kind, "job_id", jobs) for kind in of_jobs)
    return sorted(wanted, key=lambda w: (w.kind, w.column))
