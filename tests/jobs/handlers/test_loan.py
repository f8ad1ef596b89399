"""Loans: a deposit, a price per night, and never more back than went out."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from jobs.stock_locations import LOAN, place_id
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.stock import StockLoan
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.shelves import Shelves, shelves


@pytest.fixture
async def at(org: Org) -> Shelves:
    return await shelves(org)


def lending(at: Shelves, quantity: str = "2") -> s.LendStock:
    return s.LendStock(
        loan_id=at.org.new_id(),
        location_id=at.store,
        part_id=at.part("pump"),
        quantity=Decimal(quantity),
        borrower="Plaza shop 12",
        deposit=Decimal(300),
        overnight_charge=Decimal("5.50"),
        due_at=NOW + timedelta(days=1),
    )


def back(at: Shelves, loan: s.LendStock, quantity: str, deposit: str = "0") -> s.TakeBackLoan:
    return s.TakeBackLoan(
        loan_id=loan.loan_id,
        move_id=at.org.new_id(),
        quantity=Decimal(quantity),
        deposit_returned=Decimal(deposit),
    )


async def test_a_loan_leaves_the_store_against_a_deposit(at: Shelves) -> None:
    await at.receive("3", "pump")
    loan = lending(at)
    await at.ok(loan)
    kept = await stored.one(at.org, StockLoan, loan.loan_id)
    assert (kept.deposit, kept.currency, kept.lent_at, kept.returned_at) == (Decimal(300), "CNY", NOW, None)
    assert (await at.held(at.store, "pump"), await at.folded(place_id(at.org.id, LOAN), "pump")) == (
        Decimal(1),
        Decimal(2),
    )
    assert (await at.answer(loan)).code == "unchanged"
    assert (await at.answer(msgspec.structs.replace(loan, deposit=Decimal(1)))).code == "id_reused"
    assert (await at.answer(lending(at))).code == "stock_short"


async def test_each_night_is_charged_for_each_piece_that_was_out(at: Shelves) -> None:
    await at.receive("3", "pump")
    loan = lending(at)
    await at.ok(loan)
    await at.ok(back(at, loan, "1", "100"), now=NOW + timedelta(hours=13, minutes=59))
    assert (await stored.one(at.org, StockLoan, loan.loan_id)).charge == 0
    last = back(at, loan, "1", "200")
    await at.ok(last, now=NOW + timedelta(days=2))
    done = await stored.one(at.org, StockLoan, loan.loan_id)
    assert (done.charge, done.returned, done.deposit_returned) == (Decimal(11), Decimal(2), Decimal(300))
    assert done.returned_at == NOW + timedelta(days=2)
    assert await at.held(at.store, "pump") == Decimal(3)
    assert (await at.answer(last)).code == "unchanged"


@pytest.mark.parametrize(
    ("quantity", "deposit", "field"), [("3", "0", "quantity"), ("1", "300.01", "deposit_returned")]
)
async def test_no_more_comes_back_than_went_out(at: Shelves, quantity: str, deposit: str, field: str) -> None:
    await at.receive("3", "pump")
    loan = lending(at)
    await at.ok(loan)
    answer = await at.answer(back(at, loan, quantity, deposit))
    assert (answer.code, answer.detail["field"]) == ("loan_exceeded", field)


async def test_a_loan_nobody_made_or_of_a_negative_deposit_is_refused(at: Shelves) -> None:
    await at.receive("3", "pump")
    assert (await at.answer(back(at, lending(at), "1"))).code == "unknown_reference"
    assert (await at.answer(msgspec.structs.replace(lending(at), deposit=Decimal(-1)))).code == "number_invalid"
    nobody = msgspec.structs.replace(lending(at), person_id=at.org.new_id())
    assert (await at.answer(nobody)).code == "unknown_reference"
