"""Routes of the dispatch console's board: all of it, and what changed since. The work is `api.board`."""

from typing import Final

from litestar import Response, Router, get
from litestar.di import NamedDependency

from api import board
from api.body import read_query
from api.describe import describe
from api.reading import AnyRequest, require_reader
from api.routes.tiles import sees_positions
from api.services import Services
from jobs.context import Actor
from mobile_contract.schema.board import Board, BoardAsk, BoardChanges, BoardChangesAsk

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


def _json(body: bytes) -> Response[bytes]:
    return Response(body, media_type="application/json", headers=_FRESH)


router = Router("/api/v1", route_handlers=[show, changes], tags=["board"])
