"""What stock commands name beyond their plain references: moves by the ids that follow from theirs, transfers, what stored rows lead to. Decides nothing."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import asyncpg

from jobs.context import Deed
from mobile_contract.schema import field_stock as t
from mobile_contract.schema import stock_commands as s
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import SaveCrew, SaveStockLocation

if TYPE_CHECKING:
    from jobs.naming import Names

_OF_MOVES = """
select job_id, part_id, array[from_location_id, to_location_id] location_ids from stock_move where org_id = $1 and id = any($2)"""
_OF_LOANS = "select part_id, location_id from stock_loan where org_id = $1 and id = any($2)"
_VANS = "select van_id from crew where org_id = $1 and id = any($2) and van_id is not null"


def line_move_id(id: UUID, number: int) -> UUID:
    """Name the move of a line (from 1) of a receipt or an opening."""
    return uuid5(id, f"line/{number}")


def sent_move_id(transfer_id: UUID, line: s.StockLine) -> UUID:
    """Name the move by which a piece of a transfer left."""
    return uuid5(transfer_id, f"sent/{line.part_id}/{line.lot}/{line.serial}")


def received_move_id(transfer_id: UUID, line: s.StockLine) -> UUID:
    """Name the move by which a piece of a transfer came."""
    return uuid5(transfer_id, f"received/{line.part_id}/{line.lot}/{line.serial}")


def lent_move_id(loan_id: UUID) -> UUID:
    """Name the move by which a loan left."""
    return uuid5(loan_id, "lent")


def reversal_id(move_id: UUID) -> UUID:
    """Name the move that undoes another: there is one at most."""
    return uuid5(move_id, "reversed")


def _name_moves(names: "Names", ids: Iterable[UUID]) -> None:
    names.ids.setdefault("stock_move", set()).update(ids)


def _name_root(names: "Names", kind: str, id: UUID) -> None:
    """Name a row that the command changes: it is locked."""
    names.ids.setdefault(kind, set()).add(id)
    names.saved.setdefault(kind, set()).add(id)


def _receipt(command: s.ReceiveStock | s.OpenStock, names: "Names") -> None:
    id = command.receipt_id if isinstance(command, s.ReceiveStock) else command.opening_id
    _name_moves(names, (line_move_id(id, n) for n, _ in enumerate(command.lines, start=1)))


def _sent(command: s.ShipTransfer | t.HandOverParts, names: "Names") -> None:
    _name_root(names, "stock_transfer", command.transfer_id)
    _name_moves(names, (sent_move_id(command.transfer_id, line) for line in command.lines))


def _received(command: s.ConfirmTransfer | t.TakeOverParts, names: "Names") -> None:
    _name_root(names, "stock_transfer", command.transfer_id)
    _name_moves(names, (received_move_id(command.transfer_id, line) for line in command.lines))


def _move(command: Any, names: "Names") -> None:
    _name_moves(names, [command.move_id])


def _counted(command: s.CountStock | t.CountVan, names: "Names") -> None:
    _name_root(names, "stock_count", command.count_id)


def _lent(command: s.LendStock | s.TakeBackLoan, names: "Names") -> None:
    _name_root(names, "stock_loan", command.loan_id)
    back = [command.move_id] if isinstance(command, s.TakeBackLoan) else []
    _name_moves(names, [lent_move_id(command.loan_id), *back])


def _reversed(command: s.ReverseMove, names: "Names") -> None:
    _name_moves(names, [command.move_id, reversal_id(command.move_id), reversal_id(reversal_id(command.move_id))])


def _parent(command: SaveStockLocation, names: "Names") -> None:
    if command.location.parent_id is not None:
        names.ids.setdefault("stock_location", set()).add(command.location.parent_id)


STOCK_NAMES: dict[type[Command], Callable[[Any, Any], object]] = {
    s.ReceiveStock: _receipt,
    s.OpenStock: _receipt,
    s.MoveStock: _move,
    s.ShipTransfer: _sent,
    s.ConfirmTransfer: _received,
    s.ScrapStock: _move,
    s.SendToRepair: _move,
    s.TakeFromRepair: _move,
    s.LendStock: _lent,
    s.TakeBackLoan: _lent,
    s.ReverseMove: _reversed,
    s.CountStock: _counted,
    t.HandOverParts: _sent,
    t.TakeOverParts: _received,
    t.CountVan: _counted,
    SaveStockLocation: _parent,
}
"""For each command: what it names beyond its fields' plain references."""


async def name_stored(
    conn: asyncpg.Connection, org_id: UUID, names: "Names", batch: Sequence[tuple[Command, Deed]]
) -> None:
    """Name what stored rows lead to: the job, part and locations of a move that is undone or of a loan that comes back.

    None of these ever changes, so they are read before anything is locked.
    """
    mistakes = [c.move_id for c, _ in batch if type(c) is s.ReverseMove]
    loans = [c.loan_id for c, _ in batch if type(c) is s.TakeBackLoan]
    found = list(await conn.fetch(_OF_MOVES, org_id, mistakes)) if mistakes else []
    for row in found:
        names.ids.setdefault("stock_location", set()).update(row["location_ids"])
        names.ids.setdefault("part", set()).add(row["part_id"])
        if row["job_id"] is not None:
            names.ids.setdefault("job", set()).add(row["job_id"])
    for row in await conn.fetch(_OF_LOANS, org_id, loans) if loans else []:
        names.ids.setdefault("stock_location", set()).add(row["location_id"])
        names.ids.setdefault("part", set()).add(row["part_id"])


async def name_vans(
    conn: asyncpg.Connection, org_id: UUID, names: "Names", batch: Sequence[tuple[Command, Deed]]
) -> None:
    """Name the vans that locked crews had and are to have: their rows are locked too, so that no level of theirs appears meanwhile."""
    crews = [c.crew for c, _ in batch if type(c) is SaveCrew]
    if not crews:
        return
    had = {row["van_id"] for row in await conn.fetch(_VANS, org_id, [crew.id for crew in crews])}
    vans = had | {crew.van_id for crew in crews if crew.van_id is not None}
    names.ids.setdefault("stock_location", set()).update(vans)
    names.saved.setdefault("stock_location", set()).update(vans)
