"""The one table of commands and the one table of document kinds. Owns names, natures and who may ask; `jobs.rules.may` reads it."""

import re
from enum import StrEnum

import msgspec
from msgspec import Struct

from mobile_contract.schema import (
    approval,
    conflicts,
    job,
    material,
    outcome,
    people,
    place,
    reconciliation,
    stock,
    storm,
)
from mobile_contract.schema import approval_commands as a
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import material_commands as m
from mobile_contract.schema import planning as p
from mobile_contract.schema import reconciliation_commands as r
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command, Document
from mobile_contract.schema.people import FIELD_ROLES, Role


class Nature(StrEnum):
    """A fact reports, a decision asks."""

    FACT = "fact"
    DECISION = "decision"


class Line(Struct, frozen=True):
    """A command: its Struct, its nature, and the roles that may send it. `field` roles may only where the job is theirs to work on."""

    type: type[Command]
    nature: Nature
    office: frozenset[Role]
    field: frozenset[Role] = frozenset()

    @property
    def name(self) -> str:
        """The command's name on the wire."""
        return str(self.type.__struct_config__.tag)


_DISPATCH = frozenset({Role.DISPATCHER, Role.MANAGER, Role.DEPUTY_GM, Role.DUTY_CHIEF, Role.ADMIN})
_INTAKE = _DISPATCH | {Role.CALLBACK, Role.INTEGRATION, Role.ENGINEER}
_CREW = FIELD_ROLES
# Whoever the approval names: a role, a person, whoever is on a roster, or the one to whom any of them delegated it. The handler looks.
_DECIDING = frozenset(Role) - {Role.AUDITOR, Role.INTEGRATION}
_GRANT = frozenset({Role.MANAGER, Role.DEPUTY_GM, Role.ADMIN})
_NOBODY: frozenset[Role] = frozenset()
_ADMIN = frozenset({Role.ADMIN})
_STORE = frozenset({Role.WAREHOUSE, Role.ADMIN})
_MASTER = frozenset({Role.ADMIN, Role.INTEGRATION})
_ROSTER = frozenset({Role.DISPATCHER, Role.MANAGER, Role.ADMIN})


def _fact(command: type[Command]) -> Line:
    return Line(command, Nature.FACT, office=frozenset(), field=_CREW)


def _decision(command: type[Command], office: frozenset[Role], crew: frozenset[Role] = frozenset()) -> Line:
    return Line(command, Nature.DECISION, office=office, field=crew)


COMMANDS: dict[str, Line] = {
    line.name: line
    for line in (
        _fact(f.ReportJob),
        _fact(f.StartTravel),
        _fact(f.ArriveOnSite),
        _fact(f.StartWork),
        _fact(f.PauseWork),
        _fact(f.ResumeWork),
        _fact(f.MakeSafe),
        _fact(f.ReportNotOurs),
        _fact(f.ReportNoAccess),
        _fact(f.AddNote),
        _fact(f.AddPhoto),
        _fact(f.AnswerChecklist),
        _fact(f.CompleteVisit),
        _fact(f.ReadMeter),
        _fact(f.RequestParts),
        _fact(f.ReceivePart),
        _fact(f.UsePart),
        _fact(f.ReturnPart),
        _fact(f.TakeParts),
        _fact(f.CaptureSignature),
        _fact(t.HandOverParts),
        _fact(t.TakeOverParts),
        _fact(t.CountVan),
        _decision(d.RegisterRequest, _INTAKE),
        _decision(d.LinkRequest, _INTAKE),
        _decision(d.OpenJob, _INTAKE),
        _decision(d.TriageJob, _DISPATCH),
        _decision(d.EditJob, _INTAKE, _CREW),
        _decision(conflicts.SettleConflict, _DISPATCH),
        _decision(d.MarkDuplicate, _DISPATCH),
        _decision(d.PlanVisit, _DISPATCH),
        _decision(d.AssignVisit, _DISPATCH),
        _decision(d.ReassignVisit, _DISPATCH),
        _decision(p.LockVisit, _DISPATCH),
        _decision(p.WithdrawVisit, _DISPATCH),
        _decision(p.SwapVisits, _DISPATCH),
        _decision(p.SavePlanningRules, _GRANT),
        _decision(d.ClaimJob, frozenset(), _CREW),
        _decision(d.AcceptVisit, frozenset(), _CREW),
        _decision(d.DeclineVisit, frozenset(), _CREW),
        _decision(d.HoldJob, _DISPATCH, _CREW),
        _decision(d.ReleaseJob, _DISPATCH, _CREW),
        _decision(d.CancelJob, _DISPATCH),
        _decision(d.CloseJob, _DISPATCH),
        _decision(d.ReopenJob, _DISPATCH | {Role.CALLBACK}),
        _decision(d.Approve, _DECIDING),
        _decision(d.Reject, _DECIDING),
        _decision(d.SaveSite, _MASTER | _DISPATCH),
        _decision(d.SaveContact, _MASTER | _DISPATCH | {Role.CALLBACK}),
        _decision(d.SaveUsagePoint, _MASTER),
        _decision(d.SaveMeter, _MASTER),
        _decision(d.SavePerson, _ADMIN),
        _decision(d.OffboardPerson, _ADMIN),
        _decision(d.SaveCrew, _ADMIN),
        _decision(d.SaveCrewMember, _ROSTER),
        _decision(d.SaveShift, _ROSTER),
        _decision(d.SaveDuty, _ROSTER),
        _decision(d.SavePart, _STORE | {Role.INTEGRATION}),
        _decision(d.SavePolicy, _ADMIN),
        _decision(a.AskApproval, _INTAKE, _CREW),
        _decision(a.EscalateApproval, _NOBODY),
        _decision(a.SaveCalendar, _ADMIN),
        _decision(a.SaveDelegation, _DECIDING),
        _decision(a.FollowDelegation, _NOBODY),
        _decision(a.GrantAllowance, _GRANT),
        _decision(a.WithdrawAllowance, _GRANT),
        _decision(d.SaveStockLocation, _STORE),
        _decision(s.ReceiveStock, _STORE),
        _decision(s.OpenStock, _STORE),
        _decision(s.MoveStock, _STORE),
        _decision(s.ShipTransfer, _STORE),
        _decision(s.ConfirmTransfer, _STORE),
        _decision(s.ScrapStock, _STORE),
        _decision(s.SendToRepair, _STORE),
        _decision(s.TakeFromRepair, _STORE),
        _decision(s.LendStock, _STORE),
        _decision(s.TakeBackLoan, _STORE),
        _decision(s.ReverseMove, _STORE),
        _decision(s.CountStock, _STORE),
        _decision(s.SetReorderPoint, _STORE),
        _decision(m.ReserveParts, _STORE),
        _decision(m.PickParts, _STORE),
        _decision(m.IssueParts, _STORE),
        _decision(m.SubstitutePart, _STORE),
        _decision(m.CloseRequest, _STORE | _DISPATCH),
        _decision(m.TakeBackParts, _STORE),
        _decision(m.OpenForm, _INTAKE | _STORE),
        _decision(m.HandInCopy, _INTAKE | _STORE),
        _decision(m.SaveMaterialRules, _ADMIN),
        _decision(r.ReconcileDay, _STORE | {Role.MANAGER}),
        _decision(r.ResolveException, _STORE | {Role.MANAGER}),
        _decision(storm.DeclareStorm, _DISPATCH),
        _decision(storm.EndStorm, _DISPATCH),
        _decision(d.LoadJobType, _ADMIN),
        _decision(d.SaveDistrict, _MASTER),
    )
}

