"""Field work to be handed in: crews with a van and a phone each, jobs they were sent to, and what they report of them.

Arranged by the product's commands. The reports are those of a visit from setting out to its completion.
"""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from api.database import open_pool, owner_connection
from api.settings import Settings
from benchmarks import phone
from benchmarks.bulk import Handset
from mobile_contract import limits
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command
from mobile_contract.schema.clock import ClockSample
from mobile_contract.schema.facts import VisitFact
from mobile_contract.schema.people import Crew, CrewMember, Person, Role
from mobile_contract.schema.place import Meter
from mobile_contract.schema.stock import LocationKind, StockLocation
from sync.transaction import org_transaction
from tests import arrange
from tests.arrange import Org

SEED: Final = 30
FACTS_PER_VISIT: Final = 12
_AT_ONCE: Final = 50
_TASKS: Final = "select job_id, id, code from task where org_id = $1 and job_id = any($2) order by job_id, sort, id"
_BOOT: Final = "9b2a6f1e"


class Queue(Struct, frozen=True):
    """What one device hands in during one round: requests of 200 commands at most, as phones make them."""

    device_id: UUID
    commands: int
    requests: tuple[bytes, ...]
    cmds: tuple[bytes, ...]


class Field(Struct, frozen=True):
    """Queues by round: of the device that is alone, and of those that push at once."""

    org_id: UUID
    alone: tuple[Queue, ...]
    together: tuple[tuple[Queue, ...], ...]


def arrange_field(settings: Settings, rounds: int, *, commands: int, devices: int, commands_each: int) -> Field:
    """Make the organisation, its crews and their jobs, and write the queues."""
    return asyncio.run(_arrange(settings, rounds, commands=commands, devices=devices, commands_each=commands_each))


