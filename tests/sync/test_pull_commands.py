"""For every command: what devices get as changes equals what a new device gets as a snapshot, and both equal what is computed anew.

One organisation lives through all of them, so that the devices carry the history of every command before.
"""

import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID, uuid5

import asyncpg
import msgspec
import pytest

from mobile_contract.registry import COMMANDS
from mobile_contract.rules.ladder import approval_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import Band, Policy
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.job import HoldReason, JobType
from mobile_contract.schema.material import Part, RequestLine
from mobile_contract.schema.people import Crew, CrewMember, Duty, Person, Role, Shift
from mobile_contract.schema.place import Contact, Meter, Site, UsagePoint
from mobile_contract.schema.stock import LocationKind, StockLocation
from sync import verify
from sync.life import ensure_life
from tests.arrange import NOW, Org, organisation
from tests.devices import StrictDevice, assert_device_equals_server
from tests.sync import (
    approval_cases,
    board_cases,
    material_cases,
    planning_cases,
    reconciliation_cases,
    stock_cases,
    storm_cases,
)

HOLDERS = ("amy", "ali", "bob", "eve", "max")


@dataclass
class World:
    """An organisation with a device for some of its people, and the job at a known site that a command is about."""

    org: Org
    devices: dict[str, StrictDevice]
    job_id: UUID
    visit_id: UUID

    @property
    def of_visit(self) -> dict[str, Any]:
        return {"job_id": self.job_id, "visit_id": self.visit_id}

    async def ok(self, *commands: Command, by: str = "amy") -> None:
        await self.org.ok(*commands, by=by)

    async def request_parts(self) -> UUID:
        request_id = self.org.new_id()
        line = RequestLine(part_id=self.org.parts["clamp"], quantity=Decimal(1))
        await self.ok(f.RequestParts(**self.of_visit, request_id=request_id, lines=(line,)))
        return request_id

    async def at_work(self) -> None:
        await self.ok(f.StartTravel(**self.of_visit), f.ArriveOnSite(**self.of_visit), f.StartWork(**self.of_visit))


@pytest.fixture(scope="module")
async def world(pool: asyncpg.Pool) -> World:
    await ensure_life(pool)
    org = await organisation(pool, random.Random("commands").getrandbits(32))
    devices = {}
    for name in HOLDERS:
        enrolled = await org.device(name)
        devices[name] = StrictDevice(org_id=org.id, id=enrolled.id, person_id=org.people[name])
        await devices[name].catch_up(pool, now=NOW)
    return World(org, devices, org.new_id(), org.new_id())


Making: TypeAlias = Callable[[World], Awaitable[tuple[str | None, Command]]]
_APART = (approval_cases, board_cases, material_cases, planning_cases, reconciliation_cases, stock_cases, storm_cases)
MAKING: dict[str, Making] = {name: making for cases in _APART for name, making in cases.CASES.items()}


def makes(making: Making) -> Making:
    """Register how the command of the function's name is made: who sends it, and the command, after what has to go before."""
    MAKING[making.__name__] = making
    return making


@makes
async def report_job(w: World) -> tuple[str, Command]:
    return "amy", f.ReportJob(job_id=w.org.new_id(), job_type="repair", title="found")


@makes
async def start_travel(w: World) -> tuple[str, Command]:
    return "amy", f.StartTravel(**w.of_visit)


@makes
async def arrive_on_site(w: World) -> tuple[str, Command]:
    return "amy", f.ArriveOnSite(**w.of_visit)


@makes
async def start_work(w: World) -> tuple[str, Command]:
    return "amy", f.StartWork(**w.of_visit)


@makes
async def pause_work(w: World) -> tuple[str, Command]:
    await w.at_work()
    return "amy", f.PauseWork(**w.of_visit, reason="rain")


@makes
async def resume_work(w: World) -> tuple[str, Command]:
    await w.at_work()
    await w.ok(f.PauseWork(**w.of_visit, reason="rain"))
    return "amy", f.ResumeWork(**w.of_visit)


@makes
async def make_safe(w: World) -> tuple[str, Command]:
    return "amy", f.MakeSafe(**w.of_visit)


@makes
async def report_not_ours(w: World) -> tuple[str, Command]:
    return "amy", f.ReportNotOurs(**w.of_visit, owner="gas works")


