"""A technician's day without a network: asks for parts, takes some under an allowance, uses, returns, hands over and counts; then the office looks."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from jobs.stock_locations import CUSTOMER, RETURNED, TRANSIT, place_id
from mobile_contract.rules.allowance import is_genuine
from mobile_contract.rules.ladder import approval_id
from mobile_contract.rules.stock import effect, level_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import field_stock as t
from mobile_contract.schema.approval import (
    Allowance,
    Approval,
    ApprovalState,
    Band,
    Policy,
    SigningKey,
    WorkCalendar,
    WorkingHours,
)
from mobile_contract.schema.approval_commands import GrantAllowance, SaveCalendar
from mobile_contract.schema.base import Command, Document, LocalText
from mobile_contract.schema.job import Flag, Visit
from mobile_contract.schema.material import MaterialRequest, RequestLine, RequestState
from mobile_contract.schema.outcome import OutcomeStatus
from mobile_contract.schema.people import Role
from mobile_contract.schema.reconciliation import ExceptionKind, ExceptionState, ResolveAction, StockException
from mobile_contract.schema.reconciliation_commands import ReconcileDay, ResolveException
from mobile_contract.schema.stock import StockLevel, StockLocation, StockMove, StockTransfer, TransferState
from mobile_contract.schema.stock_commands import CountLine, ShipTransfer, StockLine
from tests.api.serving import Site
from tests.arrange import NOW, Org
from tests.jobs import stored
from tests.jobs.material_scene import Scene, scene
from tests.mobile_contract.client.field import Phone, assert_equals_server
from tests.mobile_contract.client.office import TestClock

BANDS = (
    Band(above=Decimal(0), up_to=Decimal(50), role=Role.ENGINEER),
    Band(above=Decimal(50), up_to=Decimal(100), role=Role.MANAGER),
    Band(above=Decimal(100), role=Role.DEPUTY_GM),
)
TODAY = date(2026, 3, 2)


@pytest.fixture
async def at(org: Org) -> Scene:
    """Give a store, a job, the ladder with its calendar, and crew alpha's van stocked by a transfer that is still on its way."""
    made = await scene(org)
    await made.catalogue("cable", unit_cost="3.20", unit="m", part_class="cable")
    await made.catalogue("meter", unit_cost="95", serialised=True, part_class="meter")
    hours = tuple(WorkingHours(weekday=day, from_min=9 * 60, to_min=18 * 60) for day in range(1, 6))
    office = WorkCalendar(id=org.new_id(), code="office", name=LocalText(en="Office"), hours=hours)
    policy = Policy(id=org.new_id(), code="R1", version=2, currency="CNY", bands=BANDS, calendar="office")
    await org.ok(SaveCalendar(calendar=office), d.SavePolicy(policy=policy), by="ada")
    return made


@pytest.fixture
async def phones(
    server: Site, clock: TestClock, org: Org, tmp_path: Path, seed: int
) -> AsyncIterator[dict[str, Phone]]:
    opened: dict[str, Phone] = {}
    for number, name in enumerate(("amy", "bob", "eve", "max")):
        phone = opened[name] = Phone(tmp_path / f"{name}.sqlite3", server, clock, seed + 1_000 * number)
        await phone.enrol(org, person=name)
    yield opened
    for phone in opened.values():
        phone.close()


def shown(phone: Phone, kind: str, id: UUID) -> Document:
    return phone.device.shown()[kind, id]


def in_van(phone: Phone, at: Scene, code: str, crew: str = "alpha") -> Decimal:
    id = level_id(at.org.vans[crew], at.org.parts[code])
    level = phone.device.shown().get(("stock_level", id))
    return level.quantity if isinstance(level, StockLevel) else Decimal(0)


