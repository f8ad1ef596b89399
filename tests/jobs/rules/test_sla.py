"""The arrival clock: limits by type, class of district and priority; each shipped number in a test named after its row."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from jobs.job_types import shipped
from jobs.rules.sla import arrival_due_at, arrival_minutes, local, retarget
from mobile_contract.schema.base import LocalText, Priority
from mobile_contract.schema.job import ArrivalLimit, Job, JobState, JobType

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
TYPES = {t.code: t for t in shipped(UUID(int=1))}


def limited(*limits: tuple[str, str, int]) -> JobType:
    made = tuple(ArrivalLimit(arrival_class=c, priority=p, minutes=m) for c, p, m in limits)
    return JobType(id=UUID(int=1), code="t", version=1, name=LocalText(en="T"), arrival_limits=made)


def test_r1_repair_in_a_commercial_plaza_15_minutes() -> None:
    assert arrival_minutes(TYPES["repair"], "plaza", Priority.NORMAL) == 15


def test_arrival_limit_town_45_minutes() -> None:
    assert arrival_minutes(TYPES["repair"], "town", Priority.NORMAL) == 45


def test_arrival_limit_village_90_minutes() -> None:
    assert arrival_minutes(TYPES["repair"], "village", Priority.NORMAL) == 90


def test_arrival_limit_remote_2_hours() -> None:
    assert arrival_minutes(TYPES["repair"], "remote", Priority.NORMAL) == 120


@pytest.mark.parametrize(("arrival_class", "minutes"), [("plaza", 15), ("town", 45), ("village", 90), ("remote", 120)])
def test_w10_made_safe_within_the_limits_of_a_repair(arrival_class: str, minutes: int) -> None:
    assert arrival_minutes(TYPES["make_safe"], arrival_class, Priority.EMERGENCY) == minutes


@pytest.mark.parametrize("code", ["meter_exchange", "survey", "inspection"])
def test_w9_w1_g2_promise_working_days_and_no_arrival_in_minutes(code: str) -> None:
    assert arrival_minutes(TYPES[code], "town", Priority.NORMAL) is None


def test_the_most_specific_limit_wins() -> None:
    job_type = limited(("", "", 240), ("town", "", 45), ("", "emergency", 60), ("town", "emergency", 50))
    assert arrival_minutes(job_type, "town", Priority.EMERGENCY) == 50
    assert arrival_minutes(job_type, "town", Priority.NORMAL) == 45
    assert arrival_minutes(job_type, "village", Priority.EMERGENCY) == 60
    assert arrival_minutes(job_type, "village", Priority.LOW) == 240


def test_of_two_equally_specific_limits_the_shorter_wins() -> None:
    job_type = limited(("plaza", "", 15), ("", "emergency", 10))
    assert arrival_minutes(job_type, "plaza", Priority.EMERGENCY) == 10


def test_a_job_outside_every_district_has_only_limits_without_a_class() -> None:
    assert arrival_minutes(limited(("town", "", 45)), None, Priority.NORMAL) is None
    assert arrival_minutes(limited(("town", "", 45), ("", "", 90)), None, Priority.NORMAL) == 90


def test_a_change_of_priority_keeps_the_time_spent() -> None:
    job_type = limited(("", "normal", 90), ("", "urgent", 30))
    job = Job(
        id=UUID(int=1), number="1", type="t", type_version=1, state=JobState.READY, reported_at=NINE, opened_at=NINE
    )
    slow = retarget(job, job_type, "town")
    assert slow.arrival_due_at == NINE + timedelta(minutes=90)
    assert retarget(replace(slow, priority=Priority.URGENT), job_type, "town").arrival_due_at == NINE + timedelta(
        minutes=30
    )


def test_elapsed_minutes_ignore_the_change_to_summer_time_and_the_display_shows_it() -> None:
    before = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    due_at = arrival_due_at(limited(("", "", 45)), None, priority=Priority.NORMAL, reported_at=before)
    assert due_at == before + timedelta(minutes=45)
    assert local(before, "Europe/Berlin").isoformat() == "2026-03-29T01:30:00+01:00"
    assert local(due_at, "Europe/Berlin").isoformat() == "2026-03-29T03:15:00+02:00"


def test_a_naive_instant_is_a_bug() -> None:
    with pytest.raises(ValueError, match="aware"):
        local(datetime(2026, 3, 2), "Asia/Shanghai")  # noqa: DTZ001
