"""Who may decide in whose place: spans, subjects, ceilings, chains, circles; and that whoever is shown what waits is who may decide it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.limits import DELEGATION_CHAIN
from mobile_contract.rules.delegation import Matter, delegation_fault, lent_to, stands_in
from mobile_contract.schema.approval import Delegation
from mobile_contract.schema.people import Role

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEOPLE = [UUID(int=n) for n in range(1, 8)]
A, B, C, D, E, F, G = PEOPLE


def delegation(from_id: UUID, to_id: UUID, **fields: object) -> Delegation:
    made = Delegation(
        id=UUID(int=from_id.int * 100 + to_id.int),
        from_id=from_id,
        to_id=to_id,
        from_at=NOW - HOUR,
        to_at=NOW + HOUR,
        roles=(Role.MANAGER,),
    )
    return msgspec.structs.replace(made, **fields)


def chain(*people: UUID) -> list[Delegation]:
    return [delegation(one, other) for one, other in pairwise(people)]


def matter(amount: str = "10", **fields: object) -> Matter:
    return msgspec.structs.replace(Matter(subject="material_request", amount=Decimal(amount), at=NOW), **fields)


def lenders(person: UUID, delegations: list[Delegation], about: Matter | None = None) -> list[UUID]:
    return [lent.person_id for lent in lent_to(person, delegations, about or matter())]


@pytest.mark.parametrize(("minutes", "holds"), [(-61, False), (-60, True), (59, True), (60, False)])
def test_a_delegation_holds_from_its_first_instant_to_before_its_last(minutes: int, holds: bool) -> None:
    at = matter(at=NOW + timedelta(minutes=minutes))
    assert (lenders(B, chain(A, B), at) == [A]) is holds


def test_a_delegation_lends_only_its_subjects_and_up_to_its_ceiling_inclusive() -> None:
    lent = [delegation(A, B, subjects=("relief", "material_request"), ceiling=Decimal(100))]
    assert lenders(B, lent, matter("100")) == [A]
    assert lenders(B, lent, matter("100.01")) == []
    assert lenders(B, lent, matter(subject="budget")) == []


def test_a_chain_of_delegates_is_followed_as_far_as_its_bound() -> None:
    assert DELEGATION_CHAIN == 3
    links = chain(A, B, C, D, E)
    assert lenders(D, links) == [C, B, A]
    assert lenders(E, links) == [D, C, B]


def test_every_link_of_a_chain_has_to_hold_for_the_matter() -> None:
    links = [delegation(A, B), delegation(B, C, ceiling=Decimal(5))]
    assert lenders(C, links, matter("5")) == [B, A]
    assert lenders(C, links, matter("5.01")) == []


def test_a_circle_ends_and_nobody_stands_in_for_themselves() -> None:
    circle = chain(A, B, C, A)
    assert lenders(A, circle) == [C, B]
    assert set(stands_in(A, None, circle, matter())) == {B, C}


def test_nobody_decides_in_the_name_of_whoever_asked() -> None:
    assert lenders(B, chain(A, B), matter(asked_by=A)) == []
    assert stands_in(A, None, chain(A, B, C), matter(asked_by=B)) == []


def test_a_role_is_lent_by_everybody_who_has_it() -> None:
    links = [delegation(A, B), delegation(C, D, roles=(Role.ENGINEER,)), delegation(E, F)]
    assert stands_in(None, Role.MANAGER, links, matter()) == [B, F]
    assert stands_in(None, Role.ENGINEER, links, matter()) == [D]


def test_a_circle_is_refused_whatever_its_length() -> None:
    assert delegation_fault(delegation(A, A), []) == "delegation_circle"
    assert delegation_fault(delegation(B, A), chain(A, B)) == "delegation_circle"
    assert delegation_fault(delegation(C, A), chain(A, B, C)) == "delegation_circle"
    assert delegation_fault(delegation(D, A), chain(A, B, C, D)) == "delegation_circle"


def test_a_chain_longer_than_its_bound_is_refused_wherever_the_new_link_is() -> None:
    assert delegation_fault(delegation(C, D), chain(A, B, C)) is None
    assert delegation_fault(delegation(D, E), chain(A, B, C, D)) == "delegation_too_long"
    assert delegation_fault(delegation(A, B), chain(B, C, D, E)) == "delegation_too_long"
    assert delegation_fault(delegation(B, C), [*chain(A, B), *chain(C, D, E)]) == "delegation_too_long"


def test_delegations_of_other_times_are_no_circle_and_changing_one_is_none_with_itself() -> None:
    later = [delegation(A, B, from_at=NOW + HOUR, to_at=NOW + 2 * HOUR)]
    assert delegation_fault(delegation(B, A), later) is None
    assert delegation_fault(delegation(A, B, to_at=NOW + 3 * HOUR), chain(A, B)) is None


def test_a_circle_that_came_about_all_the_same_does_not_stop_anybody_from_saving() -> None:
    circle = chain(A, B, C, A)
    assert delegation_fault(delegation(D, E), circle) is None
    assert delegation_fault(delegation(C, D), circle) == "delegation_too_long"


links = st.lists(
    st.builds(
        lambda pair, ceiling: delegation(*pair, id=UUID(int=pair[0].int * 100 + pair[1].int), ceiling=ceiling),
        st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)).filter(lambda pair: pair[0] != pair[1]),
        st.sampled_from([None, Decimal(5), Decimal(50)]),
    ),
    max_size=12,
    unique_by=lambda d: d.id,
)


@given(links, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE))
def test_whoever_is_shown_what_waits_for_a_person_may_decide_it_and_nobody_else(
    delegations: list[Delegation], named: UUID, asker: UUID, other: UUID
) -> None:
    about = matter("10", asked_by=asker)
    shown = other in stands_in(named, None, delegations, about)
    may = other not in (asker, named) and named in lenders(other, delegations, about)
    assert shown == may


@given(links)
def test_what_was_saved_one_by_one_has_no_circle_and_no_long_chain(delegations: list[Delegation]) -> None:
    saved: list[Delegation] = []
    for new in delegations:
        if delegation_fault(new, saved) is None:
            saved.append(new)
    ends = {(d.from_id, d.to_id) for d in saved}
    for _ in range(DELEGATION_CHAIN):
        ends = {(one, d.to_id) for one, other in ends for d in saved if d.from_id == other}
    assert ends == set()
