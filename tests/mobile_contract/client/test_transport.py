"""When to try again, how long to wait, and when not to; over real HTTP where that matters."""

import gzip
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import UUID

import msgspec
import pytest
import zstandard

from mobile_contract.client import HttpTransport, Pace, Response, Unreachable
from mobile_contract.client.exchange import Nothing
from mobile_contract.client.transport import APP, Caller, Later, Refused
from mobile_contract.emit.vectors import VECTORS
from mobile_contract.packing import CODING, compressor, pack
from mobile_contract.version import CONTRACT
from tests.mobile_contract.client.kit import Scripted
from tests.mobile_contract.client.office import TestClock

GOOD = Response(200, {}, b"{}")


def refusal(status: int, code: str = "", **headers: str) -> Response:
    return Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, msgspec.json.encode({"code": code}))


def caller(*answers: Response | Exception, tries: int = 4) -> tuple[Caller, Scripted, TestClock]:
    transport, clock = Scripted(*answers), TestClock()
    return Caller(transport, clock, random.Random(1), Pace(tries=tries, base_s=1, cap_s=30)), transport, clock


def test_the_device_the_session_and_the_contract_are_named() -> None:
    call, transport, _ = caller(GOOD)
    call.call("/p", Nothing(), token="secret", session=UUID(int=7))
    assert transport.asked[0][2] == {
        "Onsite-Contract": CONTRACT,
        "Onsite-App": APP,
        "Authorization": "Bearer secret",
        "Onsite-Session": str(UUID(int=7)),
    }


@pytest.mark.parametrize("bad", [Unreachable("gone"), refusal(500), refusal(502), refusal(503, "busy"), refusal(429)])
def test_what_may_pass_by_itself_is_tried_again(bad: Response | Exception) -> None:
    call, transport, clock = caller(bad, bad, GOOD)
    assert call.call("/p", Nothing()).body == b"{}"
    assert len(transport.asked) == 3
    assert len(clock.slept) == 2


def test_pauses_grow_with_full_jitter_and_a_cap() -> None:
    call, _, clock = caller(*[Unreachable("gone")] * 9, tries=9)
    with pytest.raises(Later):
        call.call("/p", Nothing())
    assert len(set(clock.slept)) == 8
    assert all(pause <= min(30, 2**i) for i, pause in enumerate(clock.slept))
    assert max(clock.slept) > 4


def test_retry_after_is_kept_with_jitter_on_top() -> None:
    call, _, clock = caller(refusal(503, "busy", retry_after="7"), GOOD)
    call.call("/p", Nothing())
    assert 7 <= clock.slept[0] <= 8


def test_a_long_retry_after_is_for_the_caller_to_keep() -> None:
    call, transport, clock = caller(refusal(429, "quota_exceeded", retry_after="3600"))
    with pytest.raises(Later) as later:
        call.call("/p", Nothing())
    assert (later.value.code, later.value.retry_after_s, clock.slept) == ("quota_exceeded", 3600, [])
    assert len(transport.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 426])
def test_a_final_no_is_not_asked_twice(status: int) -> None:
    call, transport, _ = caller(refusal(status, "some_code"))
    with pytest.raises(Refused) as refused:
        call.call("/p", Nothing())
    assert (refused.value.status, refused.value.code) == (status, "some_code")
    assert len(transport.asked) == 1


def test_a_page_of_a_proxy_in_between_has_a_code_too() -> None:
    call, _, _ = caller(Response(403, {}, b"<html>"))
    with pytest.raises(Refused) as refused:
        call.call("/p", Nothing())
    assert refused.value.code == "http_403"


def packed_page(page: bytes) -> bytes:
    return pack(page, compressor(3))


@pytest.fixture
def echo() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "zstd":
                body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
            encoding = self.path.strip("/")
            if encoding == "broken" and CODING in self.headers["Accept-Encoding"]:
                encoding = CODING
            packed = {"zstd": zstandard.ZstdCompressor().compress, "gzip": gzip.compress, "packed": packed_page}.get(
                encoding, bytes
            )(body)
            self.send_response(200)
            self.send_header("Content-Encoding", CODING if encoding == "packed" else encoding)
            self.send_header("Content-Length", str(len(packed) + (100 if encoding == "cut" else 0)))
            self.end_headers()
            self.wfile.write(packed)

        def log_message(self, *words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "identity"])
def test_bodies_travel_compressed_both_ways(echo: str, encoding: str) -> None:
    transport, body = HttpTransport(echo), b"x" * 100_000
    assert transport.post(f"/{encoding}", body, {}, 5).body == body
    transport.close()


def test_a_page_in_the_contracts_own_coding_is_unpacked(echo: str) -> None:
    transport, page = HttpTransport(echo), (VECTORS / "page.ndjson").read_bytes()
    assert transport.post("/packed", page, {}, 5).body == page
    transport.close()


def test_a_coding_that_does_not_work_is_not_asked_for_again(echo: str) -> None:
    transport = HttpTransport(echo)
    with pytest.raises(Unreachable):
        transport.post("/broken", b"no page at all", {}, 5)
    assert transport.post("/broken", b"no page at all", {}, 5).body == b"no page at all"
    transport.close()


def test_an_answer_that_is_cut_off_is_no_answer(echo: str) -> None:
    transport = HttpTransport(echo)
    with pytest.raises(Unreachable):
        transport.post("/cut", b"x" * 100, {}, 5)
    transport.close()


def test_a_closed_port_is_unreachable() -> None:
    transport = HttpTransport("http://127.0.0.1:9")
    with pytest.raises(Unreachable):
        transport.post("/", b"", {}, 5)
    transport.close()
