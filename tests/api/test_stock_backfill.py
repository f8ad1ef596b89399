"""The step that begins to keep levels: it makes of the moves that are there exactly the levels that commands would have kept."""

from pathlib import Path

import asyncpg
import pytest

import api.migrations
from mobile_contract.rules.stock import level_id
from tests.arrange import Org
from tests.sync.ledger_world import yard

STEP = Path(api.migrations.__file__).parent / "versions" / "0007_stock.sql"
_LEVELS = "select id, location_id, part_id, quantity from stock_level where org_id = $1 order by id"


def statement(beginning: str) -> str:
    (found,) = (s for s in STEP.read_text(encoding="utf-8").split(";\n\n") if beginning in s)
    return found


async def played(pool: asyncpg.Pool, seed: int) -> Org:
    made = await yard(pool, seed)
    for told in made.told_by_crews(30):
        await made.org.ok(told.command, by=told.by, now=told.at)
    return made.org


async def test_levels_that_are_made_of_old_moves_are_those_that_commands_keep(
    pool: asyncpg.Pool, owner: asyncpg.Connection, seed: int
) -> None:
    org = await played(pool, seed)
    kept = [tuple(row) for row in await owner.fetch(_LEVELS, org.id)]
    transaction = owner.transaction()
    await transaction.start()
    try:
        await owner.execute("delete from stock_level where org_id = $1", org.id)
        # Other organisations' levels are there already, as they are not in an upgrade.
        await owner.execute(statement("insert into stock_level") + " on conflict do nothing")
        made = [tuple(row) for row in await owner.fetch(_LEVELS, org.id)]
    finally:
        await transaction.rollback()
    assert {row for row in kept if row[3]} == {row for row in made if row[3]}
    assert all(row[0] == level_id(row[1], row[2]) for row in made)
    assert len(made) > 3


@pytest.mark.parametrize(("before", "after"), [("warehouse", "store"), ("van", "van"), ("customer", "customer")])
async def test_a_place_of_a_kind_that_the_ledger_does_not_know_becomes_a_store(
    pool: asyncpg.Pool, owner: asyncpg.Connection, seed: int, before: str, after: str
) -> None:
    org = (await yard(pool, seed)).org
    transaction = owner.transaction()
    await transaction.start()
    try:
        await owner.execute("update stock_location set kind = $2 where org_id = $1", org.id, before)
        await owner.execute(statement("update stock_location"))
        kinds = {row["kind"] for row in await owner.fetch("select kind from stock_location where org_id = $1", org.id)}
        assert kinds == {after}
    finally:
        await transaction.rollback()
