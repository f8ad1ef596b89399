"""Routes of the dispatch console's board: all of it, what changed since, a day told again. The work is `api.board` and `api.replay`."""

from typing import Final

from litestar import Response, Router, get
from litestar.di import NamedDependency

from api import board, replay
from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, answer_if_changed, require_reader
from api.routes.tiles import sees_positions
from api.services import Services
from jobs.context import Actor
from mobile_contract.schema.board import Board, BoardAsk, BoardChanges, BoardChangesAsk
from mobile_contract.schema.replay import Replay, ReplayAsk

_FRESH: Final = {"Cache-Control": "no-store"}


@get("/board", opt=describe("The dispatch board", query=BoardAsk, answer=Board, problems=("forbidden", "standby")))
async def show(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give every open job and those that ended in the days asked for, their visits, and who could go. `/api/v1/live` says when to ask for changes."""
    require_reader(actor)
    asked = read_query(request, BoardAsk)
    return _json(await board.board(services, actor, asked, places=sees_positions(request)))


@get(
    "/board/changes",
    opt=describe(
        "What changed on the board", query=BoardChangesAsk, answer=BoardChanges, problems=("forbidden", "standby")
    ),
)
async def changes(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give exactly what changed since a version: nothing is skipped, however transactions overlapped."""
    require_reader(actor)
    asked = read_query(request, BoardChangesAsk)
    return _json(await board.changes(services, actor, asked.since, places=sees_positions(request)))


@get("/replay", opt=describe("A day told again", query=ReplayAsk, answer=Replay, problems=("forbidden", "busy")))
async def tell(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Tell a day at most: how everything stood when it began, each change as it happened, where crews drove; 304 when nothing changed."""
    require_reader(actor)
    asked = read_query(request, ReplayAsk)
    told = await replay.replay(services, actor, asked, places=sees_positions(request))
    return answer_if_changed(request, told)


def _json(body: bytes) -> Response[bytes]:
    return Response(body, media_type="application/json", headers=_FRESH)


router = Router("/api/v1", route_handlers=[show, changes, tell], tags=["board"])
