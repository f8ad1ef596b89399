"""Import of parts with all they have, of places and of opening balances: once, with the reasons, and the same again changes nothing."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.importing.engine import ImportOrder, import_file
from api.importing.fields import Noun
from api.importing.report import Report
from tests.arrange import NOW, Org

GTIN, OTHER = "9521234543213", "96385074"


def csv_of(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


async def imported(works: Org, noun: Noun, path: Path, *, dry_run: bool = False, source: str = "") -> Report:
    order = ImportOrder(org_id=works.id, noun=noun, path=path, dry_run=dry_run, source=source)
    return await import_file(works.pool, order, now=NOW)


async def one(owner: asyncpg.Connection, works: Org, kind: str, code: str) -> Any:
    row = await owner.fetchrow(f"select * from {kind} where org_id = $1 and code = $2", works.id, code)
    assert row is not None, f"{kind} {code}"
    return row


async def levels(owner: asyncpg.Connection, works: Org) -> dict[tuple[str, str], Decimal]:
    rows = await owner.fetch(
        "select s.code place, p.code part, l.quantity from stock_level l join stock_location s on s.org_id = $1 and s.id = l.location_id"
        " join part p on p.org_id = $1 and p.id = l.part_id where l.org_id = $1",
        works.id,
    )
    return {(row["place"], row["part"]): row["quantity"] for row in rows}


@pytest.fixture
async def stored(works: Org, tmp_path: Path) -> Org:
    """Give an organisation with a store, two bins and a few parts."""
    shelves = csv_of(
        tmp_path / "shelves.csv",
        "code,name,kind,store",
        "A-1,Shelf 1,,main",
        "A-2,Shelf 2,bin,main",
        "main,Main store,,",
    )
    assert (await imported(works, Noun.LOCATIONS, shelves)).made == 3
    return works


async def test_parts_come_with_barcodes_class_price_and_substitutes(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(
        tmp_path / "a.csv",
        "code,name,unit_cost,sale_price,class,barcode,substitutes,lot_tracked,serialised",
        f"V-25,Valve,4.20,9.90,valve,{GTIN};{OTHER},V-26;clamp;none,no,no",
        f"V-26,Valve long,4.10,,valve,{GTIN[:-1]}0,,no,no",
        "M-15,Meter,40,60,meter,,,,yes",
    )  # fmt: skip
    report = await imported(works, Noun.PARTS, path)
    assert (report.made, report.refused, report.count("gtin_wrong"), report.count("unknown_code")) == (3, 0, 1, 1)
    valve, longer, meter = [await one(owner, works, "part", code) for code in ("V-25", "V-26", "M-15")]
    assert (valve["price"], valve["unit_cost"], valve["part_class"]) == (Decimal("9.90"), Decimal("4.20"), "valve")
    assert valve["gtins"] == [GTIN, OTHER]
    assert valve["substitutes"] == [str(longer["id"]), str(works.parts["clamp"])]
    assert (longer["gtins"], longer["price"]) == ([], None)
    assert (meter["serialised"], meter["part_class"]) == (True, "meter")
    assert (await imported(works, Noun.PARTS, path)).unchanged == 3


async def test_a_column_of_prices_alone_is_what_a_part_costs(
    works: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await imported(works, Noun.PARTS, csv_of(tmp_path / "a.csv", "code,price", "V-25,4.20"))
    part = await one(owner, works, "part", "V-25")
    assert (part["unit_cost"], part["price"]) == (Decimal("4.20"), None)


async def test_what_a_file_does_not_say_of_a_part_stays(works: Org, owner: asyncpg.Connection, tmp_path: Path) -> None:
    await imported(works, Noun.PARTS, csv_of(tmp_path / "a.csv", "code,unit_cost,gtin,class", f"V-25,4,{GTIN},valve"))
    await imported(works, Noun.PARTS, csv_of(tmp_path / "a.csv", "code,unit_cost", "V-25,5"))
    part = await one(owner, works, "part", "V-25")
    assert (part["unit_cost"], part["gtins"], part["part_class"]) == (Decimal(5), [GTIN], "valve")
    await imported(works, Noun.PARTS, csv_of(tmp_path / "a.csv", "code,unit_cost,gtin", "V-25,5,"))
    assert (await one(owner, works, "part", "V-25"))["gtins"] == []


async def test_places_come_with_what_they_belong_to_wherever_that_stands_in_the_file(
    stored: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    main, shelf = await one(owner, stored, "stock_location", "main"), await one(owner, stored, "stock_location", "A-1")
    assert (main["kind"], main["parent_id"], shelf["kind"], shelf["parent_id"]) == ("store", None, "bin", main["id"])
    path = csv_of(
        tmp_path / "b.csv",
        "code,name,kind,store",
        "A-1,Top shelf,,main",
        "mend,Workshop,repair shop,",
        "X,,bin,nowhere",
        "Y,,castle,",
    )
    report = await imported(stored, Noun.LOCATIONS, path)
    assert (report.changed, report.count("unknown_code"), report.count("value_unreadable")) == (1, 1, 1)
    assert (await one(owner, stored, "stock_location", "A-1"))["name"] == "Top shelf"
    assert (await one(owner, stored, "stock_location", "mend"))["kind"] == "repair_shop"
    assert (await imported(stored, Noun.LOCATIONS, path)).made == 0


STOCK = (
    "location,part,qty,lot,serial,cost,date",
    "main,clamp,12.5,,,11,2026-01-31",
    "A-1,clamp,3,,,,",
    "A-1,pump,1,,SN-1,,",
    "A-1,pump,1,,SN-2,,",
    "A-2,valve,0,,,,",
)


async def test_openings_are_booked_once_with_cost_and_day(
    stored: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "s.csv", *STOCK)
    trial = await imported(stored, Noun.STOCK, path, dry_run=True)
    assert (trial.made, trial.refused, await levels(owner, stored)) == (4, 0, {})
    report = await imported(stored, Noun.STOCK, path)
    assert (report.made, report.unchanged, report.refused) == (4, 1, 0)
    held = {("main", "clamp"): Decimal("12.5"), ("A-1", "clamp"): Decimal(3), ("A-1", "pump"): Decimal(2)}
    assert await levels(owner, stored) == held
    move = await owner.fetchrow("select * from stock_move where org_id = $1 and quantity = 12.5", stored.id)
    assert move is not None
    assert (move["kind"], move["unit_cost"], move["occurred_at"]) == (
        "opening",
        Decimal(11),
        datetime(2026, 1, 30, 16, tzinfo=UTC),
    )
    again = await imported(stored, Noun.STOCK, path)
    assert (again.made, again.changed, again.unchanged, again.notes) == (0, 0, 5, ())
    # A renamed file, sorted otherwise, exported by another system: a ledger still begins once.
    other = csv_of(tmp_path / "other.csv", STOCK[0], *reversed(STOCK[1:]))
    assert (await imported(stored, Noun.STOCK, other, source="erp")).made == 0
    assert await levels(owner, stored) == held


async def test_other_figures_for_what_was_opened_are_reported_and_change_nothing(
    stored: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await imported(stored, Noun.STOCK, csv_of(tmp_path / "s.csv", *STOCK))
    before = await levels(owner, stored)
    report = await imported(
        stored, Noun.STOCK, csv_of(tmp_path / "s.csv", STOCK[0], "main,clamp,40,,,,", "A-2,clamp,1,,,,")
    )
    assert (report.made, report.refused, report.count("opening_known")) == (1, 0, 1)
    assert await levels(owner, stored) == {**before, ("A-2", "clamp"): Decimal(1)}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nowhere,clamp,1,,,,", "unknown_location"),
        ("main,nothing,1,,,,", "unknown_part"),
        ("main,clamp,,,,,", "value_missing"),
        ("main,clamp,-1,,,,", "quantity_invalid"),
        ("main,clamp,many,,,,", "value_unreadable"),
        ("main,clamp,1,,,-2,", "number_invalid"),
        ("main,clamp,1,,,,2027-01-01", "as_of_future"),
        ("supplier,clamp,1,,,,", "unknown_location"),
    ],
)
async def test_a_row_that_cannot_be_opened_is_refused_with_the_reason(
    stored: Org, owner: asyncpg.Connection, tmp_path: Path, line: str, reason: str
) -> None:
    report = await imported(stored, Noun.STOCK, csv_of(tmp_path / "s.csv", STOCK[0], line, "A-2,clamp,1,,,,"))
    assert (report.made, report.refused, report.count(reason)) == (1, 1, 1)
    assert await levels(owner, stored) == {("A-2", "clamp"): Decimal(1)}


async def test_of_two_rows_about_the_same_piece_the_first_counts(
    stored: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "s.csv", STOCK[0], "main,clamp,4,L1,,,", "main,clamp,5,L1,,,", "main,clamp,6,,L1,,")
    report = await imported(stored, Noun.STOCK, path)
    assert (report.made, report.refused, report.count("key_repeated_refused")) == (2, 1, 1)
    assert await levels(owner, stored) == {("main", "clamp"): Decimal(10)}


async def test_an_opening_that_was_refused_comes_in_once_its_cause_is_mended(
    stored: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    path = csv_of(tmp_path / "s.csv", STOCK[0], "A-9,clamp,7,,,,")
    assert (await imported(stored, Noun.STOCK, path)).refused == 1
    await imported(stored, Noun.LOCATIONS, csv_of(tmp_path / "l.csv", "code,store", "A-9,main"))
    assert (await imported(stored, Noun.STOCK, path)).made == 1
    assert await levels(owner, stored) == {("A-9", "clamp"): Decimal(7)}


@pytest.mark.slow
async def test_thousands_of_rows_come_in_bounded_transactions(
    stored: Org, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    rows = [f"A-1,pump,1,,SN-{n},," for n in range(1000)]
    report = await imported(stored, Noun.STOCK, csv_of(tmp_path / "s.csv", STOCK[0], *rows))
    assert (report.made, report.refused) == (1000, 0)
    assert await levels(owner, stored) == {("A-1", "pump"): Decimal(1000)}