@dataclass(kw_only=True)
class Day:
    """Crew alpha's day on one job, its van stocked by a transfer, with an allowance for urgent parts."""

    at: Scene
    phones: dict[str, Phone]
    clock: TestClock
    shipped: UUID
    handed: UUID
    allowance: UUID
    asked: tuple[UUID, UUID, UUID, UUID]

    def some(self, code: str, quantity: str | int, serial: str = "") -> StockLine:
        """Name some of a part."""
        return StockLine(part_id=self.at.org.parts[code], quantity=Decimal(quantity), serial=serial)

    @property
    def stock(self) -> tuple[StockLine, ...]:
        """Give what the store sent to the van."""
        return self.some("clamp", 6), self.some("cable", 50), self.some("meter", 1, "M-1"), self.some("meter", 1, "M-2")

    async def prepared(self) -> None:
        """Have the office send the van's stock and grant the allowance; then all phones sync, and lose their network."""
        org = self.at.org
        ship = ShipTransfer(
            transfer_id=self.shipped, from_location_id=self.at.store, to_location_id=org.vans["alpha"], lines=self.stock
        )
        grant = GrantAllowance(
            allowance_id=self.allowance,
            crew_id=org.crews["alpha"],
            ceiling=Decimal(100),
            from_at=NOW,
            to_at=NOW + timedelta(days=30),
        )
        await org.ok(ship, by="wes")
        await org.ok(grant, by="gus")
        for phone in self.phones.values():
            await phone.synced()
        for phone in self.phones.values():
            phone.network.up = False

    def do(self, name: str, *commands: Command) -> None:
        """Do something on a phone, five minutes apart."""
        for command in commands:
            self.clock.pass_time(300)
            self.phones[name].device.do(command)

    def worked(self) -> None:
        """Let the crew work: asked, split, taken, used by scan and by the metre, returned, handed over, counted; once more after hours."""
        at, org = self.at, self.at.org
        first, second, urgent, evening = self.asked
        pump = f.TakenLine(part_id=org.parts["pump"], quantity=Decimal(1))
        cable = CountLine(part_id=org.parts["cable"], quantity=Decimal("36.2"))
        over_there = (self.some("cable", 10),)
        self.do(
            "amy",
            t.TakeOverParts(transfer_id=self.shipped, lines=self.stock),
            at.fact(f.StartTravel),
            at.fact(f.ArriveOnSite),
            at.fact(f.StartWork),
            at.asking(at.line("clamp", 4), request_id=first),
            at.asking(at.line("clamp", "0.8"), request_id=second),
            at.fact(f.TakeParts, request_id=urgent, allowance_id=self.allowance, lines=(pump,)),
            at.moving(f.UsePart, "clamp", 2),
            at.moving(f.UsePart, "cable", "3.5", scanned=True),
            at.moving(f.UsePart, "meter", 1, serial="M-1", scanned=True),
            at.moving(f.UsePart, "pump", 1, request_id=urgent),
            at.moving(f.ReturnPart, "clamp", 1),
            t.HandOverParts(transfer_id=self.handed, to_location_id=org.vans["beta"], lines=over_there),
            t.CountVan(count_id=org.new_id(), lines=(cable,)),
        )
        self.clock.pass_time(8 * 3600)
        self.do("amy", at.asking(at.line("clamp", 1), request_id=evening))
        self.do("amy", at.moving(f.UsePart, "clamp", 4), at.fact(f.CompleteVisit))
        take = t.TakeOverParts(transfer_id=self.handed, from_location_id=org.vans["alpha"], lines=over_there)
        self.do("bob", take)

    async def decided(self) -> None:
        """Let an engineer and a manager decide on their phones without a network, after the crew's day has come in."""
        first, second, *_ = self.asked
        self.phones["amy"].network.up = True
        await self.phones["amy"].synced()
        for name in ("eve", "max"):
            self.phones[name].network.up = True
            await self.phones[name].synced()
            self.phones[name].network.up = False
        job_id = self.at.job.job_id
        self.do("eve", d.Approve(job_id=job_id, approval_id=approval_id(first)))
        self.do("max", d.Reject(job_id=job_id, approval_id=approval_id(second), reason="use what you have"))
        assert approval(self.phones["eve"], first).state is ApprovalState.APPROVED

    async def back(self) -> None:
        """Bring all phones back into the network."""
        for phone in self.phones.values():
            phone.network.up = True
            await phone.synced()
        await self.phones["amy"].settled()


