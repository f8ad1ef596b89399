"""Rows that become people, with their crews: the code is the key, a row that changed updates the person.

A named crew is made when it is missing; a person of another crew leaves that one. An empty crew cell says nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID, uuid5

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from api.importing.notes import Note
from api.importing.plans import Draft, Importing, InFileOrder, Login, Plan, Step, drafts_of, fill
from api.importing.points import RowPoint, point_of
from api.importing.values import MappedRow, codes_in
from api.passwords import normal_login
from api.store import imports
from api.store.imports import Membership
from mobile_contract.schema.decisions import SaveCrew, SaveCrewMember, SavePerson
from mobile_contract.schema.people import Crew, CrewMember, Person, Role

_NAMES = {field: field for field in ("name", "language", "roles", "skills", "active")}
# A membership lasts a moment at least, even one that was to begin later.
_SHORTEST = timedelta(seconds=1)


class PersonPlanner(InFileOrder):
    """Plans people, crews and memberships."""

    async def plan(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Plan:
        """Plan one person per row, then the crews that the rows name, then who leaves and who joins."""
        org_id = importing.org.org_id
        drafts = await drafts_of(conn, importing, rows, kind="person", required=("name",))
        points = {d.row.row.number: point_of(d.row, importing) for d in drafts.new if "lon_deg" in d.row.values}
        notes: list[Note] = list(drafts.notes)
        for point in points.values():
            notes.extend(note for note in point.notes if note.code != "coordinates_missing")
        people = {d.code: _person(d, points.get(d.row.row.number)) for d in drafts.new}
        joining = [d for d in drafts.new if d.row.text("crew_code") and people[d.code].active]
        named = {code for d in joining for code in codes_in(d.row, "crew_districts")}
        districts = await imports.ids_by_code(conn, org_id, "district", named)
        there = await imports.by_code(conn, org_id, "crew", {d.row.text("crew_code") for d in joining})
        held = await imports.memberships(conn, org_id, [d.id for d in joining], now=importing.now)
        crews = _Crews(there, districts, org_id)
        steps = [d.step(SavePerson(person=people[d.code])) for d in drafts.new]
        for draft in joining:
            crews.join(draft, people[draft.code])
            unknown = [code for code in codes_in(draft.row, "crew_districts") if code not in districts]
            notes.extend(draft.row.flag("unknown_code", f"district {code}") for code in unknown)
        steps.extend(crews.steps())
        for draft in joining:
            moves = _moves(draft, crews.id_of(draft.row.text("crew_code")), held, importing)
            if len(moves) > 1:
                notes.append(draft.row.flag("crew_changed", draft.row.text("crew_code")))
            steps.extend(moves)
        logins = tuple(
            Login(row=d.row, person_id=d.id, login=normal_login(d.row.text("login")))
            for d in drafts.new
            if d.row.text("login")
        )
        memory = {d.row.row.number: d.remembered for d in drafts.new}
        return Plan(steps=tuple(steps), notes=tuple(notes), memory=memory, logins=logins)


class _Draughted(Struct):
    """A crew as the rows of a chunk make it, and the row that named it first."""

    crew: Crew
    first: Draft


class _Crews:
    """Collects what rows say of crews; a crew is saved once, and only when something is new."""

    def __init__(self, there: Mapping[str, object], districts: Mapping[str, UUID], org_id: UUID) -> None:
        self._there = {code: crew for code, crew in there.items() if isinstance(crew, Crew)}
        self._districts = districts
        self._org_id = org_id
        self._made: dict[str, _Draughted] = {}

    def id_of(self, code: str) -> UUID:
        """Give the id of a crew, there or to be made."""
        known = self._there.get(code)
        return known.id if known else uuid5(self._org_id, f"import/crew/{code}")

    def join(self, draft: Draft, person: Person) -> None:
        """Take in what a member's row says of the crew."""
        code = draft.row.text("crew_code")
        known = self._there.get(code) or Crew(id=self.id_of(code), code=code, name=code)
        crew = self._made[code].crew if code in self._made else known
        covered = {
            *crew.district_ids,
            *(self._districts[c] for c in codes_in(draft.row, "crew_districts") if c in self._districts),
        }
        crew = replace(crew, name=draft.row.text("crew_name") or crew.name, district_ids=tuple(sorted(covered)))
        leads = draft.row.values.get("crew_lead")
        if leads is True:
            crew = replace(crew, lead_id=person.id)
        elif leads is False and crew.lead_id == person.id:
            crew = replace(crew, lead_id=None)
        if person.lon_deg is not None and (crew.lon_deg is None or leads is True):
            # A crew starts where its lead starts; until one is known, where its first member does.
            crew = replace(crew, lon_deg=person.lon_deg, lat_deg=person.lat_deg)
        self._made.setdefault(code, _Draughted(crew, draft)).crew = crew

    def steps(self) -> list[Step]:
        """List the saves of crews that differ from what is there."""
        return [
            made.first.step(SaveCrew(crew=made.crew), f"crew/{code}")
            for code, made in self._made.items()
            if made.crew != self._there.get(code)
        ]


def _person(draft: Draft, point: RowPoint | None) -> Person:
    known = draft.present
    if not isinstance(known, Person):
        known = Person(id=draft.id, code=draft.code, name=draft.code, roles=(Role.TECHNICIAN,))
    person = fill(known, draft.row, _NAMES)
    assert isinstance(person, Person)
    person = replace(person, roles=tuple(Role(role) for role in person.roles))
    if point is not None and point.wgs84 is not None:
        person = replace(person, lon_deg=point.wgs84.lon_deg, lat_deg=point.wgs84.lat_deg)
    return person


def _moves(draft: Draft, crew_id: UUID, held: Sequence[Membership], importing: Importing) -> list[Step]:
    """End the memberships of other crews and begin that of the named one, unless it is held already."""
    mine = [m for m in held if m.person_id == draft.id]
    steps = []
    for left in mine:
        if left.crew_id != crew_id:
            to_at = max(importing.now, left.from_at + _SHORTEST)
            ended = CrewMember(id=left.id, crew_id=left.crew_id, person_id=draft.id, from_at=left.from_at, to_at=to_at)
            steps.append(draft.step(SaveCrewMember(member=ended), f"leave/{left.id}"))
    if all(m.crew_id != crew_id for m in mine):
        joined = CrewMember(
            id=uuid5(draft.id, f"crew/{crew_id}/{draft.version}/{draft.content}"),
            crew_id=crew_id,
            person_id=draft.id,
            from_at=importing.now,
        )
        steps.append(draft.step(SaveCrewMember(member=joined), "join"))
    return steps
