"""One run: cluster, servers and load generator are brought up, the scenarios played, the figures gathered. Judges nothing."""

import contextlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from api.settings import Settings
from benchmarks import (
    capture,
    corpus,
    ground,
    growth,
    kinto,
    load,
    measures,
    peers,
    phone,
    pocketbase,
    pulls,
    pushes,
    rounds,
    rush,
    serving,
)
from benchmarks import floor as floors
from benchmarks.catalogue import BARE, KINTO, ONE_WORKER, OURS, PLAIN, POCKETBASE, RAW
from benchmarks.cpu import Meter
from benchmarks.ground import Ground
from benchmarks.http_load import Http
from benchmarks.measures import Memory, Results
from benchmarks.peers import Peer, told
from benchmarks.plan import Plan
from benchmarks.rounds import Advance, Scenario
from benchmarks.serving import Server

_NOTHING: Final = phone.raw_request("/", b"{}", {})


class Run:
    """What the parts of a run share."""

    def __init__(self, plan: Plan, ground_: Ground, http: Http, floor: floors.Floor, folder: Path) -> None:  # noqa: PLR0917
        self.plan, self.ground, self.http, self.floor, self.folder = plan, ground_, http, floor, folder
        self.peers: list[Peer] = []
        self._fetching: tuple[Settings, Server] | None = None
        self.crews: dict[str, list[corpus.Sample]] = {}
        self.advance: Advance = lambda scenario, candidate, number: None
        self.results = Results(at=datetime.now(UTC), machine=measures.machine(_versions(ground_)), plan=plan)

    def play(self, *scenarios: Scenario) -> None:
        """Measure scenarios and keep what comes of them."""
        for scenario in scenarios:
            samples, remarks = rounds.play(scenario, self.plan.rounds, self.advance)
            self.results.samples.extend(samples)
            self.results.remarks.extend(remarks)

    def fetching(self, stack: contextlib.ExitStack) -> tuple[Settings, Server]:
        """Give the database and the server of all parts that fetch, begun with the first of them."""
        if self._fetching is None:
            settings = self.ground.copy("fetching")
            server = serving.onsite(settings, workers=self.plan.workers, folder=self.folder, name="onsite")
            self._fetching = settings, stack.enter_context(server)
            self.weigh(OURS, "idle", self._fetching[1])
        return self._fetching

    def weigh(self, name: str, when: str, server: Server) -> None:
        """Note what a server weighs now."""
        weight = server.weigh()
        self.results.memory.append(Memory(name, when, weight.rss_mib, weight.pss_mib))


def play(plan: Plan, only: Collection[str], advance: Advance) -> Results:
    """Play the parts named in `only`. Raises RuntimeError when our own server or a floor does not come up."""
    with (
        ground.running() as cluster,
        load.driver() as driver,
        floors.floor(plan.workers) as floor,
        tempfile.TemporaryDirectory(prefix="onsite-bench-") as folder,
        contextlib.ExitStack() as stack,
    ):
        run = Run(plan, cluster, Http(driver, plan), floor, Path(folder))
        run.advance = advance
        driver.meter = floor.meter = Meter(cluster.place, without=[driver.pid])
        stack.enter_context(_peers(run, only))
        for part, play_part in PARTS.items():
            if part in only:
                play_part(run, stack)
        return run.results


@contextlib.contextmanager
def _peers(run: Run, only: Collection[str]) -> Iterator[None]:
    """Run the peers with their documents, as far as they are to be had and any part needs them."""
    with contextlib.ExitStack() as servers:
        plan = run.plan
        run.crews = rush.crews(plan) if "rush" in only else {}
        if not (plan.peers and {"pull", "push", "rush"} & set(only)):
            yield
            return
        crews = {"stage": list(corpus.documents(pulls.SEED, plan.documents)), **run.crews}
        run.advance("peers", POCKETBASE, 0)
        with told(POCKETBASE, run.results.remarks):
            run.peers.append(servers.enter_context(pocketbase.running(crews, run.folder, users=plan.devices + 1)))
        run.advance("peers", KINTO, 0)
        with told(KINTO, run.results.remarks):
            starting = kinto.running(run.ground, crews, run.folder, workers=run.plan.workers, devices=plan.devices)
            run.peers.append(servers.enter_context(starting))
        for peer in run.peers:
            run.weigh(peer.name, "idle", peer.server)
        yield


def _pulls(run: Run, stack: contextlib.ExitStack) -> None:
    run.advance("pull", "documents and devices", 0)
    settings, two = run.fetching(stack)
    founded = pulls.found(settings, run.plan)
    with contextlib.ExitStack() as servers:
        single = serving.onsite(settings, workers=1, folder=run.folder, name="onsite-1")
        one = two if run.plan.workers == 1 else servers.enter_context(single)
        bare = servers.enter_context(serving.bare_litestar(settings, workers=run.plan.workers, folder=run.folder))
        run.weigh(BARE, "idle", bare)
        stage = pulls.set_up(settings, two.port, run.plan, founded)
        for peer in run.peers:
            for since, wanted in enumerate((pulls.DELTA, pulls.SMALL, 0)):
                peer.check(since, wanted)
        _one_puller(run, stage, two, bare)
        run.weigh(OURS, "after pulls of one device", two)
        _many_pullers(run, stage, {OURS: two, ONE_WORKER: one}, bare)
        run.weigh(OURS, "after pulls on 32 connections", two)


