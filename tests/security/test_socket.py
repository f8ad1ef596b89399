"""Bytes on the socket: in random worlds of two organisations every text is a canary, and none ever reaches somebody outside its scope.

What a caller may see is told by a model of crews, moves and assignments that shares nothing with the server. Logs show no canary at all.
"""

import contextlib
import json
import logging
import random
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
import pytest

from api.logs import configure_logs
from api.settings import Settings
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.material import Part
from mobile_contract.schema.people import Crew, CrewMember, Person, Role
from sync import devices
from sync.life import ensure_life
from sync.transaction import org_transaction
from tests.api.office import Clock, signed_in
from tests.api.serving import Site, on_loopback
from tests.arrange import FOUNDED, NOW, Assigned, Enrolled, Org, organisation
from tests.security.tap import Tap, tapped
from tests.security.world import headers_of
from tests.sync.phone import Phone, batch, note, on

CANARY: Final = re.compile(rb"canary-[0-9a-f]{16}")
STEPS: Final = 70
_CREW_DISTRICTS: Final = {"alpha": {"west", "east"}, "beta": {"east"}}
_ENCODINGS: Final = ("identity", "gzip", "zstd", "zstd, gzip;q=0.5")


@dataclass
class Work:
    """A job as the model knows it: its canaries seen by a crew, those seen by everybody who might claim it, and who has it."""

    id: UUID
    district: str
    inside: set[str]
    outside: set[str]
    crew: str | None = None
    visit: UUID | None = None
    version: int = 1
    over: bool = False


@dataclass
class House:
    """An organisation as the model knows it."""

    org: Org
    crews: dict[str, str]
    names: dict[str, set[str]] = field(default_factory=dict)
    crew_names: dict[str, set[str]] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    jobs: list[Work] = field(default_factory=list)
    canaries: set[str] = field(default_factory=set)
    titles: dict[UUID, str] = field(default_factory=dict)

    def draw(self) -> str:
        """Draw a canary that is this organisation's."""
        canary = f"canary-{self.org.random.getrandbits(64):016x}"
        self.canaries.add(canary)
        return canary

    def of_person(self, name: str) -> set[str]:
        """Name the canaries that a person of a crew may be sent now."""
        crew = self.crews[name]
        mates = [other for other, theirs in self.crews.items() if theirs == crew]
        seen = set().union(self.shared, self.crew_names[crew], *(self.names[mate] for mate in mates))
        for job in self.jobs:
            if job.crew == crew and not job.over:
                seen |= job.inside | job.outside
            elif job.crew is None and not job.over and job.district in _CREW_DISTRICTS[crew]:
                seen |= job.outside
        return seen


@dataclass
class Caller:
    """Somebody at the end of a tapped wire. `phone`: a device with the cursor that it got last; None: a page of the office."""

    house: House
    name: str
    tap: Tap
    headers: dict[str, str]
    phone: Enrolled | None = None
    crew: str = ""
    revoked: bool = False
    cursor: str | None = None
    seen: set[str] = field(default_factory=set)

    def may_see(self) -> set[str]:
        """Name the canaries that may come now."""
        if self.phone is None:
            return set() if self.name in self.house.crews else self.house.canaries
        if self.revoked or (self.crew and self.house.crews[self.name] != self.crew):
            return set()
        return self.house.of_person(self.name)

    def look(self, doing: str) -> None:
        """Judge what came since the last time."""
        came = {found.decode() for found in CANARY.findall(self.tap.taken())}
        self.seen |= came
        assert came <= self.may_see(), (doing, self.name, self.crew, sorted(came - self.may_see())[:3])


