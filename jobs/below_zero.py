"""The exception that a van raises by itself: more left it than is known to have come in. Opened and settled with the move that does it.

A van may be below zero, since an offline use can arrive before its receipt. Reconciling the day looks at it again: what a job's own excess
explains is that job's exception, not the van's. Moves nothing and refuses nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

import asyncpg
import msgspec
from msgspec.structs import replace

from jobs.balances import TOUCHES
from jobs.context import Deed
from jobs.store.rows import Stored
from jobs.store.tables import columns_of
from jobs.work import Work
from mobile_contract.ids import named_id, uuid_text
from mobile_contract.rules.calendar import local_day
from mobile_contract.rules.stock import level_id
from mobile_contract.schema.base import Command
from mobile_contract.schema.field_stock import CountVan
from mobile_contract.schema.reconciliation import ExceptionKind, ExceptionState, StockException
from mobile_contract.schema.stock import LocationKind, StockLevel, StockLocation, StockMove
from mobile_contract.schema.stock_commands import CountStock

# Locked after the levels, whose rows keep anybody else from the same van and part.
_KNOWN = f"""
select row_to_json(e)::text from (
  select {", ".join(columns_of("stock_exception"))} from stock_exception where org_id = $1 and id = any($2) order by id for update) e"""
_KIND = ExceptionKind.VAN_BELOW_ZERO.value.encode()
_EXCEPTION = msgspec.json.Decoder(StockException)


def van_exception_id(org_id: UUID, van_id: UUID, part_id: UUID) -> UUID:
    """Name the exception of a van that has less than nothing of a part."""
    name = b"stock_exception/%b//%b/%b/" % (_KIND, uuid_text(part_id), uuid_text(van_id))
    return named_id(org_id, name)


async def load_below_zero(conn: asyncpg.Connection, work: Work, batch: Sequence[tuple[Command, Deed]]) -> None:
    """Load the exceptions of vans that the batch may take below zero or bring back; the caller has loaded their levels."""
    moved, unsaid = _moved(command for command, _ in batch)
    sinking = [
        van_exception_id(work.org.org_id, van_id, part_id)
        for van_id, part_id in work.timelines
        if _is_van(work, van_id) and (unsaid or _level(work, van_id, part_id) < moved[part_id])
    ]
    if sinking:
        rows = await conn.fetch(_KNOWN, work.org.org_id, sorted(sinking))
        work.adopt(Stored("stock_exception", _EXCEPTION.decode(row[0])) for row in rows)


def follow(work: Work, move: StockMove, level: StockLevel) -> None:
    """Open the van's exception, bring it up to the level, or settle it, once a move has changed the level."""
    if not _is_van(work, level.location_id):
        return
    id = van_exception_id(work.org.org_id, level.location_id, level.part_id)
    known = work.get(StockException, id)
    if level.quantity >= 0:
        if known is not None and known.state is ExceptionState.OPEN:
            work.put(replace(known, state=ExceptionState.SETTLED, settled_at=move.recorded_at))
        return
    if known is not None and known.state is ExceptionState.OPEN:
        work.put(replace(known, difference=-level.quantity, changed_at=move.recorded_at))
        return
    raised = StockException(
        id=id,
        kind=ExceptionKind.VAN_BELOW_ZERO,
        state=ExceptionState.OPEN,
        day=local_day(move.occurred_at, work.org.zone),
        part_id=level.part_id,
        location_id=level.location_id,
        difference=-level.quantity,
        found_at=move.recorded_at,
        resolutions=known.resolutions if known is not None else (),
    )
    work.put(raised)


def _is_van(work: Work, location_id: UUID) -> bool:
    """Tell whether a location is a van; a person's own may be no row before its first use."""
    location = work.get(StockLocation, location_id)
    return location is None or location.kind is LocationKind.VAN


def _level(work: Work, van_id: UUID, part_id: UUID) -> Decimal:
    level = work.get(StockLevel, level_id(van_id, part_id))
    return Decimal(0) if level is None else level.quantity


def _moved(commands: Iterable[Command]) -> tuple[dict[UUID, Decimal], bool]:
    """Sum what commands may move of each part; the second is true where one that moves something does not say how much."""
    moved: dict[UUID, Decimal] = defaultdict(Decimal)
    unsaid = False
    for command in commands:
        said = False
        for piece in (command, *getattr(command, "lines", ())):
            part_id, quantity = getattr(piece, "part_id", None), getattr(piece, "quantity", None)
            if isinstance(part_id, UUID) and isinstance(quantity, Decimal) and quantity.is_finite():
                moved[part_id] += abs(quantity)
                said = True
        # A count says what was found, not what its difference moves.
        unsaid = unsaid or type(command) in (CountStock, CountVan) or (type(command) in TOUCHES and not said)
    return moved, unsaid
