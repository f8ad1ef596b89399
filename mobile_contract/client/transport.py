"""The way to the server: one POST, tried again with growing pauses. Knows addresses and headers, never what is said.

A port writes its own `Transport` on its platform's HTTP client. `Caller` decides when to try again: for a lost connection,
429 and 5xx, after the longer of `Retry-After` and an exponential pause with full jitter; never for any other answer.
"""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

import msgspec
import zstandard
from msgspec import Struct

from mobile_contract import packing
from mobile_contract.client.clocks import Clock
from mobile_contract.limits import MIB
from mobile_contract.version import CONTRACT

if TYPE_CHECKING:
    import httpx

APP: Final = "onsite-reference 1.0"
_ANSWER_BYTES: Final = 16 * MIB
_COMPRESS_FROM_BYTES: Final = 1_000
_TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class Response(Struct, frozen=True):
    """An answer: names of headers in lower case, the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unreachable(Exception):
    """No answer came. Whether the server got the request is unknown: every request may be repeated."""


class Transport(Protocol):
    """One request and its answer."""

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        """Send a body and read the answer whole. Raises Unreachable when none comes."""
        ...


class HttpTransport:
    """A transport over httpx; requests of any size are compressed with zstd, answers with what the server likes."""

    def __init__(self, url: str, client: "httpx.Client | None" = None) -> None:
        self.url = url.rstrip("/")
        self._client = client
        self._coding = f"{packing.CODING}, "

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        """Send a body and read the answer whole, at most 16 MiB of it. Raises Unreachable when none comes, or one byte a second."""
        # Imported late: most of what a device does needs no network.
        import httpx

        from mobile_contract.client.dripping import Paced

        if self._client is None:
            self._client = httpx.Client()
        sent = {**headers, "Content-Type": "application/json", "Accept-Encoding": f"{self._coding}zstd, gzip"}
        if len(body) >= _COMPRESS_FROM_BYTES:
            body = zstandard.ZstdCompressor().compress(body)
            sent["Content-Encoding"] = "zstd"
        try:
            with self._client.stream("POST", self.url + path, content=body, headers=sent, timeout=timeout_s) as answer:
                if isinstance(answer.stream, httpx.SyncByteStream):
                    answer.stream = Paced(answer.stream, timeout_s)
                read = bytearray()
                for chunk in answer.iter_bytes():
                    read += chunk
                    if len(read) > _ANSWER_BYTES:
                        raise Unreachable("the answer is too large to be one of ours")
                answered = bytes(read)
                if answer.headers.get("content-encoding") == packing.CODING:
                    answered = packing.unpack(answered, _ANSWER_BYTES)
                return Response(answer.status_code, dict(answer.headers), answered)
        except packing.NotPacked as error:
            # Whatever is wrong with the coding, here or there, must not keep the device from its documents.
            self._coding = ""
            raise Unreachable(f"the page cannot be unpacked: {error}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(str(error) or type(error).__name__) from error


class Problem(Struct, frozen=True):
    """As much of an RFC 9457 problem as a device reads. `about` may carry `expected_n`: where the queue is to go on."""

    code: str = ""
    title: str = ""
    detail: str = ""
    about: dict[str, str] = {}


class Answered(Struct, frozen=True):
    """A good answer, with this device's monotonic clock at its receipt and how long it took since the request was begun."""

    body: bytes
    mono_ms: int
    round_trip_ms: int


class Refused(Exception):
    """The server answered and means it: trying the same again changes nothing."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title or f"HTTP {status}")
        self.status, self.problem = status, problem

    @property
    def code(self) -> str:
        """The stable code, or the HTTP status where something else than our server answered."""
        return self.problem.code or f"http_{self.status}"


class Later(Exception):
    """Not now: `code` says why, `retry_after_s` when the server wants to be asked again (None: it did not say)."""

    def __init__(self, code: str, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.code, self.retry_after_s = code, retry_after_s


class Pace(Struct, frozen=True, kw_only=True):
    """How patiently to try: the pause before try k is random in [0, min(cap, base × 2^k)]."""

    tries: int = 5
    base_s: float = 0.5
    cap_s: float = 30.0
    timeout_s: float = 30.0


class Caller:
    """Sends requests in the name of a device and tries again where that can help."""

    def __init__(self, transport: Transport, clock: Clock, source: random.Random, pace: Pace) -> None:
        self._transport, self._clock, self._random, self._pace = transport, clock, source, pace

    def call(
        self, path: str, ask: Struct, *, token: str | None = None, session: UUID | None = None, wait_s: float = 0
    ) -> Answered:
        """Send a message and give the answer with status 2xx. Raises Refused for a final no, Later when patience ends."""
        headers = {"Onsite-Contract": CONTRACT, "Onsite-App": APP}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if session:
            headers["Onsite-Session"] = str(session)
        body = msgspec.json.encode(ask)
        for attempt in range(self._pace.tries):
            begun_ms = self._clock.mono_ms()
            try:
                answer = self._transport.post(path, body, headers, self._pace.timeout_s + wait_s)
            except Unreachable as error:
                later = Later("unreachable", str(error))
            else:
                if 200 <= answer.status < 300:
                    mono_ms = self._clock.mono_ms()
                    return Answered(answer.body, mono_ms, mono_ms - begun_ms)
                problem = _problem(answer.body)
                if answer.status not in _TRY_AGAIN:
                    raise Refused(answer.status, problem)
                code = problem.code or f"http_{answer.status}"
                later = Later(code, problem.detail or problem.title, _retry_after_s(answer.headers))
            pause_s = self._pause_s(attempt, later.retry_after_s)
            if attempt + 1 == self._pace.tries or pause_s > self._pace.cap_s:
                raise later
            self._clock.sleep(pause_s)
        raise AssertionError("a pace has at least one try")

    def _pause_s(self, attempt: int, retry_after_s: float | None) -> float:
        jitter = self._random.uniform(0, min(self._pace.cap_s, self._pace.base_s * 2**attempt))
        # Jitter on top of Retry-After: a thousand phones were told the same second.
        return jitter if retry_after_s is None else retry_after_s + self._random.uniform(0, self._pace.base_s)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None


def _problem(body: bytes) -> Problem:
    # A proxy on the way may answer with a page of its own.
    try:
        return msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        return Problem()
