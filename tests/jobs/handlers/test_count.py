"""Counts: differences become moves, and what becomes known later, of before a count, changes nothing that the count found."""

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from jobs.stock_locations import COUNT_DIFFERENCE, place_id
from mobile_contract.schema import facts as f
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.stock import CountMode, MoveKind, StockCount, StockMove
from tests.arrange import NOW, Assigned, Org, organisation
from tests.jobs import stored
from tests.jobs.phones import from_phone
from tests.jobs.shelves import MINUTE, Shelves, shelves


@pytest.fixture
async def at(org: Org) -> Shelves:
    return await shelves(org)


def counting(at: Shelves, *lines: s.CountLine, place: UUID | None = None, **more: object) -> s.CountStock:
    return s.CountStock(count_id=at.org.new_id(), location_id=place or at.store, lines=lines, **more)  # type: ignore[arg-type]


async def differences(at: Shelves, count_id: UUID) -> Decimal:
    moves = [m for m in await stored.every(at.org, StockMove) if m.count_id == count_id]
    assert {m.kind for m in moves} <= {MoveKind.COUNTED}
    lost = place_id(at.org.id, COUNT_DIFFERENCE)
    return sum((m.quantity if m.from_location_id == lost else -m.quantity for m in moves), Decimal(0))


async def test_a_difference_becomes_a_move_in_either_direction(at: Shelves) -> None:
    await at.receive("10")
    await at.receive("3", "pump")
    count = counting(at, at.found("8.5"), at.found("4", "pump"))
    await at.ok(count, now=NOW + MINUTE)
    assert (await at.held(at.store), await at.held(at.store, "pump")) == (Decimal("8.5"), Decimal(4))
    kept = await stored.one(at.org, StockCount, count.count_id)
    told = {line.part_id: (line.expected, line.quantity) for line in kept.lines}
    assert told == {at.part(): (Decimal(10), Decimal("8.5")), at.part("pump"): (Decimal(3), Decimal(4))}
    assert (kept.mode, kept.counted_by, kept.as_of) == (CountMode.BLIND, at.org.people["wes"], NOW + MINUTE)
    assert (await at.level(at.store)).counted_at == NOW + MINUTE


async def test_a_count_that_finds_what_was_expected_is_kept(at: Shelves) -> None:
    await at.receive("10")
    count = counting(at, at.found("10"), mode=CountMode.OPEN, note="all there")
    await at.ok(count, now=NOW + MINUTE)
    kept = await stored.one(at.org, StockCount, count.count_id)
    assert (kept.mode, kept.note, kept.lines[0].expected) == (CountMode.OPEN, "all there", Decimal(10))
    assert [m.kind for m in await stored.every(at.org, StockMove)] == [MoveKind.PURCHASED]
    assert (await at.answer(count, now=NOW + 2 * MINUTE)).code == "unchanged"
    assert (await at.answer(msgspec.structs.replace(count, note="x"))).code == "id_reused"


async def test_a_count_as_of_this_morning_leaves_what_came_since(at: Shelves) -> None:
    await at.receive("10")
    await at.receive("7", now=NOW + 5 * MINUTE)
    await at.ok(counting(at, at.found("6"), as_of=NOW + MINUTE), now=NOW + 9 * MINUTE)
    assert await at.held(at.store) == Decimal(13)


async def test_nobody_counts_tomorrow_or_a_place_where_nothing_is_kept(at: Shelves) -> None:
    assert (await at.answer(counting(at, at.found("1"), as_of=NOW + MINUTE))).code == "as_of_future"
    await at.receive("1")
    elsewhere = counting(at, at.found("1"), place=place_id(at.org.id, COUNT_DIFFERENCE))
    assert (await at.answer(elsewhere)).code == "unknown_reference"
    assert (await at.answer(counting(at, at.found("-1")))).code == "quantity_invalid"


async def test_a_count_of_the_past_that_makes_the_store_negative_is_refused(at: Shelves) -> None:
    await at.receive("10")
    scrap = s.ScrapStock(
        move_id=at.org.new_id(), location_id=at.store, part_id=at.part(), quantity=Decimal(6), reason="rust"
    )
    await at.ok(scrap, now=NOW + 5 * MINUTE)
    answer = await at.answer(counting(at, at.found("5"), as_of=NOW + MINUTE), now=NOW + 9 * MINUTE)
    assert (answer.status, answer.code) == ("rejected", "stock_short")
    assert await at.held(at.store) == Decimal(4)
    await at.ok(counting(at, at.found("6"), as_of=NOW + MINUTE), now=NOW + 9 * MINUTE)
    assert await at.held(at.store) == 0