@makes
async def report_no_access(w: World) -> tuple[str, Command]:
    return "amy", f.ReportNoAccess(**w.of_visit, reason="locked")


@makes
async def add_note(w: World) -> tuple[str, Command]:
    return "amy", f.AddNote(**w.of_visit, note_id=w.org.new_id(), text="wet")


@makes
async def add_photo(w: World) -> tuple[str, Command]:
    photo = f.AddPhoto(**w.of_visit, photo_id=w.org.new_id(), sha256="0" * 64, size_bytes=1000, media_type="image/jpeg")
    return "amy", photo


@makes
async def answer_checklist(w: World) -> tuple[str, Command]:
    return "amy", f.AnswerChecklist(**w.of_visit, task_id=uuid5(w.job_id, "stopped"), answer="yes")


@makes
async def complete_visit(w: World) -> tuple[str, Command]:
    await w.at_work()
    return "amy", f.CompleteVisit(**w.of_visit, no_parts_used=True)


@makes
async def read_meter(w: World) -> tuple[str, Command]:
    reading_id = w.org.new_id()
    return "amy", f.ReadMeter(**w.of_visit, reading_id=reading_id, meter_id=w.org.meter, value=Decimal(101))


@makes
async def request_parts(w: World) -> tuple[str, Command]:
    line = RequestLine(part_id=w.org.parts["pump"], quantity=Decimal(1))
    return "amy", f.RequestParts(**w.of_visit, request_id=w.org.new_id(), lines=(line,))


@makes
async def receive_part(w: World) -> tuple[str, Command]:
    return "amy", f.ReceivePart(**w.of_visit, move_id=w.org.new_id(), part_id=w.org.parts["clamp"], quantity=Decimal(2))


@makes
async def use_part(w: World) -> tuple[str, Command]:
    return "amy", f.UsePart(**w.of_visit, move_id=w.org.new_id(), part_id=w.org.parts["clamp"], quantity=Decimal(1))


@makes
async def return_part(w: World) -> tuple[str, Command]:
    return "amy", f.ReturnPart(**w.of_visit, move_id=w.org.new_id(), part_id=w.org.parts["clamp"], quantity=Decimal(1))


@makes
async def capture_signature(w: World) -> tuple[str, Command]:
    stroke = (f.StrokePoint(x=0, y=0), f.StrokePoint(x=1, y=1, t_ms=10))
    return "amy", f.CaptureSignature(**w.of_visit, signature_id=w.org.new_id(), signer="Lin", strokes=(stroke,))


@makes
async def register_request(w: World) -> tuple[str, Command]:
    contact = d.ContactDetails(contact_id=w.org.new_id(), name="Wu", phone="555 0101")
    return "cal", d.RegisterRequest(request_id=w.org.new_id(), description="again", contact=contact, job_id=w.job_id)


@makes
async def link_request(w: World) -> tuple[str, Command]:
    request_id = w.org.new_id()
    contact = d.ContactDetails(contact_id=w.org.new_id(), name="Wu")
    await w.ok(d.RegisterRequest(request_id=request_id, description="the same?", contact=contact), by="cal")
    return "dan", d.LinkRequest(request_id=request_id, job_id=w.job_id)


@makes
async def open_job(w: World) -> tuple[str, Command]:
    lon, lat = w.org.point("east")
    return "dan", d.OpenJob(job_id=w.org.new_id(), job_type="repair", lon_deg=lon, lat_deg=lat)


@makes
async def triage_job(w: World) -> tuple[str, Command]:
    job_id = w.org.new_id()
    await w.ok(d.OpenJob(job_id=job_id, job_type="repair", title="where?"), by="dan")
    return "dan", d.TriageJob(job_id=job_id, district_id=w.org.districts["east"])


@makes
async def edit_job(w: World) -> tuple[str, Command]:
    return "dan", d.EditJob(job_id=w.job_id, changes={"title": d.FieldEdit(was="at the plaza", set="pipe burst")})


@makes
async def mark_duplicate(w: World) -> tuple[str, Command]:
    return "dan", d.MarkDuplicate(job_id=w.job_id, of_job_id=await w.org.open_job("east"))


@makes
async def plan_visit(w: World) -> tuple[str, Command]:
    job_id = await w.org.open_job("east")
    span: dict[str, Any] = {"planned_start_at": NOW, "planned_end_at": NOW + timedelta(hours=2)}
    return "dan", d.PlanVisit(job_id=job_id, visit_id=w.org.new_id(), crew_id=w.org.crews["beta"], **span)


