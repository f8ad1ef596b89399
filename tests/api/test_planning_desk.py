"""Where plans are made: travel times by the settings, one plan at a time, an end that waits for nobody."""

import asyncio
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from api.operator_error import OperatorError
from api.planning_desk import EXPLAINED_MAX, OF_ONE_MAX, PlanningDesk
from api.problems import ProblemError
from api.settings import Settings, load_settings
from geo.city import make_city
from geo.city_plan import City
from geo.city_tables import street_graph_json
from geo.planning.routing import Solver
from geo.planning.solver_task import SolverTask
from geo.travel import Points, TravelSource, TravelTimes
from tests.arrange import NOW
from tests.geo.planning.test_solver_process import task
from tests.waiting import until


@pytest.fixture
def plain(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, state_dir=tmp_path)


@cache
def town() -> City:
    return make_city(1, 20)


def two_corners() -> Points:
    sites = town().sites
    return Points.of([sites[0].point, sites[-1].point])


async def source(settings: Settings) -> TravelSource:
    """Name where the travel times of two corners of the city come from."""
    desk, points = PlanningDesk(settings), two_corners()

    def work(travel: TravelTimes, _: Solver) -> TravelSource:
        return travel.table(points, points, NOW).source(0, 1)

    try:
        return await desk.plan(uuid4(), work, zone="Asia/Shanghai")
    finally:
        desk.close()


async def test_streets_are_used_where_their_file_is_there(plain: Settings) -> None:
    assert await source(plain) is TravelSource.GREAT_CIRCLE
    (plain.state_dir / "street_graph.json").write_bytes(street_graph_json(town()))
    assert await source(plain) is TravelSource.STREET_GRAPH
    assert await source(replace(plain, travel="great_circle")) is TravelSource.GREAT_CIRCLE


async def test_a_file_that_is_no_street_graph_is_named(plain: Settings) -> None:
    with pytest.raises(OperatorError, match="onsite city make"):
        await source(replace(plain, travel="street_graph"))
    broken = plain.state_dir / "streets.json"
    broken.write_text("{}")
    with pytest.raises(OperatorError, match=r"streets\.json"):
        await source(replace(plain, street_graph=str(broken)))


async def test_a_silent_server_gives_way_to_the_embedded_times(plain: Settings) -> None:
    silent = replace(plain, travel="osrm", travel_url="http://127.0.0.1:9")
    assert await source(silent) is TravelSource.GREAT_CIRCLE
    (plain.state_dir / "street_graph.json").write_bytes(street_graph_json(town()))
    assert await source(replace(silent, travel="valhalla")) is TravelSource.STREET_GRAPH


def test_a_server_needs_an_address() -> None:
    environ = {"ONSITE_TRAVEL": "osrm", "ONSITE_SECRET": "x" * 32}
    with pytest.raises(OperatorError, match="ONSITE_TRAVEL_URL"):
        load_settings(environ)
    assert load_settings({**environ, "ONSITE_TRAVEL_URL": "http://127.0.0.1:5000"}).travel == "osrm"


async def test_plans_wait_for_each_other_and_too_many_of_one_organisation_are_sent_away(plain: Settings) -> None:
    desk, go, most, done = PlanningDesk(plain), threading.Event(), [0, 0], list[UUID]()
    loud, quiet = uuid4(), uuid4()

    def work(org_id: UUID) -> Callable[[TravelTimes, Solver], None]:
        def once(_: TravelTimes, __: Solver) -> None:
            most[0] += 1
            most[1] = max(most)
            assert go.wait(timeout=30)
            most[0] -= 1
            done.append(org_id)

        return once

    try:
        waiting = [asyncio.create_task(desk.plan(loud, work(loud), zone="UTC")) for _ in range(OF_ONE_MAX)]
        await until(lambda: most[0] == 1)
        with pytest.raises(ProblemError) as refused:
            await desk.plan(loud, work(loud), zone="UTC")
        waiting.append(asyncio.create_task(desk.plan(quiet, work(quiet), zone="UTC")))
        assert await desk.explain(loud, lambda: "explained meanwhile") == "explained meanwhile"
        go.set()
        await asyncio.gather(*waiting)
    finally:
        go.set()
        desk.close()
    assert refused.value.code == "busy"
    assert most == [0, 1]
    assert done == [loud, quiet, loud], "organisations take turns"


async def test_too_many_explanations_of_one_organisation_are_sent_away(plain: Settings) -> None:
    desk, go, asker = PlanningDesk(plain), threading.Event(), uuid4()
    try:
        asked = [
            asyncio.create_task(desk.explain(asker, lambda: go.wait(timeout=30))) for _ in range(EXPLAINED_MAX + 1)
        ]
        await until(lambda: any(one.done() for one in asked))
        another = asyncio.create_task(desk.explain(uuid4(), lambda: True))
        go.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert await another
    finally:
        go.set()
        desk.close()
    refused = [answer for answer in answers if isinstance(answer, ProblemError)]
    assert [answer.code for answer in refused] == ["busy"]
    assert answers.count(True) == EXPLAINED_MAX


async def test_closing_ends_a_solver_at_its_task_and_starts_no_other(plain: Settings) -> None:
    desk, started = PlanningDesk(plain), threading.Event()
    long: SolverTask = task(60, polish=True, limit_s=60.0)

    def work(_: TravelTimes, solver: Solver) -> tuple[str | None, str | None]:
        solver.solve(task())
        started.set()
        return solver.solve(long).fault, solver.solve(task()).fault

    making = asyncio.create_task(desk.plan(uuid4(), work, zone="UTC"))
    assert await asyncio.to_thread(started.wait, 60)
    await asyncio.to_thread(desk.close)
    first, second = await making
    assert first is not None
    assert second == "the solver is closed"
    assert desk.solver_pid is None
