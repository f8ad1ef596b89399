"""A phone as far as HTTP goes: makes the bytes of its requests, and walks through pages to learn its cursors. Never keeps a document.

Only used before and after a measurement; while the clock runs, the load generator sends what was made here.
"""

import http.client
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import zstandard
from msgspec import Struct

from benchmarks.bulk import Handset
from mobile_contract import limits, packing
from mobile_contract.schema.messages import Begin, Del, End, Frame, Mend, Put
from mobile_contract.version import CONTRACT

AS_PHONES: Final = f"{packing.CODING}, zstd, gzip"
AS_IT_IS: Final = "identity"
_PAGES_MAX: Final = 2_000
_PAGE_BYTES_MAX: Final = 4 * limits.MIB


class Answer(Struct, frozen=True):
    """A page: its frames, and the bytes of head and body as they came."""

    begin: Begin
    end: End
    documents: int
    wire_bytes: int


class Walk(Struct, frozen=True):
    """A device's way to the present: the requests that led there, how many documents came, and where it stands."""

    requests: tuple[bytes, ...]
    documents: int
    wire_bytes: int
    cursor: str


def raw_request(path: str, body: bytes, headers: Mapping[str, str], *, method: str = "POST") -> bytes:
    """Write a request as it travels."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def pull_request(handset: Handset, cursor: str | None, *, accept: str = AS_PHONES) -> bytes:
    """Write a pull from a cursor."""
    body = msgspec.json.encode({"cursor": cursor, "check": False, "seen_n": 0, "wait_s": 0})
    return raw_request("/sync/v1/pull", body, headers_of(handset, accept=accept))


def push_request(handset: Handset, body: bytes) -> bytes:
    """Write a push of a batch, compressed as the reference client compresses."""
    packed = zstandard.ZstdCompressor(level=3).compress(body)
    return raw_request("/sync/v1/push", packed, {**headers_of(handset), "Content-Encoding": "zstd"})


def headers_of(handset: Handset, *, accept: str = AS_PHONES) -> dict[str, str]:
    """Give the headers of each call of a device."""
    return {
        "Authorization": f"Bearer {handset.token}",
        "Onsite-Contract": CONTRACT,
        "Onsite-Session": str(handset.session_id),
        "Accept-Encoding": accept,
    }


def walk(port: int, handset: Handset, *, accept: str = AS_PHONES, cursor: str | None = None) -> Walk:
    """Pull until there is no more. Raises ValueError for an answer that is no page."""
    requests: list[bytes] = []
    documents = wire_bytes = 0
    with _Line(port) as line:
        for _ in range(_PAGES_MAX):
            request = pull_request(handset, cursor, accept=accept)
            requests.append(request)
            answer = page_of(*line.ask(request))
            documents += answer.documents
            wire_bytes += answer.wire_bytes
            cursor = answer.end.cursor
            if not answer.end.more:
                assert cursor is not None
                return Walk(tuple(requests), documents, wire_bytes, cursor)
    raise ValueError("there was always one more page")


def ask(port: int, request: bytes) -> tuple[int, Mapping[str, str], bytes]:
    """Send one request on a connection of its own; give status, headers (lower case) and body as it came."""
    with _Line(port) as line:
        return line.ask(request)


def page_of(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Read a page. Raises ValueError for an answer that is none."""
    if status != 200:
        raise ValueError(f"a pull was answered {status}: {body[:300]!r}")
    wire = (
        len(body) + sum(len(name) + len(value) + 4 for name, value in headers.items()) + len("HTTP/1.1 200 OK\r\n\r\n")
    )
    lines = unpacked(headers, body).splitlines()
    begin, *changes, end = [msgspec.json.decode(each, type=Frame) for each in lines]
    if not isinstance(begin, Begin) or not isinstance(end, End) or begin.compare:
        raise ValueError("the page has no head or no foot, or asks for digests")
    assert all(isinstance(change, Put | Del | Mend) for change in changes)
    return Answer(begin, end, sum(isinstance(change, Put) for change in changes), wire)


def unpacked(headers: Mapping[str, str], body: bytes) -> bytes:
    """Decompress a body."""
    match headers.get("content-encoding", "identity"):
        case packing.CODING:
            return packing.unpack(body, _PAGE_BYTES_MAX)
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(body)
        case "gzip":
            import gzip

            return gzip.decompress(body)
        case _:
            return body


class _Line:
    """A kept connection that takes raw requests."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __enter__(self) -> "_Line":
        self._connection.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, request: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request and read its answer."""
        assert self._connection.sock is not None
        self._connection.sock.sendall(request)
        answer = http.client.HTTPResponse(self._connection.sock, method=request.split(b" ", 1)[0].decode())
        answer.begin()
        body = answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def wire_bytes(requests: Sequence[bytes]) -> int:
    """Sum up the bytes of requests."""
    return sum(map(len, requests))
