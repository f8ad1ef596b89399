"""Notes, photos, answers, readings and signatures: nothing is lost, the latest deed wins, what is doubtful is flagged."""

import json
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

import msgspec
import pytest

from jobs.event import EventName
from mobile_contract.rules.guards import signed_or_refused
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import Flag, Note, Photo, Reading, Signature, Task
from mobile_contract.schema.place import Meter
from tests.arrange import FOUNDED, NOW, Assigned, Org
from tests.jobs import stored
from tests.jobs.phones import from_phone

HOUR = timedelta(hours=1)
SHOWN = "ab" * 32
DRAWN = ((f.StrokePoint(x=1, y=-0.0), f.StrokePoint(x=2.5, y=1e22, t_ms=8, pressure=0.25)), (f.StrokePoint(x=3, y=3),))


async def job_of(org: Org) -> Assigned:
    return await org.assigned_job()


def note(org: Org, job: Assigned, text: str = "Valve is stuck") -> f.AddNote:
    return f.AddNote(job_id=job.job_id, visit_id=job.visit_id, note_id=org.new_id(), text=text)


def photo(org: Org, job: Assigned) -> f.AddPhoto:
    return f.AddPhoto(
        job_id=job.job_id,
        visit_id=job.visit_id,
        photo_id=org.new_id(),
        purpose="before",
        sha256="cd" * 32,
        size_bytes=1000,
        media_type="image/jpeg",
    )


def reading(
    org: Org, job: Assigned, value: str, *, typed_serial: str = "", meter_id: UUID | None = None
) -> f.ReadMeter:
    return f.ReadMeter(
        job_id=job.job_id,
        visit_id=job.visit_id,
        reading_id=org.new_id(),
        meter_id=meter_id or org.meter,
        value=Decimal(value),
        typed_serial=typed_serial,
    )


def signature(org: Org, job: Assigned, **changes: object) -> f.CaptureSignature:
    signed = f.CaptureSignature(
        job_id=job.job_id,
        visit_id=job.visit_id,
        signature_id=org.new_id(),
        signer="Lin",
        shown_sha256=SHOWN,
        strokes=DRAWN,
    )
    return msgspec.structs.replace(signed, **changes)


async def the_task(org: Org, job: Assigned) -> Task:
    return next(t for t in await stored.of_job(org, Task, job.job_id) if t.code == "stopped")


def answer(job: Assigned, task: Task, text: str) -> f.AnswerChecklist:
    return f.AnswerChecklist(job_id=job.job_id, visit_id=job.visit_id, task_id=task.id, answer=text)


async def test_a_note_is_kept_with_who_wrote_it_and_when(org: Org) -> None:
    job = await job_of(org)
    command = note(org, job, "<script>alert(1)</script>'; drop table note; --")
    await org.ok(command, by="amy")
    kept = await stored.one(org, Note, command.note_id)
    assert (kept.text, kept.written_at, kept.written_by) == (command.text, NOW, org.people["amy"])
    assert (await stored.events(org, job.job_id))[-1].detail == {"note_id": str(command.note_id)}


@pytest.mark.parametrize("make", [note, photo, signature])
async def test_the_same_id_and_content_is_the_same_fact(org: Org, make: object) -> None:
    job = await job_of(org)
    command: Command = make(org, job)  # type: ignore[operator]
    await org.ok(command, by="amy")
    before = await stored.events(org, job.job_id)
    (again,) = await org.send(command, by="ali", now=NOW + HOUR)
    assert (again.status, again.code) == ("applied", "unchanged")
    assert await stored.events(org, job.job_id) == before


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (note, {"text": "other"}),
        (photo, {"sha256": "ef" * 32}),
        (signature, {"signer": "Wu"}),
        (signature, {"strokes": (DRAWN[0], DRAWN[0])}),
    ],
)
async def test_the_same_id_with_other_content_is_put_aside(org: Org, make: object, change: dict[str, object]) -> None:
    job, other = await job_of(org), await job_of(org)
    command: Command = make(org, job)  # type: ignore[operator]
    await org.ok(command, by="amy")
    for changed in (change, {"job_id": other.job_id, "visit_id": other.visit_id}):
        (reused,) = await from_phone(org, msgspec.structs.replace(command, **changed), by="amy")
        assert (reused.status, reused.code) == ("quarantined", "id_reused")


