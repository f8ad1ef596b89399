"""The demo's month: a warehouse with what it should have, and a last day of which the seeded discrepancies are found and nothing else."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
from biip.gtin import Gtin

from api.demo import catalogue, founding, month, shelves
from api.demo.books import Act, Books, Cast
from api.demo.founding import Founded
from api.demo.playing import the_city
from mobile_contract.schema.reconciliation import ExceptionKind
from mobile_contract.schema.reconciliation_commands import ReconcileDay
from sync.life import ensure_life
from sync.transaction import org_transaction
from tests.api.demo.conftest import EVENING, ZONE, new_slug

TODAY = EVENING.date()
_EXCEPTIONS = "select kind, job_id, state, day from stock_exception where org_id = $1 and state = 'open'"
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Lived:
    """A demo organisation with its month, and the database to look at."""

    pool: asyncpg.Pool
    founded: Founded
    month: month.Month

    async def rows(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        async with org_transaction(self.pool, self.founded.org_id) as conn:
            found: list[asyncpg.Record] = await conn.fetch(sql, self.founded.org_id, *values)
        return found

    async def reconcile(self, *days: date) -> None:
        books = Books(self.pool, self.founded.org_id)
        store = Cast(self.founded).office("warehouse")
        for n, day in enumerate(days):
            await books.send([Act(EVENING + timedelta(seconds=n), store, ReconcileDay(day=day))])


@pytest.fixture(scope="module")
async def lived(pool: asyncpg.Pool) -> Lived:
    await ensure_life(pool)
    founded = await founding.found(pool, new_slug(), the_city(), zone=ZONE, now=EVENING)
    told: list[tuple[int, int]] = []
    done = await month.live(pool, founded, TODAY, progress=lambda *days: told.append(days))
    assert told[-1] == (30, 30)
    return Lived(pool, founded, done)


async def test_the_seeded_discrepancies_of_the_last_day_are_found_and_nothing_else(lived: Lived) -> None:
    assert set(lived.month.discrepancies) == {
        ExceptionKind.SHORT,
        ExceptionKind.OVER,
        ExceptionKind.UNKNOWN_JOB,
        ExceptionKind.MISSING_SIGNATURE,
        ExceptionKind.SERIAL_MISMATCH,
    }
    # A van below zero says so at once; on which job it was is for the reconciliation to find.
    before = await lived.rows("select kind, state, day from stock_exception where org_id = $1")
    assert [tuple(row) for row in before] == [("van_below_zero", "open", lived.month.last)]
    await lived.reconcile(lived.month.last)
    found = await lived.rows(_EXCEPTIONS)
    assert {(row["kind"], row["job_id"]) for row in found} == set(lived.month.discrepancies.items())
    assert len(found) == 5
    assert {(row["state"], row["day"]) for row in found} == {("open", lived.month.last)}
    # Looking again, at every day, finds the same.
    await lived.reconcile(*(lived.month.first + timedelta(days=n) for n in range(month.DAYS)))
    again = await lived.rows(_EXCEPTIONS)
    assert sorted(map(tuple, again), key=str) == sorted(map(tuple, found), key=str)


async def test_every_day_before_it_was_reconciled_and_agreed(lived: Lived) -> None:
    days = await lived.rows(
        "select day, matched, found from reconciliation where org_id = $1 and day < $2", lived.month.last
    )
    assert len(days) == month.DAYS - 1
    assert all(row["found"] == [] for row in days)
    assert sum(row["matched"] for row in days) > 100


async def test_the_catalogue_has_300_parts_with_prices_and_barcodes_of_their_own(lived: Lived) -> None:
    rows = await lived.rows("select code, gtins, price, unit_cost from part where org_id = $1")
    assert len(rows) == len(catalogue.items()) == 300
    gtins = [gtin for row in rows for gtin in row["gtins"]]
    assert len(set(gtins)) == 300
    assert all(Gtin.parse(gtin).value == gtin and gtin.startswith("952") for gtin in gtins)
    assert all(row["price"] > row["unit_cost"] > 0 for row in rows)


async def test_the_warehouse_has_bins_and_twelve_vans_with_stock(lived: Lived) -> None:
    rows = await lived.rows(
        "select s.kind, count(distinct s.id)::int places, count(l.id)::int levels from stock_location s"
        " left join stock_level l on l.org_id = $1 and l.location_id = s.id and l.quantity <> 0"
        " where s.org_id = $1 and s.kind in ('store', 'bin', 'van') group by 1"
    )
    held = {row["kind"]: (row["places"], row["levels"]) for row in rows}
    assert (held["store"][0], held["bin"][0], held["van"][0]) == (1, len(shelves.BINS), 12)
    assert all(levels > 0 for _, levels in held.values())


async def test_the_ledger_of_the_month_balances(lived: Lived) -> None:
    off = await lived.rows(
        "select m.location_id, m.part_id from (select to_location_id location_id, part_id, quantity from stock_move where org_id = $1"
        " union all select from_location_id, part_id, -quantity from stock_move where org_id = $1) m"
        " join stock_location s on s.org_id = $1 and s.id = m.location_id and s.kind in ('store', 'bin', 'van', 'repair_shop')"
        " left join stock_level l on l.org_id = $1 and l.location_id = m.location_id and l.part_id = m.part_id"
        " group by 1, 2, l.quantity having sum(m.quantity) <> coalesce(l.quantity, 0)"
    )
    assert off == []
    below = await lived.rows(
        "select s.code, p.code from stock_level l join stock_location s on s.org_id = $1 and s.id = l.location_id"
        " join part p on p.org_id = $1 and p.id = l.part_id where l.org_id = $1 and l.quantity < 0"
    )
    # The van whose crew says that it built in more than it was given.
    assert [tuple(row) for row in below] == [("van-crew-02", "coupling-100")]


async def test_a_month_has_all_kinds_of_movements_and_ends_with_empty_queues(lived: Lived) -> None:
    rows = await lived.rows("select kind, count(*)::int n from stock_move where org_id = $1 group by 1")
    kinds = Counter({row["kind"]: row["n"] for row in rows})
    assert set(kinds) >= {
        "opening", "purchased", "issued", "received", "used", "returned", "taken_back", "shipped", "taken_over", "handed_over",
        "put_away", "scrapped", "lent", "loan_back", "sent_to_repair", "back_from_repair",
    }  # fmt: skip
    assert kinds["issued"] == kinds["received"] > 200
    states = {row["state"] for row in await lived.rows("select distinct state from job where org_id = $1")}
    assert states == {"closed", "cancelled"}
    waiting = await lived.rows("select id from approval where org_id = $1 and state = 'waiting'")
    out = await lived.rows("select id from issue_slip where org_id = $1 and received_at is null")
    assert waiting == out == []


async def test_a_month_that_is_lived_again_changes_nothing(lived: Lived) -> None:
    before = await lived.rows("select count(*) n, sum(ver) v from sync_doc where org_id = $1")
    moves = await lived.rows("select count(*) from stock_move where org_id = $1")
    again = await month.live(lived.pool, lived.founded, TODAY)
    assert (again.discrepancies, again.last) == (lived.month.discrepancies, lived.month.last)
    assert await lived.rows("select count(*) from stock_move where org_id = $1") == moves
    assert await lived.rows("select count(*) n, sum(ver) v from sync_doc where org_id = $1") == before
