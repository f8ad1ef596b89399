"""Between stores and vans: each side says what it saw, whoever is heard first."""

from decimal import Decimal

import msgspec
import pytest

from jobs.stock_locations import TRANSIT, place_id
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import Flag
from mobile_contract.schema.stock import MoveKind, StockMove, StockTransfer, TransferState
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.phones import from_phone
from tests.jobs.shelves import MINUTE, Shelves, shelves


@pytest.fixture
async def at(org: Org) -> Shelves:
    return await shelves(org)


def shipping(at: Shelves, *lines: s.StockLine) -> s.ShipTransfer:
    return s.ShipTransfer(
        transfer_id=at.org.new_id(), from_location_id=at.store, to_location_id=at.depot, lines=lines, reason="refill"
    )


async def transfer(at: Shelves, command: s.ShipTransfer | t.HandOverParts | t.TakeOverParts) -> StockTransfer:
    return await stored.one(at.org, StockTransfer, command.transfer_id)


async def test_a_transfer_leaves_one_store_and_enters_the_other_when_confirmed(at: Shelves) -> None:
    await at.receive("5")
    ship = shipping(at, at.line("2", lot="L1"), at.line("1"))
    await at.ok(ship)
    assert (await transfer(at, ship)).state is TransferState.SHIPPED
    assert (await at.held(at.store), await at.folded(place_id(at.org.id, TRANSIT))) == (Decimal(2), Decimal(3))
    confirm = s.ConfirmTransfer(transfer_id=ship.transfer_id, location_id=at.depot, lines=ship.lines)
    await at.ok(confirm, now=NOW + MINUTE)
    done = await transfer(at, ship)
    assert (done.state, done.shipped_by, done.confirmed_at) == (
        TransferState.CONFIRMED,
        at.org.people["wes"],
        NOW + MINUTE,
    )
    assert await at.held(at.depot) == Decimal(3)
    kinds = {m.kind for m in await stored.every(at.org, StockMove) if m.transfer_id == ship.transfer_id}
    assert kinds == {MoveKind.SHIPPED, MoveKind.ARRIVED}


async def test_what_did_not_come_stays_on_its_way(at: Shelves) -> None:
    await at.receive("5")
    ship = shipping(at, at.line("3"))
    confirm = s.ConfirmTransfer(transfer_id=ship.transfer_id, location_id=at.depot, lines=(at.line("2"),))
    await at.ok(ship, confirm)
    told = await transfer(at, ship)
    assert (told.state, told.lines[0].sent, told.lines[0].received) == (TransferState.DIFFERS, Decimal(3), Decimal(2))
    assert await at.folded(place_id(at.org.id, TRANSIT)) == Decimal(1)


async def test_each_side_speaks_once(at: Shelves) -> None:
    await at.receive("5")
    ship = shipping(at, at.line("1"), at.line("1"))
    await at.ok(ship)
    assert (await at.answer(ship)).code == "unchanged"
    more = await at.answer(msgspec.structs.replace(ship, lines=(at.line("3"),)))
    assert (more.status, more.code) == ("rejected", "transfer_told")
    confirm = s.ConfirmTransfer(transfer_id=ship.transfer_id, location_id=at.depot, lines=(at.line("2"),))
    await at.ok(confirm)
    assert (await at.answer(confirm)).code == "unchanged"
    assert (await at.answer(msgspec.structs.replace(confirm, location_id=at.store))).code == "transfer_told"


async def test_a_store_confirms_only_what_somebody_sent(at: Shelves) -> None:
    confirm = s.ConfirmTransfer(transfer_id=at.org.new_id(), location_id=at.depot, lines=(at.line("2"),))
    assert (await at.answer(confirm)).code == "unknown_reference"


