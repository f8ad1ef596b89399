"""The unit of work of one transaction: holds what a batch of commands works on, collects what handlers put, writes it once.

Handlers are synchronous functions over a Work: they never touch the database, so a command that fails is undone by forgetting what it
staged. `jobs.loading` fills it.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar, cast
from uuid import UUID

import asyncpg
from msgspec import Struct

from geo.coordinates import to_wgs84
from geo.store.districts import Outline, save_districts
from jobs.event import Event
from jobs.store import rows
from jobs.store.rows import Stored
from jobs.store.tables import JOB_CHILDREN
from mobile_contract.registry import kind_of
from mobile_contract.rules.exact import total
from mobile_contract.schema.base import Datum, Document
from mobile_contract.schema.job import JobType, Visit
from mobile_contract.schema.material import StockMove
from mobile_contract.schema.people import CrewMember

D = TypeVar("D", bound=Document)
Key = tuple[str, UUID]


class Organisation(Struct, frozen=True):
    """The settings every rule may need: IANA zone, ISO 4217 currency, default language."""

    org_id: UUID
    name: str
    zone: str
    currency: str
    language: str


def kind_name(document: type[Document]) -> str:
    """Name the kind of a stored Struct, events included."""
    return "event" if document is Event else kind_of(document)


class Work:
    """What one batch of commands works on. Reads see what the batch itself has put."""

    def __init__(self, org: Organisation) -> None:
        self.org = org
        self.districts: dict[tuple[float, float], UUID | None] = {}
        self.balances: dict[tuple[UUID, UUID], Decimal] = {}
        self._stored: dict[Key, Document] = {}
        self._put: dict[Key, Document] = {}
        self._staged: dict[Key, Document] = {}
        # Who may belong to a kind, and to a job within it; what was forgotten stays listed and is passed over when read.
        self._ids: dict[tuple[str, UUID | None], set[UUID]] = defaultdict(set)
        self._outlines: dict[UUID, Outline] = {}
        self._staged_outlines: dict[UUID, Outline] = {}
        self._redrawn: set[UUID] = set()

    def get(self, document: type[D], id: UUID | None) -> D | None:
        """Look a document up; None when it does not exist or was not named by a command of the batch."""
        if id is None:
            return None
        key = (kind_name(document), id)
        found = self._staged.get(key) or self._put.get(key) or self._stored.get(key)
        return cast("D | None", found)

    def all(self, document: type[D]) -> list[D]:
        """List the known documents of a kind, by id."""
        return self._listed(document, None)

    def of_job(self, document: type[D], job_id: UUID) -> list[D]:
        """List the documents of a kind that belong to a job, by id."""
        return [d for d in self._listed(document, job_id) if cast(Event, d).job_id == job_id]

    def events(self, job_id: UUID) -> list[Event]:
        """List a job's events in the order they were recorded."""
        return sorted(self.of_job(Event, job_id), key=lambda e: e.seq)

    def put(self, document: Document) -> None:
        """Stage a document; it counts for later reads of the same command and, once kept, for the batch."""
        kind = kind_name(type(document))
        self._staged[(kind, document.id)] = document
        self._list(kind, document)

    def draw(self, outline: Outline) -> None:
        """Stage a district with its outline; PostGIS computes area and neighbours when the work is written."""
        self._staged_outlines[outline.id] = outline

    def keep(self) -> None:
        """Take over what the current command staged."""
        self._put.update(self._staged)
        self._outlines.update(self._staged_outlines)
        self.forget()

    def forget(self) -> None:
        """Undo the current command."""
        self._staged.clear()
        self._staged_outlines.clear()

    def crews_of(self, person_id: UUID, at: datetime) -> set[UUID]:
        """Name the crews a person belongs to at an instant."""
        return {
            m.crew_id
            for m in self.all(CrewMember)
            if m.person_id == person_id and m.from_at <= at and (m.to_at is None or m.to_at > at)
        }

    def balance(self, location_id: UUID, part_id: UUID) -> Decimal:
        """Sum a part at a location: what was loaded and what the batch itself moved.

        Raises LookupError when it was not loaded, as when a command before it in the batch changed whose van it is: then the commands
        are run one by one, each with what it needs.
        """
        loaded = self.balances.get((location_id, part_id))
        if loaded is None:
            raise LookupError(f"the balance of part {part_id} at {location_id} was not loaded")
        fresh = [m for m in self.all(StockMove) if ("stock_move", m.id) not in self._stored and m.part_id == part_id]
        moved = [m.quantity for m in fresh if m.to_location_id == location_id]
        moved += [-m.quantity for m in fresh if m.from_location_id == location_id]
        return total([loaded, *moved])

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
    def changed(self) -> list[Key]:
        """Name what the batch has written, sorted; complete after `flush`. Whatever belongs to a job changes its job."""
        jobs = {
            ("job", cast(Visit | StockMove, d).job_id) for (kind, _), d in self._put.items() if kind in JOB_CHILDREN
        }
        named = {(kind, id) for kind, id in jobs if id is not None}
        return sorted({*self._put, *named, *(("district", id) for id in self._redrawn)})

    def adopt(self, stored: Iterable[Stored]) -> None:
        """Take loaded documents in."""
        for item in stored:
            self._stored[(item.kind, item.document.id)] = item.document
            self._list(item.kind, item.document)

    def _list(self, kind: str, document: Document) -> None:
        self._ids[(kind, None)].add(document.id)
        job_id = getattr(document, "job_id", None)
        if job_id is not None:
            self._ids[(kind, job_id)].add(document.id)

    def _listed(self, document: type[D], job_id: UUID | None) -> list[D]:
        ids = sorted(self._ids.get((kind_name(document), job_id), ()))
        return [found for id in ids if (found := self.get(document, id)) is not None]

    async def flush(self, conn: asyncpg.Connection) -> None:
        """Write what was put: one statement per kind, jobs first.

        Raises asyncpg.UniqueViolationError when another transaction made the same new row first: the caller runs the batch anew.
        """
        if self._outlines:
            outlines = list(self._outlines.values())
            self._redrawn.update((*self._outlines, *await save_districts(conn, self.org.org_id, outlines)))
        fresh = [Stored(kind, d) for (kind, id), d in self._put.items() if (kind, id) not in self._stored]
        known = [Stored(kind, d) for (kind, id), d in self._put.items() if self._stored.get((kind, id), d) != d]
        await rows.save(conn, self.org.org_id, fresh, new=True)
        await rows.save(conn, self.org.org_id, known, new=False)


def wgs84(lon_deg: float, lat_deg: float, datum: Datum) -> tuple[float, float]:
    """Convert a point to WGS 84, (lon, lat) in degrees."""
    if datum is Datum.WGS84:
        return lon_deg, lat_deg
    point = to_wgs84(lon_deg, lat_deg, datum)
    return point.lon_deg, point.lat_deg
