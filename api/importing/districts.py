"""Rows that become districts: parents come before their children. Reads outlines with `geo.district_shapes`, which owns what a usable one is."""

from collections.abc import Sequence
from uuid import UUID, uuid5

import asyncpg
import msgspec
import shapely
from msgspec.structs import replace

from api.importing.notes import Note
from api.importing.parts import name_of
from api.importing.plans import Draft, Importing, Plan, Prepared, Unsettled, drafts_of
from api.importing.values import MappedRow
from api.store import imports
from geo.district_shapes import DistrictShape, read_districts
from geo.districts import DistrictMap, settle_tree
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.decisions import SaveDistrict
from mobile_contract.schema.place import District


class DistrictPlanner(Unsettled):
    """Plans districts; keeps the outlines that it read while preparing."""

    def __init__(self) -> None:
        self._shapes: dict[str, DistrictShape] = {}
        self._refused: dict[int, Note] = {}
        self._parents: dict[str, str | None] = {}

    async def prepare(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Prepared:
        """Read every outline, settle the tree and put parents first."""
        notes: list[Note] = []
        by_code: dict[str, MappedRow] = {}
        for row in rows:
            if row.text("code") and row.text("code") not in self._shapes:
                notes.extend(self._read(row, importing))
            by_code.setdefault(row.text("code"), row)
        outside = {code for row in rows if (code := row.text("parent_code")) and code not in self._shapes}
        stored = await imports.ids_by_code(conn, importing.org.org_id, "district", outside)
        # A parent that is stored and not in the file cannot be part of a circle of the file.
        inside = [
            replace(s, parent_code=s.parent_code if s.parent_code not in stored else None)
            for s in self._shapes.values()
        ]
        settled = settle_tree(inside)
        notes.extend(by_code[inside[n.row - 1].code].flag(n.code, n.detail) for n in settled.notes)
        for shape in settled.districts:
            said = self._shapes[shape.code].parent_code
            self._parents[shape.code] = said if said in stored else shape.parent_code
        notes.extend(
            by_code[shared.code].flag("district_overlaps", f"{shared.other_code}, {shared.area_m2:,.0f} m²")
            for shared in DistrictMap(settled.districts).overlaps()
        )
        return Prepared(sorted(rows, key=lambda row: (self._depth(row.text("code")), row.row.number)), tuple(notes))

    async def plan(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Plan:
        """Plan one district per row whose outline can be used."""
        readable = [row for row in rows if row.row.number not in self._refused]
        drafts = await drafts_of(conn, importing, readable, kind="district")
        parents = {code for d in drafts.new if (code := self._parents.get(d.code))}
        ids = await imports.ids_by_code(conn, importing.org.org_id, "district", parents)
        steps = []
        for draft in drafts.new:
            parent = self._parents.get(draft.code)
            # A trial run keeps nothing, so a parent of an earlier chunk is not there.
            trial = (
                uuid5(importing.org.org_id, f"import/district/{parent}") if parent and not importing.dry_run else None
            )
            steps.append(draft.step(self._command(draft, ids.get(parent or "", trial))))
        notes = [*drafts.notes, *(self._refused[row.row.number] for row in rows if row.row.number in self._refused)]
        memory = {d.row.row.number: d.remembered for d in drafts.new}
        return Plan(steps=tuple(steps), notes=tuple(notes), memory=memory)

    def _read(self, row: MappedRow, importing: Importing) -> list[Note]:
        geometry = _geometry(row)
        if not geometry:
            self._refused[row.row.number] = row.flag("geometry_missing", refused=True)
            return []
        properties = {name: row.text(name) for name in ("code", "parent_code", "arrival_class")}
        feature = msgspec.json.encode(
            {
                "type": "Feature",
                "properties": {**properties, "name": row.text("name_en") or row.text("name_zh")},
                "geometry": msgspec.Raw(geometry),
            }
        )
        whole = b'{"type":"FeatureCollection","features":[' + feature + b"]}"
        read = read_districts(whole, datum=importing.datum)
        for refused in read.refused:
            self._refused[row.row.number] = row.flag(refused.code, refused.detail, refused=True)
        for shape in read.districts:
            self._shapes[shape.code] = shape
        return [row.flag(note.code, note.detail) for note in read.notes]

    def _depth(self, code: str) -> int:
        depth, parent = 0, self._parents.get(code)
        while parent is not None and depth <= len(self._parents):
            depth, parent = depth + 1, self._parents.get(parent)
        return depth

    def _command(self, draft: Draft, parent_id: UUID | None) -> SaveDistrict:
        """Say what the row says; what it does not say stays as it is."""
        row, shape, known = draft.row, self._shapes[draft.code], draft.present
        name, arrival_class = LocalText(en=draft.code), "town"
        if isinstance(known, District):
            name, arrival_class = known.name, known.arrival_class
            parent_id = parent_id if "parent_code" in row.values else known.parent_id
        name = name_of(row, name)
        return SaveDistrict(
            district_id=draft.id,
            code=draft.code,
            name_en=name.en,
            name_zh=name.zh,
            parent_id=parent_id,
            arrival_class=row.text("arrival_class") or arrival_class,
            outline_geojson=shape.geojson(),
        )


def _geometry(row: MappedRow) -> bytes:
    """Give the outline as GeoJSON: the feature's own, or a cell with GeoJSON or WKT; empty where there is none that can be read."""
    if row.row.source.geometry:
        return row.row.source.geometry
    text = row.text("outline")
    if text.startswith("{"):
        return text.encode()
    try:
        return shapely.to_geojson(shapely.from_wkt(text)).encode() if text else b""
    except shapely.errors.GEOSException:
        return b""
