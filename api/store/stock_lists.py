"""Reads of locations, balances and movements: filters and keyset pages, one statement each. Never writes, never decides who may read.

What stores, bins and vans hold now is kept; what any place held at an instant is the sum of the movements up to it, by index.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, FromClause, Select, and_, func, or_, select, tuple_, union_all

from api.problems import ProblemError
from api.store.composing import Place, among, beyond, fetch, one_of, read_cursor, starts, write_cursor
from api.store.labels import labels_of
from jobs.store.tables import TABLES, columns_of
from mobile_contract.rules.exact import total
from mobile_contract.rules.stock import LEVELLED
from mobile_contract.schema.listing_stock import (
    BalanceFilter,
    BalanceLine,
    BalancePage,
    LocationFilter,
    LocationPage,
    MoveFilter,
    MoveLine,
    MovePage,
)
from mobile_contract.schema.problem import FieldError
from mobile_contract.schema.stock import LocationKind, StockLocation

_LOCATION: Final = TABLES["stock_location"]
_PART: Final = TABLES["part"]
_MOVE: Final = TABLES["stock_move"]
_LEVEL: Final = TABLES["stock_level"]
_BALANCES, _MOVES, _LOCATIONS = "stock.balances", "stock.moves", "stock_location.code"
_COMPUTED: Final = ("change", "balance")
_COST: Final = "unit_cost"
# A page of requests asks for the stock of all its parts at once.
STOCK_LINES: Final = 2000


async def list_locations(conn: asyncpg.Connection, org_id: UUID, asked: LocationFilter) -> LocationPage:
    """List locations by code, one page. Raises ProblemError for a cursor that cannot be read."""
    location = _LOCATION.c
    where = [location.org_id == org_id]
    if asked.kind:
        where.append(one_of(location.kind, asked.kind))
    if asked.parent is not None:
        where.append(location.parent_id == asked.parent)
    if asked.active is not None:
        where.append(location.active.is_(asked.active))
    if asked.text is not None:
        where.append(or_(starts(location.code, asked.text), starts(location.name, asked.text, words=True)))
    place = read_cursor(asked.cursor, _LOCATIONS, str)
    if place is not None:
        where.append(beyond(location.code, location.id, place))
    columns = [location[name] for name in columns_of("stock_location")]
    statement = select(*columns).where(*where).order_by(location.code, location.id).limit(asked.limit + 1)
    items = tuple(msgspec.convert(dict(row), StockLocation) for row in await fetch(conn, statement))
    if len(items) <= asked.limit:
        return LocationPage(items=items)
    last = items[asked.limit - 1]
    return LocationPage(items=items[: asked.limit], next=write_cursor(Place(_LOCATIONS, last.code, last.id)))


async def list_balances(
    conn: asyncpg.Connection, org_id: UUID, asked: BalanceFilter, *, with_cost: bool
) -> BalancePage | None:
    """List what lies where by the codes of part and place, one page; None when there is no such location.

    Raises ProblemError for a cursor that cannot be read, and for a past or unkept balance of no location and no part.
    """
    known = await _location(conn, org_id, asked.location)
    if asked.location is not None and known is None:
        return None
    kept = asked.as_of is None and (known is None or known.kind in LEVELLED)
    if not kept and asked.location is None and asked.part is None:
        raise ProblemError("invalid", errors=(FieldError(field="$.as_of", message="name a location or a part"),))
    held = _kept(org_id, asked) if kept else _summed(org_id, asked)
    rows = await fetch(conn, _balances(org_id, held, asked, with_cost=with_cost))
    items = tuple(msgspec.convert(dict(row), BalanceLine) for row in rows[: asked.limit])
    if len(rows) <= asked.limit:
        return BalancePage(items=items)
    last = items[-1]
    return BalancePage(
        items=items, next=write_cursor(Place(_BALANCES, _spot(last.part_code, last.location_code), last.location_id))
    )


async def stock_of_parts(
    conn: asyncpg.Connection, org_id: UUID, part_ids: Iterable[UUID], *, store_id: UUID | None
) -> tuple[BalanceLine, ...]:
    """Tell where in stores and bins some parts lie now, by the codes of part and place; `store_id`: in that store and its bins only."""
    level, location = _LEVEL.c, _LOCATION.c
    lying = (level.org_id == org_id, among(level.part_id, part_ids), level.quantity > 0)
    where = [one_of(location.kind, (LocationKind.STORE, LocationKind.BIN))]
    if store_id is not None:
        where.append(or_(location.id == store_id, location.parent_id == store_id))
    statement = (
        _joined(org_id, select(*_LEVEL_COLUMNS).where(*lying).subquery("held"), with_cost=False)
        .where(*where)
        .order_by(_PART.c.code, location.code, location.id)
        .limit(STOCK_LINES)
    )
    return tuple(msgspec.convert(dict(row), BalanceLine) for row in await fetch(conn, statement))


async def list_moves(conn: asyncpg.Connection, org_id: UUID, asked: MoveFilter, *, with_cost: bool) -> MovePage:
    """List movements, the latest deeds first, one page. Raises ProblemError for a cursor that cannot be read."""
    place = read_cursor(asked.cursor, _MOVES, datetime)
    rows = await fetch(conn, _moves(org_id, asked, place, with_cost=with_cost))
    items = [msgspec.convert(dict(row), MoveLine) for row in rows[: asked.limit]]
    if asked.location is not None:
        items = await _with_changes(conn, org_id, asked, items)
    named = {id for item in items for id in _ids_in(item)}
    names = await labels_of(conn, org_id, named)
    if len(rows) <= asked.limit:
        return MovePage(items=tuple(items), names=names)
    last = items[-1]
    return MovePage(items=tuple(items), names=names, next=write_cursor(Place(_MOVES, last.occurred_at, last.id)))


_LEVEL_COLUMNS: Final = tuple(
    _LEVEL.c[name]
    for name in (
        "location_id", "part_id", "quantity", "reserved", "reorder_point", "reorder_quantity", "counted_at",
    )
)  # fmt: skip


async def _location(conn: asyncpg.Connection, org_id: UUID, id: UUID | None) -> StockLocation | None:
    if id is None:
        return None
    location = _LOCATION.c
    columns = [location[name] for name in columns_of("stock_location")]
    rows = await fetch(conn, select(*columns).where(location.org_id == org_id, location.id == id).limit(1))
    return msgspec.convert(dict(rows[0]), StockLocation) if rows else None


def _places(org_id: UUID, asked: BalanceFilter, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Say that a column names the location asked for, or one of its bins; the ids come first, so that an index serves."""
    location = _LOCATION.c
    named = location.id == asked.location
    chosen = select(location.id).where(
        location.org_id == org_id, or_(named, location.parent_id == asked.location) if asked.bins else named
    )
    return column == func.any(func.array(chosen.scalar_subquery()))


