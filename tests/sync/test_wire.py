"""Bodies within limits, answers compressed, frames spliced."""

import gzip
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
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
from mobile_contract.schema.messages import Begin, BucketDigest, Del, End, Frame, Mend, Put
from sync.wire import (
    BodyRefused,
    Encoded,
    choose_encoding,
    encode,
    encode_page,
    frame_begin,
    frame_end,
    frame_mend,
    read_limited,
)

KIB = 1024
PAGE = Path(mobile_contract.__file__).parent / "vectors" / "page.ndjson"


class Body:
    """A request body that counts how much of it was asked for."""

    def __init__(self, content: bytes, step: int = 100) -> None:
        self.content, self.step, self.read = content, step, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.content), self.step):
            chunk = self.content[start : start + self.step]
            self.read += len(chunk)
            yield chunk


def packed(content: bytes, encoding: str | None) -> bytes:
    if encoding == "zstd":
        return zstandard.ZstdCompressor().compress(content)
    return gzip.compress(content) if encoding in ("gzip", "x-gzip") else content


async def read(content: bytes, encoding: str | None, limit: int = 64 * KIB) -> bytes | BodyRefused:
    return await read_limited(Body(content), encoding, 32 * KIB, limit)


def code(answer: bytes | BodyRefused) -> str:
    return answer.code if isinstance(answer, BodyRefused) else "read"


ENCODINGS = [None, "identity", "", "gzip", "x-gzip", "zstd", " GZIP "]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "content", [b"", b"{}", b"x" * 20_000, os.urandom(20_000)], ids=["empty", "small", "even", "random"]
)
async def test_a_body_within_its_limits_is_read_whole(content: bytes, encoding: str | None) -> None:
    sent = packed(content, encoding.strip().lower() if encoding else None)
    assert await read(sent, encoding) == content


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd", "compress", "zstd;q=1", "\x00"])
async def test_an_encoding_that_we_do_not_read_is_named_so(encoding: str) -> None:
    body = Body(b"{}")
    assert code(await read_limited(body, encoding, KIB, KIB)) == "unsupported_media_type"
    assert body.read == 0


@pytest.mark.parametrize("encoding", [None, "gzip", "zstd"])
async def test_reading_stops_at_the_limit_as_sent(encoding: str | None) -> None:
    body = Body(os.urandom(1_000_000))
    assert code(await read_limited(body, encoding, 32 * KIB, 64 * KIB)) == "body_too_large"
    assert body.read <= 33 * KIB


@pytest.mark.parametrize("encoding", [None, "gzip", "zstd"])
async def test_a_body_exactly_at_the_limit_passes_and_one_byte_more_does_not(encoding: str | None) -> None:
    assert await read(packed(b"a" * 5_000, encoding), encoding, 5_000) == b"a" * 5_000
    assert code(await read(packed(b"a" * 5_001, encoding), encoding, 5_000)) == "body_too_large"


async def test_a_gzip_bomb_is_refused_without_being_unpacked() -> None:
    bomb = gzip.compress(bytes(30_000_000))
    assert len(bomb) < 32 * KIB
    assert code(await read(bomb, "gzip")) == "body_too_large"


async def test_a_zstd_bomb_is_refused_without_being_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """32 KiB of run-length blocks claim 1 GiB; what is unpacked before the refusal stays below 4 MiB."""
    block = ((128 * KIB) << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    bomb = b"\x28\xb5\x2f\xfd\x00\x58" + block * 8_000
    made = 0
    genuine = zstandard.ZstdDecompressor

    class Counting:
        def __init__(self, max_window_size: int) -> None:
            self.inner = genuine(max_window_size=max_window_size)

        def decompressobj(self) -> "Counting":
            self.obj = self.inner.decompressobj()
            return self

        eof = False

        def decompress(self, piece: bytes) -> bytes:
            nonlocal made
            out = self.obj.decompress(piece)
            made += len(out)
            return out

    monkeypatch.setattr(zstandard, "ZstdDecompressor", Counting)
    assert code(await read(bomb, "zstd")) == "body_too_large"
    assert 0 < made < 4 * KIB * KIB


async def test_a_zstd_window_beyond_eight_mib_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wide = compressor.compress(b"a" * 1_000) + compressor.flush()
    assert code(await read(wide, "zstd")) == "malformed"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_cut_doubled_trailed_or_foreign_body_is_malformed(encoding: str) -> None:
    whole = packed(os.urandom(3_000), encoding)
    for sent in (whole[:-1], whole[:10], whole + whole, whole + b"x", b"{}", b"", b"x" * 500):
        assert code(await read(sent, encoding)) == "malformed", sent[:20]


@given(st.binary(max_size=400), st.sampled_from(["gzip", "zstd", "identity"]), st.booleans())
async def test_no_bytes_make_reading_raise(noise: bytes, encoding: str, headed: bool) -> None:
    head = {"gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\xff", "zstd": b"\x28\xb5\x2f\xfd", "identity": b""}[encoding]
    answer = await read(head + noise if headed else noise, encoding)
    assert isinstance(answer, bytes | BodyRefused)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "identity"),
        ("", "identity"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate", "gzip"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0, gzip;q=0.1", "gzip"),
        ("GZIP;Q=0.3", "gzip"),
        ("*", "zstd"),
        ("*;q=0", "identity"),
        ("zstd;q=0, *", "gzip"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0", "identity"),
        ("br;q=1", "identity"),
        ("zstd;q=nan, gzip;q=-1, ;;;", "identity"),
        ("zstd;level=3", "identity"),
    ],
)
def test_the_encoding_follows_the_weights(header: str | None, expected: str) -> None:
    assert choose_encoding(header) == expected


