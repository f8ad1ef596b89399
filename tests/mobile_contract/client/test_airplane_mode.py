"""A technician's day without a network: asks for parts, takes some under an allowance, uses, returns, hands over and counts; then the office looks."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from api.settings import Settings
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
from mobile_contract.schema.base import Document, LocalText
from mobile_contract.schema.job import Flag
from mobile_contract.schema.material import MaterialRequest, RequestState
from mobile_contract.schema.outcome import OutcomeStatus
from mobile_contract.schema.people import Role
from mobile_contract.schema.reconciliation import ExceptionKind, ExceptionState, ResolveAction, StockException
from mobile_contract.schema.reconciliation_commands import ReconcileDay, ResolveException
from mobile_contract.schema.stock import StockLevel, StockLocation, StockMove, StockTransfer, TransferState
from mobile_contract.schema.stock_commands import CountLine, ShipTransfer, StockLine
from tests.api.serving import Site, on_loopback
from tests.arrange import NOW, Org, organisation
from tests.jobs import stored
from tests.jobs.material_scene import Scene, scene
from tests.mobile_contract.client.field import Phone, assert_equals_server, fresh_clock
from tests.mobile_contract.client.office import TestClock

BANDS = (
    Band(above=Decimal(0), up_to=Decimal(50), role=Role.ENGINEER),
    Band(above=Decimal(50), up_to=Decimal(100), role=Role.MANAGER),
    Band(above=Decimal(100), role=Role.DEPUTY_GM),
)
TODAY = date(2026, 3, 2)


@pytest.fixture
def clock() -> TestClock:
    return fresh_clock()


@pytest.fixture
async def server(settings: Settings, clock: TestClock) -> AsyncIterator[Site]:
    async with on_loopback(settings, clock=clock.wall) as site:
        yield site


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    return await organisation(pool, seed)


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


async def test_a_day_in_airplane_mode_ends_with_a_right_ledger_approvals_and_exceptions(
    pool: asyncpg.Pool, at: Scene, phones: dict[str, Phone], clock: TestClock
) -> None:
    org, amy, bob = at.org, phones["amy"], phones["bob"]
    shipped, handed, allowance = org.new_id(), org.new_id(), org.new_id()
    parts = {code: org.parts[code] for code in ("clamp", "cable", "meter", "pump", "valve")}

    def some(code: str, quantity: str | int, serial: str = "") -> StockLine:
        return StockLine(part_id=parts[code], quantity=Decimal(quantity), serial=serial)

    stocked = (some("clamp", 6), some("cable", 50), some("meter", 1, "M-1"), some("meter", 1, "M-2"))
    await org.ok(
        ShipTransfer(
            transfer_id=shipped, from_location_id=at.store, to_location_id=org.vans["alpha"], lines=stocked
        ),
        by="wes",
    )  # fmt: skip
    await org.ok(
        GrantAllowance(
            allowance_id=allowance, crew_id=org.crews["alpha"], ceiling=Decimal(100), from_at=NOW, to_at=NOW + timedelta(days=30)
        ),
        by="gus",
    )  # fmt: skip
    for phone in phones.values():
        await phone.synced()
    for phone in phones.values():
        phone.network.up = False

    # The phone knows what it may take, and can tell that it is genuine without asking anybody.
    granted = shown(amy, "allowance", allowance)
    assert isinstance(granted, Allowance)
    key = shown(amy, "signing_key", granted.key_id)
    assert isinstance(key, SigningKey)
    assert is_genuine(granted, key.public_key)

    def do(phone: Phone, *commands: object) -> None:
        for command in commands:
            clock.pass_time(300)
            phone.device.do(command)  # type: ignore[arg-type]

    first, second, urgent, evening = (org.new_id() for _ in range(4))
    do(
        amy,
        t.TakeOverParts(transfer_id=shipped, lines=stocked),
        at.fact(f.StartTravel),
        at.fact(f.ArriveOnSite),
        at.fact(f.StartWork),
        at.asking(at.line("clamp", 4), request_id=first),
        at.asking(at.line("clamp", "0.8"), request_id=second),
        at.fact(f.TakeParts, request_id=urgent, allowance_id=allowance, lines=(f.TakenLine(part_id=parts["pump"], quantity=Decimal(1)),)),
        at.moving(f.UsePart, "clamp", 2),
        at.moving(f.UsePart, "cable", "3.5", scanned=True),
        at.moving(f.UsePart, "meter", 1, serial="M-1", scanned=True),
        at.moving(f.UsePart, "pump", 1, request_id=urgent),
        at.moving(f.ReturnPart, "clamp", 1),
        t.HandOverParts(transfer_id=handed, to_location_id=org.vans["beta"], lines=(some("cable", 10),)),
        t.CountVan(count_id=org.new_id(), lines=(CountLine(part_id=parts["cable"], quantity=Decimal("36.2")),)),
    )  # fmt: skip
    clock.pass_time(8 * 3600)
    do(amy, at.asking(at.line("clamp", 1), request_id=evening))
    do(amy, at.moving(f.UsePart, "clamp", 4), at.fact(f.CompleteVisit))
    do(bob, t.TakeOverParts(transfer_id=handed, from_location_id=org.vans["alpha"], lines=(some("cable", 10),)))

    # What the phone shows by itself, before anybody has answered.
    asked = {id: shown(amy, "approval", approval_id(id)) for id in (first, second, urgent, evening)}
    assert [(x.role, x.person_id, x.amount, x.after_hours, x.after_the_fact) for x in asked.values()] == [  # type: ignore[attr-defined]
        (Role.ENGINEER, None, Decimal("50"), False, False),
        (Role.MANAGER, None, Decimal("60"), False, False),
        (Role.DEPUTY_GM, None, Decimal("140"), False, True),
        (None, org.people["cho"], Decimal("152.5"), True, False),
    ]
    vans = {code: in_van(amy, at, code) for code in parts}
    assert vans == {
        "clamp": Decimal(-1), "cable": Decimal("36.2"), "meter": Decimal(1), "pump": Decimal(0), "valve": Decimal(0)
    }  # fmt: skip
    assert in_van(bob, at, "cable", "beta") == Decimal(10)
    before = {kind: _of_kind(amy, kind) for kind in ("material_request", "stock_level", "stock_transfer", "approval")}
    assert all(before.values())

    # An engineer and a manager decide on their phones, offline too; what they decide arrives after what it is about.
    amy.network.up = True
    await amy.synced()
    for name in ("eve", "max"):
        phones[name].network.up = True
        await phones[name].synced()
        phones[name].network.up = False
    do(phones["eve"], d.Approve(job_id=at.job.job_id, approval_id=approval_id(first)))
    do(phones["max"], d.Reject(job_id=at.job.job_id, approval_id=approval_id(second), reason="use what you have"))
    mine = shown(phones["eve"], "approval", approval_id(first))
    assert isinstance(mine, Approval)
    assert mine.state is ApprovalState.APPROVED
    for phone in phones.values():
        phone.network.up = True
        await phone.synced()
    await amy.settled()

    # Every command took effect, and the phone's guesses were the server's words.
    statuses = {x.status for phone in phones.values() for x in phone.device.status().commands}
    assert statuses == {OutcomeStatus.APPLIED}
    after = {kind: _of_kind(amy, kind) for kind in before}
    assert after["stock_level"] == before["stock_level"]
    for kind in ("material_request", "approval"):
        assert _provisional(before[kind]) == _provisional(after[kind])
    for phone in phones.values():
        await assert_equals_server(phone, pool, org)

    await _ledger_is_right(at, parts)
    states = {id: (await at.request(id)).state for id in (first, second, urgent, evening)}
    assert states == {
        first: RequestState.APPROVED,
        second: RequestState.REJECTED,
        urgent: RequestState.WAITING_APPROVAL,
        evening: RequestState.WAITING_APPROVAL,
    }
    assert (await stored.one(org, Allowance, allowance)).drawn == Decimal(80)
    transfers = {x.id: x.state for x in await stored.every(org, StockTransfer)}
    assert transfers == {shipped: TransferState.CONFIRMED, handed: TransferState.CONFIRMED}

    # The office reconciles the day and finds what the day left open, and nothing else.
    evening_at = clock.now + timedelta(hours=1)
    await org.ok(ReconcileDay(day=TODAY), by="wes", now=evening_at)
    open_ = [x for x in await stored.every(org, StockException) if x.state is ExceptionState.OPEN]
    found = {(x.kind, x.part_id) for x in open_}
    assert found == {
        (ExceptionKind.TAKEN_NOT_ISSUED, parts["pump"]),
        (ExceptionKind.OVER, parts["clamp"]),
    }

    # The store completes the taking once it is approved, and books the clamp that the crew must have had; then all agrees.
    await org.ok(d.Approve(job_id=at.job.job_id, approval_id=approval_id(urgent)), by="gus", now=evening_at)
    await org.ok(at.issuing(urgent), by="wes", now=evening_at)
    (over,) = [x for x in open_ if x.kind is ExceptionKind.OVER]
    assert over.difference == Decimal(1)
    resolve = ResolveException(
        exception_id=over.id, action=ResolveAction.BOOK_ISSUE, reason="taken from the counter", location_id=at.store
    )
    await org.ok(resolve, by="wes", now=evening_at)
    await org.ok(ReconcileDay(day=TODAY), by="wes", now=evening_at)
    ended = {x.kind: x.state for x in await stored.every(org, StockException)}
    assert ended == {
        ExceptionKind.TAKEN_NOT_ISSUED: ExceptionState.SETTLED,
        ExceptionKind.OVER: ExceptionState.RESOLVED,
        # The van said so at once; the day says why.
        ExceptionKind.VAN_BELOW_ZERO: ExceptionState.SETTLED,
    }
    await amy.settled()
    assert in_van(amy, at, "clamp") == Decimal(0)
    for phone in phones.values():
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
    assert Flag.ALLOWANCE_EXCEEDED in visit.flags  # type: ignore[attr-defined]


async def test_what_a_phone_shows_alone_is_what_the_server_makes_of_it(
    at: Scene, phones: dict[str, Phone], clock: TestClock, seed: int
) -> None:
    """Any reports of parts in any order: levels, lines of requests and whom they wait for, before and after the sync."""
    amy, source = phones["amy"], random.Random(seed)
    await amy.synced()
    amy.network.up = False
    asked: list[UUID] = []
    for _ in range(40):
        clock.pass_time(source.choice((60, 3_600)))
        code, quantity = source.choice(("clamp", "cable", "pump", "valve")), source.choice(("1", "2.5", "7"))
        kind = source.choice((f.RequestParts, f.TakeParts, f.ReceivePart, f.UsePart, f.ReturnPart, t.CountVan))
        if kind is f.RequestParts or kind is f.TakeParts:
            asked.append(at.org.new_id())
            line = {"part_id": at.org.parts[code], "quantity": Decimal(quantity)}
            lines = ((f.TakenLine if kind is f.TakeParts else f.RequestLine)(**line),)
            amy.device.do(at.fact(kind, request_id=asked[-1], lines=lines))
        elif kind is t.CountVan:
            counted = (CountLine(part_id=at.org.parts[code], quantity=Decimal(quantity)),)
            amy.device.do(t.CountVan(count_id=at.org.new_id(), lines=counted))
        else:
            request_id = source.choice([None, *asked])
            amy.device.do(at.moving(kind, code, quantity, request_id=request_id))
    kinds = ("stock_level", "material_request", "approval")
    before = {kind: _of_kind(amy, kind) for kind in kinds}
    assert all(before.values())
    amy.network.up = True
    await amy.synced()
    await amy.settled()
    assert {x.status for x in amy.device.status().commands} == {OutcomeStatus.APPLIED}
    after = {kind: _of_kind(amy, kind) for kind in kinds}
    assert {id: x.quantity for id, x in before["stock_level"].items()} == {  # type: ignore[attr-defined]
        id: x.quantity
        for id, x in after["stock_level"].items()
        if id in before["stock_level"] or x.quantity  # type: ignore[attr-defined]
    }
    assert {id: (x.state, x.lines) for id, x in before["material_request"].items()} == {  # type: ignore[attr-defined]
        id: (x.state, x.lines)
        for id, x in after["material_request"].items()  # type: ignore[attr-defined]
    }
    assert _provisional(before["approval"]) == _provisional(after["approval"])


def _of_kind(phone: Phone, kind: str) -> dict[UUID, Document]:
    return {id: document for (k, id), document in phone.device.shown().items() if k == kind}


def _provisional(documents: dict[UUID, Document]) -> dict[UUID, tuple[object, ...]]:
    """Keep what a phone can know by itself: not who decided since, nor the instants of the server."""
    names = {
        MaterialRequest: ("job_id", "amount", "day_total", "currency", "urgent", "allowance_id", "approval_id"),
        Approval: ("steps", "amount", "own_amount", "after_hours", "policy_code", "policy_version", "after_the_fact"),
    }
    return {
        id: tuple(getattr(x, name) if name != "steps" else [step.approvers for step in x.steps] for name in names[type(x)])  # type: ignore[attr-defined, index]
        for id, x in documents.items()
    }  # fmt: skip


async def _ledger_is_right(at: Scene, parts: dict[str, UUID]) -> None:
    """Every part sums to nothing over all places, kept levels are the fold of the moves, and the day's figures are there."""
    moves = await stored.every(at.org, StockMove)
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
