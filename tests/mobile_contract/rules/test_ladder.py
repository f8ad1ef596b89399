"""The approval ladder: its edges by name, working time in the organisation's zone, amounts that add up whatever the order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.rules.ladder import (
    Approver,
    Asking,
    amount_of,
    approver,
    day_total,
    policy_faults,
    policy_in_force,
)
from mobile_contract.schema.approval import Band, Policy, WorkingHours
from mobile_contract.schema.material import MaterialRequest, PricedLine, RequestState
from mobile_contract.schema.people import Duty, Role

ZONE = "Asia/Shanghai"
TUESDAY_10_00 = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LADDER = (Role.ENGINEER, Role.MANAGER, Role.DEPUTY_GM)
POLICY = Policy(
    id=UUID(int=1),
    code="repair_parts",
    version=1,
    currency="CNY",
    bands=(
        Band(above=Decimal(0), up_to=Decimal(50), role=Role.ENGINEER),
        Band(above=Decimal(50), up_to=Decimal(100), role=Role.MANAGER),
        Band(above=Decimal(100), role=Role.DEPUTY_GM),
    ),
    working_hours=tuple(WorkingHours(weekday=day, from_min=540, to_min=1080) for day in range(1, 6)),
)
amounts = st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False, allow_infinity=False)


def asking(total: str | Decimal, at: datetime = TUESDAY_10_00, asked_by: UUID | None = None) -> Asking:
    return Asking(day_total=Decimal(total), at=at, zone=ZONE, asked_by=asked_by)


def request(amount: Decimal, at: datetime, state: RequestState = RequestState.WAITING_APPROVAL) -> MaterialRequest:
    return MaterialRequest(
        id=uuid4(),
        job_id=UUID(int=9),
        state=state,
        lines=(),
        amount=amount,
        day_total=amount,
        currency="CNY",
        requested_at=at,
    )


def duty(person_id: UUID, from_at: datetime, hours: int) -> Duty:
    return Duty(id=uuid4(), person_id=person_id, from_at=from_at, to_at=from_at + timedelta(hours=hours))


def test_50_is_the_engineers() -> None:
    assert approver(POLICY, [], asking("50")) == Approver(role=Role.ENGINEER)


def test_50_01_is_the_managers() -> None:
    assert approver(POLICY, [], asking("50.01")) == Approver(role=Role.MANAGER)


def test_100_is_the_managers() -> None:
    assert approver(POLICY, [], asking("100")) == Approver(role=Role.MANAGER)


def test_100_01_is_the_deputy_general_managers() -> None:
    assert approver(POLICY, [], asking("100.01")) == Approver(role=Role.DEPUTY_GM)


def test_an_amount_of_nothing_is_looked_at_by_the_lowest_band() -> None:
    assert approver(POLICY, [], asking("0")) == Approver(role=Role.ENGINEER)


@pytest.mark.parametrize("total", ["0.01", "50", "100.01", "99999"])
def test_after_hours_any_amount_is_the_duty_chiefs_on_the_roster(total: str) -> None:
    evening = TUESDAY_10_00 + timedelta(hours=12)
    chief = uuid4()
    roster = [duty(chief, evening - timedelta(hours=1), 10)]
    assert approver(POLICY, roster, asking(total, evening)) == Approver(person_id=chief, after_hours=True)


def test_after_hours_with_an_empty_roster_it_is_the_role_of_duty_chief() -> None:
    evening = TUESDAY_10_00 + timedelta(hours=12)
    yesterday = [duty(uuid4(), evening - timedelta(hours=30), 10)]
    assert approver(POLICY, yesterday, asking("1", evening)) == Approver(role=Role.DUTY_CHIEF, after_hours=True)


def test_a_duty_chief_never_gets_the_own_request() -> None:
    evening = TUESDAY_10_00 + timedelta(hours=12)
    chief, other = uuid4(), uuid4()
    alone = [duty(chief, evening, 2)]
    assert approver(POLICY, alone, asking("1", evening, chief)) == Approver(role=Role.DUTY_CHIEF, after_hours=True)
    both = [*alone, duty(other, evening - timedelta(hours=1), 2)]
    assert approver(POLICY, both, asking("1", evening, chief)).person_id == other


@pytest.mark.parametrize(
    ("local", "after_hours"),
    [
        ("2026-11-24T08:59:59+08:00", True),
        ("2026-11-24T09:00:00+08:00", False),
        ("2026-11-24T17:59:59+08:00", False),
        ("2026-11-24T18:00:00+08:00", True),
        ("2026-11-28T12:00:00+08:00", True),
    ],
)
def test_working_time_is_judged_in_the_organisations_zone(local: str, after_hours: bool) -> None:
    at = datetime.fromisoformat(local).astimezone(UTC)
    assert approver(POLICY, [], asking("10", at)).after_hours is after_hours


def test_a_policy_without_hours_or_without_the_chiefs_rule_keeps_its_bands_at_night() -> None:
    night = TUESDAY_10_00 + timedelta(hours=14)
    always = msgspec.structs.replace(POLICY, working_hours=())
    no_chief = msgspec.structs.replace(POLICY, duty_chief_after_hours=False)
    assert approver(always, [], asking("10", night)).role is Role.ENGINEER
    assert approver(no_chief, [], asking("60", night)).role is Role.MANAGER


def test_without_a_policy_nobody_below_the_deputy_general_manager_decides() -> None:
    assert approver(None, [], asking("1")) == Approver(role=Role.DEPUTY_GM)


def test_the_highest_version_of_the_subject_and_currency_is_in_force() -> None:
    second = msgspec.structs.replace(POLICY, id=UUID(int=2), version=2)
    relief = msgspec.structs.replace(POLICY, id=UUID(int=3), version=7, subject="relief")
    dollars = msgspec.structs.replace(POLICY, id=UUID(int=4), version=8, currency="USD")
    known = [POLICY, second, relief, dollars]
    assert policy_in_force(known, subject="material_request", currency="CNY") == second
    assert policy_in_force(known, subject="material_request", currency="EUR") is None


def test_splitting_a_request_dodges_nothing() -> None:
    first = request(Decimal("40"), TUESDAY_10_00)
    total = day_total(Decimal("20"), [first], at=TUESDAY_10_00 + timedelta(hours=1), zone=ZONE)
    assert total == Decimal("60")
    assert approver(POLICY, [], asking(total)).role is Role.MANAGER


def test_a_day_ends_at_local_midnight() -> None:
    before = datetime.fromisoformat("2026-11-24T23:59:59+08:00").astimezone(UTC)
    after = datetime.fromisoformat("2026-11-25T00:00:00+08:00").astimezone(UTC)
    assert before.date() == after.date()
    assert day_total(Decimal(5), [request(Decimal(40), before)], at=after, zone=ZONE) == Decimal(5)
    assert day_total(Decimal(5), [request(Decimal(40), before)], at=before, zone=ZONE) == Decimal(45)


def test_a_rejected_request_counts_no_longer() -> None:
    refused = request(Decimal(40), TUESDAY_10_00, RequestState.REJECTED)
    assert day_total(Decimal(5), [refused], at=TUESDAY_10_00, zone=ZONE) == Decimal(5)


def test_prices_multiply_without_rounding() -> None:
    lines = [
        PricedLine(
            part_id=UUID(int=1),
            quantity=Decimal("999999999999.999999"),
            unit_cost=Decimal("999999999999.999999"),
            received=Decimal(0),
        )
    ]
    assert str(amount_of(lines)) == "999999999999999998000000.000000000001"


@pytest.mark.parametrize(
    "bands",
    [
        (),
        (Band(above=Decimal(0), up_to=Decimal(50), role=Role.ENGINEER),),
        (Band(above=Decimal(1), role=Role.ENGINEER),),
        (
            Band(above=Decimal(0), up_to=Decimal(50), role=Role.ENGINEER),
            Band(above=Decimal(60), role=Role.MANAGER),
        ),
        (Band(above=Decimal(0), role=Role.ENGINEER), Band(above=Decimal(50), role=Role.MANAGER)),
        (
            Band(above=Decimal(0), up_to=Decimal(0), role=Role.ENGINEER),
            Band(above=Decimal(0), role=Role.MANAGER),
        ),
        (Band(above=Decimal("NaN"), role=Role.ENGINEER),),
    ],
)
def test_a_ladder_with_a_gap_an_overlap_or_a_lid_is_faulty(bands: tuple[Band, ...]) -> None:
    assert policy_faults(msgspec.structs.replace(POLICY, bands=bands))


def test_the_shipped_ladder_has_no_fault() -> None:
    assert policy_faults(POLICY) == []
    assert policy_faults(
        msgspec.structs.replace(POLICY, working_hours=(WorkingHours(weekday=1, from_min=1320, to_min=360),))
    )


@given(amounts, amounts)
def test_a_larger_amount_never_goes_to_a_lower_approver(one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))
    roles = [approver(POLICY, [], asking(total)).role for total in (low, high)]
    ranks = [LADDER.index(role) for role in roles if role is not None]
    assert ranks == sorted(ranks) and len(ranks) == 2


@given(st.lists(amounts, min_size=1, max_size=12), st.randoms())
def test_the_last_of_a_days_requests_sees_the_whole_day_in_whatever_order_they_come(
    asked: list[Decimal], random: object
) -> None:
    shuffled = list(asked)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    seen: list[MaterialRequest] = []
    total = Decimal(0)
    for amount in shuffled:
        total = day_total(amount, seen, at=TUESDAY_10_00, zone=ZONE)
        assert total >= amount
        seen.append(request(amount, TUESDAY_10_00))
    assert total == sum(asked)
    assert approver(POLICY, [], asking(total)) == approver(POLICY, [], asking(sum(asked, Decimal(0))))
