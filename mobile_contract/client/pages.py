"""Pages of documents: read whole, checked, and applied in one local transaction at their `end`, or not at all.

A document lives as long as it is a member of a bucket. A bucket that is being **reset** is filled beside its old copy
(`staged`) and swapped when it is complete, so that nobody works on half a catalogue. Digests are always computed from
the bytes that came, never from what they mean.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct

from mobile_contract.client import queue
from mobile_contract.client.clocks import keep_anchor
from mobile_contract.client.store import Install, Store
from mobile_contract.digest import Digest, document_hash, from_hex
from mobile_contract.ranges import range_sums
from mobile_contract.schema.clock import CitedAnchor
from mobile_contract.schema.messages import Begin, Del, End, Frame, Mend, Put
from mobile_contract.schema.outcome import Outcome

_FRAME: Final = msgspec.json.Decoder(Frame)


class Filling(StrEnum):
    """How complete a bucket is."""

    WHOLE = "whole"
    ADDING = "adding"
    RESETTING = "resetting"


class PageBroken(Exception):
    """What came is not a page: cut off, out of order, or a body that does not have the hash it claims."""


class Page(Struct, frozen=True):
    """A page as it came, checked for itself."""

    begin: Begin
    changes: tuple[Put | Del | Mend, ...]
    end: End


class Applied(Struct, frozen=True, kw_only=True):
    """What became of a page. `stale`: another process was faster; `compare`: pull again with digests; `differ`: to be repaired."""

    stale: bool = False
    compare: bool = False
    more: bool = False
    changes: int = 0
    resets: int = 0
    differ: tuple[str, ...] = ()


def read_page(body: bytes) -> Page:
    """Read NDJSON into a page. Raises PageBroken for anything that must not be applied."""
    try:
        frames = [_FRAME.decode(line) for line in body.split(b"\n") if line]
    except msgspec.MsgspecError as error:
        raise PageBroken(str(error)) from error
    if len(frames) < 2 or not isinstance(begin := frames[0], Begin) or not isinstance(end := frames[-1], End):
        raise PageBroken("a page begins with `begin` and ends with `end`")
    changes: list[Put | Del | Mend] = []
    for frame in frames[1:-1]:
        if isinstance(frame, Begin | End):
            raise PageBroken("one `begin` and one `end`")
        if isinstance(frame, Put) and document_hash(frame.kind, frame.id, frame.ver, bytes(frame.body)) != from_hex(
            frame.h
        ):
            raise PageBroken(f"the body of {frame.kind} {frame.id} is not what was sent")
        changes.append(frame)
    return Page(begin, tuple(changes), end)


class PageApplier:
    """Applies one page inside one transaction; a port may make it a function."""

    def __init__(self, store: Store, install: Install, now: datetime) -> None:
        self._store, self._install, self._now = store, install, now

    def apply(self, page: Page, anchor: CitedAnchor, *, compared: bool = False) -> Applied:
        """Apply a page that was asked for with the cursor of `install`. Nothing is changed unless all of it is.

        `compared`: it was asked for with digests, and what it does not keep is filled anew.
        """
        with self._store.transaction():
            current = self._store.install()
            if current is None or (current.device_id, current.cursor) != (
                self._install.device_id,
                self._install.cursor,
            ):
                return Applied(stale=True)
            keep_anchor(self._store, anchor)
            if page.begin.compare:
                return Applied(compare=True)
            names = self._arrange(page.begin, compared=compared)
            states = bucket_states(self._store)
            for change in page.changes:
                self._change(change, names, states)
            if not page.end.more:
                self._complete(name for name, state in states.items() if state is not Filling.WHOLE)
            self._sweep()
            self._advance(page, current)
            return Applied(
                more=page.end.more,
                changes=len(page.changes),
                resets=len(page.begin.reset),
                differ=self._differing(page.end),
            )

    def _arrange(self, begin: Begin, *, compared: bool) -> list[str]:
        # Before any change: which buckets are held now, in the order by which the frames count them.
        before = bucket_states(self._store)
        names = list(before) if begin.buckets is UNSET else list(begin.buckets)
        for gone in {*begin.drop, *(set(before) - set(names))}:
            self._empty(gone)
            self._store.run("delete from bucket where name = ?", (gone,))
            before.pop(gone, None)
        begun = [name for name in (*begin.add, *begin.reset) if name in names]
        if compared:
            self._give_up_copies(name for name in before if name not in begin.keep)
        elif begun:
            # Buckets are filled one after another: where a new one begins, the earlier ones are complete.
            self._complete(name for name, state in before.items() if state is not Filling.WHOLE and name not in begun)
        # What is kept is what was compared: of a bucket that is being reset, the new copy.
        self._complete(name for name in begin.keep if name in before)
        held = bucket_states(self._store)
        for no, name in enumerate(names):
            state = held.get(name, Filling.WHOLE)
            if name in begun:
                state = self._begin_filling(name)
            self._store.run("insert or replace into bucket (name, no, filling) values (?, ?, ?)", (name, no, state))
        return names

    def _give_up_copies(self, names: Iterable[str]) -> None:
        # A new copy that was begun will never be complete: what is shown stays the old one until another copy is.
        for name in names:
            self._store.run("delete from staged where bucket = ?", (name,))
            self._store.run("update bucket set filling = ? where name = ?", (Filling.WHOLE, name))

    def _begin_filling(self, name: str) -> Filling:
        self._store.run("delete from staged where bucket = ?", (name,))
        held = self._store.row("select 1 from member where bucket = ? limit 1", (name,))
        return Filling.RESETTING if held else Filling.ADDING

    def _change(self, change: Put | Del | Mend, names: list[str], states: dict[str, Filling]) -> None:
        numbers = (change.b,) if isinstance(change, Mend) else change.b
        if any(number >= len(names) for number in numbers):
            raise PageBroken("a frame counts a bucket that is not held")
        buckets = [names[number] for number in numbers]
        match change:
            case Put():
                self._put(change, buckets, states)
            case Del():
                for bucket in buckets:
                    self._leave(change, bucket, states[bucket])
            case Mend():
                self._mend(change, buckets[0], states[buckets[0]])
            case _:
                assert_never(change)

    def _put(self, put: Put, buckets: list[str], states: dict[str, Filling]) -> None:
        key, body = (put.kind, str(put.id)), bytes(put.body)
        content = (put.ver, body)
        staging = [bucket for bucket in buckets if states[bucket] is Filling.RESETTING]
        shown = [bucket for bucket in buckets if states[bucket] is not Filling.RESETTING]
        self._store.run_many(
            "insert or replace into staged values (?, ?, ?, ?, ?)", ((b, *key, *content) for b in staging)
        )
        self._store.run_many(
            "insert or ignore into member (kind, id, bucket) values (?, ?, ?)", ((*key, b) for b in shown)
        )
        if shown:
            self._store.run("insert or replace into document values (?, ?, ?, ?)", (*key, *content))
        if put.kind == "outcome":
            # An outcome that only a newer app can read must not stop the page.
            with suppress(msgspec.ValidationError):
                queue.learned(self._store, msgspec.json.decode(body, type=Outcome))

    def _leave(self, change: Del, bucket: str, state: Filling) -> None:
        self._store.run(
            f"delete from {_table(state)} where bucket = ? and kind = ? and id = ?",
            (bucket, change.kind, str(change.id)),
        )

    def _mend(self, mend: Mend, bucket: str, state: Filling) -> None:
        # A range is the last byte of the id. The puts of these ranges follow in this page.
        self._store.run_many(
            f"delete from {_table(state)} where bucket = ? and substr(id, -2) = ?",
            ((bucket, f"{index:02x}") for index in mend.ranges),
        )

    def _complete(self, names: Iterable[str]) -> None:
        for name in list(names):
            state = bucket_states(self._store)[name]
            if state is Filling.RESETTING:
                self._store.run("delete from member where bucket = ?", (name,))
                self._store.run(
                    "insert or ignore into member select kind, id, bucket from staged where bucket = ?", (name,)
                )
                self._store.run(
                    "insert or replace into document select kind, id, ver, body from staged where bucket = ?",
                    (name,),
                )
                self._store.run("delete from staged where bucket = ?", (name,))
            self._store.run("update bucket set filling = ? where name = ?", (Filling.WHOLE, name))

    def _empty(self, bucket: str) -> None:
        self._store.run("delete from member where bucket = ?", (bucket,))
        self._store.run("delete from staged where bucket = ?", (bucket,))

    def _sweep(self) -> None:
        # A document goes with its last membership.
        self._store.run(
            "delete from document where not exists"
            " (select 1 from member where member.kind = document.kind and member.id = document.id)"
        )

    def _advance(self, page: Page, before: Install) -> None:
        begin, end, life = page.begin, page.end, str(page.begin.life)
        self._store.update_install(life=life, cursor=end.cursor, acked_n=end.acked_n, pulled_at=self._now, upgrade=0)
        if before.life != life and end.acked_n < before.last_n:
            # The server lives again from a backup and has lost what this device still keeps, were it before the first page of all.
            queue.resume_at(self._store, end.acked_n + 1)
        else:
            self._store.update_install(last_n=max(before.last_n, end.acked_n))
            if before.life != life:
                queue.ask_again(self._store, end.acked_n)
        queue.acknowledge(self._store, end.acked_n, begin.server_time)
        queue.forget(self._store, begin.server_time)
        if begin.keep or end.digests is not UNSET:
            self._store.update_install(checked_at=self._now)

    def _differing(self, end: End) -> tuple[str, ...]:
        if end.digests is UNSET:
            return ()
        return tuple(name for name, theirs in end.digests.items() if digest(self._store, name).to_wire() != theirs)


def _table(state: Filling) -> str:
    return "staged" if state is Filling.RESETTING else "member"


def bucket_states(store: Store) -> dict[str, Filling]:
    """Give the buckets held, in the order by which frames count them, and how complete each is."""
    return {name: Filling(filling) for name, filling in store.rows("select name, filling from bucket order by no")}


def digest(store: Store, bucket: str) -> Digest:
    """Digest a bucket as it is held: of the new copy while it is being reset. A bucket that is not held is empty."""
    return Digest.of(h for _, h in _hashes(store, bucket))


def sums(store: Store, bucket: str) -> dict[int, Digest]:
    """Digest each range of a bucket."""
    return range_sums(_hashes(store, bucket))


def digests(store: Store) -> dict[str, Digest]:
    """Digest every bucket held."""
    return {name: digest(store, name) for name in bucket_states(store)}


def _hashes(store: Store, bucket: str) -> list[tuple[UUID, int]]:
    if bucket_states(store).get(bucket) is Filling.RESETTING:
        rows = store.rows("select kind, id, ver, body from staged where bucket = ?", (bucket,))
    else:
        rows = store.rows(
            "select kind, id, ver, body from member join document using (kind, id) where bucket = ?", (bucket,)
        )
    # Hashed anew each time: a digest proves what is held, not what once came.
    return [(UUID(id), document_hash(kind, UUID(id), ver, body)) for kind, id, ver, body in rows]
