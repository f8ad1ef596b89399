"""Scenarios of fetching: the first pull, changes, nothing new, many at once; ours, and the floors of database and HTTP beside it.

A cursor stays good for ever, so the same requests can be sent again and again: what they bring is the same each time.
"""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct

from api.database import open_pool, owner_connection
from api.settings import Settings
from benchmarks import bulk, corpus, phone
from benchmarks.bulk import Handset
from benchmarks.corpus import Sample as Document
from benchmarks.floor import Floor, Step, Task
from benchmarks.http_load import Http
from benchmarks.measures import Label, Sample, of_ran, quantile_ms
from benchmarks.plan import Plan
from benchmarks.rounds import Measure
from jobs.projection import Projected
from sync import documents
from sync.transaction import org_transaction
from tests import arrange

SEED: Final = 20
SCOPE: Final = ("crew/busy", "district/west/open", "ref")
# As many buckets, with fewer documents: what those cost that did not change is measured by growth.
SCOPE_OF_MANY: Final = ("crew/busy", "district/west/open", "role/engineer")
DELTA: Final = 100
SMALL: Final = 10
PAGE: Final = 2_000
INITIAL, DELTA_100, DELTA_10 = "initial", "delta_100", "delta_10"
IDLE_1, IDLE_MANY, TEN_MANY = "no_change_1", "no_change_many", "ten_changes_many"

_HEAD = """
with s as materialized (select pg_current_snapshot()::text snap, (select life from sync_life) life,
  (select last_n from sync_device where org_id = $1 and device_id = $2) acked_n,
  array(select bucket from sync_scope where org_id = $1 and person_id = $3 and to_at is null) want)
"""
# The statement of the protocol's own description, as plain as it stands there.
_DELTA = f"""{_HEAD}
select s.snap, s.life, s.acked_n, s.want, q.* from s left join (
  select b.no, m.kind, m.id, m.gone, d.ver, d.h, d.body from unnest($4::text[]) with ordinality b(bucket, no)
  cross join lateral (select l.kind, l.id, l.gone, l.bucket from sync_member l where l.org_id = $1 and l.bucket = b.bucket
    and l.xid >= pg_snapshot_xmin($5::text::pg_snapshot) and not pg_visible_in_snapshot(l.xid, $5::text::pg_snapshot)) m
  left join sync_doc d on d.org_id = $1 and d.kind = m.kind and d.id = m.id and not m.gone) q on true"""
_INITIAL = f"""
select d.kind, d.id, d.ver, d.h, d.body from sync_member m join sync_doc d on d.org_id = $1 and d.kind = m.kind and d.id = m.id
where m.org_id = $1 and m.bucket = $2 and not m.gone and (m.kind, m.id) > ($3, $4) order by m.kind, m.id limit {PAGE}"""


class Fetching(Struct, frozen=True):
    """One device: its first pull, and where it stood before 10 documents changed and after that."""

    handset: Handset
    initial: phone.Walk
    before_ten: str
    now: str


class Stage(Struct, frozen=True, kw_only=True):
    """An organisation with documents and devices; the first one holds all of them.

    `before_hundred` is its cursor before 100 documents changed, of which 10 changed again; `snapshots` are those of the three cursors.
    """

    settings: Settings
    org_id: UUID
    documents: tuple[Document, ...]
    devices: tuple[Fetching, ...]
    before_hundred: str
    snapshots: tuple[str, str, str]


