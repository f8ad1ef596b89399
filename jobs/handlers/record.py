"""What a crew writes down: notes, photos (their metadata), answers to the checklist. Never moves a visit or a job by itself."""

from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.handlers.door import handles
from jobs.handlers.identity import seen_before
from jobs.recording import report
from jobs.result import PutAside, Result
from jobs.work import Work
from mobile_contract.schema.facts import AddNote, AddPhoto, AnswerChecklist
from mobile_contract.schema.job import Note, Photo, Task


@handles(AddNote)
def add_note(work: Work, command: AddNote, deed: Deed) -> Result:
    """Keep a remark."""
    note = Note(
        id=command.note_id,
        job_id=command.job_id,
        visit_id=command.visit_id,
        text=command.text,
        written_at=deed.occurrence.at,
        written_by=deed.person_id,
    )
    known = seen_before(work, note, "written_at", "written_by")
    if known is not None:
        return known
    work.put(note)
    return report(work, command, deed, EventName.NOTE_ADDED, detail={"note_id": note.id})


@handles(AddPhoto)
def add_photo(work: Work, command: AddPhoto, deed: Deed) -> Result:
    """Keep a photo's metadata; its hash is the evidence, whenever the bytes come."""
    photo = Photo(
        id=command.photo_id,
        job_id=command.job_id,
        visit_id=command.visit_id,
        purpose=command.purpose,
        sha256=command.sha256,
        size_bytes=command.size_bytes,
        media_type=command.media_type,
        taken_at=deed.occurrence.at,
        taken_by=deed.person_id,
    )
    known = seen_before(work, photo, "taken_at", "taken_by")
    if known is not None:
        return known
    work.put(photo)
    detail = {"photo_id": photo.id, "purpose": photo.purpose, "sha256": photo.sha256}
    return report(work, command, deed, EventName.PHOTO_ADDED, detail=detail)


@handles(AnswerChecklist)
def answer_checklist(work: Work, command: AnswerChecklist, deed: Deed) -> Result:
    """Answer a line of the checklist. The latest deed wins; of two at one instant the one recorded last. Every answer stays an event."""
    task = work.get(Task, command.task_id)
    if task is None or task.job_id != command.job_id:
        return PutAside("unknown_reference", {"field": "task_id"})
    at = deed.occurrence.at
    if task.answered_at is None or at >= task.answered_at:
        work.put(replace(task, answer=command.answer, answered_at=at, answered_by=deed.person_id))
    detail = {"task_id": task.id, "code": task.code, "answer": command.answer}
    return report(work, command, deed, EventName.CHECKLIST_ANSWERED, detail=detail)
