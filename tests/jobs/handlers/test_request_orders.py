"""Whatever order the news about a request comes in, it ends the same: its lines and state, its slip, its price, its form."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import pytest

from mobile_contract.rules.ladder import approval_id
from mobile_contract.rules.price import price_sha256
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.base import Command
from mobile_contract.schema.job import Flag, Visit
from mobile_contract.schema.material import IssueSlip, MaterialRequest, PricedLine, RepairForm, RequestState
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.material_scene import Scene, scene

MINUTE = timedelta(minutes=1)
ORDERS = 14


class Step(NamedTuple):
    """A command, who sends it, and when it happened."""

    command: Command
    by: str
    at: datetime


@pytest.fixture
async def at(org: Org) -> Scene:
    """Give a store with parts and a job."""
    return await scene(org)


def shown(ask: f.RequestParts) -> str:
    """Hash what the customer is shown, from the request alone: the crew's phone does so before the server has heard of it."""
    lines = tuple(
        PricedLine(
            part_id=line.part_id,
            quantity=line.quantity,
            unit_cost=Decimal(0),
            received=Decimal(0),
            line_no=no,
            chargeable=line.chargeable,
            price=line.price,
        )
        for no, line in enumerate(ask.lines, start=1)
    )
    request = MaterialRequest(
        id=ask.request_id,
        job_id=ask.job_id,
        state=RequestState.REQUESTED,
        lines=lines,
        amount=Decimal(0),
        day_total=Decimal(0),
        currency="CNY",
        requested_at=NOW,
    )
    return price_sha256(request)


def decided(at: Scene, request_id: UUID, slip_id: UUID) -> list[Step]:
    """What the office decides about a request; each waits for the one before."""
    return [
        Step(d.Approve(job_id=at.job.job_id, approval_id=approval_id(request_id)), "max", NOW + 2 * MINUTE),
        Step(at.issuing(request_id, slip_id=slip_id), "wes", NOW + 3 * MINUTE),
    ]


def reported(at: Scene, slip_id: UUID, signed: str) -> list[Step]:
    """What the crew reports about the parts of a request."""
    facts: list[Command] = [
        at.moving(f.ReceivePart, "clamp", 3, slip_id=slip_id, line_no=1),
        at.moving(f.ReceivePart, "pump", "0.5", slip_id=slip_id, line_no=2),
        at.fact(
            f.CaptureSignature,
            signature_id=at.org.new_id(),
            purpose="price",
            signer="Lin",
            shown_sha256=signed,
            strokes=((f.StrokePoint(x=0, y=0), f.StrokePoint(x=1, y=1), f.StrokePoint(x=2, y=0)),),
        ),
        at.fact(f.StartWork),
        at.moving(f.UsePart, "clamp", 2),
        at.moving(f.UsePart, "pump", "0.25"),
        at.moving(f.ReturnPart, "clamp", 1),
        at.moving(f.ReturnPart, "pump", "0.25"),
    ]
    return [Step(fact, "amy", NOW + n * MINUTE) for n, fact in enumerate(facts, start=4)]


def shuffled(draw: random.Random, *parts: Sequence[Step]) -> list[Step]:
    """Mix sequences, each kept in its own order."""
    queues = [list(part) for part in parts]
    mixed: list[Step] = []
    while any(queues):
        queue = draw.choice([queue for queue in queues if queue])
        mixed.append(queue.pop(0))
    return mixed


async def ended(at: Scene, steps: Sequence[Step]) -> list[object]:
    """Carry the steps out one by one; gives everything that was told of the request."""
    for step in steps:
        await at.org.ok(step.command, by=step.by, now=step.at)
    (request,) = await stored.of_job(at.org, MaterialRequest, at.job.job_id)
    (slip,) = await stored.of_job(at.org, IssueSlip, at.job.job_id)
    (form,) = await stored.of_job(at.org, RepairForm, at.job.job_id)
    (visit,) = await stored.of_job(at.org, Visit, at.job.job_id)
    return [
        request.state,
        request.lines,
        request.flags,
        request.price_accepted_at,
        request.first_used_at,
        slip.lines,
        slip.received_at,
        form.material_drawn,
        form.next_due_at,
        Flag.PRICE_NOT_ACCEPTED in visit.flags,
    ]


async def test_every_order_of_arrival_ends_the_same(at: Scene, seed: int) -> None:
    draw = random.Random(seed)
    ends: list[tuple[list[str], list[object]]] = []
    for number in range(ORDERS):
        there = Scene(org=at.org, job=await at.org.assigned_job(), store=at.store)
        lines = (at.line("clamp", 3, chargeable=True, price=Decimal("18.50")), at.line("pump", "0.5"))
        ask, slip_id = there.asking(*lines), at.org.new_id()
        signed = shown(ask)
        begun = [
            Step(ask, "amy", NOW + MINUTE),
            *decided(there, ask.request_id, slip_id),
        ]
        form = Step(m.OpenForm(job_id=there.job.job_id, form_id=at.org.new_id()), "dan", NOW)
        facts = reported(there, slip_id, signed)
        if number == 0:
            steps = [form, *begun, *facts]
        elif number == 1:
            steps = [*reversed(facts), form, *begun]
        else:
            draw.shuffle(facts)
            steps = shuffled(draw, begun, facts, [form])
        ends.append(([type(s.command).__name__ for s in steps], await ended(there, steps)))
    first = ends[0][1]
    assert first[0] is RequestState.USED
    assert first[2] == ()
    for order, end in ends[1:]:
        assert end == first, order
