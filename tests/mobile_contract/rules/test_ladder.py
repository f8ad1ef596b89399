"""The approval ladder: its edges by name, working time and make-up days, amounts that add up whatever the order, rosters, own requests."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.policies import shipped_policies
from mobile_contract.rules.ladder import (
    NO_POLICY_VERSION,
    Asking,
    Known,
    Verdict,
    amount_of,
    approval_id,
    evaluate,
)
from mobile_contract.schema.approval import (
    Approval,
    ApprovalState,
    ApprovalStep,
    ApproverRef,
    Band,
    CalendarDay,
    Escalation,
    Policy,
    Step,
    StepRule,
    WorkCalendar,
)
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.material import PricedLine
from mobile_contract.schema.people import Duty, Role

ZONE = "Asia/Shanghai"
TUESDAY_10_00 = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
EVENING = TUESDAY_10_00 + timedelta(hours=12)
LADDER = (Role.ENGINEER, Role.MANAGER, Role.DEPUTY_GM)
(R1,) = (policy for policy in shipped_policies(UUID(int=1), "CNY") if policy.code == "repair_parts")
amounts = st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False, allow_infinity=False)


def asking(amount: str | Decimal, at: datetime = TUESDAY_10_00, asked_by: UUID | None = None) -> Asking:
    return Asking(subject_id=uuid4(), amount=Decimal(amount), currency="CNY", at=at, zone=ZONE, asked_by=asked_by)


def known(*duties: Duty, policy: Policy = R1, approvals: tuple[Approval, ...] = ()) -> Known:
    return Known(policies=(policy,), duties=duties, approvals=approvals)


def only(verdict: Verdict) -> ApproverRef:
    """Give the one approver of the one step."""
    ((ref,),) = (step.approvers for step in verdict.steps)
    return ref


def approval(amount: Decimal, at: datetime, state: ApprovalState = ApprovalState.WAITING) -> Approval:
    return Approval(
        id=uuid4(),
        job_id=UUID(int=9),
        subject="material_request",
        subject_id=uuid4(),
        state=state,
        amount=amount,
        own_amount=amount,
        currency="CNY",
        policy_code="repair_parts",
        policy_version=2,
        asked_at=at,
    )


def duty(person_id: UUID, from_at: datetime, hours: int, roster: str = "duty_chief") -> Duty:
    return Duty(id=uuid4(), person_id=person_id, from_at=from_at, to_at=from_at + timedelta(hours=hours), roster=roster)


def calendar(*days: CalendarDay, code: str = "work", **fields: object) -> WorkCalendar:
    hours = R1.working_hours
    made = WorkCalendar(id=uuid4(), code=code, name=LocalText(en=code), zone=ZONE, hours=hours, days=days)
    return msgspec.structs.replace(made, **fields)


def test_50_is_the_engineers() -> None:
    assert only(evaluate(known(), asking("50"))) == ApproverRef(role=Role.ENGINEER)


def test_50_01_is_the_engineering_managers() -> None:
    assert only(evaluate(known(), asking("50.01"))) == ApproverRef(role=Role.MANAGER)


def test_100_is_the_engineering_managers() -> None:
    assert only(evaluate(known(), asking("100"))) == ApproverRef(role=Role.MANAGER)


def test_100_01_is_the_deputy_general_managers() -> None:
    assert only(evaluate(known(), asking("100.01"))) == ApproverRef(role=Role.DEPUTY_GM)


def test_r1_ships_the_ladder_of_0_50_100_and_no_end() -> None:
    assert [(b.above, b.up_to, b.role) for b in R1.bands] == [
        (Decimal(0), Decimal(50), Role.ENGINEER),
        (Decimal(50), Decimal(100), Role.MANAGER),
        (Decimal(100), None, Role.DEPUTY_GM),
    ]
    assert (R1.duty_chief_after_hours, R1.after_hours_duty, R1.subject) == (True, "duty_chief", "material_request")


def test_an_amount_of_nothing_is_looked_at_by_the_lowest_band() -> None:
    assert only(evaluate(known(), asking("0"))) == ApproverRef(role=Role.ENGINEER)


@pytest.mark.parametrize("total", ["0.01", "50", "100.01", "99999"])
def test_after_hours_any_amount_is_the_duty_chiefs_on_the_roster(total: str) -> None:
    chief = uuid4()
    verdict = evaluate(known(duty(chief, EVENING - timedelta(hours=1), 10)), asking(total, EVENING))
    assert (only(verdict), verdict.after_hours) == (ApproverRef(person_id=chief, duty="duty_chief"), True)


def test_after_hours_the_roster_is_asked_and_not_who_has_the_role_or_another_roster() -> None:
    engineer = duty(uuid4(), EVENING, 2, roster="duty_engineer")
    verdict = evaluate(known(engineer), asking("1", EVENING))
    assert (only(verdict).role, only(verdict).person_id) == (Role.DUTY_CHIEF, None)


def test_whom_the_one_who_asks_put_on_duty_is_passed_over_for_the_line_before() -> None:
    chief, friend, asker = uuid4(), uuid4(), uuid4()
    before, since = duty(chief, EVENING - timedelta(hours=2), 10), duty(friend, EVENING, 2)
    roster = known(before, msgspec.structs.replace(since, saved_by=asker))
    assert only(evaluate(roster, msgspec.structs.replace(asking("1", EVENING), asked_by=asker))).person_id == chief
    for other in (uuid4(), None):
        found = evaluate(roster, msgspec.structs.replace(asking("1", EVENING), asked_by=other))
        assert only(found).person_id == friend


def test_after_hours_with_an_empty_roster_it_is_the_role_of_duty_chief() -> None:
    verdict = evaluate(known(duty(uuid4(), EVENING - timedelta(hours=30), 10)), asking("1", EVENING))
    assert (only(verdict), verdict.after_hours) == (ApproverRef(role=Role.DUTY_CHIEF, duty="duty_chief"), True)


def test_of_two_on_duty_the_one_whose_line_began_last_decides() -> None:
    first, second = duty(uuid4(), EVENING - timedelta(hours=3), 8), duty(uuid4(), EVENING - timedelta(hours=1), 8)
    for roster in ((first, second), (second, first)):
        assert only(evaluate(known(*roster), asking("1", EVENING))).person_id == second.person_id


def test_a_duty_chief_never_gets_the_own_request() -> None:
    chief, other = uuid4(), uuid4()
    alone = duty(chief, EVENING, 2)
    assert only(evaluate(known(alone), asking("1", EVENING, chief))).role is Role.DUTY_CHIEF
    both = known(alone, duty(other, EVENING - timedelta(hours=1), 2))
    assert only(evaluate(both, asking("1", EVENING, chief))).person_id == other


def test_whoever_has_left_is_not_on_duty_any_more() -> None:
    left = uuid4()
    gone = msgspec.structs.replace(asking("1", EVENING), away=frozenset({left}))
    assert only(evaluate(known(duty(left, EVENING, 2)), gone)).role is Role.DUTY_CHIEF


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
    assert evaluate(known(), asking("10", at)).after_hours is after_hours
    assert (
        evaluate(msgspec.structs.replace(known(), calendars=(calendar(),)), asking("10", at)).after_hours is after_hours
    )


def at_noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+08:00").astimezone(UTC)


def test_on_a_make_up_working_day_the_band_decides_though_it_is_a_saturday() -> None:
    saturday = CalendarDay(day=date(2026, 10, 10), as_weekday=1, name=LocalText(en="for National Day"))
    plain = msgspec.structs.replace(known(), calendars=(calendar(),))
    made_up = msgspec.structs.replace(known(), calendars=(calendar(saturday),))
    assert evaluate(plain, asking("10", at_noon("2026-10-10"))).after_hours
    verdict = evaluate(made_up, asking("10", at_noon("2026-10-10")))
    assert (only(verdict), verdict.after_hours) == (ApproverRef(role=Role.ENGINEER), False)
    evening = at_noon("2026-10-10") + timedelta(hours=6)
    assert evaluate(made_up, asking("10", evening)).after_hours


def test_on_a_holiday_the_duty_chief_decides_though_it_is_a_thursday() -> None:
    chief = uuid4()
    holiday = CalendarDay(day=date(2026, 10, 1), name=LocalText(en="National Day"))
    on = known(duty(chief, at_noon("2026-10-01"), 5))
    verdict = evaluate(msgspec.structs.replace(on, calendars=(calendar(holiday),)), asking("10", at_noon("2026-10-01")))
    assert only(verdict).person_id == chief
    assert not evaluate(on, asking("10", at_noon("2026-10-01"))).after_hours


def test_a_sites_calendar_comes_before_the_one_of_the_policy() -> None:
    plaza = uuid4()
    daily = tuple(msgspec.structs.replace(R1.working_hours[0], weekday=day) for day in range(1, 8))
    mall = calendar(code="mall", site_ids=(plaza,), hours=daily)
    both = msgspec.structs.replace(known(), calendars=(calendar(), mall))
    sunday = asking("10", at_noon("2026-11-29"))
    assert evaluate(both, sunday).after_hours
    assert not evaluate(both, msgspec.structs.replace(sunday, site_id=plaza)).after_hours


def test_a_site_in_another_zone_keeps_its_own_hours_and_days() -> None:
    urumqi = uuid4()
    west = calendar(code="west", site_ids=(urumqi,), zone="Asia/Urumqi")
    both = msgspec.structs.replace(known(), calendars=(calendar(), west))
    # 10:30 in Shanghai is 08:30 in Urumqi.
    early = msgspec.structs.replace(asking("10", TUESDAY_10_00 + timedelta(minutes=30)), site_id=urumqi)
    assert evaluate(both, early).after_hours


def test_a_policy_without_hours_or_without_the_chiefs_rule_keeps_its_bands_at_night() -> None:
    always = msgspec.structs.replace(R1, working_hours=())
    no_chief = msgspec.structs.replace(R1, duty_chief_after_hours=False)
    assert only(evaluate(known(policy=always), asking("10", EVENING))).role is Role.ENGINEER
    assert only(evaluate(known(policy=no_chief), asking("60", EVENING))).role is Role.MANAGER


def test_without_a_policy_nobody_below_the_deputy_general_manager_decides() -> None:
    verdict = evaluate(Known(), asking("1"))
    assert (only(verdict), verdict.policy_version) == (ApproverRef(role=Role.DEPUTY_GM), NO_POLICY_VERSION)


def test_splitting_a_request_dodges_nothing() -> None:
    first = approval(Decimal("40"), TUESDAY_10_00)
    verdict = evaluate(known(approvals=(first,)), asking("20", TUESDAY_10_00 + timedelta(hours=1)))
    assert (verdict.amount, only(verdict).role) == (Decimal(60), Role.MANAGER)


def test_split_orders_pass_from_the_engineer_to_the_manager_to_the_deputy_general_manager() -> None:
    orders: tuple[Approval, ...] = ()
    decided = []
    for amount in ("50", "0.01", "49.99", "0.01"):
        decided.append(only(evaluate(known(approvals=orders), asking(amount))).role)
        orders = (*orders, approval(Decimal(amount), TUESDAY_10_00))
    assert decided == [Role.ENGINEER, Role.MANAGER, Role.MANAGER, Role.DEPUTY_GM]


def test_a_day_ends_at_local_midnight() -> None:
    before = datetime.fromisoformat("2026-11-24T23:59:59+08:00").astimezone(UTC)
    after = datetime.fromisoformat("2026-11-25T00:00:00+08:00").astimezone(UTC)
    assert before.date() == after.date()
    orders = known(approvals=(approval(Decimal(40), before),))
    assert evaluate(orders, asking("5", after)).amount == Decimal(5)
    assert evaluate(orders, asking("5", before)).amount == Decimal(45)


def test_what_was_rejected_counts_no_longer_and_what_is_about_something_else_never() -> None:
    refused = approval(Decimal(40), TUESDAY_10_00, ApprovalState.REJECTED)
    relief = msgspec.structs.replace(approval(Decimal(40), TUESDAY_10_00), subject="relief")
    assert evaluate(known(approvals=(refused, relief)), asking("5")).amount == Decimal(5)


def test_what_is_asked_again_does_not_count_twice() -> None:
    order = asking("40")
    same = msgspec.structs.replace(approval(Decimal(40), TUESDAY_10_00), id=approval_id(order.subject_id))
    assert evaluate(known(approvals=(same,)), order).amount == Decimal(40)


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


def stepped(*steps: Step, escalation: Escalation | None = None) -> Policy:
    return msgspec.structs.replace(R1, bands=(Band(above=Decimal(0), steps=steps),), escalation=escalation)


def test_a_band_may_have_steps_of_any_and_of_all() -> None:
    max_, gus = uuid4(), uuid4()
    either = Step(approvers=(ApproverRef(role=Role.ENGINEER), ApproverRef(person_id=max_)))
    both = Step(approvers=(ApproverRef(person_id=gus), ApproverRef(role=Role.DEPUTY_GM)), rule=StepRule.ALL_OF)
    verdict = evaluate(known(policy=stepped(either, both)), asking("1"))
    assert [(s.rule, s.approvers) for s in verdict.steps] == [
        (StepRule.ANY_OF, either.approvers),
        (StepRule.ALL_OF, both.approvers),
    ]


def test_a_named_approver_who_asks_is_passed_over_and_stood_in_for_where_nobody_else_may() -> None:
    asker, other = uuid4(), uuid4()
    named = (ApproverRef(person_id=asker), ApproverRef(person_id=other))
    own = asking("1", asked_by=asker)
    assert evaluate(known(policy=stepped(Step(approvers=named))), own).steps[0].approvers == (named[1],)
    alone = evaluate(known(policy=stepped(Step(approvers=named[:1]))), own)
    assert only(alone) == ApproverRef(role=Role.DEPUTY_GM)
    all_of = evaluate(known(policy=stepped(Step(approvers=named, rule=StepRule.ALL_OF))), own)
    assert all_of.steps[0].approvers == (ApproverRef(role=Role.DEPUTY_GM), named[1])


def test_a_roster_may_be_an_approver_in_working_time_too() -> None:
    person = uuid4()
    step = Step(approvers=(ApproverRef(duty="duty_engineer", role=Role.ENGINEER),))
    on = known(duty(person, TUESDAY_10_00, 2, roster="duty_engineer"), policy=stepped(step))
    assert only(evaluate(on, asking("1"))) == ApproverRef(person_id=person, duty="duty_engineer")
    assert only(evaluate(known(policy=stepped(step)), asking("1"))) == ApproverRef(
        role=Role.ENGINEER, duty="duty_engineer"
    )


def test_the_verdict_keeps_which_version_it_was_judged_by() -> None:
    escalation = Escalation(after_min=30, to=ApproverRef(role=Role.DEPUTY_GM))
    verdict = evaluate(known(policy=msgspec.structs.replace(R1, version=7, escalation=escalation)), asking("12.5"))
    assert (verdict.policy_code, verdict.policy_version, verdict.amount) == ("repair_parts", 7, Decimal("12.5"))
    assert (verdict.escalation, verdict.steps) == (
        escalation,
        (ApprovalStep(approvers=(ApproverRef(role=Role.ENGINEER),)),),
    )


@given(amounts, amounts)
def test_a_larger_amount_never_goes_to_a_lower_approver(one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))
    roles = [only(evaluate(known(), asking(total))).role for total in (low, high)]
    ranks = [LADDER.index(role) for role in roles if role is not None]
    assert ranks == sorted(ranks)
    assert len(ranks) == 2


@given(st.lists(amounts, min_size=1, max_size=12), st.randoms())
def test_the_last_of_a_days_requests_sees_the_whole_day_in_whatever_order_they_come(
    asked: list[Decimal], random: object
) -> None:
    shuffled = list(asked)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    seen: tuple[Approval, ...] = ()
    verdict = evaluate(known(), asking("0"))
    for amount in shuffled:
        verdict = evaluate(known(approvals=seen), asking(amount))
        assert verdict.amount >= amount
        seen = (*seen, approval(amount, TUESDAY_10_00))
    assert verdict.amount == sum(asked)
    assert only(verdict) == only(evaluate(known(), asking(sum(asked, Decimal(0)))))
