"""A warehouse, vans and phones that do anything in any order, and a second, simpler count of what must be where.

The oracle knows nothing of levels, adjusting moves or locks: it takes the commands that took effect, sorts them by the instant of the
deed, adds up, and lets a count say what is there.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg

from jobs.stock_locations import REPAIR_SHOP, place_id
from mobile_contract.rules.ladder import approval_id
from mobile_contract.rules.stock import level_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import material_commands as m
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.facts import VisitFact
from mobile_contract.schema.material import RequestLine
from tests.arrange import NOW, Assigned, Org, organisation
from tests.jobs.shelves import Shelves, shelves

AUTHORS: Final = {"amy": "alpha", "ali": "alpha", "bob": "beta"}
PARTS: Final = ("clamp", "pump")
MINUTE: Final = timedelta(minutes=1)


_DECISIONS: Final = (
    *("in", "in", "ship", "ship", "issue", "issue", "reserve", "confirm"),
    *("scrap", "away", "mend", "mended", "lend", "back", "count"),
)
_MOVED: Final[dict[str, type[VisitFact]]] = {"in": f.ReceivePart, "out": f.UsePart, "back": f.ReturnPart}


@dataclass(frozen=True)
class Told:
    """A command with who made it and when it was done."""

    by: str
    command: Command
    at: datetime


@dataclass(frozen=True)
class Entry:
    """What a command did to a part at a place: added `quantity`, or found it there (`count` names the count)."""

    place: UUID
    part: UUID
    at: datetime
    quantity: Decimal
    count: UUID | None = None


@dataclass
class Yard:
    """One organisation with a store, a depot, a bin and two vans; draws what people do from a seed."""

    at: Shelves
    jobs: dict[str, Assigned]
    draw: random.Random
    loans: dict[UUID, s.LendStock] = field(default_factory=dict)
    requests: dict[str, UUID] = field(default_factory=dict)

    @property
    def org(self) -> Org:
        """Give the organisation."""
        return self.at.org

    def van(self, author: str) -> UUID:
        """Name the van of somebody's crew."""
        return self.org.vans[AUTHORS[author]]

    def id(self) -> UUID:
        """Draw an id."""
        return UUID(int=self.draw.getrandbits(128), version=4)

    def amount(self, most: int = 6) -> Decimal:
        """Draw a quantity in quarters."""
        return Decimal(self.draw.randint(1, 4 * most)) / 4

    def part(self) -> UUID:
        """Draw a part."""
        return self.org.parts[self.draw.choice(PARTS)]

    def lines(self) -> tuple[s.StockLine, ...]:
        """Draw the lines of a transfer."""
        return tuple(
            s.StockLine(part_id=self.part(), quantity=self.amount(3), lot=self.draw.choice(["", "L1"]))
            for _ in range(self.draw.randint(1, 3))
        )

    def counted(self) -> tuple[s.CountLine, ...]:
        """Draw what a count found."""
        return tuple(s.CountLine(part_id=self.org.parts[code], quantity=self.amount(9)) for code in PARTS)

    def fact(self, kind: type[VisitFact], author: str) -> Command:
        """Draw a part's way into or out of the van."""
        job = self.jobs[AUTHORS[author]]
        fields: dict[str, Any] = {"move_id": self.id(), "part_id": self.part(), "quantity": self.amount()}
        return kind(job_id=job.job_id, visit_id=job.visit_id, **fields)

    def told_by_crews(self, count: int) -> list[Told]:
        """Draw what crews report of the last ten hours; some deeds share a minute, some are told by two phones."""
        told: list[Told] = []
        for _ in range(count):
            author = self.draw.choice(list(AUTHORS))
            at = NOW - self.draw.randint(0, 600) * MINUTE
            kind = self.draw.choice(["in", "in", "out", "out", "out", "back", "pass", "count"])
            if kind == "pass":
                told += self._passed(author, at)
                continue
            command: Command
            if kind == "count":
                command = t.CountVan(count_id=self.id(), lines=self.counted())
            else:
                command = self.fact(_MOVED[kind], author)
            told.append(Told(author, command, at))
            if self.draw.random() < 0.15:
                mate = {"amy": "ali", "ali": "amy"}.get(author, author)
                told.append(Told(mate, command, at))
        return told

    def _passed(self, author: str, at: datetime) -> list[Told]:
        other = "amy" if AUTHORS[author] == "beta" else "bob"
        id, lines = self.id(), self.lines()
        to = self.draw.choice([self.van(other), self.at.store])
        give = t.HandOverParts(transfer_id=id, to_location_id=to, lines=lines)
        took = lines[: self.draw.randint(1, len(lines))]
        take = t.TakeOverParts(transfer_id=id, lines=took)
        taken = [] if to == self.at.store else [Told(other, take, at + MINUTE)]
        return [Told(author, give, at), *taken]

    def decided(self, now: datetime, shipped: list[s.ShipTransfer]) -> Command:
        """Draw what a clerk decides; `shipped` may be confirmed."""
        store = self.draw.choice([self.at.store, self.at.depot, self.at.bin])
        piece: dict[str, Any] = {"move_id": self.id(), "part_id": self.part(), "quantity": self.amount()}
        there: dict[str, Any] = {**piece, "location_id": store}
        make = self.draw.choice(_DECISIONS)
        if make in ("issue", "reserve") and self.requests:
            return self._for_a_request(make, store)
        if make == "confirm" and shipped:
            ship = shipped.pop(self.draw.randrange(len(shipped)))
            return s.ConfirmTransfer(transfer_id=ship.transfer_id, location_id=ship.to_location_id, lines=ship.lines)
        if make == "back" and self.loans:
            loan = self.loans[self.draw.choice(sorted(self.loans))]
            return s.TakeBackLoan(loan_id=loan.loan_id, move_id=piece["move_id"], quantity=self.amount(2))
        if make == "lend":
            del there["move_id"]
            return s.LendStock(loan_id=self.id(), borrower="shop 12", **there)
        if make == "count":
            as_of = now - self.draw.randint(0, 20) * MINUTE
            return s.CountStock(count_id=self.id(), location_id=store, as_of=as_of, lines=self.counted())
        if make == "ship":
            to = self.draw.choice([place for place in (self.at.store, self.at.depot) if place != store])
            return s.ShipTransfer(transfer_id=self.id(), from_location_id=store, to_location_id=to, lines=self.lines())
        if make == "away":
            ends = [self.at.store, self.at.bin]
            self.draw.shuffle(ends)
            return s.MoveStock(**piece, from_location_id=ends[0], to_location_id=ends[1])
        if make == "scrap":
            return s.ScrapStock(**there, reason="rust")
        if make == "mend":
            return s.SendToRepair(**there)
        if make == "mended":
            return s.TakeFromRepair(**there)
        line = s.PricedStockLine(part_id=piece["part_id"], quantity=self.amount())
        return s.ReceiveStock(receipt_id=self.id(), location_id=store, lines=(line,))

    def _for_a_request(self, make: str, store: UUID) -> Command:
        """Draw a line of a request that has been approved, to be set aside or given out."""
        crew = self.draw.choice(sorted(self.requests))
        of: dict[str, Any] = {"job_id": self.jobs[crew].job_id, "request_id": self.requests[crew], "store_id": store}
        line_no = self.draw.randint(1, len(PARTS))
        if make == "reserve":
            return m.ReserveParts(**of, lines=(m.LineQuantity(line_no=line_no, quantity=self.amount(3)),))
        return m.IssueParts(**of, slip_id=self.id(), lines=(m.IssueLine(line_no=line_no, quantity=self.amount(4)),))

    def entries(self, told: Told) -> Iterable[Entry]:
        """Tell what a command that took effect did, place by place."""
        by_crew = type(told.command).__module__.endswith(("facts", "field_stock"))
        return self._by_crew(told) if by_crew else self._by_clerk(told)

    def _by_crew(self, told: Told) -> Iterable[Entry]:
        van, at = self.van(told.by), told.at
        match told.command:
            case f.ReceivePart(part_id=part, quantity=q):
                yield Entry(van, part, at, q)
            case f.UsePart(part_id=part, quantity=q) | f.ReturnPart(part_id=part, quantity=q):
                yield Entry(van, part, at, -q)
            case t.HandOverParts(lines=lines):
                yield from (Entry(van, x.part_id, at, -x.quantity) for x in lines)
            case t.TakeOverParts(lines=lines):
                yield from (Entry(van, x.part_id, at, x.quantity) for x in lines)
            case t.CountVan(lines=lines, count_id=id):
                yield from (Entry(van, x.part_id, at, x.quantity, id) for x in lines)
            case _:
                raise AssertionError(f"the oracle does not know {told.command}")

    def _by_clerk(self, told: Told) -> Iterable[Entry]:
        command: Any = told.command
        at, shop = told.at, place_id(self.org.id, REPAIR_SHOP)
        match command:
            case m.IssueParts(store_id=UUID() as place, lines=lines):
                yield from (Entry(place, self.org.parts[PARTS[x.line_no - 1]], at, -x.quantity) for x in lines)
            case m.ReserveParts():
                pass
            case s.CountStock(location_id=place, lines=lines, count_id=id, as_of=as_of):
                yield from (Entry(place, x.part_id, as_of or at, x.quantity, id) for x in lines)
            case s.ReceiveStock(location_id=place, lines=lines) | s.ConfirmTransfer(location_id=place, lines=lines):
                yield from (Entry(place, x.part_id, at, x.quantity) for x in lines)
            case s.ShipTransfer(from_location_id=place, lines=lines):
                yield from (Entry(place, x.part_id, at, -x.quantity) for x in lines)
            case s.TakeBackLoan(loan_id=id, quantity=q):
                yield Entry(self.loans[id].location_id, self.loans[id].part_id, at, q)
            case s.MoveStock(from_location_id=source, to_location_id=place, part_id=part, quantity=q):
                yield from (Entry(source, part, at, -q), Entry(place, part, at, q))
            case s.ScrapStock() | s.LendStock() | s.SendToRepair() | s.TakeFromRepair():
                taken = command.quantity if isinstance(command, s.TakeFromRepair) else -command.quantity
                yield Entry(command.location_id, command.part_id, at, taken)
                if isinstance(command, s.SendToRepair | s.TakeFromRepair):
                    yield Entry(shop, command.part_id, at, -taken)
            case _:
                raise AssertionError(f"the oracle does not know {command}")

    def must_be(self, took_effect: Iterable[Told]) -> dict[tuple[UUID, UUID], Decimal]:
        """Count by the instants of the deeds what each place must hold."""
        entries = [entry for told in took_effect for entry in self.entries(told)]
        entries.sort(key=lambda e: (e.at, e.count is not None, e.count.int if e.count else 0))
        held: dict[tuple[UUID, UUID], Decimal] = {}
        for entry in entries:
            before = held.get((entry.place, entry.part), Decimal(0))
            held[entry.place, entry.part] = entry.quantity if entry.count else before + entry.quantity
        return held


