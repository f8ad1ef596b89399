"""The hash of documents and the digests of buckets and commands, against the golden vectors."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.digest import Digest, command_digest, document_hash, from_hex, from_signed, to_hex, to_signed
from mobile_contract.emit.vectors import VECTORS, emit
from mobile_contract.schema.messages import BucketDigest

GOLDEN: dict[str, Any] = msgspec.json.decode((VECTORS / "digest.json").read_bytes())
u64 = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize("vector", GOLDEN["documents"], ids=lambda v: f"{v['kind']}-{v['ver']}")
def test_document_hash_is_that_of_the_vector(vector: dict[str, Any]) -> None:
    h = document_hash(vector["kind"], UUID(vector["id"]), int(vector["ver"]), vector["body"].encode())
    assert to_hex(h) == vector["h"]
    assert str(to_signed(h)) == vector["bigint"]
    assert from_signed(int(vector["bigint"])) == from_hex(vector["h"]) == h


@pytest.mark.parametrize("vector", GOLDEN["digests"], ids=lambda v: str(v["documents"]))
def test_bucket_digest_is_that_of_the_vector(vector: dict[str, Any]) -> None:
    hashes = [from_hex(GOLDEN["documents"][i]["h"]) for i in vector["documents"]]
    wire = msgspec.json.encode(Digest.of(hashes).to_wire())
    assert msgspec.json.decode(wire) == vector["digest"]
    assert Digest.from_wire(msgspec.json.decode(wire, type=BucketDigest)) == Digest.of(hashes)
    assert Digest.of(to_signed(h) for h in hashes) == Digest.of(hashes)


@pytest.mark.parametrize("vector", GOLDEN["commands"], ids=lambda v: v["sha256"][:8])
def test_command_digest_is_that_of_the_vector(vector: dict[str, Any]) -> None:
    assert command_digest(vector["cmd"].encode()).hex() == vector["sha256"]


@pytest.mark.parametrize("name", sorted(emit()))
def test_emitting_the_vectors_again_changes_nothing(name: str) -> None:
    assert emit()[name] == (VECTORS / name).read_text(encoding="utf-8")


@given(u64)
def test_every_form_of_a_hash_leads_back(h: int) -> None:
    assert from_signed(to_signed(h)) == from_hex(to_hex(h)) == from_hex(to_hex(to_signed(h))) == h
    assert -(2**63) <= to_signed(h) < 2**63
    assert to_signed(to_signed(h)) == to_signed(h)


@given(st.lists(u64), st.randoms())
def test_a_digest_does_not_depend_on_order_and_adding_then_removing_leaves_it(hashes: list[int], random: Any) -> None:
    shuffled = random.sample(hashes, len(hashes))
    digest = Digest()
    for h in shuffled:
        digest = digest.add(to_signed(h))
    assert digest == Digest.of(hashes)
    for h in hashes:
        digest = digest.remove(h)
    assert digest == Digest()


@pytest.mark.parametrize(
    "text", ["", "0", "0" * 15, "0" * 17, "G" * 16, "A" * 16, "0x" + "0" * 14, "+" + "0" * 15, "０" * 16]
)
def test_a_hex_form_that_is_not_sixteen_lower_case_digits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="16"):
        from_hex(text)
