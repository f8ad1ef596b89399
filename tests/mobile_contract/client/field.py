"""Reference devices against the real server over loopback: how they enrol, how their network fails, and what must hold in the end."""

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import asyncpg

from api import enrolment
from mobile_contract.client import Device, HttpTransport, Pace, Response, Store, SyncReport, Unreachable
from mobile_contract.client.pages import digests
from mobile_contract.schema.access import EnrolmentAsk
from sync.transaction import org_transaction
from tests.api.serving import Site
from tests.arrange import NOW, Org
from tests.mobile_contract.client.office import TestClock

T = TypeVar("T")

_HELD = """
select m.bucket, d.kind, d.id, d.ver, d.body from sync_member m
join sync_doc d on d.org_id = m.org_id and d.kind = m.kind and d.id = m.id
where m.org_id = $1 and m.bucket = any($2) and not m.gone order by 1, 2, 3"""
_SCOPE = """
select distinct bucket from sync_scope where org_id = $1 and person_id = $2 and from_at <= $3 and (to_at is null or to_at > $3)"""


class Network:
    """HTTP that loses what it is told to lose: requests before they arrive, answers after the server's work is done."""

    def __init__(self, url: str, source: random.Random) -> None:
        self._http = HttpTransport(url)
        self._random = source
        self.up = True
        self.lost_requests = self.lost_answers = 0.0

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        if not self.up or self._random.random() < self.lost_requests:
            raise Unreachable("no network")
        answer = self._http.post(path, body, headers, timeout_s)
        if self._random.random() < self.lost_answers:
            raise Unreachable("the answer was lost")
        return answer

    def close(self) -> None:
        self._http.close()


class Phone:
    """A reference device in the hands of a test; what blocks runs in a thread, so that the server in this process can answer."""

    def __init__(self, path: Path, site: Site, clock: TestClock, seed: int) -> None:
        self.path, self.site, self.clock, self.seed = path, site, clock, seed
        self.network = Network(str(site.client.base_url), random.Random(seed))
        self.device = self._opened()

    def _opened(self) -> Device:
        self.seed += 1
        source = random.Random(self.seed)
        return Device(Store(self.path), self.network, clock=self.clock, source=source, pace=Pace(tries=2, base_s=0.01))

    def reborn(self) -> None:
        """Forget everything that is not on disk, as a killed app does."""
        self.device.store.close()
        self.device = self._opened()

    async def enrol(self, org: Org, *, person: str = "", crew: str = "") -> UUID:
        """Enrol with a fresh code made by the administrator; gives the device's id."""
        ask = EnrolmentAsk(person_id=org.people[person] if person else None, crew_id=org.crews[crew] if crew else None)
        code = await enrolment.make_code(self.site.services, org.actor("ada"), ask)
        install = await asyncio.to_thread(self.device.enrol, code.code, f"phone of {person or crew}")
        return install.device_id

    async def sync(self, *, check: bool = True) -> SyncReport:
        """Sync once, whatever comes of it."""
        return await asyncio.to_thread(self.device.sync, check=check)

    async def synced(self) -> SyncReport:
        """Sync and insist that nothing stopped it."""
        report = await self.sync()
        assert report.stopped == "", (report.stopped, report.reason)
        return report

    async def settled(self) -> None:
        """Sync until two pulls bring nothing: the server drops an outcome after the pull that says that it is known."""
        quiet = 0
        for _ in range(8):
            quiet = 0 if (await self.synced()).changes else quiet + 1
            if quiet == 2:
                return
        raise AssertionError("there is always something new")

    def close(self) -> None:
        self.device.store.close()
        self.network.close()


async def assert_equals_server(phone: Phone, pool: asyncpg.Pool, org: Org) -> None:
    """The device holds exactly the documents of the server's buckets, each with its version and bytes, and digests the same."""
    await phone.settled()
    status = phone.device.status()
    assert status.install is not None
    assert status.person is not None
    async with org_transaction(pool, org.id) as conn:
        scope = {row["bucket"] for row in await conn.fetch(_SCOPE, org.id, status.person.person_id, phone.clock.now)}
        scope.add(f"dev/{status.install.device_id}")
        rows = await conn.fetch(_HELD, org.id, sorted(scope))
    theirs = {(row["kind"], str(row["id"])): (row["ver"], bytes(row["body"])) for row in rows}
    ours = {
        (kind, id): (ver, body)
        for kind, id, ver, body in phone.device.store.rows("select kind, id, ver, body from document")
    }
    assert sorted(ours.keys() - theirs.keys()) == [], "the device holds too much"
    assert sorted(theirs.keys() - ours.keys()) == [], "the device holds too little"
    assert ours == theirs
    assert set(digests(phone.device.store)) == scope
    members = {(row["bucket"], row["kind"], str(row["id"])) for row in rows}
    assert {tuple(row) for row in phone.device.store.rows("select bucket, kind, id from member")} == members
    assert phone.device.store.rows("select 1 from staged") == []


def fresh_clock() -> TestClock:
    """Give clocks that stand at the organisation's first morning."""
    clock = TestClock()
    clock.now = NOW
    return clock
