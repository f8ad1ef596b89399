"""Writing documents and memberships in the order that the protocol asks for: lock, compute, write the document, write the memberships."""

from collections.abc import Callable, Iterable
from datetime import datetime

from tests.simulation.backend import Key
from tests.simulation.model.database import Txn, Wait
from tests.simulation.model.faults import Fault
from tests.simulation.model.rows import Doc, Member, Projected
from tests.simulation.reading import document_hash

Compute = Callable[[], Projected]


class Writer:
    """Writes in one transaction."""

    def __init__(self, txn: Txn, faults: frozenset[Fault], now: datetime) -> None:
        self._txn, self._faults, self._now = txn, faults, now
        self.written = 0

    def write(self, keys: Iterable[Key], compute: Compute) -> Wait:
        """Bring documents up to date. `compute` gives those of the keys that exist; the others are deleted."""
        # What a statement computes that only then waits for the rows' locks, and what is computed without a lock at all.
        statement = compute()
        ordered = sorted({*keys, *statement})
        before: dict[Key, Doc | None] = {key: self._txn.read("doc", key) for key in ordered}
        yield
        for key in ordered:
            yield from self._txn.lock(("doc", key))
        late = self._faults & {Fault.NO_DOCUMENT_LOCK, Fault.ONE_CTE_WRITE}
        documents = statement if late else compute()
        for key in ordered:
            doc = before[key] if Fault.NO_DOCUMENT_LOCK in self._faults else self._txn.read("doc", key)
            held = before[key] if late else doc
            body, buckets = documents.get(key, (None, ()))
            self._store(key, doc, (body, buckets), held.buckets if held is not None else ())

    def _store(
        self, key: Key, doc: Doc | None, wanted: tuple[bytes | None, tuple[str, ...]], held: tuple[str, ...]
    ) -> None:
        body, buckets = wanted
        if doc is None and body is None:
            return
        ver = 1 if doc is None else doc.ver + (doc.body != body)
        if doc is not None and doc.body is None and body is not None and Fault.VER_STARTS_AGAIN in self._faults:
            ver = 1
        if doc is not None and ver == doc.ver and buckets == held:
            return
        h = 0 if body is None else document_hash(key, ver, body)
        changed = doc is None or doc.ver != ver
        self._txn.write("doc", key, Doc(ver, h, body, buckets))
        xid = self._txn.number()
        for bucket in buckets:
            if changed or bucket not in held:
                self._txn.write(f"member/{bucket}", key, Member(xid, h, False, self._now))
        for bucket in held:
            if bucket not in buckets:
                self._txn.write(f"member/{bucket}", key, Member(xid, h, True, self._now))
        self.written += 1
