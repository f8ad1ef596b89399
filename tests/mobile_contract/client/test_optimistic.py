"""What is shown before the server answered: the same states as the server's own tables, and only guesses beyond them."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from jobs.event import Event, EventName
from jobs.rules.job import fold_job
from jobs.rules.visit import fold_visit
from mobile_contract.client.made import Made
from mobile_contract.client.optimistic import NEW, TURNS, Key, effect, show
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import Band, Policy
from mobile_contract.schema.base import Command, Document, LocalText, Priority
from mobile_contract.schema.job import Flag, HoldReason, Job, JobState, OpenJob, Task, Visit, VisitState
from mobile_contract.schema.material import MaterialRequest, Part, RequestLine, RequestState
from mobile_contract.schema.people import Role
from tests.mobile_contract.client.kit import JOB, VISIT, a_job, a_visit
from tests.mobile_contract.client.office import START

PERSON = UUID(int=0xE1)
AT = {"job_id": JOB, "visit_id": VISIT}

COURSE: dict[EventName, Callable[[], tuple[Command, dict[str, object]]]] = {
    EventName.TRAVEL_STARTED: lambda: (f.StartTravel(job_id=JOB, visit_id=VISIT), {}),
    EventName.ARRIVED: lambda: (f.ArriveOnSite(job_id=JOB, visit_id=VISIT), {}),
    EventName.WORK_STARTED: lambda: (f.StartWork(job_id=JOB, visit_id=VISIT), {}),
    EventName.WORK_PAUSED: lambda: (f.PauseWork(job_id=JOB, visit_id=VISIT, reason="rain"), {"reason": "rain"}),
    EventName.WORK_RESUMED: lambda: (f.ResumeWork(job_id=JOB, visit_id=VISIT), {}),
    EventName.MADE_SAFE: lambda: (f.MakeSafe(job_id=JOB, visit_id=VISIT), {}),
    EventName.FOUND_NOT_OURS: lambda: (f.ReportNotOurs(job_id=JOB, visit_id=VISIT), {}),
    EventName.NO_ACCESS: lambda: (f.ReportNoAccess(job_id=JOB, visit_id=VISIT, reason="dog"), {"reason": "dog"}),
    EventName.VISIT_ACCEPTED: lambda: (d.AcceptVisit(job_id=JOB, visit_id=VISIT, plan_version=1), {}),
    EventName.VISIT_DECLINED: lambda: (
        d.DeclineVisit(job_id=JOB, visit_id=VISIT, plan_version=1, reason="far"),
        {"reason": "far"},
    ),
}


def completion(source: random.Random) -> tuple[EventName, Command, dict[str, object]]:
    follow_up, result = source.random() < 0.3, source.choice(["done", "done", "not_possible"])
    command = f.CompleteVisit(job_id=JOB, visit_id=VISIT, follow_up=follow_up, result=result)
    return EventName.VISIT_COMPLETED, command, {"follow_up": follow_up, "result": result}


def deed(source: random.Random) -> tuple[EventName, Command, dict[str, object]]:
    if source.random() < 0.2:
        return completion(source)
    name = source.choice(list(COURSE))
    return name, *COURSE[name]()


def event(seq: int, name: EventName, at: datetime, detail: dict[str, object]) -> Event:
    return Event(
        id=UUID(int=seq),
        job_id=JOB,
        visit_id=VISIT,
        seq=seq,
        name=name,
        occurred_at=at,
        received_at=at,
        command_id=UUID(int=seq),
        detail=detail,
    )


@pytest.mark.parametrize("seed", range(100))
def test_states_are_those_of_the_servers_tables(seed: int) -> None:
    source = random.Random(seed)
    held = HoldReason.PARTS if source.random() < 0.2 else None
    job, visit = a_job(held_for=held, state=JobState.ON_HOLD if held else JobState.SCHEDULED), a_visit()
    events, own = [event(1, EventName.VISIT_ASSIGNED, START, {})], []
    for step in range(2, source.randint(3, 12)):
        at = START + timedelta(minutes=step)
        name, command, detail = deed(source)
        events.append(event(step, name, at, detail))
        own.append(Made(command=command, person_id=PERSON, at=at))
        shown = show({("job", JOB): job, ("visit", VISIT): visit}, own)
        folded = fold_visit(visit, events)
        ours = shown["visit", VISIT]
        assert isinstance(ours, Visit)
        for field in (
            "state",
            "reason",
            "travel_started_at",
            "arrived_at",
            "work_started_at",
            "made_safe_at",
            "ended_at",
        ):
            assert getattr(ours, field) == getattr(folded, field), (
                f"seed {seed}, {field} after {[m.command for m in own]}"
            )
        assert isinstance(ours_job := shown["job", JOB], Job)
        theirs = fold_job(job, [folded])
        assert (ours_job.state, ours_job.arrived_at, ours_job.made_safe_at) == (
            theirs.state,
            theirs.arrived_at,
            theirs.made_safe_at,
        ), f"seed {seed} after {[m.command for m in own]}"


def made(command: Command) -> Made:
    return Made(command=command, person_id=PERSON, at=START)


def after(*commands: Command, start: tuple[tuple[str, Document], ...] = ()) -> dict[Key, Document]:
    documents: dict[Key, Document] = {("job", JOB): a_job(), ("visit", VISIT): a_visit()}
    documents |= {(kind, document.id): document for kind, document in start}
    return show(documents, [made(command) for command in commands])


def test_show_leaves_its_documents_alone_and_can_be_repeated() -> None:
    documents: dict[Key, Document] = {("job", JOB): a_job(), ("visit", VISIT): a_visit()}
    own = [
        made(f.ArriveOnSite(job_id=JOB, visit_id=VISIT)),
        made(f.AddNote(job_id=JOB, visit_id=VISIT, note_id=JOB, text="x")),
    ]
    before = dict(documents)
    once = show(documents, own)
    assert documents == before
    assert show(once, own) == once


def test_a_report_from_an_unplanned_trip_makes_the_trip() -> None:
    trip = UUID(int=0x99)
    shown = after(f.ArriveOnSite(job_id=JOB, visit_id=trip))["visit", trip]
    assert isinstance(shown, Visit)
    assert (shown.state, shown.person_id, shown.job_id) == (VisitState.ON_SITE, PERSON, JOB)


def test_a_decision_about_an_unknown_visit_shows_nothing() -> None:
    assert effect({}, made(d.AcceptVisit(job_id=JOB, visit_id=VISIT, plan_version=1))) == {}


def test_a_report_about_a_job_that_is_not_held_shows_the_visit_alone() -> None:
    assert list(effect({}, made(f.ArriveOnSite(job_id=JOB, visit_id=VISIT)))) == [("visit", VISIT)]


def test_notes_photos_readings_and_signatures_appear_with_author_and_time() -> None:
    new = UUID(int=0x42)
    commands = (
        f.AddNote(**AT, note_id=new, text="under the bridge"),  # type: ignore[arg-type]
        f.AddPhoto(**AT, photo_id=new, sha256="0" * 64, size_bytes=5, media_type="image/jpeg"),  # type: ignore[arg-type]
        f.ReadMeter(**AT, reading_id=new, meter_id=UUID(int=7), value=Decimal("12.5")),  # type: ignore[arg-type]
        f.CaptureSignature(**AT, signature_id=new, signer="Chen"),  # type: ignore[arg-type]
    )
    shown = after(*commands)
    for kind in ("note", "photo", "reading", "signature"):
        assert PERSON in [getattr(shown[kind, new], rule.by) for rule in NEW.values() if rule.kind == kind]
        assert START in [getattr(shown[kind, new], rule.at) for rule in NEW.values() if rule.kind == kind]


def test_a_checklist_answer_shows_and_an_unknown_line_does_not() -> None:
    task = Task(id=UUID(int=5), job_id=JOB, code="valve", label=LocalText(en="Valve"))
    shown = after(f.AnswerChecklist(job_id=JOB, visit_id=VISIT, task_id=task.id, answer="yes"), start=(("task", task),))
    assert getattr(shown["task", task.id], "answer", None) == "yes"
    assert set(after(f.AnswerChecklist(job_id=JOB, visit_id=VISIT, task_id=task.id, answer="yes"))) == {
        ("job", JOB),
        ("visit", VISIT),
    }


def test_requested_parts_show_with_what_the_catalogue_says_they_cost() -> None:
    part = Part(id=UUID(int=6), code="P", name=LocalText(en="Clamp"), unit_cost=Decimal("12.50"))
    policy = Policy(
        id=UUID(int=8), code="R1", version=1, currency="CNY", bands=(Band(above=Decimal(0), role=Role.ENGINEER),)
    )
    command = f.RequestParts(
        job_id=JOB,
        visit_id=VISIT,
        request_id=UUID(int=9),
        lines=(
            RequestLine(part_id=part.id, quantity=Decimal(3)),
            RequestLine(part_id=UUID(int=1), quantity=Decimal(1)),
        ),
    )
    shown = after(command, start=(("part", part), ("policy", policy)))["material_request", UUID(int=9)]
    assert isinstance(shown, MaterialRequest)
    assert (shown.amount, shown.currency, shown.state) == (Decimal("37.50"), "CNY", RequestState.WAITING_APPROVAL)


def test_a_claim_turns_the_offer_into_a_job_with_an_accepted_visit() -> None:
    offer = OpenJob(id=UUID(int=0x70), number="J-70", type="repair", priority=Priority.URGENT, reported_at=START)
    shown = after(d.ClaimJob(job_id=offer.id, visit_id=UUID(int=0x71)), start=(("open_job", offer),))
    assert ("open_job", offer.id) not in shown
    job, visit = shown["job", offer.id], shown["visit", UUID(int=0x71)]
    assert isinstance(job, Job)
    assert isinstance(visit, Visit)
    assert (job.number, job.priority, job.state) == ("J-70", Priority.URGENT, JobState.SCHEDULED)
    assert (visit.state, visit.person_id) == (VisitState.ACCEPTED, PERSON)


def test_a_job_found_on_site_awaits_triage() -> None:
    shown = after(f.ReportJob(job_id=UUID(int=0x80), job_type="repair", title="second leak"))["job", UUID(int=0x80)]
    assert isinstance(shown, Job)
    assert (shown.state, shown.title, shown.found_on_site) == (JobState.AWAITING_TRIAGE, "second leak", True)


def test_a_hold_shows_and_its_release_too() -> None:
    hold = d.HoldJob(job_id=JOB, reason=HoldReason.PARTS)
    assert getattr(after(hold)["job", JOB], "state", None) is JobState.ON_HOLD
    assert after(hold, d.ReleaseJob(job_id=JOB))["job", JOB] == a_job()


def test_an_edit_shows_where_nobody_else_was_faster() -> None:
    edit = d.EditJob(
        job_id=JOB,
        changes={
            "title": d.FieldEdit(was="", set="Burst main"),
            "address": d.FieldEdit(was="somewhere else", set="lost"),
            "priority": d.FieldEdit(was="normal", set="urgent"),
        },
    )
    shown = after(edit)["job", JOB]
    assert isinstance(shown, Job)
    assert (shown.title, shown.address, shown.priority) == ("Burst main", "", Priority.URGENT)


def test_a_cancelled_job_and_its_visit_stay_cancelled() -> None:
    job, visit = a_job(state=JobState.CANCELLED), a_visit(VisitState.CANCELLED)
    documents: dict[Key, Document] = {("job", JOB): job, ("visit", VISIT): visit}
    shown = show(documents, [made(f.StartWork(job_id=JOB, visit_id=VISIT))])
    assert getattr(shown["job", JOB], "state", None) is JobState.CANCELLED
    assert getattr(shown["visit", VISIT], "state", None) is VisitState.CANCELLED


def test_judging_flags_are_left_to_the_server() -> None:
    shown = after(f.ResumeWork(job_id=JOB, visit_id=VISIT))["visit", VISIT]
    assert Flag.OUT_OF_ORDER not in getattr(shown, "flags", ())


def test_every_turn_belongs_to_a_command_about_a_visit() -> None:
    assert all("visit_id" in command.__struct_fields__ for command in TURNS)
