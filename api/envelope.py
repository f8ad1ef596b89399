"""What is around every answer: request id, log line, metrics, security headers, compression. Never reads a body and never refuses.

It wraps the application from outside, so that answers of the router itself (404, 405) pass through it too.
"""

import time
from typing import Any, Final

from litestar.types import ASGIApp, Message, Receive, Send
from uuid_utils.compat import uuid7

from api.frames import FRAMES
from api.ledger import Ledger
from api.record import Record, put_record
from sync.wire import encode

COMPRESS_FROM_BYTES: Final = 1_024
_COMPRESSIBLE: Final = (
    b"application/json",
    b"application/problem+json",
    b"application/geo+json",
    b"application/vnd.mapbox-vector-tile",
    b"text/",
    b"image/svg+xml",
)
HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
"""A site that is to be called by HTTPS alone says so."""

_API_POLICY: Final = b"default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY: Final = (
    b"default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_ALWAYS: Final = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}


class Envelope:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, ledger: Ledger, *, hsts: bool) -> None:
        self._app = app
        self._ledger = ledger
        self._hsts = hsts

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request, then write its line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = Record(request_id=uuid7(), method=scope["method"])
        put_record(scope, record)
        answer = _Answer(scope, send, record, hsts=self._hsts)
        started = time.perf_counter()
        self._ledger.begin()
        try:
            await self._app(scope, receive, answer.send)
        finally:
            route = str(scope.get("path_template") or "unmatched")
            self._ledger.end(record, route, status=answer.status, seconds=time.perf_counter() - started)


class _Answer:
    """One answer on its way out: headers added, and compressed when it is whole and long enough."""

    def __init__(self, scope: Any, send: Send, record: Record, *, hsts: bool) -> None:
        self._scope = scope
        self._send = send
        self._record = record
        self._hsts = hsts
        self._start: Any = None
        self.status = 0

    async def send(self, message: Message) -> None:
        """Pass a message on; the head of a whole answer waits for its body, which may be compressed."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # A stream has no length: its head must not wait for a first piece that may come late.
            if any(name.lower() == b"content-length" for name, _ in message["headers"]):
                self._start = message
            else:
                await self._send_start(message, None)
            return
        if message["type"] == "http.response.body" and self._start is not None:
            start, self._start = self._start, None
            await self._send_start(start, message)
        await self._send(message)

    async def _send_start(self, start: Any, body: Any) -> None:
        headers = {name.lower(): value for name, value in start["headers"]}
        cookies = [pair for pair in start["headers"] if pair[0].lower() == b"set-cookie"]
        headers.pop(b"set-cookie", None)
        if body is not None and not body.get("more_body", False):
            body["body"] = self._compressed(headers, body.get("body", b""))
        self._add_headers(headers)
        start["headers"] = [*headers.items(), *cookies]
        await self._send(start)

    def _compressed(self, headers: dict[bytes, bytes], body: bytes) -> bytes:
        kind = headers.get(b"content-type", b"")
        if (
            len(body) < COMPRESS_FROM_BYTES
            or b"content-encoding" in headers
            or self.status in (204, 206, 304)
            or not kind.startswith(_COMPRESSIBLE)
        ):
            return body
        accepted = next((v.decode("latin-1") for k, v in self._scope["headers"] if k == b"accept-encoding"), None)
        encoded = encode(body, accepted)
        headers[b"vary"] = b", ".join(filter(None, (headers.get(b"vary"), b"Accept-Encoding")))
        if encoded.encoding != "identity":
            headers[b"content-encoding"] = encoded.encoding.encode()
            headers[b"content-length"] = str(len(encoded.body)).encode()
        return encoded.body

    def _add_headers(self, headers: dict[bytes, bytes]) -> None:
        kind = headers.get(b"content-type", b"")
        # No browser shows frames for phones, and what tells it how to would be a third of most answers to a pull. Nobody keeps the answer to
        # a POST that does not say for how long.
        if kind != FRAMES:
            for name, value in _ALWAYS.items():
                headers.setdefault(name, value)
            # A 304 has no media type, and its headers replace those of the page that the browser kept.
            if self.status != 304:
                page = kind.startswith(b"text/html")
                headers.setdefault(b"content-security-policy", _PAGE_POLICY if page else _API_POLICY)
            headers.setdefault(b"cache-control", b"no-store")
        headers[b"request-id"] = str(self._record.request_id).encode()
        if self._hsts:
            headers.setdefault(*HSTS)
