"""The month before the demo's day: what came into the warehouse, went out, was used, counted and lent, through the same commands as everything.

Of its last day five repairs do not agree with their papers; nothing else does not. Every other day has been reconciled, that one has not.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import asyncpg
from msgspec import Struct

from api.demo import founding, repairs, shelves
from api.demo.books import Act, Books, Cast
from api.demo.catalogue import part_id, save_parts
from api.demo.discrepancies import seeded
from api.demo.draws import Chance
from api.demo.founding import Founded
from api.demo.repairs import Draw, Hands, Repair, job_type
from api.demo.shelves import CONSUMABLES, CONSUMABLES_BIN, Shelves
from api.store import played
from mobile_contract.schema import decisions as d
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.reconciliation_commands import ReconcileDay
from sync.transaction import org_transaction

DAYS: Final = 30
REPAIRS_A_DAY: Final = 6
# Days whose acts are sent together: fewer transactions, each with more in it.
_TOGETHER: Final = 5
_FIRST_REPORT: Final = time(8, 5)
_APART: Final = timedelta(minutes=55)
_EVENING: Final = time(18, 30)
_TITLES: Final = ("Leak in the street", "Meter replaced", "Cable to the pump renewed", "Valve leaks", "Burst branch", "House connection renewed")  # fmt: skip


class Month(Struct, frozen=True, kw_only=True):
    """A month that was lived: its first and last day, local, how many commands it took, and the repairs that do not agree, by what is wrong."""

    first: date
    last: date
    commands: int
    discrepancies: dict[str, UUID]


async def live(
    pool: asyncpg.Pool,
    founded: Founded,
    today: date,
    *,
    seed: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Month:
    """Stock the warehouse and live the 30 days before `today` (local); `progress` is told days done and days in all.

    Raises OperatorError when a command does not take effect. Lived again, nothing changes.
    """
    first = today - timedelta(days=DAYS)
    chance = Chance(seed, f"month/{first}")
    where = shelves.shelves(founded.org_id)
    hands = Hands(Cast(founded), where, founded.sites)
    days = _Days(founded, where, chance, first)
    books = Books(pool, founded.org_id)
    opened_at = days.at(first, time(6))
    furnished = [*save_parts(founded.org_id), *shelves.furnish(where), d.LoadJobType(job_type=job_type(founded.org_id))]
    await founding.give(pool, founded.org_id, furnished, now=opened_at)
    store = hands.cast.office("warehouse")
    stocking = [*shelves.fill(where, str(first)), *shelves.watch(where)]
    await books.send(Act(opened_at + timedelta(seconds=n), store, c) for n, c in enumerate(stocking))
    await books.send(_vans_loaded(days, hands))
    wrong: dict[str, UUID] = {}
    for begin in range(0, DAYS, _TOGETHER):
        span = [first + timedelta(days=n) for n in range(begin, min(begin + _TOGETHER, DAYS))]
        work = [repair for day in span for repair in days.repairs(day)]
        if span[-1] == days.last:
            odd = seeded(where, days.begin(days.last, REPAIRS_A_DAY), founded, days.source("odd"))
            wrong = {kind: repair.id for kind, repair in odd.items()}
            work += odd.values()
        await _live_through(books, hands, work, span)
        await books.send(act for day in span for act in _store_routines(days, hands, day))
        await _evenings(books, hands, days, span)
        progress(begin + len(span), DAYS)
    return Month(first=first, last=days.last, commands=books.sent, discrepancies=wrong)


async def _live_through(books: Books, hands: Hands, work: Sequence[Repair], span: Sequence[date]) -> None:
    """Send the repairs stage by stage: what a stage needs is there when its transaction begins."""
    for stage in (repairs.reported, repairs.begun):
        await books.send(act for repair in work for act in stage(repair, hands))
    await books.send(await _approvals(books, hands, work))
    for stage in (repairs.issued, repairs.received, repairs.worked, repairs.filed):
        await books.send(act for repair in work for act in stage(repair, hands))


async def _approvals(books: Books, hands: Hands, work: Sequence[Repair]) -> list[Act]:
    """Approve what waits, as whoever has to decide."""
    by_job = {repair.id: repair for repair in work}
    async with org_transaction(books.pool, books.org_id) as conn:
        waiting = await played.waiting_approvals(conn, books.org_id, list(by_job))
    return [
        Act(
            by_job[job_id].after(60),
            hands.cast.office(login),
            d.Approve(job_id=job_id, approval_id=approval_id, reason="needed on site"),
        )
        for job_id, approval_id, login in waiting
    ]


async def _evenings(books: Books, hands: Hands, days: "_Days", span: Sequence[date]) -> None:
    """Reconcile every day of a span, but for the month's last."""
    for day in span:
        if day != days.last:
            await books.send([Act(days.at(day, _EVENING), hands.cast.office("warehouse"), ReconcileDay(day=day))])


