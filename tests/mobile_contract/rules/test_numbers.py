"""The number of a job: the same on phone and server."""

from datetime import UTC, datetime
from uuid import UUID

from mobile_contract.rules.numbers import ALPHABET, job_number

JOB = UUID("0195f3a0-0000-7000-8000-000000000001")


def test_the_date_is_that_of_the_report_in_the_organisations_zone() -> None:
    evening = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert job_number(JOB, evening, "UTC").startswith("260302-")
    assert job_number(JOB, evening, "Asia/Shanghai").startswith("260303-")


def test_a_known_number() -> None:
    # SHA-256 of the id begins with df7ae0ed: 11011 11101 11101 01110 00001 11011.
    assert job_number(JOB, datetime(2026, 3, 2, 9, tzinfo=UTC), "UTC") == "260302-VXXE1V"


def test_numbers_use_letters_that_are_heard_right() -> None:
    tail = job_number(JOB, datetime(2026, 3, 2, tzinfo=UTC), "UTC").partition("-")[2]
    assert len(tail) == 6
    assert set(tail) <= set(ALPHABET)
    assert set("ILOU").isdisjoint(ALPHABET)
