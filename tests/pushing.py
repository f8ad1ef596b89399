"""A push service on loopback and phones that subscribe at it: opens what arrives with a library of its own and proves who sent it.

The service answers as it is told to, per subscription. Nothing of the server's own code seals or opens anything here.
"""

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import http_ece
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.waiting import until


def b64url(raw: bytes) -> str:
    """Write bytes as browsers do."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_of(text: str) -> bytes:
    """Read what browsers write."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Push:
    """A push as it arrived: what it said once opened, and whom its sender claimed to be."""

    said: bytes
    headers: dict[str, str]
    claims: dict[str, Any]
    key: str


@dataclass
class Browser:
    """A subscription: the keys that only the phone has, and what arrived for it. `answers`: the service waits for it with its answer."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: uuid4().bytes)
    status: int = 201
    answers: asyncio.Event | None = None
    pushes: list[Push] = field(default_factory=list)

    @property
    def address(self) -> dict[str, str]:
        """Give what the phone tells the server."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "p256dh": b64url(point), "auth": b64url(self.auth)}


class PushService:
    """Takes pushes for its subscriptions."""

    def __init__(self) -> None:
        self.origin = ""
        self._browsers: dict[str, Browser] = {}

    def subscribe(self) -> Browser:
        """Subscribe one more phone."""
        path = f"/push/{uuid4().hex}"
        self._browsers[path] = Browser(self.origin + path)
        return self._browsers[path]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one push."""
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        browser = self._browsers.get(scope["path"])
        if browser is not None and browser.answers is not None:
            await browser.answers.wait()
        status = 404 if browser is None else browser.status
        if browser is not None and status == 201:
            browser.pushes.append(_opened(browser, body, headers))
        location = [(b"location", f"{self.origin}/elsewhere".encode())]
        await send({"type": "http.response.start", "status": status, "headers": location})
        await send({"type": "http.response.body", "body": b"what it says is nobody's business"})


def _opened(browser: Browser, body: bytes, headers: dict[str, str]) -> Push:
    said = http_ece.decrypt(body, private_key=browser.key, auth_secret=browser.auth, version="aes128gcm")
    scheme, _, rest = headers["authorization"].partition(" ")
    assert scheme == "vapid"
    given = dict(part.strip().split("=", 1) for part in rest.split(","))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw_of(given["k"]))
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    token = jwt.decode(given["t"], ECKey.import_key(pem), algorithms=["ES256"])
    return Push(said, headers, token.claims, given["k"])


@contextlib.asynccontextmanager
async def push_service(certificate: Path | None = None) -> AsyncIterator[PushService]:
    """Run a push service on a free port of this machine; with a file of key and certificate by https."""
    service = PushService()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    scheme = "http" if certificate is None else "https"
    service.origin = f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(cast(Any, service), log_level="error", lifespan="off", ssl_certfile=certificate)
    server = uvicorn.Server(config)
    async with _serving(server, listening):
        yield service


@contextlib.asynccontextmanager
async def _serving(server: uvicorn.Server, listening: socket.socket) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await until(lambda: server.started or task.done(), timeout_s=20)
        yield
    finally:
        server.should_exit = True
        await task


def certificate_for(name: str, folder: Path) -> Path:
    """Make a key and a certificate of its own for a name, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(called, called, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    return file
