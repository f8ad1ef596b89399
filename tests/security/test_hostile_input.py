"""Hostile bytes on a real server: smuggled and oversized requests, traversal, bombs, broken JSON, line breaks for the log, addresses to be fetched.

Whatever comes: one answer to one request, never a fault of ours, never a line in the log that somebody else wrote.
"""

import asyncio
import base64
import gzip
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest
import zstandard

from api.access_tokens import make_access_token
from api.logs import configure_logs
from api.settings import Settings
from mobile_contract.schema.people import Role
from sync.life import ensure_life
from tests.api.serving import Site, in_process, on_loopback
from tests.arrange import NOW
from tests.security.routes import DEVICE, PUBLIC, ROUTES
from tests.security.test_routes import OPERATIONS
from tests.security.world import World, headers_of, make_world
from tests.sync.phone import batch, skip

MARK: Final = "evil-sentinel"
LOGIN: Final = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HIDDEN_REQUEST: Final = b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n"
LIVE: Final = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
SMUGGLED: Final = {
    "length and chunks": LOGIN + b"Content-Length: 47\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": LOGIN + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": LOGIN + b"Content-Length: 2\r\nContent-Length: 44\r\n\r\n{}",
    "unknown coding": LOGIN + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": LOGIN + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "space before the colon": LOGIN + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "negative chunk": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "signed length": LOGIN + b"Content-Length: +2\r\n\r\n{}",
    "line feeds alone": b"GET /health/live HTTP/1.1\nHost: x\n\n",
    "folded header": LIVE + b"X-A: 1\r\n b\r\n\r\n",
    "carriage return in a header": LIVE + b"User-Agent: a\rX-B: 1\r\n\r\n",
    "NUL in a header": LIVE + b"User-Agent: a\x00b\r\n\r\n",
}
OVERSIZED: Final = {
    "one long header": LIVE + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n",
    "many headers": LIVE + b"".join(b"X-%d: a\r\n" % n for n in range(20_000)) + b"\r\n",
    "a long address": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
}
TRAVERSALS: Final = (
    "/live/../../api/settings.py", "/live/..%2f..%2fapi%2fsettings.py", "/live/%2e%2e/%2e%2e/pyproject.toml", "/live/..\\..\\x",
    "/live/%00", "/live/live.js%00.png", "//etc/passwd", "/live//etc/passwd", "/docs/../pyproject.toml", "/docs/%2e%2e%2fREADME.md",
    "/live/....//....//x", "/live/%252e%252e%252fx", "/api/v1/jobs/..%2f..%2fdevices", "/.env", "/.git/config",
)  # fmt: skip


@pytest.fixture(scope="module")
async def server(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Site]:
    await ensure_life(pool)
    async with on_loopback(settings, clock=lambda: NOW) as running:
        yield running


@pytest.fixture(scope="module")
async def there(server: Site, pool: asyncpg.Pool) -> World:
    """Give organisations behind the real server."""
    return await make_world(server, pool, 99)


