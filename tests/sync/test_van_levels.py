"""What a van holds is on the phones of the crews that have it, and on no others, also while the van changes hands."""

import asyncio
from decimal import Decimal
from uuid import UUID

import asyncpg
import msgspec
import pytest

from mobile_contract.rules.stock import level_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.people import Crew
from mobile_contract.schema.stock import LocationKind, StockLevel, StockLocation, StockTransfer
from sync import verify
from sync.life import ensure_life
from tests.arrange import NOW, Org, organisation
from tests.devices import StrictDevice
from tests.jobs import stored


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    await ensure_life(pool)
    return await organisation(pool, seed)


async def phone(org: Org, person: str) -> StrictDevice:
    return StrictDevice(org_id=org.id, id=(await org.device(person)).id, person_id=org.people[person])


async def shown(device: StrictDevice, org: Org, kind: str) -> dict[UUID, bytes]:
    await device.catch_up(org.pool, now=NOW)
    return {key[1]: doc[2] for copy in device.copies.values() for key, doc in copy.items() if key[0] == kind}


def taking(org: Org, part: str = "clamp", quantity: int = 2) -> t.TakeOverParts:
    line = s.StockLine(part_id=org.parts[part], quantity=Decimal(quantity))
    return t.TakeOverParts(transfer_id=org.new_id(), lines=(line,))


async def give_van(org: Org, crew: str, van: UUID | None) -> None:
    known = await stored.one(org, Crew, org.crews[crew])
    await org.ok(d.SaveCrew(crew=msgspec.structs.replace(known, van_id=van)), by="ada")


async def test_a_crew_sees_its_van_and_not_another(org: Org) -> None:
    amy, bob = await phone(org, "amy"), await phone(org, "bob")
    await org.ok(taking(org), by="ali")
    (body,) = (await shown(amy, org, "stock_level")).values()
    assert msgspec.json.decode(body, type=StockLevel).quantity == Decimal(2)
    assert await shown(bob, org, "stock_level") == {}
    assert len(await shown(amy, org, "stock_transfer")) == 1 and await shown(bob, org, "stock_transfer") == {}


async def test_a_van_that_changes_hands_takes_its_levels_along(org: Org) -> None:
    amy, bob = await phone(org, "amy"), await phone(org, "bob")
    await org.ok(taking(org), taking(org, "pump"), by="amy")
    assert len(await shown(amy, org, "stock_level")) == 2
    await give_van(org, "alpha", None)
    await give_van(org, "beta", org.vans["alpha"])
    assert await shown(amy, org, "stock_level") == {} == await shown(amy, org, "stock_transfer")
    assert (len(await shown(bob, org, "stock_level")), len(await shown(bob, org, "stock_transfer"))) == (2, 2)


async def test_what_is_handed_over_is_on_both_phones_until_both_agree(org: Org) -> None:
    amy, bob = await phone(org, "amy"), await phone(org, "bob")
    take = taking(org)
    give = t.HandOverParts(transfer_id=take.transfer_id, to_location_id=org.vans["beta"], lines=take.lines)
    await org.ok(give, by="amy")
    for device in (amy, bob):
        (body,) = (await shown(device, org, "stock_transfer")).values()
        assert msgspec.json.decode(body, type=StockTransfer).lines[0].sent == Decimal(2)
    await org.ok(take, by="bob")
    assert await shown(amy, org, "stock_transfer") == {} == await shown(bob, org, "stock_transfer")


async def test_vans_and_stores_in_use_are_known_to_everybody_and_bins_are_not(org: Org) -> None:
    store, bin = org.new_id(), org.new_id()
    places = (
        StockLocation(id=store, code="central", kind=LocationKind.STORE),
        StockLocation(id=bin, code="a1", kind=LocationKind.BIN, parent_id=store),
    )
    await org.ok(*(d.SaveStockLocation(location=place) for place in places), by="wes")
    bob = await phone(org, "bob")
    assert set(await shown(bob, org, "stock_location")) == {store, *org.vans.values()}
    closed = msgspec.structs.replace(places[0], active=False)
    await org.ok(d.SaveStockLocation(location=closed), by="wes")
    assert set(await shown(bob, org, "stock_location")) == set(org.vans.values())


@pytest.mark.parametrize("turn", range(4))
async def test_a_first_part_in_a_van_that_changes_hands_at_once_is_seen_by_the_right_crew(
    owner: asyncpg.Connection, org: Org, turn: int
) -> None:
    van = org.vans["alpha"]
    for crew in ("beta", "alpha", "beta"):
        line = s.PricedStockLine(part_id=org.parts[("clamp", "pump", "valve")[turn % 3]], quantity=Decimal(1))
        opening = s.OpenStock(opening_id=org.new_id(), location_id=van, lines=(line,))
        await asyncio.gather(give_van(org, crew, van), org.ok(opening, by="wes"), org.ok(taking(org), by="amy"))
    found = [x async for part in verify.verify(owner, org.id, now=NOW) for x in part.drifts if x.kind == "stock_level"]
    assert found == []
    assert await owner.fetchval(
        "select count(*) from stock_level where org_id = $1 and id = $2", org.id, level_id(van, line.part_id)
    )
