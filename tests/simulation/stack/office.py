"""What the office of the real stack does: founds the organisation, and turns deeds of the world into commands. Never checks anything."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import msgspec

from api.enrolment import make_code, revoke_devices
from jobs.context import Actor, Occurrence
from jobs.result import Refused
from mobile_contract.schema import decisions as d
from mobile_contract.schema.access import EnrolmentAsk
from mobile_contract.schema.approval import Band, Policy
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.job import JobType
from mobile_contract.schema.material import Part
from mobile_contract.schema.outcome import ResolutionKind
from mobile_contract.schema.people import Crew, CrewMember, Person, Role
from mobile_contract.schema.stock import LocationKind, StockLocation
from sync.ask import Ask
from sync.execute import run
from sync.resolving import Decision, resolve
from sync.transaction import org_transaction
from tests.simulation.backend import (
    Answer,
    Assign,
    Cancel,
    Close,
    Deed,
    Edit,
    Move,
    OpenJob,
    Resolve,
    Revoke,
    SavePart,
    Setting,
)

if TYPE_CHECKING:
    from tests.simulation.stack.backend import Stack

_LON_DEG, _LAT_DEG, _SIDE_DEG = 116.4, 39.9, 0.1
_FOUNDED_BEFORE: Final = timedelta(days=400)
_NEW_ORGANISATION: Final = """
insert into organisation (org_id, slug, name, zone, currency, language, created_at) values ($1, $2, 'Water works', 'Asia/Shanghai', 'CNY', 'en', $3)"""
_MEMBER: Final = "select id, crew_id, from_at from crew_member where org_id = $1 and person_id = $2 and to_at is null"
_ENTRY: Final = (
    "select entry_id from sync_quarantine where org_id = $1 and command_id = $2 order by received_at, entry_id limit 1"
)


class Office:
    """The dispatcher and the administrator of one organisation."""

    def __init__(self, server: "Stack", setting: Setting) -> None:
        self._server, self.setting = server, setting
        self.org_id = server.org_id
        self._dan, self._ada = (uuid5(setting.org_id, name) for name in ("dan", "ada"))
        self._source = Random(f"office {setting.seed}")

    @property
    def dispatcher(self) -> Actor:
        """Give the dispatcher at the console, who also stands in for engineers and managers."""
        return Actor(org_id=self.org_id, person_id=self._dan, roles=frozenset({Role.DISPATCHER, Role.MANAGER}))

    @property
    def admin(self) -> Actor:
        """Give the administrator at the console."""
        return Actor(org_id=self.org_id, person_id=self._ada, roles=frozenset({Role.ADMIN}))

    def new_id(self) -> UUID:
        """Draw an id."""
        return UUID(int=self._source.getrandbits(128), version=4)

    async def found(self, at: datetime) -> None:
        """Make the organisation, by commands."""
        services = self._server.ground.services
        founded = at - _FOUNDED_BEFORE
        async with org_transaction(services.pool, self.org_id) as conn:
            await conn.execute(_NEW_ORGANISATION, self.org_id, f"t-{self.org_id.hex[-24:]}", founded)
        commands = [*self._places(), *self._people(founded), *self._material()]
        for answer in await self._send(commands, self.admin, now=founded):
            assert answer.took_effect, answer

    async def code(self, holder: UUID) -> str:
        """Make a one-time code for a device of a person or a crew."""
        crew = holder in self.setting.crews
        ask = EnrolmentAsk(person_id=None if crew else holder, crew_id=holder if crew else None)
        return (await make_code(self._server.ground.services, self.admin, ask)).code

    async def do(self, deed: Deed) -> Answer:
        """Do a deed; the answer says what became of it."""
        status, code = "applied", "ok"
        if isinstance(deed, Revoke):
            await revoke_devices(self._server.ground.services, self.admin, [deed.device_id])
        elif isinstance(deed, Resolve):
            status, code = await self._resolve(deed)
        else:
            answers = await self._send(await self._commands(deed), self._who(deed), now=self._server.ground.now)
            for answer in answers:
                if not answer.took_effect:
                    status, code = str(answer.status), answer.code
        return Answer(200, json.dumps({"deed": type(deed).__name__, "status": status, "code": code}).encode())

    def _who(self, deed: Deed) -> Actor:
        return self.admin if isinstance(deed, Move | SavePart) else self.dispatcher

    async def _commands(self, deed: Deed) -> list[Command]:
        match deed:
            case OpenJob():
                lon, lat = self._point(self.setting.districts.index(deed.district_id))
                return [
                    d.OpenJob(
                        job_id=deed.job_id,
                        job_type="leak",
                        title=deed.title,
                        description=deed.description,
                        lon_deg=lon,
                        lat_deg=lat,
                    )
                ]
            case Assign():
                return [
                    d.AssignVisit(
                        job_id=deed.job_id, visit_id=deed.visit_id, crew_id=deed.crew_id, person_id=deed.person_id
                    )
                ]
            case Edit():
                return [d.EditJob(job_id=deed.job_id, changes={"title": d.FieldEdit(was=deed.was, set=deed.title)})]
            case Cancel():
                return [d.CancelJob(job_id=deed.job_id, reason="no longer wanted")]
            case Close():
                return [d.CloseJob(job_id=deed.job_id)]
            case Move():
                return await self._move(deed)
            case SavePart():
                return [d.SavePart(part=_part(deed.part_id, deed.name))]
        raise AssertionError(deed)

    async def _move(self, deed: Move) -> list[Command]:
        now = self._server.ground.now
        rows = await self._server.ground.eyes.fetch(_MEMBER, self.org_id, deed.person_id)
        if [row["crew_id"] for row in rows] == [deed.crew_id]:
            return []
        members = [
            CrewMember(id=r["id"], crew_id=r["crew_id"], person_id=deed.person_id, from_at=r["from_at"], to_at=now)
            for r in rows
        ]
        if deed.crew_id is not None:
            fresh = CrewMember(
                id=self.new_id(), crew_id=deed.crew_id, person_id=deed.person_id, from_at=now, to_at=None
            )
            members.append(fresh)
        return [d.SaveCrewMember(member=member) for member in members]

    async def _resolve(self, deed: Resolve) -> tuple[str, str]:
        services = self._server.ground.services
        entry_id = await self._server.ground.eyes.fetchval(_ENTRY, self.org_id, deed.command_id)
        if entry_id is None:
            return "rejected", "not_found"
        decision = Decision(command_id=deed.by_id, kind=ResolutionKind(deed.kind))
        try:
            done = await resolve(
                services.pool, self.dispatcher, entry_id, decision, now=self._server.ground.now, poke=services.poke
            )
        except Exception as error:
            # The handler raises again: the entry still waits.
            return "rejected", type(error).__name__
        return ("rejected", done.code) if isinstance(done, Refused) else ("applied", "ok")

    async def _send(self, commands: Sequence[Command], by: Actor, *, now: datetime) -> Sequence[Any]:
        services = self._server.ground.services
        asks = [self._ask(command, by, now=now) for command in commands]
        return await run(services.pool, self.org_id, asks, now=now, poke=services.poke) if asks else ()

    def _ask(self, command: Command, by: Actor, *, now: datetime) -> Ask:
        fields = msgspec.to_builtins(command, str_keys=True)
        name = fields.pop("name")
        args = msgspec.json.encode(fields)
        return Ask(
            id=self.new_id(),
            name=name,
            args=args,
            digest=hashlib.sha256(args).digest(),
            raw=args,
            actor=by,
            occurrence=Occurrence(at=now),
            received_at=now,
        )

    def _point(self, number: int) -> tuple[float, float]:
        within = self._source.uniform(0.1, 0.9)
        return _LON_DEG + _SIDE_DEG * (number + within), _LAT_DEG + _SIDE_DEG * within

    def _places(self) -> list[Command]:
        commands: list[Command] = []
        for i, id in enumerate(self.setting.districts):
            west, south = _LON_DEG + _SIDE_DEG * i, _LAT_DEG
            east, north = west + _SIDE_DEG, south + _SIDE_DEG
            ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
            outline = json.dumps({"type": "Polygon", "coordinates": [ring]})
            commands.append(d.SaveDistrict(district_id=id, code=f"d{i}", name_en=f"D {i}", outline_geojson=outline))
        return commands

    def _people(self, founded: datetime) -> list[Command]:
        office = ((self._dan, "dan", (Role.DISPATCHER, Role.MANAGER)), (self._ada, "ada", (Role.ADMIN,)))
        field = ((person.id, person.name.replace(" ", "-"), (Role.TECHNICIAN,)) for person in self.setting.persons)
        commands: list[Command] = [
            d.SavePerson(person=Person(id=id, code=code, name=code, roles=roles))
            for id, code, roles in (*office, *field)
        ]
        for i, id in enumerate(self.setting.crews):
            van = StockLocation(id=self.new_id(), code=f"van-{i}", kind=LocationKind.VAN, name=f"van {i}")
            crew = Crew(id=id, code=f"c{i}", name=f"crew {i}", district_ids=self.setting.districts, van_id=van.id)
            commands += [d.SaveStockLocation(location=van), d.SaveCrew(crew=crew)]
        for person in self.setting.persons:
            member = CrewMember(
                id=self.new_id(), crew_id=person.crew_id, person_id=person.id, from_at=founded, to_at=None
            )
            commands.append(d.SaveCrewMember(member=member))
        return commands

    def _material(self) -> list[Command]:
        parts = [d.SavePart(part=_part(id, f"part {i}")) for i, id in enumerate(self.setting.parts)]
        bands = (Band(above=Decimal(0), role=Role.MANAGER),)
        policy = Policy(
            id=self.new_id(), code="R1", version=1, currency="CNY", bands=bands, duty_chief_after_hours=False
        )
        leak = JobType(id=self.new_id(), code="leak", version=1, name=LocalText(en="Leak"))
        return [*parts, d.SavePolicy(policy=policy), d.LoadJobType(job_type=leak)]


def _part(id: UUID, name: str) -> Part:
    return Part(id=id, code=f"p-{id.hex}", name=LocalText(en=name), unit_cost=Decimal(10))
