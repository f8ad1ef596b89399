"""What a crew does at one job, step by step, with its phone. Owns the order of reports; when and where is the crew's.

`perform` yields the minutes that pass between two steps. A job that the phone no longer shows is left alone; a crew without a
network cannot know and goes on: then the office gets facts about what it had called off.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import ApprovalState
from mobile_contract.schema.base import Position
from mobile_contract.schema.job import AnswerKind, Task, VisitState
from mobile_contract.schema.material import RequestLine

if TYPE_CHECKING:
    from uuid import UUID

    from api.demo.crew import Assignment, Crew

_TEXTS: Final = {"pipe": "cast iron DN150", "cause": "corrosion", "valve_closed": "V-0147", "owner": "City water works"}
_APPROVAL_LOOKS: Final = 8
_APPROVAL_EVERY_MIN: Final = 6.0


class Wanted(Struct, frozen=True):
    """A part by its code, and how much of it."""

    code: str
    quantity: Decimal


class Conduct(Struct, frozen=True, kw_only=True):
    """How one visit goes. Texts that are empty mean that it did not happen."""

    work_min: float = 45.0
    make_safe: str = ""
    no_access: str = ""
    not_ours: str = ""
    parts: tuple[Wanted, ...] = ()
    urgent_parts: bool = False
    refuses_to_sign: str = ""
    witness: str = ""
    signer: str = "Customer"
    misreads: bool = False
    note: str = ""
    pause: str = ""
    result: str = "done"


def ordinary(source: random.Random) -> Conduct:
    """Draw how an ordinary visit goes."""
    return Conduct(
        work_min=source.uniform(25, 75),
        make_safe="valve closed" if source.random() < 0.25 else "",
        no_access="nobody home" if source.random() < 0.06 else "",
        pause="waiting for the excavator" if source.random() < 0.1 else "",
        note="pavement lifted, photos taken" if source.random() < 0.3 else "",
    )


def perform(crew: Crew, found: Assignment, conduct: Conduct) -> Iterator[float]:
    """Do a visit: accept, travel, arrive, work, sign, complete; each report when it happens."""
    if found.visit.state in (VisitState.SCHEDULED, VisitState.DISPATCHED):
        accept = d.AcceptVisit(job_id=found.job.id, visit_id=found.visit.id, plan_version=found.visit.plan_version)
        crew.do(accept)
    crew.do(found.report(f.StartTravel, position=_here(crew)))
    crew.sync()
    yield crew.travel_to(found.job)
    if crew.is_online and not crew.holds(found.job.id):
        return
    crew.do(found.report(f.ArriveOnSite, position=_here(crew)))
    if conduct.no_access:
        yield 6.0
        crew.do(found.report(f.ReportNoAccess, reason=conduct.no_access))
        crew.sync()
        return
    if conduct.make_safe:
        yield 5.0
        crew.do(found.report(f.MakeSafe, note=conduct.make_safe))
        crew.sync()
    yield 2.0
    crew.do(found.report(f.StartWork))
    if conduct.not_ours:
        yield from _not_ours(crew, found, conduct)
        return
    yield from _work(crew, found, conduct)
    crew.sync()


def _work(crew: Crew, found: Assignment, conduct: Conduct) -> Iterator[float]:
    job_type = crew.job_type_of(found.job)
    photos = job_type.guards.photos if job_type else ()
    for purpose in photos[:1]:
        _photo(crew, found, purpose)
    yield conduct.work_min * 0.3
    if conduct.note:
        crew.do(found.report(f.AddNote, note_id=crew.new_id(), text=conduct.note))
    if conduct.pause:
        crew.do(found.report(f.PauseWork, reason=conduct.pause))
        yield 15.0
        crew.do(found.report(f.ResumeWork))
    if conduct.parts:
        yield from _parts(crew, found, conduct)
    yield conduct.work_min * 0.6
    for purpose in photos[1:]:
        _photo(crew, found, purpose)
    if job_type is not None and job_type.guards.readings:
        _read_meters(crew, found, conduct)
    for task in crew.tasks_of(found.job.id):
        if task.mandatory or crew.random.random() < 0.5:
            crew.do(found.report(f.AnswerChecklist, task_id=task.id, answer=_answer(task, crew.random)))
    if job_type is not None and job_type.guards.signature:
        yield 2.0
        _sign(crew, found, conduct)
    yield conduct.work_min * 0.1
    done = found.report(f.CompleteVisit, result=conduct.result, no_parts_used=not conduct.parts)
    crew.do(done)


def _not_ours(crew: Crew, found: Assignment, conduct: Conduct) -> Iterator[float]:
    """Say whose it is, keep people safe and stay until the right crew comes."""
    yield 8.0
    crew.do(found.report(f.ReportNotOurs, owner=conduct.not_ours, note="fenced off, the owner was called"))
    crew.do(found.report(f.MakeSafe, note="fenced off"))
    crew.sync()
    yield 35.0
    crew.do(found.report(f.CompleteVisit, result="not_ours", no_parts_used=True, note=f"{conduct.not_ours} took over"))
    crew.sync()


def _parts(crew: Crew, found: Assignment, conduct: Conduct) -> Iterator[float]:
    """Ask for parts, wait a while for the answer, take them into the van and build them in; without an answer in time they are taken."""
    lines = tuple(RequestLine(part_id=crew.parts[w.code], quantity=w.quantity) for w in conduct.parts)
    request_id = crew.new_id()
    crew.do(found.report(f.RequestParts, request_id=request_id, lines=lines, urgent=conduct.urgent_parts))
    for _ in range(_APPROVAL_LOOKS):
        crew.sync()
        if _decided(crew, request_id):
            break
        yield _APPROVAL_EVERY_MIN
    for line in lines:
        quantity = {"part_id": line.part_id, "quantity": line.quantity}
        crew.do(found.report(f.ReceivePart, move_id=crew.new_id(), request_id=request_id, **quantity))
    yield 3.0
    for line in lines:
        quantity = {"part_id": line.part_id, "quantity": line.quantity}
        crew.do(found.report(f.UsePart, move_id=crew.new_id(), **quantity))


def _decided(crew: Crew, request_id: UUID) -> bool:
    approvals = crew.handset.shown(("approval",)).values()
    return any(
        getattr(a, "subject_id", None) == request_id and getattr(a, "state", None) is not ApprovalState.WAITING
        for a in approvals
    )


def _read_meters(crew: Crew, found: Assignment, conduct: Conduct) -> None:
    """Read the old and the new meter, or the only one twice; a misread value is read again."""
    meters = crew.meters_of(found.job)
    for meter, purpose in zip((meters * 2)[:2], ("final", "start"), strict=False):
        last = meter.last_value or Decimal(0)
        if conduct.misreads and purpose == "final":
            typed = (last + Decimal(8)) * 9 % (Decimal(10) ** meter.dial_count)
            misread = {"meter_id": meter.id, "value": typed, "purpose": purpose}
            crew.do(found.report(f.ReadMeter, reading_id=crew.new_id(), **misread))
        read = {"meter_id": meter.id, "value": last + Decimal("8.4"), "purpose": purpose}
        crew.do(found.report(f.ReadMeter, reading_id=crew.new_id(), **read))


def _sign(crew: Crew, found: Assignment, conduct: Conduct) -> None:
    shown = f"{found.job.number} {found.job.title}: work done, no charge"
    common = {"signature_id": crew.new_id(), "shown_sha256": hashlib.sha256(shown.encode()).hexdigest()}
    if conduct.refuses_to_sign:
        refused = {"refused_reason": conduct.refuses_to_sign, "witness": conduct.witness}
        crew.do(found.report(f.CaptureSignature, **common, **refused))
        return
    stroke = tuple(
        f.StrokePoint(x=10.0 * i, y=40.0 + crew.random.uniform(-15, 15), t_ms=30 * i, pressure=0.6) for i in range(12)
    )
    crew.do(found.report(f.CaptureSignature, **common, signer=conduct.signer, strokes=(stroke,)))


def _photo(crew: Crew, found: Assignment, purpose: str) -> None:
    photo_id = crew.new_id()
    photo = found.report(
        f.AddPhoto,
        photo_id=photo_id,
        purpose=purpose,
        sha256=hashlib.sha256(photo_id.bytes).hexdigest(),
        size_bytes=crew.random.randint(180_000, 2_400_000),
        media_type="image/jpeg",
    )
    crew.do(photo)


def _answer(task: Task, source: random.Random) -> str:
    if task.answer_kind is AnswerKind.CHOICE and task.choices:
        return source.choice(task.choices)
    if task.answer_kind is AnswerKind.NUMBER:
        return str(source.randint(0, 40))
    return _TEXTS.get(task.code, "see photo") if task.answer_kind is AnswerKind.TEXT else "yes"


def _here(crew: Crew) -> Position:
    return Position(lon_deg=crew.place.lon_deg, lat_deg=crew.place.lat_deg, accuracy_m=15.0)
