"""For each command: what has to be there, and arguments that would succeed for whoever may send it. Never says who may."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import planning as p
from mobile_contract.schema.approval import Band, Policy
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.conflicts import Keep, SettleConflict
from mobile_contract.schema.job import HoldReason, JobType, LockKind, VisitLock
from mobile_contract.schema.material import Part, RequestLine
from mobile_contract.schema.people import Crew, CrewMember, Duty, Person, Role, Shift
from mobile_contract.schema.place import Contact, Meter, Site, UsagePoint
from mobile_contract.schema.stock import LocationKind, StockLocation
from mobile_contract.schema.storm import DeclareStorm, EndStorm
from tests.arrange import NOW, Org
from tests.security import approval_scenes, material_scenes, reconciliation_scenes, stock_scenes

HOUR: Final = timedelta(hours=1)
# One part of price 1: the quantity picks the band of the ladder.
LADDER: Final = {Role.ENGINEER: 5, Role.MANAGER: 15, Role.DEPUTY_GM: 25, Role.DUTY_CHIEF: 35}
CREW: Final = "gamma"
OTHER_CREW: Final = "beta"


@dataclass(kw_only=True)
class Ground:
    """Where one command is tried: the organisation `holder` has everything that it names; `role` and `person` are the caller's."""

    home: Org
    holder: Org
    column: str
    role: Role
    person: UUID
    steps: list[Command] = field(default_factory=list)
    job: UUID = field(init=False)
    visit: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.job, self.visit = self.new(), self.new()

    def new(self) -> UUID:
        """Draw an id."""
        return self.home.new_id()

    def code(self) -> str:
        """Draw a code that nobody has."""
        return f"x-{self.new().hex[:12]}"

    def first(self, *commands: Command) -> "Ground":
        """Have commands carried out by the operator before."""
        self.steps += commands
        return self

    @property
    def assignee(self) -> dict[str, Any]:
        """Say who has the job in this column."""
        if self.column == "own":
            return {"person_id": self.person}
        name = CREW if self.column == "crew" else OTHER_CREW
        return {"crew_id": self.holder.crews[name]}

    def opened(self, district: str = "east") -> d.OpenJob:
        """Open the job of this ground."""
        lon, lat = self.holder.point(district)
        return d.OpenJob(job_id=self.job, job_type="repair", title="leak", lon_deg=lon, lat_deg=lat, reported_at=NOW)

    def ready(self) -> "Ground":
        """Have a job that nobody was sent to."""
        return self.first(self.opened())

    def sent(self) -> "Ground":
        """Have a job to which whoever belongs to the column was sent."""
        return self.ready().first(d.AssignVisit(job_id=self.job, visit_id=self.visit, **self.assignee))

    def done(self) -> "Ground":
        """Have a job whose visit is over."""
        return self.sent().first(f.CompleteVisit(job_id=self.job, visit_id=self.visit))

    def asked(self, role: Role) -> UUID:
        """Have parts asked for that a role decides about; gives the approval."""
        request, line = self.new(), RequestLine(part_id=self.holder.parts["unit"], quantity=Decimal(LADDER[role]))
        self.sent().first(f.RequestParts(job_id=self.job, visit_id=self.visit, request_id=request, lines=(line,)))
        return uuid5(request, "approval")

    def fact(self, kind: type[f.VisitFact], **more: Any) -> f.VisitFact:
        """Make a report from the visit."""
        return kind(job_id=self.job, visit_id=self.visit, **more)


Scene = Callable[[Ground], Command]


