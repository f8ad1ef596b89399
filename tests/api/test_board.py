"""The board of the dispatch console: what is on it, and who may see it."""

from datetime import timedelta

import asyncpg
import msgspec
import pytest

from mobile_contract.schema import decisions as d
from mobile_contract.schema.board import Board
from mobile_contract.schema.job import JobState, VisitState
from tests.api.office import Clock, Office, office
from tests.api.serving import Site, in_process
from tests.arrange import NOW


@pytest.fixture
async def desk(site: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(site, pool, seed, "cal", "amy")


async def board_of(desk: Office, *, by: str = "dan", **params: str) -> Board:
    answer = await desk.raw("/board", by=by, **params)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Board)


async def test_board_shows_open_jobs_with_their_visits_and_who_could_go(desk: Office) -> None:
    waiting = await desk.org.open_job(title="burst main")
    given = await desk.org.assigned_job()
    board = await board_of(desk)
    jobs = {job.id: job for job in board.jobs}
    assert jobs[waiting].state is JobState.READY
    assert jobs[waiting].title == "burst main"
    assert jobs[given.job_id].state is JobState.SCHEDULED
    assert [(v.job_id, v.state, v.crew_id) for v in board.visits] == [
        (given.job_id, VisitState.DISPATCHED, desk.org.crews["alpha"])
    ]
    crews = {crew.id: crew for crew in board.crews}
    assert {p.person_id for p in crews[desk.org.crews["alpha"]].people} == {
        desk.org.people["amy"],
        desk.org.people["ali"],
    }
    assert {t.code for t in board.job_types} >= {"repair"}
    assert len(board.districts) == 2
    assert board.zone == "Asia/Shanghai"
