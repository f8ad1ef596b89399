"""Decides where a device stands after a page, and writes its head and foot. Pure: the page was read before, in one snapshot.

Buckets are filled one after the other: a bucket that is begun is finished before the next one. A device counts buckets in an order that
only a cursor and this module know: those held whole, the one that is being filled, those that wait to be sent anew.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import UNSET, Struct, UnsetType

from mobile_contract import limits
from mobile_contract.digest import Digest
from mobile_contract.schema.messages import Begin, End
from sync import wire
from sync.cursor import Cursor, Partial
from sync.reading import Read, Start


class Before(Struct, frozen=True, kw_only=True):
    """What a device holds before a page. `names`: how it counts buckets now (None: it has to be told); `copies`: those it shows anything of."""

    start: Start = Start()
    names: tuple[str, ...] | None = None
    copies: frozenset[str] = frozenset()
    keep: tuple[str, ...] = ()
    partial: Partial | None = None


class Stand(Struct, frozen=True):
    """Where a device stands after a page, and what the page began; `more`: something has to come yet."""

    whole: tuple[str, ...]
    partial: Partial | None = None
    resets: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()
    more: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Give the buckets in the order in which frames count them."""
        return _names(self.whole, self.partial, self.resets)


def before_all() -> Before:
    """Describe a device that holds nothing."""
    return Before()


def before_at(cursor: Cursor) -> Before:
    """Describe a device that stands at a cursor."""
    names = _names(cursor.buckets, cursor.partial, cursor.resets)
    return Before(start=Start.at(cursor), names=names, copies=frozenset(names), partial=cursor.partial)


def before_anew(before: Before, bucket: str) -> Before:
    """Describe a device of which a bucket that it holds whole is to be sent anew."""
    whole = tuple(name for name in before.start.whole if name != bucket)
    start = msgspec.structs.replace(before.start, whole=whole, waiting=(*before.start.waiting, bucket))
    return msgspec.structs.replace(before, start=start)


def before_compared(want: Iterable[str], ours: Mapping[str, Digest], theirs: Mapping[str, Digest]) -> Before:
    """Describe a device that was compared: `theirs` are the digests it sent, `ours` those of the same buckets where it may hold them."""
    keep = tuple(bucket for bucket in want if bucket in theirs and ours[bucket] == theirs[bucket])
    start = Start(whole=keep, waiting=tuple(bucket for bucket in theirs if bucket not in keep))
    return Before(start=start, copies=frozenset(theirs), keep=keep)


def wanted(read: Read) -> tuple[str, ...]:
    """Name the buckets a device is given, most urgent first: 64 at most."""
    return read.want[: limits.SCOPE_BUCKETS]


def stand_after(before: Before, read: Read, *, filled: bool = True) -> Stand:
    """Tell where the device stands once the page is sent. Where nothing is `filled`, nothing is begun."""
    if read.names is None:
        return Stand(before.start.whole)
    candidates = read.names[read.kept :]
    cut = (len(candidates) if read.cut is None else read.cut) if filled else 0
    part = before.partial
    if part is not None and (part.bucket in read.again or part.bucket not in candidates[:1]):
        part = None
    left, partial = candidates[cut:], None
    if cut == 0 and part is not None:
        partial = part if read.last is None else Partial(part.bucket, *read.last, part.reset)
    elif read.last is not None:
        partial = Partial(left[0], *read.last, left[0] in before.copies)
    if partial is not None:
        left = left[1:]
    return Stand(
        whole=(*read.names[: read.kept], *candidates[:cut]),
        partial=partial,
        resets=tuple(bucket for bucket in left if bucket in before.copies),
        begun=candidates[0 if part is None else 1 : len(candidates) - len(left)],
        more=partial is not None or bool(left),
    )


def begin_of(before: Before, stand: Stand, read: Read, head: Begin) -> Begin:
    """Complete the head of a page with what it does to buckets."""
    buckets: tuple[str, ...] | UnsetType = stand.names if stand.names != before.names else UNSET
    want = wanted(read)
    return msgspec.structs.replace(
        head,
        buckets=buckets,
        add=tuple(bucket for bucket in stand.begun if bucket not in before.copies),
        keep=before.keep,
        reset=tuple(bucket for bucket in stand.begun if bucket in before.copies),
        drop=tuple(sorted(bucket for bucket in before.copies if bucket not in want)),
    )


def write(begin: Begin, frames: Iterable[bytes], end: End) -> bytes:
    """Write a page as NDJSON."""
    return b"".join((wire.frame_begin(begin), *frames, wire.frame_end(end)))


def _names(whole: tuple[str, ...], partial: Partial | None, resets: tuple[str, ...]) -> tuple[str, ...]:
    return (*whole, *((partial.bucket,) if partial is not None else ()), *resets)
