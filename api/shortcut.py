"""Answers pulls from the bytes of a request to the bytes of its answer, without the framework. Decides nothing of its own.

A phone that has nothing to fetch must cost next to nothing, and what an ASGI server and a framework do around a handler takes longer than a
pull. Only an ask that came whole, reads well and is of a device that follows what it holds goes this way; whatever else there is, refusals
among it, is answered by the route, so that there is one place where it is decided how.
"""

import time
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from uuid_utils.compat import uuid7

from api.auth import holder_of
from api.contract import is_spoken
from api.envelope import HSTS
from api.frames import encoded, encoded_here, headers_of, is_short
from api.http_protocol import Exchange
from api.ledger import Ledger
from api.problems import UNREADABLE
from api.record import Record
from api.services import Services
from api.sightings import note_call
from mobile_contract import limits
from mobile_contract.schema.messages import PullAsk
from sync.pull import Page, Source
from sync.wire import Encoded

log = structlog.get_logger()
PATH: Final = "/sync/v1/pull"
_DECODER: Final = msgspec.json.Decoder(PullAsk, strict=True)


class _Asked(Struct, eq=False):
    """A pull under way."""

    exchange: Exchange
    source: Source
    ask: PullAsk
    headers: Mapping[str, str]
    record: Record
    began_s: float


class PullShortcut:
    """The way past the framework, open once the application has begun. `hsts`: the site is to be called by HTTPS alone."""

    def __init__(self, ledger: Ledger, *, hsts: bool) -> None:
        self._ledger = ledger
        self._services: Services | None = None
        self._always = b"%b: %b\r\n" % HSTS if hsts else b""

    def open(self, services: Services) -> None:
        """Begin to answer."""
        self._services = services

    def begin(self, exchange: Exchange) -> bool:
        """Begin to answer a request; False: the framework is to answer it."""
        services = self._services
        headers = exchange.headers()
        if services is None or headers is None:
            return False
        holder = holder_of(headers.get("authorization", ""), headers.get("onsite-session", ""))
        ask = _read(headers, bytes(exchange.body))
        if holder is None or ask is None:
            return False
        source = Source(services.pool, services.keyring, holder)
        record = Record(request_id=uuid7(), method="POST", org_id=holder.org_id, actor=f"device:{holder.device_id}")
        asked = _Asked(exchange, source, ask, headers, record, time.perf_counter())

        def told(found: Page | Exception | None) -> None:
            # Others wait behind this one for the same loop.
            try:
                self._told(services, asked, found)
            except Exception as error:
                self._pass_on(asked, error)

        if not services.waiting.pull_soon(source, ask, told, gone=exchange.is_gone):
            return False
        self._ledger.begin()
        exchange.lost = lambda: self._note(asked, 0)
        return True

    def _told(self, services: Services, asked: _Asked, found: Page | Exception | None) -> None:
        if isinstance(found, Exception):
            self._pass_on(asked, found)
        elif found is not None and is_short(found.body) and services.waiting.is_final(asked.ask, found):
            self._answer(services, asked, encoded_here(found.body, asked.headers.get("accept-encoding")))
        else:
            asked.exchange.go_on(self._rest(services, asked, found))

    async def _rest(self, services: Services, asked: _Asked, found: Page | None) -> None:
        """Do what takes longer: read a page alone, wait for news, do what is to be done beside a page, compress a long one."""
        try:
            page = await services.waiting.pull(asked.source, asked.ask, found=found, alone=found is None)
            self._answer(services, asked, await encoded(page.body, asked.headers.get("accept-encoding")))
        except Exception as error:
            self._pass_on(asked, error)

    def _answer(self, services: Services, asked: _Asked, answer: Encoded) -> None:
        lines = b"".join([b"%b: %b\r\n" % pair for pair in headers_of(answer)])
        request_id = str(asked.record.request_id).encode()
        head = b"%b%brequest-id: %b\r\n" % (lines, self._always, request_id)
        if not asked.exchange.answer(head, answer.body):
            return
        self._note(asked, 200)
        note_call(asked.headers, services, asked.source.holder, pulled=True, unsent=asked.ask.unsent)

    def _pass_on(self, asked: _Asked, error: Exception) -> None:
        """Let the route say what went wrong; it is not done again."""
        if asked.exchange.pass_on(error):
            self._ledger.leave()
        elif not asked.exchange.is_lost:
            log.error("fault", after="the answer", error=type(error).__name__, exc_info=error)

    def _note(self, asked: _Asked, status: int) -> None:
        self._ledger.end(asked.record, PATH, status=status, seconds=time.perf_counter() - asked.began_s)


def _read(headers: Mapping[str, str], body: bytes) -> PullAsk | None:
    plain = headers.get("content-type") == "application/json" and "content-encoding" not in headers
    if not plain or not is_spoken(headers.get("onsite-contract", "")) or len(body) > limits.PULL_BODY_BYTES:
        return None
    # Perhaps a NUL, which no text may hold: the route looks closer.
    if b"u0000" in body:
        return None
    try:
        return _DECODER.decode(body)
    except UNREADABLE:
        return None
