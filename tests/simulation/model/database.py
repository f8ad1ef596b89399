"""A database in memory that emulates what the protocol leans on in PostgreSQL: transaction ids, snapshots, row locks, savepoints, crashes.

Ids are drawn at the first write or lock, so they are not in the order of the commits. A commit makes durable everything written before it;
ids drawn after the last commit are drawn again after a crash, and a table may be unlogged: empty after a crash.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

UNLOGGED: Final = frozenset({"life"})

Name = Any
Wait = Generator[None, None, None]


class Deadlock(Exception):
    """Two transactions wait for each other."""


@dataclass(frozen=True)
class Snapshot:
    """What a statement sees: ids below `xmax` that were not open."""

    xmin: int
    xmax: int
    open: frozenset[int] = frozenset()

    def sees(self, xid: int) -> bool:
        """Tell whether a transaction's writes are visible."""
        return xid < self.xmax and xid not in self.open

    def __str__(self) -> str:
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, sorted(self.open)))}"


def parse(text: str) -> Snapshot:
    """Read a snapshot's text."""
    xmin, xmax, rest = text.split(":")
    return Snapshot(int(xmin), int(xmax), frozenset(int(x) for x in rest.split(",") if x))


@dataclass
class Table:
    """Rows by key, each the list of its versions (xid, value), oldest first; None is a deleted row."""

    rows: dict[Name, list[tuple[int, Any]]] = field(default_factory=dict)


class Database:
    """Tables and who is writing in them. `first` is the first transaction id, as another server begins with another one."""

    def __init__(self, first: int = 100) -> None:
        self.tables: dict[str, Table] = {}
        self.next_xid, self.flushed_xid, self.completed = first, first, first - 1
        self.open: dict[int, Txn] = {}
        self.locks: dict[Name, Txn] = {}
        self.commits = 0
        self.changed: set[tuple[str, Name]] = set()

    def table(self, name: str) -> Table:
        """Give a table, made when it is first named."""
        table = self.tables.get(name)
        if table is None:
            table = self.tables[name] = Table()
        return table

    def snapshot(self) -> Snapshot:
        """Take a snapshot."""
        xmax = self.completed + 1
        running = frozenset(xid for xid in self.open if xid < xmax)
        return Snapshot(min(running, default=xmax), xmax, running)

    def blind_snapshot(self) -> Snapshot:
        """Take a snapshot as a standby would: it knows of no open transaction."""
        return Snapshot(self.completed + 1, self.completed + 1)

    def read(self, table: str, key: Name, snapshot: Snapshot) -> Any:
        """Read a row as a snapshot sees it; None when there is none."""
        for xid, value in reversed(self.table(table).rows.get(key, ())):
            if snapshot.sees(xid):
                return value
        return None

    def scan(self, table: str, snapshot: Snapshot) -> Iterator[tuple[Name, Any]]:
        """Read all rows as a snapshot sees them."""
        for key, versions in self.table(table).rows.items():
            for xid, value in reversed(versions):
                if snapshot.sees(xid):
                    if value is not None:
                        yield key, value
                    break

    def begin(self) -> "Txn":
        """Begin a transaction."""
        return Txn(self)

    def crash(self) -> None:
        """Lose what was not committed, and the ids that nobody flushed; unlogged tables are empty."""
        for txn in list(self.open.values()):
            txn.abort()
        self.locks.clear()
        self.next_xid, self.completed = self.flushed_xid, self.flushed_xid - 1
        for name in UNLOGGED:
            self.table(name).rows.clear()

    def copy(self) -> "Database":
        """Copy what is committed, as a base backup does."""
        twin = Database()
        for name, table in self.tables.items():
            rows = {k: [v for v in versions if v[0] not in self.open] for k, versions in table.rows.items()}
            twin.tables[name] = Table({k: versions[-1:] for k, versions in rows.items() if versions})
        twin.next_xid = twin.flushed_xid = self.flushed_xid
        twin.completed, twin.commits = self.flushed_xid - 1, self.commits
        return twin


class Txn:
    """A transaction at READ COMMITTED: every read sees what is committed by then, and its own writes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.xid: int | None = None
        self._undo: list[tuple[str, Name]] = []
        self._locks: list[Name] = []
        self.waits_for: Txn | None = None
        self.ended = False

    def number(self) -> int:
        """Draw the transaction id, once."""
        if self.xid is None:
            self.xid = self._db.next_xid
            self._db.next_xid += 1
            self._db.open[self.xid] = self
        return self.xid

    def lock(self, name: Name) -> Wait:
        """Lock a row, waiting as long as another transaction has it. Raises Deadlock."""
        self.number()
        while (other := self._db.locks.get(name)) is not None and other is not self:
            self.waits_for = other
            each: Txn | None = other
            while each is not None:
                if each is self:
                    raise Deadlock
                each = each.waits_for
            yield
        self.waits_for = None
        if name not in self._db.locks:
            self._db.locks[name] = self
            self._locks.append(name)

    def read(self, table: str, key: Name) -> Any:
        """Read a row."""
        for xid, value in reversed(self._db.table(table).rows.get(key, ())):
            if xid == self.xid or xid not in self._db.open:
                return value
        return None

    def scan(self, table: str) -> Iterator[tuple[Name, Any]]:
        """Read all rows."""
        for key in list(self._db.table(table).rows):
            value = self.read(table, key)
            if value is not None:
                yield key, value

    def write(self, table: str, key: Name, value: Any) -> None:
        """Write a row; None deletes it."""
        xid = self.number()
        self._db.table(table).rows.setdefault(key, []).append((xid, value))
        self._undo.append((table, key))

    def savepoint(self) -> int:
        """Mark where a rollback may lead to."""
        return len(self._undo)

    def roll_back_to(self, savepoint: int) -> None:
        """Undo what was written since."""
        while len(self._undo) > savepoint:
            table, key = self._undo.pop()
            versions = self._db.table(table).rows[key]
            del versions[max(i for i, (xid, _) in enumerate(versions) if xid == self.xid)]
            if not versions:
                del self._db.table(table).rows[key]

    def commit(self) -> None:
        """Make everything durable and visible."""
        if self.xid is not None:
            self._db.flushed_xid = self._db.next_xid
            self._db.commits += 1
            self._db.changed.update(self._undo)
        self._end()

    def abort(self) -> None:
        """Undo everything. The id counts as used, as long as the server lives."""
        if not self.ended:
            self.roll_back_to(0)
            self._end()

    def _end(self) -> None:
        self.ended = True
        for name in self._locks:
            self._db.locks.pop(name, None)
        if self.xid is not None:
            self._db.open.pop(self.xid, None)
            self._db.completed = max(self._db.completed, self.xid)
