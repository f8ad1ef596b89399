"""The device's SQLite file: its tables and its transactions. Knows nothing of commands, pages or the network.

The rule that makes everything else simple: **each change of state is exactly one local transaction**. WAL with
`synchronous = full` means that what was committed is still there when the battery falls out; what was not never was.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, convert, json

from mobile_contract.schema.access import SessionGrant

FILE_NAME: Final = "device.sqlite3"

_SCHEMA: Final = """
create table if not exists install (          -- who this device is and how far it has come; one row once enrolled
  one integer primary key check (one = 1), url text not null, org_id text not null, device_id text not null,
  token text not null, name text not null, session_id text, life text, cursor text,
  next_n integer not null default 1,          -- the number of the next command
  last_n integer not null default 0,          -- the highest number the server said that it has
  acked_n integer not null default 0,         -- the same as of the documents held: what is above is shown on top
  durable_n integer, forked integer not null default 0, upgrade integer not null default 0,
  pulled_at text, checked_at text, sessions_at text,
  zone text not null default 'UTC');          -- the organisation's, in which times are shown
create table if not exists tombstone (one integer primary key check (one = 1), reason text not null, at text not null);
create table if not exists session (id text primary key, person_id text not null, body blob not null);
create table if not exists pin (person_id text primary key, verifier text not null);
create table if not exists anchor (
  no integer primary key autoincrement, token text not null, mono_ms integer not null, boot text not null,
  round_trip_ms integer);
create table if not exists bucket (name text primary key, no integer not null, filling text not null);
create table if not exists document (
  kind text not null, id text not null, ver integer not null, body blob not null,
  primary key (kind, id));
create table if not exists member (
  kind text not null, id text not null, bucket text not null, primary key (kind, id, bucket)) without rowid;
create index if not exists member_bucket on member (bucket);
create table if not exists staged (           -- the new copy of a bucket that is being reset, beside the old one
  bucket text not null, kind text not null, id text not null, ver integer not null, body blob not null, primary key (bucket, kind, id));
create table if not exists command (
  id text primary key, n integer not null unique, session_id text not null, name text not null, job_id text,
  cmd blob not null,                          -- the exact bytes that are sent, however often
  made_at text not null, skipped integer not null default 0,
  status text, code text, flags text not null default '', acked_at text);
create index if not exists command_job on command (job_id);
"""
_TABLES: Final = ("install", "session", "pin", "anchor", "bucket", "document", "member", "staged", "command")


class Install(Struct, frozen=True, kw_only=True):
    """The device's identity and how far it has come. `forked`: the server wants it enrolled anew; `upgrade`: a newer app."""

    url: str
    org_id: UUID
    device_id: UUID
    token: str
    name: str
    session_id: UUID | None
    life: str | None
    cursor: str | None
    next_n: int
    last_n: int
    acked_n: int
    durable_n: int | None
    forked: bool
    upgrade: bool
    pulled_at: datetime | None
    checked_at: datetime | None
    sessions_at: datetime | None
    zone: str


class Tombstone(Struct, frozen=True):
    """All that is left of a device that was told to wipe itself."""

    reason: str
    at: datetime


class Store:
    """One SQLite file. One thread at a time; several processes may share it."""

    def __init__(self, path: Path | str) -> None:
        if path != ":memory:":
            path = Path(path)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        for pragma in ("journal_mode = wal", "synchronous = full", "secure_delete = on"):
            self._db.execute(f"pragma {pragma}").fetchall()
        self._db.executescript(_SCHEMA)
        if self.tombstone() is not None:
            self._scrub()

    def close(self) -> None:
        """Close the file; an open transaction is rolled back."""
        self._db.close()

    def run(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement. Every statement of the device passes here, so that a test can fail each of them."""
        return self._db.execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each row."""
        for values in rows:
            self.run(sql, values)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query and give all rows."""
        return self.run(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """Run a query and give its first row, None when there is none."""
        found: tuple[Any, ...] | None = self.run(sql, values).fetchone()
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Change state: all or nothing, on disk when it returns. Takes the write lock at once; does not nest."""
        with self._between("begin immediate"):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read several things as of one instant, whatever another process commits meanwhile."""
        with self._between("begin"):
            yield

    @contextmanager
    def _between(self, begin: str) -> Iterator[None]:
        self.run(begin)
        try:
            yield
            self.run("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.rollback()
            raise

    def install(self) -> Install | None:
        """Read the device's identity; None before enrolment and after a wipe."""
        row = self.row(f"select {', '.join(Install.__struct_fields__)} from install")
        if row is None:
            return None
        return convert(dict(zip(Install.__struct_fields__, row, strict=True)), Install, strict=False)

    def update_install(self, **columns: object) -> None:
        """Change columns of the identity inside the caller's transaction."""
        self.run(f"update install set {', '.join(f'{name} = ?' for name in columns)}", [*map(plain, columns.values())])

    def sessions(self) -> list[SessionGrant]:
        """List the sessions this device holds, in order of start, then id."""
        found = [json.decode(body, type=SessionGrant) for (body,) in self.rows("select body from session")]
        return sorted(found, key=lambda session: (session.from_at, session.session_id))

    def keep_sessions(self, sessions: Iterable[SessionGrant]) -> None:
        """Take over issued sessions inside the caller's transaction. Old ones stay: queued commands name them."""
        self.run_many(
            "insert or replace into session (id, person_id, body) values (?, ?, ?)",
            ((str(session.session_id), str(session.person_id), json.encode(session)) for session in sessions),
        )

    def tombstone(self) -> Tombstone | None:
        """Read why this device was wiped; None when it was not."""
        row = self.row("select reason, at from tombstone")
        return Tombstone(row[0], datetime.fromisoformat(row[1])) if row else None

    def wipe(self, reason: str, at: datetime) -> None:
        """Remove every document, command and secret, leaving why. Killed in between, the next start scrubs the file again."""
        with self.transaction():
            for table in _TABLES:
                self.run(f"delete from {table}")
            self.run("insert or replace into tombstone (one, reason, at) values (1, ?, ?)", (reason, plain(at)))
        self._scrub()

    def _scrub(self) -> None:
        # A deleted row may live on in free pages and in the write-ahead log.
        self.run("vacuum")
        self.run("pragma wal_checkpoint(truncate)").fetchall()


def plain(value: object) -> object:
    """Turn a value into what SQLite stores: ids as lower-case text, instants as ISO 8601 in UTC that sorts as text."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    return value