@pytest.fixture
async def day(at: Scene, phones: dict[str, Phone], clock: TestClock) -> Day:
    new_id = at.org.new_id
    made = Day(
        at=at,
        phones=phones,
        clock=clock,
        shipped=new_id(),
        handed=new_id(),
        allowance=new_id(),
        asked=(new_id(), new_id(), new_id(), new_id()),
    )
    await made.prepared()
    return made


def approval(phone: Phone, request_id: UUID) -> Approval:
    found = shown(phone, "approval", approval_id(request_id))
    assert isinstance(found, Approval)
    return found


async def test_a_phone_can_tell_that_its_allowance_is_genuine_without_asking_anybody(day: Day) -> None:
    granted = shown(day.phones["amy"], "allowance", day.allowance)
    assert isinstance(granted, Allowance)
    key = shown(day.phones["amy"], "signing_key", granted.key_id)
    assert isinstance(key, SigningKey)
    assert is_genuine(granted, key.public_key)


async def test_in_airplane_mode_the_phone_says_who_decides_and_what_the_van_holds(day: Day) -> None:
    day.worked()
    amy, bob = day.phones["amy"], day.phones["bob"]
    asked = [approval(amy, id) for id in day.asked]
    assert [(x.role, x.person_id, x.amount, x.after_hours, x.after_the_fact) for x in asked] == [
        (Role.ENGINEER, None, Decimal(50), False, False),
        (Role.MANAGER, None, Decimal(60), False, False),
        (Role.DEPUTY_GM, None, Decimal(140), False, True),
        (None, day.at.org.people["cho"], Decimal("152.5"), True, False),
    ]
    held = {code: in_van(amy, day.at, code) for code in ("clamp", "cable", "meter", "pump", "valve")}
    figures = {"clamp": "-1", "cable": "36.2", "meter": "1", "pump": "0", "valve": "0"}
    assert held == {code: Decimal(figure) for code, figure in figures.items()}
    assert in_van(bob, day.at, "cable", "beta") == Decimal(10)


async def test_after_the_sync_ledger_and_approvals_are_right_and_as_the_phone_said(
    pool: asyncpg.Pool, day: Day
) -> None:
    day.worked()
    amy, org = day.phones["amy"], day.at.org
    before = {kind: of_kind(amy, kind) for kind in ("material_request", "stock_level", "approval")}
    assert all(before.values())
    await day.decided()
    await day.back()
    statuses = {x.status for phone in day.phones.values() for x in phone.device.status().commands}
    assert statuses == {OutcomeStatus.APPLIED}
    after = {kind: of_kind(amy, kind) for kind in before}
    assert after["stock_level"] == before["stock_level"]
    for kind in ("material_request", "approval"):
        assert provisional(before[kind]) == provisional(after[kind])
    for phone in day.phones.values():
        await assert_equals_server(phone, pool, org)
    await _ledger_is_right(day.at)
    states = [(await day.at.request(id)).state for id in day.asked]
    waiting = RequestState.WAITING_APPROVAL
    assert states == [RequestState.APPROVED, RequestState.REJECTED, waiting, waiting]
    assert (await stored.one(org, Allowance, day.allowance)).drawn == Decimal(80)
    transfers = {x.id: x.state for x in await stored.every(org, StockTransfer)}
    assert transfers == {day.shipped: TransferState.CONFIRMED, day.handed: TransferState.CONFIRMED}


