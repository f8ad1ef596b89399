"""A page of documents as an answer: compressed as the phone accepts it, with the headers that say how. Knows no framework."""

import asyncio
from typing import Final

from mobile_contract import limits
from sync.wire import Encoded, encode_page

FRAMES: Final = b"application/x-ndjson"
"""The media type of a page of documents."""

# Beyond this, compressing takes long enough to be felt by every other request of the process.
_HERE_BYTES: Final = 256 * limits.KIB
# A page without news is an anchor and a cursor, which nothing shortens.
_COMPRESS_FROM_BYTES: Final = 1_000


def is_short(page: bytes) -> bool:
    """Tell whether a page may be compressed where it was made, while everybody else waits."""
    return len(page) <= _HERE_BYTES


def encoded_here(page: bytes, accepted: str | None) -> Encoded:
    """Compress a short page as its Accept-Encoding says."""
    return encode_page(page, accepted if len(page) > _COMPRESS_FROM_BYTES else None)


async def encoded(page: bytes, accepted: str | None) -> Encoded:
    """Compress a page, a long one in a thread."""
    return encoded_here(page, accepted) if is_short(page) else await asyncio.to_thread(encode_page, page, accepted)


def headers_of(answer: Encoded) -> list[tuple[bytes, bytes]]:
    """Give the headers that an answer needs: what it is, and how long."""
    headers = [(b"content-type", FRAMES), (b"content-length", b"%d" % len(answer.body))]
    if answer.encoding != "identity":
        headers.append((b"content-encoding", answer.encoding.encode()))
    return headers
