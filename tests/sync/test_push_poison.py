"""Nothing blocks the queue: whatever a single command is, it ends as an outcome, and the commands around it take effect."""

import hashlib
import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from jobs.context import Deed
from jobs.handlers import door
from jobs.result import Applied, Result
from jobs.work import Work
from mobile_contract import limits
from mobile_contract.schema.facts import AddNote, MakeSafe, PauseWork, ReportJob
from mobile_contract.schema.messages import PushAnswer
from sync.push import Refusal
from tests.arrange import NOW, Assigned, Org
from tests.sync import looking
from tests.sync.phone import Phone, batch, envelope, note, on, skip

ALWAYS = 10_000


def faulty(monkeypatch: pytest.MonkeyPatch, command: type, times: int, error: Exception | None = None) -> list[UUID]:
    """Make the handler of a command raise for a number of calls; gives the list of the calls' command ids."""
    handler, calls = door.handler_of(command), list[UUID]()

    def raising(work: Work, asked: Any, deed: Deed) -> Result:
        calls.append(deed.command_id)
        if len(calls) <= times:
            raise error or ZeroDivisionError("a bug of ours")
        return handler(work, asked, deed)

    monkeypatch.setitem(_handlers(), command, raising)
    return calls


def _handlers() -> dict[Any, Any]:
    return door._HANDLERS


def bad(org: Org, **changes: Any) -> dict[str, Any]:
    """Write an envelope and spoil it."""
    job = Assigned(org.new_id(), org.new_id())
    inside = {**envelope(note(org, job), org.new_id()), **changes}
    return {key: value for key, value in inside.items() if value is not ...}


async def test_a_handler_that_raises_three_times_is_poison_and_put_aside(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = faulty(monkeypatch, PauseWork, ALWAYS)
    phone.do(note(org, job))
    poison = phone.do(on(job, PauseWork))
    phone.do(note(org, job))
    with caplog.at_level(logging.ERROR, "onsite.push"):
        outcomes = await phone.taken()
    assert [(o.n, o.status, o.code) for o in outcomes] == [
        (1, "applied", "ok"),
        (2, "quarantined", "server_fault"),
        (3, "applied", "ok"),
    ]
    assert calls == [poison] * 3
    assert any("poison" in record.message for record in caplog.records)
    (entry,) = await looking.quarantined(org)
    assert (entry["command_id"], entry["reason"], entry["bytes"]) == (poison, "server_fault", phone.queue[1].cmd)
    assert (await looking.events(org, job.job_id)).count("note_added") == 2
    assert await phone.taken() == outcomes
    assert len(calls) == 3, "poison is never tried again"


@pytest.mark.parametrize("place", [0, 12, 13, 27, limits.PUSH_CHUNK - 1])
async def test_wherever_a_chunk_breaks_off_nothing_is_recorded_twice_or_not_at_all(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Events of a stretch are written while the next one is judged: they too are as if they had never been."""
    faulty(monkeypatch, PauseWork, 1)
    for n in range(limits.PUSH_CHUNK + 3):
        phone.do(on(job, PauseWork) if n == place else note(org, job))
    outcomes = await phone.taken()
    assert {(o.status, o.code) for o in outcomes} == {("applied", "ok")}
    recorded = await looking.events(org, job.job_id)
    assert (recorded.count("note_added"), recorded.count("work_paused")) == (limits.PUSH_CHUNK + 2, 1)


async def test_what_is_recorded_of_a_job_that_is_new_comes_in_with_it(org: Org, phone: Phone, job: Assigned) -> None:
    found = Assigned(org.new_id(), org.new_id())
    phone.do(ReportJob(job_id=found.job_id, job_type="repair", title="Leak in the road"))
    for n in range(limits.PUSH_CHUNK - 1):
        phone.do(note(org, job if n % 2 else found))
    outcomes = await phone.taken()
    assert {o.status for o in outcomes} == {"applied"}
    told = [(await looking.events(org, each.job_id)).count("note_added") for each in (found, job)]
    assert told == [25, 24]


async def test_a_handler_that_raises_once_costs_nothing(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty(monkeypatch, PauseWork, 1)
    phone.do(note(org, job))
    phone.do(on(job, PauseWork))
    assert [o.status for o in await phone.taken()] == ["applied", "applied"]
    assert await looking.quarantined(org) == []
    assert (await looking.events(org, job.job_id)).count("note_added") == 1


async def test_a_handler_that_puts_what_the_database_refuses_is_poison(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of writing, not of the handler itself: the rows around it are written all the same."""
    door.handler_of(PauseWork)

    def writes_nonsense(work: Work, asked: PauseWork, deed: Deed) -> Result:
        work.put(msgspec.structs.replace(_job_of(work, asked), number="NUL \0 in a text"))
        return Applied()

    monkeypatch.setitem(_handlers(), PauseWork, writes_nonsense)
    phone.do(note(org, job))
    phone.do(on(job, PauseWork))
    phone.do(note(org, job))
    assert [(o.status, o.code) for o in await phone.taken()] == [
        ("applied", "ok"),
        ("quarantined", "server_fault"),
        ("applied", "ok"),
    ]


def _job_of(work: Work, asked: PauseWork) -> Any:
    from mobile_contract.schema.job import Job

    return work.get(Job, asked.job_id)


async def test_a_chunk_full_of_poison_ends_command_by_command(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty(monkeypatch, PauseWork, ALWAYS)
    for _ in range(6):
        phone.do(on(job, PauseWork))
        phone.do(note(org, job))
    outcomes = await phone.taken()
    assert [o.status for o in outcomes] == ["quarantined", "applied"] * 6
    assert await looking.last_n(org, phone.id) == 12


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "no_such_command"}, "unknown_command"),
        ({"args": {}}, "invalid"),
        ({"args": {"job_id": "x"}}, "invalid"),
        ({"args": "not an object"}, "invalid"),
        ({"at": {"wall": "yesterday"}}, "invalid"),
        ({"at": ...}, "invalid"),
        ({"id": "no uuid"}, "invalid"),
        ({"id": ...}, "invalid"),
        ({"name": 7}, "invalid"),
        ({"after": ["no uuid"]}, "invalid"),
        ({"base": -1}, "invalid"),
    ],
)
async def test_a_bad_command_is_one_quarantine_row(
    org: Org, phone: Phone, job: Assigned, changes: dict[str, Any], code: str
) -> None:
    phone.do(note(org, job))
    phone.put(bad(org, **changes))
    phone.do(note(org, job))
    outcomes = await phone.taken()
    assert [(o.n, o.status, o.code) for o in outcomes] == [
        (1, "applied", "ok"),
        (2, "quarantined", code),
        (3, "applied", "ok"),
    ]
    (entry,) = await looking.quarantined(org)
    assert (entry["n"], entry["bytes"], entry["device_id"]) == (2, phone.queue[1].cmd, phone.id)
    assert await phone.taken() == outcomes
    told = await looking.held_documents(org, f"dev/{phone.id}")
    assert [d["n"] for d in told.values()] == [2], "what took effect, and no more, is told by the push alone"