KINDS: dict[str, type[Document]] = {
    "request": job.Request,
    "job": job.Job,
    "open_job": job.OpenJob,
    "visit": job.Visit,
    "task": job.Task,
    "note": job.Note,
    "photo": job.Photo,
    "reading": job.Reading,
    "signature": job.Signature,
    "job_type": job.JobType,
    "site": place.Site,
    "usage_point": place.UsagePoint,
    "meter": place.Meter,
    "contact": place.Contact,
    "district": place.District,
    "person": people.Person,
    "crew": people.Crew,
    "crew_member": people.CrewMember,
    "shift": people.Shift,
    "duty": people.Duty,
    "part": material.Part,
    "material_request": material.MaterialRequest,
    "issue_slip": material.IssueSlip,
    "repair_form": material.RepairForm,
    "material_rules": material.MaterialRules,
    "planning_rules": p.PlanningRules,
    "approval": approval.Approval,
    "policy": approval.Policy,
    "work_calendar": approval.WorkCalendar,
    "delegation": approval.Delegation,
    "allowance": approval.Allowance,
    "signing_key": approval.SigningKey,
    "stock_move": stock.StockMove,
    "stock_location": stock.StockLocation,
    "stock_level": stock.StockLevel,
    "stock_transfer": stock.StockTransfer,
    "stock_count": stock.StockCount,
    "stock_loan": stock.StockLoan,
    "stock_exception": reconciliation.StockException,
    "reconciliation": reconciliation.Reconciliation,
    "storm": storm.Storm,
    "outcome": outcome.Outcome,
    "notice": outcome.Notice,
    "device": outcome.DeviceState,
}

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

_DECODERS: dict[str, msgspec.json.Decoder[Command]] = {
    name: msgspec.json.Decoder(line.type, strict=True) for name, line in COMMANDS.items()
}


def kind_of(document: type[Document]) -> str:
    """Name the kind of a document Struct. Raises KeyError for a Struct that is no kind."""
    return _KIND_NAMES[document]


def decode_args(name: str, args: bytes) -> Command:
    """Decode a command's arguments strictly.

    Raises KeyError for an unknown name, msgspec.ValidationError or DecodeError for bad bytes; among them a NUL, which no
    text in the database can hold.
    """
    decoder = _DECODERS[name]
    # The search for the letters alone is a hundred times faster than the expression.
    if b"\\u0000" in args and _NUL.search(args):
        raise msgspec.ValidationError("A text may not hold the character U+0000")
    return decoder.decode(args)


_KIND_NAMES = {document: name for name, document in KINDS.items()}