async def _arrange(settings: Settings, rounds: int, *, commands: int, devices: int, commands_each: int) -> Field:
    now = datetime.now(UTC)
    pool = await open_pool(settings)
    try:
        org = await arrange.organisation(pool, SEED)
        names = [f"crew-{number:02d}" for number in range(devices + 1)]
        await org.ok(*(command for name in names for command in _crew(org, name)), now=arrange.FOUNDED)
        alone, *together = [await _Writer.of(org, name, now=now) for name in names]
        for writer, count in ((alone, commands), *((each, commands_each) for each in together)):
            await writer.send_to_jobs(rounds * -(-count // FACTS_PER_VISIT))
        return Field(
            org.id,
            tuple(alone.queue(commands) for _ in range(rounds)),
            tuple(tuple(each.queue(commands_each) for each in together) for _ in range(rounds)),
        )
    finally:
        await pool.close()
        async with owner_connection(settings) as conn:
            await conn.execute("vacuum analyze")


def _crew(org: Org, name: str) -> list[Command]:
    """Make a technician with a crew of his own and a van."""
    person, crew, van, member = (org.new_id() for _ in range(4))
    org.people[name], org.crews[name], org.vans[name] = person, crew, van
    org.roles[person] = frozenset({Role.TECHNICIAN})
    return [
        d.SavePerson(person=Person(id=person, code=name, name=name.title(), roles=(Role.TECHNICIAN,))),
        d.SaveStockLocation(
            location=StockLocation(id=van, code=f"van-{name}", kind=LocationKind.VAN, name=f"Van of {name}")
        ),
        d.SaveCrew(crew=Crew(id=crew, code=name, name=name.title(), district_ids=(org.districts["west"],), van_id=van)),
        d.SaveCrewMember(
            member=CrewMember(id=member, crew_id=crew, person_id=person, from_at=arrange.FOUNDED, to_at=None)
        ),
        # Each crew reads meters of its own: one that all read at once would be the only thing that is measured.
        d.SaveMeter(meter=Meter(id=_meter(org, name), site_id=org.site, serial=name)),
    ]


def _meter(org: Org, name: str) -> UUID:
    return uuid5(org.crews[name], "meter")


class _Writer:
    """One crew's phone: numbers its reports over all rounds."""

    def __init__(self, org: Org, name: str, handset: Handset, now: datetime) -> None:
        self._org, self._name, self._handset, self._now = org, name, handset, now
        self._next_n = 1
        self._visits: list[tuple[UUID, UUID, dict[str, UUID]]] = []
        self._reports = self._all_reports()

    @classmethod
    async def of(cls, org: Org, name: str, *, now: datetime) -> "_Writer":
        """Enrol the phone."""
        enrolled = await org.device(name, now=now - timedelta(days=1))
        (grant,) = enrolled.sessions.values()
        handset = Handset(
            org_id=org.id,
            device_id=enrolled.id,
            person_id=org.people[name],
            session_id=grant.session_id,
            token=enrolled.token.text,
        )
        return cls(org, name, handset, now)

    async def send_to_jobs(self, count: int) -> None:
        """Open jobs at the site with the meter and send the crew there."""
        reported_at = self._now - timedelta(hours=3)
        pairs = [(self._org.new_id(), self._org.new_id()) for _ in range(count)]
        for start in range(0, count, _AT_ONCE):
            some = pairs[start : start + _AT_ONCE]
            commands: list[Command] = []
            for job_id, visit_id in some:
                lon, lat = self._org.point("west")
                commands.append(
                    d.OpenJob(
                        job_id=job_id,
                        job_type="repair",
                        title="Leak in the road",
                        address="12 Canal Street",
                        lon_deg=lon,
                        lat_deg=lat,
                        reported_at=reported_at,
                    )
                )
                crew_id = self._org.crews[self._name]
                commands.append(d.AssignVisit(job_id=job_id, visit_id=visit_id, crew_id=crew_id))
            await self._org.ok(*commands, by="dan", now=reported_at)
            tasks = await self._tasks([job_id for job_id, _ in some])
            self._visits += [(job_id, visit_id, tasks[job_id]) for job_id, visit_id in some]

    async def _tasks(self, jobs: Sequence[UUID]) -> dict[UUID, dict[str, UUID]]:
        found: dict[UUID, dict[str, UUID]] = {job_id: {} for job_id in jobs}
        async with org_transaction(self._org.pool, self._org.id) as conn:
            for row in await conn.fetch(_TASKS, self._org.id, jobs):
                found[row["job_id"]][row["code"]] = row["id"]
        return found

    def queue(self, count: int) -> Queue:
        """Write the next so many reports as requests."""
        cmds = list(islice(self._reports, count))
        requests = []
        for start in range(0, count, limits.PUSH_COMMANDS):
            some = cmds[start : start + limits.PUSH_COMMANDS]
            session = str(self._handset.session_id).encode()
            lines = [
                b'{"n":%d,"session":"%s","cmd":%s}' % (self._next_n + number, session, cmd)
                for number, cmd in enumerate(some)
            ]
            self._next_n += len(some)
            sent = msgspec.json.encode(ClockSample(wall=self._now, mono_ms=86_400_000, boot=_BOOT))
            body = b'{"sent":%b,"commands":[%b]}' % (sent, b",".join(lines))
            requests.append(phone.push_request(self._handset, body))
        return Queue(self._handset.device_id, count, tuple(requests), tuple(cmds))

    def _all_reports(self) -> Iterator[bytes]:
        """Write report after report, visit after visit, a minute apart; the last one is a minute old."""
        total = 0
        for job_id, visit_id, tasks in self._visits:
            for fact in self._visit(job_id, visit_id, tasks):
                total += 1
                yield self._envelope(fact, self._now - timedelta(hours=2) + timedelta(milliseconds=100 * total))

    def _visit(self, job_id: UUID, visit_id: UUID, tasks: dict[str, UUID]) -> Iterator[VisitFact]:
        org = self._org
        at: Any = {"job_id": job_id, "visit_id": visit_id}
        yield f.StartTravel(**at)
        yield f.ArriveOnSite(**at)
        yield f.MakeSafe(**at, note="Valve at the corner is shut.")
        yield f.StartWork(**at)
        yield f.AnswerChecklist(**at, task_id=tasks["stopped"], answer="yes")
        yield f.AddNote(**at, note_id=org.new_id(), text="Joint of the old cast iron main has moved; clamp fitted.")
        yield f.ReceivePart(**at, move_id=org.new_id(), part_id=org.parts["clamp"], quantity=Decimal(2))
        yield f.UsePart(**at, move_id=org.new_id(), part_id=org.parts["clamp"], quantity=Decimal(1))
        yield f.AnswerChecklist(**at, task_id=tasks["cause"], answer="corrosion")
        yield f.ReadMeter(**at, reading_id=org.new_id(), meter_id=_meter(org, self._name), value=Decimal(100))
        yield f.AddNote(**at, note_id=org.new_id(), text="Ground is filled in, the road is to be surfaced next week.")
        yield f.CompleteVisit(**at, note="Pressure is back, neighbours informed.")

    def _envelope(self, fact: VisitFact, at: datetime) -> bytes:
        args = msgspec.to_builtins(fact)
        name = args.pop("name")
        mono_ms = 86_400_000 - round((self._now - at).total_seconds() * 1000)
        clock = ClockSample(wall=at, mono_ms=mono_ms, boot=_BOOT)
        return msgspec.json.encode({"id": self._org.new_id(), "name": name, "args": args, "after": [], "at": clock})
