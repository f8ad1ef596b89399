"""Numbers, ids and digests of pushed commands: each takes effect once, whatever the network does to the batches."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from mobile_contract import limits
from mobile_contract.schema import facts as f
from mobile_contract.schema.messages import PushAnswer
from mobile_contract.schema.outcome import OutcomeStatus
from sync.execute import Executed, execute
from sync.push import Refusal
from tests.arrange import NOW, Assigned, Org
from tests.sync import looking
from tests.sync.phone import Phone, batch, envelope, note, on, phone_of


async def notes(org: Org, job: Assigned) -> int:
    return (await looking.events(org, job.job_id)).count("note_added")


async def test_a_queue_takes_effect_in_order(org: Org, phone: Phone, job: Assigned) -> None:
    for fact in (f.StartTravel, f.ArriveOnSite, f.StartWork, f.MakeSafe):
        phone.do(on(job, fact))
    outcomes = await phone.taken()
    assert [(o.n, o.status, o.code) for o in outcomes] == [(n, "applied", "ok") for n in (1, 2, 3, 4)]
    told = await looking.events(org, job.job_id)
    assert told[-4:] == ["travel_started", "arrived", "work_started", "made_safe"]
    assert await looking.last_n(org, phone.id) == 4


async def test_an_empty_push_tells_the_last_number(phone: Phone) -> None:
    answer = await phone.push([])
    assert isinstance(answer, PushAnswer) and (answer.last_n, answer.outcomes) == (0, ())


async def test_a_duplicate_of_a_batch_changes_nothing(org: Org, phone: Phone, job: Assigned) -> None:
    for _ in range(3):
        phone.do(note(org, job))
    first = await phone.taken()
    assert await phone.taken() == first
    assert await notes(org, job) == 3
    assert await looking.last_n(org, phone.id) == 3


async def test_a_command_twice_in_one_batch_counts_once(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    (queued,) = phone.queue
    answer = await phone.hand_in(batch([queued, queued]))
    assert isinstance(answer, PushAnswer) and [o.n for o in answer.outcomes] == [1]
    assert await notes(org, job) == 1


async def test_the_same_command_under_two_numbers_takes_effect_once(org: Org, phone: Phone, job: Assigned) -> None:
    inside = envelope(note(org, job), org.new_id())
    phone.put(inside)
    phone.put(inside)
    assert [(o.n, o.status) for o in await phone.taken()] == [(1, "applied"), (2, "applied")]
    assert await notes(org, job) == 1
    assert [(o.n, o.status) for o in await phone.taken()] == [(1, "applied"), (2, "applied")]


async def test_one_batch_on_two_connections_at_once_takes_effect_once(org: Org, phone: Phone, job: Assigned) -> None:
    for _ in range(20):
        phone.do(note(org, job))
    answers = await asyncio.gather(*(phone.taken() for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert await notes(org, job) == 20


async def test_a_hole_is_refused_with_the_expected_number(org: Org, phone: Phone, job: Assigned) -> None:
    for _ in range(4):
        phone.do(note(org, job))
    await phone.taken(phone.queue[:1])
    refused = await phone.push(phone.queue[2:])
    assert refused == Refusal("sequence_hole", {"expected_n": "2"})
    assert await looking.last_n(org, phone.id) == 1
    assert [o.n for o in await phone.taken(phone.queue[1:])] == [2, 3, 4]


async def test_a_hole_inside_a_batch_is_answered_by_the_prefix_before_it(org: Org, phone: Phone, job: Assigned) -> None:
    for _ in range(4):
        phone.do(note(org, job))
    first, second, _, fourth = phone.queue
    answer = await phone.push([first, second, fourth])
    assert isinstance(answer, PushAnswer) and (answer.last_n, [o.n for o in answer.outcomes]) == (2, [1, 2])


async def test_a_reordered_batch_is_taken_in_the_order_of_its_numbers(org: Org, phone: Phone, job: Assigned) -> None:
    for fact in (f.StartTravel, f.ArriveOnSite, f.StartWork):
        phone.do(on(job, fact))
    outcomes = await phone.taken([phone.queue[2], phone.queue[0], phone.queue[1]])
    assert [o.n for o in outcomes] == [1, 2, 3]
    assert (await looking.events(org, job.job_id))[-3:] == ["travel_started", "arrived", "work_started"]


async def test_batches_that_arrive_in_the_wrong_order_are_taken_in_the_right_one(
    org: Org, phone: Phone, job: Assigned
) -> None:
    for _ in range(6):
        phone.do(note(org, job))
    assert await phone.push(phone.queue[3:]) == Refusal("sequence_hole", {"expected_n": "1"})
    await phone.taken(phone.queue[:3])
    await phone.taken(phone.queue[3:])
    assert await notes(org, job) == 6


async def test_a_lost_answer_is_given_again(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    lost = await phone.taken()
    phone.do(note(org, job))
    assert (await phone.taken())[:1] == lost
    assert await notes(org, job) == 2


async def test_a_prefix_answer_leaves_the_rest_to_the_next_push(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second chunk meets a database that goes away: what was committed is answered, the rest comes again."""
    for _ in range(60):
        phone.do(note(org, job))
    calls = 0

    async def goes_away(*args: Any, **options: Any) -> Executed:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise asyncpg.AdminShutdownError("the server is restarting")
        return await execute(*args, **options)

    monkeypatch.setattr("sync.push.execute", goes_away)
    answer = await phone.push()
    assert isinstance(answer, PushAnswer)
    assert (answer.last_n, len(answer.outcomes)) == (limits.PUSH_CHUNK, limits.PUSH_CHUNK)
    rest = await phone.taken(phone.pending(answer.last_n))
    assert [o.n for o in rest] == list(range(51, 61))
    assert await notes(org, job) == 60