async def exchange(site: Site, sent: bytes, *, answers: int = 1, within_s: float = 10.0) -> bytes:
    """Send bytes as they are and give what comes until the server closes, or until the answers that are expected have come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.client.base_url.port)
    came = b""
    try:
        writer.write(sent)
        async with asyncio.timeout(within_s):
            await writer.drain()
            while chunk := await reader.read(65_536):
                came += chunk
                if came.count(b"HTTP/1.1 ") >= answers and b'"}' in came:
                    break
    except (ConnectionError, TimeoutError):
        pass
    finally:
        writer.close()
    return came


@pytest.mark.parametrize("how", SMUGGLED)
async def test_a_request_whose_end_is_in_doubt_is_refused_with_what_follows_it(server: Site, how: str) -> None:
    came = await exchange(server, SMUGGLED[how] + HIDDEN_REQUEST, answers=2)
    assert re.findall(rb"HTTP/1\.1 (\d+)", came) == [b"400"], came
    assert b"connection: close" in came.lower()


@pytest.mark.parametrize("how", OVERSIZED)
async def test_a_head_without_end_is_cut_off(server: Site, how: str) -> None:
    came = await exchange(server, OVERSIZED[how])
    assert re.findall(rb"HTTP/1\.1 (\d+)", came) in ([], [b"400"], [b"431"], [b"414"]), came[:200]
    assert (await server.client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_no_path_leads_out_of_the_page(server: Site, path: str) -> None:
    came = await exchange(server, b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
    status = re.findall(rb"HTTP/1\.1 (\d+)", came)
    assert status in ([b"404"], [b"401"], [b"400"]), came[:300]
    assert b"[project]" not in came and b"class Settings" not in came and b"root:" not in came


BODY_ROUTES: Final = [name for name, line in ROUTES.items() if line.body not in (None, {}) or name == "pull_pull"]
COMMAND: Final = "open_job"


async def post(world: World, name: str, body: bytes, **headers: str) -> httpx.Response:
    """Send raw bytes to a route that reads a body, as somebody who may."""
    if name == COMMAND:
        method, path = "post", f"/api/v1/commands/{name}"
    else:
        method, path = OPERATIONS[name]
        path = re.sub(r"\{\w+\}", str(world.ours.people["bob"]), path)
    who = ROUTES[name].who if name in ROUTES else ""
    sent = headers_of(world.members[Role.TECHNICIAN].phone.enrolled) if who in (DEVICE, PUBLIC) else {}
    if who != DEVICE:
        sent |= world.members[Role.ADMIN].headers
    sent |= {"Content-Type": "application/json", "Idempotency-Key": str(world.ours.new_id()), **headers}
    return await world.site.client.request(method.upper(), path, content=body, headers=sent)


def bombs() -> dict[str, tuple[str, bytes]]:
    """Make small bodies that unpack to much, to more packing, or to nothing whole."""
    million = b" " * 30_000_000
    squeezed = zstandard.ZstdCompressor().compress(million)
    return {
        "gzip": ("gzip", gzip.compress(million)),
        "zstd": ("zstd", squeezed),
        "gzip in gzip": ("gzip", gzip.compress(gzip.compress(million))),
        "zstd in gzip": ("gzip", gzip.compress(squeezed)),
        "many members": ("gzip", gzip.compress(b"{}") * 1_000),
        "many frames": ("zstd", zstandard.ZstdCompressor().compress(b"{}") * 1_000),
        "cut gzip": ("gzip", gzip.compress(b"{}" * 500)[:-9]),
        "cut zstd": ("zstd", zstandard.ZstdCompressor().compress(b"{}" * 500)[:-3]),
        "two codings": ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
        "no coding at all": ("gzip", b"{}"),
    }


async def test_packed_bodies_that_are_too_much_or_not_whole_are_refused_by_every_route(there: World) -> None:
    packed = bombs()
    for name in (*BODY_ROUTES, COMMAND):
        for how, (encoding, body) in packed.items():
            answer = await post(there, name, body, **{"Content-Encoding": encoding})
            assert answer.status_code in (400, 413, 415, 422), (name, how, answer.text)
            assert answer.headers["content-type"] == "application/problem+json", (name, how)


BROKEN_JSON: Final = (
    b"", b"null", b"[]", b'"text"', b"{", b"{}x", b"\xef\xbb\xbf{}", b'{"a":1e999}', b'{"a":' + b"9" * 5_000 + b"}", b'{"a":-0.0e-9999}',
    b"[" * 20_000, b'{"a":' * 9_000, b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"a":"\xff\xfe"}', b'{"a":NaN}', b'{"a":Infinity}',
    b'{"a":1,"a":2}', b"'a'", b"{} {}", b'{"__proto__":{"x":1}}', b'{"constructor":null}',
)  # fmt: skip


async def test_broken_json_is_a_refusal_of_every_route_and_never_a_fault(there: World) -> None:
    for name in (*BODY_ROUTES, COMMAND):
        line = ROUTES.get(name)
        for body in BROKEN_JSON:
            answer = await post(there, name, body)
            assert answer.status_code < 500, (name, body[:30], answer.text)
            # Messages of sync ignore what they do not know, and an unread batch is kept: everything else is refused.
            if line is None or line.who != DEVICE:
                assert answer.status_code in (400, 401, 403, 404, 409, 422), (name, body[:30], answer.text)


async def test_a_key_given_twice_counts_once_and_for_everybody_the_same(there: World) -> None:
    """Two readers of one text must not see two different commands: the last one counts, for the rule and for the row."""
    job, other = str(there.ours.new_id()), str(there.ours.new_id())
    body = f'{{"job_id":"{other}","job_type":"repair","job_id":"{job}"}}'.encode()
    assert (await post(there, COMMAND, body)).status_code == 200
    admin = there.members[Role.ADMIN].headers
    assert (await there.site.client.get(f"/api/v1/jobs/{job}", headers=admin)).status_code == 200
    assert (await there.site.client.get(f"/api/v1/jobs/{other}", headers=admin)).status_code == 404


async def test_a_queue_of_hostile_commands_is_kept_whole_and_blocks_nothing(there: World) -> None:
    phone = there.members[Role.CREW_LEAD].phone
    before = phone.next_n
    hostile: list[bytes] = [
        b"null", b"[]", b"{}", b'{"id":"x"}', b'"' + b"a" * 20_000 + b'"', b'{"name":"\\u0000"}', b'{"name":"' + b"n" * 500 + b'"}',
        b'{"id":"%s","name":"add_note","args":%b}' % (str(there.ours.new_id()).encode(), b"[" * 900 + b"]" * 900),
        b'{"id":"%s","name":"add_note","args":{"text":"\\ud800"}}' % str(there.ours.new_id()).encode(),
        b'{"id":"%s","name":"../../x\\r\\nX: 1","args":{},"at":{"wall":"2026-03-02T02:00:00Z"}}' % str(there.ours.new_id()).encode(),
        b'{"id":"%s","name":"use_part","args":{"quantity":"1e999999999"},"at":{"wall":"9999-12-31T23:59:59.999999Z"}}'
        % str(there.ours.new_id()).encode(),
        b'{"id":"%s","name":"start_travel","args":{},"at":{"wall":"0001-01-01T00:00:00Z","mono_ms":-9,"boot":""},"after":[]}'
        % str(there.ours.new_id()).encode(),
    ]  # fmt: skip
    for cmd in hostile:
        phone.put(cmd)
    unreadable = []
    for queued in phone.pending(before - 1):
        answer = await there.site.client.post(
            "/sync/v1/push", content=batch([queued]), headers=headers_of(phone.enrolled)
        )
        if answer.status_code == 422:
            # What cannot even be told apart in its batch: the phone says so in its place, and goes on.
            unreadable.append(queued.cmd[:40])
            body = batch([], skips=(skip(queued),))
            answer = await there.site.client.post("/sync/v1/push", content=body, headers=headers_of(phone.enrolled))
        assert answer.status_code == 200, answer.text
        assert [o["status"] for o in answer.json()["outcomes"]] == ["quarantined"], (queued.cmd[:60], answer.text)
    assert len(unreadable) <= 1, unreadable


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Leave the root logger to the other tests as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


BREAKS: Final = (
    f"{MARK}\r\nx",
    f"{MARK}\n{{}}",
    f"{MARK}\u2028x",
    f"{MARK}\x1b[31m",
    f'{MARK}","code":"ok',
    f"{MARK}\x85y",
)


async def test_what_callers_write_makes_no_line_of_the_log_and_no_header(
    there: World, settings: Settings, capsys: pytest.CaptureFixture[str], logging_as_before: None
) -> None:
    configure_logs(msgspec.structs.replace(settings, log_format="json", log_level="info"))
    client, admin = there.site.client, there.members[Role.ADMIN].headers
    phone = there.members[Role.TECHNICIAN].phone
    answers = []
    for text in BREAKS:
        job = {"job_id": str(there.ours.new_id()), "job_type": text[:80], "title": text}
        answers += [
            await client.post("/api/v1/auth/login", json={"org": text, "login": text, "password": text}),
            await client.post("/api/v1/auth/login", json={"org": "demo", "login": text, "password": text}),
            await client.post(
                "/sync/v1/enrol", json={"code": text, "device_name": text}, headers={"Onsite-Contract": "1.0"}
            ),
            await client.post(
                "/api/v1/commands/open_job", json=job, headers={**admin, "Idempotency-Key": job["job_id"]}
            ),
            await client.get("/api/v1/jobs", params={"state": text, text: text}, headers=admin),
            await client.get(f"/live/{text.encode().hex()}{MARK}%0d%0aX-Evil:%201"),
            await client.patch(f"/api/v1/devices/{phone.id}", json={"name": text}, headers=admin),
            await client.post("/api/v1/api-keys", json={"name": text, "scopes": [text[:80]]}, headers=admin),
        ]
        phone.put(b'{"id":"%s","name":%b,"args":{}}' % (str(there.ours.new_id()).encode(), json.dumps(text).encode()))
    headers = {
        "User-Agent": MARK, "Idempotency-Key": MARK, "Onsite-Org": MARK, "Onsite-App": MARK, "Onsite-Session": MARK, "If-Match": MARK,
        "Accept-Language": MARK, "X-Forwarded-For": MARK, "Referer": MARK, "Onsite-Unsent": MARK, "Onsite-Contract": "1.0", "Request-Id": MARK,
    }  # fmt: skip
    answers.append(await client.post("/api/v1/commands/open_job", json={}, headers={**headers, **admin}))
    answers.append(await client.get(f"/{MARK}", headers=headers))
    called = headers_of(phone.enrolled) | {"Onsite-App": MARK, "User-Agent": MARK}
    answers.append(await client.post("/sync/v1/push", content=batch(phone.pending(0)[-len(BREAKS) :]), headers=called))
    for answer in answers:
        assert "x-evil" not in answer.headers and MARK not in str(answer.headers.raw), answer.headers
        assert answer.status_code < 500
    lines = [line for line in capsys.readouterr().err.split("\n") if line]
    assert len(lines) >= len(answers)
    for line in lines:
        assert MARK not in line, line
        assert isinstance(json.loads(line)["event"], str), line


async def test_no_address_in_a_token_is_ever_fetched(settings: Settings) -> None:
    """`jku`, `x5u`, `iss` and `kid` of a token are the caller's words; keys come from the configured issuer alone."""
    knocks: list[str] = []
    nobody = UUID(int=0)

    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocks.append((await reader.readline()).decode("latin-1"))
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"keys":[]}')
        writer.close()

    listener = await asyncio.start_server(door, "127.0.0.1", 0)
    issuer = await asyncio.start_server(door, "127.0.0.1", 0)
    bait = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    keys = f"http://127.0.0.1:{issuer.sockets[0].getsockname()[1]}/keys"
    configured = msgspec.structs.replace(
        settings, oidc_issuer="http://127.0.0.1:9", oidc_audience="onsite", oidc_jwks_url=keys
    )
    async with in_process(configured, clock=lambda: NOW) as site, listener, issuer:
        plain = make_access_token(
            site.services.keyring, org_id=nobody, person_id=nobody, sign_in_id=nobody, now=NOW
        ).split(".")
        for alg in ("RS256", "ES256", "HS256", "none"):
            head = {"alg": alg, "kid": bait, "jku": f"{bait}/jku", "x5u": f"{bait}/x5u", "typ": "JWT"}
            claims = {"iss": bait, "aud": "onsite", "sub": bait, "exp": 9_999_999_999}
            token = ".".join((_b64(head), _b64(claims), plain[2]))
            headers = {"Authorization": f"Bearer {token}", "Onsite-Org": f"{bait}/org"}
            assert (await site.client.get("/api/v1/auth/me", headers=headers)).status_code in (401, 503)
    assert all(knock.startswith("GET /keys ") for knock in knocks), knocks


def _b64(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
