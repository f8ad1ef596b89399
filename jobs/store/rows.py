"""Load and save documents as rows: one round trip for any number of kinds, either way. Decides nothing."""

from collections.abc import Iterable
from functools import cache
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.event import Event
from jobs.store.tables import DOCUMENTS, columns_of
from mobile_contract.registry import kind_of
from mobile_contract.schema.base import Document

_ENCODER = msgspec.json.Encoder()
_DECODERS = {kind: msgspec.json.Decoder(document) for kind, document in DOCUMENTS.items()}


class Want(Struct, frozen=True, order=True):
    """Documents of a kind whose `column` is one of the values; `org_id` with the organisation's id means all of the kind."""

    kind: str
    column: str
    ids: tuple[UUID, ...] | tuple[str, ...]


class Stored(Struct, frozen=True):
    """A document as it is in the database."""

    kind: str
    document: Document


@cache
def kind_name(document: type[Document]) -> str:
    """Name the kind of a stored Struct, events included."""
    return "event" if document is Event else kind_of(document)


@cache
def _select(kind: str, column: str, position: int) -> str:
    columns = ", ".join(columns_of(kind))
    return (
        f"select '{kind}' as kind, row_to_json(t)::text as body from (select {columns} from {kind}"
        f" where org_id = $1 and {column} = any(${position}) order by id) t"
    )


async def load(conn: asyncpg.Connection, org_id: UUID, wants: Iterable[Want]) -> list[Stored]:
    """Load everything wanted in one statement; what does not exist is absent. Order: by kind as wanted, then id."""
    asked = [want for want in wants if want.ids]
    if not asked:
        return []
    # What is asked of several kinds travels once.
    places = {ids: place for place, ids in enumerate(dict.fromkeys(want.ids for want in asked), start=2)}
    statement = " union all ".join(_select(want.kind, want.column, places[want.ids]) for want in asked)
    rows = await conn.fetch(statement, org_id, *(list(ids) for ids in places))
    return [Stored(row["kind"], _DECODERS[row["kind"]].decode(row["body"])) for row in rows]


async def lock(conn: asyncpg.Connection, org_id: UUID, kind: str, ids: Iterable[UUID]) -> None:
    """Lock rows of a kind in the order of their ids until the transaction ends: protects the aggregate that the row is the root of."""
    await conn.execute(
        f"select id from {kind} where org_id = $1 and id = any($2) order by id for update",
        org_id,
        sorted(ids),
    )


class _Part(Struct, frozen=True):
    """One kind in a statement that writes."""

    kind: str
    replaces: bool


async def save(
    conn: asyncpg.Connection,
    org_id: UUID,
    fresh: Iterable[Document],
    known: Iterable[Document],
) -> None:
    """Write documents in one statement.

    `fresh` ones must not exist: asyncpg.UniqueViolationError means that another transaction was first. `known` ones are replaced.
    """
    written: dict[_Part, list[Document]] = {}
    for replaces, documents in ((False, fresh), (True, known)):
        for document in documents:
            kind = kind_name(type(document))
            written.setdefault(_Part(kind, replaces), []).append(document)
    if not written:
        return
    parts = tuple(sorted(written, key=lambda part: (part.kind, part.replaces)))
    texts = [_ENCODER.encode(written[part]).decode() for part in parts]
    await conn.execute(_writing(parts), org_id, *texts)


def _values(kind: str) -> list[str]:
    """Name the values of a row: a document travels without what is as its Struct has it by itself, which is less to read."""
    values = []
    for field in msgspec.structs.fields(DOCUMENTS[kind]):
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if default is msgspec.NODEFAULT or default is None:
            values.append(f"r.{field.name}")
        else:
            plain = msgspec.to_builtins(default)
            text = plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()
            values.append(f"coalesce(r.{field.name}, '{text}')")
    return values


@cache
def _writing(parts: tuple[_Part, ...]) -> str:
    """Write the statement for some kinds. What belongs to a new job comes in with it: references are checked at the statement's end."""
    steps = []
    for i, part in enumerate(parts, start=1):
        names = ", ".join(columns_of(part.kind))
        values = ", ".join(_values(part.kind))
        step = (
            f"insert into {part.kind} (org_id, {names}) select $1, {values} "
            f"from json_populate_recordset(null::{part.kind}, ${i + 1}::text::json) r"
        )
        if part.replaces:
            sets = ", ".join(f"{c} = excluded.{c}" for c in columns_of(part.kind) if c != "id")
            step += f" on conflict (org_id, id) do update set {sets}"
        steps.append(f"w{i} as ({step})")
    return f"with {', '.join(steps)} select"