async def test_the_office_finds_what_the_day_left_open_and_nothing_else_and_ends_it(
    pool: asyncpg.Pool, day: Day
) -> None:
    day.worked()
    await day.decided()
    await day.back()
    at, org, evening_at = day.at, day.at.org, day.clock.now + timedelta(hours=1)
    await org.ok(ReconcileDay(day=TODAY), by="wes", now=evening_at)
    open_ = {x.kind: x for x in await stored.every(org, StockException) if x.state is ExceptionState.OPEN}
    assert {kind: x.part_id for kind, x in open_.items()} == {
        ExceptionKind.TAKEN_NOT_ISSUED: org.parts["pump"],
        ExceptionKind.OVER: org.parts["clamp"],
    }
    over = open_[ExceptionKind.OVER]
    assert over.difference == Decimal(1)

    # The store completes the taking once it is approved, and books the clamp that the crew must have had; then all agrees.
    urgent = day.asked[2]
    await org.ok(d.Approve(job_id=at.job.job_id, approval_id=approval_id(urgent)), by="gus", now=evening_at)
    await org.ok(at.issuing(urgent), by="wes", now=evening_at)
    resolve = ResolveException(
        exception_id=over.id, action=ResolveAction.BOOK_ISSUE, reason="taken from the counter", location_id=at.store
    )
    await org.ok(resolve, by="wes", now=evening_at)
    await org.ok(ReconcileDay(day=TODAY), by="wes", now=evening_at)
    assert {x.kind: x.state for x in await stored.every(org, StockException)} == {
        ExceptionKind.TAKEN_NOT_ISSUED: ExceptionState.SETTLED,
        ExceptionKind.OVER: ExceptionState.RESOLVED,
        # The van said so at once; the day says why.
        ExceptionKind.VAN_BELOW_ZERO: ExceptionState.SETTLED,
    }
    await day.phones["amy"].settled()
    assert in_van(day.phones["amy"], at, "clamp") == Decimal(0)
    for phone in day.phones.values():
        await assert_equals_server(phone, pool, org)


async def test_an_allowance_that_does_not_cover_it_is_flagged_and_the_parts_are_booked_all_the_same(
    at: Scene, phones: dict[str, Phone]
) -> None:
    org, amy = at.org, phones["amy"]
    allowance = org.new_id()
    small = GrantAllowance(
        allowance_id=allowance, crew_id=org.crews["alpha"], ceiling=Decimal(100), from_at=NOW, to_at=NOW + timedelta(days=1)
    )  # fmt: skip
    await org.ok(small, by="gus")
    await amy.synced()
    amy.network.up = False
    request_id = org.new_id()
    line = f.TakenLine(part_id=org.parts["valve"], quantity=Decimal(1))
    amy.device.do(at.fact(f.TakeParts, request_id=request_id, allowance_id=allowance, lines=(line,)))
    assert in_van(amy, at, "valve") == Decimal(1)
    amy.network.up = True
    await amy.synced()
    await amy.synced()
    assert in_van(amy, at, "valve") == Decimal(1)
    (event,) = [x for x in await stored.events(org, at.job.job_id) if x.name == "parts_taken"]
    assert event.detail["request_id"] == str(request_id)
    visit = shown(amy, "visit", at.job.visit_id)
    assert isinstance(visit, Visit)
    assert Flag.ALLOWANCE_EXCEEDED in visit.flags


async def test_what_a_phone_shows_alone_is_what_the_server_makes_of_it(
    at: Scene, phones: dict[str, Phone], clock: TestClock, seed: int
) -> None:
    """Any reports of parts in any order: levels, lines of requests and whom they wait for, before and after the sync."""
    amy, source, asked = phones["amy"], random.Random(seed), list[UUID]()
    await amy.synced()
    amy.network.up = False
    for _ in range(40):
        clock.pass_time(source.choice((60, 3_600)))
        amy.device.do(_any_report(at, source, asked))
    kinds = ("stock_level", "material_request", "approval")
    before = {kind: of_kind(amy, kind) for kind in kinds}
    assert all(before.values())
    amy.network.up = True
    await amy.synced()
    await amy.settled()
    assert {x.status for x in amy.device.status().commands} == {OutcomeStatus.APPLIED}
    after = {kind: of_kind(amy, kind) for kind in kinds}
    assert _held(before) == _held(after)
    assert provisional(before["material_request"]) == provisional(after["material_request"])
    assert provisional(before["approval"]) == provisional(after["approval"])


