"""An organisation to test with, made by the same commands as in production: two districts, two crews, an office, parts, a policy.

Everything has a fixed instant (`NOW`) and ids drawn from the seed, so that a failure repeats. Never a row written by hand, but for the
organisation itself, which no command makes.
"""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from uuid_utils.compat import uuid7

from jobs.context import Actor, Occurrence, Via
from mobile_contract.schema import decisions as d
from mobile_contract.schema.access import SessionGrant
from mobile_contract.schema.approval import Band, Policy
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.job import AnswerKind, ArrivalLimit, JobType, TaskTemplate
from mobile_contract.schema.material import Part
from mobile_contract.schema.people import Crew, CrewMember, Duty, Person, Role
from mobile_contract.schema.place import Contact, Meter, Site
from mobile_contract.schema.stock import LocationKind, StockLocation
from sync import devices, sessions
from sync.ask import Ask
from sync.devices import Device, NewDevice
from sync.execute import run
from sync.outcomes import Answer
from sync.tokens import Token
from sync.transaction import org_transaction

NOW: Final = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
"""A Monday, 10:00 in the organisation's zone."""
ZONE: Final = "Asia/Shanghai"
FOUNDED: Final = NOW - timedelta(days=400)

# Two districts side by side, 0.1 degrees each: "west" and "east" of this meridian.
_MIDDLE_LON_DEG: Final = 116.4
_SOUTH_LAT_DEG: Final = 39.9
_SIDE_DEG: Final = 0.1

_OFFICE: Final = {
    "ada": Role.ADMIN,
    "dan": Role.DISPATCHER,
    "eve": Role.ENGINEER,
    "max": Role.MANAGER,
    "gus": Role.DEPUTY_GM,
    "cho": Role.DUTY_CHIEF,
    "wes": Role.WAREHOUSE,
    "cal": Role.CALLBACK,
}
_FIELD: Final = {"amy": "alpha", "ali": "alpha", "bob": "beta"}
_DISTRICTS: Final = {"alpha": ("west", "east"), "beta": ("east",)}


@dataclass(kw_only=True)
class Enrolled:
    """A device as the server knows it, with its token and the sessions it holds: one per person."""

    device: Device
    token: Token
    sessions: dict[UUID, SessionGrant]

    @property
    def id(self) -> UUID:
        """Name the device."""
        return self.device.id


