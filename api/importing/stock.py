"""Rows that become places of stock, and rows that say what lay there when the ledger began. An opening is said once; later only a count changes it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

import asyncpg
from msgspec.structs import replace

from api.importing.notes import Note
from api.importing.plans import Importing, InFileOrder, Plan, Prepared, Step, Unsettled, drafts_of, fill
from api.importing.rows import content_of
from api.importing.values import MappedRow
from api.store import imports
from api.store.imports import Remembered
from mobile_contract.schema.decisions import SaveStockLocation
from mobile_contract.schema.stock import LocationKind, StockLocation
from mobile_contract.schema.stock_commands import OpenStock, PricedStockLine

_REQUIRED = ("location_code", "part_code", "quantity")


class LocationPlanner(Unsettled):
    """Plans stores, bins, vans: what belongs to another place comes after it."""

    async def prepare(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Prepared:
        """Put what stands for itself first."""
        return Prepared(sorted(rows, key=lambda row: (bool(row.text("parent_code")), row.row.number)))

    async def plan(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Plan:
        """Plan one location per row. Without a kind one with a parent is a bin, any other a store."""
        org_id = importing.org.org_id
        drafts = await drafts_of(conn, importing, rows, kind="stock_location")
        parents = {code for d in drafts.new if (code := d.row.text("parent_code"))}
        ids = await imports.ids_by_code(conn, org_id, "stock_location", parents)
        ids |= {draft.code: draft.id for draft in drafts.new}
        steps: list[Step] = []
        notes = list(drafts.notes)
        for draft in drafts.new:
            parent = draft.row.text("parent_code")
            made = StockLocation(id=draft.id, code=draft.code, kind=_kind(draft.row), name=draft.code)
            known = draft.present if isinstance(draft.present, StockLocation) else made
            location = fill(known, draft.row, {"name": "name", "active": "active"})
            assert isinstance(location, StockLocation)
            if draft.row.text("kind"):
                location = replace(location, kind=_kind(draft.row))
            if "parent_code" in draft.row.values:
                location = replace(location, parent_id=ids.get(parent))
            if parent and parent not in ids:
                notes.append(draft.row.flag("unknown_code", f"location {parent}"))
            steps.append(draft.step(SaveStockLocation(location=location)))
        memory = {draft.row.row.number: draft.remembered for draft in drafts.new}
        return Plan(steps=tuple(steps), notes=tuple(notes), memory=memory)


class StockPlanner(InFileOrder):
    """Plans openings, one per row: a part, lot or serial at a place."""

    async def plan(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Plan:
        """Plan what was never opened before; a row that says other figures than it did is flagged, and a count has to say what is there."""
        org_id = importing.org.org_id
        locations = await imports.ids_by_code(conn, org_id, "stock_location", {r.text("location_code") for r in rows})
        parts = await imports.ids_by_code(conn, org_id, "part", {r.text("part_code") for r in rows})
        known = await imports.remembered(conn, importing.memory, {row.row.key for row in rows})
        notes: list[Note] = []
        steps: list[Step] = []
        memory: dict[int, tuple[str, Remembered]] = {}
        for row in rows:
            refusal = _refusal(row, locations, parts)
            if refusal is not None:
                notes.append(refusal)
                continue
            content, last = content_of(row.values), known.get(row.row.key)
            if last is not None and last.content != content:
                notes.append(row.flag("opening_known"))
            # Nothing there is nothing to open.
            if last is not None or not row.values["quantity"]:
                continue
            memory[row.row.number] = (row.row.key, Remembered(1, content))
            place = locations[row.text("location_code")]
            steps.append(_opening(org_id, row, place, parts[row.text("part_code")]))
        return Plan(steps=tuple(steps), notes=tuple(notes), memory=memory)


def _kind(row: MappedRow) -> LocationKind:
    return LocationKind(row.text("kind") or ("bin" if row.text("parent_code") else "store"))


def _refusal(row: MappedRow, locations: dict[str, UUID], parts: dict[str, UUID]) -> Note | None:
    if row.row.first_of_key != row.row.number:
        return row.flag("key_repeated_refused", row.row.key, refused=True)
    if row.unreadable:
        return row.flag("value_unreadable", ", ".join(sorted(row.unreadable)), refused=True)
    lacking = [name for name in _REQUIRED if row.values.get(name) is None]
    if lacking:
        return row.flag("value_missing", ", ".join(lacking), refused=True)
    if row.text("location_code") not in locations:
        return row.flag("unknown_location", row.text("location_code"), refused=True)
    if row.text("part_code") not in parts:
        return row.flag("unknown_part", row.text("part_code"), refused=True)
    return None


def _opening(org_id: UUID, row: MappedRow, location_id: UUID, part_id: UUID) -> Step:
    quantity, unit_cost, as_of = (row.values.get(name) for name in ("quantity", "unit_cost", "as_of"))
    assert isinstance(quantity, Decimal)
    line = PricedStockLine(
        part_id=part_id,
        quantity=quantity,
        lot=row.text("lot"),
        serial=row.text("serial"),
        unit_cost=unit_cost if isinstance(unit_cost, Decimal) else None,
    )
    # Whatever file says so: a ledger begins once.
    id = uuid5(org_id, f"import/stock/{row.row.key}")
    command = OpenStock(
        opening_id=id,
        location_id=location_id,
        lines=(line,),
        as_of=as_of if isinstance(as_of, datetime) else None,
        reference=row.text("reference"),
    )
    return Step(row=row, id=uuid5(id, "command"), command=command, makes=True)
