"""Load and save documents as rows: one round trip for any number of kinds, one statement per kind written. Decides nothing."""

from collections.abc import Iterable, Sequence
from functools import cache
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.store.tables import DOCUMENTS, columns_of
from mobile_contract.schema.base import Document

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
    statement = " union all ".join(_select(w.kind, w.column, i) for i, w in enumerate(asked, start=2))
    rows = await conn.fetch(statement, org_id, *(list(w.ids) for w in asked))
    return [Stored(row["kind"], _DECODERS[row["kind"]].decode(row["body"])) for row in rows]


async def lock(conn: asyncpg.Connection, org_id: UUID, kind: str, ids: Iterable[UUID]) -> None:
    """Lock rows of a kind in the order of their ids until the transaction ends: protects the aggregate that the row is the root of."""
    await conn.execute(
        f"select id from {kind} where org_id = $1 and id = any($2) order by id for update",
        org_id,
        sorted(ids),
    )


@cache
def _insert(kind: str, replace: bool) -> str:
    columns = ("org_id", *columns_of(kind))
    names = ", ".join(columns)
    statement = f"insert into {kind} ({names}) select {names} from jsonb_populate_recordset(null::{kind}, $1::jsonb)"
    if replace:
        sets = ", ".join(f"{c} = excluded.{c}" for c in columns if c not in {"org_id", "id"})
        statement += f" on conflict (org_id, id) do update set {sets}"
    return statement


async def save(conn: asyncpg.Connection, org_id: UUID, documents: Sequence[Stored], *, new: bool) -> None:
    """Write documents in one statement per kind. `new` ones must not exist: a unique violation means that another transaction was first."""
    by_kind: dict[str, list[dict[str, object]]] = {}
    for stored in documents:
        row = msgspec.structs.asdict(stored.document)
        row["org_id"] = org_id
        by_kind.setdefault(stored.kind, []).append(row)
    for kind in sorted(by_kind, key=lambda k: (k != "job", k)):
        await conn.execute(_insert(kind, not new), by_kind[kind])
