"""A small warehouse in an arranged organisation: a store with two bins and what lies in them, by the same commands as in production."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.material import RequestLine
from mobile_contract.schema.stock import LocationKind, StockLocation
from tests.arrange import NOW, Assigned, Org

BEGAN: Final = NOW - timedelta(days=30)


@dataclass(frozen=True)
class Warehouse:
    """A store `main` with the bins `A-01` and `A-02`."""

    org: Org
    places: dict[str, UUID]

    async def receive(self, place: str, part: str, quantity: str, *, at: datetime = BEGAN, cost: str = "12") -> None:
        """Take a delivery in."""
        line = s.PricedStockLine(part_id=self.org.parts[part], quantity=Decimal(quantity), unit_cost=Decimal(cost))
        command = s.ReceiveStock(receipt_id=self.org.new_id(), location_id=self.places[place], lines=(line,))
        await self.org.ok(command, by="wes", now=at)

    async def asked(self, job: Assigned, *lines: tuple[str, str], now: datetime = NOW) -> UUID:
        """Have the crew ask for parts; gives the request."""
        request_id = self.org.new_id()
        wanted = tuple(RequestLine(part_id=self.org.parts[part], quantity=Decimal(n)) for part, n in lines)
        report = f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=request_id, lines=wanted)
        await self.org.ok(report, by="amy", now=now)
        return request_id

    async def approved(self, job: Assigned, *lines: tuple[str, str], by: str, now: datetime = NOW) -> UUID:
        """Have the crew ask for parts and somebody approve them; gives the request."""
        request_id = await self.asked(job, *lines, now=now)
        await self.approve(job, request_id, by=by, now=now)
        return request_id

    async def approve(self, job: Assigned, request_id: UUID, *, by: str, now: datetime = NOW) -> None:
        """Have somebody approve a request."""
        await self.org.ok(d.Approve(job_id=job.job_id, approval_id=uuid5(request_id, "approval")), by=by, now=now)

    async def issued(self, job: Assigned, request_id: UUID, place: str = "main", *, now: datetime = NOW) -> UUID:
        """Hand out whatever is open of a request; gives the slip."""
        slip_id = self.org.new_id()
        command = m.IssueParts(
            job_id=job.job_id,
            request_id=request_id,
            slip_id=slip_id,
            store_id=self.places[place],
            crew_id=self.org.crews["alpha"],
        )
        await self.org.ok(command, by="wes", now=now)
        return slip_id

    async def report(self, job: Assigned, kind: type[f.VisitFact], part: str, n: str, *, now: datetime = NOW) -> None:
        """Have the crew report what it did with a part."""
        said: dict[str, Any] = {"move_id": self.org.new_id(), "part_id": self.org.parts[part], "quantity": Decimal(n)}
        await self.org.ok(kind(job_id=job.job_id, visit_id=job.visit_id, **said), by="amy", now=now)


async def warehouse(org: Org, bins: Iterable[str] = ("A-01", "A-02")) -> Warehouse:
    """Make the store and its bins, with nothing in them."""
    main = StockLocation(id=org.new_id(), code="main", kind=LocationKind.STORE, name="Main store")
    shelves = [
        StockLocation(id=org.new_id(), code=code, kind=LocationKind.BIN, name=f"Shelf {code}", parent_id=main.id)
        for code in bins
    ]
    await org.ok(*(d.SaveStockLocation(location=each) for each in (main, *shelves)), by="wes", now=BEGAN)
    return Warehouse(org, {each.code: each.id for each in (main, *shelves)})


async def stocked_warehouse(org: Org) -> Warehouse:
    """Make the store and its bins with clamps in the store and pumps on a shelf."""
    made = await warehouse(org)
    await made.receive("main", "clamp", "50")
    await made.receive("A-01", "pump", "5")
    return made
