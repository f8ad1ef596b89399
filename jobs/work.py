"""The unit of work of one transaction: holds what a batch of commands works on, collects what handlers put, writes it once.

Handlers are synchronous functions over a Work: they never touch the database, so a command that fails is undone by forgetting what it
staged. `jobs.loading` fills it.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

import asyncpg
from msgspec import Struct
from msgspec.structs import replace

from geo.coordinates import to_wgs84
from geo.store.districts import Outline, save_districts
from jobs.event import Event
from jobs.journal import Journal
from jobs.rules.reconcile import Gathered
from jobs.signing import OrganisationKey, store_key
from jobs.store import rows
from jobs.store.rows import Stored, kind_name
from jobs.store.tables import JOB_CHILDREN
from jobs.timeline import Timeline
from mobile_contract.schema.approval import SigningKey
from mobile_contract.schema.base import Datum, Document
from mobile_contract.schema.job import Job, JobType
from mobile_contract.schema.people import CrewMember
from mobile_contract.schema.stock import StockMove

D = TypeVar("D", bound=Document)
Key = tuple[str, UUID]
# Documents are found by their type and the number behind their id: hashing and comparing a UUID is a call into Python each, of which
# a batch would make ten thousands.
_Slot = tuple[type[Document], int]


class Organisation(Struct, frozen=True):
    """The settings every rule may need: IANA zone, ISO 4217 currency, default language."""

    org_id: UUID
    name: str
    zone: str
    currency: str
    language: str


@cache
def _is_of_job(document: type[Document]) -> bool:
    return "job_id" in document.__struct_fields__


class Change(Struct, frozen=True):
    """A document as it was loaded (None: it is new) and as it is now."""

    before: Document | None
    now: Document


class Work:
    """What one batch of commands works on. Reads see what the batch itself has put."""

    def __init__(self, org: Organisation) -> None:
        self.org = org
        self.districts: dict[tuple[float, float], UUID | None] = {}
        # Signs allowances; loaded for whoever grants one.
        self.key: OrganisationKey | None = None
        # Of each (location, part) whose level was locked and loaded.
        self.timelines: dict[tuple[UUID, UUID], Timeline] = {}
        # What lies where crews give back, by part: loaded for whoever takes something from there.
        self.given_back: dict[UUID, Decimal] = {}
        # What the days that are to be reconciled come to.
        self.days: dict[date, Gathered] = {}
        self._now: dict[type[Document], dict[int, Document]] = defaultdict(dict)
        self._of_job: dict[_Slot, dict[int, Document]] = defaultdict(dict)
        self._journals: dict[int, Journal] = {}
        # What the current command replaced, in order; what each kept command replaced first (None: it was new).
        self._replaced: list[tuple[_Slot, Document | None]] = []
        self._before: dict[_Slot, Document | None] = {}
        # Events of kept commands that are not written yet, and the numbers of those that were written before `flush`.
        self._recorded: list[Event] = []
        self._appended: set[int] = set()
        # The moves that the batch itself made.
        self._moves: dict[int, StockMove] = {}
        self._outlines: dict[UUID, Outline] = {}
        self._staged_outlines: dict[UUID, Outline] = {}
        self._redrawn: set[UUID] = set()

    def get(self, document: type[D], id: UUID | None) -> D | None:
        """Look a document up; None when it does not exist or was not named by a command of the batch."""
        if id is None:
            return None
        # No `cast`: it is a call, and this is asked thirty times a command.
        found: Any = self._now[document].get(id.int)
        return found  # type: ignore[no-any-return]

    def all(self, document: type[D]) -> list[D]:
        """List the known documents of a kind, by id."""
        known = self._now[document]
        return cast("list[D]", [known[number] for number in sorted(known)])

    def of_job(self, document: type[D], job_id: UUID) -> list[D]:
        """List the documents of a kind that belong to a job, by id."""
        known: dict[int, Any] = self._of_job[(document, job_id.int)]
        return [known[number] for number in sorted(known)] if len(known) > 1 else list(known.values())

    def journal(self, job_id: UUID) -> Journal:
        """Give what is recorded of a job."""
        journal = self._journals.get(job_id.int)
        if journal is None:
            journal = self._journals[job_id.int] = Journal(self.of_job(Event, job_id))
        return journal

    def events(self, job_id: UUID) -> list[Event]:
        """List a job's events in the order they were recorded."""
        return self.journal(job_id).events

    def put(self, document: Document) -> None:
        """Stage a document; it counts for later reads of the same command and, once kept, for the batch."""
        slot = (type(document), document.id.int)
        if type(document) is Event:
            self.journal(document.job_id).add(document)
        before = self._set(slot, document)
        if type(document) is StockMove and before is None:
            self._moves[slot[1]] = document
        self._replaced.append((slot, before))

    def draw(self, outline: Outline) -> None:
        """Stage a district with its outline; PostGIS computes area and neighbours when the work is written."""
        self._staged_outlines[outline.id] = outline

    def keep(self) -> None:
        """Take over what the current command staged."""
        for slot, before in self._replaced:
            self._before.setdefault(slot, before)
            if slot[0] is Event:
                self._recorded.append(cast(Event, self._now[Event][slot[1]]))
        self._replaced.clear()
        self._outlines.update(self._staged_outlines)
        self._staged_outlines.clear()

    def forget(self) -> None:
        """Undo the current command."""
        for slot, before in reversed(self._replaced):
            undone = self._set(slot, before)
            if type(undone) is Event:
                self._journals.pop(undone.job_id.int, None)
            if before is None:
                self._moves.pop(slot[1], None)
        self._replaced.clear()
        self._staged_outlines.clear()

    def crews_of(self, person_id: UUID, at: datetime) -> set[UUID]:
        """Name the crews a person belongs to at an instant."""
        return {
            m.crew_id
            for m in cast("Iterable[CrewMember]", self._now[CrewMember].values())
            if m.person_id == person_id and m.from_at <= at and (m.to_at is None or m.to_at > at)
        }

    def fresh_moves(self) -> Iterable[StockMove]:
        """Give the moves that the batch has made so far."""
        return self._moves.values()

    @property
    def drawn(self) -> list[Outline]:
        """List the districts that the batch has drawn so far, by id."""
        drawn = {**self._outlines, **self._staged_outlines}
        return [drawn[id] for id in sorted(drawn)]

    def job_type(self, code: str, version: int | None = None) -> JobType | None:
        """Find a job type: the version asked for, else the highest; None when there is none."""
        known = [t for t in self.all(JobType) if t.code == code and version in (None, t.version)]
        return max(known, key=lambda t: t.version, default=None)

    def district_of(self, lon_deg: float | None, lat_deg: float | None, datum: Datum) -> UUID | None:
        """Name the district of a point that a command of the batch carries; None outside every district or without a point."""
        if lon_deg is None or lat_deg is None:
            return None
        return self.districts.get(wgs84(lon_deg, lat_deg, datum))

    @property
    def changed(self) -> set[Key]:
        """Name what the batch has written; complete after `flush`. Whatever belongs to a job changes its job."""
        changed = {("district", id) for id in self._redrawn}
        for type_, number in self._before:
            document = self._now[type_][number]
            kind = kind_name(type_)
            changed.add((kind, document.id))
            job_id = cast(Any, document).job_id if kind in JOB_CHILDREN else None
            if job_id is not None:
                changed.add(("job", job_id))
        return changed

    def adopt(self, stored: Iterable[Stored]) -> None:
        """Take loaded documents in."""
        for item in stored:
            self._set((type(item.document), item.document.id.int), item.document)

    def _set(self, slot: _Slot, document: Document | None) -> Document | None:
        """Put a document in its place, or take it out, and give what was there."""
        kind, number = slot
        known = self._now[kind]
        before = known.pop(number, None)
        if document is not None:
            known[number] = document
        if _is_of_job(kind):
            self._list(slot, cast(Any, before), cast(Any, document))
        return before

    def _list(self, slot: _Slot, before: Any, document: Any) -> None:
        kind, number = slot
        if before is not None and before.job_id is not None:
            self._of_job[(kind, before.job_id.int)].pop(number, None)
        if document is not None and document.job_id is not None:
            self._of_job[(kind, document.job_id.int)][number] = document

    def changes(self) -> list[Change]:
        """List what the batch has made different from what was loaded."""
        changes = [Change(before, self._now[kind][number]) for (kind, number), before in self._before.items()]
        return [change for change in changes if change.before != change.now]

    def before(self, document: D) -> D | None:
        """Give a document as it was loaded; None when the batch made it."""
        return cast("D | None", self._before.get((type(document), document.id.int), document))

    @property
    def may_append(self) -> bool:
        """Tell whether there are events that `append` would write."""
        return any(self._is_stored(event.job_id) for event in self._recorded)

    async def append(self, conn: asyncpg.Connection) -> None:
        """Write the events of kept commands before everything else: they never change. Those of a job that is no row yet wait for it."""
        ready = [event for event in self._recorded if self._is_stored(event.job_id)]
        self._recorded.clear()
        self._appended.update(event.id.int for event in ready)
        await rows.save(conn, self.org.org_id, ready, ())

    def _is_stored(self, job_id: UUID) -> bool:
        return self._before.get((Job, job_id.int), self) is not None

    async def flush(self, conn: asyncpg.Connection) -> None:
        """Write what was put, and not appended before, in one statement.

        Raises asyncpg.UniqueViolationError when another transaction made the same new row first: the caller runs the batch anew.
        """
        if self._outlines:
            outlines = list(self._outlines.values())
            self._redrawn.update((*self._outlines, *await save_districts(conn, self.org.org_id, outlines)))
        if self.key is not None and not self.key.stored and self.get(SigningKey, self.key.id) is not None:
            await store_key(conn, self.org.org_id, self.key)
            self.key = replace(self.key, stored=True)
        changes = self.changes()
        fresh = [change.now for change in changes if change.before is None and change.now.id.int not in self._appended]
        known = [change.now for change in changes if change.before is not None]
        await rows.save(conn, self.org.org_id, fresh, known)


def wgs84(lon_deg: float, lat_deg: float, datum: Datum) -> tuple[float, float]:
    """Convert a point to WGS 84, (lon, lat) in degrees."""
    if datum is Datum.WGS84:
        return lon_deg, lat_deg
    point = to_wgs84(lon_deg, lat_deg, datum)
    return point.lon_deg, point.lat_deg
