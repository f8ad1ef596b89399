"""What is told of reports without asking the database again is what the database would have said: every body, every bucket.

Random work of two crews and the office; after each batch all documents are computed anew and compared.
"""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest

from jobs import reports
from jobs.projection import JOB_DOCUMENTS
from jobs.store.tables import JOB_CHILDREN
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command, Datum, Position
from mobile_contract.schema.job import HoldReason
from mobile_contract.schema.material import RequestLine
from sync import batch as batches
from sync import verify
from tests.arrange import NOW, Assigned, Org
from tests.sync.phone import note, on, phone_of

PUSHES, AT_ONCE = 16, 6


def position(draw: random.Random) -> Position | None:
    if draw.random() < 0.5:
        return None
    return Position(lon_deg=116.41, lat_deg=39.95, accuracy_m=8, datum=draw.choice(list(Datum)), at=NOW)


def reports_of(org: Org, draw: random.Random, jobs: list[Assigned]) -> list[Callable[[Assigned], Command]]:
    """List what a crew may report of a job, with arguments drawn anew each time."""
    return [
        lambda job: on(job, f.StartTravel, position=position(draw)),
        lambda job: on(job, f.ArriveOnSite, position=position(draw)),
        lambda job: on(job, f.StartWork),
        lambda job: on(job, f.PauseWork, reason=draw.choice(["", "rain"])),
        lambda job: on(job, f.ResumeWork),
        lambda job: on(job, f.MakeSafe),
        lambda job: on(job, f.ReportNotOurs, owner="the gas works"),
        lambda job: on(job, f.ReportNoAccess, reason="nobody at home"),
        lambda job: on(job, f.CompleteVisit, follow_up=draw.random() < 0.3, no_parts_used=draw.random() < 0.5),
        lambda job: note(org, job, draw.choice(["wet", "漏水"])),
        lambda job: on(job, f.AddPhoto, photo_id=org.new_id(), sha256="0" * 64, size_bytes=9, media_type="image/jpeg"),
        lambda job: on(
            job, f.ReadMeter, reading_id=org.new_id(), meter_id=org.meter, value=Decimal(draw.choice(["101", "1E+2", "9.50"])),
            purpose=draw.choice(["routine", "final"]),
        ),
        lambda job: on(job, f.UsePart, move_id=org.new_id(), part_id=org.parts["clamp"], quantity=Decimal("1.50")),
        lambda job: on(job, f.ReceivePart, move_id=org.new_id(), part_id=org.parts["pump"], quantity=Decimal(2)),
        lambda job: on(
            job, f.RequestParts, request_id=org.new_id(),
            lines=(RequestLine(part_id=org.parts["valve"], quantity=Decimal(1)),),
        ),
        lambda job: on(job, f.CaptureSignature, signature_id=org.new_id(), refused_reason="in a hurry", witness="Ali"),
        # A visit that nobody planned, on a job that may be another crew's.
        lambda _: note(org, Assigned(draw.choice(jobs).job_id, org.new_id())),
        lambda _: f.ReportJob(job_id=org.new_id(), job_type="repair", position=position(draw)),
        lambda job: d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS),
        lambda job: d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1),
        lambda job: d.DeclineVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, reason="far"),
    ]  # fmt: skip


async def test_what_is_told_of_reports_is_what_is_computed_anew(
    org: Org, owner: asyncpg.Connection, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    def watched(work: object) -> bool:
        told.append(reports.only_reports(work))  # type: ignore[arg-type]
        return told[-1]

    monkeypatch.setattr(batches, "only_reports", watched)
    draw = random.Random(seed)
    jobs = [await org.assigned_job(crew) for crew in ("alpha", "alpha", "beta")]
    phones = {crew: await phone_of(org, who) for crew, who in (("alpha", "amy"), ("beta", "bob"))}
    choices = reports_of(org, draw, jobs)
    for number in range(PUSHES):
        phone = draw.choice(list(phones.values()))
        before = phone.next_n - 1
        for _ in range(AT_ONCE):
            # Mostly reports, so that whole batches are nothing else.
            made = draw.choice(choices[:16] if draw.random() < 0.95 else choices)
            phone.do(made(draw.choice(jobs)), at=NOW - timedelta(minutes=draw.randrange(200)))
        await phone.taken(phone.pending(before))
        if number % 8 == 7:
            job = draw.choice(jobs)
            await org.as_dispatcher(
                draw.choice([d.CancelJob(job_id=job.job_id, reason="x"), d.ReopenJob(job_id=job.job_id, reason="x")])
            )
        found = [drift async for part in verify.verify(owner, org.id, now=NOW) for drift in part.drifts]
        assert [drift for drift in found if drift.kind != "device"] == [], number
    assert told.count(True) > PUSHES / 3, "the short way was hardly taken"


def test_every_kind_that_belongs_to_a_job_is_told_or_silent() -> None:
    assert set(JOB_CHILDREN) | set(JOB_DOCUMENTS) <= reports.DOCUMENTS | {"event", "request"}
