"""Repair forms in three copies: opened, handed in copy by copy; and the rules of material. Knows no stock."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.saving import save
from jobs.material_rules import rules_id
from jobs.recording import record
from jobs.requests import refold, rules_of
from jobs.result import Applied, Refused, Result
from jobs.work import Work
from mobile_contract.rules.exact import is_exact
from mobile_contract.rules.numbers import form_number
from mobile_contract.rules.repair_form import copies_of, due_at, settled, shift_at
from mobile_contract.schema.job import Job, Visit
from mobile_contract.schema.material import FormDue, MaterialRules, RepairForm
from mobile_contract.schema.material_commands import HandInCopy, OpenForm, SaveMaterialRules
from mobile_contract.schema.people import Person
from mobile_contract.schema.stock import LocationKind, StockLocation

NO_SHIFT = "none"
_HUNDRED = Decimal(100)


@handles(OpenForm)
def open_form(work: Work, command: OpenForm, deed: Deed) -> Result:
    """Begin a form of a job: its number, the shift it belongs to, and until when its copies are due."""
    job = work.get(Job, command.job_id)
    if job is None:
        return Refused("unknown_job")
    visit = work.get(Visit, command.visit_id)
    if command.visit_id is not None and (visit is None or visit.job_id != job.id):
        return Refused("unknown_visit")
    known = work.get(RepairForm, command.form_id)
    if known is not None:
        same = (known.job_id, known.visit_id) == (job.id, command.visit_id)
        return Applied(code="unchanged") if same else Refused("id_reused")
    at = deed.occurrence.at
    dues = rules_of(work).form_dues
    shift = _shift(work, command.shift, dues, at)
    if command.shift is not None and shift is None:
        return Refused("unknown_reference", {"field": "shift"})
    due = due_at(shift, opened_at=at, zone=work.org.zone) if shift is not None else None
    form = RepairForm(
        id=command.form_id,
        number=command.number or form_number(command.form_id, at, work.org.zone),
        job_id=job.id,
        visit_id=command.visit_id,
        shift=shift.shift if shift is not None else NO_SHIFT,
        opened_at=at,
        opened_by=deed.person_id,
        copies=copies_of(due),
    )
    work.put(settled(form))
    refold(work, job.id)
    detail = {"form_id": form.id, "number": form.number, "shift": form.shift, "due_at": due}
    record(work, job, deed, EventName.FORM_OPENED, visit_id=command.visit_id, detail=detail)
    return Applied()


@handles(HandInCopy)
def hand_in_copy(work: Work, command: HandInCopy, deed: Deed) -> Result:
    """Note that a copy of a form has come to whoever keeps it; the first time counts."""
    job, form = work.get(Job, command.job_id), work.get(RepairForm, command.form_id)
    if job is None:
        return Refused("unknown_job")
    if form is None or form.job_id != job.id:
        return Refused("unknown_reference", {"field": "form_id"})
    if command.handed_by is not None and work.get(Person, command.handed_by) is None:
        return Refused("unknown_reference", {"field": "handed_by"})
    if not hand_over(work, deed, form, command.copy_no, handed_by=command.handed_by):
        return Applied(code="unchanged")
    detail = {"form_id": form.id, "number": form.number, "copy_no": command.copy_no, "handed_by": command.handed_by}
    record(work, job, deed, EventName.COPY_HANDED_IN, detail=detail)
    return Applied()


@handles(SaveMaterialRules)
def save_material_rules(work: Work, command: SaveMaterialRules, deed: Deed) -> Result:
    """Replace the organisation's rules of material; forms that are open keep the time at which they are due."""
    rules = replace(command.rules, id=rules_id(work.org.org_id))
    fault = _rules_fault(work, rules)
    return Refused("rules_invalid", {"fault": fault}) if fault else save(work, rules)


def hand_over(work: Work, deed: Deed, form: RepairForm, copy_no: int, *, handed_by: UUID | None) -> bool:
    """Put a copy where it goes, if it is still out; tells whether it was."""
    form = work.get(RepairForm, form.id) or form
    copy = form.copies[copy_no - 1]
    if copy.handed_at is not None:
        return False
    handed = replace(
        copy, holder=copy.goes_to, handed_at=deed.occurrence.at, handed_by=handed_by, taken_by=deed.person_id
    )
    work.put(settled(replace(form, copies=tuple(handed if c.copy_no == copy_no else c for c in form.copies))))
    return True


def _shift(work: Work, code: str | None, dues: tuple[FormDue, ...], at: datetime) -> FormDue | None:
    if code is None:
        return shift_at(dues, at=at, zone=work.org.zone)
    return next((due for due in dues if due.shift == code), None)


def _rules_fault(work: Work, rules: MaterialRules) -> str:
    """Name what keeps the rules from being used; nothing gives an empty text."""
    percents = [tolerance.percent for tolerance in rules.tolerances]
    if not all(is_exact(percent) and 0 <= percent <= _HUNDRED for percent in percents):
        return "a tolerance is between 0 and 100 percent"
    if len({tolerance.part_class for tolerance in rules.tolerances}) < len(rules.tolerances):
        return "a class of parts has one tolerance"
    if len({due.shift for due in rules.form_dues}) < len(rules.form_dues):
        return "a shift is named once"
    if any(due.from_min == due.to_min for due in rules.form_dues):
        return "a shift has a span"
    store = work.get(StockLocation, rules.default_store_id)
    if rules.default_store_id is not None and (store is None or store.kind != LocationKind.STORE):
        return "the default store is a store"
    return ""
