"""The contract's own content coding: whatever the page, what comes out is what went in."""

import base64
import hashlib
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import mobile_contract
from mobile_contract import packing
from mobile_contract.digest import document_hash, to_hex
from mobile_contract.emit import dictionary
from mobile_contract.emit.vectors import VECTORS

LIMIT = 1 << 20
FILE = Path(mobile_contract.__file__).with_name("dictionary-1.json")


class Vector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    coding: str
    dictionary_sha256: str
    page: str
    lean: str
    packed_base64: str


@pytest.fixture(scope="module")
def vector() -> Vector:
    return msgspec.json.decode((VECTORS / "packing.json").read_bytes(), type=Vector)


def put(kind: str, id: UUID, ver: int, body: bytes) -> bytes:
    h = to_hex(document_hash(kind, id, ver, body))
    return b'{"frame":"put","b":[0,12],"kind":"%b","id":"%b","ver":%d,"h":"%b","body":%b}\n' % (
        kind.encode(),
        str(id).encode(),
        ver,
        h.encode(),
        body,
    )


def test_the_golden_page_is_unpacked(vector: Vector) -> None:
    assert vector.page.encode() == (VECTORS / "page.ndjson").read_bytes()
    assert packing.unpack(base64.b64decode(vector.packed_base64), LIMIT) == vector.page.encode()
    assert packing.lean(vector.page.encode()) == vector.lean.encode()
    assert packing.restored(vector.lean.encode()) == vector.page.encode()


def test_the_dictionary_is_the_one_that_phones_have(vector: Vector) -> None:
    said = msgspec.json.decode(FILE.read_bytes(), type=packing.Dictionary)
    assert hashlib.sha256(said.text.encode()).hexdigest() == said.sha256 == vector.dictionary_sha256
    assert said.coding == packing.CODING == vector.coding


def test_a_dictionary_of_the_contract_as_it_is_now_can_be_made() -> None:
    made = dictionary.make("onsite-2")
    assert made.sha256 == hashlib.sha256(made.text.encode()).hexdigest()
    assert '"kind":"job"' in made.text


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["job", "visit_note"]),
            st.uuids(),
            st.integers(1, 1 << 53),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_any_page_comes_out_as_it_went_in(documents: list[tuple[str, UUID, int, str, bool]]) -> None:
    page = b'{"frame":"begin"}\n'
    for kind, id, ver, text, named in documents:
        body = {"id": id, "text": text} if named else {"text": text, "id": id}
        page += put(kind, id, ver, msgspec.json.encode(body))
    page += b'{"frame":"end"}\n'
    assert packing.unpack(packing.pack(page, packing.compressor(3)), LIMIT) == page


def test_a_frame_that_names_another_id_or_ends_otherwise_is_left_as_it_is() -> None:
    one, other = UUID(int=1), UUID(int=2)
    line = put("job", one, 1, b'{"id":"%b"}' % str(other).encode())
    assert packing.lean(line) == line == packing.restored(line)


@pytest.mark.parametrize("packed", [b"", b"no zstd at all", zstandard.ZstdCompressor().compress(b"x" * 4096)])
def test_what_is_no_such_page_is_refused(packed: bytes) -> None:
    with pytest.raises(packing.NotPacked):
        packing.unpack(packed, 64)


def test_a_damaged_page_is_noticed(vector: Vector) -> None:
    packed = bytearray(base64.b64decode(vector.packed_base64))
    packed[len(packed) // 2] ^= 1
    with pytest.raises(packing.NotPacked):
        packing.unpack(bytes(packed), LIMIT)


def test_a_page_beyond_the_limit_is_refused(vector: Vector) -> None:
    with pytest.raises(packing.NotPacked):
        packing.unpack(base64.b64decode(vector.packed_base64), 100)
