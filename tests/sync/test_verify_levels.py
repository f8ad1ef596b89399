"""`onsite sync verify` finds a level that is not the fold of its moves, and `rebuild` mends it, on the phones too."""

from decimal import Decimal

import asyncpg
import pytest

from mobile_contract.rules.stock import level_id
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from sync import verify
from sync.life import ensure_life
from tests.arrange import NOW, Org, organisation
from tests.devices import StrictDevice, assert_device_equals_server

DAMAGE = {
    "another quantity": ("update stock_level set quantity = quantity + 0.5 where org_id = $1 and id = $2", "kept 4.5"),
    "no row": ("delete from stock_level where org_id = $1 and id = $2", "kept None"),
    "a move went": (
        "with found as (select id level from stock_level where org_id = $1 and id = $2) "
        "delete from stock_move where org_id = $1 and exists (select from found)",
        "moves give 0",
    ),
}


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    await ensure_life(pool)
    made = await organisation(pool, seed)
    line = s.StockLine(part_id=made.parts["clamp"], quantity=Decimal(4))
    await made.ok(t.TakeOverParts(transfer_id=made.new_id(), lines=(line,)), by="amy")
    return made


async def drifts_of(owner: asyncpg.Connection, org: Org) -> list[verify.Drift]:
    found = [drift async for checked in verify.verify(owner, org.id, now=NOW) for drift in checked.drifts]
    return [drift for drift in found if drift.kind != "device"]


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_level_that_is_not_its_moves_is_found_and_mended(
    pool: asyncpg.Pool, owner: asyncpg.Connection, org: Org, damage: str
) -> None:
    statement, told = DAMAGE[damage]
    device = StrictDevice(org_id=org.id, id=(await org.device("ali")).id, person_id=org.people["ali"])
    await device.catch_up(pool, now=NOW)
    id = level_id(org.vans["alpha"], org.parts["clamp"])
    assert await drifts_of(owner, org) == []
    await owner.execute(statement, org.id, id)
    wrong = [drift for drift in await drifts_of(owner, org) if drift.fault == "level"]
    assert [(drift.kind, drift.id) for drift in wrong] == [("stock_level", id)] and told in wrong[0].detail
    await verify.rebuild(owner, org.id, await drifts_of(owner, org), now=NOW)
    assert await drifts_of(owner, org) == []
    await assert_device_equals_server(device, pool, now=NOW)
    expected = 0 if damage == "a move went" else 4
    assert (
        await owner.fetchval("select quantity from stock_level where org_id = $1 and id = $2", org.id, id) == expected
    )
