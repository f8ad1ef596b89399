"""For each command of the stock ledger: what has to be there, and arguments that would succeed for whoever may send it. Never says who may."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from mobile_contract.schema import decisions as d
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.stock import LocationKind, StockLocation

if TYPE_CHECKING:
    from tests.security.scenes import Ground

ONE: Final = Decimal(1)


def _part(g: "Ground") -> UUID:
    return g.holder.parts["clamp"]


def _lines(g: "Ground") -> tuple[s.StockLine, ...]:
    return (s.StockLine(part_id=_part(g), quantity=ONE),)


def _store(g: "Ground", kind: LocationKind = LocationKind.STORE, parent: UUID | None = None) -> UUID:
    """Have a store of whoever holds this ground."""
    id = g.new()
    g.first(d.SaveStockLocation(location=StockLocation(id=id, code=g.code(), kind=kind, parent_id=parent)))
    return id


def _stocked(g: "Ground") -> UUID:
    """Have a store with a piece in it."""
    id = _store(g)
    line = s.PricedStockLine(part_id=_part(g), quantity=ONE)
    g.first(s.ReceiveStock(receipt_id=g.new(), location_id=id, lines=(line,)))
    return id


def _piece(g: "Ground", **more: Any) -> dict[str, Any]:
    return {"move_id": g.new(), "part_id": _part(g), "quantity": ONE, **more}


def _priced(g: "Ground") -> dict[str, Any]:
    return {"location_id": _store(g), "lines": (s.PricedStockLine(part_id=_part(g), quantity=ONE),)}


def _moved(g: "Ground") -> Command:
    store = _stocked(g)
    bin = _store(g, LocationKind.BIN, store)
    return s.MoveStock(**_piece(g, from_location_id=store, to_location_id=bin))


def _shipped(g: "Ground") -> s.ShipTransfer:
    return s.ShipTransfer(transfer_id=g.new(), from_location_id=_stocked(g), to_location_id=_store(g), lines=_lines(g))


def _confirmed(g: "Ground") -> Command:
    shipped = _shipped(g)
    g.first(shipped)
    return s.ConfirmTransfer(transfer_id=shipped.transfer_id, location_id=shipped.to_location_id, lines=shipped.lines)


def _from_repair(g: "Ground") -> Command:
    store = _stocked(g)
    g.first(s.SendToRepair(**_piece(g, location_id=store)))
    return s.TakeFromRepair(**_piece(g, location_id=store))


def _lent(g: "Ground") -> s.LendStock:
    return s.LendStock(
        loan_id=g.new(), location_id=_stocked(g), part_id=_part(g), quantity=ONE, borrower="shop 12", deposit=ONE
    )


def _taken_back(g: "Ground") -> Command:
    loan = _lent(g)
    g.first(loan)
    return s.TakeBackLoan(loan_id=loan.loan_id, move_id=g.new(), quantity=ONE)


def _reversed(g: "Ground") -> Command:
    scrapped = s.ScrapStock(**_piece(g, location_id=_stocked(g), reason="rust"))
    g.first(scrapped)
    return s.ReverseMove(move_id=scrapped.move_id, reason="it is fine")


def _counted(g: "Ground") -> tuple[s.CountLine, ...]:
    return (s.CountLine(part_id=_part(g), quantity=ONE),)


SCENES: Final[dict[str, Callable[["Ground"], Command]]] = {
    "receive_stock": lambda g: s.ReceiveStock(receipt_id=g.new(), **_priced(g)),
    "open_stock": lambda g: s.OpenStock(opening_id=g.new(), **_priced(g)),
    "move_stock": _moved,
    "ship_transfer": _shipped,
    "confirm_transfer": _confirmed,
    "scrap_stock": lambda g: s.ScrapStock(**_piece(g, location_id=_stocked(g), reason="rust")),
    "send_to_repair": lambda g: s.SendToRepair(**_piece(g, location_id=_stocked(g))),
    "take_from_repair": _from_repair,
    "lend_stock": _lent,
    "take_back_loan": _taken_back,
    "reverse_move": _reversed,
    "count_stock": lambda g: s.CountStock(count_id=g.new(), location_id=_store(g), lines=_counted(g)),
    "set_reorder_point": lambda g: s.SetReorderPoint(location_id=_store(g), part_id=_part(g), reorder_point=ONE),
    "hand_over_parts": lambda g: t.HandOverParts(
        transfer_id=g.new(), to_location_id=g.holder.vans["beta"], lines=_lines(g)
    ),
    "take_over_parts": lambda g: t.TakeOverParts(transfer_id=g.new(), lines=_lines(g)),
    "count_van": lambda g: t.CountVan(count_id=g.new(), lines=_counted(g)),
}
