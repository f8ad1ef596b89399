"""Rules of stock that phone and server share: what either side says of a transfer, and whose van a deed is about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from mobile_contract.rules.stock import Told, van_of_crews, with_received, with_sent
from mobile_contract.schema.stock import StockTransfer, TransferState
from mobile_contract.schema.stock_commands import StockLine

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PIPE, STORE, VAN, OTHER_VAN, AMY, WES = (UUID(int=n) for n in range(1, 7))
LOW, HIGH, PLANNED = UUID(int=11), UUID(int=12), UUID(int=13)
NEW = StockTransfer(id=UUID(int=9), state=TransferState.SHIPPED)


def told(location_id: UUID, quantity: str, by: UUID, minutes: int) -> Told:
    line = StockLine(part_id=PIPE, quantity=Decimal(quantity))
    return Told(location_id=location_id, lines=(line,), at=NOW + timedelta(minutes=minutes), by=by)


@pytest.mark.parametrize(
    ("came", "state"), [("5", TransferState.CONFIRMED), ("4.5", TransferState.DIFFERS)], ids=["all", "less"]
)
def test_a_transfer_is_the_same_whichever_side_is_heard_first(came: str, state: TransferState) -> None:
    sent, received = told(STORE, "5", WES, 0), told(VAN, came, AMY, 9)
    sender_first = with_received(with_sent(NEW, sent, to_location_id=VAN), received, from_location_id=None)
    receiver_first = with_sent(with_received(NEW, received, from_location_id=None), sent, to_location_id=VAN)
    assert sender_first == receiver_first
    assert (sender_first.state, sender_first.from_location_id) == (state, STORE)


def test_a_receiver_alone_says_where_it_came_from_until_the_sender_does() -> None:
    alone = with_received(NEW, told(VAN, "5", AMY, 9), from_location_id=OTHER_VAN)
    assert (alone.state, alone.from_location_id) == (TransferState.TAKEN, OTHER_VAN)
    assert with_sent(alone, told(STORE, "5", WES, 0), to_location_id=VAN).from_location_id == STORE


@pytest.mark.parametrize(
    ("planned", "own", "vans", "chosen"),
    [
        (HIGH, (LOW, HIGH), {LOW: OTHER_VAN, HIGH: VAN}, VAN),
        (PLANNED, (HIGH, LOW), {LOW: VAN, HIGH: OTHER_VAN, PLANNED: OTHER_VAN}, VAN),
        (PLANNED, (LOW,), {PLANNED: VAN}, VAN),
        (None, (LOW, HIGH), {HIGH: VAN}, VAN),
        (PLANNED, (LOW,), {}, None),
        (None, (), {LOW: VAN}, None),
    ],
    ids=["the visit's, of their own", "the lowest own", "the visit's", "the first that has one", "none", "no crew"],
)
def test_a_van_is_of_their_own_crew_first_then_of_the_visits(
    planned: UUID | None, own: tuple[UUID, ...], vans: dict[UUID, UUID], chosen: UUID | None
) -> None:
    assert van_of_crews(planned, own, vans.get) == chosen
