"""Answers that drip: a body is read as long as it comes fast enough. Known to the transport alone, and loaded with its HTTP client."""

import time
from collections.abc import Iterator
from typing import Final

import httpx

# Below this nothing is coming: 2G gives ten times as much.
SLOWEST_BYTES_PER_S: Final = 500


class Paced(httpx.SyncByteStream):
    """A body that may take `patience_s`, and a second more for each 500 bytes that came. Raises httpx.ReadTimeout for one that takes longer.

    The client's own timeout bounds the pause between two pieces only: one byte a second would hold a phone for days.
    """

    def __init__(self, body: httpx.SyncByteStream, patience_s: float) -> None:
        self._body, self._patience_s = body, patience_s

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces as they come."""
        deadline = time.monotonic() + self._patience_s
        for piece in self._body:
            deadline += len(piece) / SLOWEST_BYTES_PER_S
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the answer comes too slowly")
            yield piece

    def close(self) -> None:
        """Let go of the connection."""
        self._body.close()
