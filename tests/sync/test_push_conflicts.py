"""What meets what: a phone's queue against the office and against other phones."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.clock import ClockSample
from mobile_contract.schema.job import HoldReason
from mobile_contract.schema.messages import PushAnswer
from tests.arrange import NOW, Assigned, Org
from tests.sync import looking
from tests.sync.phone import Phone, batch, note, on, phone_of

HOUR = timedelta(hours=1)


async def job_row(org: Org, job_id: Any) -> dict[str, Any]:
    (row,) = await looking.rows(org, "select * from job where org_id = $1 and id = $2", job_id)
    return row


async def notices(org: Org, person: str) -> list[dict[str, Any]]:
    return list((await looking.held_documents(org, f"me/{org.people[person]}", "notice")).values())


async def test_a_fact_after_a_cancel_is_kept_and_flagged(org: Org, phone: Phone) -> None:
    job = await org.assigned_job()
    phone.do(on(job, f.ArriveOnSite), at=NOW + HOUR)
    await org.ok(d.CancelJob(job_id=job.job_id, reason="reported twice"), by="dan", now=NOW + HOUR)
    (outcome,) = await phone.taken(now=NOW + 2 * HOUR)
    assert outcome.status == "applied"
    told = (await looking.held_documents(org, f"dev/{phone.id}"))[outcome.id]
    assert "after_cancel" in told["flags"]
    assert "arrived" in await looking.events(org, job.job_id)
    row = await job_row(org, job.job_id)
    assert (row["state"], "after_cancel" in row["flags"]) == ("cancelled", True)


async def test_a_claim_race_of_two_phones_is_won_by_the_first_commit(org: Org, pool: asyncpg.Pool) -> None:
    phones = [await phone_of(org, "amy"), await phone_of(org, "bob")]
    for _ in range(5):
        job_id = await org.open_job("east")
        for each in phones:
            each.do(d.ClaimJob(job_id=job_id, visit_id=org.new_id()))
        outcomes = await asyncio.gather(*(each.taken(each.queue[-1:]) for each in phones))
        assert sorted((o.status, o.code) for (o,) in outcomes) == [
            ("applied", "ok"),
            ("rejected", "job_already_claimed"),
        ]
        claimed = (await looking.events(org, job_id)).count("visit_claimed")
        assert claimed == 1
        winner = 0 if outcomes[0][0].status == "applied" else 1
        visits = await looking.rows(org, "select crew_id from visit where org_id = $1 and job_id = $2", job_id)
        assert [v["crew_id"] for v in visits if v["crew_id"]] == [org.crews[("alpha", "beta")[winner]]]


async def test_the_loser_of_a_claim_is_told_who_was_faster(org: Org, phone: Phone) -> None:
    other = await phone_of(org, "bob")
    job_id = await org.open_job("east")
    phone.do(d.ClaimJob(job_id=job_id, visit_id=org.new_id()))
    lost = other.do(d.ClaimJob(job_id=job_id, visit_id=org.new_id()))
    await phone.taken()
    await other.taken()
    (notice,) = await notices(org, "bob")
    assert (notice["code"], notice["command_id"]) == ("job_already_claimed", str(lost))
    detail = (await looking.outcome(org, lost))["detail"]
    assert detail and notice["about"]


async def test_facts_on_a_claim_that_was_refused_are_kept_and_flagged(org: Org, phone: Phone) -> None:
    """Bob claimed offline, drove there and stopped the water; Amy's claim came in first."""
    other = await phone_of(org, "bob")
    job_id = await org.open_job("east")
    phone.do(d.ClaimJob(job_id=job_id, visit_id=org.new_id()))
    await phone.taken()
    job = Assigned(job_id, org.new_id())
    claim = other.do(d.ClaimJob(job_id=job_id, visit_id=job.visit_id))
    other.do(on(job, f.StartTravel), after=(claim,))
    arrived = other.do(on(job, f.ArriveOnSite), after=(claim,))
    other.do(on(job, f.MakeSafe), after=(claim,))
    outcomes = await other.taken()
    assert [o.status for o in outcomes] == ["rejected", "applied", "applied", "applied"]
    told = await looking.held_documents(org, f"dev/{other.id}")
    assert "not_assigned" in told[arrived]["flags"]
    assert {"travel_started", "arrived", "made_safe"} <= set(await looking.events(org, job_id))


