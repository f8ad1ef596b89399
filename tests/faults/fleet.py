"""Phones for fault tests: the reference device over a real socket, and beside it a ledger of what its user did, which nothing of the product writes.

A phone is synced in a thread, so that the proxy in this process can answer it meanwhile.
"""

import asyncio
import random
import ssl
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx

from mobile_contract.client import Device, HttpTransport, Pace, Response, Store, SyncReport
from mobile_contract.client.clocks import SystemClock
from mobile_contract.client.store import plain
from mobile_contract.schema.facts import AddNote, UsePart
from sync import documents
from sync.devices import state_document
from sync.transaction import org_transaction
from tests.arrange import Assigned, Org

PACE: Final = Pace(tries=6, base_s=0.2, cap_s=3.0, timeout_s=20.0)
# What a device keeps trying through: the network, and a server that says when to come again.
PASSING: Final = frozenset(
    {"", "unreachable", "busy", "standby", "not_ready", "answer_unreadable", "http_502", "no_progress"}
)

# Making a context reads all certificates of the machine: once is enough for two hundred phones that use none.
_TLS: Final = ssl.create_default_context()
_INSTALL: Final = """
insert into install (one, url, org_id, device_id, token, name, session_id, sessions_at) values (1, ?, ?, ?, ?, ?, ?, ?)"""


class Listening:
    """A transport that notes the status of each answer, and what an answer of 503 lacks."""

    def __init__(self, url: str) -> None:
        self._http = HttpTransport(url, httpx.Client(verify=_TLS, trust_env=False))
        self.statuses: list[int] = []
        self.without_retry_after = 0

    def post(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
        """Send a request and remember how it was answered."""
        answer = self._http.post(path, body, headers, timeout_s)
        self.statuses.append(answer.status)
        if answer.status == 503:
            named = b'"code":' in answer.body and answer.headers.get("retry-after", "").isdecimal()
            self.without_retry_after += not named
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


@dataclass
class Phone:
    """A phone and its user's own ledger: what each command was, in order, and the id of the one note or stock move it is to make."""

    org: Org
    device: Device
    transport: Listening
    device_id: UUID
    person_id: UUID
    token: str
    session_id: UUID
    ledger: dict[UUID, UUID] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers of a device's call."""
        return {
            "Authorization": f"Bearer {self.token}",
            "Onsite-Contract": "1.0",
            "Onsite-Session": str(self.session_id),
            "Content-Type": "application/json",
        }

    def work(self, job: Assigned, count: int) -> None:
        """Report notes and, every fourth time, a part that was used."""
        for number in range(count):
            if number % 4 == 3:
                move_id = self.org.new_id()
                used = UsePart(
                    job_id=job.job_id,
                    visit_id=job.visit_id,
                    move_id=move_id,
                    part_id=self.org.parts["clamp"],
                    quantity=Decimal(1),
                )
                self.ledger[self.device.do(used).id] = move_id
            else:
                note_id = self.org.new_id()
                note = AddNote(job_id=job.job_id, visit_id=job.visit_id, note_id=note_id, text=f"note {number}")
                self.ledger[self.device.do(note).id] = note_id

    def acknowledged(self) -> dict[UUID, str]:
        """Give the commands that the server has answered, with what it said."""
        rows = self.device.store.rows("select id, status from command where status is not null")
        return {UUID(id): status for id, status in rows}

    def close(self) -> None:
        """Close the file and the connections."""
        self.device.store.close()
        self.transport.close()


class Fleet:
    """The phones of one test, and the threads they sync in."""

    def __init__(self, org: Org, url: str, folder: Path, seed: int) -> None:
        self.org, self.url, self._folder = org, url, folder
        self._random = random.Random(seed)
        self.phones: list[Phone] = []
        self._threads = ThreadPoolExecutor(max_workers=256, thread_name_prefix="phone")

    async def phone(self, person: str = "amy", *, pace: Pace = PACE, url: str = "") -> Phone:
        """Enrol a phone for a person, as of now."""
        now = datetime.now(UTC)
        enrolled = await self.org.device(person, now=now)
        async with org_transaction(self.org.pool, self.org.id) as conn:
            state = state_document(enrolled.id, enrolled.device.name, revoked=False)
            await documents.write(conn, self.org.id, [], [state])
        person_id = self.org.people[person]
        session_id = enrolled.sessions[person_id].session_id
        transport = Listening(url or self.url)
        store = Store(self._folder / f"{enrolled.id}.sqlite3")
        # Thousands of small transactions of two hundred phones would measure this machine's disk.
        store.run("pragma synchronous = off")
        with store.transaction():
            values = (url or self.url, self.org.id, enrolled.id, enrolled.token.text, "phone", session_id, now)
            store.run(_INSTALL, [*map(plain, values)])
            store.keep_sessions(enrolled.sessions.values())
        source = random.Random(self._random.getrandbits(64))
        device = Device(store, transport, clock=SystemClock(), source=source, pace=pace)
        phone = Phone(self.org, device, transport, enrolled.id, person_id, enrolled.token.text, session_id)
        self.phones.append(phone)
        return phone

    async def sync(self, phone: Phone, *, wait_s: int = 0, check: bool = False) -> SyncReport:
        """Sync a phone once in a thread of its own."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(phone.device.sync, wait_s=wait_s, check=check))

    async def settle(self, phones: Iterable[Phone] | None = None, *, rounds: int = 40) -> None:
        """Let phones sync until each has handed in all and holds all; AssertionError for one that is refused or never gets there."""
        await asyncio.gather(*(self._settled(phone, rounds) for phone in (phones or self.phones)))

    async def _settled(self, phone: Phone, rounds: int) -> None:
        quiet, report = 0, SyncReport()
        for _ in range(rounds):
            report = await self.sync(phone)
            assert report.stopped in PASSING, (report.stopped, report.reason)
            # The server lets an outcome go after the pull that says that it is known: that is one more change.
            done = not report.stopped and not report.changes and phone.device.status().unsent == 0
            quiet = quiet + 1 if done else 0
            if quiet == 2:
                return
        raise AssertionError(f"the phone {phone.device_id} never settled: {report}")

    def close(self) -> None:
        """Close all phones."""
        for phone in self.phones:
            phone.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
