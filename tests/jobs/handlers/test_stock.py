"""The warehouse's own moves: in, away, out, mended, undone. A store never holds less than nothing."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from jobs.stock_locations import CUSTOMER, REPAIR_SHOP, RETURNED, SCRAP, SUPPLIER, place_id
from jobs.stock_names import line_move_id, reversal_id
from mobile_contract.rules.stock import to_reorder
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.stock import LocationKind, MoveKind, StockLocation, StockMove
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.shelves import MINUTE, Shelves, shelves


@pytest.fixture
async def at(org: Org) -> Shelves:
    return await shelves(org)


def scrapping(at: Shelves, quantity: str, **more: object) -> s.ScrapStock:
    fields: dict[str, object] = {"location_id": at.store, "part_id": at.part(), "reason": "rusty", **more}
    return msgspec.convert(
        {"move_id": at.org.new_id(), "quantity": quantity, "name": "scrap_stock", **fields}, s.ScrapStock
    )


async def test_a_delivery_is_a_move_per_line_at_its_own_price(at: Shelves) -> None:
    receipt = at.org.new_id()
    lines = (
        s.PricedStockLine(part_id=at.part(), quantity=Decimal("10.5"), unit_cost=Decimal("11.20"), lot="L7"),
        s.PricedStockLine(part_id=at.part("pump"), quantity=Decimal(1), serial="P-9"),
    )
    await at.ok(s.ReceiveStock(receipt_id=receipt, location_id=at.bin, lines=lines, reference="DN 17"))
    first, second = [await stored.one(at.org, StockMove, line_move_id(receipt, n)) for n in (1, 2)]
    assert (first.kind, first.quantity, first.unit_cost, first.lot) == (
        MoveKind.PURCHASED,
        Decimal("10.5"),
        Decimal("11.20"),
        "L7",
    )
    assert (second.unit_cost, second.serial, second.currency, second.unit) == (Decimal(80), "P-9", "CNY", "pcs")
    assert (first.from_location_id, first.to_location_id) == (place_id(at.org.id, SUPPLIER), at.bin)
    assert first.reason == second.reason == "DN 17"
    assert await at.held(at.bin) == Decimal("10.5")


async def test_a_delivery_sent_again_is_the_same_delivery(at: Shelves) -> None:
    line = s.PricedStockLine(part_id=at.part(), quantity=Decimal(4))
    command = s.ReceiveStock(receipt_id=at.org.new_id(), location_id=at.store, lines=(line,))
    await at.ok(command)
    again = await at.answer(command, now=NOW + MINUTE)
    assert (again.status, again.code) == ("applied", "unchanged")
    other = msgspec.structs.replace(command, lines=(msgspec.structs.replace(line, quantity=Decimal(5)),))
    assert (await at.answer(other)).code == "id_reused"
    assert await at.held(at.store) == Decimal(4)


async def test_stock_of_before_the_ledger_is_opened_also_in_a_van(at: Shelves) -> None:
    line = s.PricedStockLine(part_id=at.part(), quantity=Decimal(2))
    opening = s.OpenStock(
        opening_id=at.org.new_id(), location_id=at.org.vans["alpha"], lines=(line,), as_of=NOW - timedelta(days=9)
    )
    await at.ok(opening)
    move = await stored.one(at.org, StockMove, line_move_id(opening.opening_id, 1))
    assert (move.kind, move.occurred_at) == (MoveKind.OPENING, NOW - timedelta(days=9))
    assert await at.held(at.org.vans["alpha"]) == Decimal(2)
    later = msgspec.structs.replace(opening, opening_id=at.org.new_id(), as_of=NOW + MINUTE)
    assert (await at.answer(later)).code == "as_of_future"


async def test_a_part_is_put_away_within_its_store_only(at: Shelves) -> None:
    await at.receive("5")
    put = s.MoveStock(
        move_id=at.org.new_id(),
        from_location_id=at.store,
        to_location_id=at.bin,
        part_id=at.part(),
        quantity=Decimal(3),
    )
    await at.ok(put)
    assert (await at.held(at.store), await at.held(at.bin)) == (Decimal(2), Decimal(3))
    for wrong in (at.depot, at.store, at.org.vans["alpha"]):
        moved = msgspec.structs.replace(put, move_id=at.org.new_id(), to_location_id=wrong)
        assert (await at.answer(moved)).code == "location_wrong"


@pytest.mark.parametrize("wanted", ["5.000001", "6"])
async def test_a_store_gives_no_more_than_it_holds_and_says_what_it_has(at: Shelves, wanted: str) -> None:
    await at.receive("5")
    answer = await at.answer(scrapping(at, wanted))
    assert (answer.status, answer.code) == ("rejected", "stock_short")
    assert answer.detail == {
        "part_id": str(at.part()),
        "location_id": str(at.store),
        "available": "5",
        "asked": wanted,
    }
    await at.ok(scrapping(at, "5"))
    assert await at.held(at.store) == 0
    assert (await at.answer(scrapping(at, "1", location_id=str(at.depot)))).detail["available"] == "0"


async def test_of_many_at_once_only_as_many_are_served_as_there_is(at: Shelves) -> None:
    await at.receive("3")
    answers = await asyncio.gather(*(at.answer(scrapping(at, "1")) for _ in range(8)))
    assert sorted(a.code for a in answers) == ["ok"] * 3 + ["stock_short"] * 5
    assert await at.held(at.store) == 0


async def test_one_command_takes_all_or_nothing(at: Shelves) -> None:
    await at.receive("5")
    lines = (at.line("5"), at.line("1", "pump"))
    ship = s.ShipTransfer(transfer_id=at.org.new_id(), from_location_id=at.store, to_location_id=at.depot, lines=lines)
    assert (await at.answer(ship)).code == "stock_short"
    assert await at.held(at.store) == Decimal(5)


async def test_what_goes_to_the_repair_shop_comes_back_and_no_more(at: Shelves) -> None:
    await at.receive("2")
    there = s.SendToRepair(move_id=at.org.new_id(), location_id=at.store, part_id=at.part(), quantity=Decimal(1))
    back = s.TakeFromRepair(move_id=at.org.new_id(), location_id=at.bin, part_id=at.part(), quantity=Decimal(2))
    await at.ok(there)
    assert await at.held(place_id(at.org.id, REPAIR_SHOP)) == Decimal(1)
    assert (await at.answer(back)).code == "stock_short"
    await at.ok(msgspec.structs.replace(back, quantity=Decimal(1)))
    assert (await at.held(at.store), await at.held(at.bin)) == (Decimal(1), Decimal(1))


async def test_what_was_given_back_broken_is_scrapped_where_it_lies(at: Shelves) -> None:
    job = await at.org.assigned_job()
    fields: dict[str, Any] = {"move_id": at.org.new_id(), "part_id": at.part(), "quantity": Decimal(2)}
    await at.ok(f.ReturnPart(job_id=job.job_id, visit_id=job.visit_id, **fields), by="amy")
    returned = place_id(at.org.id, RETURNED)
    await at.ok(scrapping(at, "2", location_id=str(returned)))
    assert await at.folded(returned) == 0
    assert await at.folded(place_id(at.org.id, SCRAP)) == Decimal(2)


async def test_what_was_given_back_goes_one_way_only(at: Shelves) -> None:
    job = await at.org.assigned_job()
    returned = place_id(at.org.id, RETURNED)
    fields: dict[str, Any] = {"part_id": at.part(), "quantity": Decimal(2)}
    given = f.ReturnPart(job_id=job.job_id, visit_id=job.visit_id, move_id=at.org.new_id(), **fields)

    def mending() -> s.SendToRepair:
        return s.SendToRepair(location_id=returned, move_id=at.org.new_id(), **fields)

    def taking() -> m.TakeBackParts:
        return m.TakeBackParts(
            job_id=job.job_id, store_id=at.store, lines=(m.TakeBackLine(move_id=at.org.new_id(), **fields),)
        )

    undo = s.ReverseMove(move_id=given.move_id, reason="wrong job")
    assert (await at.answer(scrapping(at, "2", location_id=str(returned)))).code in ("unknown_reference", "stock_short")
    await at.ok(given, by="amy")
    assert (await at.answer(scrapping(at, "2.5", location_id=str(returned)))).detail["available"] == "2"
    ways = [scrapping(at, "2", location_id=str(returned)), mending(), taking(), undo]
    answers = await asyncio.gather(*(at.answer(way) for way in ways))
    assert sorted(answer.code == "ok" for answer in answers) == [False, False, False, True]
    assert {answer.code for answer in answers} <= {"ok", "stock_short", "not_returned"}
    assert await at.folded(returned) == 0


async def test_a_mistake_is_undone_by_its_opposite_once(at: Shelves) -> None:
    job = await at.org.assigned_job()
    fields: dict[str, Any] = {"move_id": at.org.new_id(), "part_id": at.part(), "quantity": Decimal(2)}
    used = f.UsePart(job_id=job.job_id, visit_id=job.visit_id, **fields)
    await at.ok(used, by="amy", now=NOW + MINUTE)
    undo = s.ReverseMove(move_id=used.move_id, reason="wrong job")
    await at.ok(undo, now=NOW + 5 * MINUTE)
    move = await stored.one(at.org, StockMove, reversal_id(used.move_id))
    assert (move.kind, move.reverses_id, move.job_id, move.reason) == (
        MoveKind.REVERSED,
        used.move_id,
        job.job_id,
        "wrong job",
    )
    assert (move.occurred_at, move.recorded_at) == (NOW + MINUTE, NOW + 5 * MINUTE)
    assert await at.held(at.org.vans["alpha"]) == 0 == await at.folded(place_id(at.org.id, CUSTOMER))
    assert (await at.answer(undo)).code == "unchanged"
    twice = await at.answer(s.ReverseMove(move_id=move.id, reason="no"))
    assert (twice.code, twice.detail) == ("move_not_reversible", {"kind": "reversed"})


async def test_a_delivery_that_has_been_given_out_cannot_be_reversed(at: Shelves) -> None:
    line = s.PricedStockLine(part_id=at.part(), quantity=Decimal(4))
    receipt = s.ReceiveStock(receipt_id=at.org.new_id(), location_id=at.store, lines=(line,))
    await at.ok(receipt, scrapping(at, "1"))
    undo = s.ReverseMove(move_id=line_move_id(receipt.receipt_id, 1), reason="not ours")
    assert (await at.answer(undo)).code == "stock_short"
    assert (await at.answer(s.ReverseMove(move_id=at.org.new_id(), reason="x"))).code == "unknown_reference"


async def test_a_reorder_point_says_how_much_to_order(at: Shelves) -> None:
    await at.receive("5")
    point = s.SetReorderPoint(
        location_id=at.store, part_id=at.part(), reorder_point=Decimal(4), reorder_quantity=Decimal(20)
    )
    await at.ok(point)
    assert (await at.answer(point)).code == "unchanged"
    assert to_reorder(await at.level(at.store)) == 0
    await at.ok(scrapping(at, "1"))
    assert to_reorder(await at.level(at.store)) == Decimal(20)
    await at.ok(msgspec.structs.replace(point, reorder_quantity=None, reorder_point=Decimal(9)))
    assert to_reorder(await at.level(at.store)) == Decimal(5)
    negative = msgspec.structs.replace(point, reorder_point=Decimal(-1))
    assert (await at.answer(negative)).code == "number_invalid"


async def test_a_reorder_point_of_a_part_that_never_came_counts_from_nothing(at: Shelves) -> None:
    await at.ok(s.SetReorderPoint(location_id=at.depot, part_id=at.part("valve"), reorder_point=Decimal(2)))
    level = await at.level(at.depot, "valve")
    assert (level.quantity, to_reorder(level)) == (Decimal(0), Decimal(2))


async def test_a_location_keeps_its_kind_and_a_bin_its_store(at: Shelves) -> None:
    def saving(id: object, kind: LocationKind, parent: object = None) -> Command:
        fields = {"id": str(id), "code": "x", "kind": kind.value, "parent_id": str(parent) if parent else None}
        return d.SaveStockLocation(location=msgspec.convert(fields, StockLocation))

    codes = [
        (await at.answer(command)).code
        for command in (
            saving(at.store, LocationKind.VAN),
            saving(at.bin, LocationKind.BIN, at.depot),
            saving(at.org.new_id(), LocationKind.BIN),
            saving(at.org.new_id(), LocationKind.STORE, at.store),
            saving(at.org.new_id(), LocationKind.BIN, at.bin),
            saving(at.org.new_id(), LocationKind.BIN, at.org.new_id()),
            saving(at.bin, LocationKind.BIN, at.store),
        )
    ]
    wrong = "location_wrong"
    assert codes == ["location_fixed", "location_fixed", wrong, wrong, wrong, "unknown_reference", "ok"]


async def test_a_location_that_is_closed_takes_nothing_more(at: Shelves) -> None:
    depot = await stored.one(at.org, StockLocation, at.depot)
    await at.ok(d.SaveStockLocation(location=msgspec.structs.replace(depot, active=False)))
    line = s.PricedStockLine(part_id=at.part(), quantity=Decimal(1))
    receipt = s.ReceiveStock(receipt_id=at.org.new_id(), location_id=at.depot, lines=(line,))
    assert (await at.answer(receipt)).code == "location_inactive"


@pytest.mark.parametrize("quantity", ["0", "-1", "1E+12", "0.0000001"])
async def test_a_quantity_that_cannot_be_is_refused(at: Shelves, quantity: str) -> None:
    await at.receive("5")
    assert (await at.answer(scrapping(at, quantity))).code == "quantity_invalid"
