"""What crews report about the stock of their van, whatever the job: handed over, taken over, counted. Facts: never refused, never lost."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Command, Position, Prose
from mobile_contract.schema.stock import CountMode
from mobile_contract.schema.stock_commands import CountLine, StockLine

MOST_FIELD_LINES = 100

FieldStockLines = Annotated[tuple[StockLine, ...], Meta(min_length=1, max_length=MOST_FIELD_LINES)]
FieldCountLines = Annotated[tuple[CountLine, ...], Meta(min_length=1, max_length=MOST_FIELD_LINES)]


class HandOverParts(Command, frozen=True, kw_only=True, tag="hand_over_parts"):
    """Parts left the crew's van for another van or for a store; they are on their way until the other side says so."""

    transfer_id: UUID
    to_location_id: UUID
    lines: FieldStockLines
    position: Position | None = None


class TakeOverParts(Command, frozen=True, kw_only=True, tag="take_over_parts"):
    """Parts of a transfer came into the crew's van; it may arrive before its sender's report."""

    transfer_id: UUID
    from_location_id: UUID | None = None
    lines: FieldStockLines
    position: Position | None = None


class CountVan(Command, frozen=True, kw_only=True, tag="count_van"):
    """What the crew's van held at the instant of the report."""

    count_id: UUID
    mode: CountMode = CountMode.OPEN
    lines: FieldCountLines
    note: Prose = ""
