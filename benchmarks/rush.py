"""The morning rush: every device of an organisation begins anew in the same second and wants its documents."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from uuid_utils.compat import uuid7

from api.database import open_pool, owner_connection
from api.settings import Settings
from benchmarks import bulk, corpus, phone
from benchmarks.bulk import Handset
from benchmarks.corpus import Sample as Document
from benchmarks.floor import Floor, Step, Task
from benchmarks.http_load import Http
from benchmarks.load import Load
from benchmarks.measures import Label, Sample, of_outcome, of_ran
from benchmarks.peers import Peer
from benchmarks.plan import Plan
from benchmarks.rounds import Measure
from benchmarks.serving import Server
from tests import arrange

RUSH: Final = "rush"
SEED: Final = 40
CONNECTIONS: Final = 32
_LIMIT_S: Final = 120.0
_LOOK_S: Final = 0.02
_FETCH: Final = """
select d.kind, d.id, d.ver, d.h, d.body from sync_member m join sync_doc d on d.org_id = $1 and d.kind = m.kind and d.id = m.id
where m.org_id = $1 and m.bucket = $2 and not m.gone order by m.kind, m.id limit 2000"""


def crews(plan: Plan) -> dict[str, list[Document]]:
    """Make the documents of each device's crew: the same bodies under ids of their own."""
    made = list(corpus.documents(SEED, plan.rush_documents))
    return {
        f"crew-{number}": [Document(each.kind, uuid7(), each.ver, each.body) for each in made]
        for number in range(plan.rush_devices)
    }


def found(settings: Settings, given: dict[str, list[Document]]) -> list[Handset]:
    """Make an organisation in which each crew has its documents and one device."""

    async def work() -> list[Handset]:
        pool = await open_pool(settings)
        try:
            org = await arrange.organisation(pool, SEED)
        finally:
            await pool.close()
        async with owner_connection(settings) as conn:
            for crew, documents in given.items():
                await bulk.put(conn, org.id, _bucket(crew), documents)
            handsets = await bulk.enrol(conn, org.id, [(_bucket(crew),) for crew in given])
            await bulk.settle(conn)
        return handsets

    return asyncio.run(work())


def _bucket(crew: str) -> str:
    return f"crew/{crew}"


def ours(http: Http, name: str, server: Server, handsets: Sequence[Handset]) -> Measure:
    """Let all devices make their first pull at once: seconds until the last one has everything."""
    requests = [phone.pull_request(handset, None) for handset in handsets]
    answer = phone.page_of(*phone.ask(server.port, requests[0]))
    if answer.documents < http.plan.rush_documents or answer.end.more:
        raise ValueError(f"a first pull brought {answer.documents} documents of {http.plan.rush_documents}")
    return _stampede(http, name, server, requests)


def of_peer(http: Http, peer: Peer) -> Measure:
    """Let as many callers fetch as many documents of a peer at once."""
    requests = [peer.morning(number) for number in range(http.plan.rush_devices)]
    return _stampede(http, peer.name, peer.server, requests)


def raw(floor: Floor, settings: Settings, handsets: Sequence[Handset], plan: Plan) -> Callable[[str], Measure]:
    """Read the rows of all devices over as many connections as a pool has."""
    steps = [Step(_FETCH, (handset.org_id, handset.buckets[-1])) for handset in handsets]
    scripts = [steps[start::CONNECTIONS] for start in range(min(CONNECTIONS, len(steps)))]

    def named(name: str) -> Measure:
        def measure(number: int) -> Sample:
            task = Task(dsn=settings.owner_database_url, scripts=scripts, seconds=_LIMIT_S, once=True)
            ran = floor.run(task)
            if ran.rows != plan.rush_devices * plan.rush_documents:
                raise ValueError(f"the floor read {ran.rows} rows")
            return of_ran(Label(RUSH, name, number), ran.elapsed_s, ran)

        return measure

    return named


def _stampede(http: Http, name: str, server: Server, requests: Sequence[bytes]) -> Measure:
    def measure(number: int) -> Sample:
        load = Load(port=server.port, scripts=[[each] for each in requests], seconds=_LIMIT_S, once=True, patient=True)
        with _Peak(server) as peak:
            outcome = http.driver.run(load)
        sample = of_outcome(Label(RUSH, name, number), outcome.elapsed_s, outcome)
        return msgspec.structs.replace(sample, refused=outcome.refused, peak_mib=peak.mib)

    return measure


class _Peak:
    """Watches how much resident memory a server takes at most."""

    def __init__(self, server: Server) -> None:
        self._server, self._over = server, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.mib = 0.0

    def __enter__(self) -> "_Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_S):
            self.mib = max(self.mib, self._server.rss_mib())