def _kept(org_id: UUID, asked: BalanceFilter) -> FromClause:
    """Choose the levels that are kept."""
    level = _LEVEL.c
    where = [level.org_id == org_id]
    if asked.part is not None:
        where.append(level.part_id == asked.part)
    if asked.location is not None:
        where.append(_places(org_id, asked, level.location_id))
    if asked.low:
        where += [level.reorder_point.is_not(None), level.quantity - level.reserved <= level.reorder_point]
    else:
        where.append(or_(level.quantity != 0, level.reserved != 0, level.reorder_point.is_not(None)))
    return select(*_LEVEL_COLUMNS).where(*where).subquery("held")


def _summed(org_id: UUID, asked: BalanceFilter) -> FromClause:
    """Sum the movements up to an instant, by place and part."""
    move = _MOVE.c
    sides = []
    for column, sign in ((move.to_location_id, 1), (move.from_location_id, -1)):
        where = [move.org_id == org_id]
        if asked.location is not None:
            where.append(_places(org_id, asked, column))
        if asked.part is not None:
            where.append(move.part_id == asked.part)
        if asked.as_of is not None:
            where.append(move.occurred_at <= asked.as_of)
        quantity = move.quantity if sign > 0 else -move.quantity
        sides.append(select(column.label("location_id"), move.part_id, quantity.label("quantity")).where(*where))
    moved = union_all(*sides).subquery("moved").c
    summed = func.sum(moved.quantity)
    return (
        select(moved.location_id, moved.part_id, summed.label("quantity"))
        .group_by(moved.location_id, moved.part_id)
        .having(summed != 0)
        .subquery("held")
    )


def _joined(org_id: UUID, held: FromClause, *, with_cost: bool) -> Select[Any]:
    part, location = _PART.c, _LOCATION.c
    shown = [
        part.id.label("part_id"),
        part.code.label("part_code"),
        part.name.label("part_name"),
        part.unit,
        location.id.label("location_id"),
        location.code.label("location_code"),
        location.kind.label("location_kind"),
        *(column for column in held.c if column.name not in ("part_id", "location_id")),
    ]
    if with_cost:
        shown.append((held.c.quantity * part.unit_cost).label("value"))
    return (
        select(*shown)
        .select_from(held)
        .join(_PART, and_(part.org_id == org_id, part.id == held.c.part_id))
        .join(_LOCATION, and_(location.org_id == org_id, location.id == held.c.location_id))
    )