@dataclass(kw_only=True)
class Org:
    """An organisation with everything that a job needs; names lead to ids.

    People: `ada` admin, `dan` dispatcher, `eve` engineer, `max` manager, `gus` deputy GM, `cho` duty chief, `wes` warehouse, `cal`
    callback; `amy` and `ali` of crew `alpha` (districts west and east), `bob` of crew `beta` (east).
    """

    id: UUID
    pool: asyncpg.Pool
    random: random.Random
    people: dict[str, UUID] = field(default_factory=dict)
    roles: dict[UUID, frozenset[Role]] = field(default_factory=dict)
    crews: dict[str, UUID] = field(default_factory=dict)
    vans: dict[str, UUID] = field(default_factory=dict)
    members: dict[str, UUID] = field(default_factory=dict)
    districts: dict[str, UUID] = field(default_factory=dict)
    parts: dict[str, UUID] = field(default_factory=dict)
    site: UUID
    contact: UUID
    meter: UUID

    def new_id(self) -> UUID:
        """Draw an id from the seed."""
        return UUID(int=self.random.getrandbits(128), version=4)

    def point(self, district: str = "west") -> tuple[float, float]:
        """Draw a point (lon, lat) inside a district; `nowhere` is outside all."""
        lat = _SOUTH_LAT_DEG + _SIDE_DEG * self.random.uniform(0.1, 0.9)
        away = {"west": -_SIDE_DEG, "east": 0.0, "nowhere": 3.0}[district]
        return _MIDDLE_LON_DEG + away + _SIDE_DEG * self.random.uniform(0.1, 0.9), lat

    def actor(self, name: str | None) -> Actor:
        """Give a person at the console; None is the operator of the machine."""
        if name is None:
            return Actor(org_id=self.id, via=Via.OPERATOR)
        person_id = self.people[name]
        return Actor(org_id=self.id, person_id=person_id, roles=self.roles[person_id])

    async def send(
        self, *commands: Command, by: str | None = None, now: datetime = NOW, ids: Sequence[UUID] = ()
    ) -> tuple[Answer, ...]:
        """Execute commands in one transaction as a person at the console (the operator when nobody is named)."""
        asks = [
            ask_of(command, self.actor(by), id=id, now=now)
            for command, id in zip(commands, ids or [self.new_id() for _ in commands], strict=True)
        ]
        return await run(self.pool, self.id, asks, now=now)

    async def ok(self, *commands: Command, by: str | None = None, now: datetime = NOW) -> None:
        """Execute commands that must take effect; AssertionError with the answer where one does not."""
        for answer in await self.send(*commands, by=by, now=now):
            assert answer.took_effect, (answer.name, answer.status, answer.code, answer.detail)

    async def as_dispatcher(self, *commands: Command, now: datetime = NOW) -> tuple[Answer, ...]:
        """Execute commands as the dispatcher at the console."""
        return await self.send(*commands, by="dan", now=now)

    async def open_job(self, district: str = "west", *, title: str = "leak", now: datetime = NOW) -> UUID:
        """Open a job in a district, ready to be dispatched."""
        job_id = self.new_id()
        lon, lat = self.point(district)
        command = d.OpenJob(job_id=job_id, job_type="repair", title=title, lon_deg=lon, lat_deg=lat, reported_at=now)
        await self.ok(command, by="dan", now=now)
        return job_id

    async def assign(self, job_id: UUID, crew: str = "alpha", *, now: datetime = NOW) -> UUID:
        """Send a crew to a job; gives the visit."""
        visit_id = self.new_id()
        command = d.AssignVisit(job_id=job_id, visit_id=visit_id, crew_id=self.crews[crew])
        await self.ok(command, by="dan", now=now)
        return visit_id

    async def assigned_job(self, crew: str = "alpha", district: str = "east", *, now: datetime = NOW) -> "Assigned":
        """Open a job and send a crew to it."""
        job_id = await self.open_job(district, now=now)
        return Assigned(job_id, await self.assign(job_id, crew, now=now))

    async def device(self, person: str | None = None, *, crew: str | None = None, now: datetime = NOW) -> Enrolled:
        """Enrol a device for a person or a crew, with the sessions it may hold."""
        new = NewDevice(
            org_id=self.id,
            device_id=uuid7(),
            name=f"phone of {person or crew}",
            app="tests 1.0",
            person_id=self.people[person] if person else None,
            crew_id=self.crews[crew] if crew else None,
        )
        device = Device(self.id, new.device_id, new.name, new.person_id, new.crew_id, revoked=False, session=None)
        async with org_transaction(self.pool, self.id) as conn:
            token = await devices.enrol(conn, new, now=now)
            grants = await sessions.renew(conn, device, now=now)
        return Enrolled(device=device, token=token, sessions={grant.person_id: grant for grant in grants})


@dataclass(frozen=True)
class Assigned:
    """A job and the visit that a crew was sent on."""

    job_id: UUID
    visit_id: UUID


def ask_of(command: Command, actor: Actor, *, id: UUID, now: datetime) -> Ask:
    """Build what REST builds from a request: the arguments without the tag, received now."""
    fields = msgspec.to_builtins(command, str_keys=True)
    name = fields.pop("name")
    args = msgspec.json.encode(fields)
    return Ask(
        id=id,
        name=name,
        args=args,
        digest=hashlib.sha256(args).digest(),
        raw=args,
        actor=actor,
        occurrence=Occurrence(at=now),
        received_at=now,
    )


async def organisation(pool: asyncpg.Pool, seed: int, *, zone: str = ZONE) -> Org:
    """Make an organisation with districts, crews, people, job types, policy, parts, a site with a meter: one transaction of commands."""
    draw = random.Random(seed)
    ids = [UUID(int=draw.getrandbits(128), version=4) for _ in range(4)]
    org = Org(id=uuid7(), pool=pool, random=draw, site=ids[1], contact=ids[2], meter=ids[3])
    async with org_transaction(pool, org.id) as conn:
        await conn.execute(
            "insert into organisation (org_id, slug, name, zone, currency, language, created_at) values ($1, $2, $3, $4, 'CNY', 'en', $5)",
            org.id,
            f"t-{org.id.hex[-24:]}",
            "Water works",
            zone,
            FOUNDED,
        )
    commands = [*_districts(org), *_people(org), *_crews(org), *_material(org), *_job_types(org), *_places(org)]
    await org.ok(*commands, now=FOUNDED)
    return org


