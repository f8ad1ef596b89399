"""Loads many documents, devices and scopes at once by COPY, as rows that the product's own functions would have written.

Only for what a benchmark needs in numbers; whatever it measures is changed by the product's own way.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct
from uuid_utils.compat import uuid7

from benchmarks.corpus import Sample
from jobs.projection import priority_of
from mobile_contract.digest import document_hash, to_signed

_LONG_AGO: Final = timedelta(days=30)
_AHEAD: Final = timedelta(days=14)
_COLUMNS: Final = """
select column_name from information_schema.columns
where table_schema = 'public' and table_name = 'person' and is_generated = 'NEVER' order by ordinal_position limit 100"""
# A copy of an active person under each of the ids.
_PERSONS: Final = """
insert into person ({columns}) select {copied} from person p, unnest($2::uuid[]) n(id)
where p.org_id = $1 and p.id = (select f.id from person f where f.org_id = $1 and f.active order by f.id limit 1)"""
_NEW: Final = {"id": "n.id", "code": "'p-' || n.id"}


class Handset(Struct, frozen=True, kw_only=True):
    """What a device knows of itself: enough to make its requests."""

    org_id: UUID
    device_id: UUID
    person_id: UUID
    session_id: UUID
    token: str
    buckets: tuple[str, ...] = ()


async def put(conn: asyncpg.Connection, org_id: UUID, bucket: str, samples: Sequence[Sample]) -> None:
    """Put documents that do not exist yet into a bucket. `conn` is the owner's."""
    hashes = [to_signed(document_hash(s.kind, s.id, s.ver, s.body)) for s in samples]
    await conn.copy_records_to_table(
        "sync_doc",
        records=((org_id, s.kind, s.id, s.ver, h, s.body) for s, h in zip(samples, hashes, strict=True)),
        columns=["org_id", "kind", "id", "ver", "h", "body"],
    )
    await conn.copy_records_to_table(
        "sync_member",
        records=((org_id, bucket, s.kind, s.id, h) for s, h in zip(samples, hashes, strict=True)),
        columns=["org_id", "bucket", "kind", "id", "h"],
    )


async def enrol(conn: asyncpg.Connection, org_id: UUID, scopes: Iterable[Sequence[str]]) -> list[Handset]:
    """Enrol a device of a new person for each scope given: its buckets, to which the person's own is added. `conn` is the owner's."""
    now = datetime.now(UTC)
    handsets, hashes = [], []
    for buckets in scopes:
        person_id, device_id, secret = uuid7(), uuid7(), secrets.token_urlsafe(32)
        handsets.append(
            Handset(
                org_id=org_id,
                device_id=device_id,
                person_id=person_id,
                session_id=uuid7(),
                token=f"osd_{org_id.hex}_{device_id.hex}_{secret}",
                buckets=(f"me/{person_id}", *buckets),
            )
        )
        hashes.append(hashlib.sha256(secret.encode()).digest())
    await _persons(conn, handsets, now)
    await conn.copy_records_to_table(
        "sync_device",
        records=((org_id, h.device_id, "phone", h.person_id, x, now) for h, x in zip(handsets, hashes, strict=True)),
        columns=["org_id", "device_id", "name", "person_id", "secret_hash", "enrolled_at"],
    )
    await conn.copy_records_to_table(
        "sync_session",
        records=((org_id, h.session_id, h.device_id, h.person_id, now - _AHEAD, now + _AHEAD, now) for h in handsets),
        columns=["org_id", "session_id", "device_id", "person_id", "from_at", "to_at", "issued_at"],
    )
    return handsets


async def _persons(conn: asyncpg.Connection, handsets: Sequence[Handset], now: datetime) -> None:
    """Make a person per device and let each hold the buckets of its device."""
    names = [row["column_name"] for row in await conn.fetch(_COLUMNS)]
    statement = _PERSONS.format(columns=", ".join(names), copied=", ".join(_NEW.get(n, f"p.{n}") for n in names))
    await conn.execute(statement, handsets[0].org_id, [h.person_id for h in handsets])
    await conn.copy_records_to_table(
        "sync_scope",
        records=(
            (h.org_id, h.person_id, bucket, h.person_id, now - _LONG_AGO, priority_of(bucket))
            for h in handsets
            for bucket in h.buckets
        ),
        columns=["org_id", "person_id", "bucket", "cause", "from_at", "prio"],
    )


async def settle(conn: asyncpg.Connection) -> None:
    """Leave the tables as a server finds them that has run for a while: vacuumed, with statistics, written to disk."""
    for table in ("sync_doc", "sync_member", "sync_scope", "sync_device", "sync_session", "person"):
        await conn.execute(f"vacuum analyze {table}")