def ladder(org: Org, part: UUID) -> Sequence[Command]:
    """Make the part of price 1 and a policy with a band for each role that approves."""
    roles = list(LADDER)
    bands = [Band(above=Decimal(10 * i), up_to=Decimal(10 * (i + 1)), role=role) for i, role in enumerate(roles[:-1])]
    bands.append(Band(above=Decimal(30), role=roles[-1]))
    policy = Policy(
        id=org.new_id(), code="R1", version=2, currency="CNY", bands=tuple(bands), duty_chief_after_hours=False
    )
    spare = Part(id=uuid5(part, "spare"), code="spare", name=LocalText(en="spare"), unit_cost=Decimal(1))
    org.parts["spare"] = spare.id
    unit = Part(
        id=part, code="unit", name=LocalText(en="unit"), unit_cost=Decimal(1), substitutes=(org.parts["spare"],)
    )
    return [d.SavePart(part=spare), d.SavePart(part=unit), d.SavePolicy(policy=policy)]


def _fact(kind: type[f.VisitFact], **more: Any) -> Scene:
    return lambda g: g.sent().fact(kind, **more)


def _move(kind: type[f.VisitFact]) -> Scene:
    return lambda g: g.sent().fact(kind, move_id=g.new(), part_id=g.holder.parts["clamp"], quantity=Decimal(1))


def _parts(g: Ground) -> Command:
    line = RequestLine(part_id=g.holder.parts["clamp"], quantity=Decimal(1))
    return g.sent().fact(f.RequestParts, request_id=g.new(), lines=(line,))


def _linked(g: Ground) -> Command:
    request = g.new()
    g.ready().first(d.RegisterRequest(request_id=request, description="no water", reported_at=NOW))
    return d.LinkRequest(request_id=request, job_id=g.job)


def _triaged(g: Ground) -> Command:
    g.first(g.opened("nowhere"))
    return d.TriageJob(job_id=g.job, district_id=g.holder.districts["east"])


def _duplicate(g: Ground) -> Command:
    other = Ground(home=g.home, holder=g.holder, column=g.column, role=g.role, person=g.person)
    g.ready().first(other.opened())
    return d.MarkDuplicate(job_id=g.job, of_job_id=other.job)


def _settled(g: Ground) -> Command:
    edit = d.FieldEdit(was="pipe", set="burst")
    g.sent().first(d.EditJob(job_id=g.job, changes={"title": edit}))
    return SettleConflict(job_id=g.job, field="title", keep=Keep.OFFERED)


def _planned(g: Ground) -> Command:
    g.ready()
    return d.PlanVisit(job_id=g.job, visit_id=g.visit, planned_start_at=NOW, planned_end_at=NOW + HOUR)


def _assigned(g: Ground) -> Command:
    g.ready()
    return d.AssignVisit(job_id=g.job, visit_id=g.visit, crew_id=g.holder.crews["alpha"])


def _reassigned(g: Ground) -> Command:
    g.sent()
    return d.ReassignVisit(job_id=g.job, visit_id=g.visit, plan_version=1, crew_id=g.holder.crews["alpha"])


def _locked(g: Ground) -> Command:
    g.sent()
    return p.LockVisit(job_id=g.job, visit_id=g.visit, plan_version=1, lock=VisitLock(kind=LockKind.RESOURCE))


def _swapped(g: Ground) -> Command:
    other = Ground(home=g.home, holder=g.holder, column=g.column, role=g.role, person=g.person)
    g.sent().first(other.opened())
    g.first(d.AssignVisit(job_id=other.job, visit_id=other.visit, crew_id=g.holder.crews["alpha"]))
    return p.SwapVisits(
        job_id=g.job,
        visit_id=g.visit,
        plan_version=1,
        other_job_id=other.job,
        other_visit_id=other.visit,
        other_plan_version=1,
    )


def _claimed(g: Ground) -> Command:
    # The caller's crew works in the west alone.
    g.first(g.opened("east" if g.column == "other" else "west"))
    return d.ClaimJob(job_id=g.job, visit_id=g.visit)


def _held(g: Ground) -> Command:
    return d.ReleaseJob(job_id=g.sent().first(d.HoldJob(job_id=g.job, reason=HoldReason.PARTS)).job)


