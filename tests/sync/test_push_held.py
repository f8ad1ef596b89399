"""Decisions that wait for what they follow: held, released in order, refused with it, and never for ever."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from jobs.context import Via
from jobs.handlers import door
from jobs.result import Applied
from jobs.work import Work
from mobile_contract import limits
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.job import HoldReason, Job
from mobile_contract.schema.outcome import ResolutionKind
from sync import devices
from sync.dependencies import PATIENCE
from sync.execute import execute
from sync.patience import sweep_held
from sync.resolving import Decision, Resolved, resolve
from sync.transaction import org_transaction
from tests.arrange import NOW, Assigned, Org, ask_of
from tests.sync import looking
from tests.sync.phone import Phone, note, on


def hold(job: Assigned) -> d.HoldJob:
    return d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS)


def unknown_args(org: Org) -> dict[str, object]:
    """Write a fact that ends in quarantine."""
    return {"id": org.new_id(), "name": "no_such_fact", "args": {}, "at": {"wall": NOW}}


async def status_of(org: Org, command_id: UUID) -> tuple[str, str]:
    row = await looking.outcome(org, command_id)
    return row["status"], row["code"]


async def held(org: Org) -> int:
    return int(await looking.one(org, "select count(*) from sync_held where org_id = $1"))


async def end(org: Org, kind: ResolutionKind, *, args: bytes = b"", name: str = "") -> None:
    (entry,) = await looking.quarantined(org)
    decision = Decision(command_id=org.new_id(), kind=kind, args=args, name=name)
    done = await resolve(org.pool, org.actor("dan"), entry["entry_id"], decision, now=NOW)
    assert isinstance(done, Resolved), done


async def test_a_held_decision_is_released_when_what_it_follows_is_applied_by_hand(
    org: Org, phone: Phone, job: Assigned
) -> None:
    first = phone.put(unknown_args(org))
    waiting = phone.do(hold(job), after=(first,))
    outcomes = await phone.taken()
    assert [(o.status, o.code) for o in outcomes] == [("quarantined", "unknown_command"), ("held", "waiting")]
    assert (await looking.held_documents(org, f"dev/{phone.id}"))[waiting]["status"] == "held"
    args = b'{"job_id":"%s","visit_id":"%s"}' % (str(job.job_id).encode(), str(job.visit_id).encode())
    await end(org, ResolutionKind.CORRECTED, name="arrive_on_site", args=args)
    assert await status_of(org, waiting) == ("applied", "ok")
    assert "job_held" in await looking.events(org, job.job_id)
    told = (await looking.held_documents(org, f"dev/{phone.id}"))[waiting]
    assert (told["status"], told["n"]) == ("applied", 2)
    assert await held(org) == 0


async def test_a_held_decision_is_refused_when_what_it_follows_is_discarded(
    org: Org, phone: Phone, job: Assigned
) -> None:
    first = phone.put(unknown_args(org))
    waiting = phone.do(hold(job), after=(first,))
    last = phone.do(d.ReleaseJob(job_id=job.job_id), after=(waiting,))
    assert [o.status for o in await phone.taken()] == ["quarantined", "held", "held"]
    await end(org, ResolutionKind.DISCARDED)
    assert await status_of(org, waiting) == ("rejected", "dependency_rejected")
    assert await status_of(org, last) == ("rejected", "dependency_rejected")
    notices = await looking.held_documents(org, f"me/{org.people['amy']}", "notice")
    assert {str(waiting), str(last)} <= {notice["command_id"] for notice in notices.values()}


async def test_a_decision_after_a_refused_one_is_refused_at_once(org: Org, phone: Phone, job: Assigned) -> None:
    refused = phone.do(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=99))
    phone.do(hold(job), after=(refused,))
    outcomes = await phone.taken()
    assert [(o.status, o.code) for o in outcomes][1] == ("rejected", "dependency_rejected")


async def test_a_fact_never_waits_and_says_that_what_it_follows_is_open(org: Org, phone: Phone, job: Assigned) -> None:
    first = phone.put(unknown_args(org))
    fact = phone.do(on(job, f.ArriveOnSite), after=(first, org.new_id()))
    assert [o.status for o in await phone.taken()] == ["quarantined", "applied"]
    assert "after_unresolved" in (await looking.held_documents(org, f"dev/{phone.id}"))[fact]["flags"]


async def test_what_follows_a_later_command_is_released_within_the_batch(org: Org, phone: Phone, job: Assigned) -> None:
    later = org.new_id()
    early = phone.do(hold(job), after=(later,))
    phone.do(note(org, job), id=later)
    outcomes = await phone.taken()
    assert [(o.n, o.status) for o in outcomes] == [(1, "applied"), (2, "applied")]
    assert await status_of(org, early) == ("applied", "ok")
    assert await held(org) == 0


async def test_what_follows_a_later_batch_is_released_by_it(org: Org, phone: Phone, job: Assigned) -> None:
    later = org.new_id()
    early = phone.do(hold(job), after=(later,))
    assert [o.status for o in await phone.taken()] == ["held"]
    phone.do(note(org, job), id=later)
    await phone.taken(phone.pending(1))
    assert await status_of(org, early) == ("applied", "ok")
    assert [o.status for o in await phone.taken()] == ["applied", "applied"], "a lost answer is given as it is now"


async def test_chains_are_released_in_their_order(org: Org, phone: Phone, job: Assigned) -> None:
    """hold after x, release after hold, hold again after both: applied in that order once x has come."""
    x = org.new_id()
    one = phone.do(hold(job), after=(x,))
    two = phone.do(d.ReleaseJob(job_id=job.job_id), after=(one,))
    three = phone.do(hold(job), after=(two, x))
    assert {o.status for o in await phone.taken()} == {"held"}
    phone.do(note(org, job), id=x)
    await phone.taken(phone.pending(3))
    assert [await status_of(org, id) for id in (one, two, three)] == [("applied", "ok")] * 3
    assert (await looking.events(org, job.job_id))[-3:] == ["job_held", "job_released", "job_held"]


async def test_a_chain_of_fifty_is_held_and_a_longer_one_is_refused(org: Org, phone: Phone, job: Assigned) -> None:
    before, ids = org.new_id(), []
    for _ in range(limits.AFTER_CHAIN + 2):
        before = phone.do(hold(job), after=(before,))
        ids.append(before)
    outcomes = await phone.taken()
    assert [o.status for o in outcomes[: limits.AFTER_CHAIN]] == ["held"] * limits.AFTER_CHAIN
    assert (outcomes[-2].status, outcomes[-2].code) == ("rejected", "dependency_invalid")
    assert (outcomes[-1].status, outcomes[-1].code) == ("rejected", "dependency_rejected")


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_circle_is_refused(org: Org, phone: Phone, job: Assigned, *, at_once: bool) -> None:
    first, second, third = org.new_id(), org.new_id(), org.new_id()
    phone.do(hold(job), id=first, after=(third,))
    phone.do(hold(job), id=second, after=(first,))
    phone.do(hold(job), id=third, after=(second,))
    if not at_once:
        await phone.taken(phone.queue[:1])
        await phone.taken(phone.queue[1:2])
    await phone.taken()
    assert await status_of(org, third) == ("rejected", "dependency_invalid")
    assert await status_of(org, first) == ("rejected", "dependency_rejected")
    assert await status_of(org, second) == ("rejected", "dependency_rejected")


async def test_a_decision_that_follows_itself_is_refused(org: Org, phone: Phone, job: Assigned) -> None:
    id = org.new_id()
    phone.do(hold(job), id=id, after=(id,))
    assert [(o.status, o.code) for o in await phone.taken()] == [("rejected", "dependency_invalid")]


async def test_patience_ends_after_five_days(org: Org, phone: Phone, job: Assigned) -> None:
    waiting = phone.do(hold(job), after=(org.new_id(),))
    follower = phone.do(d.ReleaseJob(job_id=job.job_id), after=(waiting,))
    await phone.taken()
    assert await sweep_held(org.pool, org.id, now=NOW + PATIENCE - timedelta(seconds=1)) == 0
    poked: set[str] = set()
    swept = await sweep_held(org.pool, org.id, now=NOW + PATIENCE, poke=lambda org_id, touched: poked.update(touched))
    assert swept > 0
    assert await status_of(org, waiting) == ("rejected", "dependency_expired")
    assert (await status_of(org, follower))[0] == "rejected"
    assert (await looking.held_documents(org, f"dev/{phone.id}"))[waiting]["code"] == "dependency_expired"
    assert f"dev/{phone.id}" in poked
    assert await held(org) == 0
    assert await sweep_held(org.pool, org.id, now=NOW + 2 * PATIENCE) == 0


async def test_a_release_that_two_transactions_missed_is_found_by_the_sweep(
    org: Org, phone: Phone, job: Assigned
) -> None:
    """One holds the decision while the other commits what it follows: neither sees the other."""
    x, waiting = org.new_id(), org.new_id()
    elsewhere = await org.assigned_job()
    actor = msgspec.structs.replace(org.actor("amy"), via=Via.DEVICE, device_id=phone.id)
    ask = msgspec.structs.replace(ask_of(hold(job), actor, id=waiting, now=NOW), after=(x,))
    async with org_transaction(org.pool, org.id) as conn:
        await execute(conn, org.id, [ask], now=NOW)
        phone.do(note(org, elsewhere), id=x)
        assert [o.status for o in await phone.taken()] == ["applied"]
    assert await status_of(org, waiting) == ("held", "waiting")
    assert await sweep_held(org.pool, org.id, now=NOW) == 1
    assert await status_of(org, waiting) == ("applied", "ok")


async def test_a_held_decision_needs_its_person_active_when_it_is_taken(org: Org, phone: Phone, job: Assigned) -> None:
    x = org.new_id()
    waiting = phone.do(hold(job), after=(x,))
    await phone.taken()
    await org.ok(d.OffboardPerson(person_id=org.people["amy"]), by="ada")
    phone.do(note(org, job), id=x)
    await phone.taken(phone.pending(1))
    assert await status_of(org, waiting) == ("rejected", "person_inactive")


async def test_a_held_decision_of_a_device_that_was_revoked_is_refused(org: Org, phone: Phone, job: Assigned) -> None:
    waiting = phone.do(hold(job), after=(org.new_id(),))
    await phone.taken()
    async with org_transaction(org.pool, org.id) as conn:
        await devices.revoke(conn, org.id, [phone.id], by=org.people["ada"], now=NOW)
    await sweep_held(org.pool, org.id, now=NOW + PATIENCE)
    assert await status_of(org, waiting) == ("rejected", "device_revoked")


async def test_a_held_decision_goes_over_to_the_device_that_enrolled_anew(
    org: Org, phone: Phone, job: Assigned
) -> None:
    """The old identity is revoked after the fork; what it had handed in and what still waits is the new one's."""
    x = org.new_id()
    waiting = phone.do(hold(job), after=(x,))
    await phone.taken()
    fresh = await phone.enrol_anew()
    assert [o.status for o in await fresh.taken()] == ["held"]
    async with org_transaction(org.pool, org.id) as conn:
        await devices.revoke(conn, org.id, [phone.id], by=org.people["ada"], now=NOW)
    fresh.do(note(org, job), id=x)
    await fresh.taken(fresh.pending(1))
    assert await status_of(org, waiting) == ("applied", "ok")
    assert (await looking.held_documents(org, f"dev/{fresh.id}"))[waiting]["status"] == "applied"


