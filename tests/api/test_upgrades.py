"""What a migration writes into rows that were there before: told by undoing it on rows of today and running its statements again."""

from pathlib import Path

import asyncpg
import pytest

import api.migrations.versions
from mobile_contract.schema import decisions as d
from mobile_contract.schema.approval import Approval, Policy
from tests.arrange import Org, organisation
from tests.jobs import stored
from tests.jobs.approvals import EVENING, asked, decide, now_of, shipped

STEPS = Path(api.migrations.versions.__file__).parent


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    return await organisation(pool, seed)


async def written_again(owner: asyncpg.Connection, step: str) -> None:
    """Run what a step writes into rows; what it makes is there already."""
    for statement in (STEPS / step).read_text(encoding="utf-8").split(";\n\n"):
        bare = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
        if bare.startswith("update "):
            await owner.execute(bare)


async def test_what_waited_before_there_were_steps_waits_for_the_same_and_can_be_decided(
    owner: asyncpg.Connection, org: Org
) -> None:
    await shipped(org)
    by_role, by_name = await asked(org, "60"), await asked(org, "60", now=EVENING)
    done = await asked(org, "60")
    assert await decide(org, done, "max") == "ok"
    await owner.execute("update approval set own_amount = null, steps = '[]', inboxes = '[]' where org_id = $1", org.id)
    await owner.execute("update policy set zone = null where org_id = $1", org.id)
    await written_again(owner, "0006_approvals.sql")
    for before in (by_role, by_name):
        now = await now_of(org, before)
        assert (now.inboxes, now.own_amount, now.role, now.person_id) == (
            before.inboxes,
            before.own_amount,
            before.role,
            before.person_id,
        )
        ((ref,),) = (step.approvers for step in now.steps)
        assert (ref.role, ref.person_id) == (before.role, before.person_id)
    assert (await now_of(org, done)).inboxes == ()
    assert {policy.zone for policy in await stored.every(org, Policy)} == {"Asia/Shanghai"}
    assert await decide(org, by_role, "max") == "ok"
    assert await decide(org, by_name, "cho") == "ok"
    assert {a.state for a in await stored.every(org, Approval)} == {"approved"}
    await org.ok(d.OffboardPerson(person_id=org.people["max"]), by="ada")
