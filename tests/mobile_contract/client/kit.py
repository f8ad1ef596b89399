"""How the tests of the reference device set one up, and what must always hold between it and its office."""

import random
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import msgspec

from mobile_contract.client import Device, Pace, Response, Store, SyncReport, Transport
from mobile_contract.client.pages import digests
from mobile_contract.schema.base import Document
from mobile_contract.schema.facts import AddNote
from mobile_contract.schema.job import Job, JobState, Note, Visit, VisitState
from tests.mobile_contract.client.office import START, Office, TestClock

JOB, VISIT = UUID(int=0x10), UUID(int=0x20)


class Phone(Device):
    """A device with its clock at hand."""

    def __init__(
        self, path: Path | str, transport: Transport, clock: TestClock | None = None, *, seed: int = 1
    ) -> None:
        self.clock = clock or TestClock()
        self.path = path
        source = random.Random(seed)
        super().__init__(Store(path), transport, clock=self.clock, source=source, pace=Pace(tries=3))

    def documents(self) -> dict[tuple[str, UUID], tuple[int, bytes]]:
        """Give the documents held: (kind, id) to (ver, body)."""
        rows = self.store.rows("select kind, id, ver, body from document")
        return {(kind, UUID(id)): (ver, body) for kind, id, ver, body in rows}

    def note(self, text: str) -> UUID:
        """Queue a note and give the command's id."""
        note_id = UUID(int=random.Random(text).getrandbits(128))
        return self.do(AddNote(job_id=JOB, visit_id=VISIT, note_id=note_id, text=text)).id

    def synced(self) -> SyncReport:
        """Sync and insist that nothing stopped it."""
        report = self.sync(check=True)
        assert report.stopped == "", (report.stopped, report.reason)
        return report


def enrolled(path: Path | str, office: Office, transport: Transport | None = None, *, seed: int = 1) -> Phone:
    """Give a device that has enrolled and synced nothing yet."""
    phone = Phone(path, transport or office, seed=seed)
    phone.enrol("code", "phone")
    return phone


def assert_equal(phone: Phone, office: Office) -> None:
    """The device holds exactly what the office would give it, and both digest it the same."""
    assert phone.documents() == office.projection()
    assert digests(phone.store) == {bucket: office.digest(bucket) for bucket in office.scope}


def a_job(**fields: object) -> Job:
    given = {
        "number": "J-1",
        "type": "repair",
        "type_version": 1,
        "state": JobState.SCHEDULED,
        "triaged_at": START,
        **fields,
    }
    return Job(id=JOB, reported_at=START, opened_at=START, **given)  # type: ignore[arg-type]


def a_visit(state: VisitState = VisitState.DISPATCHED) -> Visit:
    return Visit(id=VISIT, job_id=JOB, state=state, person_id=UUID(int=0xE1), dispatched_at=START)


def a_note(number: int, text: str = "") -> Note:
    return Note(id=UUID(int=number), job_id=JOB, text=text or f"note {number}", written_at=START)


def body_of(document: Document) -> bytes:
    return msgspec.json.encode(document)


class Scripted:
    """A transport that answers from a list of responses and keeps what was asked."""

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, bytes, dict[str, str]]] = []

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        self.asked.append((path, body, dict(headers)))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
