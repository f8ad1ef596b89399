"""Rows that become parts of the catalogue: the code is the key, a row that changed updates the part."""

from collections.abc import Sequence
from decimal import Decimal

import asyncpg
from msgspec.structs import replace

from api.importing.plans import Importing, InFileOrder, Plan, Step, drafts_of, fill
from api.importing.values import MappedRow
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.decisions import SavePart
from mobile_contract.schema.material import Part


class PartPlanner(InFileOrder):
    """Plans parts of the catalogue."""

    async def plan(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Plan:
        """Plan one part per row."""
        drafts = await drafts_of(conn, importing, rows, kind="part", required=("unit_cost",))
        steps: list[Step] = []
        for draft in drafts.new:
            known = draft.present
            if not isinstance(known, Part):
                known = Part(id=draft.id, code=draft.code, name=LocalText(en=draft.code), unit_cost=Decimal(0))
            names = {field: field for field in ("unit", "unit_cost", "serialised", "active")}
            part = fill(known, draft.row, names)
            assert isinstance(part, Part)
            steps.append(draft.step(SavePart(part=replace(part, name=name_of(draft.row, part.name)))))
        memory = {draft.row.row.number: draft.remembered for draft in drafts.new}
        return Plan(steps=tuple(steps), notes=drafts.notes, memory=memory)


def name_of(row: MappedRow, known: LocalText) -> LocalText:
    """Give a name in both languages; what the row does not say stays. A Chinese name alone also stands where English is asked for."""
    zh = row.text("name_zh") or known.zh
    return LocalText(en=row.text("name_en") or (zh if known.en == row.text("code") and zh else known.en), zh=zh)