async def test_a_fact_on_a_job_that_was_never_in_scope_is_quarantined_without_telling_whether_it_exists(
    org: Org,
) -> None:
    stranger = await phone_of(org, "bob")
    theirs = await org.assigned_job("alpha", "west")
    stranger.do(note(org, theirs))
    stranger.do(note(org, Assigned(org.new_id(), org.new_id())))
    outcomes = await stranger.taken()
    assert [(o.status, o.code) for o in outcomes] == [("quarantined", "out_of_scope")] * 2
    assert "note_added" not in await looking.events(org, theirs.job_id)
    assert len(await notices(org, "bob")) == 2


async def test_a_job_in_scope_within_ninety_days_may_still_be_reported_on(org: Org, phone: Phone) -> None:
    job = await org.assigned_job("alpha")
    visit = d.ReassignVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, crew_id=org.crews["beta"])
    await org.ok(visit, by="dan")
    phone.do(note(org, job))
    (outcome,) = await phone.taken(now=NOW + timedelta(days=80))
    assert outcome.status == "applied"


async def test_a_job_that_is_reported_as_found_opens_no_door_to_one_that_exists(org: Org) -> None:
    """`report_job` with a foreign id is put aside, and the facts after it with it."""
    stranger = await phone_of(org, "bob")
    theirs = await org.assigned_job("alpha", "west")
    stranger.do(f.ReportJob(job_id=theirs.job_id, job_type="repair"))
    stranger.do(note(org, theirs))
    assert [o.status for o in await stranger.taken()] == ["quarantined", "quarantined"]
    assert "note_added" not in await looking.events(org, theirs.job_id)


async def test_a_job_found_on_site_is_worked_on_in_the_same_batch(org: Org, phone: Phone) -> None:
    job = Assigned(org.new_id(), org.new_id())
    lon, lat = org.point("east")
    phone.do(f.ReportJob(job_id=job.job_id, job_type="repair", title="found", lon_deg=lon, lat_deg=lat))
    phone.do(on(job, f.ArriveOnSite))
    phone.do(note(org, job))
    assert [o.status for o in await phone.taken()] == ["applied"] * 3
    assert (await job_row(org, job.job_id))["found_on_site"]


async def test_an_edit_of_another_field_is_merged(org: Org, phone: Phone) -> None:
    job = await org.assigned_job()
    await org.ok(d.EditJob(job_id=job.job_id, changes={"address": d.FieldEdit(was="", set="2 Mill Lane")}), by="dan")
    phone.do(d.EditJob(job_id=job.job_id, changes={"title": d.FieldEdit(was="leak", set="burst pipe")}))
    (outcome,) = await phone.taken()
    assert outcome.status in ("applied", "merged")
    row = await job_row(org, job.job_id)
    assert (row["title"], row["address"], row["conflicts"]) == ("burst pipe", "2 Mill Lane", [])


async def test_an_edit_in_conflict_keeps_the_servers_value_and_shows_both(org: Org, phone: Phone) -> None:
    job = await org.assigned_job()
    title = d.EditJob(job_id=job.job_id, changes={"title": d.FieldEdit(was="leak", set="flood")})
    await org.ok(title, by="dan")
    edit = phone.do(
        d.EditJob(
            job_id=job.job_id,
            changes={
                "title": d.FieldEdit(was="leak", set="drip"),
                "description": d.FieldEdit(was="", set="under the sink"),
            },
        )
    )
    (outcome,) = await phone.taken()
    assert (outcome.status, outcome.code) == ("merged", "edit_merged")
    row = await job_row(org, job.job_id)
    assert (row["title"], row["description"]) == ("flood", "under the sink")
    (conflict,) = row["conflicts"]
    assert (conflict["field"], conflict["kept"], conflict["offered"]) == ("title", "flood", "drip")
    assert conflict["command_id"] == str(edit)


