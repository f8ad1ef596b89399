"""How each command of the stock ledger is made in a world that lives through all of them: who sends it, after what has to go before."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from mobile_contract.schema import decisions as d
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.stock import LocationKind, StockLocation
from tests.arrange import Org


class World(Protocol):
    """What a case needs of the world: its organisation, and commands that take effect."""

    org: Org

    async def ok(self, *commands: Command, by: str = "amy") -> None:
        """Have commands carried out."""


Case = Callable[[World], Awaitable[tuple[str, Command]]]
CASES: dict[str, Case] = {}


def case(making: Case) -> Case:
    """Register the case of the function's name."""
    CASES[making.__name__] = making
    return making


def _line(w: World, quantity: int = 1) -> s.StockLine:
    return s.StockLine(part_id=w.org.parts["clamp"], quantity=Decimal(quantity))


def _piece(w: World, **more: Any) -> dict[str, Any]:
    return {"move_id": w.org.new_id(), "part_id": w.org.parts["clamp"], "quantity": Decimal(1), **more}


async def _saved(w: World, kind: LocationKind = LocationKind.STORE, parent: UUID | None = None) -> UUID:
    id = w.org.new_id()
    location = StockLocation(id=id, code=f"s-{id.hex[:8]}", kind=kind, parent_id=parent)
    await w.ok(d.SaveStockLocation(location=location), by="wes")
    return id


async def _stocked(w: World) -> UUID:
    id = await _saved(w)
    line = s.PricedStockLine(part_id=w.org.parts["clamp"], quantity=Decimal(9))
    await w.ok(s.ReceiveStock(receipt_id=w.org.new_id(), location_id=id, lines=(line,)), by="wes")
    return id


@case
async def receive_stock(w: World) -> tuple[str, Command]:
    line = s.PricedStockLine(part_id=w.org.parts["clamp"], quantity=Decimal(9))
    return "wes", s.ReceiveStock(receipt_id=w.org.new_id(), location_id=await _saved(w), lines=(line,))


@case
async def open_stock(w: World) -> tuple[str, Command]:
    line = s.PricedStockLine(part_id=w.org.parts["pump"], quantity=Decimal(9))
    return "wes", s.OpenStock(opening_id=w.org.new_id(), location_id=w.org.vans["alpha"], lines=(line,))


@case
async def move_stock(w: World) -> tuple[str, Command]:
    store = await _stocked(w)
    bin = await _saved(w, LocationKind.BIN, store)
    return "wes", s.MoveStock(**_piece(w, from_location_id=store, to_location_id=bin))


@case
async def ship_transfer(w: World) -> tuple[str, Command]:
    return "wes", s.ShipTransfer(
        transfer_id=w.org.new_id(),
        from_location_id=await _stocked(w),
        to_location_id=w.org.vans["alpha"],
        lines=(_line(w),),
    )


@case
async def confirm_transfer(w: World) -> tuple[str, Command]:
    give = t.HandOverParts(transfer_id=w.org.new_id(), to_location_id=await _saved(w), lines=(_line(w),))
    await w.ok(give)
    return "wes", s.ConfirmTransfer(transfer_id=give.transfer_id, location_id=give.to_location_id, lines=(_line(w, 2),))


@case
async def scrap_stock(w: World) -> tuple[str, Command]:
    return "wes", s.ScrapStock(**_piece(w, location_id=w.org.vans["alpha"], reason="rust"))


@case
async def send_to_repair(w: World) -> tuple[str, Command]:
    return "wes", s.SendToRepair(**_piece(w, location_id=await _stocked(w)))


@case
async def take_from_repair(w: World) -> tuple[str, Command]:
    store = await _stocked(w)
    await w.ok(s.SendToRepair(**_piece(w, location_id=store)), by="wes")
    return "wes", s.TakeFromRepair(**_piece(w, location_id=w.org.vans["beta"]))


async def _lent(w: World) -> s.LendStock:
    return s.LendStock(
        loan_id=w.org.new_id(),
        location_id=await _stocked(w),
        part_id=w.org.parts["clamp"],
        quantity=Decimal(1),
        borrower="shop 12",
    )


@case
async def lend_stock(w: World) -> tuple[str, Command]:
    return "wes", await _lent(w)


@case
async def take_back_loan(w: World) -> tuple[str, Command]:
    loan = await _lent(w)
    await w.ok(loan, by="wes")
    return "wes", s.TakeBackLoan(loan_id=loan.loan_id, move_id=w.org.new_id(), quantity=Decimal(1))


@case
async def reverse_move(w: World) -> tuple[str, Command]:
    mistake = s.ScrapStock(**_piece(w, location_id=w.org.vans["alpha"], reason="rust"))
    await w.ok(mistake, by="wes")
    return "wes", s.ReverseMove(move_id=mistake.move_id, reason="it is fine")


@case
async def count_stock(w: World) -> tuple[str, Command]:
    line = s.CountLine(part_id=w.org.parts["clamp"], quantity=Decimal(7))
    return "wes", s.CountStock(count_id=w.org.new_id(), location_id=w.org.vans["beta"], lines=(line,))


@case
async def set_reorder_point(w: World) -> tuple[str, Command]:
    part_id = w.org.parts["pump"]
    return "wes", s.SetReorderPoint(location_id=w.org.vans["beta"], part_id=part_id, reorder_point=Decimal(2))


@case
async def hand_over_parts(w: World) -> tuple[str, Command]:
    to = w.org.vans["beta"]
    return "amy", t.HandOverParts(transfer_id=w.org.new_id(), to_location_id=to, lines=(_line(w),))


@case
async def take_over_parts(w: World) -> tuple[str, Command]:
    id = w.org.new_id()
    await w.ok(t.HandOverParts(transfer_id=id, to_location_id=w.org.vans["beta"], lines=(_line(w),)))
    return "bob", t.TakeOverParts(transfer_id=id, lines=(_line(w),))


@case
async def count_van(w: World) -> tuple[str, Command]:
    line = s.CountLine(part_id=w.org.parts["clamp"], quantity=Decimal(3))
    return "bob", t.CountVan(count_id=w.org.new_id(), lines=(line,))
