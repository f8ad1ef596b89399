"""What was put aside is ended by hand: applied, corrected or discarded, with its author and its time, once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from jobs.context import Via
from jobs.result import Refused
from mobile_contract.schema import facts as f
from mobile_contract.schema.outcome import ResolutionKind
from sync import quarantine
from sync.resolving import Decision, Resolved, resolve
from sync.transaction import org_transaction
from tests.arrange import NOW, Assigned, Org
from tests.sync import looking
from tests.sync.phone import Phone, batch, envelope, note, on, phone_of, skip

HOUR = timedelta(hours=1)
LATER = NOW + 6 * HOUR


@pytest.fixture
async def stranger(org: Org) -> Phone:
    """A phone of crew beta, which has nothing to do with the job in the west."""
    return await phone_of(org, "bob")


@pytest.fixture
async def job(org: Org) -> Assigned:
    return await org.assigned_job("alpha", "west")


async def entry_id(org: Org) -> UUID:
    (entry,) = await looking.quarantined(org)
    found: UUID = entry["entry_id"]
    return found


async def ended(
    org: Org,
    kind: str,
    *,
    by: str = "dan",
    id: UUID | None = None,
    args: Any = None,
    name: str = "",
    entry: UUID | None = None,
) -> Resolved | Refused:
    decision = Decision(
        command_id=id or org.new_id(),
        kind=ResolutionKind(kind),
        name=name,
        args=b"" if args is None else msgspec.json.encode(args),
    )
    return await resolve(org.pool, org.actor(by), entry or await entry_id(org), decision, now=LATER)


async def test_a_fact_applied_by_hand_keeps_its_author_and_its_time(org: Org, stranger: Phone, job: Assigned) -> None:
    fact = stranger.do(on(job, f.ArriveOnSite), at=NOW)
    assert [o.code for o in await stranger.taken()] == ["out_of_scope"]
    command_id = org.new_id()
    done = await ended(org, "applied", id=command_id)
    assert isinstance(done, Resolved) and done.answer is not None
    assert (done.answer.status, done.answer.cause, done.entry.resolution) == ("applied", fact, "applied")
    (event,) = await looking.rows(
        org, "select * from event where org_id = $1 and job_id = $2 and name = 'arrived'", job.job_id
    )
    assert (event["actor_id"], event["occurred_at"], event["command_id"]) == (org.people["bob"], NOW, command_id)
    assert event["received_at"] == LATER
    assert event["detail"]["applied_by"] == str(org.people["dan"])
    stored = await looking.outcome(org, fact)
    assert (stored["status"], stored["resolution"]["kind"], stored["resolution"]["by"]) == (
        "quarantined",
        "applied",
        str(org.people["dan"]),
    )
    told = (await looking.held_documents(org, f"dev/{stranger.id}"))[fact]
    assert (told["status"], told["resolution"]["kind"]) == ("quarantined", "applied")
    assert await looking.quarantined(org) == []


async def test_a_corrected_command_takes_effect_in_its_place(org: Org, stranger: Phone, job: Assigned) -> None:
    wrong = envelope(note(org, job), org.new_id())
    wrong["args"]["text"] = 7
    stranger.put(wrong)
    assert [o.code for o in await stranger.taken()] == ["invalid"]
    refused = await ended(org, "applied")
    assert isinstance(refused, Refused) and refused.code == "invalid"
    assert len(await looking.quarantined(org)) == 1, "what could not be applied still waits"
    done = await ended(org, "corrected", args={**wrong["args"], "text": "seven"})
    assert isinstance(done, Resolved) and done.entry.resolution == "corrected"
    assert await looking.one(org, "select text from note where org_id = $1") == "seven"


async def test_a_discarded_command_leaves_the_inbox_and_changes_nothing(
    org: Org, stranger: Phone, job: Assigned
) -> None:
    fact = stranger.do(note(org, job))
    await stranger.taken()
    entry = await entry_id(org)
    before = await looking.events(org, job.job_id)
    done = await ended(org, "discarded")
    assert isinstance(done, Resolved) and done.answer is None
    assert await ended(org, "discarded", entry=entry) == done, "the same decision twice"
    assert await looking.events(org, job.job_id) == before
    assert (await looking.outcome(org, fact))["resolution"]["kind"] == "discarded"
    assert (await looking.one(org, "select count(*) from sync_quarantine where org_id = $1")) == 1, "never deleted"
    late = await ended(org, "applied", entry=entry)
    assert isinstance(late, Refused) and late.code == "quarantine_resolved"


async def test_applying_twice_takes_effect_once(org: Org, stranger: Phone, job: Assigned) -> None:
    stranger.do(note(org, job))
    await stranger.taken()
    entry, command_id = await entry_id(org), org.new_id()
    first = await ended(org, "applied", id=command_id, entry=entry)
    again = await ended(org, "applied", id=command_id, entry=entry)
    assert isinstance(first, Resolved) and isinstance(again, Resolved)
    assert again.answer is not None and again.answer.repeated
    other = await ended(org, "applied", entry=entry)
    assert isinstance(other, Refused) and other.code == "quarantine_resolved"
    assert (await looking.events(org, job.job_id)).count("note_added") == 1


async def test_two_dispatchers_at_once_end_it_once(org: Org, stranger: Phone, job: Assigned) -> None:
    stranger.do(note(org, job))
    await stranger.taken()
    entry = await entry_id(org)
    done = await asyncio.gather(
        *(ended(org, kind, by=by, entry=entry) for kind, by in (("applied", "dan"), ("discarded", "max")))
    )
    assert sorted(type(each).__name__ for each in done) == ["Refused", "Resolved"]


@pytest.mark.parametrize("by", ["amy", "eve", "wes", "cal"])
async def test_only_dispatchers_managers_and_administrators_may(
    org: Org, stranger: Phone, job: Assigned, by: str
) -> None:
    stranger.do(note(org, job))
    await stranger.taken()
    for kind in ("applied", "discarded"):
        refused = await ended(org, kind, by=by)
        assert isinstance(refused, Refused) and refused.code == "forbidden"
    assert len(await looking.quarantined(org)) == 1


async def test_a_device_ends_no_quarantine(org: Org, stranger: Phone, job: Assigned) -> None:
    stranger.do(note(org, job))
    await stranger.taken()
    actor = msgspec.structs.replace(org.actor("dan"), via=Via.DEVICE, device_id=stranger.id)
    decision = Decision(command_id=org.new_id(), kind=ResolutionKind.APPLIED)
    refused = await resolve(org.pool, actor, await entry_id(org), decision, now=LATER)
    assert isinstance(refused, Refused) and refused.code == "forbidden"


async def test_a_reused_id_is_applied_under_an_id_of_its_own(org: Org, job: Assigned) -> None:
    phone = await phone_of(org, "amy")
    id = phone.do(note(org, job, "first"))
    phone.do(note(org, job, "second"), id=id)
    await phone.taken()
    done = await ended(org, "applied")
    assert isinstance(done, Resolved)
    assert (await looking.outcome(org, id))["resolution"] is None
    texts = await looking.rows(org, "select text from note where org_id = $1 order by text")
    assert [row["text"] for row in texts] == ["first", "second"]


async def test_a_skip_can_be_corrected_or_discarded_only(org: Org, job: Assigned) -> None:
    phone = await phone_of(org, "amy")
    phone.do(note(org, job))
    await phone.hand_in(batch([], skips=(skip(phone.queue[0]),)))
    refused = await ended(org, "applied")
    assert isinstance(refused, Refused) and refused.code == "nothing_to_apply"
    command = note(org, job, "told by phone")
    args = {"job_id": command.job_id, "visit_id": command.visit_id, "note_id": command.note_id, "text": command.text}
    done = await ended(org, "corrected", name="add_note", args=args)
    assert isinstance(done, Resolved) and done.answer is not None and done.answer.status == "applied"


async def test_the_inbox_is_paged_oldest_first(org: Org, stranger: Phone, job: Assigned) -> None:
    for _ in range(7):
        stranger.do(note(org, job))
    for n in range(7):
        await stranger.taken(stranger.queue[n : n + 1], now=NOW + n // 2 * HOUR)
    seen: list[int | None] = []
    after = None
    async with org_transaction(org.pool, org.id) as conn:
        while page := await quarantine.list_entries(conn, org.id, after=after, limit=2):
            seen += [entry.n for entry in page]
            after = page[-1].received_at, page[-1].entry_id
    assert sorted(n or 0 for n in seen) == list(range(1, 8)), "each once"
    hours = [((n or 0) - 1) // 2 for n in seen]
    assert hours == sorted(hours)


async def test_the_largest_page_is_followed_by_the_rest(org: Org, stranger: Phone, job: Assigned) -> None:
    for _ in range(quarantine.PAGE + 1):
        stranger.do(note(org, job))
    for start in range(0, quarantine.PAGE + 1, 100):
        await stranger.taken(stranger.queue[start : start + 100])
    async with org_transaction(org.pool, org.id) as conn:
        found = await quarantine.list_entries(conn, org.id, limit=quarantine.PAGE + 1)
    assert len(found) == quarantine.PAGE + 1, "one more than the page, so that the edge says that there is more"


async def test_what_is_unknown_is_not_found(org: Org) -> None:
    refused = await ended(org, "discarded", entry=org.new_id())
    assert isinstance(refused, Refused) and refused.code == "not_found"
