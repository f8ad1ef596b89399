"""Routes of vector tiles and of where crews are now. Reads only; who may see where people are is decided here, in one place."""

import hashlib
from datetime import timedelta
from typing import Any, Final

from litestar import Response, Router, get
from litestar.di import NamedDependency

from api import geojson
from api.auth import POSITIONS_SCOPE, caller_of
from api.body import read_query
from api.describe import describe
from api.problems import ProblemError
from api.reading import PLANNERS, AnyRequest, answer_if_changed, conditional, require_reader
from api.services import Services
from api.store import tiles
from api.store.crew_places import PLACES_MAX, crew_places
from geo.tile_grid import Tile
from jobs.context import Actor
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.map import CrewAsk, CrewCollection, JobTileAsk, TileAsk, TrackTileAsk
from sync.transaction import org_transaction

MEDIA_TYPE: Final = "application/vnd.mapbox-vector-tile"
_RECENT: Final = timedelta(hours=2)
_LONGEST: Final = timedelta(days=1)
_POSITIONS: Final = (POSITIONS_SCOPE,)


def _described(summary: str, query: Any, **said: Any) -> dict[str, Any]:
    problems = ("forbidden", "not_found", "invalid")
    return describe(summary, query=query, answer_media_type=MEDIA_TYPE, plain_key=True, problems=problems, **said)


@get("/tiles/jobs/{z:int}/{x:int}/{y:str}", opt=_described("Tile of jobs", JobTileAsk))
async def jobs(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give a tile of jobs (`y` with or without `.mvt`); 304 when nothing changed. Below zoom 12 jobs are counted in a grid."""
    require_reader(actor)
    tile, asked = _tile_of(request), read_query(request, JobTileAsk)
    choice = tiles.JobChoice(asked.state, asked.district)
    async with org_transaction(services.pool, actor.org_id) as conn:
        body = await tiles.jobs_tile(conn, actor.org_id, tile, choice, now=services.clock())
    return _answer(request, body)


@get("/tiles/sites/{z:int}/{x:int}/{y:str}", opt=_described("Tile of sites", TileAsk))
async def sites(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give a tile of sites (`y` with or without `.mvt`); 304 when nothing changed. Below zoom 14 sites are counted in a grid."""
    require_reader(actor)
    tile, _ = _tile_of(request), read_query(request, TileAsk)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return _answer(request, await tiles.sites_tile(conn, actor.org_id, tile))


@get("/tiles/districts/{z:int}/{x:int}/{y:str}", opt=_described("Tile of districts", TileAsk))
async def districts(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give a tile of districts (`y` with or without `.mvt`); 304 when nothing changed."""
    require_reader(actor)
    tile, _ = _tile_of(request), read_query(request, TileAsk)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return _answer(request, await tiles.districts_tile(conn, actor.org_id, tile))


@get("/tiles/crews/{z:int}/{x:int}/{y:str}", opt=_described("Tile of crews", TileAsk, scopes=_POSITIONS))
async def crews(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give a tile of where crews were last (`y` with or without `.mvt`); 304 when nothing changed. For who dispatches, and keys with the scope `positions`."""
    require_positions(request)
    tile, _ = _tile_of(request), read_query(request, TileAsk)
    async with org_transaction(services.pool, actor.org_id) as conn:
        return _answer(request, await tiles.crews_tile(conn, actor.org_id, tile, now=services.clock()))


@get("/tiles/tracks/{z:int}/{x:int}/{y:str}", opt=_described("Tile of tracks", TrackTileAsk, scopes=_POSITIONS))
async def tracks(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give a tile of where crews drove, up to a day of it (`y` with or without `.mvt`); empty below zoom 10. For who dispatches, and keys with the scope `positions`."""
    require_positions(request)
    tile, asked = _tile_of(request), read_query(request, TrackTileAsk)
    to_at = asked.to_at or services.clock()
    try:
        from_at = asked.from_at or to_at - _RECENT
    except OverflowError:
        raise _span_refused() from None
    if not from_at < to_at or to_at - from_at > _LONGEST:
        raise _span_refused()
    async with org_transaction(services.pool, actor.org_id) as conn:
        return _answer(request, await tiles.tracks_tile(conn, actor.org_id, tile, from_at=from_at, to_at=to_at))


@get(
    "/crews.geojson",
    opt=describe(
        "Crews as GeoJSON",
        query=CrewAsk,
        answer=CrewCollection,
        answer_media_type=geojson.MEDIA_TYPE,
        plain_key=True,
        scopes=_POSITIONS,
        problems=("forbidden",),
    ),
)
async def crews_live(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give the last place of everybody who was heard of, in the datum asked for; 304 when nothing changed. For who dispatches, and keys with the scope `positions`."""
    require_positions(request)
    asked = read_query(request, CrewAsk)
    now = services.clock()
    since = asked.since or now - tiles.HEARD_WITHIN
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await crew_places(conn, actor.org_id, since=since, now=now)
    collection = geojson.crew_collection(found, limit=PLACES_MAX, datum=asked.datum)
    return answer_if_changed(request, collection, media_type=geojson.MEDIA_TYPE)


def sees_positions(request: AnyRequest) -> bool:
    """Tell whether a caller may see where people are: who may send them somewhere, and a key made for it."""
    caller = caller_of(request)
    return bool(caller.actor.roles & PLANNERS) if caller.scopes is None else POSITIONS_SCOPE in caller.scopes


def require_positions(request: AnyRequest) -> None:
    """Refuse who may not see where people are. Raises ProblemError (forbidden)."""
    if not sees_positions(request):
        raise ProblemError("forbidden")


def _tile_of(request: AnyRequest) -> Tile:
    at = request.path_params
    row = at["y"].removesuffix(".mvt")
    tile = Tile(at["z"], at["x"], int(row) if row.isascii() and row.isdecimal() and len(row) < 9 else -1)
    if not tile.exists:
        raise ProblemError("not_found")
    return tile


def _span_refused() -> ProblemError:
    return ProblemError("invalid", LocalText(en="Tracks are shown for a day at most.", zh="轨迹最多显示一天。"))


def _answer(request: AnyRequest, body: bytes) -> Response[bytes]:
    return conditional(request, body, etag_of(body), media_type=MEDIA_TYPE)


def etag_of(body: bytes) -> str:
    """Give the ETag of a body: equal bytes have equal ones."""
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


router = Router("/api/v1", route_handlers=[jobs, sites, districts, crews, tracks, crews_live], tags=["map"])
