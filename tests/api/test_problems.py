"""Every refusal is a problem with a code, whoever refuses: the router, the reader of bodies, a route, or a fault."""

import base64
import gzip
import logging
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import zstandard
from litestar import Router, get
from structlog.testing import capture_logs

from api import app as application
from api.describe import public
from api.problems import language_of
from api.settings import Settings
from mobile_contract.errors import ERRORS, Language
from mobile_contract.schema.people import Role
from mobile_contract.version import CONTRACT
from tests.api.serving import Org, Site, in_process, on_loopback, signed_in
from tests.waiting import until

LOGIN, ENROL = "/api/v1/auth/login", "/sync/v1/enrol"
GOOD = b'{"org":"nobody-here","login":"a","password":"b"}'
JSON = {"Content-Type": "application/json"}


def _problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, f"/docs/problems#{code}")
    assert body["instance"] == f"urn:uuid:{UUID(answer.headers['request-id'])}"
    assert body["title"] == ERRORS[code].en
    return body


async def test_an_unknown_address(site: Site) -> None:
    _problem(await site.client.get("/nothing/here"), 404, "not_found")
    _problem(await site.client.get("/api/v1/devices/not-a-uuid"), 404, "not_found")


async def test_a_wrong_method_names_the_right_ones(site: Site) -> None:
    answer = await site.client.delete(LOGIN)
    _problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
async def test_a_body_of_another_media_type(site: Site, media_type: str) -> None:
    answer = await site.client.post(LOGIN, content=GOOD, headers={"Content-Type": media_type} if media_type else {})
    _problem(answer, 415, "unsupported_media_type")


async def test_a_body_in_an_encoding_nobody_knows(site: Site) -> None:
    answer = await site.client.post(LOGIN, content=GOOD, headers={**JSON, "Content-Encoding": "br"})
    _problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"nul", b'{"org": NaN}', b"\x1f\x8b"])
async def test_a_body_that_is_no_json(site: Site, body: bytes) -> None:
    _problem(await site.client.post(LOGIN, content=body, headers=JSON), 400, "malformed")


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (b"[]", "$", "Expected `object`, got `array`"),
        (b'{"org":5,"login":"a","password":"b"}', "$.org", "Expected `str`, got `int`"),
        (b'{"org":"ab","login":"a"}', "$", "Object missing required field `password`"),
        (b'{"org":"ab","login":"a","password":"b","x":1}', "$", "Object contains unknown field `x`"),
        (b'{"org":"ab","login":"","password":"b"}', "$.login", "Expected `str` of length >= 1"),
        (b'{"org":"ab","login":"a\\u0000","password":"b"}', "$", "NUL is not allowed in a text"),
    ],
)
async def test_a_body_with_a_wrong_field_names_it(site: Site, body: bytes, field: str, message: str) -> None:
    problem = _problem(await site.client.post(LOGIN, content=body, headers=JSON), 422, "invalid")
    assert problem["errors"] == [{"field": field, "message": message}]


@pytest.mark.parametrize("body", [b'{"z":' + b"[" * 30_000 + b"]" * 30_000 + b"}", b'{"z":' + b'{"a":' * 9_000])
async def test_nesting_without_end_is_malformed_and_no_fault(site: Site, body: bytes) -> None:
    _problem(
        await site.client.post(ENROL, content=body, headers={**JSON, "Onsite-Contract": CONTRACT}), 400, "malformed"
    )
    answer = await site.client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {_nested()}.x.y"})
    _problem(answer, 401, "unauthenticated")


def _nested() -> str:
    return base64.urlsafe_b64encode(b'{"z":' + b"[" * 5_000).decode()


async def test_a_huge_body_is_refused_before_and_after_decompression(site: Site) -> None:
    huge = b'{"org":"' + b"a" * 100_000 + b'"}'
    _problem(await site.client.post(LOGIN, content=huge, headers=JSON), 413, "body_too_large")
    bomb = gzip.compress(b" " * 50_000_000)
    answer = await site.client.post(LOGIN, content=bomb[:60_000], headers={**JSON, "Content-Encoding": "gzip"})
    _problem(answer, 413, "body_too_large")
    bomb = zstandard.ZstdCompressor().compress(b" " * 50_000_000)
    answer = await site.client.post(LOGIN, content=bomb, headers={**JSON, "Content-Encoding": "zstd"})
    _problem(answer, 413, "body_too_large")


async def test_a_compressed_body_is_read(site: Site) -> None:
    for encoding, packed in (("gzip", gzip.compress(GOOD)), ("zstd", zstandard.ZstdCompressor().compress(GOOD))):
        answer = await site.client.post(LOGIN, content=packed, headers={**JSON, "Content-Encoding": encoding})
        _problem(answer, 401, "login_failed")


async def test_a_query_is_read_strictly(site: Site, org: Org) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    for query, field in (
        ("limit=x", "$.limit"),
        ("limit=0", "$.limit"),
        ("nolimit=1", "$.nolimit"),
        ("limit=1&limit=2", "$.limit"),
    ):
        problem = _problem(await site.client.get(f"/api/v1/devices?{query}", headers=admin), 422, "invalid")
        assert problem["errors"][0]["field"] == field


