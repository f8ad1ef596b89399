"""A store with bins to test the ledger with, and short words for what is done with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from mobile_contract.rules.stock import effect, level_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.stock import LocationKind, StockLevel, StockLocation, StockMove
from sync.outcomes import Answer
from tests.arrange import NOW, Org
from tests.jobs import stored

MINUTE = timedelta(minutes=1)


@dataclass
class Shelves:
    """The places of one organisation's warehouse."""

    org: Org
    store: UUID
    bin: UUID
    depot: UUID

    def part(self, code: str = "clamp") -> UUID:
        """Name a part."""
        return self.org.parts[code]

    def line(self, quantity: str, code: str = "clamp", **more: Any) -> s.StockLine:
        """Make a line of a transfer."""
        return s.StockLine(part_id=self.part(code), quantity=Decimal(quantity), **more)

    def found(self, quantity: str, code: str = "clamp") -> s.CountLine:
        """Make a line of a count."""
        return s.CountLine(part_id=self.part(code), quantity=Decimal(quantity))

    async def receive(self, quantity: str, code: str = "clamp", *, at: UUID | None = None, now: datetime = NOW) -> None:
        """Have a delivery come in."""
        line = s.PricedStockLine(part_id=self.part(code), quantity=Decimal(quantity))
        await self.ok(
            s.ReceiveStock(receipt_id=self.org.new_id(), location_id=at or self.store, lines=(line,)), now=now
        )

    async def ok(self, *commands: Command, by: str = "wes", now: datetime = NOW) -> None:
        """Have commands take effect, by the warehouse where nobody is named."""
        await self.org.ok(*commands, by=by, now=now)

    async def answer(self, command: Command, *, by: str = "wes", now: datetime = NOW) -> Answer:
        """Ask for one command's answer."""
        (answer,) = await self.org.send(command, by=by, now=now)
        return answer

    async def held(self, location_id: UUID, code: str = "clamp") -> Decimal:
        """Tell what a location holds by its level."""
        return (await self.level(location_id, code)).quantity

    async def level(self, location_id: UUID, code: str = "clamp") -> StockLevel:
        """Give a level."""
        return await stored.one(self.org, StockLevel, level_id(location_id, self.part(code)))

    async def folded(self, location_id: UUID, code: str = "clamp") -> Decimal:
        """Tell what a location holds by its moves."""
        moves = await stored.every(self.org, StockMove)
        return sum((effect(m, location_id) for m in moves if m.part_id == self.part(code)), Decimal(0))


async def shelves(org: Org) -> Shelves:
    """Save a store with a bin, and a second store."""
    made = Shelves(org, store=org.new_id(), bin=org.new_id(), depot=org.new_id())
    store = StockLocation(id=made.store, code="central", kind=LocationKind.STORE, name="Central store")
    depot = StockLocation(id=made.depot, code="depot", kind=LocationKind.STORE, name="Depot")
    bin = StockLocation(id=made.bin, code="central-a1", kind=LocationKind.BIN, name="A1", parent_id=made.store)
    await made.ok(*(d.SaveStockLocation(location=place) for place in (store, depot, bin)))
    return made
