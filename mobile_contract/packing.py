"""A content coding for pages, which only phones of this contract know: `onsite-1`. Pure; golden vector in `vectors/packing.json`.

A page of ten documents is mostly names that every phone knows, and hashes that it can compute. The coding leaves both out: frames without
what follows from their bodies, packed by zstd with a dictionary that is part of the contract. What is unpacked is the page, byte for byte.
A document whose stored hash is wrong is found by its bucket's digest. Who does not name the coding in `Accept-Encoding` gets another; a dictionary is never changed, another one is another coding.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
import zstandard
from msgspec import Struct

from mobile_contract.digest import document_hash, to_hex

CODING: Final = "onsite-1"
_FILE: Final = Path(__file__).with_name("dictionary-1.json")
# zstd's checksum stands in for the hash of each document, by which a phone would notice a broken one.
_CHECKSUM: Final = True
# A document names itself first: its frame need not, nor say the hash of what follows.
_PUT: Final = re.compile(
    rb'(\{"frame":"put","b":\[[0-9,]*\],"kind":"[a-z_]+",)"id":"([0-9a-f-]{36})","ver":([0-9]+),"h":"[0-9a-f]{16}","body":(?=\{"id":"\2")'
)
_LEAN: Final = re.compile(
    rb'(\{"frame":"put","b":\[[0-9,]*\],"kind":"([a-z_]+)",)"ver":([0-9]+),"body":(\{"id":"([0-9a-f-]{36})".*)\}'
)


class NotPacked(ValueError):
    """Bytes that are no page of this coding, or a larger one than may be."""


class Dictionary(Struct, frozen=True):
    """The file of the dictionary: its text, and the SHA-256 of the text's UTF-8."""

    coding: str
    sha256: str
    text: str


@cache
def dictionary() -> zstandard.ZstdCompressionDict:
    """Read the dictionary: raw content, its most useful part last."""
    text = msgspec.json.decode(_FILE.read_bytes(), type=Dictionary).text
    return zstandard.ZstdCompressionDict(text.encode(), dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def compressor(level: int) -> zstandard.ZstdCompressor:
    """Make what packs lean frames. It must not be used by two threads at once."""
    prepared = zstandard.ZstdCompressionDict(dictionary().as_bytes(), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    prepared.precompute_compress(level=level)
    return zstandard.ZstdCompressor(level=level, dict_data=prepared, write_checksum=_CHECKSUM)


def pack(page: bytes, by: zstandard.ZstdCompressor) -> bytes:
    """Pack a page."""
    return by.compress(lean(page))


def unpack(packed: bytes, limit: int) -> bytes:
    """Unpack a page of at most `limit` bytes. Raises NotPacked for anything else."""
    try:
        # What a frame says of its size is believed before the limit is.
        if zstandard.frame_content_size(packed) > limit:
            raise NotPacked("a page that is too large")
        found = zstandard.ZstdDecompressor(dict_data=dictionary()).decompress(packed, max_output_size=limit)
    except zstandard.ZstdError as error:
        raise NotPacked(str(error)) from error
    return restored(found)


def lean(page: bytes) -> bytes:
    """Leave out of each frame what follows from its body: the id, and the hash."""
    return b"\n".join([_short(line) for line in page.split(b"\n")])


def _short(line: bytes) -> bytes:
    match = _PUT.match(line)
    return line if match is None else b'%b"ver":%b,"body":%b' % (match[1], match[3], line[match.end() :])


def restored(found: bytes) -> bytes:
    """Put back into each frame what was left out. A frame that is whole stays."""
    return b"\n".join([_whole(line) for line in found.split(b"\n")])


def _whole(line: bytes) -> bytes:
    match = _LEAN.fullmatch(line)
    if match is None:
        return line
    head, kind, ver, body, id = match.groups()
    h = to_hex(document_hash(kind.decode(), UUID(id.decode()), int(ver), body))
    return b'%b"id":"%b","ver":%b,"h":"%b","body":%b}' % (head, id, ver, h.encode(), body)