def _any_report(at: Scene, source: random.Random, asked: list[UUID]) -> Command:
    code, quantity = source.choice(("clamp", "cable", "pump", "valve")), source.choice(("1", "2.5", "7"))
    part_id, how_much = at.org.parts[code], Decimal(quantity)
    kinds: tuple[type[f.VisitFact], ...] = (f.RequestParts, f.TakeParts, f.ReceivePart, f.UsePart, f.ReturnPart)
    kind = source.choice((*kinds, None))
    if kind is None:
        return t.CountVan(count_id=at.org.new_id(), lines=(CountLine(part_id=part_id, quantity=how_much),))
    if kind is f.RequestParts or kind is f.TakeParts:
        asked.append(at.org.new_id())
        line = f.TakenLine if kind is f.TakeParts else RequestLine
        return at.fact(kind, request_id=asked[-1], lines=(line(part_id=part_id, quantity=how_much),))
    return at.moving(kind, code, quantity, request_id=source.choice([None, *asked]))


def _held(documents: dict[str, dict[UUID, Document]]) -> dict[UUID, Decimal]:
    levels = documents["stock_level"].values()
    return {x.id: x.quantity for x in levels if isinstance(x, StockLevel) and x.quantity}


def of_kind(phone: Phone, kind: str) -> dict[UUID, Document]:
    return {id: document for (k, id), document in phone.device.shown().items() if k == kind}


def provisional(documents: dict[UUID, Document]) -> dict[UUID, tuple[object, ...]]:
    """Keep what a phone can know by itself: not who decided since, nor the instants of the server."""
    kept: dict[UUID, tuple[object, ...]] = {}
    for id, x in documents.items():
        if isinstance(x, MaterialRequest):
            moved = [(n.part_id, n.quantity, n.received, n.used, n.returned) for n in x.lines]
            kept[id] = (x.job_id, x.amount, x.day_total, x.currency, x.urgent, x.allowance_id, x.approval_id, moved)
        if isinstance(x, Approval):
            approvers = [step.approvers for step in x.steps]
            judged = (x.amount, x.own_amount, x.after_hours, x.policy_code, x.policy_version, x.after_the_fact)
            kept[id] = (*judged, approvers)
    return kept


async def _ledger_is_right(at: Scene) -> None:
    """Every part sums to nothing over all places, kept levels are the fold of the moves, and the day's figures are there."""
    parts, moves = at.org.parts, await stored.every(at.org, StockMove)
    places = {x.id for x in await stored.every(at.org, StockLocation)}
    sums: dict[tuple[UUID, UUID], Decimal] = defaultdict(Decimal)
    for move in moves:
        for place in {move.from_location_id, move.to_location_id}:
            assert place in places
            sums[place, move.part_id] += effect(move, place)
    assert {part: sum(x for (_, p), x in sums.items() if p == part) for part in parts.values()} == dict.fromkeys(
        parts.values(), Decimal(0)
    )
    for level in await stored.every(at.org, StockLevel):
        assert level.quantity == sums[level.location_id, level.part_id]
    org = at.org
    figures = {
        ("cable", org.vans["alpha"]): "36.2",
        ("cable", org.vans["beta"]): "10",
        ("cable", place_id(org.id, CUSTOMER)): "3.5",
        ("clamp", org.vans["alpha"]): "-1",
        ("clamp", place_id(org.id, CUSTOMER)): "6",
        ("clamp", place_id(org.id, RETURNED)): "1",
        ("meter", place_id(org.id, CUSTOMER)): "1",
        ("pump", place_id(org.id, TRANSIT)): "-1",
        ("pump", at.store): "100",
        ("clamp", at.store): "94",
    }
    assert {key: sums[key[1], parts[key[0]]] for key in figures} == {k: Decimal(x) for k, x in figures.items()}
