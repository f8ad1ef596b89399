"""The stage of a fault test: one server, a proxy before it, phones behind that, an organisation of their own, and the hands on the database."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx

from api.settings import Settings
from mobile_contract.errors import ERRORS
from tests.arrange import Assigned, Org
from tests.faults.audit import audit
from tests.faults.database import Database
from tests.faults.fleet import Fleet, Phone
from tests.faults.processes import Server
from tests.faults.proxy import Proxy
from tests.faults.report import Report
from tests.waiting import until

PUSH = "/sync/v1/push"
PULL = "/sync/v1/pull"

_NOTHING: Final[dict[str, dict[str, object]]] = {
    PULL: {"cursor": None},
    PUSH: {"sent": {"wall": "2026-03-02T02:00:00Z", "mono_ms": 1, "boot": "b"}, "commands": [], "skips": []},
}


@dataclass(kw_only=True)
class Stage:
    """Everything a test needs, and the check at its end."""

    settings: Settings
    database: Database
    server: Server
    proxy: Proxy
    fleet: Fleet
    org: Org
    job: Assigned
    report: Report
    seed: int

    async def quiet(self) -> None:
        """Let all phones settle and check that nothing was lost, doubled or left waiting."""
        await self.fleet.settle()
        self.report.checked(await audit(self.settings, self.fleet.phones))

    async def last_n(self, phone: Phone) -> int:
        """Read the number up to which the server has a phone's commands."""
        statement = "select last_n from sync_device where org_id = $1 and device_id = $2"
        return int(await self.database.value(statement, self.org.id, phone.device_id))

    async def committed(self, phone: Phone, n: int) -> None:
        """Wait until the commit of a phone's commands up to `n` is visible."""

        async def reached() -> bool:
            return await self.last_n(phone) == n

        await until(reached, timeout_s=30)

    async def life(self) -> UUID | None:
        """Read the life of the database, None where a crash has just emptied it."""
        life: UUID | None = await self.database.value("select life from sync_life")
        return life

    async def health(self, path: str = "/health/live") -> int:
        """Ask the server how it is, past the proxy."""
        async with httpx.AsyncClient(base_url=self.server.url, timeout=20) as client:
            return (await client.get(path)).status_code

    async def call(self, phone: Phone, path: str) -> httpx.Response:
        """Make one call as a phone would, past the proxy and without its patience."""
        body = _NOTHING[path]
        async with httpx.AsyncClient(base_url=self.server.url, timeout=60, trust_env=False) as client:
            return await client.post(path, json=body, headers=phone.headers)

    async def told_to_come_again(self, phone: Phone, path: str) -> None:
        """Make a call that has to be answered with a 503, a code and when to come again."""
        answer = await self.call(phone, path)
        assert answer.status_code == 503, (answer.status_code, answer.text)
        assert answer.headers["retry-after"].isdecimal() and answer.json()["code"] in ERRORS, answer.text


@contextlib.asynccontextmanager
async def staged(
    database: Database, server: Server, org: Org, folder: Path, *, report: Report, seed: int
) -> AsyncIterator[Stage]:
    """Put a proxy and a fleet before a server that runs."""
    proxy = Proxy(server.port, seed)
    async with proxy.running():
        fleet = Fleet(org, proxy.url, folder, seed)
        try:
            yield Stage(
                settings=database.settings,
                database=database,
                server=server,
                proxy=proxy,
                fleet=fleet,
                org=org,
                job=await org.assigned_job(),
                report=report,
                seed=seed,
            )
        finally:
            # Shown by pytest where the test fails.
            print("proxy:", *proxy.log[-60:], sep="\n  ")
            print("server:", server.lines()[-6000:], sep="\n")
            proxy.partition()
            fleet.close()
