"""Cutting a bucket into 256 ranges, so that a repair sends only what differs. Pure; golden vectors in `vectors/ranges.json`.

A document's range is the last byte of its id. Ids are UUIDv7, whose last bytes are random, so the ranges are even;
and any platform gets the byte from the last two hex digits, PostgreSQL with `get_byte(uuid_send(id), 15)`. Uneven
ids only make a repair dearer, never wrong.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from mobile_contract.digest import Digest, from_hex, to_hex
from mobile_contract.schema.messages import RangeSum


def range_of(id: UUID) -> int:
    """Name the range of a document, 0 to 255."""
    return id.bytes[15]


def range_sums(documents: Iterable[tuple[UUID, int]]) -> dict[int, Digest]:
    """Digest (id, hash) pairs per range; hashes signed or unsigned. Empty ranges are absent."""
    hashes: dict[int, list[int]] = {}
    for id, h in documents:
        hashes.setdefault(range_of(id), []).append(h)
    return {index: Digest.of(hashes[index]) for index in sorted(hashes)}


def differing(ours: Mapping[int, Digest], theirs: Mapping[int, Digest]) -> list[int]:
    """List the ranges whose digests differ, ascending. An absent range is an empty one."""
    empty = Digest()
    return [index for index in sorted({*ours, *theirs}) if ours.get(index, empty) != theirs.get(index, empty)]


def sums_to_wire(sums: Mapping[int, Digest]) -> tuple[RangeSum, ...]:
    """Write range sums as `[range, count, hex]`, ascending, without the empty ones."""
    return tuple(
        RangeSum(index, sums[index].count, to_hex(sums[index].xor)) for index in sorted(sums) if sums[index] != Digest()
    )


def sums_from_wire(wire: Iterable[RangeSum]) -> dict[int, Digest]:
    """Read range sums; a range named twice counts with its last value. Raises ValueError for anything but 16 hex digits."""
    return {each.r: Digest(each.n, from_hex(each.x)) for each in wire}