def _one_puller(run: Run, stage: pulls.Stage, two: Server, bare: Server) -> None:
    http, ours, raw = run.http, pulls.Ours(stage, run.http), pulls.Raw(stage, run.floor, run.plan)
    first = Scenario(
        key=pulls.INITIAL,
        candidates={
            OURS: ours.initial(OURS, two.port),
            PLAIN: ours.initial(PLAIN, two.port, phone.AS_IT_IS),
            RAW: raw.initial(RAW),
            **{p.name: http.walks(pulls.INITIAL, p.name, p.server.port, p.walk()) for p in run.peers},
        },
    )
    later = (
        Scenario(
            key=key,
            candidates={
                OURS: ours.latency(key, OURS, two.port),
                PLAIN: ours.latency(key, PLAIN, two.port, phone.AS_IT_IS),
                RAW: raw.latency(key, RAW),
                BARE: http.latency(key, BARE, bare.port, _NOTHING),
                **{p.name: http.latency(key, p.name, p.server.port, p.changes(since, 0)) for p in run.peers},
            },
        )
        for since, key in enumerate((pulls.DELTA_100, pulls.DELTA_10, pulls.IDLE_1))
    )
    run.play(first, *later)


def _many_pullers(run: Run, stage: pulls.Stage, servers: Mapping[str, Server], bare: Server) -> None:
    http, ours, raw = run.http, pulls.Ours(stage, run.http), pulls.Raw(stage, run.floor, run.plan)
    callers = range(run.plan.pullers)
    run.play(
        *(
            Scenario(
                key=key,
                candidates={
                    **{name: ours.throughput(key, name, server.port) for name, server in servers.items()},
                    PLAIN: ours.throughput(key, PLAIN, servers[OURS].port, phone.AS_IT_IS),
                    RAW: raw.throughput(key, RAW),
                    BARE: http.throughput(key, BARE, bare.port, [_NOTHING for _ in callers]),
                    **{
                        p.name: http.throughput(key, p.name, p.server.port, [p.changes(since, c) for c in callers])
                        for p in run.peers
                    },
                },
            )
            for since, key in ((2, pulls.IDLE_MANY), (1, pulls.TEN_MANY))
        )
    )


def _pushes(run: Run, _stack: contextlib.ExitStack) -> None:
    run.advance("push", "crews, jobs and queues", 0)
    field = pushes.arrange(run.ground.copy(pushes.TEMPLATE), run.plan)
    noting, settings = (run.ground.copy(name, of=pushes.TEMPLATE) for name in ("noting", "push_ours"))
    capture.install(noting)
    run.advance("push", "which rows it writes", 0)
    with serving.onsite(noting, workers=1, folder=run.folder, name="onsite-noting") as server:
        rows = pushes.learn(noting, run.http, server.port, field)
    raw = pushes.Raw(run.ground, run.floor, field, rows)
    with serving.onsite(settings, workers=run.plan.workers, folder=run.folder, name="onsite-push") as two:
        run.weigh(OURS, "idle, before pushes", two)
        ours = pushes.Ours(run.http, field, two.port)
        ours.warm_up()
        run.play(
            *(
                Scenario(
                    key=key,
                    candidates={
                        OURS: ours.measure(key, OURS),
                        RAW: raw.measure(key, RAW),
                        **{peer.name: pushes.of_peer(run.http, field, key, peer) for peer in run.peers},
                    },
                )
                for key in (pushes.ONE, pushes.MANY)
            )
        )
        run.weigh(OURS, "after pushes", two)


def _rush(run: Run, stack: contextlib.ExitStack) -> None:
    run.advance("rush", "documents and devices", 0)
    settings, two = run.fetching(stack)
    handsets = rush.found(settings, run.crews)
    run.play(
        Scenario(
            key=rush.RUSH,
            rounds=run.plan.rush_rounds,
            candidates={
                OURS: rush.ours(run.http, OURS, two, handsets),
                RAW: rush.raw(run.floor, settings, handsets, run.plan)(RAW),
                **{peer.name: rush.of_peer(run.http, peer) for peer in run.peers},
            },
        )
    )
    run.weigh(OURS, "after the morning rush", two)
    for peer in run.peers:
        run.weigh(peer.name, "after the morning rush", peer.server)


def _growth(run: Run, stack: contextlib.ExitStack) -> None:
    settings, two = run.fetching(stack)
    ground_ = growth.found(settings, two.port)
    run.results.growth.extend(growth.measure(ground_, two, run.http, run.floor, run.advance))


def _versions(cluster: Ground) -> dict[str, str]:
    names = ("litestar", "uvicorn", "granian", "asyncpg", "msgspec", "uvloop", "zstandard")
    found: dict[str, str] = {}
    for name in names:
        with contextlib.suppress(Exception):
            found[name] = version(name)
    postgres = cluster.as_superuser("show server_version").split()[0]
    return {"postgresql": postgres, **found, **peers.versions()}


PARTS: Final[dict[str, Callable[[Run, contextlib.ExitStack], None]]] = {
    "pull": _pulls,
    "push": _pushes,
    "rush": _rush,
    "growth": _growth,
}


def parts() -> Iterator[str]:
    """Name the parts in the order in which they are played."""
    yield from PARTS