def _districts(org: Org) -> list[Command]:
    commands: list[Command] = []
    for code, west in (("west", _MIDDLE_LON_DEG - _SIDE_DEG), ("east", _MIDDLE_LON_DEG)):
        org.districts[code] = org.new_id()
        east, south, north = west + _SIDE_DEG, _SOUTH_LAT_DEG, _SOUTH_LAT_DEG + _SIDE_DEG
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        outline = json.dumps({"type": "Polygon", "coordinates": [ring]})
        commands.append(
            d.SaveDistrict(district_id=org.districts[code], code=code, name_en=code.title(), outline_geojson=outline)
        )
    return commands


def _people(org: Org) -> list[Command]:
    commands: list[Command] = []
    for name in (*_OFFICE, *_FIELD):
        role = _OFFICE.get(name, Role.TECHNICIAN)
        id = org.people[name] = org.new_id()
        org.roles[id] = frozenset({role})
        commands.append(d.SavePerson(person=Person(id=id, code=name, name=name.title(), roles=(role,))))
    duty = Duty(id=org.new_id(), person_id=org.people["cho"], from_at=FOUNDED, to_at=NOW + timedelta(days=400))
    return [*commands, d.SaveDuty(duty=duty)]


def _crews(org: Org) -> list[Command]:
    commands: list[Command] = []
    for code, districts in _DISTRICTS.items():
        org.crews[code], org.vans[code] = org.new_id(), org.new_id()
        van = StockLocation(id=org.vans[code], code=f"van-{code}", kind=LocationKind.VAN, name=f"Van of {code}")
        crew = Crew(
            id=org.crews[code],
            code=code,
            name=code.title(),
            district_ids=tuple(org.districts[district] for district in districts),
            van_id=van.id,
        )
        commands += [d.SaveStockLocation(location=van), d.SaveCrew(crew=crew)]
    for name, code in _FIELD.items():
        org.members[name] = org.new_id()
        member = CrewMember(
            id=org.members[name], crew_id=org.crews[code], person_id=org.people[name], from_at=FOUNDED, to_at=None
        )
        commands.append(d.SaveCrewMember(member=member))
    return commands


def _material(org: Org) -> list[Command]:
    commands: list[Command] = []
    for code, cost in (("clamp", "12.50"), ("pump", "80"), ("valve", "240")):
        org.parts[code] = org.new_id()
        part = Part(id=org.parts[code], code=code, name=LocalText(en=code), unit_cost=Decimal(cost))
        commands.append(d.SavePart(part=part))
    bands = (
        Band(above=Decimal(0), up_to=Decimal(50), role=Role.ENGINEER),
        Band(above=Decimal(50), up_to=Decimal(100), role=Role.MANAGER),
        Band(above=Decimal(100), role=Role.DEPUTY_GM),
    )
    policy = Policy(id=org.new_id(), code="R1", version=1, currency="CNY", bands=bands, duty_chief_after_hours=False)
    return [*commands, d.SavePolicy(policy=policy)]


def _job_types(org: Org) -> list[Command]:
    tasks = (
        TaskTemplate(code="stopped", label=LocalText(en="Is the water stopped?"), mandatory=True),
        TaskTemplate(code="cause", label=LocalText(en="What was the cause?"), answer_kind=AnswerKind.TEXT),
    )
    repair = JobType(
        id=org.new_id(),
        code="repair",
        version=1,
        name=LocalText(en="Repair"),
        tasks=tasks,
        arrival_limits=(ArrivalLimit(minutes=45),),
    )
    survey = JobType(id=org.new_id(), code="survey", version=1, name=LocalText(en="Survey"))
    return [d.LoadJobType(job_type=repair), d.LoadJobType(job_type=survey)]


def _places(org: Org) -> list[Command]:
    lon, lat = org.point("east")
    return [
        d.SaveSite(
            site=Site(id=org.site, code="S-1", name="Plaza", address="1 Canal Street", lon_deg=lon, lat_deg=lat)
        ),
        d.SaveContact(contact=Contact(id=org.contact, name="Lin", phone="555 0100", site_id=org.site)),
        d.SaveMeter(meter=Meter(id=org.meter, site_id=org.site, serial="M-1", last_value=Decimal(100))),
    ]
