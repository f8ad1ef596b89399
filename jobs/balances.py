"""Which levels a command moves, and loading them under their locks. Knows no rule: `jobs.stock` books, `mobile_contract.rules.stock` adds.

Derived rows lock after the jobs (protocol §5), in the order of their ids: a level's row protects the sum of its moves, so that two jobs
cannot both see the last part. A level that is no row yet is held by a lock on its name until whoever makes it is done.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.context import Deed
from jobs.exception_names import touched as touched_by_exception
from jobs.requests import store_of
from jobs.stock_locations import REPAIR_SHOP, RETURNED, place_id, van_of
from jobs.store.rows import Stored
from jobs.timeline import CountMark, LaterMove, Timeline
from jobs.work import Work
from mobile_contract.rules.stock import LEVELLED, level_id
from mobile_contract.schema import decisions as d
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import material_commands as m
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.facts import ReceivePart, ReturnPart, TakeParts, UsePart
from mobile_contract.schema.material import MaterialRequest
from mobile_contract.schema.reconciliation_commands import ResolveException
from mobile_contract.schema.stock import LocationKind, StockLevel, StockLoan, StockLocation, StockMove


class Touched(Struct, frozen=True, order=True):
    """A command moves or reads a part at a location at an instant; `folded`: it asks what was there then."""

    location_id: UUID
    part_id: UUID
    at: datetime
    folded: bool = False


def _van(work: Work, command: Any, deed: Deed) -> Iterable[Touched]:
    yield Touched(van_of(work, command, deed), command.part_id, deed.occurrence.at)


def _van_lines(work: Work, command: Any, deed: Deed) -> Iterable[Touched]:
    counted = type(command) is t.CountVan
    van_id = van_of(work, command, deed)
    return (Touched(van_id, line.part_id, deed.occurrence.at, counted) for line in command.lines)


def _there(work: Work, command: Any, deed: Deed) -> Iterable[Touched]:
    yield Touched(command.location_id, command.part_id, deed.occurrence.at)


def _lines_there(work: Work, command: Any, deed: Deed) -> Iterable[Touched]:
    at = getattr(command, "as_of", None) or deed.occurrence.at
    counted = type(command) is s.CountStock
    return (Touched(command.location_id, line.part_id, at, counted) for line in command.lines)


def _lines_from(work: Work, command: s.ShipTransfer, deed: Deed) -> Iterable[Touched]:
    return (Touched(command.from_location_id, line.part_id, deed.occurrence.at) for line in command.lines)


def _between(work: Work, command: s.MoveStock, deed: Deed) -> Iterable[Touched]:
    for location_id in (command.from_location_id, command.to_location_id):
        yield Touched(location_id, command.part_id, deed.occurrence.at)


def _repair(work: Work, command: s.SendToRepair | s.TakeFromRepair, deed: Deed) -> Iterable[Touched]:
    for location_id in (command.location_id, repair_shop_of(work, command)):
        yield Touched(location_id, command.part_id, deed.occurrence.at)


def _loan(work: Work, command: s.TakeBackLoan, deed: Deed) -> Iterable[Touched]:
    loan = work.get(StockLoan, command.loan_id)
    if loan is not None:
        yield Touched(loan.location_id, loan.part_id, deed.occurrence.at)


def _mistake(work: Work, command: s.ReverseMove, deed: Deed) -> Iterable[Touched]:
    move = work.get(StockMove, command.move_id)
    if move is not None:
        yield Touched(move.from_location_id, move.part_id, move.occurred_at)
        yield Touched(move.to_location_id, move.part_id, move.occurred_at)


def _of_request(work: Work, command: Any, deed: Deed) -> Iterable[Touched]:
    request = work.get(MaterialRequest, command.request_id)
    if request is None:
        return
    named = (getattr(line, "bin_id", None) for line in getattr(command, "lines", ()))
    places: set[UUID | None] = {store_of(work, getattr(command, "store_id", None), request), request.store_id, *named}
    for location_id in (id for id in places if id is not None):
        for line in request.lines:
            yield Touched(location_id, line.part_id, deed.occurrence.at)


def _promised(work: Work, command: d.CancelJob | d.CloseJob | d.MarkDuplicate, deed: Deed) -> Iterable[Touched]:
    for request in work.of_job(MaterialRequest, command.job_id):
        if request.store_id is not None:
            for line in request.lines:
                if line.reserved:
                    yield Touched(request.store_id, line.part_id, deed.occurrence.at)


def _taken_back(work: Work, command: m.TakeBackParts, deed: Deed) -> Iterable[Touched]:
    places = (store_of(work, command.store_id), place_id(work.org.org_id, RETURNED))
    for location_id in (id for id in places if id is not None):
        for line in command.lines:
            yield Touched(location_id, line.part_id, deed.occurrence.at)


def _exception(work: Work, command: ResolveException, deed: Deed) -> Iterable[Touched]:
    return (Touched(*one) for one in touched_by_exception(work, command, deed))


def repair_shop_of(work: Work, command: s.SendToRepair | s.TakeFromRepair) -> UUID:
    """Name the repair shop of a command: the one it names, else the organisation's own."""
    return command.repair_shop_id or place_id(work.org.org_id, REPAIR_SHOP)


