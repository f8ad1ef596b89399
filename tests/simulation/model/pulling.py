"""The model's pull: a page from the cursor's snapshot to that of now, buckets filled one after the other, comparison and repair."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from tests.simulation.backend import Answer, Key, Witness
from tests.simulation.model.database import Snapshot, parse
from tests.simulation.model.faults import Fault
from tests.simulation.model.rows import Doc, Member
from tests.simulation.reading import digest

if TYPE_CHECKING:
    from tests.simulation.model.server import Server

_FIRST: Final = ("", "")
_line: Final = msgspec.json.encode


class Cursor(Struct, frozen=True):
    """Where a device stands. `partial`: bucket, last key as text, whether it is a reset."""

    life: str
    snapshot: str
    device: str
    whole: list[str]
    partial: tuple[str, tuple[str, str], bool] | None = None
    resets: list[str] = []

    @property
    def names(self) -> list[str]:
        """Give the buckets in the order in which frames count them."""
        return [*self.whole, *self.resets, *([self.partial[0]] if self.partial else [])]


class View:
    """The rows as one snapshot sees them."""

    def __init__(self, server: "Server", snapshot: Snapshot) -> None:
        self._db, self.snapshot = server.db, snapshot

    def read(self, table: str, key: Any) -> Any:
        """Read a row."""
        return self._db.read(table, key, self.snapshot)

    def scan(self, table: str) -> Any:
        """Read all rows."""
        return self._db.scan(table, self.snapshot)


class Page:
    """A page being made, in one snapshot."""

    def __init__(self, server: "Server", device_id: UUID, view: View, wants: Sequence[str]) -> None:
        self._server, self._device_id, self._view = server, device_id, view
        self.wants = list(wants)
        self.documents_read = 0
        self.puts: dict[Key, list[str]] = {}
        self.dels: dict[Key, list[str]] = {}
        self.whole: list[str] = []
        self.partial: tuple[str, tuple[str, str], bool] | None = None
        self.resets: list[str] = []
        self.begin: dict[str, Any] = {}
        self.before: list[str] | None = None
        self.mended: list[int] | None = None
        self.mended_bucket = ""

    def anew(self) -> None:
        """Plan for a device that holds nothing."""
        self._fill([(bucket, _FIRST, False) for bucket in self.wants], fresh=set(self.wants))

    def compared(self, theirs: Mapping[str, Any]) -> None:
        """Plan after a comparison of digests."""
        ignored = Fault.DIGEST_IGNORED in self._server.faults
        keep = [b for b in self.wants if b in theirs and (ignored or list(self.digest(b)) == list(theirs[b]))]
        self.whole = list(keep)
        self.begin |= {"keep": keep, "drop": sorted(set(theirs) - set(self.wants))}
        rest = [b for b in self.wants if b not in keep]
        self.resets = [b for b in rest if b in theirs]
        self._fill([(b, _FIRST, b in theirs) for b in rest], fresh=set(rest))

    def follow(self, cursor: Cursor, *, fill: bool = True) -> None:
        """Bring what is held up to now, then go on filling."""
        self.before = cursor.names
        old = parse(cursor.snapshot)
        if Fault.SCOPE_FROM_CURSOR in self._server.faults and cursor.partial and cursor.partial[0] not in self.wants:
            self.wants.append(cursor.partial[0])
        again = set(cursor.resets) | {b for b in cursor.names if self._forgot(b, old)}
        self.whole = [b for b in cursor.whole if b in self.wants and b not in again]
        first = []
        if cursor.partial and cursor.partial[0] in self.wants and cursor.partial[0] not in again:
            first = [cursor.partial]
        for bucket in self.whole:
            self._delta(bucket, old, None)
        for bucket, last, _ in first:
            self._delta(bucket, old, last)
        waiting = [b for b in self.wants if b not in self.before or b in again]
        self.resets = [b for b in waiting if b in self.before]
        self.begin["drop"] = [b for b in self.before if b not in self.wants]
        candidates = [*first, *((b, _FIRST, b in self.before) for b in waiting)]
        if fill:
            self._fill(candidates, fresh=set(waiting))
        else:
            self.partial = first[0] if first else None
            self.unfilled = [b for b in waiting if b not in self.resets]

    unfilled: Sequence[str] = ()

    def _forgot(self, bucket: str, old: Snapshot) -> bool:
        floor = self._view.read("floor", bucket) or 0
        if Fault.FLOOR_BY_HIGHEST_XID in self._server.faults:
            return bool(floor > old.xmax + 1000)
        return bool(old.xmin < floor)

    def _delta(self, bucket: str, old: Snapshot, last: tuple[str, str] | None) -> None:
        reads_all = Fault.READS_ALL in self._server.faults
        for key, member in self._view.scan(f"member/{bucket}"):
            moved = member.xid >= old.xmin and not old.sees(member.xid)
            if reads_all:
                self.documents_read += 1
            if moved and (last is None or order(key) <= last):
                (self.dels if member.gone else self.puts).setdefault(key, []).append(bucket)

    def _fill(self, candidates: Sequence[tuple[str, tuple[str, str], bool]], *, fresh: set[str]) -> None:
        """Fill buckets one after the other until the page is full; one document at least comes with each page."""
        room = max(1, self._server.setting.page_documents - len(self.puts) - len(self.dels))
        begun: list[tuple[str, bool]] = []
        for i, (bucket, last, reset) in enumerate(candidates):
            keys = sorted(
                (k for k, m in self._view.scan(f"member/{bucket}") if not m.gone and order(k) > last), key=order
            )
            sent = keys[:room]
            if keys and not sent:
                self._wait(candidates[i:])
                break
            for key in sent:
                held = self.puts.setdefault(key, [])
                if bucket not in held:
                    held.append(bucket)
            room -= len(sent)
            if bucket in fresh:
                begun.append((bucket, reset))
            if bucket in self.resets:
                self.resets.remove(bucket)
            if len(sent) < len(keys):
                self.partial = (bucket, order(sent[-1]), reset)
                self._wait(candidates[i + 1 :])
                break
            self.whole.append(bucket)
        self.begin["add"] = [b for b, reset in begun if not reset]
        self.begin["reset"] = [b for b, reset in begun if reset]

    def _wait(self, left: Sequence[tuple[str, tuple[str, str], bool]]) -> None:
        self.unfilled = [bucket for bucket, _, _ in left]

    def digest(self, bucket: str) -> tuple[int, str]:
        """Digest a bucket."""
        return digest(m.h for _, m in self._view.scan(f"member/{bucket}") if not m.gone)

    def mend(self, bucket: str, theirs: Mapping[int, tuple[int, str]]) -> None:
        """Send the ranges of a bucket that differ, whole."""
        if bucket not in self.whole:
            return
        ranges: dict[int, list[tuple[Key, Member]]] = {}
        for key, member in self._view.scan(f"member/{bucket}"):
            if not member.gone:
                ranges.setdefault(key[1].bytes[15], []).append((key, member))
        ours = {r: digest(m.h for _, m in found) for r, found in ranges.items()}
        empty = (0, f"{0:016x}")
        differ = sorted(r for r in {*ours, *theirs} if ours.get(r, empty) != theirs.get(r, empty))
        if differ:
            self.mended, self.mended_bucket = differ, bucket
            for r in differ:
                for key, _ in ranges.get(r, ()):
                    held = self.puts.setdefault(key, [])
                    if bucket not in held:
                        held.append(bucket)

    def cursor(self, life: str) -> str:
        """Seal the cursor after this page."""
        snapshot = self._view.snapshot
        if Fault.CURSOR_IS_HIGHEST_XID in self._server.faults:
            snapshot = Snapshot(snapshot.xmax, snapshot.xmax)
        made = Cursor(life, str(snapshot), str(self._device_id), self.whole, self.partial, self.resets)
        return seal(self._server.secret, made)

    def body(self, life: str, acked_n: int, *, check: bool) -> bytes:
        """Write the frames."""
        names = [*self.whole, *self.resets, *([self.partial[0]] if self.partial else [])]
        begin: dict[str, Any] = {"frame": "begin", "life": life, **self._server.head(self._device_id)}
        if names != self.before:
            begin["buckets"] = names
        begin |= {name: value for name, value in self.begin.items() if value}
        frames = [_line(begin)]
        if self.mended is not None:
            mend = {"frame": "mend", "b": names.index(self.mended_bucket), "ranges": self.mended}
            frames.append(_line(mend))
        frames += [self._del(key, b, names) for key, b in self.dels.items() if set(b) & set(names)]
        frames += [self._put(key, b, names) for key, b in self.puts.items() if set(b) & set(names)]
        more = bool(self.partial or self.resets or self.unfilled)
        end: dict[str, Any] = {"frame": "end", "cursor": self.cursor(life), "acked_n": acked_n, "more": more}
        if check:
            touched = {b for buckets in (*self.puts.values(), *self.dels.values()) for b in buckets}
            turn = self.whole[int(self._server.now.timestamp()) // 3600 % len(self.whole)] if self.whole else ""
            end["digests"] = {b: self.digest(b) for b in self.whole if b in touched or b == turn}
        frames.append(_line(end))
        return b"".join(frame + b"\n" for frame in frames)

    def _put(self, key: Key, buckets: Sequence[str], names: Sequence[str]) -> bytes:
        doc: Doc | None = self._view.read("doc", key)
        self.documents_read += 1
        if doc is None or doc.body is None:
            return b""
        head = {"frame": "put", "b": sorted(names.index(b) for b in buckets if b in names), "kind": key[0], "id": str(key[1]),
                "ver": doc.ver, "h": f"{doc.h:016x}"}  # fmt: skip
        return _line(head)[:-1] + b',"body":' + doc.body + b"}"

    def _del(self, key: Key, buckets: Sequence[str], names: Sequence[str]) -> bytes:
        frame = {
            "frame": "del",
            "b": sorted(names.index(b) for b in buckets if b in names),
            "kind": key[0],
            "id": str(key[1]),
        }
        return _line(frame)


def order(key: Key) -> tuple[str, str]:
    """Give the place of a document in its bucket."""
    return key[0], str(key[1])


def seal(secret: bytes, cursor: Cursor) -> str:
    """Write a cursor with its MAC."""
    plain = json.dumps(
        [cursor.life, cursor.snapshot, cursor.device, cursor.whole, cursor.partial, cursor.resets]
    ).encode()
    return base64.b64encode(hashlib.sha256(secret + plain).digest()[:8] + plain).decode()


def unseal(secret: bytes, token: str, device_id: UUID) -> Cursor | None:
    """Read a cursor; None for one that cannot be followed."""
    try:
        raw = base64.b64decode(token, validate=True)
        if hashlib.sha256(secret + raw[8:]).digest()[:8] != raw[:8]:
            return None
        life, snapshot, device, whole, partial, resets = json.loads(raw[8:])
    except ValueError:
        return None
    if device != str(device_id):
        return None
    begun = (partial[0], (partial[1][0], partial[1][1]), partial[2]) if partial else None
    return Cursor(life, snapshot, device, whole, begun, resets)


def page_answer(body: bytes) -> Answer:
    """Answer with a page."""
    return Answer(200, body, {"content-type": "application/x-ndjson"})


__all__ = ["Cursor", "Page", "View", "Witness", "page_answer", "seal", "unseal"]
