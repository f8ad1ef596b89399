"""Commands of the warehouse: stock comes in, moves between places, is counted, lent, mended, scrapped, reversed. Each may be refused."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Command, Instant, Line, Prose, Quantity, Value
from mobile_contract.schema.stock import NOTHING, CountMode

MOST_LINES = 500


class StockLine(Value, frozen=True, kw_only=True):
    """A part and how much of it; a serial names one piece."""

    part_id: UUID
    quantity: Quantity
    lot: Line = ""
    serial: Line = ""


class PricedStockLine(StockLine, frozen=True, kw_only=True):
    """A line with what a unit cost; left out: the catalogue's price."""

    unit_cost: Quantity | None = None


class CountLine(Value, frozen=True, kw_only=True):
    """What was there of a part; nothing is an answer too."""

    part_id: UUID
    quantity: Quantity


StockLines = Annotated[tuple[StockLine, ...], Meta(min_length=1, max_length=MOST_LINES)]
PricedStockLines = Annotated[tuple[PricedStockLine, ...], Meta(min_length=1, max_length=MOST_LINES)]
CountLines = Annotated[tuple[CountLine, ...], Meta(min_length=1, max_length=MOST_LINES)]


class NamesPart(Command, frozen=True, kw_only=True):
    """What every command about some of one part says: which part, how much, of which lot; a serial names one piece."""

    part_id: UUID
    quantity: Quantity
    lot: Line = ""
    serial: Line = ""


class MovesPart(NamesPart, frozen=True, kw_only=True):
    """What every command says that is booked as one move."""

    move_id: UUID


class ReceiveStock(Command, frozen=True, kw_only=True, tag="receive_stock"):
    """Take a supplier's delivery into a store or bin; `reference` is the delivery note's number."""

    receipt_id: UUID
    location_id: UUID
    lines: PricedStockLines
    reference: Line = ""


class OpenStock(Command, frozen=True, kw_only=True, tag="open_stock"):
    """Say what a location held when the ledger began, at the instant `as_of` (left out: now)."""

    opening_id: UUID
    location_id: UUID
    lines: PricedStockLines
    as_of: Instant | None = None
    reference: Line = ""


class MoveStock(MovesPart, frozen=True, kw_only=True, tag="move_stock"):
    """Put a part elsewhere within one store: between the store and its bins."""

    from_location_id: UUID
    to_location_id: UUID


class ShipTransfer(Command, frozen=True, kw_only=True, tag="ship_transfer"):
    """Send material from a store to another store or to a van; it is on its way until the other side confirms."""

    transfer_id: UUID
    from_location_id: UUID
    to_location_id: UUID
    lines: StockLines
    reason: Line = ""


class ConfirmTransfer(Command, frozen=True, kw_only=True, tag="confirm_transfer"):
    """Say what of a transfer came to a store; what is missing stays on its way until somebody looks."""

    transfer_id: UUID
    location_id: UUID
    lines: StockLines


class ScrapStock(MovesPart, frozen=True, kw_only=True, tag="scrap_stock"):
    """Write off what cannot be used any more."""

    location_id: UUID
    reason: Annotated[str, Meta(min_length=1, max_length=300)]


class SendToRepair(MovesPart, frozen=True, kw_only=True, tag="send_to_repair"):
    """Send a part to a repair shop; without one named, to the organisation's own."""

    location_id: UUID
    repair_shop_id: UUID | None = None
    reason: Line = ""


class TakeFromRepair(MovesPart, frozen=True, kw_only=True, tag="take_from_repair"):
    """Take a part back from a repair shop."""

    location_id: UUID
    repair_shop_id: UUID | None = None
    reason: Line = ""


class LendStock(NamesPart, frozen=True, kw_only=True, tag="lend_stock"):
    """Lend a tool or a sample against a deposit; `overnight_charge` is for each piece and night, in the organisation's currency."""

    loan_id: UUID
    location_id: UUID
    borrower: Annotated[str, Meta(min_length=1, max_length=300)]
    person_id: UUID | None = None
    deposit: Quantity = NOTHING
    overnight_charge: Quantity = NOTHING
    due_at: Instant | None = None


class TakeBackLoan(Command, frozen=True, kw_only=True, tag="take_back_loan"):
    """Take back what was lent, all or a part of it, with what was paid back of the deposit."""

    loan_id: UUID
    move_id: UUID
    quantity: Quantity
    deposit_returned: Quantity = NOTHING
    reason: Line = ""


class ReverseMove(Command, frozen=True, kw_only=True, tag="reverse_move"):
    """Undo a mistaken move by its opposite, at the instant of the mistake; the move itself stays."""

    move_id: UUID
    reason: Annotated[str, Meta(min_length=1, max_length=300)]


class CountStock(Command, frozen=True, kw_only=True, tag="count_stock"):
    """Say what a location held as of an instant (left out: now); differences become moves, a count without any is kept too."""

    count_id: UUID
    location_id: UUID
    mode: CountMode = CountMode.BLIND
    as_of: Instant | None = None
    lines: CountLines
    note: Prose = ""


class SetReorderPoint(Command, frozen=True, kw_only=True, tag="set_reorder_point"):
    """Say at which level a part is to be ordered anew and how much of it; without a point it is not."""

    location_id: UUID
    part_id: UUID
    reorder_point: Quantity | None = None
    reorder_quantity: Quantity | None = None