async def test_problems_speak_chinese_when_asked(site: Site) -> None:
    headers = {**JSON, "Accept-Language": "fr, zh-CN;q=0.9, en;q=0.8"}
    answer = await site.client.post(LOGIN, content=b'{"org":5}', headers=headers)
    body = answer.json()
    assert answer.headers["content-language"] == "zh"
    assert body["title"] == ERRORS["invalid"].zh
    assert body["errors"] == [{"field": "$.org", "message": "应为 `str`，得到 `int`"}]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh", "zh"),
        ("de", "en"),
        ("en;q=0.5, zh;q=0.6", "zh"),
        ("zh;q=x, en", "en"),
        ("zh-Hant-TW", "zh"),
    ],
)
def test_the_language_is_the_one_preferred(header: str | None, language: str) -> None:
    assert language_of(header) is Language(language)


async def test_a_fault_is_recorded_and_not_shown(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    @get("/boom", opt=public("Fail"))
    async def boom() -> None:
        raise RuntimeError("the secret inner state")

    monkeypatch.setattr(application, "ROUTERS", [Router("/", route_handlers=[boom])])
    async with in_process(settings) as site:
        with capture_logs() as lines:
            answer = await site.client.get("/boom")
    _problem(answer, 500, "internal")
    assert "secret" not in answer.text
    fault = next(line for line in lines if line["event"] == "fault")
    assert fault["error"] == "RuntimeError"


async def test_every_answer_carries_the_security_headers(site: Site) -> None:
    for path in ("/health/live", "/nothing"):
        headers = (await site.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers


async def test_a_long_answer_is_compressed_as_the_caller_accepts(settings: Settings) -> None:
    async with on_loopback(settings) as site:
        for path in ("/health/live", "/health/ready", "/nothing"):
            await site.client.get(path)
        for accepted, encoding in (("zstd, gzip", "zstd"), ("gzip", "gzip"), ("identity", None)):
            answer = await site.client.get("/metrics", headers={"Accept-Encoding": accepted})
            assert answer.status_code == 200
            assert answer.headers.get("content-encoding") == encoding
            assert "onsite_pool_connections" in answer.text


async def test_alive_and_ready(site: Site) -> None:
    assert (await site.client.get("/health/live")).json()["status"] == "live"
    ready = (await site.client.get("/health/ready")).json()
    assert ready["status"] == "ready" and ready["revision"]


async def test_not_ready_without_a_database(own_cluster: Settings) -> None:
    from api import cluster

    async with in_process(own_cluster) as site:
        assert (await site.client.get("/health/ready")).status_code == 200
        cluster.down(own_cluster.place)
        _problem(await site.client.get("/health/ready"), 503, "not_ready")
        answer = await site.client.post(LOGIN, content=GOOD, headers=JSON)
        _problem(answer, 503, "busy")
        assert int(answer.headers["retry-after"]) > 0
        assert (await site.client.get("/health/live")).status_code == 200


async def test_metrics_are_for_this_machine_or_for_the_token(settings: Settings) -> None:
    secured = msgspec.structs.replace(settings, metrics_token="scrape me")
    async with on_loopback(secured) as site:
        assert (await site.client.get("/metrics")).status_code == 401
        headers = {"Authorization": "Bearer scrape me"}
        assert (await site.client.get("/metrics", headers=headers)).status_code == 200
    async with on_loopback(settings) as site:
        assert (await site.client.get("/metrics")).status_code == 200
        proxied = await site.client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"})
        assert proxied.status_code == 403


async def test_each_request_is_one_line_with_its_code(site: Site, org: Org, caplog: pytest.LogCaptureFixture) -> None:
    admin = await signed_in(site, org, Role.ADMIN)
    with caplog.at_level(logging.INFO, "onsite.request"):
        answer = await site.client.get("/api/v1/devices?limit=7", headers=admin)

        def told() -> list[dict[str, object]]:
            lines = [line for record in caplog.records for line in getattr(record, "lines", ())]
            return [line for line in lines if line["route"] == "/api/v1/devices"]

        # Lines are written together, in the next turn of the loop.
        await until(lambda: bool(told()))
    (line,) = told()
    assert line["org"] == str(org.id) and str(line["actor"]).startswith("person:")
    assert (line["route"], line["status"], line["code"]) == ("/api/v1/devices", 200, "ok")
    assert line["request_id"] == answer.headers["request-id"]
    assert "limit" not in repr(line)


async def test_nobody_waits_long_for_a_connection(settings: Settings) -> None:
    narrow = msgspec.structs.replace(settings, pool_size_min=1, pool_size_max=1, pool_wait_s=0.1)
    async with in_process(narrow) as site:
        async with site.services.pool.acquire():
            answer = await site.client.post(LOGIN, content=GOOD, headers=JSON)
            _problem(answer, 503, "busy")
        assert (await site.client.post(LOGIN, content=GOOD, headers=JSON)).status_code == 401