def _balances(org_id: UUID, held: FromClause, asked: BalanceFilter, *, with_cost: bool) -> Select[Any]:
    part, location = _PART.c, _LOCATION.c
    keys = (part.code, location.code, location.id)
    statement = _joined(org_id, held, with_cost=with_cost)
    place = read_cursor(asked.cursor, _BALANCES, str)
    if place is not None:
        statement = statement.where(tuple_(*keys) > tuple_(*_codes(str(place.value)), place.id))
    return statement.order_by(*keys).limit(asked.limit + 1)


def _spot(part_code: str, location_code: str) -> str:
    """Write both codes as one sort value of a cursor."""
    return msgspec.json.encode((part_code, location_code)).decode()


def _codes(spot: str) -> tuple[str, str]:
    try:
        found: tuple[str, str] = msgspec.json.decode(spot, type=tuple[str, str])
    except msgspec.MsgspecError:
        found = ("\0", "\0")
    if any("\0" in code for code in found):
        raise ProblemError("invalid", errors=(FieldError(field="$.cursor", message="not a cursor of this list"),))
    return found


def _moves(org_id: UUID, asked: MoveFilter, place: Place | None, *, with_cost: bool) -> Select[Any]:
    """Choose a page; of a location those into it and those out of it are two walks along an index each."""
    move = _MOVE.c
    where = [move.org_id == org_id, *_moves_asked(asked)]
    if place is not None:
        where.append(beyond(move.occurred_at, move.id, place, descending=True))
    # What may not be seen is not read.
    names = [n for n in MoveLine.__struct_fields__ if n not in _COMPUTED and (with_cost or n != _COST)]

    def walk(*more: ColumnElement[bool]) -> Select[Any]:
        chosen = select(*(move[name] for name in names)).where(*where, *more)
        return chosen.order_by(move.occurred_at.desc(), move.id.desc()).limit(asked.limit + 1)

    if asked.location is None:
        return walk()
    both = union_all(
        select(walk(move.to_location_id == asked.location).subquery("into")),
        select(walk(move.from_location_id == asked.location).subquery("out")),
    ).subquery("moved")
    return select(both).order_by(both.c.occurred_at.desc(), both.c.id.desc()).limit(asked.limit + 1)


def _moves_asked(asked: MoveFilter) -> Iterator[ColumnElement[bool]]:
    move = _MOVE.c
    if asked.part is not None:
        yield move.part_id == asked.part
    if asked.job is not None:
        yield move.job_id == asked.job
    if asked.serial is not None:
        # Said twice: the index holds only moves that have one.
        yield and_(move.serial == asked.serial, move.serial != "")
    if asked.kind:
        yield one_of(move.kind, asked.kind)
    if asked.from_at is not None:
        yield move.occurred_at >= asked.from_at
    if asked.to_at is not None:
        yield move.occurred_at < asked.to_at


async def _with_changes(
    conn: asyncpg.Connection, org_id: UUID, asked: MoveFilter, items: list[MoveLine]
) -> list[MoveLine]:
    """Add what each movement did to the location and, when it is about one part with nothing left out, what was there after it."""
    changed = [replace(item, change=_change(item, asked.location)) for item in items]
    if not changed or asked.part is None or asked.job or asked.serial is not None or asked.kind:
        return changed
    balance = await _balance_after(conn, org_id, asked, changed[0])
    told: list[MoveLine] = []
    for item in changed:
        told.append(replace(item, balance=balance))
        balance = total([balance, -(item.change or Decimal(0))])
    return told


def _change(item: MoveLine, location_id: UUID | None) -> Decimal:
    into = item.quantity if item.to_location_id == location_id else Decimal(0)
    return total([into, -item.quantity]) if item.from_location_id == location_id else into


async def _balance_after(conn: asyncpg.Connection, org_id: UUID, asked: MoveFilter, item: MoveLine) -> Decimal:
    """Sum a part at a location up to and with a movement, in the order of the list."""
    move = _MOVE.c
    until = tuple_(move.occurred_at, move.id) <= tuple_(item.occurred_at, item.id)

    def side(column: ColumnElement[Any]) -> ColumnElement[Any]:
        where = (move.org_id == org_id, column == asked.location, move.part_id == asked.part, until)
        return func.coalesce(select(func.sum(move.quantity)).where(*where).scalar_subquery(), 0)

    rows = await fetch(conn, select((side(move.to_location_id) - side(move.from_location_id)).label("balance")))
    return Decimal(rows[0]["balance"])


def _ids_in(item: MoveLine) -> tuple[UUID | None, ...]:
    return (item.part_id, item.from_location_id, item.to_location_id, item.job_id, item.actor_id, item.slip_id)
