"""Allowances through the whole server: granted and signed, seen by whoever holds one, drawn upon, withdrawn; parts approved after the fact."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from mobile_contract.client.made import Made
from mobile_contract.client.optimistic import show
from mobile_contract.registry import KINDS
from mobile_contract.rules.allowance import Taking, covering, is_genuine, left_of
from mobile_contract.rules.ladder import approval_id
from mobile_contract.schema import approval_commands as a
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import Allowance, Approval, ApprovalState, SigningKey
from mobile_contract.schema.base import Document
from mobile_contract.schema.facts import TakenLine
from mobile_contract.schema.job import Flag
from mobile_contract.schema.people import Role
from tests.arrange import NOW, ZONE, Assigned, Org
from tests.jobs import stored
from tests.jobs.approvals import DAY, HOUR, decide, shipped
from tests.jobs.phones import from_phone
from tests.sync import looking


def granting(org: Org, *, ceiling: str = "100", **fields: object) -> a.GrantAllowance:
    made = a.GrantAllowance(
        allowance_id=org.new_id(),
        crew_id=org.crews["alpha"],
        ceiling=Decimal(ceiling),
        from_at=NOW,
        to_at=NOW + DAY,
    )
    return msgspec.structs.replace(made, **fields)


def taking(org: Org, job: Assigned, allowance_id: UUID | None, amount: str) -> f.TakeParts:
    """Take a part that costs 80 for an amount."""
    line = TakenLine(part_id=org.parts["pump"], quantity=Decimal(amount) / 80)
    return f.TakeParts(
        job_id=job.job_id,
        visit_id=job.visit_id,
        request_id=org.new_id(),
        allowance_id=allowance_id,
        lines=(line,),
    )


async def granted(org: Org, **fields: object) -> Allowance:
    command = granting(org, **fields)  # type: ignore[arg-type]
    await org.ok(command, by="max")
    return await stored.one(org, Allowance, command.allowance_id)


async def test_an_allowance_is_signed_so_that_a_phone_without_a_network_can_verify_it(org: Org) -> None:
    one, two = await granted(org), await granted(org, crew_id=None, person_id=org.people["bob"])
    (key,) = await stored.every(org, SigningKey)
    assert is_genuine(one, key.public_key)
    assert is_genuine(two, key.public_key)
    forged = msgspec.structs.replace(one, ceiling=Decimal(100_000))
    assert not is_genuine(forged, key.public_key)
    for kind, id, buckets in (
        ("allowance", one.id, [f"crew/{org.crews['alpha']}"]),
        ("allowance", two.id, [f"me/{org.people['bob']}"]),
        ("signing_key", key.id, ["ref"]),
    ):
        rows = await looking.rows(
            org, "select bucket from sync_member where org_id = $1 and kind = $2 and id = $3 and not gone", kind, id
        )
        assert [row["bucket"] for row in rows] == buckets


async def test_the_private_half_of_the_key_is_in_no_document(org: Org) -> None:
    await granted(org)
    seed = bytes(await looking.one(org, "select seed from signing_secret where org_id = $1"))
    bodies = [row["body"] for row in await looking.rows(org, "select body from sync_doc where org_id = $1")]
    assert not any(seed.hex().encode() in body or seed in body for body in bodies if body)


async def test_two_first_allowances_at_once_are_signed_by_one_key(org: Org) -> None:
    commands = [granting(org) for _ in range(4)]
    answers = await asyncio.gather(*(org.send(command, by="max") for command in commands))
    assert [answer.code for (answer,) in answers] == ["ok"] * 4
    assert len(await stored.every(org, SigningKey)) == 1


async def test_parts_taken_under_an_allowance_are_approved_afterwards_and_marked_so(org: Org) -> None:
    await shipped(org)
    allowance, job = await granted(org), await org.assigned_job()
    command = taking(org, job, allowance.id, "60")
    (answer,) = await from_phone(org, command)
    assert (answer.status, answer.flags) == ("applied", ())
    approval = await stored.one(org, Approval, approval_id(command.request_id))
    assert (approval.state, approval.role) == (ApprovalState.WAITING, Role.MANAGER)
    assert (approval.after_the_fact, approval.allowance_id) == (True, allowance.id)
    assert (await stored.one(org, Allowance, allowance.id)).drawn == Decimal(60)
    assert await decide(org, approval, "max") == "ok"
    (again,) = await from_phone(org, command)
    assert again.code == "unchanged"
    assert (await stored.one(org, Allowance, allowance.id)).drawn == Decimal(60)


async def test_what_was_taken_counts_for_the_ladder_of_the_day(org: Org) -> None:
    await shipped(org)
    allowance, job = await granted(org, ceiling="500"), await org.assigned_job()
    first, second = taking(org, job, allowance.id, "60"), taking(org, job, allowance.id, "60")
    await from_phone(org, first, second)
    approval = await stored.one(org, Approval, approval_id(second.request_id))
    assert (approval.amount, approval.role) == (Decimal(120), Role.DEPUTY_GM)


async def test_two_jobs_at_once_cannot_both_draw_the_last_of_it_unseen(org: Org) -> None:
    await shipped(org)
    allowance = await granted(org, ceiling="100")
    jobs = [await org.assigned_job() for _ in range(3)]
    answers = await asyncio.gather(*(from_phone(org, taking(org, job, allowance.id, "40")) for job in jobs))
    assert sorted(answer.flags for (answer,) in answers) == [(), (), (Flag.ALLOWANCE_EXCEEDED.value,)]
    assert (await stored.one(org, Allowance, allowance.id)).drawn == Decimal(120)


@pytest.mark.parametrize(
    ("by", "when", "flag"),
    [
        ("bob", NOW, Flag.ALLOWANCE_UNKNOWN),
        ("amy", NOW + DAY, Flag.ALLOWANCE_EXPIRED),
        ("amy", NOW - HOUR, Flag.ALLOWANCE_EXPIRED),
    ],
)
async def test_what_no_allowance_covers_was_taken_all_the_same_and_is_flagged(
    org: Org, by: str, when: object, flag: Flag
) -> None:
    allowance, job = await granted(org), await org.assigned_job("beta" if by == "bob" else "alpha")
    (answer,) = await from_phone(org, taking(org, job, allowance.id, "10"), by=by, now=when)  # type: ignore[arg-type]
    assert answer.status == "applied"
    assert flag.value in answer.flags
    drawn = (await stored.one(org, Allowance, allowance.id)).drawn
    assert drawn == (0 if flag is Flag.ALLOWANCE_UNKNOWN else Decimal(10))


async def test_parts_taken_without_any_allowance_are_flagged(org: Org) -> None:
    (answer,) = await from_phone(org, taking(org, await org.assigned_job(), None, "10"))
    assert Flag.ALLOWANCE_UNKNOWN.value in answer.flags


async def test_what_was_taken_before_a_withdrawal_is_covered_however_late_it_is_reported(org: Org) -> None:
    allowance, job = await granted(org), await org.assigned_job()
    await org.ok(a.WithdrawAllowance(allowance_id=allowance.id), by="gus", now=NOW + HOUR)
    (again,) = await org.send(a.WithdrawAllowance(allowance_id=allowance.id), by="gus", now=NOW + 2 * HOUR)
    assert again.code == "unchanged"
    early, late = NOW + timedelta(minutes=30), NOW + timedelta(minutes=90)
    (covered,) = await from_phone(org, taking(org, job, allowance.id, "10"), now=early)
    (flagged,) = await from_phone(org, taking(org, job, allowance.id, "10"), now=late)
    assert Flag.ALLOWANCE_EXPIRED.value not in covered.flags
    assert Flag.ALLOWANCE_EXPIRED.value in flagged.flags


async def test_an_allowance_never_changes_and_nobody_grants_themselves_one(org: Org) -> None:
    command = granting(org)
    await org.ok(command, by="max")
    (same,) = await org.send(command, by="gus")
    assert same.code == "unchanged"
    wrong = (
        (msgspec.structs.replace(command, ceiling=Decimal(900)), "allowance_exists"),
        (granting(org, crew_id=None, person_id=org.people["max"]), "allowance_own"),
        (granting(org, crew_id=None), "nobody_named"),
        (granting(org, person_id=org.people["amy"]), "nobody_named"),
        (granting(org, ceiling="0"), "number_invalid"),
        (granting(org, to_at=NOW), "span_invalid"),
        (granting(org, crew_id=org.new_id()), "unknown_reference"),
        (a.WithdrawAllowance(allowance_id=org.new_id()), "unknown_reference"),
    )
    for each, code in wrong:
        (answer,) = await org.send(each, by="max")
        assert answer.code == code, each


async def test_a_phone_without_a_network_verifies_its_allowance_and_counts_what_it_took_itself(org: Org) -> None:
    await shipped(org)
    allowance, job = await granted(org, ceiling="100"), await org.assigned_job()
    kinds = ["allowance", "signing_key", "part", "policy", "job", "visit", "crew"]
    rows = await looking.rows(
        org,
        """select distinct d.kind, d.id, d.body from sync_scope s
        join sync_member m on m.org_id = $1 and m.bucket = s.bucket and not m.gone
        join sync_doc d on d.org_id = $1 and d.kind = m.kind and d.id = m.id
        where s.org_id = $1 and s.person_id = $2 and s.to_at is null and d.kind = any($3)""",
        org.people["amy"],
        kinds,
    )
    held: dict[tuple[str, UUID], Document] = {
        (row["kind"], row["id"]): msgspec.json.decode(row["body"], type=KINDS[row["kind"]]) for row in rows
    }

    def covered(documents: dict[tuple[str, UUID], Document], amount: str) -> Allowance | None:
        taking = Taking(
            amount=Decimal(amount), at=NOW, person_id=org.people["amy"], crew_ids=frozenset({org.crews["alpha"]})
        )
        return covering(
            [each for each in documents.values() if isinstance(each, Allowance)],
            [each for each in documents.values() if isinstance(each, SigningKey)],
            taking,
        )

    assert covered(held, "60") == allowance
    command = taking(org, job, allowance.id, "60")
    made = Made(command=command, person_id=org.people["amy"], at=NOW, org_id=org.id, zone=ZONE)
    shown = show(held, [made])
    assert covered(shown, "60") is None
    left = covered(shown, "40")
    assert left is not None
    assert (left.drawn, left_of(left)) == (Decimal(60), Decimal(40))
    await from_phone(org, command)
    assert (await stored.one(org, Allowance, allowance.id)).drawn == left.drawn