def _vans_loaded(days: "_Days", hands: Hands) -> Iterator[Act]:
    """Send each van what it carries without being asked, and have its crew say that it came."""
    at, source = days.at(days.first, time(7)), hands.shelves.bins[CONSUMABLES_BIN]
    lines = tuple(
        s.StockLine(part_id=part_id(hands.shelves.org_id, code), quantity=Decimal(quantity) / 2)
        for code, quantity in CONSUMABLES.items()
    )
    for number, crew in enumerate(days.founded.crews):
        transfer_id = days.named(f"load/{crew.code}")
        shipped = s.ShipTransfer(
            transfer_id=transfer_id,
            from_location_id=source,
            to_location_id=crew.van_id,
            lines=lines,
            reason="month's load",
        )
        yield Act(at + timedelta(minutes=number), hands.cast.office("warehouse"), shipped)
        taken = t.TakeOverParts(transfer_id=transfer_id, from_location_id=source, lines=lines)
        yield Act(at + timedelta(minutes=20 + number), hands.cast.lead(crew), taken)


def _store_routines(days: "_Days", hands: Hands, day: date) -> Iterator[Act]:
    """Do what a store does beside issuing: deliveries on Mondays, and once in the month whatever else there is."""
    store, number = hands.cast.office("warehouse"), (day - days.first).days
    source = days.source(f"routines/{day}")
    if day.isoweekday() == 1:
        plain = [code for code, item in hands.shelves.catalogue.items() if not (item.serialised or item.lot_tracked)]
        for n, command in enumerate(shelves.delivery(hands.shelves, f"D-{day:%y%m%d}", source.sample(plain, 20), 30)):
            yield Act(days.at(day, time(10, n)), store, command)
    for n, command in enumerate(_once(days, hands, number)):
        yield Act(days.at(day, time(11, n)), store, command)
    if number in (12, 19):
        yield from _between_vans(days, hands, day)


def _once(days: "_Days", hands: Hands, number: int) -> Iterator[Command]:
    where, loan, one = hands.shelves, days.named("loan"), Decimal(1)

    def lying(kind: Callable[..., Command], code: str, **said: object) -> Command:
        return kind(part_id=part_id(where.org_id, code), location_id=where.place_of(code), **said)

    match number:
        case 6:
            yield lying(
                s.ScrapStock, "valve-15", move_id=days.named("scrap"), quantity=one, reason="split in the frost"
            )
        case 8:
            against = {"borrower": "Riverside Contractors", "deposit": Decimal(500), "overnight_charge": Decimal(20)}
            yield lying(s.LendStock, "hydrant", loan_id=loan, quantity=one, **against)
        case 11:
            yield s.TakeBackLoan(loan_id=loan, move_id=days.named("back"), quantity=one, deposit_returned=Decimal(440))
        case 14:
            yield lying(s.SendToRepair, "valve-150", move_id=days.named("mend"), quantity=one, reason="spindle")
        case 21:
            yield lying(s.TakeFromRepair, "valve-150", move_id=days.named("mended"), quantity=one)
        case 23:
            yield s.MoveStock(
                move_id=days.named("shift"),
                from_location_id=where.place_of("tee-63"),
                to_location_id=where.store_id,
                part_id=part_id(where.org_id, "tee-63"),
                quantity=Decimal(20),
            )


def _between_vans(days: "_Days", hands: Hands, day: date) -> Iterator[Act]:
    """Have one crew help another out."""
    giver, taker = days.source(f"vans/{day}").sample(days.founded.crews, 2)
    transfer_id = days.named(f"vans/{day}")
    lines = (s.StockLine(part_id=part_id(hands.shelves.org_id, "gasket-100"), quantity=Decimal(2)),)
    given = t.HandOverParts(transfer_id=transfer_id, to_location_id=taker.van_id, lines=lines)
    yield Act(days.at(day, time(12, 5)), hands.cast.lead(giver), given)
    taken = t.TakeOverParts(transfer_id=transfer_id, from_location_id=giver.van_id, lines=lines)
    yield Act(days.at(day, time(12, 6)), hands.cast.lead(taker), taken)