async def yard(pool: asyncpg.Pool, seed: int) -> Yard:
    """Make a yard; of one seed all have the same ids, but for the organisation's own."""
    org = await organisation(pool, seed)
    at = await shelves(org)
    jobs = {crew: await org.assigned_job(crew, now=NOW - timedelta(days=1)) for crew in ("alpha", "beta")}
    return Yard(at, jobs, random.Random(seed + 1))


async def have_approved(yard: Yard) -> None:
    """Have each crew ask for a lot of every part, and have it approved."""
    org = yard.org
    for author, crew in (("amy", "alpha"), ("bob", "beta")):
        job, request_id = yard.jobs[crew], yard.id()
        lines = tuple(RequestLine(part_id=org.parts[code], quantity=Decimal(1000)) for code in PARTS)
        asked = f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=request_id, lines=lines)
        await org.ok(asked, by=author, now=NOW - timedelta(hours=20))
        await org.ok(d.Approve(job_id=job.job_id, approval_id=approval_id(request_id)), by="gus")
        yard.requests[crew] = request_id


_RESERVED = """
select coalesce(r.store_id, l.location_id) place, coalesce(r.part_id, l.part_id) part, coalesce(r.reserved, 0), coalesce(l.reserved, 0)
from (select q.store_id, (n ->> 'part_id')::uuid part_id, sum((n ->> 'reserved')::numeric) reserved
  from material_request q cross join jsonb_array_elements(q.lines) n where q.org_id = $1 group by 1, 2) r
full join (select location_id, part_id, reserved from stock_level where org_id = $1) l
  on l.location_id = r.store_id and l.part_id = r.part_id
where coalesce(r.reserved, 0) <> coalesce(l.reserved, 0) limit 100"""
_LEVELS = "select location_id, part_id, quantity from stock_level where org_id = $1 order by id limit 10000"
_FOLD = """
select l.id location_id, l.kind, m.part_id, sum(case when m.to_location_id = l.id then m.quantity else 0 end)
  - sum(case when m.from_location_id = l.id then m.quantity else 0 end) quantity
from stock_location l join stock_move m on m.org_id = $1 and l.id in (m.from_location_id, m.to_location_id)
where l.org_id = $1 group by l.id, l.kind, m.part_id order by 1, 3 limit 10000"""
_COUNTED = """
select count_id, part_id, sum(case when l.kind = 'count_difference' then quantity else -quantity end) quantity
from stock_move m join stock_location l on l.org_id = $1 and l.id = m.from_location_id
where m.org_id = $1 and count_id is not null group by 1, 2 having sum(case when l.kind = 'count_difference' then quantity else -quantity end) <> 0
order by 1, 2 limit 10000"""
_TRANSFERS = "select id, state, lines::text from stock_transfer where org_id = $1 order by id limit 10000"
KEPT: Final = frozenset({"store", "bin", "van", "repair_shop"})