def _reopened(g: Ground) -> Command:
    return d.ReopenJob(job_id=g.sent().first(d.CancelJob(job_id=g.job, reason="x")).job, reason="it leaks again")


def _taken_id(g: Ground, id: UUID) -> UUID:
    """Give the id of something the other organisation has, or a new one."""
    return id if g.column == "foreign" else g.new()


def _leaver(g: Ground) -> Command:
    person = g.new()
    g.first(d.SavePerson(person=Person(id=person, code=g.code(), name="Leaver", roles=(Role.TECHNICIAN,))))
    return d.OffboardPerson(person_id=person)


def _member(g: Ground) -> Command:
    member = CrewMember(
        id=g.new(), crew_id=g.holder.crews["alpha"], person_id=g.holder.people["bob"], from_at=NOW, to_at=NOW + HOUR
    )
    return d.SaveCrewMember(member=member)


def _district(g: Ground) -> Command:
    lon = 10 + int(g.new()) % 10_000 / 1000
    ring = f"[[{lon},50],[{lon + 0.001},50],[{lon + 0.001},50.001],[{lon},50]]"
    return d.SaveDistrict(
        district_id=g.new(),
        code=g.code(),
        name_en="New",
        parent_id=g.holder.districts["east"],
        outline_geojson=f'{{"type":"Polygon","coordinates":[{ring}]}}',
    )


def _site(g: Ground) -> Command:
    theirs = g.new()
    if g.column == "foreign":
        g.first(d.SaveSite(site=Site(id=theirs, code=g.code(), name="Theirs")))
    return d.SaveSite(site=Site(id=theirs, code=g.code(), name="New"))


def _policy(g: Ground) -> Command:
    # Of its own subject: the ladder of the other scenes stays.
    bands = (Band(above=Decimal(0), role=Role.ENGINEER),)
    return d.SavePolicy(
        policy=Policy(id=g.new(), code=g.code(), version=1, subject=g.code(), currency="CNY", bands=bands)
    )


def _storm(g: Ground) -> DeclareStorm:
    return DeclareStorm(storm_id=g.new(), level=2, district_ids=(g.holder.districts["east"],))


def _over(g: Ground) -> Command:
    declared = _storm(g)
    g.first(declared)
    return EndStorm(storm_id=declared.storm_id)


