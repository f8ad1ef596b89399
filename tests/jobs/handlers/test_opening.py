"""Jobs come into being: opened, reported on site, registered from a request; triaged, edited, found to be the same trouble twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from msgspec.structs import replace

from geo.coordinates import from_wgs84
from jobs.event import EventName
from jobs.rules.chain import broken_at
from mobile_contract.rules.numbers import job_number
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Datum, LocalText, Position, Priority
from mobile_contract.schema.job import ArrivalLimit, Flag, Job, JobState, JobType, Request, Task, TaskTemplate, Visit
from mobile_contract.schema.outcome import OutcomeStatus
from mobile_contract.schema.place import Contact
from tests.arrange import NOW, ZONE, Org
from tests.jobs import stored
from tests.jobs.telling import tell


def opening(org: Org, district: str = "west", **said: Any) -> d.OpenJob:
    lon, lat = org.point(district)
    return d.OpenJob(**{"job_id": org.new_id(), "job_type": "repair", "lon_deg": lon, "lat_deg": lat, **said})


async def test_a_job_in_a_district_is_ready_with_its_due_time_number_and_checklist(org: Org) -> None:
    command = opening(org, "west", title="Leak", reported_at=NOW - timedelta(minutes=5), external_ref="CRM-7")
    await org.ok(command, by="dan")
    job = await stored.one(org, Job, command.job_id)
    assert job.state is JobState.READY
    assert job.district_id == org.districts["west"]
    assert job.arrival_due_at == NOW + timedelta(minutes=40)
    assert job.number == job_number(job.id, NOW, ZONE)
    assert (job.external_ref, job.opened_by, job.type_version) == ("CRM-7", org.people["dan"], 1)
    tasks = await stored.of_job(org, Task, job.id)
    assert {t.code: t.id for t in tasks} == {c: uuid5(job.id, c) for c in ("stopped", "cause")}
    assert [t.code for t in sorted(tasks, key=lambda t: t.sort)] == ["stopped", "cause"]


@pytest.mark.parametrize("where", ["outside every district", "no point at all"])
async def test_a_job_that_lies_in_no_district_awaits_triage(org: Org, where: str) -> None:
    command = opening(org, "nowhere")
    if where == "no point at all":
        command = replace(command, lon_deg=None, lat_deg=None)
    await org.ok(command, by="dan")
    job = await stored.one(org, Job, command.job_id)
    assert (job.state, job.district_id, job.triaged_at) == (JobState.AWAITING_TRIAGE, None, None)


async def test_a_point_in_another_datum_is_kept_in_wgs_84_with_its_source(org: Org) -> None:
    lon, lat = org.point("west")
    shifted = from_wgs84(lon, lat, Datum.GCJ02)
    command = opening(org, lon_deg=shifted.lon_deg, lat_deg=shifted.lat_deg, datum=Datum.GCJ02)
    await org.ok(command, by="dan")
    job = await stored.one(org, Job, command.job_id)
    assert [job.lon_deg, job.lat_deg] == pytest.approx([lon, lat], abs=1e-6)
    assert (job.datum, job.district_id) == (Datum.GCJ02, org.districts["west"])


async def test_a_job_at_a_site_without_a_point_of_its_own_lies_at_the_site(org: Org) -> None:
    command = opening(org, lon_deg=None, lat_deg=None, site_id=org.site)
    await org.ok(command, by="dan")
    job = await stored.one(org, Job, command.job_id)
    assert (job.state, job.district_id, job.address) == (JobState.READY, org.districts["east"], "1 Canal Street")


async def test_opening_again_with_the_same_content_changes_nothing_and_with_other_content_is_refused(org: Org) -> None:
    command = opening(org, title="Leak")
    await org.ok(command, by="dan")
    again, other = await org.as_dispatcher(command, replace(command, title="Burst"))
    assert (again.status, again.code) == (OutcomeStatus.APPLIED, "unchanged")
    assert (other.status, other.code) == (OutcomeStatus.REJECTED, "job_exists")
    assert (await stored.one(org, Job, command.job_id)).title == "Leak"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"job_type": "no such type"}, "unknown_job_type"),
        ({"lat_deg": None}, "point_invalid"),
        ({"site_id": UUID(int=5)}, "unknown_reference"),
        ({"request_id": UUID(int=6)}, "unknown_reference"),
    ],
)
async def test_an_opening_that_cannot_be(org: Org, said: dict[str, Any], code: str) -> None:
    command = opening(org, **said)
    (answer,) = await org.as_dispatcher(command)
    assert (answer.status, answer.code) == (OutcomeStatus.REJECTED, code)
    assert await stored.every(org, Job) == []


async def test_a_job_keeps_the_version_of_its_type(org: Org) -> None:
    first = opening(org)
    await org.ok(first, by="dan")
    newer = JobType(id=org.new_id(), code="repair", version=2, name=LocalText(en="Repair"), duration_min=30)
    second = opening(org)
    await org.ok(d.LoadJobType(job_type=newer), second)
    assert (await stored.one(org, Job, first.job_id)).type_version == 1
    assert (await stored.one(org, Job, second.job_id)).type_version == 2
    assert await stored.of_job(org, Task, second.job_id) == []


async def test_a_job_found_on_site_awaits_triage_where_its_finder_stood(org: Org) -> None:
    lon, lat = org.point("east")
    command = f.ReportJob(
        job_id=org.new_id(), job_type="repair", title="Cover broken", position=Position(lon_deg=lon, lat_deg=lat)
    )
    (answer,) = await tell(org, command, at=NOW, received_at=NOW + timedelta(hours=2))
    assert answer.took_effect
    job = await stored.one(org, Job, command.job_id)
    assert job.state is JobState.AWAITING_TRIAGE
    assert (job.found_on_site, job.opened_by) == (True, org.people["amy"])
    assert (job.lon_deg, job.lat_deg, job.district_id) == (lon, lat, org.districts["east"])
    assert (job.reported_at, job.opened_at) == (NOW, NOW)


async def test_a_job_found_on_site_twice_is_one_job_and_another_of_its_id_has_no_effect(org: Org) -> None:
    command = f.ReportJob(job_id=org.new_id(), job_type="repair", title="Cover broken")
    answers = await tell(org, command, command, replace(command, title="Another"))
    assert [a.code for a in answers] == ["ok", "unchanged", "job_exists"]
    assert not answers[2].took_effect


async def test_a_find_of_an_unknown_type_has_no_effect(org: Org) -> None:
    (answer,) = await tell(org, f.ReportJob(job_id=org.new_id(), job_type="nonsense"))
    assert (answer.took_effect, answer.code) == (False, "unknown_job_type")


async def test_a_request_opens_its_job_and_makes_its_contact(org: Org) -> None:
    lon, lat = org.point("west")
    contact = d.ContactDetails(contact_id=org.new_id(), name="Lin", phone="555 0101")
    command = d.RegisterRequest(
        request_id=org.new_id(), description="Water in the cellar", lon_deg=lon, lat_deg=lat, contact=contact,
        job_id=org.new_id(), job_type="repair", reported_at=NOW,
    )  # fmt: skip
    await org.ok(command, by="cal")
    assert command.job_id is not None
    job = await stored.one(org, Job, command.job_id)
    assert (job.state, job.contact_id, job.description) == (JobState.READY, contact.contact_id, "Water in the cellar")
    assert (await stored.one(org, Request, command.request_id)).job_id == job.id
    assert (await stored.one(org, Contact, contact.contact_id)).phone == "555 0101"
    (again,) = await org.send(command, by="cal")
    assert again.code == "unchanged"


async def test_a_second_report_of_the_same_burst_is_linked_to_the_first_job(org: Org) -> None:
    job_id, request_id = await org.open_job(), org.new_id()
    await org.ok(d.RegisterRequest(request_id=request_id, description="Burst in Mill Lane"), by="cal")
    assert (await stored.one(org, Request, request_id)).job_id is None
    first, second = await org.as_dispatcher(*[d.LinkRequest(request_id=request_id, job_id=job_id)] * 2)
    assert (first.code, second.code) == ("ok", "unchanged")
    assert (await stored.one(org, Request, request_id)).job_id == job_id
    assert (await stored.events(org, job_id))[-1].name is EventName.REQUEST_LINKED


async def test_a_request_id_used_for_other_words_is_refused(org: Org) -> None:
    command = d.RegisterRequest(request_id=org.new_id(), description="Leak", reported_at=NOW)
    await org.ok(command, by="cal")
    (answer,) = await org.send(replace(command, description="Gas"), by="cal")
    assert (answer.status, answer.code) == (OutcomeStatus.REJECTED, "id_reused")


async def test_a_request_for_an_unknown_job_without_a_type_is_refused_and_leaves_nothing(org: Org) -> None:
    command = d.RegisterRequest(request_id=org.new_id(), job_id=org.new_id())
    (answer,) = await org.send(command, by="cal")
    assert answer.code == "unknown_job"
    assert await stored.every(org, Request) == []


async def test_triage_by_point_makes_a_job_ready_with_a_due_time(org: Org) -> None:
    command = opening(org, "nowhere", reported_at=NOW)
    await org.ok(command, by="dan")
    lon, lat = org.point("east")
    triage = d.TriageJob(job_id=command.job_id, lon_deg=lon, lat_deg=lat, priority=Priority.URGENT)
    first, second = await org.as_dispatcher(triage, triage)
    assert (first.code, second.code) == ("ok", "unchanged")
    job = await stored.one(org, Job, command.job_id)
    assert (job.state, job.district_id, job.priority) == (JobState.READY, org.districts["east"], Priority.URGENT)


async def test_triage_outside_every_district_needs_a_district_by_hand(org: Org) -> None:
    command = opening(org, "nowhere")
    await org.ok(command, by="dan")
    lon, lat = org.point("nowhere")
    await org.ok(d.TriageJob(job_id=command.job_id, lon_deg=lon, lat_deg=lat), by="dan")
    assert (await stored.one(org, Job, command.job_id)).state is JobState.AWAITING_TRIAGE
    await org.ok(d.TriageJob(job_id=command.job_id, district_id=org.districts["west"]), by="dan")
    assert (await stored.one(org, Job, command.job_id)).state is JobState.READY
    (answer,) = await org.as_dispatcher(d.TriageJob(job_id=command.job_id, district_id=org.new_id()))
    assert answer.code == "unknown_reference"


async def test_triage_without_a_point_asks_anew_where_the_job_lies(org: Org) -> None:
    command = opening(org, "nowhere", lon_deg=120.05, lat_deg=30.05)
    await org.ok(command, by="dan")
    outline = '{"type":"Polygon","coordinates":[[[120,30],[120.1,30],[120.1,30.1],[120,30.1],[120,30]]]}'
    new = d.SaveDistrict(district_id=org.new_id(), code="new", name_en="New", outline_geojson=outline)
    await org.ok(new)
    await org.ok(d.TriageJob(job_id=command.job_id), by="dan")
    job = await stored.one(org, Job, command.job_id)
    assert (job.state, job.district_id) == (JobState.READY, new.district_id)


async def test_triage_to_another_type_brings_its_checklist_and_limits(org: Org) -> None:
    special = JobType(
        id=org.new_id(), code="make_safe", version=3, name=LocalText(en="Make safe"),
        arrival_limits=(ArrivalLimit(arrival_class="town", minutes=20), ArrivalLimit(minutes=99)),
        tasks=(TaskTemplate(code="fenced", label=LocalText(en="Fenced?"), mandatory=True),),
    )  # fmt: skip
    job_id = await org.open_job()
    await org.ok(d.LoadJobType(job_type=special), d.TriageJob(job_id=job_id, job_type="make_safe"))
    job = await stored.one(org, Job, job_id)
    assert (job.type, job.type_version, job.arrival_due_at) == ("make_safe", 3, NOW + timedelta(minutes=20))
    tasks = {t.code: t.mandatory for t in await stored.of_job(org, Task, job_id)}
    assert tasks == {"fenced": True, "stopped": False, "cause": False}


async def test_edits_of_two_people_are_merged_and_both_values_kept(org: Org) -> None:
    job_id = await org.open_job(title="leak")
    edit = d.FieldEdit(was="leak", set="burst main")
    await org.ok(d.EditJob(job_id=job_id, changes={"title": edit}), by="dan")
    late = {"title": d.FieldEdit(was="leak", set="dripping tap"), "address": d.FieldEdit(was="", set="Mill Lane")}
    (answer,) = await org.send(d.EditJob(job_id=job_id, changes=late), by="cal")
    assert (answer.status, answer.code, answer.detail) == (OutcomeStatus.MERGED, "edit_merged", {"title": "burst main"})
    job = await stored.one(org, Job, job_id)
    assert (job.title, job.address) == ("burst main", "Mill Lane")
    assert [(c.kept, c.offered, c.by) for c in job.conflicts] == [("burst main", "dripping tap", org.people["cal"])]
    (again,) = await org.as_dispatcher(d.EditJob(job_id=job_id, changes={"title": edit}))
    assert again.code == "unchanged"


async def test_a_changed_priority_sets_the_due_time_from_the_report(org: Org) -> None:
    limits = (ArrivalLimit(minutes=90), ArrivalLimit(priority="emergency", minutes=15))
    newer = JobType(id=org.new_id(), code="repair", version=2, name=LocalText(en="Repair"), arrival_limits=limits)
    await org.ok(d.LoadJobType(job_type=newer))
    job_id = await org.open_job()
    changes = {"priority": d.FieldEdit(was="normal", set="emergency")}
    await org.ok(d.EditJob(job_id=job_id, changes=changes), by="dan", now=NOW + timedelta(minutes=30))
    assert (await stored.one(org, Job, job_id)).arrival_due_at == NOW + timedelta(minutes=15)


async def test_the_same_trouble_twice_leaves_one_job_with_both_requests(org: Org) -> None:
    kept = await org.open_job()
    request = d.RegisterRequest(request_id=org.new_id(), job_id=org.new_id(), job_type="repair")
    await org.ok(request, by="cal")
    assert request.job_id is not None
    visit_id = await _assigned(org, request.job_id)
    mark = d.MarkDuplicate(job_id=request.job_id, of_job_id=kept)
    first, second = await org.as_dispatcher(mark, mark)
    assert (first.code, second.code) == ("ok", "unchanged")
    job = await stored.one(org, Job, request.job_id)
    assert (job.state, job.duplicate_of) == (JobState.CANCELLED, kept)
    assert (await stored.one(org, Visit, visit_id)).state == "cancelled"
    assert (await stored.one(org, Request, request.request_id)).job_id == kept
    (back,) = await org.as_dispatcher(d.MarkDuplicate(job_id=kept, of_job_id=job.id))
    assert back.status is OutcomeStatus.REJECTED


async def _assigned(org: Org, job_id: UUID) -> UUID:
    await org.ok(d.TriageJob(job_id=job_id, district_id=org.districts["west"]), by="dan")
    return await org.assign(job_id)


async def test_events_of_a_job_are_numbered_without_holes_and_chained(org: Org) -> None:
    job = await org.assigned_job()
    await tell(org, f.ArriveOnSite(job_id=job.job_id, visit_id=job.visit_id), at=NOW + timedelta(minutes=20))
    await tell(org, f.StartWork(job_id=job.job_id, visit_id=job.visit_id), at=NOW + timedelta(minutes=25))
    events = await stored.events(org, job.job_id)
    assert [e.seq for e in events] == [1, 2, 3, 4]
    chain = [e for e in events if e.visit_id == job.visit_id]
    assert len(chain) == 3
    assert broken_at(chain) is None


async def test_the_clock_of_a_find_may_be_suspect(org: Org) -> None:
    command = f.ReportJob(job_id=org.new_id(), job_type="repair")
    (answer,) = await tell(org, command, suspect=True)
    assert answer.flags == (Flag.CLOCK_SUSPECT,)
    assert (await stored.one(org, Job, command.job_id)).flags == (Flag.CLOCK_SUSPECT,)