class _Days:
    """The days of the month and what is drawn for them; the same seed and month draw the same."""

    def __init__(self, founded: Founded, where: Shelves, chance: Chance, first: date) -> None:
        self.founded, self.first = founded, first
        self.last = first + timedelta(days=DAYS - 1)
        self._where, self._chance = where, chance
        self._zone = ZoneInfo(founded.zone)
        self._served: dict[str, int] = {}

    def at(self, day: date, local: time) -> datetime:
        """Give the instant of a local time of a day."""
        return datetime.combine(day, local, self._zone)

    def begin(self, day: date, number: int) -> datetime:
        """Give the instant at which the repair of that number of a day is reported."""
        return self.at(day, _FIRST_REPORT) + number * _APART

    def named(self, what: str) -> UUID:
        """Name something of this month."""
        return uuid5(self.founded.org_id, f"month/{self.first}/{what}")

    def source(self, purpose: str) -> random.Random:
        """Give a source of chance for a purpose."""
        return self._chance.drawn(f"{self.first}/{purpose}")

    def repairs(self, day: date) -> list[Repair]:
        """Draw the repairs of a day."""
        return [self._repair(day, number) for number in range(REPAIRS_A_DAY)]

    def _repair(self, day: date, number: int) -> Repair:
        source = self.source(f"repair/{day}/{number}")
        city = self.founded.city
        assert city is not None  # the demo has a city
        nth = (day - self.first).days * REPAIRS_A_DAY + number
        crew = self.founded.crews[nth % len(self.founded.crews)]
        near = [site for site in city.sites if site.district_code in crew.district_codes] or list(city.sites)
        draws, carried = self._material(source)
        return Repair(
            id=self.named(f"repair/{nth}"),
            title=source.choice(_TITLES),
            site=source.choice(near),
            crew=crew,
            begin=self.begin(day, number),
            draws=draws,
            carried=carried,
        )

    def _material(self, source: random.Random) -> tuple[tuple[Draw, ...], tuple[tuple[str, Decimal], ...]]:
        """Draw what a repair takes: one to three parts that agree in the end; now and then only what the van carries."""
        carried = ((source.choice(tuple(CONSUMABLES)), Decimal(1)),) if source.random() < 0.12 else ()
        if carried:
            return (), carried
        kinds = source.sample(("piece", "piece", "piece", "measure", "meter", "lot"), source.choice((1, 1, 2, 2, 3)))
        draws: dict[str, Draw] = {}
        for kind in kinds:
            draw = self._draw(kind, source)
            if draw is not None:
                draws.setdefault(draw.item.code, draw)
        return tuple(draws.values()), carried

    def _draw(self, kind: str, source: random.Random) -> Draw | None:
        known = self._where.catalogue.values()
        if kind == "meter":
            item = source.choice([i for i in known if i.serialised])
            serials = self._next_serial(item.code)
            return Draw(item=item, issued=Decimal(1), used=Decimal(1), serials=serials) if serials else None
        if kind == "lot":
            item = source.choice([i for i in known if i.lot_tracked])
            return Draw(item=item, issued=Decimal(1), used=Decimal(1))
        if kind == "measure":
            item = source.choice([i for i in known if i.unit == "m"])
            metres = Decimal(source.randint(4, 40)) / 2
            # What is cut off a cable is waste, within what its class allows; of a pipe the rest comes back.
            waste = (metres * Decimal("0.03")).quantize(Decimal("0.1")) if item.part_class == "cable" else Decimal(0)
            return Draw(item=item, issued=metres, used=metres - waste)
        plain = [i for i in known if i.unit == "pcs" and not (i.serialised or i.lot_tracked or i.code in CONSUMABLES)]
        item, count = source.choice(plain), Decimal(source.randint(1, 4))
        back = Decimal(1) if count > 1 and source.random() < 0.3 else Decimal(0)
        return Draw(item=item, issued=count, used=count - back, returned=back)

    def _next_serial(self, code: str) -> tuple[str, ...]:
        """Take the next piece of a part from the shelf; none when all have been taken."""
        taken = self._served.get(code, 0)
        serials = self._where.catalogue[code].serials(shelves.SERIALS)
        self._served[code] = taken + 1
        return serials[taken : taken + 1]