async def test_a_move_of_before_a_count_that_comes_late_changes_no_level(at: Shelves) -> None:
    org, van = at.org, at.org.vans["alpha"]
    job = await org.assigned_job()
    count = t.CountVan(count_id=org.new_id(), lines=(at.found("4"),))
    await from_phone(org, count, by="amy", now=NOW + 10 * MINUTE)
    used = f.UsePart(
        job_id=job.job_id, visit_id=job.visit_id, move_id=org.new_id(), part_id=at.part(), quantity=Decimal(3)
    )
    (late,) = await from_phone(org, used, by="ali", now=NOW + 5 * MINUTE)
    assert late.flags == ()
    assert await at.held(van) == Decimal(4) == await at.folded(van)
    assert await differences(at, count.count_id) == Decimal(7)
    after = msgspec.structs.replace(used, move_id=org.new_id())
    await from_phone(org, after, by="ali", now=NOW + 11 * MINUTE)
    assert await at.held(van) == Decimal(1) == await at.folded(van)


async def test_a_reversed_mistake_of_before_a_count_leaves_what_the_count_found(at: Shelves) -> None:
    await at.receive("10")
    scrap = s.ScrapStock(
        move_id=at.org.new_id(), location_id=at.store, part_id=at.part(), quantity=Decimal(2), reason="rust"
    )
    await at.ok(scrap, now=NOW + MINUTE)
    count = counting(at, at.found("10"))
    await at.ok(count, now=NOW + 2 * MINUTE)
    assert await differences(at, count.count_id) == Decimal(2)
    await at.ok(s.ReverseMove(move_id=scrap.move_id, reason="it was another"), now=NOW + 3 * MINUTE)
    assert await at.held(at.store) == Decimal(10)
    assert await differences(at, count.count_id) == 0


def story(org: Org, at: Shelves, job: Assigned) -> list[tuple[Command, int]]:
    """Give two counts and the moves around them, with the minute of each."""

    def moved(kind: type[f.VisitFact], quantity: str) -> Command:
        fields: dict[str, Any] = {"move_id": org.new_id(), "part_id": at.part(), "quantity": Decimal(quantity)}
        return kind(job_id=job.job_id, visit_id=job.visit_id, **fields)

    def counted(quantity: str) -> Command:
        return t.CountVan(count_id=org.new_id(), lines=(at.found(quantity),))

    return [
        (moved(f.ReceivePart, "10"), 0),
        (moved(f.UsePart, "3"), 10),
        (counted("6"), 10),
        (moved(f.UsePart, "1"), 20),
        (counted("7"), 30),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::7])
async def test_every_order_of_arrival_ends_in_the_same_balances(
    pool: asyncpg.Pool, seed: int, order: tuple[int, ...]
) -> None:
    org = await organisation(pool, seed)
    at, job = await shelves(org), await org.assigned_job(now=NOW - timedelta(days=1))
    told = story(org, at, job)
    for n in order:
        command, minute = told[n]
        (answer,) = await from_phone(org, command, by="amy", now=NOW + minute * MINUTE)
        assert answer.status == "applied", answer
    van, first, second = org.vans["alpha"], told[2][0], told[4][0]
    assert isinstance(first, t.CountVan) and isinstance(second, t.CountVan)
    assert await at.held(van) == Decimal(7) == await at.folded(van)
    assert (await differences(at, first.count_id), await differences(at, second.count_id)) == (Decimal(-1), Decimal(2))


async def test_two_counts_of_one_instant_stand_in_the_order_of_their_ids(at: Shelves) -> None:
    await at.receive("10")
    one, two = (counting(at, at.found(quantity)) for quantity in ("8", "9"))
    last = max((one, two), key=lambda c: c.count_id.int)
    await at.ok(two, now=NOW + MINUTE)
    await at.ok(one, now=NOW + MINUTE)
    assert await at.held(at.store) == last.lines[0].quantity == await at.folded(at.store)


async def test_a_part_found_in_two_places_of_a_van_is_added_up(at: Shelves) -> None:
    count = t.CountVan(count_id=at.org.new_id(), lines=(at.found("4"), at.found("1.5")))
    (answer,) = await from_phone(at.org, count, by="amy")
    assert (answer.status, await at.held(at.org.vans["alpha"])) == ("applied", Decimal("5.5"))


async def test_counts_of_one_batch_see_each_other(at: Shelves) -> None:
    await at.receive("10")
    early = counting(at, at.found("8"), as_of=NOW + MINUTE)
    late = counting(at, at.found("9"), as_of=NOW + 2 * MINUTE)
    await at.ok(late, early, now=NOW + 5 * MINUTE)
    assert await at.held(at.store) == Decimal(9) == await at.folded(at.store)
    assert (await differences(at, early.count_id), await differences(at, late.count_id)) == (Decimal(-2), Decimal(1))
