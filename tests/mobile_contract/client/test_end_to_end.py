"""The reference device against the real server: every promise of the protocol that two sides have to keep together."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import pytest

from api import enrolment
from api.settings import Settings
from mobile_contract.client import queue
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.access import EnrolmentAsk
from mobile_contract.schema.job import HoldReason, JobState, Task, VisitState
from mobile_contract.schema.outcome import OutcomeStatus
from sync.transaction import org_transaction
from tests.api.serving import Site
from tests.arrange import Assigned, Org
from tests.mobile_contract.client.field import Phone, assert_equals_server
from tests.mobile_contract.client.office import TestClock

Make = Callable[..., Awaitable[Phone]]


@pytest.fixture
async def phone_of(server: Site, clock: TestClock, org: Org, tmp_path: Path, seed: int) -> AsyncIterator[Make]:
    phones: list[Phone] = []

    async def make(person: str = "", crew: str = "") -> Phone:
        phone = Phone(tmp_path / f"{len(phones)}.sqlite3", server, clock, seed + 1_000 * len(phones))
        phones.append(phone)
        await phone.enrol(org, person=person, crew=crew)
        return phone

    yield make
    for phone in phones:
        phone.close()


def state_of(phone: Phone, job: Assigned) -> tuple[object, object]:
    shown = phone.device.shown()
    visit, of_job = shown.get(("visit", job.visit_id)), shown.get(("job", job.job_id))
    return getattr(visit, "state", None), getattr(of_job, "state", None)


def arrive(job: Assigned) -> f.ArriveOnSite:
    return f.ArriveOnSite(job_id=job.job_id, visit_id=job.visit_id)


def note(org: Org, job: Assigned, text: str) -> f.AddNote:
    return f.AddNote(job_id=job.job_id, visit_id=job.visit_id, note_id=org.new_id(), text=text)


async def effects(pool: asyncpg.Pool, org: Org, command_ids: list[UUID]) -> list[int]:
    async with org_transaction(pool, org.id) as conn:
        return [
            await conn.fetchval("select count(*) from event where org_id = $1 and command_id = $2", org.id, id)
            for id in command_ids
        ]


async def test_a_visit_is_worked_offline_and_arrives_at_the_office(
    pool: asyncpg.Pool, org: Org, phone_of: Make
) -> None:
    job = await org.assigned_job("alpha")
    phone = await phone_of("amy")
    await phone.synced()
    assert state_of(phone, job) == (VisitState.DISPATCHED, JobState.SCHEDULED)
    await assert_equals_server(phone, pool, org)
    phone.network.up = False
    made = [
        phone.device.do(command).id
        for command in (
            d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1),
            f.StartTravel(job_id=job.job_id, visit_id=job.visit_id),
            arrive(job),
            f.StartWork(job_id=job.job_id, visit_id=job.visit_id),
        )
    ]
    assert state_of(phone, job) == (VisitState.WORKING, JobState.IN_PROGRESS)
    assert (await phone.sync()).stopped == "unreachable"
    assert phone.device.status().unsent == 4
    phone.network.up = True
    report = await phone.synced()
    assert (report.settled, phone.device.status().unsent) == (4, 0)
    assert {each.status for each in phone.device.status().commands} == {OutcomeStatus.APPLIED}
    assert state_of(phone, job) == (VisitState.WORKING, JobState.IN_PROGRESS)
    assert queue.shown_on_top(phone.device.store) == []
    await assert_equals_server(phone, pool, org)
    assert await effects(pool, org, made) == [1, 1, 1, 1]


async def test_what_the_office_changes_reaches_the_phone(pool: asyncpg.Pool, org: Org, phone_of: Make) -> None:
    job = await org.assigned_job("alpha")
    phone = await phone_of("amy")
    await phone.synced()
    await org.ok(d.CancelJob(job_id=job.job_id, reason="false alarm"), by="dan")
    await phone.synced()
    await assert_equals_server(phone, pool, org)
    assert state_of(phone, job) in ((VisitState.CANCELLED, JobState.CANCELLED), (None, None))


async def test_of_two_phones_that_claim_a_job_one_is_told_who_was_faster(
    pool: asyncpg.Pool, org: Org, phone_of: Make
) -> None:
    job_id = await org.open_job("east")
    amy, bob = await phone_of("amy"), await phone_of("bob")
    await amy.synced()
    await bob.synced()
    claims = [phone.device.do(d.ClaimJob(job_id=job_id, visit_id=org.new_id())) for phone in (amy, bob)]
    assert all(("job", job_id) in phone.device.shown() for phone in (amy, bob))
    await bob.synced()
    await amy.synced()
    await bob.synced()
    status = {each.id: (each.status, each.code) for phone in (amy, bob) for each in phone.device.status().commands}
    assert status[claims[1].id] == (OutcomeStatus.APPLIED, "ok")
    assert status[claims[0].id] == (OutcomeStatus.REJECTED, "job_already_claimed")
    assert ("job", job_id) not in amy.device.shown()
    assert ("job", job_id) in bob.device.shown()
    for phone in (amy, bob):
        await assert_equals_server(phone, pool, org)


async def test_work_on_a_claim_that_was_refused_is_kept(pool: asyncpg.Pool, org: Org, phone_of: Make) -> None:
    job_id = await org.open_job("east")
    amy, bob = await phone_of("amy"), await phone_of("bob")
    await amy.synced()
    await bob.synced()
    bob.device.do(d.ClaimJob(job_id=job_id, visit_id=org.new_id()))
    await bob.synced()
    mine = Assigned(job_id, org.new_id())
    claim = amy.device.do(d.ClaimJob(job_id=job_id, visit_id=mine.visit_id))
    accept = amy.device.do(d.AcceptVisit(job_id=job_id, visit_id=mine.visit_id, plan_version=1))
    fact = amy.device.do(arrive(mine))
    await amy.synced()
    status = {each.id: each.status for each in amy.device.status().commands}
    assert status[claim.id] is OutcomeStatus.REJECTED
    assert status[accept.id] is OutcomeStatus.REJECTED
    assert status[fact.id] in (OutcomeStatus.APPLIED, OutcomeStatus.QUARANTINED)
    assert amy.device.status().unsent == 0
    await assert_equals_server(amy, pool, org)


async def test_a_shift_changes_with_a_queue_and_each_fact_keeps_its_author(
    pool: asyncpg.Pool, org: Org, phone_of: Make
) -> None:
    job = await org.assigned_job("alpha")
    phone = await phone_of(crew="alpha")
    phone.device.use(org.people["amy"])
    await phone.synced()
    phone.network.up = False
    by_amy = phone.device.do(note(org, job, "by amy")).id
    phone.device.use(org.people["ali"])
    by_ali = phone.device.do(note(org, job, "by ali")).id
    phone.network.up = True
    await phone.synced()
    async with org_transaction(pool, org.id) as conn:
        rows = await conn.fetch("select command_id, actor_id from event where org_id = $1", org.id)
    authors = {row["command_id"]: row["actor_id"] for row in rows}
    assert (authors[by_amy], authors[by_ali]) == (org.people["amy"], org.people["ali"])
    await assert_equals_server(phone, pool, org)


async def test_a_revoked_phone_hands_in_its_queue_and_wipes_itself(
    pool: asyncpg.Pool, org: Org, phone_of: Make, server: Site
) -> None:
    job = await org.assigned_job("alpha")
    phone = await phone_of("amy")
    await phone.synced()
    fact = phone.device.do(note(org, job, "last words")).id
    install = phone.device.status().install
    assert install is not None
    await enrolment.revoke_devices(server.services, org.actor("ada"), [install.device_id])
    report = await phone.synced()
    assert report.wiped
    status = phone.device.status()
    assert (status.install, status.tombstone is not None) == (None, True)
    async with org_transaction(pool, org.id) as conn:
        outcome = await conn.fetchval(
            "select status from sync_outcome where org_id = $1 and command_id = $2", org.id, fact
        )
    assert outcome == "quarantined"


async def test_a_cloned_phone_enrols_again_and_loses_nothing(
    pool: asyncpg.Pool, org: Org, phone_of: Make, tmp_path: Path
) -> None:
    job = await org.assigned_job("alpha")
    phone = await phone_of("amy")
    await phone.synced()
    phone.device.store.close()
    clone = await phone_of("amy")
    clone.device.store.close()
    clone.path = tmp_path / "clone.sqlite3"
    clone.path.write_bytes(phone.path.read_bytes())
    phone.reborn()
    clone.reborn()
    first = [phone.device.do(note(org, job, f"first {i}")).id for i in range(3)]
    other = [clone.device.do(note(org, job, f"clone {i}")).id for i in range(2)]
    await phone.synced()
    assert (await clone.sync()).stopped == "device_forked"
    install = clone.device.status().install
    assert install is not None
    assert install.forked
    assert clone.device.status().unsent == 2
    await clone.enrol(org, person="amy")
    await clone.synced()
    assert await effects(pool, org, first + other) == [1] * 5
    for each in (phone, clone):
        await assert_equals_server(each, pool, org)


async def test_a_harmed_store_is_found_and_repaired(pool: asyncpg.Pool, org: Org, phone_of: Make) -> None:
    await org.assigned_job("alpha")
    phone = await phone_of("amy")
    await phone.synced()
    with phone.device.store.transaction():
        phone.device.store.run("delete from member where kind in ('job', 'part')")
        phone.device.store.run("update document set body = cast('{}' as blob) where kind = 'visit'")
    # Digests come for the buckets that a page touches, and for one in rotation.
    await org.assigned_job("alpha")
    for hour in range(12):
        phone.clock.pass_time(3_600 * (hour > 0))
        await phone.synced()
    await assert_equals_server(phone, pool, org)


async def test_a_new_life_of_the_database_keeps_what_is_equal(
    pool: asyncpg.Pool, org: Org, phone_of: Make, owner: asyncpg.Connection
) -> None:
    await org.assigned_job("alpha")
    phone = await phone_of("amy")
    await phone.synced()
    await owner.execute("delete from sync_life")
    await org.assigned_job("alpha")
    report = await phone.synced()
    install = phone.device.status().install
    assert install is not None
    async with org_transaction(pool, org.id) as conn:
        assert install.life == str(await conn.fetchval("select life from sync_life"))
    assert 0 < report.resets < len(phone.device.status().digests)
    await assert_equals_server(phone, pool, org)


async def test_a_phone_hears_of_news_while_it_waits(org: Org, phone_of: Make) -> None:
    phone = await phone_of("amy")
    job_id = await org.open_job("east")
    await phone.synced()
    waiting = asyncio.create_task(asyncio.to_thread(phone.device.sync, wait_s=20))
    job = Assigned(job_id, await org.assign(job_id, "alpha"))
    assert (await waiting).changes > 0
    assert state_of(phone, job)[0] is VisitState.DISPATCHED


async def test_sessions_and_documents_survive_a_token_that_is_wrong(org: Org, phone_of: Make) -> None:
    phone = await phone_of("amy")
    await phone.synced()
    with phone.device.store.transaction():
        phone.device.store.update_install(token="osd_" + "0" * 32 + "_" + "0" * 32 + "_" + "A" * 43)
    assert (await phone.sync()).stopped == "unauthenticated"
    assert phone.device.people() != []


async def test_everybody_ends_equal_under_lost_requests_lost_answers_and_killed_apps(
    pool: asyncpg.Pool, org: Org, phone_of: Make, seed: int
) -> None:
    source = random.Random(seed)
    jobs = [await org.assigned_job("alpha" if i % 2 else "beta") for i in range(6)]
    phones = [await phone_of("amy"), await phone_of("ali"), await phone_of("bob")]
    made: list[UUID] = []
    for phone in phones:
        await phone.synced()
        phone.network.lost_requests = phone.network.lost_answers = 0.25
    for _ in range(25):
        phone, job = source.choice(phones), source.choice(jobs)
        fact = source.choice(
            [arrive(job), note(org, job, "wet"), f.StartWork(job_id=job.job_id, visit_id=job.visit_id)]
        )
        made.append(phone.device.do(fact).id)
        if source.random() < 0.2:
            phone.reborn()
        if source.random() < 0.1:
            await org.ok(d.HoldJob(job_id=job.job_id, reason=source.choice(list(HoldReason))), by="dan")
        if source.random() < 0.6:
            await source.choice(phones).sync(check=source.random() < 0.3)
    for phone in phones:
        phone.network.lost_requests = phone.network.lost_answers = 0.0
        await phone.synced()
    for phone in phones:
        await phone.settled()
        assert phone.device.status().unsent == 0
        assert queue.shown_on_top(phone.device.store) == []
        await assert_equals_server(phone, pool, org)
    async with org_transaction(pool, org.id) as conn:
        stored = await conn.fetch(
            "select command_id from sync_outcome where org_id = $1 and command_id = any($2)", org.id, made
        )
        twice = await conn.fetch(
            "select command_id from event where org_id = $1 and command_id = any($2) group by 1, name having count(*) > 1",
            org.id,
            made,
        )
    assert len(stored) == len(made)
    assert twice == []


async def test_a_long_queue_with_a_broken_command_in_it_empties(pool: asyncpg.Pool, org: Org, phone_of: Make) -> None:
    job = await org.assigned_job("alpha")
    phone = await phone_of("amy")
    await phone.synced()
    made = [phone.device.do(note(org, job, f"note {i}")).id for i in range(70)]
    with phone.device.store.transaction():
        # A flash memory that flipped a bit: what is queued is no JSON any more.
        phone.device.store.run("update command set cmd = substr(cmd, 1, 40) where n = 33")
    await phone.synced()
    broken = made.pop(32)
    assert await effects(pool, org, made) == [1] * 69
    kept = {each.id: each for each in phone.device.status().commands}
    assert (kept[broken].status, phone.device.status().unsent) == (OutcomeStatus.QUARANTINED, 0)
    await assert_equals_server(phone, pool, org)


async def test_scope_lost_while_offline_takes_the_documents_and_keeps_the_work(
    pool: asyncpg.Pool, org: Org, phone_of: Make
) -> None:
    job = await org.assigned_job("alpha")
    phone = await phone_of("amy")
    await phone.synced()
    fact = phone.device.do(arrive(job)).id
    command = d.ReassignVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, crew_id=org.crews["beta"])
    await org.ok(command, by="dan")
    await phone.synced()
    status = {each.id: each.status for each in phone.device.status().commands}
    assert status[fact] is OutcomeStatus.APPLIED
    assert await effects(pool, org, [fact]) == [1]
    await assert_equals_server(phone, pool, org)


async def test_guards_on_the_phone_are_those_of_the_server(org: Org, phone_of: Make) -> None:
    job = await org.assigned_job("alpha")
    phone = await phone_of("amy")
    await phone.synced()
    for command in (arrive(job), f.StartWork(job_id=job.job_id, visit_id=job.visit_id)):
        phone.device.do(command)
    assert [each.about for each in phone.device.missing(job.job_id)] == ["stopped"]
    phone.device.do(f.CompleteVisit(job_id=job.job_id, visit_id=job.visit_id))
    await phone.synced()
    assert "incomplete" in getattr(phone.device.shown().get(("visit", job.visit_id)), "flags", ())
    tasks = [t for t in phone.device.shown().values() if isinstance(t, Task) and t.mandatory and t.job_id == job.job_id]
    answer = f.AnswerChecklist(job_id=job.job_id, visit_id=job.visit_id, task_id=tasks[0].id, answer="yes")
    phone.device.do(answer)
    assert phone.device.missing(job.job_id) == []
    await phone.synced()
    assert "incomplete" not in getattr(phone.device.shown().get(("visit", job.visit_id)), "flags", ())


async def test_the_command_line_is_a_phone_too(
    pool: asyncpg.Pool, org: Org, server: Site, tmp_path: Path, settings: Settings
) -> None:
    job = await org.assigned_job("alpha")
    code = await enrolment.make_code(server.services, org.actor("ada"), EnrolmentAsk(person_id=org.people["amy"]))
    uri = "onsite://enrol?" + urlencode({"server": str(server.client.base_url), "code": code.code})

    async def onsite(*words: str) -> str:
        program = [sys.executable, "-c", "from api.cli import main; main()", "device", *words]
        process = await asyncio.create_subprocess_exec(
            *program, "--state", str(tmp_path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, said.decode()
        return " ".join(said.decode().split())

    await onsite("enrol", uri, "--name", "Van 3")
    await onsite("sync")
    assert "leak" in await onsite("jobs")
    await onsite("do", "arrive_on_site", "--job", str(job.job_id))
    assert "unsent 1" in await onsite("status")
    assert "1 of 1 sent commands answered" in await onsite("sync", "--check")
    assert "applied" in await onsite("status")
    async with org_transaction(pool, org.id) as conn:
        state = await conn.fetchval("select state from visit where org_id = $1 and id = $2", org.id, job.visit_id)
    assert state == "on_site"