class Theatre:
    """The random course of things."""

    def __init__(self, draw: random.Random, clock: Clock, houses: list[House], callers: list[Caller]) -> None:
        self.random, self.clock, self.houses, self.callers = draw, clock, houses, callers

    async def step(self) -> None:
        """Let one thing happen, then look at every wire."""
        self.clock.forward(timedelta(minutes=1))
        act = self.random.choices(
            [self.open, self.assign, self.move_job, self.tell, self.edit, self.cancel, self.move_member, self.pull,
             self.forge, self.mend, self.read, self.pry],
            weights=[8, 10, 6, 8, 6, 2, 2, 30, 8, 8, 8, 10],
        )[0]  # fmt: skip
        house = self.random.choice(self.houses)
        await act(house)
        for caller in self.callers:
            caller.look(act.__name__)

    def job(self, house: House, *, held: bool) -> Work | None:
        """Pick a job that a crew has, or that nobody has."""
        found = [job for job in house.jobs if not job.over and (job.crew is not None) is held]
        return self.random.choice(found) if found else None

    async def open(self, house: House) -> None:
        """A customer reports a job: title and address are for all who may claim it, the rest for who goes."""
        district = self.random.choice(["west", "east"])
        job = Work(
            house.org.new_id(), district, {house.draw(), house.draw(), house.draw()}, {house.draw(), house.draw()}
        )
        (title, address), (text, who, phone) = sorted(job.outside), sorted(job.inside)
        lon, lat = house.org.point(district)
        command = d.OpenJob(
            job_id=job.id, job_type="repair", title=title, address=address, description=text, lon_deg=lon, lat_deg=lat,
            contact=d.ContactDetails(contact_id=house.org.new_id(), name=who, phone=phone), reported_at=self.clock.at,
        )  # fmt: skip
        await house.org.ok(command, by="dan", now=self.clock.at)
        house.jobs.append(job)
        house.titles[job.id] = title

    async def assign(self, house: House) -> None:
        """A crew is sent."""
        job = self.job(house, held=False)
        if job is not None:
            job.crew, job.visit = self.random.choice(["alpha", "beta"]), house.org.new_id()
            command = d.AssignVisit(job_id=job.id, visit_id=job.visit, crew_id=house.org.crews[job.crew])
            await house.org.ok(command, by="dan", now=self.clock.at)

    async def move_job(self, house: House) -> None:
        """Another crew is sent instead."""
        job = self.job(house, held=True)
        if job is not None and job.visit is not None:
            job.crew = "alpha" if job.crew == "beta" else "beta"
            command = d.ReassignVisit(
                job_id=job.id, visit_id=job.visit, plan_version=job.version, crew_id=house.org.crews[job.crew]
            )
            job.version += 1
            await house.org.ok(command, by="dan", now=self.clock.at)

    async def tell(self, house: House) -> None:
        """Somebody of the office writes a note for the crew."""
        job = self.job(house, held=True)
        if job is not None and job.visit is not None:
            text = house.draw()
            job.inside.add(text)
            fact = on(Assigned(job.id, job.visit), f.AddNote, note_id=house.org.new_id(), text=text)
            await house.org.ok(fact, now=self.clock.at)

    async def edit(self, house: House) -> None:
        """The title changes; the former one is nobody's to see from now on but in the office."""
        job = self.job(house, held=self.random.random() < 0.5)
        if job is not None:
            old, new = house.titles[job.id], house.draw()
            command = d.EditJob(job_id=job.id, changes={"title": d.FieldEdit(was=old, set=new)})
            await house.org.ok(command, by="dan", now=self.clock.at)
            job.outside = (job.outside - {old}) | {new}
            house.titles[job.id] = new

    async def cancel(self, house: House) -> None:
        """A job is called off."""
        job = self.job(house, held=True)
        if job is not None:
            job.over = True
            await house.org.ok(d.CancelJob(job_id=job.id, reason="x"), by="dan", now=self.clock.at)

    async def move_member(self, house: House) -> None:
        """Somebody changes crews."""
        name = self.random.choice(sorted(house.crews))
        old, new, org = house.crews[name], "alpha" if house.crews[name] == "beta" else "beta", house.org
        ended = CrewMember(
            id=org.members[name],
            crew_id=org.crews[old],
            person_id=org.people[name],
            from_at=FOUNDED,
            to_at=self.clock.at,
        )
        org.members[name] = org.new_id()
        begun = CrewMember(id=org.members[name], crew_id=org.crews[new], person_id=org.people[name], from_at=FOUNDED)
        await org.ok(d.SaveCrewMember(member=ended), d.SaveCrewMember(member=begun), by="dan", now=self.clock.at)
        house.crews[name] = new

    async def pull(self, house: House) -> None:
        """A phone pulls on, or from the beginning."""
        caller = self.random.choice([caller for caller in self.callers if caller.phone is not None])
        await self.fetch(caller, None if self.random.random() < 0.2 else caller.cursor)

    async def fetch(self, caller: Caller, cursor: str | None, **more: Any) -> None:
        """Pull once, compressed somehow, and keep the cursor."""
        assert caller.phone is not None
        headers = headers_of(caller.phone, Accept_Encoding=self.random.choice(_ENCODINGS))
        answer = await caller.tap.client.post("/sync/v1/pull", json={"cursor": cursor, **more}, headers=headers)
        assert answer.status_code == 200, answer.text
        begin, *_, end = [json.loads(line) for line in answer.text.splitlines()]
        if begin.get("compare") and "digests" not in more:
            await self.fetch(caller, cursor, digests={bucket: [1, "0" * 16] for bucket in self.buckets()})
        elif not begin.get("compare"):
            caller.cursor = end["cursor"]
            if end["more"]:
                await self.fetch(caller, caller.cursor)

    def buckets(self) -> list[str]:
        """Name buckets of everybody."""
        named = ["ref", "role/engineer"]
        for house in self.houses:
            named += [f"crew/{id}" for id in house.org.crews.values()]
            named += [f"me/{house.org.people[name]}" for name in house.crews]
            named += [f"district/{id}/open" for id in house.org.districts.values()]
        return named

    async def forge(self, house: House) -> None:
        """A phone brings somebody else's cursor, a broken one, or digests of buckets that are not its own."""
        caller, other = self.random.sample([caller for caller in self.callers if caller.phone is not None], 2)
        cursor = self.random.choice([other.cursor, (other.cursor or "")[:-4], "x", None])
        await self.fetch(caller, cursor, check=True)
        caller.cursor = None

    async def mend(self, house: House) -> None:
        """A phone asks for the repair of any bucket."""
        caller = self.random.choice([caller for caller in self.callers if caller.phone is not None])
        assert caller.phone is not None
        ask: dict[str, Any] = {"cursor": caller.cursor, "bucket": self.random.choice(self.buckets()), "sums": []}
        answer = await caller.tap.client.post("/sync/v1/repair", json=ask, headers=headers_of(caller.phone))
        assert answer.status_code == 200, answer.text
        caller.cursor = None

    async def read(self, house: House) -> None:
        """A page of the office, or somebody of the field, reads lists."""
        caller = self.random.choice([caller for caller in self.callers if caller.phone is None])
        for path in ("jobs", "visits", "requests", "persons", "crews", "approvals", "quarantine", "jobs.geojson"):
            await caller.tap.client.get(f"/api/v1/{path}", headers=caller.headers)

    async def pry(self, house: House) -> None:
        """Somebody asks for, reports on or edits a job that may be anybody's."""
        caller, house = self.random.choice(self.callers), self.random.choice(self.houses)
        if not house.jobs:
            return
        job = self.random.choice(house.jobs)
        fresh = caller.house.org.new_id()
        if caller.phone is None:
            await caller.tap.client.get(f"/api/v1/jobs/{job.id}", headers=caller.headers)
            keyed = {**caller.headers, "Idempotency-Key": str(fresh)}
            body = {"job_id": str(job.id), "visit_id": str(fresh)}
            for name in ("start_travel", "claim_job"):
                if caller.house is not house or caller.name in caller.house.crews:
                    continue
                await caller.tap.client.post(f"/api/v1/commands/{name}", json=body, headers=keyed)
            return
        if caller.house is house:
            return
        org = caller.house.org
        phone = Phone(org=org, enrolled=caller.phone, author=caller.name, next_n=await _next_n(org, caller.phone.id))
        phone.do(note(org, Assigned(job.id, fresh), "mine"), at=self.clock.at)
        phone.do(d.ClaimJob(job_id=job.id, visit_id=fresh), at=self.clock.at)
        body_ = batch(phone.queue, now=self.clock.at)
        answer = await caller.tap.client.post("/sync/v1/push", content=body_, headers=headers_of(caller.phone))
        assert answer.status_code == 200, answer.text
        assert {outcome["status"] for outcome in answer.json()["outcomes"]} <= {"quarantined", "rejected"}


