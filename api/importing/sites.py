"""Rows that become sites: the code is the key, a row that changed updates the site. Its district follows from its point."""

from collections.abc import Sequence

import asyncpg
from msgspec.structs import replace

from api.importing.notes import Note
from api.importing.plans import Importing, InFileOrder, Plan, Settled, Step, drafts_of, fill
from api.importing.points import point_of, said_point
from api.importing.values import MappedRow
from api.store import imports
from mobile_contract.schema.decisions import SaveSite
from mobile_contract.schema.place import Site


class SitePlanner(InFileOrder):
    """Plans sites."""

    async def plan(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Plan:
        """Plan one site per row. A row without a usable point leaves the point of a known site as it is."""
        drafts = await drafts_of(conn, importing, rows, kind="site")
        points = {row.row.number: point_of(row, importing) for row in rows}
        refused = {note.row for note in drafts.notes}
        notes: list[Note] = list(drafts.notes)
        steps: list[Step] = []
        for row in rows:
            if row.row.number not in refused:
                notes.extend(points[row.row.number].notes)
        for draft in drafts.new:
            known = draft.present if isinstance(draft.present, Site) else Site(id=draft.id, code=draft.code)
            site = fill(known, draft.row, {"name": "name", "address": "address"})
            assert isinstance(site, Site)
            point = points[draft.row.row.number]
            if point.wgs84 is not None:
                site = replace(site, lon_deg=point.lon_deg, lat_deg=point.lat_deg, datum=point.datum)
            steps.append(draft.step(SaveSite(site=site)))
        memory = {draft.row.row.number: draft.remembered for draft in drafts.new}
        return Plan(steps=tuple(steps), notes=tuple(notes), memory=memory)

    async def settle(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Settled:
        """Flag the sites that are outside every district."""
        outside = await imports.sites_outside(conn, importing.org.org_id, {row.text("code") for row in rows})
        return Settled(
            tuple(row.flag("outside_districts", said_point(row)) for row in rows if row.text("code") in outside)
        )