@makes
async def assign_visit(w: World) -> tuple[str, Command]:
    job_id = await w.org.open_job("east")
    return "dan", d.AssignVisit(job_id=job_id, visit_id=w.org.new_id(), person_id=w.org.people["bob"])


@makes
async def decline_visit(w: World) -> tuple[str, Command]:
    return "amy", d.DeclineVisit(**w.of_visit, plan_version=1, reason="no pump")


@makes
async def hold_job(w: World) -> tuple[str, Command]:
    return "dan", d.HoldJob(job_id=w.job_id, reason=HoldReason.PARTS)


@makes
async def release_job(w: World) -> tuple[str, Command]:
    await w.ok(d.HoldJob(job_id=w.job_id, reason=HoldReason.PARTS), by="dan")
    return "dan", d.ReleaseJob(job_id=w.job_id)


@makes
async def cancel_job(w: World) -> tuple[str, Command]:
    return "dan", d.CancelJob(job_id=w.job_id, reason="called off")


@makes
async def close_job(w: World) -> tuple[str, Command]:
    await w.at_work()
    await w.ok(f.CompleteVisit(**w.of_visit, no_parts_used=True))
    return "dan", d.CloseJob(job_id=w.job_id, reason="done")


@makes
async def reopen_job(w: World) -> tuple[str, Command]:
    await w.ok(d.CancelJob(job_id=w.job_id, reason="called off"), by="dan")
    return "dan", d.ReopenJob(job_id=w.job_id, reason="called again")


@makes
async def approve(w: World) -> tuple[str, Command]:
    return "eve", d.Approve(job_id=w.job_id, approval_id=approval_id(await w.request_parts()))


@makes
async def reject(w: World) -> tuple[str, Command]:
    return "eve", d.Reject(job_id=w.job_id, approval_id=approval_id(await w.request_parts()), reason="in stock")


@makes
async def save_site(w: World) -> tuple[str, Command]:
    return "ada", d.SaveSite(site=Site(id=w.org.site, code="S-1", name="Plaza", address=str(w.org.new_id())))


@makes
async def save_contact(w: World) -> tuple[str, Command]:
    contact = Contact(id=w.org.contact, name="Lin", phone=str(w.org.new_id()), site_id=w.org.site)
    return "ada", d.SaveContact(contact=contact)


@makes
async def save_usage_point(w: World) -> tuple[str, Command]:
    point = UsagePoint(id=w.org.new_id(), site_id=w.org.site, code="U-1", meter_id=w.org.meter)
    return "ada", d.SaveUsagePoint(usage_point=point)


@makes
async def save_meter(w: World) -> tuple[str, Command]:
    return "ada", d.SaveMeter(meter=Meter(id=w.org.new_id(), site_id=w.org.site, serial="M-2"))


@makes
async def save_person(w: World) -> tuple[str, Command]:
    amy = Person(id=w.org.people["amy"], code="amy", name="Amy L.", roles=(Role.TECHNICIAN, Role.CREW_LEAD))
    return "ada", d.SavePerson(person=amy)


@makes
async def offboard_person(w: World) -> tuple[str, Command]:
    id, member = w.org.new_id(), w.org.new_id()
    person = Person(id=id, code=f"p-{id.hex[:8]}", name="Zoe", roles=(Role.TECHNICIAN,))
    crew_id = w.org.crews["alpha"]
    await w.ok(
        d.SavePerson(person=person),
        d.SaveCrewMember(member=CrewMember(id=member, crew_id=crew_id, person_id=id, from_at=NOW)),
        d.AssignVisit(job_id=w.job_id, visit_id=w.org.new_id(), person_id=id),
        by="ada",
    )
    enrolled_id = w.org.new_id()
    w.devices["zoe"] = StrictDevice(org_id=w.org.id, id=enrolled_id, person_id=id)
    return "ada", d.OffboardPerson(person_id=id)


@makes
async def save_crew(w: World) -> tuple[str, Command]:
    crew = Crew(
        id=w.org.crews["alpha"],
        code="alpha",
        name="Alpha",
        district_ids=(w.org.districts["west"],),
        van_id=w.org.vans["alpha"],
    )
    return "ada", d.SaveCrew(crew=crew)


