"""Storms are declared, changed and ended; every phone holds those in force, and the database says the level of each district."""

from datetime import timedelta

import asyncpg
import msgspec

from jobs.store.storms import Levels, storm_levels, storms_in_force
from mobile_contract.schema.base import Priority
from mobile_contract.schema.decisions import SaveDistrict
from mobile_contract.schema.storm import DeclareStorm, EndStorm, Storm
from sync import verify
from sync.transaction import org_transaction
from tests.arrange import NOW, Org
from tests.devices import StrictDevice

HOUR = timedelta(hours=1)


async def levels_of(org: Org) -> Levels:
    async with org_transaction(org.pool, org.id) as conn:
        return await storm_levels(conn, org.id)


async def test_what_is_declared_again_alike_changes_nothing_and_what_differs_is_remembered_as_changed(org: Org) -> None:
    storm_id, east = org.new_id(), org.districts["east"]
    declared = DeclareStorm(storm_id=storm_id, level=1, district_ids=(east, east))
    await org.ok(declared, by="dan")
    (again,) = await org.send(declared, by="max", now=NOW + HOUR)
    assert again.code == "unchanged"
    await org.ok(DeclareStorm(storm_id=storm_id, level=2), by="max", now=NOW + HOUR)
    async with org_transaction(org.pool, org.id) as conn:
        (storm,) = await storms_in_force(conn, org.id)
    assert storm == Storm(id=storm_id, level=2, declared_at=NOW, declared_by=org.people["dan"], changed_at=NOW + HOUR)


async def test_a_storm_over_no_district_that_there_is_is_refused(org: Org) -> None:
    (answer,) = await org.send(DeclareStorm(storm_id=org.new_id(), level=1, district_ids=(org.new_id(),)), by="dan")
    assert answer.code == "unknown_reference"


async def test_ending_twice_is_ending_once_and_what_has_ended_stays_ended(org: Org) -> None:
    storm_id = org.new_id()
    await org.ok(DeclareStorm(storm_id=storm_id, level=3), by="dan")
    await org.ok(EndStorm(storm_id=storm_id), by="dan")
    (again, anew) = await org.send(EndStorm(storm_id=storm_id), DeclareStorm(storm_id=storm_id, level=1), by="max")
    assert (again.code, anew.code) == ("unchanged", "storm_over")
    (unknown,) = await org.send(EndStorm(storm_id=org.new_id()), by="dan")
    assert unknown.code == "unknown_reference"
    assert await levels_of(org) == Levels()


async def test_the_level_of_a_district_is_the_highest_of_its_storms_and_of_those_above_it(org: Org) -> None:
    quay = org.new_id()
    outline = '{"type":"Polygon","coordinates":[[[116.41,39.91],[116.42,39.91],[116.42,39.92],[116.41,39.91]]]}'
    below = SaveDistrict(
        district_id=quay, code="quay", name_en="Quay", parent_id=org.districts["east"], outline_geojson=outline
    )
    await org.ok(below)
    calm = await levels_of(org)
    assert (calm.at(quay), calm.at(None)) == (None, None)
    assert calm.sends(Priority.LOW, quay)
    await org.ok(DeclareStorm(storm_id=org.new_id(), level=3, district_ids=(org.districts["east"],)), by="dan")
    await org.ok(DeclareStorm(storm_id=org.new_id(), level=1), by="dan")
    levels = await levels_of(org)
    assert [levels.at(id) for id in (quay, org.districts["east"], org.districts["west"], None)] == [3, 3, 1, 1]
    assert [levels.sends(Priority.NORMAL, id) for id in (quay, org.districts["west"])] == [False, True]
    assert [levels.wakes(Priority.LOW, id) for id in (quay, org.districts["west"])] == [True, False]


async def test_every_phone_holds_a_storm_while_it_is_in_force(org: Org, owner: asyncpg.Connection) -> None:
    phone = await org.device("bob")
    device = StrictDevice(org_id=org.id, id=phone.id, person_id=org.people["bob"])
    storm_id = org.new_id()
    await org.ok(DeclareStorm(storm_id=storm_id, level=2, note="Typhoon"), by="dan")
    await device.catch_up(org.pool, now=NOW)
    _, _, body = device.documents["storm", storm_id]
    assert msgspec.json.decode(body, type=Storm).note == "Typhoon"
    await org.ok(EndStorm(storm_id=storm_id), by="dan")
    await device.catch_up(org.pool, now=NOW)
    assert ("storm", storm_id) not in device.documents
    found = [drift async for checked in verify.verify(owner, org.id, now=NOW) for drift in checked.drifts]
    assert [drift for drift in found if drift.kind == "storm"] == []