async def test_a_fault_that_may_pass_is_the_callers_to_see_when_nothing_was_done(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.do(note(org, job))

    async def goes_away(*_: object, **__: object) -> object:
        raise asyncpg.AdminShutdownError("the server is restarting")

    monkeypatch.setattr("sync.push.execute", goes_away)
    with pytest.raises(asyncpg.AdminShutdownError):
        await phone.push()


async def test_a_changed_body_for_the_same_number_is_a_forked_phone(org: Org, phone: Phone, job: Assigned) -> None:
    twin = phone.clone()
    phone.do(note(org, job, "mine"))
    twin.do(note(org, job, "the clone's"))
    await phone.taken()
    assert await twin.push() == Refusal("device_forked")
    assert await notes(org, job) == 1


async def test_the_same_command_with_another_body_at_its_number_is_a_forked_phone(
    org: Org, phone: Phone, job: Assigned
) -> None:
    id = phone.do(note(org, job, "first"))
    await phone.taken()
    phone.next_n, phone.queue = 1, []
    phone.do(note(org, job, "second"), id=id)
    assert await phone.push() == Refusal("device_forked")


async def test_a_fork_is_told_though_a_chunk_before_it_is_known(org: Org, phone: Phone, job: Assigned) -> None:
    """A prefix answer would tell the clone that numbers up to the other's last one had arrived."""
    for _ in range(55):
        phone.do(note(org, job))
    twin = phone.clone()
    twin.queue, twin.next_n = phone.queue[:52], 53
    for _ in range(3):
        twin.do(note(org, job))
    await phone.taken()
    assert await twin.push() == Refusal("device_forked")


async def test_a_forked_phone_that_enrols_anew_hands_in_everything_under_the_same_ids(
    org: Org, phone: Phone, job: Assigned
) -> None:
    shared = phone.do(note(org, job, "before the clone"))
    twin = phone.clone()
    await phone.taken()
    phone.do(note(org, job, "mine"))
    own = twin.do(note(org, job, "the clone's"))
    await phone.taken()
    assert await twin.push() == Refusal("device_forked")
    fresh = await twin.enrol_anew()
    outcomes = await fresh.taken()
    assert [(o.n, o.id, o.status) for o in outcomes] == [(1, shared, "applied"), (2, own, "applied")]
    assert await notes(org, job) == 3
    assert await looking.last_n(org, fresh.id) == 2
    told = await looking.held_documents(org, f"dev/{fresh.id}")
    assert {id: d["n"] for id, d in told.items()} == {shared: 1}, "what has another number now is told anew"
    assert await fresh.taken() == outcomes
    assert len(await phone.taken()) == 2


async def test_a_reused_command_id_goes_whole_into_quarantine(org: Org, phone: Phone, job: Assigned) -> None:
    id = phone.do(note(org, job, "first"))
    phone.do(note(org, job, "another"), id=id)
    outcomes = await phone.taken()
    assert [(o.n, o.status, o.code) for o in outcomes] == [(1, "applied", "ok"), (2, "quarantined", "id_reused")]
    (entry,) = await looking.quarantined(org)
    assert (entry["reason"], entry["n"], entry["bytes"]) == ("id_reused", 2, phone.queue[1].cmd)
    assert await notes(org, job) == 1
    assert await phone.taken() == outcomes, "a lost answer is given again"
    told = await looking.held_documents(org, f"dev/{phone.id}")
    assert [(d["n"], d["status"]) for d in told.values()] == [(2, "quarantined")], "the first took effect, no more"


async def test_an_id_that_another_phone_used_goes_into_quarantine(org: Org, phone: Phone, job: Assigned) -> None:
    other = await phone_of(org, "bob")
    id = phone.do(note(org, job, "first"))
    await phone.taken()
    other.do(note(org, job, "another"), id=id)
    assert [(o.status, o.code) for o in await other.taken()] == [("quarantined", "id_reused")]
    assert (await looking.outcome(org, id))["device_id"] == phone.id


async def test_a_fact_with_a_known_id_and_content_is_the_same_fact(org: Org, phone: Phone, job: Assigned) -> None:
    said = note(org, job)
    phone.do(said)
    phone.do(said)
    assert [o.code for o in await phone.taken()] == ["ok", "unchanged"]
    assert await notes(org, job) == 1


async def test_a_restored_server_gets_what_it_lost_again(
    org: Org, phone: Phone, job: Assigned, owner: asyncpg.Connection
) -> None:
    """After a restore the device's row is back at an earlier number; the phone pushes what lies above it, with the same bytes."""
    for _ in range(5):
        phone.do(note(org, job))
    await phone.taken(phone.queue[:3])
    backed_up = [row["id"] for row in await looking.rows(org, "select id from note where org_id = $1")]
    await phone.taken()
    lost = [q.id for q in phone.queue[3:]]
    await owner.execute("delete from sync_outcome where org_id = $1 and command_id = any($2)", org.id, lost)
    await owner.execute("delete from note where org_id = $1 and not id = any($2)", org.id, backed_up)
    await owner.execute("delete from event where org_id = $1 and command_id = any($2)", org.id, lost)
    await owner.execute("update sync_device set last_n = 3 where org_id = $1 and device_id = $2", org.id, phone.id)
    answer = await phone.push([])
    assert isinstance(answer, PushAnswer) and answer.last_n == 3
    outcomes = await phone.taken(phone.pending(answer.last_n))
    assert [(o.n, o.id) for o in outcomes] == [(4, lost[0]), (5, lost[1])]
    assert await notes(org, job) == 5


async def test_durable_n_is_unknown_without_a_watermark_and_follows_it_otherwise(
    org: Org, phone: Phone, job: Assigned
) -> None:
    phone.do(note(org, job))
    unknown = await phone.push()
    assert isinstance(unknown, PushAnswer) and unknown.durable_n is None
    phone.durable_lag = timedelta(minutes=5)
    phone.do(note(org, job))
    early = await phone.push(phone.pending(1), now=NOW + timedelta(minutes=2))
    assert isinstance(early, PushAnswer) and early.durable_n is None
    later = await phone.push([], now=NOW + timedelta(minutes=6))
    assert isinstance(later, PushAnswer) and later.durable_n == 1


async def test_numbers_beyond_any_phone_are_no_batch(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    line = phone.queue[0].line.replace(b'"n":1', b'"n":%d' % (1 << 62))
    body = b'{"sent":null,"commands":[' + line + b"]}"
    assert await phone.hand_in(body) == Refusal("batch_unreadable")


async def test_a_status_is_one_of_the_contract(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    answer = await phone.push()
    again = msgspec.json.decode(msgspec.json.encode(answer), type=PushAnswer)
    assert again == answer and again.outcomes[0].status is OutcomeStatus.APPLIED