@dataclass(frozen=True)
class Seen:
    """What one snapshot of the database says."""

    levels: dict[tuple[UUID, UUID], Decimal]
    folds: dict[tuple[UUID, UUID], Decimal]
    kinds: dict[UUID, str]
    counted: list[tuple[Any, ...]]
    transfers: list[tuple[Any, ...]]
    promised_apart: list[tuple[Any, ...]]

    def check(self, org: Org) -> None:
        """Compare levels with folds and the whole of each part with nothing."""
        kept = {pair: q for pair, q in self.folds.items() if self.kinds[pair[0]] in KEPT}
        assert {pair: q for pair, q in self.levels.items() if q} == {pair: q for pair, q in kept.items() if q}
        for part in org.parts.values():
            elsewhere = (q for (place, p), q in self.folds.items() if p == part and self.kinds[place] not in KEPT)
            here = (q for (_, p), q in self.levels.items() if p == part)
            assert sum(elsewhere, Decimal(0)) + sum(here, Decimal(0)) == 0, part
        short = {pair: q for pair, q in self.levels.items() if self.kinds.get(pair[0]) not in (None, "van") and q < 0}
        assert short == {}
        assert self.promised_apart == [], "what requests hold is not what levels have promised"


async def look(owner: asyncpg.Connection, org: Org) -> Seen:
    """Read everything in one snapshot, past row-level security."""
    async with owner.transaction(isolation="repeatable_read", readonly=True):
        levels = await owner.fetch(_LEVELS, org.id)
        folds = await owner.fetch(_FOLD, org.id)
        counted = await owner.fetch(_COUNTED, org.id)
        transfers = await owner.fetch(_TRANSFERS, org.id)
        apart = await owner.fetch(_RESERVED, org.id)
    ids = {level_id(row["location_id"], row["part_id"]) for row in levels}
    assert len(ids) == len(levels)
    return Seen(
        {(row["location_id"], row["part_id"]): row["quantity"] for row in levels},
        {(row["location_id"], row["part_id"]): row["quantity"] for row in folds},
        {row["location_id"]: row["kind"] for row in folds},
        [tuple(row) for row in counted],
        [tuple(row) for row in transfers],
        [tuple(row) for row in apart],
    )