@given(st.text(max_size=200))
def test_no_header_makes_choosing_raise(header: str) -> None:
    assert choose_encoding(header) in ("zstd", "gzip", "identity")


@given(st.binary(max_size=5_000), st.sampled_from(["zstd", "gzip", "identity", None]))
async def test_what_is_encoded_is_read_back(body: bytes, accept: str | None) -> None:
    encoded = encode(body, accept)
    assert len(encoded.body) <= len(body)
    assert await read(encoded.body, encoded.encoding) == body


def test_what_compression_does_not_shorten_leaves_as_it_is() -> None:
    assert encode(b"{}", "zstd, gzip") == Encoded(b"{}", "identity")
    assert encode(b"a" * 500, "zstd, gzip").encoding == "zstd"


JOB, NOTE = UUID("01890a5d-ac96-774b-bcce-b302099a8057"), UUID("01890a5d-ac96-774b-bcce-b302099a8058")
JOB_BODY = (
    b'{"id":"01890a5d-ac96-774b-bcce-b302099a8057","title":"Rohrbruch, \xe6\xb0\xb4\xe7\xae\xa1","later_field":1.50}'
)
NOTE_BODY = b'{"id":"01890a5d-ac96-774b-bcce-b302099a8058","text":"a \\"quoted\\" \\u0000"}'


def line(frame: Put | Del) -> bytes:
    """Write a frame as the database writes it."""
    return msgspec.json.encode(frame) + b"\n"


def golden_page() -> bytes:
    """Assemble the page of the vector."""
    job_hash, note_hash = document_hash("job", JOB, 3, JOB_BODY), document_hash("note", NOTE, 1, NOTE_BODY)
    begin = Begin(
        life=UUID("5c1b2a3d-0000-4000-8000-000000000001"),
        server_time=datetime(2026, 3, 4, 5, 6, 7, 890000, tzinfo=UTC),
        anchor="opaque.anchor",
        buckets=("dev/01890a5d-ac96-774b-bcce-b302099a8099", "crew/7"),
        add=("crew/7",),
        drop=("crew/6",),
    )
    end = End(cursor="opaque-cursor", acked_n=12, more=False, digests={"crew/7": BucketDigest(1, to_hex(note_hash))})
    return b"".join(
        [
            frame_begin(begin),
            line(Put(b=(0, 1), kind="job", id=JOB, ver=3, h=to_hex(job_hash), body=msgspec.Raw(JOB_BODY))),
            line(Put(b=(1,), kind="note", id=NOTE, ver=1, h=to_hex(note_hash), body=msgspec.Raw(NOTE_BODY))),
            line(Del(b=(0,), kind="visit", id=UUID("01890a5d-ac96-774b-bcce-b302099a8060"))),
            frame_mend(Mend(b=1, ranges=(0, 87, 255))),
            frame_end(end),
        ]
    )


def test_the_page_of_the_vector_is_assembled_byte_for_byte() -> None:
    assert golden_page() == PAGE.read_bytes()


def test_a_device_reads_from_a_page_the_bytes_that_were_hashed() -> None:
    decoder = msgspec.json.Decoder(Frame)
    frames = [decoder.decode(line) for line in PAGE.read_bytes().splitlines()]
    assert [type(frame) for frame in frames] == [Begin, Put, Put, Del, Mend, End]
    puts = [frame for frame in frames if isinstance(frame, Put)]
    assert [bytes(put.body) for put in puts] == [JOB_BODY, NOTE_BODY]
    assert all(to_hex(document_hash(put.kind, put.id, put.ver, bytes(put.body))) == put.h for put in puts)


def test_a_frame_of_a_newer_minor_version_is_understood() -> None:
    line = b'{"frame":"end","cursor":null,"acked_n":1,"more":false,"digests":{"ref":[1,"00000000000000ff",9]},"new":{"x":[1]}}'
    assert msgspec.json.decode(line, type=Frame) == End(
        cursor=None, acked_n=1, more=False, digests={"ref": BucketDigest(1, "00000000000000ff")}
    )


def page_of(documents: int) -> bytes:
    body = b'{"id":"00000000-0000-0000-0000-000000000001","text":"the same for all of them"}'
    put = (
        b'{"frame":"put","b":[0],"kind":"job","id":"00000000-0000-0000-0000-000000000001","ver":1,"h":"%b","body":%b}\n'
    )
    h = to_hex(document_hash("job", UUID(int=1), 1, body)).encode()
    return b'{"frame":"begin"}\n' + documents * (put % (h, body)) + b'{"frame":"end"}\n'


@pytest.mark.parametrize("accepted", ["onsite-1, zstd, gzip", "gzip;q=0.5, ONSITE-1"])
def test_a_short_page_is_packed_by_the_contracts_coding_for_who_knows_it(accepted: str) -> None:
    page = page_of(10)
    encoded = encode_page(page, accepted)
    assert encoded.encoding == packing.CODING
    assert packing.unpack(encoded.body, 1024 * KIB) == page
    assert len(encoded.body) < len(encode(page, "zstd").body)


@pytest.mark.parametrize(
    ("accepted", "documents", "encoding"),
    [("zstd, gzip", 10, "zstd"), ("onsite-1;q=0, gzip", 10, "gzip"), ("onsite-1, zstd", 200, "zstd"), (None, 10, "identity"), ("onsite-2", 10, "identity")],
)  # fmt: skip
def test_any_other_page_is_packed_as_ever(accepted: str | None, documents: int, encoding: str) -> None:
    encoded = encode_page(page_of(documents), accepted)
    assert encoded.encoding == encoding