async def test_a_photo_is_its_metadata_for_now(org: Org) -> None:
    job = await job_of(org)
    command = photo(org, job)
    await org.ok(command, by="amy")
    kept = await stored.one(org, Photo, command.photo_id)
    assert (kept.purpose, kept.sha256, kept.size_bytes, kept.taken_by) == ("before", "cd" * 32, 1000, org.people["amy"])


async def test_the_latest_answer_wins_in_whatever_order_they_arrive(org: Org) -> None:
    job = await job_of(org)
    task = await the_task(org, job)
    await org.ok(answer(job, task, "yes"), by="amy", now=NOW + 2 * HOUR)
    await org.ok(answer(job, task, "no"), by="ali", now=NOW + HOUR)
    kept = await the_task(org, job)
    assert (kept.answer, kept.answered_at, kept.answered_by) == ("yes", NOW + 2 * HOUR, org.people["amy"])
    said = [e.detail["answer"] for e in await stored.events(org, job.job_id) if e.name is EventName.CHECKLIST_ANSWERED]
    assert said == ["yes", "no"]


async def test_of_two_answers_at_one_instant_the_one_recorded_last_wins(org: Org) -> None:
    job = await job_of(org)
    task = await the_task(org, job)
    await org.ok(answer(job, task, "yes"), answer(job, task, "no"), by="amy")
    assert (await the_task(org, job)).answer == "no"


async def test_an_answer_to_no_line_of_the_job_is_put_aside(org: Org) -> None:
    job, other = await job_of(org), await job_of(org)
    foreign = await the_task(org, other)
    (refused,) = await from_phone(org, answer(job, foreign, "yes"), by="amy")
    assert (refused.status, refused.code) == ("quarantined", "unknown_reference")
    assert (await the_task(org, other)).answer is None


async def test_a_reading_becomes_the_meters_last_one(org: Org) -> None:
    job = await job_of(org)
    command = reading(org, job, "120.5")
    await org.ok(command, by="amy")
    kept, meter = await stored.one(org, Reading, command.reading_id), await stored.one(org, Meter, org.meter)
    assert (kept.value, kept.flags, kept.read_at) == (Decimal("120.5"), (), NOW)
    assert (meter.last_value, meter.last_read_at) == (Decimal("120.5"), NOW)


async def test_a_reading_that_arrives_late_does_not_become_the_last_one(org: Org) -> None:
    job = await job_of(org)
    late = reading(org, job, "110")
    await org.ok(reading(org, job, "120"), by="amy", now=NOW + HOUR)
    await org.ok(late, by="ali", now=NOW)
    meter = await stored.one(org, Meter, org.meter)
    assert (meter.last_value, meter.last_read_at) == (Decimal(120), NOW + HOUR)
    assert (await stored.one(org, Reading, late.reading_id)).value == Decimal(110)


async def test_a_doubtful_reading_is_kept_and_flagged(org: Org) -> None:
    job = await job_of(org)
    meter = await stored.one(org, Meter, org.meter)
    await org.ok(reading(org, job, "120"), by="amy", now=NOW)
    backward = reading(org, job, "90")
    (told,) = await org.send(backward, by="amy", now=NOW + HOUR)
    assert (told.status, told.flags) == ("applied", (Flag.READING_IMPLAUSIBLE,))
    kept = await stored.one(org, Reading, backward.reading_id)
    assert (kept.value, kept.flags) == (Decimal(90), (Flag.READING_IMPLAUSIBLE,))
    assert (await stored.events(org, job.job_id))[-1].detail["doubts"] == ["backward"]
    assert meter.serial == "M-1"