@makes
async def save_crew_member(w: World) -> tuple[str, Command]:
    person_id, crew_id = w.org.people["ali"], w.org.crews["alpha"]
    left = CrewMember(id=w.org.members["ali"], crew_id=crew_id, person_id=person_id, from_at=NOW, to_at=NOW)
    joined = CrewMember(id=w.org.new_id(), crew_id=w.org.crews["beta"], person_id=person_id, from_at=NOW)
    await w.ok(d.SaveCrewMember(member=msgspec.structs.replace(left, from_at=NOW - timedelta(days=9))), by="ada")
    return "ada", d.SaveCrewMember(member=joined)


@makes
async def save_shift(w: World) -> tuple[str, Command]:
    shift = Shift(id=w.org.new_id(), person_id=w.org.people["amy"], from_at=NOW, to_at=NOW + timedelta(hours=8))
    return "dan", d.SaveShift(shift=shift)


@makes
async def save_duty(w: World) -> tuple[str, Command]:
    duty = Duty(id=w.org.new_id(), person_id=w.org.people["cho"], from_at=NOW, to_at=NOW + timedelta(days=1))
    return "dan", d.SaveDuty(duty=duty)


@makes
async def save_part(w: World) -> tuple[str, Command]:
    await w.ok(
        d.SavePart(
            part=Part(
                id=w.org.parts["valve"], code="valve", name=LocalText(en="valve"), unit_cost=Decimal(240), active=False
            )
        ),
        by="wes",
    )
    part = Part(id=w.org.new_id(), code=f"p-{w.org.new_id().hex[:6]}", name=LocalText(en="bolt"), unit_cost=Decimal(1))
    return "wes", d.SavePart(part=part)


@makes
async def save_policy(w: World) -> tuple[str, Command]:
    bands = (Band(above=Decimal(0), role=Role.ENGINEER),)
    policy = Policy(id=w.org.new_id(), code="R1", version=2, currency="CNY", bands=bands, duty_chief_after_hours=False)
    return "ada", d.SavePolicy(policy=policy)


@makes
async def save_stock_location(w: World) -> tuple[str, Command]:
    return "wes", d.SaveStockLocation(
        location=StockLocation(id=w.org.new_id(), code="depot-2", kind=LocationKind.STORE, name="Depot 2")
    )


@makes
async def load_job_type(w: World) -> tuple[str, Command]:
    return "ada", d.LoadJobType(
        job_type=JobType(id=w.org.new_id(), code="survey", version=2, name=LocalText(en="Survey"))
    )


@makes
async def save_district(w: World) -> tuple[str, Command]:
    ring = [[110.0, 30.0], [110.1, 30.0], [110.1, 30.1], [110.0, 30.1], [110.0, 30.0]]
    outline = json.dumps({"type": "Polygon", "coordinates": [ring]})
    return "ada", d.SaveDistrict(district_id=w.org.new_id(), code="far", name_en="Far", outline_geojson=outline)


def test_there_is_a_case_for_every_command() -> None:
    assert sorted(MAKING) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
async def test_snapshot_and_changes_equal_a_fresh_snapshot(
    pool: asyncpg.Pool, owner: asyncpg.Connection, world: World, name: str
) -> None:
    org = world.org
    world.job_id, world.visit_id = org.new_id(), org.new_id()
    contact = d.ContactDetails(contact_id=org.contact, name="Lin", phone="555 0100")
    lon, lat = org.point("east")
    opened = d.OpenJob(
        job_id=world.job_id,
        job_type="repair",
        title="at the plaza",
        site_id=org.site,
        contact=contact,
        lon_deg=lon,
        lat_deg=lat,
    )
    assigned = d.AssignVisit(**world.of_visit, crew_id=org.crews["alpha"])
    await org.ok(opened, assigned, by="dan")
    by, command = await MAKING[name](world)
    for device in world.devices.values():
        await device.catch_up(pool, now=NOW)
    await org.ok(command, by=by)
    for device in world.devices.values():
        await assert_device_equals_server(device, pool, now=NOW)
    drifts = [drift async for part in verify.verify(owner, org.id, now=NOW) for drift in part.drifts]
    assert [drift for drift in drifts if drift.kind != "device"] == []
    world.devices.pop("zoe", None)
