"""Rows that become parts of the catalogue: the code is the key, a row that changed updates the part."""

from collections.abc import Sequence
from decimal import Decimal

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from api.barcodes import gtin14
from api.importing.notes import Note
from api.importing.plans import Draft, Importing, InFileOrder, Plan, drafts_of, fill
from api.importing.values import MappedRow, codes_in
from api.store import imports
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.decisions import SavePart
from mobile_contract.schema.material import Part

_NAMES = {
    **{field: field for field in ("unit", "unit_cost", "part_class", "serialised", "lot_tracked", "active")},
    "price": "sale_price",
}


class PartPlanner(InFileOrder):
    """Plans parts of the catalogue. What a part may be replaced by is said once all parts of the chunk are there."""

    async def plan(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Plan:
        """Plan one part per row, then the substitutes that the rows name."""
        drafts = await drafts_of(conn, importing, rows, kind="part", required=("unit_cost",))
        notes = list(drafts.notes)
        parts: dict[str, Part] = {}
        for draft in drafts.new:
            gtins = _gtins(draft)
            notes.extend(gtins.notes)
            parts[draft.code] = _part(draft, gtins.good)
        ids = {code: part.id for code, part in parts.items()}
        named = {code for draft in drafts.new for code in codes_in(draft.row, "substitutes")}
        ids |= await imports.ids_by_code(conn, importing.org.org_id, "part", named - ids.keys())
        steps = [draft.step(SavePart(part=parts[draft.code])) for draft in drafts.new]
        for draft in drafts.new:
            wanted = codes_in(draft.row, "substitutes")
            notes.extend(draft.row.flag("unknown_code", f"part {code}") for code in wanted if code not in ids)
            part, known = parts[draft.code], tuple(ids[code] for code in wanted if code in ids)
            if "substitutes" in draft.row.values and known != part.substitutes:
                steps.append(draft.step(SavePart(part=replace(part, substitutes=known)), "substitutes"))
        memory = {draft.row.row.number: draft.remembered for draft in drafts.new}
        return Plan(steps=tuple(steps), notes=tuple(notes), memory=memory)


class _Gtins(Struct, frozen=True):
    """The numbers of a row's barcodes whose check digit is right, as they were written; notes about the others."""

    good: tuple[str, ...]
    notes: tuple[Note, ...]


def _gtins(draft: Draft) -> _Gtins:
    said = codes_in(draft.row, "gtins")
    wrong = tuple(draft.row.flag("gtin_wrong", text) for text in said if gtin14(text) is None)
    return _Gtins(tuple(text for text in said if gtin14(text) is not None), wrong)


def _part(draft: Draft, gtins: tuple[str, ...]) -> Part:
    known = draft.present
    if not isinstance(known, Part):
        known = Part(id=draft.id, code=draft.code, name=LocalText(en=draft.code), unit_cost=Decimal(0))
    part = fill(known, draft.row, _NAMES)
    assert isinstance(part, Part)
    if "gtins" in draft.row.values:
        part = replace(part, gtins=gtins)
    return replace(part, name=name_of(draft.row, part.name))


def name_of(row: MappedRow, known: LocalText) -> LocalText:
    """Give a name in both languages; what the row does not say stays. A Chinese name alone also stands where English is asked for."""
    zh = row.text("name_zh") or known.zh
    return LocalText(en=row.text("name_en") or (zh if known.en == row.text("code") and zh else known.en), zh=zh)
