"""Ranges of a bucket for repair, against the golden vectors."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils import uuid7

from mobile_contract.digest import Digest, from_hex
from mobile_contract.emit.vectors import VECTORS
from mobile_contract.ranges import differing, range_of, range_sums, sums_from_wire, sums_to_wire
from mobile_contract.schema.messages import RangeSum

GOLDEN: dict[str, Any] = msgspec.json.decode((VECTORS / "ranges.json").read_bytes())
bucket = st.dictionaries(st.uuids(), st.integers(0, 2**64 - 1), max_size=30)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=range(len(GOLDEN["cases"])))
def test_range_sums_and_their_differences_are_those_of_the_vector(case: dict[str, Any]) -> None:
    ours, theirs = (range_sums((UUID(d["id"]), from_hex(d["h"])) for d in case[side]) for side in ("ours", "theirs"))
    assert msgspec.json.decode(msgspec.json.encode(sums_to_wire(ours))) == case["our_sums"]
    assert msgspec.json.decode(msgspec.json.encode(sums_to_wire(theirs))) == case["their_sums"]
    assert differing(ours, theirs) == case["differing"]


@given(bucket, bucket)
def test_replacing_the_differing_ranges_makes_both_sides_equal(ours: dict[UUID, int], theirs: dict[UUID, int]) -> None:
    ranges = differing(range_sums(ours.items()), range_sums(theirs.items()))
    mended = {id: h for id, h in ours.items() if range_of(id) not in ranges}
    mended |= {id: h for id, h in theirs.items() if range_of(id) in ranges}
    assert mended == theirs


@given(bucket)
def test_range_sums_survive_the_wire(ours: dict[UUID, int]) -> None:
    sums = range_sums(ours.items())
    wire = msgspec.json.decode(msgspec.json.encode(sums_to_wire(sums)), type=tuple[RangeSum, ...])
    assert sums_from_wire(wire) == sums
    assert differing(sums_from_wire(wire), sums) == []


def test_the_sums_of_all_ranges_make_up_the_digest_of_the_bucket() -> None:
    documents = [(UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128), n * 977) for n in range(2_000)]
    sums = range_sums(documents)
    whole = Digest(sum(d.count for d in sums.values()), 0)
    for each in sums.values():
        whole = Digest(whole.count, whole.xor ^ each.xor)
    assert whole == Digest.of(h for _, h in documents)


def test_new_ids_spread_over_the_ranges() -> None:
    """4,096 fresh ids: 16 per range are expected; 60 in one would happen less than once in 10^14 runs."""
    counts = [0] * 256
    for _ in range(4_096):
        counts[range_of(UUID(bytes=uuid7().bytes))] += 1
    assert max(counts) < 60