@pytest.mark.parametrize("cmd", [b"7", b'"text"', b"null", b"[]", b'{"id":"\xff"}', b'{"a":' * 400 + b"1" + b"}" * 400])
async def test_a_command_that_is_no_envelope_at_all_is_one_quarantine_row(org: Org, phone: Phone, cmd: bytes) -> None:
    phone.put(cmd)
    assert [(o.n, o.status, o.code) for o in await phone.taken()] == [(1, "quarantined", "invalid")]
    assert [entry["bytes"] for entry in await looking.quarantined(org)] == [cmd]


@pytest.mark.parametrize(
    "text",
    ["'; drop table job; --", "<script>alert(1)</script>", "\u202e\ufeff", "𝔘𝔫𝔦", "a\u2028b", "\\u0000", "$1 %s {x}"],
)
async def test_what_people_write_is_kept_as_they_wrote_it(org: Org, phone: Phone, job: Assigned, text: str) -> None:
    phone.do(note(org, job, text))
    assert [o.status for o in await phone.taken()] == ["applied"]
    assert await looking.one(org, "select text from note where org_id = $1") == text


async def test_a_text_with_nul_goes_whole_into_quarantine(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job, "before \0 after"))
    phone.put(bad(org, name="na\0me"))
    assert [(o.status, o.code) for o in await phone.taken()] == [("quarantined", "invalid")] * 2
    assert len(await looking.quarantined(org)) == 2


async def test_a_bad_decision_is_refused(org: Org, phone: Phone) -> None:
    phone.put(bad(org, name="claim_job", args={"job_id": "x"}))
    assert [(o.status, o.code) for o in await phone.taken()] == [("rejected", "invalid")]
    assert await looking.quarantined(org) == []


async def test_a_command_that_is_too_large_goes_into_quarantine(org: Org, phone: Phone, job: Assigned) -> None:
    inside = envelope(note(org, job), org.new_id())
    inside["args"]["padding"] = "x" * limits.COMMAND_BYTES
    phone.put(inside)
    phone.do(note(org, job))
    assert [(o.status, o.code) for o in await phone.taken()] == [
        ("quarantined", "command_too_large"),
        ("applied", "ok"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"commands":[{"n":1,"session":"x"}]}',
        b'{"commands":[{"n":0,"session":null,"cmd":{}}]}',
        b'{"commands":[{"n":"1","session":null,"cmd":{}}]}',
        b'{"commands":[{"n":1,"session":null,"cmd":{"id":}}]}',
        b'{"commands":7}',
        b"[" * 100_000,
    ],
)
async def test_an_unreadable_envelope_is_kept_once_by_its_hash(org: Org, phone: Phone, body: bytes) -> None:
    assert await phone.hand_in(body) == Refusal("batch_unreadable")
    assert await phone.hand_in(body) == Refusal("batch_unreadable")
    (kept,) = await looking.rows(org, "select * from sync_unreadable where org_id = $1")
    assert (kept["sha256"], kept["bytes"], kept["device_id"]) == (hashlib.sha256(body).digest(), body, phone.id)


