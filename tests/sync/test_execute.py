"""The one door, whatever way a command comes: once, in one transaction, with an answer that stays."""

import asyncio
from typing import Any

import msgspec
import pytest

from jobs.context import Deed
from jobs.handlers import door
from jobs.result import Result
from jobs.work import Work
from mobile_contract.schema import decisions as d
from mobile_contract.schema.job import HoldReason
from sync.execute import HandlerFault, run
from tests.arrange import NOW, Org, ask_of
from tests.sync import looking


async def test_the_same_command_sent_several_times_at_once_takes_effect_once(org: Org) -> None:
    """A console that repeats a request while the first one is still inside: all get the one answer."""
    job = await org.assigned_job()
    for reason in HoldReason:
        hold = d.HoldJob(job_id=job.job_id, reason=reason)
        id = org.new_id()
        answers = await asyncio.gather(*(org.send(hold, by="dan", ids=[id]) for _ in range(5)))
        assert {(a.status, a.code) for (a,) in answers} == {("applied", "ok")}
        assert sorted(a.repeated for (a,) in answers) == [False, True, True, True, True]
        await org.ok(d.ReleaseJob(job_id=job.job_id), by="dan")
    assert (await looking.events(org, job.job_id)).count("job_held") == len(HoldReason)


async def test_an_id_that_was_used_for_something_else_is_refused(org: Org) -> None:
    job = await org.assigned_job()
    id = org.new_id()
    await org.send(d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS), by="dan", ids=[id])
    (answer,) = await org.send(d.CancelJob(job_id=job.job_id, reason="no"), by="dan", ids=[id])
    assert (answer.status, answer.code) == ("rejected", "id_reused")
    assert (await looking.outcome(org, id))["name"] == "hold_job"


async def test_two_commands_with_one_id_in_one_batch_are_told_apart(org: Org) -> None:
    job = await org.assigned_job()
    id = org.new_id()
    hold, cancel = d.HoldJob(job_id=job.job_id, reason=HoldReason.PARTS), d.CancelJob(job_id=job.job_id, reason="no")
    answers = await org.send(hold, cancel, by="dan", ids=[id, id])
    assert [(a.name, a.status, a.code) for a in answers] == [
        ("hold_job", "applied", "ok"),
        ("cancel_job", "rejected", "id_reused"),
    ]
    assert "job_cancelled" not in await looking.events(org, job.job_id)


async def test_who_waits_for_the_answer_is_refused_where_a_phone_would_be_quarantined(org: Org) -> None:
    ask = ask_of(d.ReleaseJob(job_id=org.new_id()), org.actor("dan"), id=org.new_id(), now=NOW)
    unknown = msgspec.structs.replace(ask, name="no_such_command")
    (answer,) = await run(org.pool, org.id, [unknown], now=NOW)
    assert (answer.status, answer.code) == ("rejected", "unknown_command")
    assert await looking.quarantined(org) == []


async def test_a_handler_that_raises_leaves_nothing_behind(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    job, other = await org.assigned_job(), await org.assigned_job()
    door.handler_of(d.CancelJob)

    def raising(work: Work, command: d.CancelJob, deed: Deed) -> Result:
        raise ZeroDivisionError("a bug of ours")

    handlers: dict[Any, Any] = door._HANDLERS
    monkeypatch.setitem(handlers, d.CancelJob, raising)
    commands = d.HoldJob(job_id=other.job_id, reason=HoldReason.PARTS), d.CancelJob(job_id=job.job_id, reason="no")
    ids = [org.new_id(), org.new_id()]
    with pytest.raises(HandlerFault):
        await org.send(*commands, by="dan", ids=ids)
    stored = await looking.rows(org, "select 1 from sync_outcome where org_id = $1 and command_id = any($2)", ids)
    assert stored == []
    assert "job_held" not in await looking.events(org, other.job_id)
