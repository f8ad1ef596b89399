"""What became of the lines of requests: the fold gives the same in any order; the states; which decimals can be counted with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mobile_contract.rules.exact import is_exact, is_quantity, plain, product
from mobile_contract.rules.material import lines_of_job, open_quantity, slip_with_receipts
from mobile_contract.rules.request_states import TABLE, request_state
from mobile_contract.schema.approval import ApprovalState
from mobile_contract.schema.material import IssueSlip, MaterialRequest, PricedLine, RequestState, SlipLine
from mobile_contract.schema.stock import MoveKind, StockMove

PIPE, VALVE = UUID(int=1), UUID(int=2)
ONE, TWO = UUID(int=11), UUID(int=12)
SLIP, LATER_SLIP = UUID(int=21), UUID(int=22)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def line(part_id: UUID, quantity: str, line_no: int = 0, **told: str) -> PricedLine:
    amounts = {name: Decimal(amount) for name, amount in told.items()}
    asked = PricedLine(
        part_id=part_id, quantity=Decimal(quantity), unit_cost=Decimal(1), received=Decimal(0), line_no=line_no
    )
    return replace(asked, **amounts)


def asking(id: UUID, *lines: PricedLine, minutes: int = 0) -> MaterialRequest:
    return MaterialRequest(
        id=id,
        job_id=UUID(int=7),
        state=RequestState.APPROVED,
        lines=lines,
        amount=Decimal(0),
        day_total=Decimal(0),
        currency="CNY",
        requested_at=NOW + timedelta(minutes=minutes),
    )


def moved(
    kind: MoveKind,
    part_id: UUID,
    quantity: str | Decimal,
    request_id: UUID | None = None,
    *,
    line_no: int = 0,
    slip_id: UUID | None = None,
    minutes: int = 0,
) -> StockMove:
    return StockMove(
        id=uuid4(),
        part_id=part_id,
        quantity=Decimal(quantity),
        kind=kind,
        from_location_id=UUID(int=8),
        to_location_id=UUID(int=9),
        request_id=request_id,
        line_no=line_no,
        slip_id=slip_id,
        unit_cost=Decimal(1),
        occurred_at=NOW + timedelta(minutes=minutes),
        recorded_at=NOW,
    )


def slip(id: UUID, *quantities: tuple[UUID, str], minutes: int = 0) -> IssueSlip:
    lines = tuple(
        SlipLine(
            line_no=no,
            part_id=part,
            quantity=Decimal(quantity),
            unit_cost=Decimal(1),
            from_location_id=UUID(int=5),
        )
        for no, (part, quantity) in enumerate(quantities, start=1)
    )
    return IssueSlip(
        id=id,
        number="S",
        job_id=UUID(int=7),
        request_id=ONE,
        store_id=UUID(int=5),
        lines=lines,
        issued_at=NOW + timedelta(minutes=minutes),
    )


def test_lines_of_one_part_fill_in_order_and_the_last_takes_what_is_over() -> None:
    asked = asking(ONE, line(PIPE, "2"), line(VALVE, "1"), line(PIPE, "3"))
    told = lines_of_job([asked], [moved(MoveKind.RECEIVED, PIPE, "6.5", ONE)])
    assert [each.received for each in told[ONE]] == [Decimal(2), Decimal(0), Decimal("4.5")]
    assert [each.line_no for each in told[ONE]] == [1, 2, 3]


def test_a_move_that_names_its_line_belongs_to_it() -> None:
    asked = asking(ONE, line(PIPE, "2"), line(PIPE, "3"))
    told = lines_of_job([asked], [moved(MoveKind.ISSUED, PIPE, "3", ONE, line_no=2)])
    assert [each.issued for each in told[ONE]] == [Decimal(0), Decimal(3)]


def test_a_receipt_by_its_slip_alone_is_the_requests() -> None:
    told = lines_of_job(
        [asking(ONE, line(PIPE, "2"))],
        [moved(MoveKind.RECEIVED, PIPE, "2", slip_id=SLIP, line_no=1)],
        [slip(SLIP, (PIPE, "2"))],
    )
    assert told[ONE][0].received == Decimal(2)


def test_a_use_that_names_no_request_counts_where_the_part_was_received_oldest_first() -> None:
    requests = [asking(TWO, line(PIPE, "5"), minutes=5), asking(ONE, line(PIPE, "2"))]
    moves = [
        moved(MoveKind.RECEIVED, PIPE, "2", ONE),
        moved(MoveKind.RECEIVED, PIPE, "4", TWO),
        moved(MoveKind.USED, PIPE, "3"),
        moved(MoveKind.RETURNED, PIPE, "1"),
    ]
    told = lines_of_job(requests, moves)
    assert [(told[id][0].used, told[id][0].returned) for id in (ONE, TWO)] == [
        (Decimal(2), Decimal(0)),
        (Decimal(1), Decimal(1)),
    ]


def test_what_comes_from_the_vans_own_stock_belongs_to_no_request() -> None:
    told = lines_of_job([asking(ONE, line(PIPE, "2"))], [moved(MoveKind.USED, PIPE, "3")])
    assert told[ONE][0].used == Decimal(0)


def test_what_was_reversed_does_not_count() -> None:
    receipt = moved(MoveKind.RECEIVED, PIPE, "2", ONE)
    back = replace(moved(MoveKind.REVERSED, PIPE, "2", ONE), reverses_id=receipt.id)
    assert lines_of_job([asking(ONE, line(PIPE, "2"))], [back, receipt])[ONE][0].received == Decimal(0)


def test_a_slip_is_received_when_the_last_of_it_has_come_and_other_receipts_fill_the_oldest_slip_first() -> None:
    slips = [slip(SLIP, (PIPE, "2"), (VALVE, "1")), slip(LATER_SLIP, (PIPE, "3"), minutes=9)]
    moves = [
        moved(MoveKind.RECEIVED, PIPE, "1", slip_id=SLIP, request_id=ONE, line_no=1, minutes=10),
        moved(MoveKind.RECEIVED, PIPE, "2", ONE, minutes=20),
        moved(MoveKind.RECEIVED, VALVE, "1", ONE, minutes=30),
    ]
    first, second = (slip_with_receipts(each, slips, moves) for each in slips)
    assert [each.received for each in first.lines] == [Decimal(2), Decimal(1)]
    assert first.received_at == NOW + timedelta(minutes=30)
    assert [each.received for each in second.lines] == [Decimal(1)]
    assert second.received_at is None


_KINDS = st.sampled_from(
    [MoveKind.ISSUED, MoveKind.RECEIVED, MoveKind.TAKEN, MoveKind.USED, MoveKind.RETURNED, MoveKind.COUNTED]
)
_MOVES = st.builds(
    moved,
    _KINDS,
    st.sampled_from([PIPE, VALVE]),
    st.decimals("0.5", "9", places=2),
    st.sampled_from([None, ONE, TWO]),
    line_no=st.integers(0, 3),
    slip_id=st.sampled_from([None, SLIP]),
)


# A busy machine is no fault of the rule.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_MOVES, max_size=12), st.randoms())
def test_any_order_of_arrival_gives_the_same(moves: list[StockMove], shuffle) -> None:  # type: ignore[no-untyped-def]
    requests = [asking(ONE, line(PIPE, "4"), line(VALVE, "2"), line(PIPE, "1")), asking(TWO, line(VALVE, "3"))]
    slips = [slip(SLIP, (PIPE, "4"), (VALVE, "2"))]
    expected = lines_of_job(requests, moves, slips), slip_with_receipts(slips[0], slips, moves)
    shuffle.shuffle(moves)
    assert (lines_of_job(requests[::-1], moves, slips), slip_with_receipts(slips[0], slips, moves)) == expected


def test_what_another_part_stands_in_for_is_not_to_come_any_more() -> None:
    lines = (
        line(PIPE, "5", 1, approved="4", issued="1"),
        replace(line(VALVE, "2", 2, approved="2"), substitute_for=1),
    )
    assert [open_quantity(each, lines) for each in lines] == [Decimal(1), Decimal(2)]


_A = ApprovalState.APPROVED


@pytest.mark.parametrize(
    ("decided", "told", "state"),
    [
        (None, {}, RequestState.REQUESTED),
        (ApprovalState.WAITING, {"received": "5"}, RequestState.WAITING_APPROVAL),
        (ApprovalState.REJECTED, {"received": "1"}, RequestState.REJECTED),
        (_A, {"approved": "0"}, RequestState.REJECTED),
        (_A, {}, RequestState.APPROVED),
        (_A, {"reserved": "5"}, RequestState.RESERVED),
        (_A, {"reserved": "5", "picked": "1"}, RequestState.PICKING),
        (_A, {"issued": "2", "picked": "3"}, RequestState.PARTLY_ISSUED),
        (_A, {"issued": "5"}, RequestState.ISSUED),
        (_A, {"approved": "2", "issued": "2"}, RequestState.ISSUED),
        (_A, {"issued": "5", "received": "4.999999"}, RequestState.PARTLY_RECEIVED),
        (_A, {"received": "5"}, RequestState.RECEIVED),
        (_A, {"received": "6"}, RequestState.RECEIVED),
        (_A, {"received": "5", "used": "4"}, RequestState.RECEIVED),
        (_A, {"received": "5", "used": "4", "returned": "1"}, RequestState.USED),
        (_A, {"received": "5", "used": "5"}, RequestState.USED),
        (_A, {"received": "5", "returned": "5"}, RequestState.RETURNED),
        (_A, {"used": "2"}, RequestState.APPROVED),
    ],
)
def test_the_state_follows_the_decision_and_then_the_moves(
    decided: ApprovalState | None, told: dict[str, str], state: RequestState
) -> None:
    lines = [line(PIPE, "5", 1, **told)]
    assert request_state(decided, lines) is state
    assert request_state(decided, lines, closed=True) is RequestState.CLOSED


def test_a_request_is_as_far_as_its_slowest_line_and_rejected_lines_do_not_count() -> None:
    granted, refused = line(PIPE, "5", 1, approved="5", received="5"), line(VALVE, "2", 2, approved="0")
    assert request_state(_A, [granted, refused]) is RequestState.RECEIVED
    assert request_state(_A, [granted, replace(refused, approved=Decimal(1))]) is RequestState.PARTLY_RECEIVED


def test_every_state_has_one_row() -> None:
    assert sorted(row.state for row in TABLE) == sorted(RequestState)


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


@pytest.mark.parametrize(
    ("text", "written"), [("100", "100"), ("1E+2", "100"), ("0.50", "0.5"), ("0.00", "0"), ("2.000001", "2.000001")]
)
def test_a_number_is_written_without_zeros_at_its_end(text: str, written: str) -> None:
    assert plain(Decimal(text)) == written


def test_no_digit_of_the_largest_sum_is_lost_when_it_is_written() -> None:
    largest = Decimal("999999999999.999999")
    assert plain(product(largest, largest)) == "999999999999999998000000.000000000001"
