"""Two hundred phones come back at once after the server was killed: all get there, no queue is left, memory is bounded."""

import asyncio
from collections import Counter

from mobile_contract.client import Pace
from tests.faults.stage import Stage

PHONES = 200
JOBS = 20
PACE = Pace(tries=6, base_s=0.5, cap_s=5.0, timeout_s=60.0)
# A worker's pages inside the gate, answers on their way, and what the allocator keeps of it.
MORE_MIB = 150.0


async def test_two_hundred_phones_reconnect_at_once(stage: Stage) -> None:
    jobs = [await stage.org.assigned_job() for _ in range(JOBS)]
    people = ("amy", "ali", "bob")
    for number in range(PHONES):
        phone = await stage.fleet.phone(people[number % 3], pace=PACE, url=stage.server.url)
        phone.work(jobs[number % JOBS], 1)
    await stage.server.kill()
    stage.report.broke(
        f"the web process (SIGKILL); {PHONES} phones with work to hand in ask for it at once when it is back"
    )
    rush = [asyncio.create_task(stage.fleet.sync(phone)) for phone in stage.fleet.phones]
    await stage.server.start()
    before = stage.server.rss_mib()
    peak, done = [before], asyncio.Event()

    async def measure() -> None:
        while not done.is_set():
            peak.append(stage.server.rss_mib())
            await asyncio.wait([waiting], timeout=0.1)

    waiting = asyncio.create_task(done.wait())
    measuring = asyncio.create_task(measure())
    await asyncio.gather(*rush)
    await stage.fleet.settle()
    done.set()
    await measuring
    after = stage.server.rss_mib()
    statuses = Counter(status for phone in stage.fleet.phones for status in phone.transport.statuses)
    assert set(statuses) <= {200, 503}, statuses
    assert not sum(phone.transport.without_retry_after for phone in stage.fleet.phones)
    assert max(peak) - before < MORE_MIB, (before, max(peak), after)
    stage.report.checked(
        f"all {PHONES} settled; answers {dict(statuses)}, each 503 with Retry-After;"
        f" memory {before:.0f} MiB before, {max(peak):.0f} at its peak, {after:.0f} after"
    )
    await stage.quiet()
