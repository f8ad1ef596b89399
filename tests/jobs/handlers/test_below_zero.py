"""A van below zero says so at once, in one exception, and no longer once what it lacked has come."""

import asyncio
import random
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from jobs.below_zero import van_exception_id
from jobs.handlers.reconciliation import exception_id
from jobs.rules.reconcile import Finding
from mobile_contract.schema import facts as f
from mobile_contract.schema.field_stock import CountVan
from mobile_contract.schema.reconciliation import ExceptionKind, ExceptionState, StockException
from mobile_contract.schema.stock_commands import CountLine, ReverseMove
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.material_scene import Scene
from tests.jobs.material_scene import scene as arranged
from tests.jobs.reconciling import EVENING, drawn, ended, exceptions, next_job, reconciled, returned, used

D = Decimal


@pytest.fixture
async def scene(org: Org) -> Scene:
    """Arrange a store and a job."""
    return await arranged(org)


async def only(scene: Scene) -> StockException:
    (found,) = await exceptions(scene)
    return found


async def test_a_use_before_its_receipt_raises_an_exception_that_the_receipt_settles(scene: Scene) -> None:
    await used(scene, "clamp", 2)
    raised = await only(scene)
    assert (raised.kind, raised.state, raised.difference) == (ExceptionKind.VAN_BELOW_ZERO, ExceptionState.OPEN, D(2))
    assert (raised.location_id, raised.part_id) == (scene.org.vans["alpha"], scene.org.parts["clamp"])
    assert (raised.day, raised.found_at) == (date(2026, 3, 2), NOW)
    later = NOW + timedelta(minutes=9)
    await scene.org.ok(scene.moving(f.ReceivePart, "clamp", 1), by="amy", now=later)
    less = await only(scene)
    assert (less.difference, less.changed_at, less.found_at) == (D(1), later, NOW)
    await scene.org.ok(scene.moving(f.ReceivePart, "clamp", 1), by="amy", now=later)
    settled = await only(scene)
    assert (settled.state, settled.settled_at) == (ExceptionState.SETTLED, later)
    await used(scene, "clamp", 1, now=later)
    again = await only(scene)
    assert (again.id, again.state, again.found_at) == (raised.id, ExceptionState.OPEN, later)


async def test_within_one_batch_only_the_end_counts(scene: Scene) -> None:
    await scene.org.ok(scene.moving(f.UsePart, "clamp", 2), scene.moving(f.ReceivePart, "clamp", 2), by="amy")
    assert (await only(scene)).state is ExceptionState.SETTLED
    await scene.org.ok(scene.moving(f.UsePart, "pump", 1), scene.moving(f.UsePart, "pump", 2), by="amy")
    (pump,) = [e for e in await exceptions(scene) if e.part_id == scene.org.parts["pump"]]
    assert pump.difference == D(3)


async def test_many_at_once_make_one_exception(scene: Scene) -> None:
    jobs = [scene.job, *[await scene.org.assigned_job() for _ in range(4)]]
    uses = [
        f.UsePart(
            job_id=job.job_id,
            visit_id=job.visit_id,
            move_id=scene.org.new_id(),
            part_id=scene.org.parts["clamp"],
            quantity=D(1),
        )
        for job in jobs
    ]
    await asyncio.gather(*(scene.org.ok(use, by="amy") for use in uses))
    assert (await only(scene)).difference == D(5)


async def test_a_reversal_and_a_count_settle_too(scene: Scene) -> None:
    move_id = await used(scene, "clamp", 1)
    await scene.org.ok(ReverseMove(move_id=move_id, reason="another van"), by="wes")
    assert (await only(scene)).state is ExceptionState.SETTLED
    await used(scene, "clamp", 1)
    lines = (CountLine(part_id=scene.org.parts["clamp"], quantity=D(0)),)
    counted = CountVan(count_id=scene.org.new_id(), lines=lines)
    await scene.org.ok(counted, by="amy", now=NOW + timedelta(minutes=1))
    assert (await only(scene)).state is ExceptionState.SETTLED


async def test_a_van_that_has_enough_raises_nothing(scene: Scene) -> None:
    await drawn(scene, "clamp", 3)
    await used(scene, "clamp", 2)
    await returned(scene, "clamp", 1)
    assert await exceptions(scene) == []


async def test_reconciling_the_day_gives_it_to_the_job_that_used_too_much(scene: Scene) -> None:
    await used(scene, "clamp", 2)
    await ended(scene)
    await next_job(scene)
    (open_,) = await reconciled(scene)
    assert open_.kind is ExceptionKind.OVER
    van = await stored.one(
        scene.org, StockException, van_exception_id(scene.org.id, scene.org.vans["alpha"], scene.org.parts["clamp"])
    )
    assert (van.state, van.settled_at) == (ExceptionState.SETTLED, EVENING)


def test_the_van_and_the_day_name_it_alike(seed: int) -> None:
    draw = random.Random(seed)
    org_id, van_id, part_id = (UUID(int=draw.getrandbits(128)) for _ in range(3))
    finding = Finding(kind=ExceptionKind.VAN_BELOW_ZERO, part_id=part_id, location_id=van_id)
    assert van_exception_id(org_id, van_id, part_id) == exception_id(org_id, finding, date(2026, 3, 2))