async def test_a_held_decision_blocks_nothing_behind_it(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(hold(job), after=(org.new_id(),))
    for _ in range(3):
        phone.do(note(org, job))
    assert [o.status for o in await phone.taken()] == ["held", "applied", "applied", "applied"]
    assert await looking.last_n(org, phone.id) == 4


async def test_a_held_decision_that_the_server_cannot_handle_does_not_take_what_it_follows_along(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(work: object, command: object, deed: object) -> object:
        raise ZeroDivisionError("a bug of ours")

    handlers: dict[Any, Any] = door._HANDLERS
    monkeypatch.setitem(handlers, d.HoldJob, raising)
    first = org.new_id()
    poison = phone.do(hold(job), after=(first,))
    behind = phone.do(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1), after=(first,))
    assert [o.status for o in await phone.taken()] == ["held", "held"]
    phone.do(note(org, job), id=first)
    assert [o.code for o in await phone.taken(phone.queue[2:])] == ["ok"]
    assert await status_of(org, poison) == ("quarantined", "server_fault")
    assert await status_of(org, behind) == ("applied", "ok")
    (entry,) = await looking.quarantined(org)
    assert (entry["command_id"], await held(org)) == (poison, 0)


@pytest.mark.parametrize("way", ["released", "swept"])
async def test_a_held_decision_that_cannot_be_written_takes_nobody_along(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A fault of writing, not of the handler: what released it is innocent, and so are the others that it released."""

    def writes_nonsense(work: Work, asked: d.HoldJob, deed: object) -> Applied:
        known = work.get(Job, asked.job_id)
        assert known is not None
        work.put(msgspec.structs.replace(known, number="NUL \0 in a text"))
        return Applied()

    first = org.new_id()
    poison = phone.do(hold(job), after=(first,))
    behind = phone.do(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1), after=(first,))
    assert [o.status for o in await phone.taken()] == ["held", "held"]
    handlers: dict[Any, Any] = door._HANDLERS
    monkeypatch.setitem(handlers, d.HoldJob, writes_nonsense)
    if way == "swept":
        await _hide(org, ())
    phone.do(note(org, job), id=first)
    assert [o.code for o in await phone.taken(phone.queue[2:])] == ["ok"]
    if way == "swept":
        await _hide(org, (first,))
        assert await sweep_held(org.pool, org.id, now=NOW) == 2
    assert (await looking.events(org, job.job_id)).count("note_added") == 1
    assert await status_of(org, poison) == ("quarantined", "server_fault")
    assert await status_of(org, behind) == ("applied", "ok")
    (entry,) = await looking.quarantined(org)
    assert (entry["command_id"], await held(org)) == (poison, 0)


async def _hide(org: Org, after: tuple[UUID, ...]) -> None:
    """Say of what is held that it follows other commands: with none, whatever it follows does not see it."""
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute("update sync_held set after = $2 where org_id = $1", org.id, after)
