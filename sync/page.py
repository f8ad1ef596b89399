"""Decides what a page holds and writes its frames. Pure: what it is made of was read before, in one snapshot.

A device counts buckets in an order that only a cursor and this module know: those held whole, those that wait to be sent anew, and the
one that is being filled. Buckets are filled one after the other: a bucket that is begun is finished before the next one.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from mobile_contract import limits
from mobile_contract.digest import Digest
from mobile_contract.schema.messages import Begin, End
from sync import wire
from sync.cursor import Cursor, Partial
from sync.reading import Filled, Look, Moved

FIRST_KEY = ("", UUID(int=0))


class Candidate(Struct, frozen=True):
    """A bucket to be filled. `reset`: the device has an old copy; `after`: the last key it got, None when the bucket is not begun."""

    bucket: str
    reset: bool
    after: tuple[str, UUID] | None = None


class Plan(Struct, frozen=True):
    """What a page is about. `before`: how the device counts buckets now (None: it has to be told)."""

    whole: tuple[str, ...]
    candidates: tuple[Candidate, ...] = ()
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    before: tuple[str, ...] | None = None


class Stand(Struct, frozen=True):
    """Where a device stands after a page, and what the page began."""

    whole: tuple[str, ...]
    partial: Partial | None
    resets: tuple[str, ...]
    begun: tuple[Candidate, ...]
    more: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Give the buckets in the order in which frames count them."""
        return _names(self.whole, self.resets, self.partial)


def plan_anew(look: Look) -> Plan:
    """Plan the first page of a device that holds nothing."""
    return Plan(whole=(), candidates=tuple(Candidate(bucket, reset=False) for bucket in wanted(look)))


def plan_on(cursor: Cursor, look: Look) -> Plan:
    """Plan the page that follows a cursor of this life."""
    want = wanted(look)
    before = _names(cursor.buckets, cursor.resets, cursor.partial)
    partial = cursor.partial
    first: tuple[Candidate, ...] = ()
    again = look.oversize | set(cursor.resets)
    if partial is not None and partial.bucket in want and partial.bucket not in again:
        first = (Candidate(partial.bucket, partial.reset, (partial.after_kind, partial.after_id)),)
    waiting = [b for b in want if b not in before or (b in again and b in before)]
    return Plan(
        whole=tuple(bucket for bucket in cursor.buckets if bucket in want and bucket not in again),
        candidates=(*first, *(Candidate(bucket, reset=bucket in before) for bucket in waiting)),
        drop=tuple(bucket for bucket in before if bucket not in want),
        before=before,
    )


def plan_compared(look: Look, ours: Mapping[str, Digest], theirs: Mapping[str, Digest]) -> Plan:
    """Plan the page after a comparison: `theirs` are the digests the device sent, `ours` those of the same buckets where it may hold them."""
    want = wanted(look)
    keep = tuple(bucket for bucket in want if bucket in theirs and ours[bucket] == theirs[bucket])
    return Plan(
        whole=keep,
        candidates=tuple(Candidate(bucket, reset=bucket in theirs) for bucket in want if bucket not in keep),
        keep=keep,
        drop=tuple(sorted(bucket for bucket in theirs if bucket not in want)),
    )


def wanted(look: Look) -> tuple[str, ...]:
    """Name the buckets a device is given, most urgent first: 64 at most."""
    return look.want[: limits.SCOPE_BUCKETS]


def stand_after(plan: Plan, filled: Sequence[Filled]) -> Stand:
    """Tell where the device stands once the documents read for the candidates are sent."""
    cut = next((row.no for row in filled if row.cut), None)
    complete = plan.candidates[:cut]
    left = plan.candidates[len(complete) :]
    sent = [row for row in filled if row.no == cut and not row.cut]
    partial = None
    if sent:
        partial = Partial(left[0].bucket, sent[-1].kind, sent[-1].id, left[0].reset)
        left = left[1:]
    begun = [c for c in plan.candidates if c.after is None and c not in left]
    return Stand(
        whole=(*plan.whole, *(c.bucket for c in complete)),
        partial=partial,
        resets=tuple(c.bucket for c in left if c.reset),
        begun=tuple(begun),
        more=partial is not None or bool(left),
    )


def begin_of(plan: Plan, stand: Stand, head: Begin) -> Begin:
    """Complete the head of a page with what it does to buckets."""
    buckets: tuple[str, ...] | UnsetType = stand.names if stand.names != plan.before else UNSET
    return Begin(
        life=head.life,
        server_time=head.server_time,
        anchor=head.anchor,
        buckets=buckets,
        add=tuple(c.bucket for c in stand.begun if not c.reset),
        keep=plan.keep,
        reset=tuple(c.bucket for c in stand.begun if c.reset),
        drop=plan.drop,
    )


class Changes:
    """The frames between head and foot of a page: each document once, whatever number of buckets it is in."""

    def __init__(self, names: Sequence[str]) -> None:
        self._numbers = {bucket: number for number, bucket in enumerate(names)}
        self._puts: dict[tuple[str, UUID], tuple[list[int], int, int, bytes]] = {}
        self._dels: dict[tuple[str, UUID], list[int]] = {}
        self.touched: set[str] = set()

    def move(self, moved: Iterable[Moved]) -> None:
        """Take in documents that moved; buckets that the device does not hold after this page are passed over."""
        for m in moved:
            if m.body is not None:
                for bucket in m.puts:
                    self._put(m, bucket, m.body)
            for bucket in m.dels:
                if bucket in self._numbers:
                    self._dels.setdefault((m.kind, m.id), []).append(self._numbers[bucket])
                    self.touched.add(bucket)

    def fill(self, filled: Iterable[Filled], candidates: Sequence[Candidate]) -> None:
        """Take in documents of buckets that are being filled."""
        for row in filled:
            if row.body is not None and not row.cut:
                self._put(row, candidates[row.no].bucket, row.body)

    def _put(self, document: Moved | Filled, bucket: str, body: bytes) -> None:
        number = self._numbers.get(bucket)
        if number is None:
            return
        key = (document.kind, document.id)
        known = self._puts.get(key)
        if known is None:
            self._puts[key] = ([number], document.ver, document.h, body)
        elif number not in known[0]:
            known[0].append(number)
        self.touched.add(bucket)

    def __len__(self) -> int:
        return len(self._puts) + len(self._dels)

    @property
    def size(self) -> int:
        """Estimate the bytes of the frames."""
        return 160 * len(self) + sum(len(put[3]) for put in self._puts.values())

    def frames(self) -> Iterable[bytes]:
        """Write the frames, ended memberships first."""
        for (kind, id), numbers in self._dels.items():
            yield wire.frame_del(sorted(numbers), kind, id)
        for (kind, id), (numbers, ver, h, body) in self._puts.items():
            yield wire.frame_put(sorted(numbers), kind, id, ver=ver, h=h, body=body)


def write(begin: Begin, changes: Iterable[bytes], end: End) -> bytes:
    """Write a page as NDJSON."""
    return b"".join((wire.frame_begin(begin), *changes, wire.frame_end(end)))


def _names(whole: tuple[str, ...], resets: tuple[str, ...], partial: Partial | None) -> tuple[str, ...]:
    return (*whole, *resets, *((partial.bucket,) if partial is not None else ()))