TOUCHES: dict[type[Command], Callable[[Work, Any, Deed], Iterable[Touched]]] = {
    ReceivePart: _van,
    UsePart: _van,
    ReturnPart: _van,
    TakeParts: _van_lines,
    m.ReserveParts: _of_request,
    m.IssueParts: _of_request,
    m.SubstitutePart: _of_request,
    m.CloseRequest: _of_request,
    m.TakeBackParts: _taken_back,
    t.HandOverParts: _van_lines,
    t.TakeOverParts: _van_lines,
    t.CountVan: _van_lines,
    s.ReceiveStock: _lines_there,
    s.OpenStock: _lines_there,
    s.MoveStock: _between,
    s.ShipTransfer: _lines_from,
    s.ConfirmTransfer: _lines_there,
    s.ScrapStock: _there,
    s.SendToRepair: _repair,
    s.TakeFromRepair: _repair,
    s.LendStock: _there,
    s.TakeBackLoan: _loan,
    s.ReverseMove: _mistake,
    s.CountStock: _lines_there,
    s.SetReorderPoint: _there,
    ResolveException: _exception,
    d.CancelJob: _promised,
    d.CloseJob: _promised,
    d.MarkDuplicate: _promised,
}
"""For each command that moves stock: the levels it needs, once everything else that it names is loaded."""

VAN_COMMANDS = (ReceivePart, UsePart, ReturnPart, TakeParts, t.HandOverParts, t.TakeOverParts, t.CountVan)
"""Commands about the van of whoever reports: who belongs to which crew has to be known."""

STOCK_COMMANDS = tuple(TOUCHES)

_LEVELS = "select location_id, part_id, level, counts, later, crews from stock_levels($1, $2, $3, $4, $5, $6)"
# What crews gave back is kept as no level: they would all meet at one row. It is summed for whoever takes from it, under the level's name.
_GIVEN_BACK = """
select p.part_id,
  coalesce((select sum(m.quantity) from stock_move m where m.org_id = $1 and m.to_location_id = $2 and m.part_id = p.part_id), 0)
  - coalesce((select sum(m.quantity) from stock_move m where m.org_id = $1 and m.from_location_id = $2 and m.part_id = p.part_id), 0) quantity
from unnest($3::uuid[]) p(part_id) order by 1"""
_LEVEL = msgspec.json.Decoder(StockLevel)
_COUNTS = msgspec.json.Decoder(tuple[CountMark, ...])
_LATER = msgspec.json.Decoder(tuple[LaterMove, ...])


async def load_balances(conn: asyncpg.Connection, work: Work, batch: Sequence[tuple[Command, Deed]]) -> None:
    """Lock and load the levels that the batch moves; the caller has loaded all else that it names."""
    touched: dict[tuple[UUID, UUID], Touched] = {}
    for command, deed in batch:
        named = TOUCHES.get(type(command))
        for one in named(work, command, deed) if named is not None else ():
            _widen(touched, one)
    asked = sorted(one for one in touched.values() if _may_be_levelled(work, one.location_id))
    if not asked:
        return
    found = await conn.fetch(
        _LEVELS,
        work.org.org_id,
        [level_id(one.location_id, one.part_id) for one in asked],
        [one.location_id for one in asked],
        [one.part_id for one in asked],
        [one.at for one in asked],
        [one.folded for one in asked],
    )
    for row in found:
        pair = (row["location_id"], row["part_id"])
        work.timelines[pair] = Timeline(
            since=touched[pair].at,
            counts=_COUNTS.decode(row["counts"]),
            later=_LATER.decode(row["later"]),
            crews=tuple(row["crews"]),
        )
    work.adopt(Stored("stock_level", _LEVEL.decode(row["level"])) for row in found if row["level"] is not None)
    returned = place_id(work.org.org_id, RETURNED)
    parts = sorted(one.part_id for one in asked if one.location_id == returned)
    for row in await conn.fetch(_GIVEN_BACK, work.org.org_id, returned, parts) if parts else ():
        work.given_back[row["part_id"]] = row["quantity"]


def _widen(touched: dict[tuple[UUID, UUID], Touched], one: Touched) -> None:
    pair = (one.location_id, one.part_id)
    known = touched.get(pair, one)
    touched[pair] = Touched(*pair, min(known.at, one.at), known.folded or one.folded)


def _may_be_levelled(work: Work, location_id: UUID) -> bool:
    """Tell whether a location's balance is kept or asked; one that is not known yet may be a van or be saved by the batch itself."""
    location = work.get(StockLocation, location_id)
    return location is None or location.kind in LEVELLED or location.kind is LocationKind.RETURNED
