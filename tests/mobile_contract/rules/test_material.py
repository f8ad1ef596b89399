"""Receipts on a request: the fold gives the same in any order; and which decimals can be counted with."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.rules.exact import is_exact, is_quantity
from mobile_contract.rules.material import MoveKind, lines_with_receipts, request_state
from mobile_contract.schema.approval import ApprovalState
from mobile_contract.schema.material import PricedLine, RequestState
from mobile_contract.schema.stock import StockMove

PIPE, VALVE = UUID(int=1), UUID(int=2)


def line(part_id: UUID, quantity: str, received: str = "0") -> PricedLine:
    return PricedLine(part_id=part_id, quantity=Decimal(quantity), unit_cost=Decimal(1), received=Decimal(received))


def receipt(part_id: UUID, quantity: Decimal) -> StockMove:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    return StockMove(
        id=uuid4(),
        part_id=part_id,
        quantity=quantity,
        kind=MoveKind.RECEIVED.value,
        from_location_id=UUID(int=8),
        to_location_id=UUID(int=9),
        unit_cost=Decimal(1),
        occurred_at=now,
        recorded_at=now,
    )


def test_lines_of_one_part_fill_in_order_and_the_last_takes_what_is_over() -> None:
    asked = [line(PIPE, "2"), line(VALVE, "1"), line(PIPE, "3")]
    filled = lines_with_receipts(asked, [receipt(PIPE, Decimal("6.5"))])
    assert [f.received for f in filled] == [Decimal(2), Decimal(0), Decimal("4.5")]


@given(st.lists(st.decimals(min_value=0, max_value=10, places=2), max_size=8), st.randoms())
def test_receipts_give_the_same_in_any_order(quantities: list[Decimal], random: object) -> None:
    asked = [line(PIPE, "5"), line(PIPE, "7")]
    receipts = [receipt(PIPE, quantity) for quantity in quantities]
    expected = lines_with_receipts(asked, receipts)
    random.shuffle(receipts)  # type: ignore[attr-defined]
    assert lines_with_receipts(asked, receipts) == expected
    assert sum(f.received for f in expected) == sum(quantities)


@pytest.mark.parametrize(
    ("approval", "received", "state"),
    [
        (ApprovalState.WAITING, "5", RequestState.WAITING_APPROVAL),
        (ApprovalState.REJECTED, "5", RequestState.REJECTED),
        (ApprovalState.APPROVED, "0", RequestState.APPROVED),
        (ApprovalState.APPROVED, "4.99", RequestState.PARTLY_RECEIVED),
        (ApprovalState.APPROVED, "5", RequestState.RECEIVED),
    ],
)
def test_a_request_follows_its_approval_then_its_receipts(
    approval: ApprovalState, received: str, state: RequestState
) -> None:
    assert request_state(approval, [line(PIPE, "5", received)]) is state


@pytest.mark.parametrize(
    "text", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+12", "0.0000001", "1E+999999", "1E-999999"]
)
def test_a_number_that_cannot_be_counted_with_is_not_exact(text: str) -> None:
    assert not is_exact(Decimal(text))


@pytest.mark.parametrize("text", ["0", "-5", "999999999999.999999", "1E+11", "0.500000000", "0E-20"])
def test_a_number_that_can_be_counted_with_is_exact(text: str) -> None:
    assert is_exact(Decimal(text))


@pytest.mark.parametrize(("text", "can_be"), [("0", False), ("-1", False), ("0.000001", True), ("NaN", False)])
def test_a_quantity_is_above_zero(text: str, can_be: bool) -> None:
    assert is_quantity(Decimal(text)) is can_be