SCENES: Final[dict[str, Scene]] = {
    **approval_scenes.SCENES,
    **stock_scenes.SCENES,
    **reconciliation_scenes.SCENES,
    **material_scenes.SCENES,
    "report_job": lambda g: f.ReportJob(
        job_id=g.sent().job if g.column == "foreign" else g.job, job_type="repair", title="found"
    ),
    "start_travel": _fact(f.StartTravel),
    "arrive_on_site": _fact(f.ArriveOnSite),
    "start_work": _fact(f.StartWork),
    "pause_work": _fact(f.PauseWork, reason="lunch"),
    "resume_work": _fact(f.ResumeWork),
    "make_safe": _fact(f.MakeSafe),
    "report_not_ours": _fact(f.ReportNotOurs, owner="gas works"),
    "report_no_access": _fact(f.ReportNoAccess, reason="nobody home"),
    "add_note": lambda g: g.sent().fact(f.AddNote, note_id=g.new(), text="wet"),
    "add_photo": lambda g: g.sent().fact(
        f.AddPhoto, photo_id=g.new(), sha256="0" * 64, size_bytes=1, media_type="image/jpeg"
    ),
    "answer_checklist": lambda g: g.sent().fact(f.AnswerChecklist, task_id=uuid5(g.job, "stopped"), answer="yes"),
    "complete_visit": _fact(f.CompleteVisit),
    "read_meter": lambda g: g.sent().fact(f.ReadMeter, reading_id=g.new(), meter_id=g.holder.meter, value=Decimal(101)),
    "request_parts": _parts,
    "receive_part": _move(f.ReceivePart),
    "use_part": _move(f.UsePart),
    "return_part": _move(f.ReturnPart),
    "capture_signature": lambda g: g.sent().fact(
        f.CaptureSignature, signature_id=g.new(), refused_reason="in a hurry", witness="Wu"
    ),
    "register_request": lambda g: d.RegisterRequest(request_id=g.new(), job_id=g.ready().job, reported_at=NOW),
    "link_request": _linked,
    "open_job": lambda g: d.OpenJob(job_id=g.job, job_type="repair", site_id=g.holder.site, reported_at=NOW),
    "triage_job": _triaged,
    "edit_job": lambda g: d.EditJob(job_id=g.sent().job, changes={"title": d.FieldEdit(was="leak", set="burst")}),
    "settle_conflict": _settled,
    "mark_duplicate": _duplicate,
    "plan_visit": _planned,
    "assign_visit": _assigned,
    "reassign_visit": _reassigned,
    "lock_visit": _locked,
    "save_planning_rules": lambda g: p.SavePlanningRules(
        rules=p.PlanningRules(id=g.new(), freeze_min=g.new().int % 400)
    ),
    "withdraw_visit": lambda g: p.WithdrawVisit(job_id=g.sent().job, visit_id=g.visit, plan_version=1),
    "swap_visits": _swapped,
    "claim_job": _claimed,
    "accept_visit": lambda g: d.AcceptVisit(job_id=g.sent().job, visit_id=g.visit, plan_version=1),
    "decline_visit": lambda g: d.DeclineVisit(job_id=g.sent().job, visit_id=g.visit, plan_version=1, reason="ill"),
    "hold_job": lambda g: d.HoldJob(job_id=g.sent().job, reason=HoldReason.PARTS),
    "release_job": _held,
    "cancel_job": lambda g: d.CancelJob(job_id=g.sent().job, reason="mended by the owner"),
    "close_job": lambda g: d.CloseJob(job_id=g.done().job),
    "reopen_job": _reopened,
    "save_site": _site,
    "save_contact": lambda g: d.SaveContact(contact=Contact(id=g.new(), name="Wu", site_id=g.holder.site)),
    "save_usage_point": lambda g: d.SaveUsagePoint(
        usage_point=UsagePoint(id=g.new(), site_id=g.holder.site, code=g.code())
    ),
    "save_meter": lambda g: d.SaveMeter(meter=Meter(id=g.new(), site_id=g.holder.site, serial=g.code())),
    "save_person": lambda g: d.SavePerson(person=Person(id=g.new(), code=g.code(), name="New", roles=(Role.AUDITOR,))),
    "offboard_person": _leaver,
    "save_crew": lambda g: d.SaveCrew(crew=Crew(id=g.new(), code=g.code(), name="New", lead_id=g.holder.people["bob"])),
    "save_crew_member": _member,
    "save_shift": lambda g: d.SaveShift(
        shift=Shift(id=g.new(), person_id=g.holder.people["bob"], from_at=NOW, to_at=NOW + HOUR)
    ),
    "save_duty": lambda g: d.SaveDuty(
        duty=Duty(id=g.new(), person_id=g.holder.people["cho"], from_at=NOW - 9000 * HOUR, to_at=NOW - 8999 * HOUR)
    ),
    "save_part": lambda g: d.SavePart(
        part=Part(
            id=_taken_id(g, g.holder.parts["pump"]), code=g.code(), name=LocalText(en="new"), unit_cost=Decimal(1)
        )
    ),
    "save_policy": _policy,
    "save_stock_location": lambda g: d.SaveStockLocation(
        location=StockLocation(id=_taken_id(g, g.holder.vans["beta"]), code=g.code(), kind=LocationKind.STORE)
    ),
    "declare_storm": _storm,
    "end_storm": _over,
    "load_job_type": lambda g: d.LoadJobType(
        job_type=JobType(id=g.new(), code=g.code(), version=1, name=LocalText(en="new"))
    ),
    "save_district": _district,
}