async def test_a_repeated_decision_is_a_no_op_and_an_illegal_one_says_the_state(org: Org, phone: Phone) -> None:
    job, gone = await org.assigned_job(), await org.assigned_job()
    await org.ok(d.CancelJob(job_id=gone.job_id, reason="reported twice"), by="dan")
    accept = d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1)
    phone.do(accept)
    phone.do(accept)
    illegal = phone.do(d.HoldJob(job_id=gone.job_id, reason=HoldReason.ACCESS))
    outcomes = await phone.taken()
    assert [(o.status, o.code) for o in outcomes] == [
        ("applied", "ok"),
        ("applied", "unchanged"),
        ("rejected", "job_state"),
    ]
    assert (await looking.outcome(org, illegal))["detail"] == {"state": "cancelled"}


async def test_an_acceptance_of_an_old_plan_is_refused(org: Org, phone: Phone) -> None:
    job = await org.assigned_job()
    plan = d.PlanVisit(
        job_id=job.job_id,
        visit_id=job.visit_id,
        planned_start_at=NOW + HOUR,
        planned_end_at=NOW + 2 * HOUR,
        crew_id=org.crews["alpha"],
    )
    await org.ok(plan, by="dan")
    phone.do(d.AcceptVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1))
    (outcome,) = await phone.taken()
    assert (outcome.status, outcome.code) == ("rejected", "plan_changed")


async def test_facts_already_reported_win_over_a_plan_made_from_an_older_version(org: Org, phone: Phone) -> None:
    job = await org.assigned_job()
    phone.do(on(job, f.StartTravel))
    await phone.taken()
    reassign = d.ReassignVisit(job_id=job.job_id, visit_id=job.visit_id, plan_version=1, crew_id=org.crews["beta"])
    (answer,) = await org.as_dispatcher(reassign)
    assert (answer.status, answer.code) == ("rejected", "visit_under_way")


async def test_the_time_of_the_deed_is_corrected_at_first_receipt_and_stays(org: Org, phone: Phone) -> None:
    """The phone's clock is two hours slow; its monotonic clock says that the deed was half an hour before the sending."""
    job = await org.assigned_job()
    sent_at = NOW + 3 * HOUR
    deed = ClockSample(wall=NOW - HOUR / 2, mono_ms=1_000_000, boot="b")
    sent = ClockSample(wall=NOW, mono_ms=1_000_000 + 30 * 60_000, boot="b")
    inside = {
        "id": org.new_id(),
        "name": "arrive_on_site",
        "args": {"job_id": job.job_id, "visit_id": job.visit_id},
        "at": deed,
    }
    phone.put(inside)
    body = batch(phone.queue).replace(msgspec.json.encode(ClockSample(wall=NOW)), msgspec.json.encode(sent), 1)
    assert isinstance(await phone.hand_in(body, now=sent_at), PushAnswer)
    assert isinstance(await phone.hand_in(body, now=sent_at + HOUR), PushAnswer)
    (event,) = await looking.rows(
        org, "select * from event where org_id = $1 and name = 'arrived' and job_id = $2", job.job_id
    )
    assert abs(event["occurred_at"] - (sent_at - HOUR / 2)) < timedelta(seconds=1)
    assert (event["raw_at"], event["clock"]) == (NOW - HOUR / 2, "sent")
    assert event["received_at"] == sent_at


async def test_a_clock_that_contradicts_itself_is_flagged(org: Org, phone: Phone) -> None:
    job = await org.assigned_job()
    later = ClockSample(wall=NOW, mono_ms=9_000_000, boot="b")
    inside = {
        "id": org.new_id(),
        "name": "arrive_on_site",
        "args": {"job_id": job.job_id, "visit_id": job.visit_id},
        "at": later,
    }
    id = phone.put(inside)
    sent = ClockSample(wall=NOW, mono_ms=1_000, boot="b")
    body = batch(phone.queue).replace(msgspec.json.encode(ClockSample(wall=NOW)), msgspec.json.encode(sent), 1)
    assert isinstance(await phone.hand_in(body), PushAnswer)
    told = (await looking.held_documents(org, f"dev/{phone.id}"))[id]
    assert "clock_suspect" in told["flags"]
