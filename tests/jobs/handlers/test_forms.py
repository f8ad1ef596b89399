"""Repair forms in three copies: numbers, shifts, until when which copy is due where, who handed it in; the shipped times by their names."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from jobs.event import EventName
from jobs.material_rules import rules_id, shipped_rules
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.material import ClassTolerance, CopyHolder, FormDue, MaterialRules, RepairForm
from tests.arrange import NOW, ZONE, Org
from tests.jobs import stored
from tests.jobs.material_scene import Scene, scene


@pytest.fixture
async def at(org: Org) -> Scene:
    """Give a store with parts and a job."""
    return await scene(org)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


async def opened(at: Scene, now: datetime, shift: str | None = None) -> RepairForm:
    command = m.OpenForm(job_id=at.job.job_id, form_id=at.org.new_id(), visit_id=at.job.visit_id, shift=shift)
    await at.org.ok(command, by="dan", now=now)
    return await at.form(command.form_id)


def dues(form: RepairForm) -> list[datetime | None]:
    return [copy.due_at for copy in form.copies]


async def test_day_shift_forms_are_due_by_17_00(at: Scene) -> None:
    form = await opened(at, local(2, 10))
    assert (form.shift, dues(form)) == ("day", [local(2, 17), local(2, 17), None])


async def test_middle_shift_forms_are_due_by_9_00_next_day(at: Scene) -> None:
    form = await opened(at, local(2, 17))
    assert (form.shift, dues(form)) == ("middle", [local(3, 9), local(3, 9), None])


@pytest.mark.parametrize("begun", [local(2, 22), local(2, 23, 59), local(3, 0), local(3, 8, 59)])
async def test_control_room_forms_are_due_by_9_30(at: Scene, begun: datetime) -> None:
    form = await opened(at, begun)
    assert (form.shift, dues(form)) == ("control_room", [local(3, 9, 30), local(3, 9, 30), None])


async def test_a_shift_that_is_named_counts_whatever_the_time(at: Scene) -> None:
    form = await opened(at, local(2, 18), "day")
    assert (form.shift, form.next_due_at) == ("day", local(3, 17))
    unknown = m.OpenForm(job_id=at.job.job_id, form_id=at.org.new_id(), shift="night")
    assert (await at.told(unknown, by="dan")).code == "unknown_reference"


async def test_copy_1_goes_to_the_service_desk_2_to_the_duty_room_3_to_the_store(at: Scene) -> None:
    form = await opened(at, NOW)
    assert [(copy.copy_no, copy.goes_to, copy.holder) for copy in form.copies] == [
        (1, CopyHolder.SERVICE_DESK, CopyHolder.CREW),
        (2, CopyHolder.DUTY_ROOM, CopyHolder.CREW),
        (3, CopyHolder.STORE, CopyHolder.CREW),
    ]


async def test_copy_3_is_due_only_when_material_was_drawn(at: Scene) -> None:
    form = await opened(at, local(2, 10))
    request_id = await at.approved(at.line("clamp", 1))
    assert (await at.form(form.id)).copies[2].due_at is None
    await at.issued(request_id)
    form = await at.form(form.id)
    assert (form.material_drawn, form.copies[2].due_at) == (True, local(2, 17))


async def test_a_form_that_is_opened_after_the_material_was_drawn_wants_copy_3_too(at: Scene) -> None:
    await at.issued(await at.approved(at.line("clamp", 1)))
    form = await opened(at, local(2, 10))
    assert form.copies[2].due_at == local(2, 17)


async def test_material_from_the_vans_own_stock_leaves_no_copy_with_the_store(at: Scene) -> None:
    form = await opened(at, NOW)
    await at.org.ok(at.moving(f.UsePart, "clamp", 1), by="amy")
    assert not (await at.form(form.id)).material_drawn


async def test_copies_are_handed_in_one_by_one_and_the_next_one_is_due(at: Scene) -> None:
    form = await opened(at, local(2, 10))
    here = {"job_id": at.job.job_id, "form_id": form.id}
    amy = at.org.people["amy"]
    await at.org.ok(m.HandInCopy(**here, copy_no=1, handed_by=amy), by="cal", now=local(2, 16))
    form = await at.form(form.id)
    copy = form.copies[0]
    assert (copy.holder, copy.handed_at, copy.handed_by, copy.taken_by) == (
        CopyHolder.SERVICE_DESK,
        local(2, 16),
        amy,
        at.org.people["cal"],
    )
    assert form.next_due_at == local(2, 17)
    again = await at.told(m.HandInCopy(**here, copy_no=1), by="dan")
    assert again.code == "unchanged"
    await at.org.ok(m.HandInCopy(**here, copy_no=2), by="eve")
    assert (await at.form(form.id)).next_due_at is None
    names = [event.name for event in await stored.events(at.org, at.job.job_id)]
    assert names[-3:] == [EventName.FORM_OPENED, EventName.COPY_HANDED_IN, EventName.COPY_HANDED_IN]


async def test_copy_3_may_stay_with_the_store_as_the_parts_are_issued(at: Scene) -> None:
    form = await opened(at, NOW)
    request_id = await at.approved(at.line("clamp", 1))
    amy = at.org.people["amy"]
    slip = await at.issued(request_id, form_id=form.id, copy_kept=True, person_id=amy)
    copy = (await at.form(form.id)).copies[2]
    assert (slip.form_id, copy.holder, copy.handed_by, copy.taken_by) == (
        form.id,
        CopyHolder.STORE,
        amy,
        at.org.people["wes"],
    )


async def test_a_form_has_one_number_that_follows_from_its_id_unless_the_paper_has_one(at: Scene) -> None:
    form = await opened(at, NOW)
    assert form.number.startswith("F-260302-")
    printed = m.OpenForm(job_id=at.job.job_id, form_id=at.org.new_id(), number="0001234")
    await at.org.ok(printed, by="dan")
    assert (await at.form(printed.form_id)).number == "0001234"


async def test_opening_the_same_form_again_changes_nothing_and_another_jobs_id_is_refused(at: Scene) -> None:
    form = await opened(at, NOW)
    same = m.OpenForm(job_id=at.job.job_id, form_id=form.id, visit_id=at.job.visit_id)
    assert (await at.told(same, by="dan")).code == "unchanged"
    other = await at.org.assigned_job()
    stolen = m.OpenForm(job_id=other.job_id, form_id=form.id)
    assert (await at.told(stolen, by="dan")).code == "id_reused"


def test_the_shipped_rules_are_those_of_the_plaza() -> None:
    rules = shipped_rules(UUID(int=1))
    assert rules.price_before_work
    assert [(due.shift, due.due_min) for due in rules.form_dues] == [
        ("day", 17 * 60),
        ("middle", 9 * 60),
        ("control_room", 9 * 60 + 30),
    ]
    assert {(t.part_class, t.percent) for t in rules.tolerances} >= {("meter", Decimal(0))}


async def test_an_organisation_has_one_set_of_rules(at: Scene) -> None:
    await at.rules()
    await at.rules(price_before_work=False)
    (rules,) = await stored.every(at.org, MaterialRules)
    assert (rules.id, rules.price_before_work) == (rules_id(at.org.id), False)


_DUE = FormDue(shift="day", from_min=540, to_min=1020, due_min=1020)


@pytest.mark.parametrize(
    "fields",
    [
        {"tolerances": (ClassTolerance(part_class="cable", percent=Decimal(101)),)},
        {"tolerances": (ClassTolerance(part_class="cable", percent=Decimal("NaN")),)},
        {"tolerances": (ClassTolerance(part_class="cable", percent=Decimal(1)),) * 2},
        {"form_dues": (_DUE, _DUE)},
        {"form_dues": (replace(_DUE, to_min=540),)},
        {"default_store_id": UUID(int=5)},
    ],
)
async def test_rules_that_cannot_be_followed_are_refused(at: Scene, fields: dict[str, object]) -> None:
    rules = MaterialRules(id=at.org.new_id(), **fields)  # type: ignore[arg-type]
    answer = await at.told(m.SaveMaterialRules(rules=rules), by="ada")
    assert (answer.status, answer.code) == ("rejected", "rules_invalid")
    assert await stored.every(at.org, MaterialRules) == []


async def test_rules_that_change_leave_open_forms_as_they_are(at: Scene) -> None:
    form = await opened(at, local(2, 10))
    await at.rules(form_dues=(replace(_DUE, due_min=1080),))
    await at.org.ok(at.moving(f.UsePart, "clamp", 1), by="amy")
    assert dues(await at.form(form.id)) == dues(form)
    assert (await opened(at, local(2, 10) + timedelta(minutes=1))).next_due_at == local(2, 18)
