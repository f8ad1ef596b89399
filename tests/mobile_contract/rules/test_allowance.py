"""Allowances: signed terms that nobody can change unseen, verified without a network; what is left of one, and what is odd about a taking."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from mobile_contract.rules.allowance import (
    Taking,
    covering,
    is_genuine,
    left_of,
    public_key_of,
    sign,
    taking_flags,
    terms_of,
)
from mobile_contract.schema.approval import Allowance, SigningKey
from mobile_contract.schema.job import Flag

SEED = bytes(range(32))
FROM = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
AMY, CREW, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)


def allowance(**fields: object) -> Allowance:
    made = Allowance(
        id=UUID(int=7),
        crew_id=CREW,
        ceiling=Decimal("200.00"),
        currency="CNY",
        from_at=FROM,
        to_at=FROM + timedelta(days=1),
        granted_at=FROM,
        key_id=UUID(int=8),
        signature="0" * 128,
        drawn=Decimal(0),
    )
    made = msgspec.structs.replace(made, **fields)
    return msgspec.structs.replace(made, signature=sign(made, SEED))


def test_the_signed_terms_are_these_bytes_and_this_is_their_signature() -> None:
    """Golden: a client in another language has to come to the same."""
    assert terms_of(allowance()).decode().split("\n") == [
        "onsite allowance 1",
        "00000000-0000-0000-0000-000000000007",
        "",
        "00000000-0000-0000-0000-000000000002",
        "200",
        "CNY",
        "2026-11-24T00:00:00.000000Z",
        "2026-11-25T00:00:00.000000Z",
        "00000000-0000-0000-0000-000000000008",
    ]
    assert public_key_of(SEED) == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    assert allowance().signature == (
        "c967024c8e72bfea3a1022412c60733d01ca113c0fe5543387aac68c3a96bb4c"
        "91c3e2190a2d5c4c42d12723dd82dba3b8f153d0d73cd39e2f9036bbc34bdc09"
    )
    assert is_genuine(allowance(), public_key_of(SEED))


@pytest.mark.parametrize(
    "change",
    [
        {"ceiling": Decimal(2000)},
        {"to_at": FROM + timedelta(days=2)},
        {"from_at": FROM - timedelta(days=1)},
        {"person_id": AMY, "crew_id": None},
        {"crew_id": OTHER},
        {"currency": "USD"},
        {"id": UUID(int=70)},
        {"key_id": UUID(int=80)},
        {"signature": "0" * 128},
        {"signature": "not hex"},
    ],
)
def test_whoever_changes_a_term_is_found_out(change: dict[str, object]) -> None:
    assert not is_genuine(msgspec.structs.replace(allowance(), **change), public_key_of(SEED))


def test_another_organisations_key_verifies_nothing_and_a_broken_one_neither() -> None:
    assert not is_genuine(allowance(), public_key_of(bytes(32)))
    assert not is_genuine(allowance(), "zz")


def test_what_is_counted_and_how_the_ceiling_is_written_change_no_signature() -> None:
    drawn = msgspec.structs.replace(allowance(), drawn=Decimal(50), ceiling=Decimal("2E+2"), withdrawn_at=FROM)
    assert is_genuine(drawn, public_key_of(SEED))


def test_what_is_left_is_the_ceiling_less_what_was_drawn_and_never_below_nothing() -> None:
    assert left_of(msgspec.structs.replace(allowance(), drawn=Decimal("120.50"))) == Decimal("79.50")
    assert left_of(msgspec.structs.replace(allowance(), drawn=Decimal(500))) == 0


def test_a_phone_takes_under_the_genuine_one_that_covers_it_and_ends_first() -> None:
    key = SigningKey(id=UUID(int=8), public_key=public_key_of(SEED), made_at=FROM)
    late, early = allowance(), allowance(id=UUID(int=70), to_at=FROM + timedelta(hours=9))
    small = allowance(id=UUID(int=71), ceiling=Decimal(5), to_at=FROM + timedelta(hours=1))
    forged = msgspec.structs.replace(small, ceiling=Decimal(500))
    taking = Taking(amount=Decimal(50), at=FROM, person_id=AMY, crew_ids=frozenset({CREW}))
    assert covering([late, early, small, forged], [key], taking) == early
    assert covering([late], [], taking) is None
    assert covering([msgspec.structs.replace(late, drawn=Decimal(151))], [key], taking) is None


@pytest.mark.parametrize(
    ("minutes", "amount", "flags"),
    [
        (0, "200", ()),
        (0, "200.01", (Flag.ALLOWANCE_EXCEEDED,)),
        (-1, "1", (Flag.ALLOWANCE_EXPIRED,)),
        (24 * 60 - 1, "1", ()),
        (24 * 60, "1", (Flag.ALLOWANCE_EXPIRED,)),
        (24 * 60, "201", (Flag.ALLOWANCE_EXPIRED, Flag.ALLOWANCE_EXCEEDED)),
    ],
)
def test_a_taking_is_judged_by_its_instant_and_by_what_was_taken_before(
    minutes: int, amount: str, flags: tuple[Flag, ...]
) -> None:
    at = FROM + timedelta(minutes=minutes)
    assert taking_flags(allowance(), amount=Decimal(amount), at=at, person_id=AMY, crew_ids={CREW}) == flags


def test_an_allowance_is_its_holders_alone() -> None:
    mine = allowance(person_id=AMY, crew_id=None)
    for held, person, crews in ((mine, OTHER, {CREW}), (allowance(), AMY, {OTHER}), (None, AMY, {CREW})):
        flags = taking_flags(held, amount=Decimal(1), at=FROM, person_id=person, crew_ids=crews)
        assert flags == (Flag.ALLOWANCE_UNKNOWN,)
    assert taking_flags(mine, amount=Decimal(1), at=FROM, person_id=AMY) == ()


def test_what_is_taken_after_a_withdrawal_is_flagged_and_before_it_is_not() -> None:
    ended = msgspec.structs.replace(allowance(), withdrawn_at=FROM + timedelta(hours=1))
    for hours, flags in ((0, ()), (1, (Flag.ALLOWANCE_EXPIRED,))):
        at = FROM + timedelta(hours=hours)
        assert taking_flags(ended, amount=Decimal(1), at=at, person_id=AMY, crew_ids={CREW}) == flags