async def test_a_batch_that_was_halved_down_to_its_unreadable_command_goes_on_with_a_skip(
    org: Org, phone: Phone, job: Assigned
) -> None:
    """What the device does: halve until one command is left, then say which one it was and go on."""
    for _ in range(5):
        phone.do(note(org, job))
    broken = phone.queue[2]
    body = batch(phone.queue).replace(broken.cmd, b'{"id":}')
    assert await phone.hand_in(body) == Refusal("batch_unreadable")
    await phone.taken(phone.queue[:2])
    assert await phone.hand_in(batch([broken]).replace(broken.cmd, b'{"id":}')) == Refusal("batch_unreadable")
    answer = await phone.hand_in(batch(phone.queue[3:], skips=(skip(broken),)))
    assert isinstance(answer, PushAnswer)
    first = answer.outcomes[0]
    assert (first.n, first.id, first.status, first.code) == (3, broken.id, "quarantined", "skipped")
    assert (answer.last_n, len(answer.outcomes)) == (5, 3)
    (entry,) = await looking.quarantined(org)
    assert (entry["reason"], entry["digest"]) == ("skipped", hashlib.sha256(broken.cmd).digest())
    assert await phone.hand_in(batch(phone.queue[3:], skips=(skip(broken),))) == answer


async def test_a_skip_of_what_had_arrived_gives_its_outcome(phone: Phone, job: Assigned, org: Org) -> None:
    phone.do(note(org, job))
    first = await phone.taken()
    answer = await phone.hand_in(batch([], skips=(skip(phone.queue[0]),)))
    assert isinstance(answer, PushAnswer) and answer.outcomes == first


async def test_clocks_that_cannot_be_read_never_make_a_batch_unreadable(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    body = b'{"sent":{"wall":"no time"},"commands":[' + phone.queue[0].line + b"]}"
    answer = await phone.hand_in(body)
    assert isinstance(answer, PushAnswer) and [o.status for o in answer.outcomes] == ["applied"]


async def test_two_commands_of_one_number_in_a_batch_are_a_forked_phone(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(note(org, job))
    phone.next_n = 1
    phone.do(note(org, job))
    assert await phone.push() == Refusal("device_forked")
    assert await looking.last_n(org, phone.id) == 0


async def test_too_many_commands_are_refused_before_any_is_judged(org: Org, phone: Phone, job: Assigned) -> None:
    for _ in range(limits.PUSH_COMMANDS + 1):
        phone.do(note(org, job))
    assert await phone.push() == Refusal("batch_too_large", {"commands": "200"})
    outcomes = await phone.taken(phone.queue[: limits.PUSH_COMMANDS])
    assert len(outcomes) == limits.PUSH_COMMANDS


async def test_too_many_bytes_are_refused(org: Org, phone: Phone, job: Assigned) -> None:
    for _ in range(40):
        phone.do(note(org, job, "x" * 7000))
    assert await phone.push() == Refusal("batch_too_large", {"bytes": str(limits.PUSH_BYTES)})
    await phone.taken(phone.queue[:30])


async def test_the_quota_of_commands_is_of_a_day(
    org: Org, phone: Phone, job: Assigned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "QUARANTINE_COMMANDS_PER_DAY", 10)
    for _ in range(14):
        phone.do(on(job, MakeSafe))
    await phone.taken(phone.queue[:5])
    await phone.taken(phone.queue[5:10])
    refused = await phone.push(phone.queue[10:])
    assert isinstance(refused, Refusal) and (refused.code, refused.retry_after_s) == ("quota_exceeded", 3600)
    assert len(await phone.taken(phone.queue[:10])) == 10, "what is known is answered all the same"
    later = NOW + timedelta(hours=24, seconds=1)
    assert len(await phone.taken(phone.queue[10:], now=later)) == 4


async def test_the_quota_of_quarantine_is_of_a_day(org: Org, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUARANTINE_BYTES_PER_DAY", 20_000)
    monkeypatch.setattr("sync.unreadable.QUARANTINE_BYTES_PER_DAY", 20_000)
    for _ in range(4):
        phone.put(bad(org, name="nothing", args={"x": "y" * 8000}))
    await phone.taken(phone.queue[:3])
    refused = await phone.push(phone.queue[3:])
    assert isinstance(refused, Refusal) and refused.code == "quota_exceeded"
    again = await phone.hand_in(b"unreadable")
    assert isinstance(again, Refusal) and again.code == "quota_exceeded"
    assert await phone.push(phone.queue[3:], now=NOW + timedelta(hours=25)) != refused


async def test_a_note_of_the_largest_size_fits(org: Org, phone: Phone, job: Assigned) -> None:
    phone.do(AddNote(job_id=job.job_id, visit_id=job.visit_id, note_id=org.new_id(), text="水" * 8000))
    assert [o.status for o in await phone.taken()] == ["applied"]