async def _next_n(org: Org, device_id: UUID) -> int:
    async with org_transaction(org.pool, org.id) as conn:
        last: int = await conn.fetchval(
            "select last_n from sync_device where org_id = $1 and device_id = $2", org.id, device_id
        )
    return last + 1


async def _house(pool: asyncpg.Pool, seed: int) -> House:
    """Make an organisation in which names of people, crews and parts are canaries."""
    org = await organisation(pool, seed)
    house = House(org, {"amy": "alpha", "ali": "alpha", "bob": "beta"})
    for name in house.crews:
        canary = house.draw()
        house.names[name] = {canary}
        await org.ok(d.SavePerson(person=Person(id=org.people[name], code=name, name=canary, roles=(Role.TECHNICIAN,))))
    for name in ("alpha", "beta"):
        canary = house.draw()
        house.crew_names[name] = {canary}
        districts = tuple(org.districts[district] for district in sorted(_CREW_DISTRICTS[name]))
        crew = Crew(id=org.crews[name], code=name, name=canary, district_ids=districts, van_id=org.vans[name])
        await org.ok(d.SaveCrew(crew=crew))
    canary = house.draw()
    house.shared = {canary}
    part = Part(id=org.new_id(), code="canary", name=LocalText(en=canary), unit_cost=Decimal(1))
    await org.ok(d.SavePart(part=part))
    return house


