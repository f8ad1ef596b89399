"""Ids that follow from others are those of the standard library."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.ids import marked_id, named_id, uuid_text


@given(st.uuids(), st.text(max_size=80))
def test_a_named_id_is_that_of_version_5(namespace: uuid.UUID, name: str) -> None:
    assert named_id(namespace, name.encode()) == uuid.uuid5(namespace, name)


@given(st.uuids())
def test_an_id_is_written_as_its_text(id: uuid.UUID) -> None:
    assert uuid_text(id).decode() == str(id)


@given(st.binary(min_size=16, max_size=16), st.integers(1, 8))
def test_a_marked_id_says_its_version_and_keeps_the_rest(made: bytes, version: int) -> None:
    id = marked_id(bytearray(made), version)
    assert (id.version, id.variant) == (version, uuid.RFC_4122)
    free = ~(0xF << 76 | 0x3 << 62)
    assert id.int & free == int.from_bytes(made, "big") & free
