"""Serves the application for tests: in this process over ASGI, or as a real server on loopback. Never mocks a part of it."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
import uvicorn
from litestar import Litestar
from msgspec import Struct

from api.app import create_app
from api.server import server_config
from api.services import Clock, Services, system_clock
from api.settings import Settings
from api.store import credentials
from mobile_contract.schema.people import Role
from sync.transaction import org_transaction
from tests.waiting import until

PASSWORD = "quiet water 7 pipes"


class Site(Struct, frozen=True):
    """An application with a client that talks to it."""

    app: Litestar
    client: httpx.AsyncClient

    @property
    def services(self) -> Services:
        found: Services = self.app.state.services
        return found


class Org(Struct, frozen=True):
    """An organisation made for one test."""

    id: UUID
    slug: str


@contextlib.asynccontextmanager
async def in_process(settings: Settings, clock: Clock = system_clock) -> AsyncIterator[Site]:
    """Run the application without a socket. A fault is answered, not raised, as on a real server."""
    app = create_app(settings, clock=clock)
    started, done = asyncio.Event(), asyncio.Event()

    # A task of its own: fixtures are set up and torn down in different ones, which the framework's scopes do not bear.
    async def live() -> None:
        async with app.lifespan():
            started.set()
            await done.wait()

    living = asyncio.create_task(live())
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait((living, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        transport = httpx.ASGITransport(app=cast(Any, app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://onsite.test") as client:
            yield Site(app, client)
    finally:
        done.set()
        await living


@contextlib.asynccontextmanager
async def on_loopback(settings: Settings, clock: Clock = system_clock) -> AsyncIterator[Site]:
    """Run the application as a real server on a free port of this machine."""
    app = create_app(settings, clock=clock)
    server = uvicorn.Server(server_config(app, settings, host="127.0.0.1", port=0))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started or serving.done(), timeout_s=60)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield Site(app, client)
    finally:
        server.should_exit = True
        await serving


async def make_org(pool: asyncpg.Pool) -> Org:
    """Make an organisation."""
    org = Org(uuid4(), f"org-{uuid4().hex[:12]}")
    async with org_transaction(pool, org.id) as conn:
        await conn.execute(
            "insert into organisation (org_id, slug, name, zone, currency, language, created_at) values ($1, $2, 'Test', 'Europe/Berlin', 'EUR', 'en', now())",
            org.id,
            org.slug,
        )
    return org


async def make_person(site: Site, org: Org, *roles: Role, login: str = "", active: bool = True) -> UUID:
    """Make a person, with a login of the common test password when one is named."""
    person_id = uuid4()
    async with org_transaction(site.services.pool, org.id) as conn:
        await conn.execute(
            "insert into person (org_id, id, code, name, language, roles, skills, active) values ($1, $2, $3, $3, 'en', $4, '[]', $5)",
            org.id,
            person_id,
            f"p-{person_id.hex[:8]}",
            [str(role) for role in roles],
            active,
        )
        if login:
            new = credentials.NewCredential(
                person_id=person_id,
                login=login,
                password_hash=await site.services.passwords.hash(PASSWORD),
                must_change=False,
            )
            await credentials.set_credential(conn, org.id, new, now=site.services.clock())
    return person_id


async def sign_in(site: Site, org: Org, login: str, password: str = PASSWORD) -> dict[str, str]:
    """Sign in and give the Authorization header."""
    answer = await site.client.post("/api/v1/auth/login", json={"org": org.slug, "login": login, "password": password})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def signed_in(site: Site, org: Org, *roles: Role) -> dict[str, str]:
    """Make a person with roles and give the Authorization header of its sign-in."""
    login = f"login-{uuid4().hex[:8]}"
    await make_person(site, org, *roles, login=login)
    return await sign_in(site, org, login)


class _Announcing(uvicorn.Server):
    """A server that tells other threads when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextlib.contextmanager
def in_a_thread(settings: Settings) -> Iterator[tuple[str, Site]]:
    """Run the application as a real server in a thread of its own, for clients that block; give its address."""
    app = create_app(settings)
    server = _Announcing(server_config(app, settings, host="127.0.0.1", port=0))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.up.wait(60), "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", Site(app, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20))
    finally:
        server.should_exit = True
        thread.join(20)
