"""Stock by place: what lies where now and as of an instant, movements with the balance after each, costs for those who may see them."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import asyncpg
import pytest

from mobile_contract.schema import facts as f
from mobile_contract.schema import stock_commands as s
from tests.api.office import Office, office
from tests.api.paging import every_item
from tests.api.serving import Site
from tests.api.warehouse import BEGAN, Warehouse, warehouse
from tests.arrange import NOW
from tests.queries import counted


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(still, pool, seed, "wes", "cal", "amy")


@pytest.fixture
async def store(desk: Office) -> Warehouse:
    return await warehouse(desk.org)


async def held(desk: Office, **params: Any) -> list[tuple[str, str, str]]:
    lines = await every_item(desk, "/stock/balances", by="wes", limit=2, **params)
    return [(line["location_code"], line["part_code"], line["quantity"]) for line in lines]


async def test_a_store_shows_what_lies_in_it_and_in_its_bins(desk: Office, store: Warehouse) -> None:
    await store.receive("main", "pump", "3")
    await store.receive("A-01", "clamp", "10")
    await store.receive("A-02", "clamp", "0.5")
    main = str(store.places["main"])
    both = [("A-01", "clamp", "10"), ("A-02", "clamp", "0.5")]
    assert await held(desk, location=main) == [*both, ("main", "pump", "3")]
    assert await held(desk, location=main, bins="false") == [("main", "pump", "3")]
    assert await held(desk, part=str(desk.org.parts["clamp"])) == both
    assert await held(desk, location=str(store.places["A-01"])) == both[:1]
    assert (await desk.raw("/stock/balances", location=str(desk.org.new_id()))).json()["code"] == "unknown_location"


async def test_the_past_of_a_place_is_the_sum_of_its_movements_up_to_then(desk: Office, store: Warehouse) -> None:
    job = await desk.org.assigned_job()
    await store.receive("main", "clamp", "10", at=BEGAN)
    await store.receive("main", "clamp", "5", at=BEGAN + timedelta(days=2))
    request_id = await store.approved(job, ("clamp", "4"), by="eve", now=NOW)
    await store.issued(job, request_id, now=NOW + timedelta(hours=1))
    main, van = str(store.places["main"]), str(desk.org.vans["alpha"])

    async def then(at: datetime, location: str = main) -> list[tuple[str, str, str]]:
        return await held(desk, location=location, as_of=at.isoformat())

    assert await then(BEGAN - timedelta(seconds=1)) == []
    assert await then(BEGAN) == [("main", "clamp", "10")]
    assert await then(BEGAN + timedelta(days=3)) == [("main", "clamp", "15")]
    assert await then(NOW + timedelta(hours=1)) == await held(desk, location=main) == [("main", "clamp", "11")]
    await store.report(job, f.ReceivePart, "clamp", "4", now=NOW + timedelta(hours=2))
    await store.report(job, f.UsePart, "clamp", "3", now=NOW + timedelta(hours=3))
    assert await then(NOW + timedelta(hours=2), van) == [("van-alpha", "clamp", "4")]
    assert await held(desk, location=van) == [("van-alpha", "clamp", "1")]
    everywhere = await held(desk, part=str(desk.org.parts["clamp"]), as_of=(NOW + timedelta(days=1)).isoformat())
    assert sum(Decimal(quantity) for _, _, quantity in everywhere) == 0
    assert ("customer", "clamp", "3") in everywhere
    assert (await desk.raw("/stock/balances", as_of=NOW.isoformat())).status_code == 422


async def test_places_without_a_kept_balance_are_summed(desk: Office, store: Warehouse) -> None:
    await store.receive("main", "clamp", "10")
    await store.receive("main", "pump", "2")
    places = {each["kind"]: each["id"] for each in await every_item(desk, "/stock/locations", by="wes")}
    assert await held(desk, location=places["supplier"]) == [("supplier", "clamp", "-10"), ("supplier", "pump", "-2")]


async def test_what_is_to_be_ordered_anew_can_be_asked_for(desk: Office, store: Warehouse) -> None:
    await store.receive("main", "clamp", "10")
    await store.receive("main", "pump", "2")
    points = {"clamp": "3", "pump": "2", "valve": "1"}
    for part, point in points.items():
        command = s.SetReorderPoint(
            location_id=store.places["main"], part_id=desk.org.parts[part], reorder_point=Decimal(point)
        )
        await desk.org.ok(command, by="wes")
    low = await held(desk, low="true")
    assert low == [("main", "pump", "2"), ("main", "valve", "0")]
    assert ("main", "valve", "0") in await held(desk, location=str(store.places["main"]))


async def test_the_movements_of_a_part_at_a_place_tell_the_balance_after_each(desk: Office, store: Warehouse) -> None:
    job = await desk.org.assigned_job()
    await store.receive("main", "clamp", "10", at=BEGAN)
    await store.receive("main", "pump", "1", at=BEGAN)
    request_id = await store.approved(job, ("clamp", "4"), by="eve")
    await store.issued(job, request_id, now=NOW)
    await store.receive("main", "clamp", "1", at=NOW + timedelta(hours=1))
    # Told later, and yet it stands where it happened.
    await store.receive("main", "clamp", "5", at=BEGAN + timedelta(days=1))
    asked = {"location": str(store.places["main"]), "part": str(desk.org.parts["clamp"])}
    lines = await every_item(desk, "/stock/moves", by="wes", limit=2, **asked)
    told = [(line["kind"], line["change"], line["balance"]) for line in lines]
    assert told == [
        ("purchased", "1", "12"),
        ("issued", "-4", "11"),
        ("purchased", "5", "15"),
        ("purchased", "10", "10"),
    ]
    since = await every_item(desk, "/stock/moves", by="wes", **asked, from_at=NOW.isoformat())
    assert [(line["change"], line["balance"]) for line in since] == [("1", "12"), ("-4", "11")]
    until = await every_item(desk, "/stock/moves", by="wes", **asked, to_at=NOW.isoformat())
    assert [(line["change"], line["balance"]) for line in until] == [("5", "15"), ("10", "10")]


async def test_movements_are_found_by_what_they_are_about(desk: Office, store: Warehouse) -> None:
    job, other = await desk.org.assigned_job(), await desk.org.assigned_job()
    await store.receive("main", "clamp", "10")
    await store.report(job, f.UsePart, "clamp", "1")
    await store.report(other, f.UsePart, "pump", "2")
    serial = s.StockLine(part_id=desk.org.parts["pump"], quantity=Decimal(1), serial="SN-7")
    priced = s.PricedStockLine(part_id=serial.part_id, quantity=serial.quantity, serial=serial.serial)
    await desk.org.ok(
        s.ReceiveStock(receipt_id=desk.org.new_id(), location_id=store.places["A-01"], lines=(priced,)), by="wes"
    )

    async def found(**params: Any) -> list[str]:
        return [line["kind"] for line in await every_item(desk, "/stock/moves", by="wes", **params)]

    assert sorted(await found()) == ["purchased", "purchased", "used", "used"]
    assert await found(job=str(job.job_id)) == ["used"]
    assert await found(part=str(desk.org.parts["pump"]), kind="used") == ["used"]
    assert await found(serial="SN-7") == ["purchased"]
    assert await found(serial="") == []
    assert await found(kind=["used", "returned"], location=str(desk.org.vans["alpha"])) == ["used", "used"]
    page = await desk.get("/stock/moves", by="wes", job=str(job.job_id))
    (line,) = page["items"]
    names = page["names"]
    assert (names[line["part_id"]], names[line["from_location_id"]], names[line["actor_id"]]) == (
        "clamp",
        "van-alpha",
        "Amy",
    )


@pytest.mark.parametrize(("by", "sees"), [("wes", True), ("dan", False), ("cal", False)])
async def test_costs_and_values_are_for_those_who_may_see_them(
    desk: Office, store: Warehouse, by: str, sees: bool
) -> None:
    await store.receive("main", "clamp", "4", cost="11")
    (line,) = await every_item(desk, "/stock/balances", by=by, location=str(store.places["main"]))
    (move,) = await every_item(desk, "/stock/moves", by=by)
    # The value is at today's cost of the catalogue, the movement keeps what was paid.
    assert Decimal(line["value"]) == 50 if sees else "value" not in line
    assert move["unit_cost"] == "11" if sees else "unit_cost" not in move


async def test_places_are_listed_by_code(desk: Office, store: Warehouse) -> None:
    async def found(**params: Any) -> list[str]:
        return [each["code"] for each in await every_item(desk, "/stock/locations", limit=2, **params)]

    assert await found(kind=["store", "bin"]) == ["A-01", "A-02", "main"]
    assert await found(parent=str(store.places["main"])) == ["A-01", "A-02"]
    assert await found(text="shelf", active="true") == ["A-01", "A-02"]
    assert await found(kind="van", text="van-a") == ["van-alpha"]
    assert await found(active="false") == []


async def test_pages_take_as_many_queries_however_much_there_is(desk: Office, store: Warehouse, still: Site) -> None:
    asked: dict[str, Any] = {"location": str(store.places["main"]), "part": str(desk.org.parts["clamp"])}

    async def queries() -> list[int]:
        found = []
        for path in ("/stock/moves", "/stock/balances"):
            ask = partial(desk.get, path, by="wes", **asked)
            found.append((await counted(still.services.pool, ask))[0])
        return found

    await store.receive("main", "clamp", "1")
    few = await queries()
    for _ in range(12):
        await store.receive("main", "clamp", "1")
    many = await queries()
    assert many == few
    assert max(few) <= 6


@pytest.mark.parametrize("path", ["/stock/locations", "/stock/balances", "/stock/moves"])
async def test_field_crews_and_strangers_read_no_stock_page(desk: Office, path: str) -> None:
    assert (await desk.raw(path, by="amy")).status_code == 403
    assert (await desk.site.client.get(f"/api/v1{path}")).status_code == 401


@pytest.mark.parametrize("path", ["/stock/locations", "/stock/balances", "/stock/moves"])
@pytest.mark.parametrize("cursor", ["nonsense!", "WyJuZXdlc3QiLCJ4IiwieSJd", "WyJzdG9jay5iYWxhbmNlcyIsIngiLCIwMTg5MGE1ZC1hYzk2LTc3NGItYmNjZS1iMzAyMDk5YTgwNTciXQ"])  # fmt: skip
async def test_a_cursor_that_is_none_is_refused(desk: Office, path: str, cursor: str) -> None:
    assert (await desk.raw(path, by="wes", cursor=cursor)).status_code == 422


async def test_nobody_sees_stock_of_another_organisation(
    desk: Office, still: Site, pool: asyncpg.Pool, seed: int
) -> None:
    theirs = await warehouse((await office(still, pool, seed + 1, "wes")).org)
    await theirs.receive("main", "clamp", "10")
    place, part = str(theirs.places["main"]), str(theirs.org.parts["clamp"])
    assert (await desk.raw("/stock/balances", by="wes", location=place)).status_code == 404
    for path in ("/stock/balances", "/stock/moves"):
        assert await every_item(desk, path, by="wes") == []
        assert await every_item(desk, path, by="wes", part=part) == []
    assert place not in [each["id"] for each in await every_item(desk, "/stock/locations", by="wes")]