async def test_a_store_replenishes_a_van_whose_crew_confirms(at: Shelves) -> None:
    await at.receive("5")
    ship = msgspec.structs.replace(shipping(at, at.line("4")), to_location_id=at.org.vans["alpha"])
    await at.ok(ship)
    take = t.TakeOverParts(transfer_id=ship.transfer_id, lines=(at.line("4"),))
    await at.ok(take, by="ali")
    assert (await transfer(at, ship)).state is TransferState.CONFIRMED
    assert await at.held(at.org.vans["alpha"]) == Decimal(4)


def handing(at: Shelves) -> tuple[t.HandOverParts, t.TakeOverParts]:
    id = at.org.new_id()
    lines = (at.line("2"), at.line("1", "pump", serial="P-1"))
    give = t.HandOverParts(transfer_id=id, to_location_id=at.org.vans["beta"], lines=lines)
    return give, t.TakeOverParts(transfer_id=id, from_location_id=at.org.vans["alpha"], lines=lines)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_parts_pass_from_van_to_van_whichever_phone_syncs_first(at: Shelves, order: tuple[int, ...]) -> None:
    give, take = handing(at)
    told: list[tuple[Command, str]] = [(give, "amy"), (take, "bob")]
    for n in order:
        command, by = told[n]
        (answer,) = await from_phone(at.org, command, by=by)
        assert answer.status == "applied", answer
    done = await transfer(at, give)
    assert done.state is TransferState.CONFIRMED
    assert (done.from_location_id, done.arrived_location_id) == (at.org.vans["alpha"], at.org.vans["beta"])
    assert (done.shipped_by, done.confirmed_by) == (at.org.people["amy"], at.org.people["bob"])
    assert (await at.held(at.org.vans["alpha"]), await at.held(at.org.vans["beta"])) == (Decimal(-2), Decimal(2))
    assert await at.folded(place_id(at.org.id, TRANSIT)) == 0


async def test_what_was_taken_before_its_sender_reported_says_so(at: Shelves) -> None:
    _, take = handing(at)
    await at.ok(take, by="bob")
    assert (await transfer(at, take)).state is TransferState.TAKEN


async def test_a_van_that_hands_over_more_than_is_known_is_flagged(at: Shelves) -> None:
    give, take = handing(at)
    (answer,) = await at.org.send(give, by="amy")
    assert answer.flags == (Flag.VAN_BELOW_ZERO,)
    (answer,) = await at.org.send(take, by="bob")
    assert answer.flags == ()


async def test_a_van_gives_back_to_a_store_that_confirms(at: Shelves) -> None:
    give = t.HandOverParts(transfer_id=at.org.new_id(), to_location_id=at.store, lines=(at.line("2"),))
    await at.ok(give, by="amy")
    await at.ok(s.ConfirmTransfer(transfer_id=give.transfer_id, location_id=at.store, lines=give.lines))
    assert await at.held(at.store) == Decimal(2)


async def test_a_hand_over_to_nowhere_or_told_in_other_words_is_put_aside_whole(at: Shelves) -> None:
    give, take = handing(at)
    nowhere = msgspec.structs.replace(give, to_location_id=at.org.new_id())
    (aside,) = await from_phone(at.org, nowhere, by="amy")
    assert (aside.status, aside.code) == ("quarantined", "unknown_reference")
    await at.ok(give, by="amy")
    (aside,) = await from_phone(at.org, msgspec.structs.replace(give, lines=(at.line("9"),)), by="amy")
    assert (aside.status, aside.code) == ("quarantined", "transfer_told")
    (again,) = await from_phone(at.org, give, by="amy")
    assert (again.status, again.code) == ("applied", "unchanged")
    assert (await transfer(at, take)).confirmed_at is None


async def test_parts_that_came_to_another_van_than_meant_differ(at: Shelves) -> None:
    await at.receive("5")
    ship = msgspec.structs.replace(shipping(at, at.line("4")), to_location_id=at.org.vans["alpha"])
    await at.ok(ship)
    await at.ok(t.TakeOverParts(transfer_id=ship.transfer_id, lines=(at.line("4"),)), by="bob")
    told = await transfer(at, ship)
    assert (told.state, told.arrived_location_id) == (TransferState.DIFFERS, at.org.vans["beta"])
