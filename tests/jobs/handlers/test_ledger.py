"""What a van or a store holds: kept beside the moves, exact, whatever job a part came with."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

from jobs.stock_locations import COUNT_DIFFERENCE, TRANSIT, place_id
from mobile_contract.rules.stock import level_id
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import Flag
from mobile_contract.schema.stock import StockLevel, StockLocation
from tests.arrange import Assigned, Org
from tests.jobs import stored


def moving(org: Org, job: Assigned, kind: type[f.VisitFact], quantity: str) -> Command:
    fields: dict[str, Any] = {"move_id": org.new_id(), "part_id": org.parts["clamp"], "quantity": Decimal(quantity)}
    return kind(job_id=job.job_id, visit_id=job.visit_id, **fields)


async def held(org: Org, location_id: UUID, part: str = "clamp") -> Decimal:
    return (await stored.one(org, StockLevel, level_id(location_id, org.parts[part]))).quantity


async def test_a_level_follows_what_comes_in_and_leaves(org: Org) -> None:
    job, van = await org.assigned_job(), org.vans["alpha"]
    await org.ok(moving(org, job, f.ReceivePart, "3"), moving(org, job, f.UsePart, "0.000001"), by="amy")
    assert await held(org, van) == Decimal("2.999999")
    await org.ok(moving(org, job, f.ReturnPart, "1"), by="ali")
    assert await held(org, van) == Decimal("1.999999")


async def test_only_places_whose_balance_matters_have_levels(org: Org) -> None:
    job = await org.assigned_job()
    await org.ok(moving(org, job, f.ReceivePart, "3"), by="amy")
    assert {level.location_id for level in await stored.every(org, StockLevel)} == {org.vans["alpha"]}
    kinds = {location.id: location.kind for location in await stored.every(org, StockLocation)}
    assert kinds[place_id(org.id, TRANSIT)] == "transit"
    assert place_id(org.id, COUNT_DIFFERENCE) not in kinds


async def test_many_at_once_each_find_what_the_others_left(org: Org) -> None:
    jobs = [await org.assigned_job() for _ in range(6)]
    answers = await asyncio.gather(*(org.send(moving(org, job, f.UsePart, "1"), by="amy") for job in jobs))
    assert all(a.flags == (Flag.VAN_BELOW_ZERO,) for (a,) in answers)
    assert await held(org, org.vans["alpha"]) == Decimal(-6)
