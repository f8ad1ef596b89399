"""What an import is about to do with some rows: commands in order, and what is to be said of each row. Executes nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from api.importing.fields import Noun
from api.importing.notes import Note
from api.importing.rows import content_of
from api.importing.values import MappedRow
from api.store import imports
from api.store.imports import Memory, Remembered
from geo.coordinates import Area
from jobs.work import Organisation
from mobile_contract.schema.base import Command, Datum, Document


class Importing(Struct, frozen=True, kw_only=True):
    """The circumstances of one import. `area` is where points are expected (WGS 84); `as_requests`: jobs come as customers' requests."""

    org: Organisation
    noun: Noun
    source: str
    datum: Datum
    now: datetime
    area: Area | None = None
    as_requests: bool = False
    dry_run: bool = False

    @property
    def memory(self) -> Memory:
        """Name the memory of this noun and source."""
        return Memory(self.org.org_id, self.noun, self.source)


class Step(Struct, frozen=True, kw_only=True):
    """One command because of one row. `makes`: what it is about is new. A row's first step is what the row is about."""

    row: MappedRow
    id: UUID
    command: Command
    makes: bool


class Login(Struct, frozen=True, kw_only=True):
    """A login that a row gives to a person."""

    row: MappedRow
    person_id: UUID
    login: str


class Plan(Struct, frozen=True, kw_only=True):
    """What to do with a chunk of rows. Rows without a step are as they were, unless a note refuses them.

    `memory` is what to remember of each row number once it is in.
    """

    steps: tuple[Step, ...]
    notes: tuple[Note, ...] = ()
    memory: dict[int, tuple[str, Remembered]] = {}
    logins: tuple[Login, ...] = ()


class Draft(Struct, frozen=True, kw_only=True):
    """A master row on its way: its code, what is there already, and the command ids' common part."""

    row: MappedRow
    code: str
    present: Document | None
    id: UUID
    version: int
    content: str

    @property
    def remembered(self) -> tuple[str, Remembered]:
        """Give what is to be remembered once the row is in."""
        return self.code, Remembered(self.version, self.content)

    def step(self, command: Command, about: str = "") -> Step:
        """Make the command of this row; `about` tells several commands of one row apart."""
        id = uuid5(self.id, f"import/{self.version}/{self.content}/{about}")
        return Step(row=self.row, id=id, command=command, makes=self.present is None)


class Drafts(Struct, frozen=True):
    """The rows of a chunk that say something new, and notes about the others."""

    new: tuple[Draft, ...]
    notes: tuple[Note, ...]


async def drafts_of(
    conn: asyncpg.Connection,
    importing: Importing,
    rows: Sequence[MappedRow],
    *,
    kind: str,
    required: tuple[str, ...] = (),
) -> Drafts:
    """Tell which master rows say something that their source did not say last; `kind` is the kind whose code they name.

    Refused are rows without a code, with an unreadable value, of a code that came earlier in the file, and new ones without a `required`
    field.
    """
    notes: list[Note] = []
    fit: dict[str, MappedRow] = {}
    for row in rows:
        refusal = _refusal(row)
        if refusal is not None:
            notes.append(refusal)
        else:
            fit[row.text("code")] = row
    known = await imports.remembered(conn, importing.memory, fit)
    present: Mapping[str, Document] = await imports.by_code(conn, importing.org.org_id, kind, fit)
    drafts: list[Draft] = []
    for code, row in fit.items():
        last, content = known.get(code), content_of([row.values, row.row.source.geometry, importing.datum])
        there = present.get(code)
        lacking = [name for name in required if row.values.get(name) is None]
        if there is None and lacking:
            notes.append(row.flag("value_missing", ", ".join(lacking), refused=True))
            continue
        if last is not None and last.content == content and there is not None:
            continue
        drafts.append(
            Draft(
                row=row,
                code=code,
                present=there,
                id=there.id if there else uuid5(importing.org.org_id, f"import/{kind}/{code}"),
                version=last.version + 1 if last else 1,
                content=content,
            )
        )
    return Drafts(tuple(drafts), tuple(notes))


def fill(document: Document, row: MappedRow, names: Mapping[str, str]) -> Document:
    """Take over the mapped fields of a row: `names` maps fields of the document to ours. An empty cell gives the field's default.

    A name and a code are never emptied; a field that is not mapped stays.
    """
    changes: dict[str, object] = {}
    for field, ours in names.items():
        if ours not in row.values:
            continue
        value = row.values[ours]
        if value is not None:
            changes[field] = value
        elif field not in ("code", "name"):
            default = _default(type(document), field)
            if default is not msgspec.NODEFAULT:
                changes[field] = default
    return replace(document, **changes)


def _default(document: type[Document], field: str) -> object:
    return next(f.default for f in msgspec.structs.fields(document) if f.name == field)


def _refusal(row: MappedRow) -> Note | None:
    if row.row.first_of_key != row.row.number:
        return row.flag("key_repeated_refused", row.row.key, refused=True)
    wrong = sorted(row.unreadable - {"lon_deg", "lat_deg"})
    if wrong:
        return row.flag("value_unreadable", ", ".join(wrong), refused=True)
    if not row.text("code"):
        return row.flag("value_missing", "code", refused=True)
    return None


class Prepared(Struct, frozen=True):
    """Rows in the order in which they are imported, and notes about them."""

    rows: Sequence[MappedRow]
    notes: tuple[Note, ...] = ()


class Settled(Struct, frozen=True):
    """What the database says of rows that are in: notes, and the rows whose job awaits triage."""

    notes: tuple[Note, ...] = ()
    waiting: frozenset[int] = frozenset()


class Planner(Protocol):
    """Plans the rows of one noun; one planner lives for one import."""

    async def prepare(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Prepared:
        """Look at all rows once: their order, and what is to be said of the file as a whole."""
        ...

    async def plan(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Plan:
        """Plan a chunk of the rows."""
        ...

    async def settle(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Settled:
        """Look at a chunk again after its commands were executed, in the same transaction."""
        ...


class Unsettled:
    """A planner whose rows need no second look."""

    async def settle(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Settled:
        """Say nothing more."""
        return Settled()


class InFileOrder(Unsettled):
    """A planner for nouns whose rows do not depend on each other."""

    async def prepare(self, conn: asyncpg.Connection, importing: Importing, rows: Sequence[MappedRow]) -> Prepared:
        """Keep the order of the file."""
        return Prepared(rows)
