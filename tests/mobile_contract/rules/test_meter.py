"""Doubts about a meter reading: high, low, zero, backward, roll-over by dial count, late readings, typed serials."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.rules.meter import Doubt, judge_reading
from mobile_contract.schema.place import Meter

LAST = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
METER = Meter(
    id=UUID(int=1),
    site_id=UUID(int=2),
    serial="SN-1",
    dial_count=5,
    dn_mm=15,
    last_value=Decimal(1000),
    last_read_at=LAST,
    usual_per_day=Decimal("0.5"),
)
UNKNOWN_USE = msgspec.structs.replace(METER, usual_per_day=None)


def doubts(meter: Meter, value: str, days: int = 30, serial: str = "") -> tuple[Doubt, ...]:
    return judge_reading(meter, Decimal(value), at=LAST + timedelta(days=days), typed_serial=serial).doubts


@pytest.mark.parametrize(
    ("value", "doubt"),
    [
        ("1015", ()),
        ("1045", ()),
        ("1045.001", (Doubt.HIGH,)),
        ("1003", ()),
        ("1002.999", (Doubt.LOW,)),
        ("1000", (Doubt.ZERO,)),
        ("999", (Doubt.BACKWARD,)),
        ("-1", (Doubt.OFF_THE_DIAL,)),
        ("99999.999", (Doubt.HIGH,)),
        ("100000", (Doubt.OFF_THE_DIAL,)),
    ],
)
def test_a_reading_after_thirty_days(value: str, doubt: tuple[Doubt, ...]) -> None:
    assert doubts(METER, value) == doubt


def test_a_register_at_its_end_rolls_over() -> None:
    full = msgspec.structs.replace(METER, last_value=Decimal(99990))
    judged = judge_reading(full, Decimal(5), at=LAST + timedelta(days=30))
    assert (judged.used, judged.rolled_over, judged.doubts) == (Decimal(15), True, ())


def test_a_roll_over_depends_on_the_dial_count() -> None:
    longer = msgspec.structs.replace(METER, last_value=Decimal(99990), dial_count=6)
    assert doubts(longer, "5") == (Doubt.BACKWARD,)


def test_without_a_usual_use_the_pipe_sets_the_limit() -> None:
    assert doubts(UNKNOWN_USE, "2800", days=30) == ()
    assert doubts(UNKNOWN_USE, "2801", days=30) == (Doubt.HIGH,)
    assert doubts(UNKNOWN_USE, "1000.1", days=30) == ()


def test_with_no_idea_of_the_use_only_running_backward_is_doubted() -> None:
    electric = msgspec.structs.replace(UNKNOWN_USE, medium="power", unit="kWh", dn_mm=None)
    assert doubts(electric, "90000") == ()
    assert doubts(electric, "999") == (Doubt.BACKWARD,)
    assert doubts(msgspec.structs.replace(electric, last_value=Decimal(99000)), "500") == ()


def test_a_first_reading_is_not_doubted() -> None:
    assert doubts(msgspec.structs.replace(METER, last_value=None, last_read_at=None), "77777") == ()


def test_an_empty_week_is_not_doubted() -> None:
    assert doubts(METER, "1000", days=6) == ()
    assert doubts(METER, "1000", days=7) == (Doubt.ZERO,)


def test_two_readings_at_one_instant_divide_by_nothing() -> None:
    assert doubts(METER, "1001", days=0) == ()
    assert doubts(METER, "1002", days=0) == (Doubt.HIGH,)


def test_a_reading_that_arrives_late_is_compared_the_other_way_round() -> None:
    assert doubts(METER, "985", days=-30) == ()
    assert doubts(METER, "1001", days=-30) == (Doubt.BACKWARD,)


def test_a_typed_serial_that_is_another_one_is_doubted() -> None:
    assert doubts(METER, "1015", serial=" SN-1 ") == ()
    assert doubts(METER, "1015", serial="SN-2") == (Doubt.OTHER_SERIAL,)


@given(
    st.decimals(min_value=-10, max_value=2 * 10**5, places=3),
    st.integers(min_value=-(10**8), max_value=10**8),
    st.integers(min_value=0, max_value=9),
    st.one_of(st.none(), st.decimals(min_value=0, max_value=1000, places=3)),
)
def test_every_number_gets_an_answer_and_use_is_never_negative(
    value: Decimal, seconds: int, dial: int, usual: Decimal | None
) -> None:
    meter = msgspec.structs.replace(METER, dial_count=dial, usual_per_day=usual)
    judged = judge_reading(meter, value, at=LAST + timedelta(seconds=seconds))
    assert judged.used is None or judged.used >= 0
    assert judged.used is not None or judged.doubts