@contextlib.asynccontextmanager
async def _playing(site: Site, houses: list[House]) -> AsyncIterator[list[Caller]]:
    """Give every phone, the office and a technician at a page a tapped wire of their own."""
    port = site.client.base_url.port
    assert port is not None
    async with contextlib.AsyncExitStack() as wires:
        callers = []
        for house in houses:
            for name in house.crews:
                tap = await wires.enter_async_context(tapped(port))
                callers.append(Caller(house, name, tap, {}, phone=await house.org.device(name)))
            tap = await wires.enter_async_context(tapped(port))
            shared = await house.org.device(crew="alpha")
            session = shared.sessions[house.org.people["amy"]]
            shared.sessions = {session.person_id: session}
            callers.append(Caller(house, "amy", tap, {}, phone=shared, crew="alpha"))
            for name in ("dan", "cal", "amy"):
                tap = await wires.enter_async_context(tapped(port))
                callers.append(Caller(house, name, tap, await signed_in(site, house.org, name)))
        yield callers


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Leave the root logger to the other tests as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize("number", range(3))
async def test_no_byte_out_of_scope_reaches_anybody_and_no_text_the_log(
    settings: Settings,
    pool: asyncpg.Pool,
    capsys: pytest.CaptureFixture[str],
    logging_as_before: None,
    seed: int,
    number: int,
) -> None:
    await ensure_life(pool)
    configure_logs(msgspec.structs.replace(settings, log_format="json", log_level="info"))
    draw, clock = random.Random(seed + number), Clock(NOW)
    houses = [await _house(pool, seed + number), await _house(pool, seed + number + 1_000_000)]
    async with on_loopback(settings, clock=clock) as site, _playing(site, houses) as callers:
        theatre = Theatre(draw, clock, houses, callers)
        for _ in range(STEPS):
            await theatre.step()
        # Everybody is served what they may see, or the looking above would prove nothing.
        for caller in callers:
            if caller.phone is not None:
                caller.seen = set()
                await theatre.fetch(caller, None)
                caller.look("at the end")
                assert caller.seen == caller.may_see(), (caller.name, caller.crew)
        thief = callers[0]
        assert thief.phone is not None and thief.seen
        async with org_transaction(pool, thief.house.org.id) as conn:
            await devices.revoke(conn, thief.house.org.id, [thief.phone.id], by=None, now=clock.at)
        thief.revoked = True
        cursor = thief.cursor
        for ask in (cursor, None):
            await theatre.fetch(thief, ask)
            thief.look("after it was revoked")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) > STEPS
    for line in lines:
        assert not CANARY.search(line.encode()), line
        json.loads(line)
