"""The statements of a push: as many for fifty commands as for one, and as many on a job with a long history as on a new one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest

from api.settings import Settings
from mobile_contract import limits
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.material import RequestLine
from tests.arrange import Assigned, Org
from tests.sync.counting import counted_pool
from tests.sync.phone import Phone, note, on, phone_of

AT_MOST = 20
"""A bound for any chunk of one kind, so that a new statement in the common path is noticed."""
GO_AHEAD = {"van": 1, "whole visit": 3}
"""How often events of jobs go ahead in a chunk of one kind: after each stretch of it but the last. All other chunks are one stretch, or tell of no job."""


@pytest.fixture
async def counted(settings: Settings, org: Org) -> AsyncIterator[tuple[Phone, list[str]]]:
    phone = await phone_of(org, "amy")
    async with counted_pool(settings) as (pool, statements):
        phone.org = replace(org, pool=pool)
        yield phone, statements


async def statements_of(counted: tuple[Phone, list[str]], commands: list[Command]) -> list[str]:
    """Push commands as one chunk and give its statements."""
    phone, statements = counted
    before = phone.next_n - 1
    for command in commands:
        phone.do(command)
    statements.clear()
    outcomes = await phone.taken(phone.pending(before))
    assert {o.status for o in outcomes} <= {"applied", "quarantined", "rejected"}
    return list(statements)


def kinds(org: Org, job: Assigned) -> dict[str, list[Command]]:
    """Give the commands of one round on a job, by what is measured."""
    lines = (RequestLine(part_id=org.parts["clamp"], quantity=Decimal(1)),)
    piece = s.StockLine(part_id=org.parts["clamp"], quantity=Decimal(1))
    return {
        "note": [note(org, job)],
        "arrival": [on(job, f.ArriveOnSite)],
        "parts": [on(job, f.RequestParts, request_id=org.new_id(), lines=lines)],
        "van": [
            on(job, f.ReceivePart, move_id=org.new_id(), part_id=org.parts["clamp"], quantity=Decimal(2)),
            on(job, f.UsePart, move_id=org.new_id(), part_id=org.parts["clamp"], quantity=Decimal(3)),
        ],
        "handed over": [
            t.HandOverParts(transfer_id=org.new_id(), to_location_id=org.vans["beta"], lines=(piece,)),
            t.CountVan(count_id=org.new_id(), lines=(s.CountLine(part_id=piece.part_id, quantity=Decimal(1)),)),
        ],
        "acceptance": [d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1)],
        "refusal": [d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=9)],
        "stranger": [note(org, Assigned(org.new_id(), org.new_id()))],
        "whole visit": [
            on(job, f.StartTravel),
            on(job, f.ArriveOnSite),
            on(job, f.StartWork),
            on(job, f.CompleteVisit),
        ],
    }


@pytest.mark.parametrize(
    "kind", ["note", "arrival", "parts", "van", "handed over", "acceptance", "refusal", "stranger", "whole visit"]
)
async def test_statements_do_not_grow_with_the_commands_of_a_chunk(
    org: Org, counted: tuple[Phone, list[str]], kind: str
) -> None:
    first, *jobs = [await org.assigned_job() for _ in range(14)]
    # The places that every organisation has come into being with their first use.
    await statements_of(counted, kinds(org, first)[kind])
    one = await statements_of(counted, kinds(org, jobs[0])[kind])
    many = await statements_of(counted, [c for job in jobs[1:] for c in kinds(org, job)[kind]])
    # Events of a stretch of a chunk are written while the next stretch is judged.
    ahead = [s for s in many if s.startswith("with w1 as (insert into event ") and "w2 as" not in s]
    assert (len(many) - len(ahead), len(many) <= AT_MOST) == (len(one), True)
    assert len(ahead) == GO_AHEAD.get(kind, 0)


async def test_statements_do_not_grow_with_the_history_of_a_job(org: Org, counted: tuple[Phone, list[str]]) -> None:
    job = await org.assigned_job()
    new = await statements_of(counted, [note(org, job)])
    for _ in range(4):
        await statements_of(counted, [note(org, job) for _ in range(limits.PUSH_CHUNK)])
    old = await statements_of(counted, [note(org, job)])
    assert len(old) == len(new)


async def test_statements_do_not_grow_with_the_rows_of_the_organisation(
    org: Org, counted: tuple[Phone, list[str]]
) -> None:
    before = await statements_of(counted, [note(org, await org.assigned_job())])
    for _ in range(40):
        await org.assigned_job()
    after = await statements_of(counted, [note(org, await org.assigned_job())])
    assert len(after) == len(before)


async def test_a_chunk_costs_one_transaction(org: Org, counted: tuple[Phone, list[str]]) -> None:
    job = await org.assigned_job()
    statements = await statements_of(counted, [note(org, job) for _ in range(limits.PUSH_CHUNK)])
    assert [s for s in statements if s.startswith(("begin", "commit", "rollback"))] == [statements[0], "commit"]
    assert "from sync_push_open(" in statements[1], "the device's row first"


async def test_what_was_taken_before_is_answered_without_touching_the_work(
    org: Org, counted: tuple[Phone, list[str]]
) -> None:
    phone, statements = counted
    await statements_of(counted, [note(org, await org.assigned_job()) for _ in range(5)])
    statements.clear()
    await phone.taken()
    assert len(statements) == 4, "begin, the device, the answers, commit"