def set_up(settings: Settings, port: int, plan: Plan, founded: "Founded") -> Stage:
    """Let the devices of an organisation walk to the present, with changes in between. `port` is that of a server of this database."""
    hundred = founded.documents[: min(DELTA, len(founded.documents) // 4)]
    first = founded.handsets[0]
    before = phone.walk(port, first).cursor
    snapshots = [snapshot_now(settings)]
    change(settings, founded.org_id, [corpus.changed(d, 1) for d in hundred])
    walks = [phone.walk(port, handset) for handset in founded.handsets]
    snapshots.append(snapshot_now(settings))
    change(settings, founded.org_id, [corpus.changed(d, 2) for d in hundred[:SMALL]])
    snapshots.append(snapshot_now(settings))
    devices = [
        Fetching(handset, walk, walk.cursor, phone.walk(port, handset, cursor=walk.cursor).cursor)
        for handset, walk in zip(founded.handsets, walks, strict=True)
    ]
    stage = Stage(
        settings=settings,
        org_id=founded.org_id,
        documents=founded.documents,
        devices=tuple(devices),
        before_hundred=before,
        snapshots=(snapshots[0], snapshots[1], snapshots[2]),
    )
    _verify(stage, port, len(hundred))
    return stage


def _verify(stage: Stage, port: int, hundred: int) -> None:
    """Insist that the requests bring what they are named after. Raises ValueError."""
    first, last = stage.devices[0], stage.devices[-1]
    for device, cursor, wanted in (
        (first, stage.before_hundred, hundred),
        (last, last.before_ten, SMALL),
        (last, last.now, 0),
    ):
        got = phone.page_of(*phone.ask(port, phone.pull_request(device.handset, cursor))).documents
        if got != wanted:
            raise ValueError(f"a pull brought {got} documents instead of {wanted}")
    if first.initial.documents < len(stage.documents):
        raise ValueError(f"the first pull brought {first.initial.documents} documents of {len(stage.documents)}")


class Founded(Struct, frozen=True):
    """An organisation with documents in a crew's bucket, a district's and the reference, and devices; the first holds all."""

    org_id: UUID
    handsets: tuple[Handset, ...]
    documents: tuple[Document, ...]


def found(settings: Settings, plan: Plan) -> Founded:
    """Make the organisation."""
    return asyncio.run(_found(settings, plan))


async def _found(settings: Settings, plan: Plan) -> Founded:
    pool = await open_pool(settings)
    try:
        org = await arrange.organisation(pool, SEED)
    finally:
        await pool.close()
    made = tuple(corpus.documents(SEED, plan.documents))
    shares = (0, plan.documents // 20, plan.documents // 5, plan.documents)
    async with owner_connection(settings) as conn:
        for bucket, start, end in zip(SCOPE, shares, shares[1:], strict=False):
            await bulk.put(conn, org.id, bucket, made[start:end])
        handsets = await bulk.enrol(conn, org.id, [SCOPE] + [SCOPE_OF_MANY] * (plan.pullers - 1))
        await bulk.settle(conn)
    return Founded(org.id, tuple(handsets), made)


def change(settings: Settings, org_id: UUID, given: Sequence[Document]) -> None:
    """Give documents of the crew's bucket new bodies, as commands do, five per transaction."""

    async def work() -> None:
        pool = await open_pool(settings)
        try:
            for start in range(0, len(given), 5):
                next_ = [Projected(d.kind, d.id, d.body, SCOPE[:1]) for d in given[start : start + 5]]
                async with org_transaction(pool, org_id) as conn:
                    await documents.write(conn, org_id, [], next_)
        finally:
            await pool.close()

    asyncio.run(work())


def snapshot_now(settings: Settings) -> str:
    """Give the snapshot as it is between changes."""

    async def work() -> str:
        async with owner_connection(settings) as conn:
            return str(await conn.fetchval("select pg_current_snapshot()::text"))

    return asyncio.run(work())


class Ours:
    """Our candidates: requests of the devices, sent by the load generator to a running server."""

    def __init__(self, stage: Stage, http: Http) -> None:
        self._stage, self._http = stage, http

    def initial(self, name: str, port: int, accept: str = phone.AS_PHONES) -> Measure:
        """Fetch everything on one connection: documents per second.

        Walked anew before each round: a cursor names a snapshot, and a server that reads the next page ahead reads it for the cursor it gives now.
        """

        def measure(number: int) -> Sample:
            walk = phone.walk(port, self._stage.devices[0].handset, accept=accept)
            return self._http.walks(INITIAL, name, port, walk)(number)

        return measure

    def latency(self, scenario: str, name: str, port: int, accept: str = phone.AS_PHONES) -> Measure:
        """Send one pull after the other on one connection: milliseconds of the median one."""
        device = self._stage.devices[0]
        cursor = {DELTA_100: self._stage.before_hundred, DELTA_10: device.before_ten, IDLE_1: device.now}[scenario]
        request = phone.pull_request(device.handset, cursor, accept=accept)
        return self._http.latency(scenario, name, port, request)

    def throughput(self, scenario: str, name: str, port: int, accept: str = phone.AS_PHONES) -> Measure:
        """Send pulls of all devices at once, each on its own connection: answers per second."""
        requests = [
            phone.pull_request(d.handset, d.now if scenario == IDLE_MANY else d.before_ten, accept=accept)
            for d in self._stage.devices
        ]
        return self._http.throughput(scenario, name, port, requests)


class Raw:
    """The floor of the database for the same devices."""

    def __init__(self, stage: Stage, floor: Floor, plan: Plan) -> None:
        self._stage, self._floor, self._plan = stage, floor, plan

    def initial(self, name: str) -> Measure:
        """Fetch the rows of all documents, page by page, on one connection: rows per second."""
        script = asyncio.run(self._pages())

        def measure(number: int) -> Sample:
            ran = self._floor.run(self._task([script]))
            return of_ran(Label(INITIAL, name, number), ran.rows / ran.elapsed_s, ran, units=ran.rows)

        return measure

    def latency(self, scenario: str, name: str) -> Measure:
        """Run the statement of a pull on one connection: milliseconds of the median one."""
        snapshot = self._stage.snapshots[{DELTA_100: 0, DELTA_10: 1, IDLE_1: 2}[scenario]]
        script = [self._delta(self._stage.devices[0].handset, snapshot)]

        def measure(number: int) -> Sample:
            ran = self._floor.run(self._task([script], warm_up_s=self._plan.warm_up_s))
            return of_ran(Label(scenario, name, number), quantile_ms(ran.latencies_s, 0.5) or 0.0, ran)

        return measure

    def throughput(self, scenario: str, name: str) -> Measure:
        """Run the statement of a pull on as many connections as there are devices: statements per second."""
        snapshot = self._stage.snapshots[2 if scenario == IDLE_MANY else 1]
        scripts = [[self._delta(device.handset, snapshot)] for device in self._stage.devices]

        def measure(number: int) -> Sample:
            ran = self._floor.run(self._task(scripts, warm_up_s=self._plan.warm_up_s))
            return of_ran(Label(scenario, name, number), len(ran.latencies_s) / ran.elapsed_s, ran)

        return measure

    def _task(self, scripts: Sequence[Sequence[Step]], *, warm_up_s: float = 0.0) -> Task:
        return Task(
            dsn=self._stage.settings.owner_database_url,
            scripts=scripts,
            seconds=self._plan.seconds,
            warm_up_s=warm_up_s,
        )

    def _delta(self, handset: Handset, snapshot: str) -> Step:
        buckets = [f"dev/{handset.device_id}", *handset.buckets]
        return Step(_DELTA, (handset.org_id, handset.device_id, handset.person_id, buckets, snapshot))

    async def _pages(self) -> list[Step]:
        """Find the keys at which pages begin."""
        steps = []
        async with owner_connection(self._stage.settings) as conn:
            for bucket in self._stage.devices[0].handset.buckets:
                kind, id_ = "", UUID(int=0)
                while rows := await conn.fetch(_INITIAL, self._stage.org_id, bucket, kind, id_):
                    steps.append(Step(_INITIAL, (self._stage.org_id, bucket, kind, id_)))
                    kind, id_ = rows[-1]["kind"], rows[-1]["id"]
        return steps