async def test_a_typed_serial_is_flagged_and_a_wrong_one_doubted(org: Org) -> None:
    job = await job_of(org)
    (right, wrong) = await org.send(
        reading(org, job, "101", typed_serial="M-1"), reading(org, job, "102", typed_serial="M-2"), by="amy"
    )
    assert right.flags == (Flag.SERIAL_TYPED,)
    assert wrong.flags == (Flag.READING_IMPLAUSIBLE, Flag.SERIAL_TYPED)


async def test_a_reading_of_no_meter_or_of_no_number_is_put_aside(org: Org) -> None:
    job = await job_of(org)
    unknown, no_number = await from_phone(
        org, reading(org, job, "1", meter_id=org.new_id()), reading(org, job, "NaN"), by="amy"
    )
    assert (unknown.status, unknown.code) == ("quarantined", "unknown_reference")
    assert (no_number.status, no_number.code) == ("quarantined", "number_invalid")
    assert (await stored.one(org, Meter, org.meter)).last_read_at in (None, FOUNDED)


async def test_a_signature_keeps_its_strokes_in_the_evidence_and_their_hash_in_the_document(org: Org) -> None:
    job = await job_of(org)
    command = signature(org, job)
    (told,) = await org.send(command, by="amy")
    kept = await stored.one(org, Signature, command.signature_id)
    event = (await stored.events(org, job.job_id))[-1]
    assert (told.status, told.flags, kept.flags, kept.shown_sha256) == ("applied", (), (), SHOWN)
    assert json.loads(event.detail["strokes"]) == [[[1.0, 0.0, 0, 0.5], [2.5, 1e22, 8, 0.25]], [[3.0, 3.0, 0, 0.5]]]
    assert kept.strokes_sha256 == sha256(event.detail["strokes"].encode()).hexdigest()
    assert signed_or_refused(kept)


@pytest.mark.parametrize(
    "change", [{"strokes": ()}, {"strokes": (DRAWN[0],)}, {"shown_sha256": None}, {"refused_reason": "angry"}]
)
async def test_what_is_no_signature_is_kept_but_ends_no_visit(org: Org, change: dict[str, object]) -> None:
    job = await job_of(org)
    command = signature(org, job, **change)
    (told,) = await org.send(command, by="amy")
    kept = await stored.one(org, Signature, command.signature_id)
    assert (told.status, told.flags, kept.flags) == ("applied", (Flag.INCOMPLETE,), (Flag.INCOMPLETE,))
    assert not signed_or_refused(kept)


async def test_a_refusal_before_a_witness_ends_a_visit(org: Org) -> None:
    job = await job_of(org)
    command = signature(org, job, strokes=(), shown_sha256=None, signer="", refused_reason="angry", witness="Wu")
    (told,) = await org.send(command, by="amy")
    kept = await stored.one(org, Signature, command.signature_id)
    assert told.flags == () and signed_or_refused(kept) and kept.strokes_sha256 is None


@pytest.mark.parametrize("make", [note, photo, signature])
async def test_a_fact_on_no_job_is_put_aside(org: Org, make: object) -> None:
    command: Command = make(org, Assigned(org.new_id(), org.new_id()))  # type: ignore[operator]
    (told,) = await from_phone(org, command, by="amy")
    assert (told.status, told.code) == ("quarantined", "out_of_scope")
    assert await stored.every(org, Note) == []


@pytest.mark.parametrize(("text", "kept"), [("a\0b", False), ("a\\u0000b", True), ("漢😀", True)])
async def test_a_text_that_no_database_holds_is_put_aside_and_blocks_nothing(org: Org, text: str, kept: bool) -> None:
    job = await job_of(org)
    told, after = await from_phone(org, note(org, job, text), note(org, job, "next"))
    assert (told.status, told.code) == (("applied", "ok") if kept else ("quarantined", "invalid"))
    assert after.status == "applied"
