"""An approval from step to step: any of, all of, in whose place, after an escalation; where it waits; what part of it is approved."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from mobile_contract.rules.deciding import (
    Claim,
    Decider,
    addressed,
    approved,
    claim_of,
    escalated,
    lines_fault,
    merged_lines,
    rejected,
)
from mobile_contract.schema.approval import (
    Approval,
    ApprovalState,
    ApprovalStep,
    ApprovedLine,
    ApproverRef,
    Delegation,
    StepRule,
)
from mobile_contract.schema.people import Role

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
MAX, EVE, GUS, DAN, AMY = (UUID(int=n) for n in range(1, 6))
MANAGER, DEPUTY = ApproverRef(role=Role.MANAGER), ApproverRef(role=Role.DEPUTY_GM)


def step(*refs: ApproverRef, rule: StepRule = StepRule.ANY_OF) -> ApprovalStep:
    return ApprovalStep(approvers=refs, rule=rule)


def waiting(*steps: ApprovalStep) -> Approval:
    made = Approval(
        id=UUID(int=99),
        job_id=UUID(int=98),
        subject="material_request",
        subject_id=UUID(int=97),
        state=ApprovalState.WAITING,
        amount=Decimal(60),
        currency="CNY",
        policy_code="R1",
        policy_version=1,
        asked_by=AMY,
        asked_at=NOW,
        steps=steps,
    )
    return addressed(made, [], NOW)


def by(person: UUID, *roles: Role) -> Decider:
    return Decider(person_id=person, roles=frozenset(roles), at=NOW)


def take(approval: Approval, decider: Decider, *delegations: Delegation) -> Approval:
    claim = claim_of(approval, decider, delegations)
    assert claim is not None
    return addressed(approved(approval, claim, decider), delegations, NOW)


def lends(from_id: UUID, to_id: UUID, *roles: Role) -> Delegation:
    return Delegation(
        id=UUID(int=from_id.int * 10 + to_id.int),
        from_id=from_id,
        to_id=to_id,
        from_at=NOW,
        to_at=NOW + timedelta(days=1),
        roles=roles,
    )


def test_one_of_any_is_enough_and_the_first_decides() -> None:
    approval = waiting(step(MANAGER, ApproverRef(person_id=EVE)))
    assert approval.inboxes == (f"me/{EVE}", "role/manager")
    done = take(approval, by(EVE))
    assert (done.state, done.decided_by, done.inboxes) == (ApprovalState.APPROVED, EVE, ())


def test_all_of_waits_for_each_and_for_different_people() -> None:
    approval = waiting(step(MANAGER, DEPUTY, rule=StepRule.ALL_OF))
    half = take(approval, by(MAX, Role.MANAGER, Role.DEPUTY_GM))
    assert (half.state, half.role, half.inboxes) == (ApprovalState.WAITING, Role.DEPUTY_GM, ("role/deputy_gm",))
    assert claim_of(half, by(MAX, Role.MANAGER, Role.DEPUTY_GM), []) is None
    assert take(half, by(GUS, Role.DEPUTY_GM)).state is ApprovalState.APPROVED


def test_steps_come_one_after_the_other_and_the_last_decides() -> None:
    approval = waiting(step(MANAGER), step(DEPUTY))
    assert claim_of(approval, by(GUS, Role.DEPUTY_GM), []) is None
    second = take(approval, by(MAX, Role.MANAGER))
    assert (second.step, second.role, second.inboxes) == (1, Role.DEPUTY_GM, ("role/deputy_gm",))
    done = take(second, by(GUS, Role.DEPUTY_GM))
    assert (done.state, done.decided_by) == (ApprovalState.APPROVED, GUS)
    assert [s.decisions[0].person_id for s in done.steps] == [MAX, GUS]


def test_whoever_decided_in_one_step_decides_in_no_other_by_whatever_right() -> None:
    approval = waiting(step(MANAGER), step(MANAGER, DEPUTY))
    second = take(approval, by(MAX, Role.MANAGER, Role.DEPUTY_GM))
    assert claim_of(second, by(MAX, Role.MANAGER, Role.DEPUTY_GM), []) is None
    assert claim_of(second, by(MAX, Role.MANAGER), [lends(GUS, MAX, Role.DEPUTY_GM)]) is None
    assert claim_of(second, by(DAN), [lends(MAX, DAN, Role.MANAGER)]) is None
    assert take(second, by(GUS, Role.DEPUTY_GM)).state is ApprovalState.APPROVED
    lent = lends(MAX, DAN, Role.MANAGER)
    instead = take(approval, by(DAN), lent)
    for one in (MAX, DAN):
        assert claim_of(instead, by(one, Role.MANAGER), [lent]) is None
    assert claim_of(instead, by(EVE, Role.MANAGER), [lent]) == Claim(MANAGER)


def test_a_step_that_hangs_on_a_person_who_decided_before_is_decided_by_them_or_their_delegate() -> None:
    by_name = ApproverRef(person_id=MAX)
    for hanging in (step(by_name), step(DEPUTY, by_name, rule=StepRule.ALL_OF)):
        second = take(waiting(step(MANAGER), hanging), by(MAX, Role.MANAGER))
        assert claim_of(second, by(MAX, Role.MANAGER, Role.DEPUTY_GM), []) == Claim(by_name)
        assert claim_of(second, by(DAN), [lends(MAX, DAN)]) == Claim(by_name, MAX)
    free = take(waiting(step(MANAGER), step(by_name, DEPUTY)), by(MAX, Role.MANAGER))
    assert claim_of(free, by(MAX, Role.MANAGER), []) is None
    late = escalated(
        take(waiting(step(MANAGER), step(by_name, DEPUTY, rule=StepRule.ALL_OF)), by(MAX, Role.MANAGER)),
        ApproverRef(person_id=EVE),
        NOW,
    )
    assert claim_of(late, by(MAX, Role.MANAGER), []) is None
    assert take(late, by(EVE)).state is ApprovalState.APPROVED


def test_one_rejection_ends_it_in_whatever_step() -> None:
    decider = by(MAX, Role.MANAGER)
    ended = rejected(waiting(step(MANAGER, DEPUTY, rule=StepRule.ALL_OF)), Claim(MANAGER), decider)
    assert (ended.state, ended.decided_by, ended.inboxes) == (ApprovalState.REJECTED, MAX, ())


def test_nobody_approves_their_own_whatever_they_are() -> None:
    own = msgspec.structs.replace(waiting(step(MANAGER, ApproverRef(person_id=MAX))), asked_by=MAX)
    assert claim_of(own, by(MAX, Role.MANAGER), []) is None
    assert claim_of(own, by(EVE), [lends(MAX, EVE, Role.MANAGER)]) is None


def test_whoever_acts_in_the_place_of_another_is_kept_beside_them() -> None:
    lent = lends(MAX, DAN, Role.MANAGER)
    approval = addressed(waiting(step(MANAGER)), [lent], NOW)
    assert approval.inboxes == (f"me/{DAN}", "role/manager")
    done = take(approval, by(DAN, Role.DISPATCHER), lent)
    assert (done.decided_by, done.acting_for_id) == (DAN, MAX)
    assert [(d.person_id, d.for_id) for d in done.steps[0].decisions] == [(DAN, MAX)]


def test_ones_own_right_comes_before_the_one_that_is_lent() -> None:
    claim = claim_of(waiting(step(MANAGER)), by(MAX, Role.MANAGER), [lends(GUS, MAX, Role.MANAGER)])
    assert claim == Claim(MANAGER)


def test_a_chain_of_delegates_names_whose_place_it_is() -> None:
    chain = [lends(MAX, EVE, Role.MANAGER), lends(EVE, DAN, Role.ENGINEER)]
    claim = claim_of(waiting(step(ApproverRef(person_id=MAX))), by(DAN), chain)
    assert claim == Claim(ApproverRef(person_id=MAX), MAX)


def test_a_delegate_of_one_who_has_decided_does_not_decide_once_more_for_them() -> None:
    approval = waiting(step(ApproverRef(person_id=MAX), MANAGER, rule=StepRule.ALL_OF))
    half = take(approval, by(MAX, Role.MANAGER))
    assert claim_of(half, by(DAN), [lends(MAX, DAN, Role.MANAGER)]) is None


def test_after_an_escalation_the_other_may_decide_for_all_and_the_first_still_may() -> None:
    late = addressed(
        escalated(waiting(step(MANAGER, DEPUTY, rule=StepRule.ALL_OF)), ApproverRef(person_id=EVE), NOW), [], NOW
    )
    assert late.inboxes == (f"me/{EVE}", "role/deputy_gm", "role/manager")
    assert take(late, by(EVE)).state is ApprovalState.APPROVED
    assert take(late, by(MAX, Role.MANAGER)).state is ApprovalState.WAITING


def test_an_approval_from_before_steps_is_decided_by_whom_it_names() -> None:
    old = msgspec.structs.replace(waiting(step(MANAGER)), steps=(), role=Role.MANAGER)
    done = take(old, by(MAX, Role.MANAGER))
    assert (done.state, done.decided_by, len(done.steps)) == (ApprovalState.APPROVED, MAX, 1)


def lines(*given: tuple[int, str]) -> list[ApprovedLine]:
    return [ApprovedLine(line_no=no, quantity=Decimal(quantity)) for no, quantity in given]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ([], False),
        ([(1, "2")], False),
        ([(1, "0")], False),
        ([(1, "2.5")], False),
        ([(1, "2.51")], True),
        ([(1, "-1")], True),
        ([(1, "NaN")], True),
        ([(3, "1")], True),
        ([(1, "1"), (1, "1")], True),
        ([(1, "0"), (2, "0")], True),
    ],
)
def test_lines_are_approved_in_part_but_not_above_what_was_asked_nor_all_as_nothing(
    given: list[tuple[int, str]], fault: bool
) -> None:
    assert lines_fault(lines(*given), [Decimal("2.5"), Decimal(4)]) is fault


def test_a_later_step_may_give_less_of_a_line_and_never_more() -> None:
    before, asked = lines((1, "2")), [Decimal(4), Decimal(4)]
    assert not lines_fault(lines((1, "1")), asked, before)
    assert lines_fault(lines((1, "3")), asked, before)
    assert merged_lines(before, lines((2, "3"), (1, "1"))) == tuple(lines((1, "1"), (2, "3")))
