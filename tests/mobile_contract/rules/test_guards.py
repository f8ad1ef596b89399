"""What a visit misses before it counts as completed, asked of job types as they are shipped."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from mobile_contract.errors import ERRORS
from mobile_contract.rules.guards import Missing, MissingCode, missing_before_completion
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.job import Guards, JobType, Photo, Reading, Signature, Task

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
JOB = UUID(int=1)


def job_type(**guards: object) -> JobType:
    return JobType(id=UUID(int=9), code="repair", version=1, name=LocalText(en="Repair"), guards=Guards(**guards))  # type: ignore[arg-type]


def task(code: str, *, mandatory: bool = True, answer: str | None = None, sort: int = 0) -> Task:
    return Task(
        id=UUID(int=hash(code) % 1000),
        job_id=JOB,
        code=code,
        label=LocalText(en=code),
        mandatory=mandatory,
        answer=answer,
        sort=sort,
    )


def photo(purpose: str) -> Photo:
    return Photo(
        id=UUID(int=3),
        job_id=JOB,
        purpose=purpose,
        sha256="0" * 64,
        size_bytes=1,
        media_type="image/jpeg",
        taken_at=NOW,
    )


def reading(number: int) -> Reading:
    return Reading(id=UUID(int=number), job_id=JOB, meter_id=UUID(int=5), value=Decimal(7), read_at=NOW)


def signature(**fields: str) -> Signature:
    return Signature(id=UUID(int=4), job_id=JOB, signed_at=NOW, **fields)  # type: ignore[arg-type]


def test_a_job_type_without_guards_misses_nothing() -> None:
    assert missing_before_completion(job_type()) == []


def test_mandatory_lines_without_an_answer_are_missing_in_their_order() -> None:
    tasks = [
        task("b", sort=2),
        task("a", sort=1),
        task("c", answer="yes"),
        task("d", mandatory=False),
        task("e", answer=" ", sort=3),
    ]
    assert [each.about for each in missing_before_completion(job_type(), tasks=tasks)] == ["a", "b", "e"]


def test_a_purpose_named_twice_wants_two_photos() -> None:
    wanted = job_type(photos=("before", "after", "before"))
    assert missing_before_completion(wanted, photos=[photo("before"), photo("evidence")]) == [
        Missing(MissingCode.PHOTO, "before"),
        Missing(MissingCode.PHOTO, "after"),
    ]


def test_readings_are_counted() -> None:
    assert missing_before_completion(job_type(readings=2), readings=[reading(1)]) == [Missing(MissingCode.READING, "1")]
    assert missing_before_completion(job_type(readings=2), readings=[reading(1), reading(2)]) == []


def test_parts_are_declared_by_use_or_by_saying_none() -> None:
    wanted = job_type(parts_declared=True)
    assert missing_before_completion(wanted) == [Missing(MissingCode.PARTS)]
    assert missing_before_completion(wanted, parts_used=True) == []
    assert missing_before_completion(wanted, no_parts_declared=True) == []


def test_a_refusal_with_its_reason_stands_in_for_a_signature() -> None:
    wanted = job_type(signature=True)
    assert missing_before_completion(wanted) == [Missing(MissingCode.SIGNATURE)]
    assert missing_before_completion(wanted, signatures=[signature(refused_reason="not at home")]) == []
    assert missing_before_completion(wanted, signatures=[signature(signer="Li")]) == []
    assert missing_before_completion(wanted, signatures=[signature(signer="Li", purpose="price")]) != []


def test_every_missing_code_is_in_the_catalogue() -> None:
    assert set(MissingCode) <= set(ERRORS)
