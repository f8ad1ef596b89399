"""Routes of the map's ground: what a map is made of, and the file of the basemap. Knows no data of an organisation."""

from typing import Any, Final

from litestar import Response, Router, get
from litestar.di import NamedDependency

from api.basemap import MEDIA_TYPE, URL, answer_file, ground_file, ground_of
from api.describe import describe, public
from api.problems import ProblemError
from api.reading import AnyRequest, answer_if_changed, require_reader
from api.routes.tiles import sees_positions
from api.services import Services
from api.store import tiles
from geo.tile_grid import ZOOM_MAX
from jobs.context import Actor
from mobile_contract.schema.map import MapSetup, TileLayer

_SINGLE_FROM: Final = {"jobs": tiles.JOBS_SINGLE_FROM, "sites": tiles.SITES_SINGLE_FROM, "districts": 0}
_MOVING: Final = {"crews": 0, "tracks": tiles.TRACKS_FROM}


@get("/api/v1/map", opt=describe("What a map is made of", answer=MapSetup, problems=("forbidden",)))
async def show(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Say what lies under the jobs and which layers of tiles the caller may ask for; 304 when nothing changed."""
    require_reader(actor)
    seen = {**_SINGLE_FROM, **(_MOVING if sees_positions(request) else {})}
    layers = tuple(_layer(name, single_from) for name, single_from in seen.items())
    return answer_if_changed(request, MapSetup(ground=ground_of(services.settings), layers=layers))


@get(
    URL,
    opt=public("The basemap as a PMTiles file", answer_media_type=MEDIA_TYPE, problems=("not_found", "range_outside")),
)
async def file(request: AnyRequest, services: NamedDependency[Services]) -> Response[Any]:
    """Give the basemap, or the part of it that `Range` asks for; 304 when nothing changed. It says nothing of any organisation."""
    found = ground_file(services.settings)
    if found is None:
        raise ProblemError("not_found")
    return answer_file(request, found)


def _layer(name: str, single_from: int) -> TileLayer:
    return TileLayer(
        name=name,
        url=f"/api/v1/tiles/{name}/{{z}}/{{x}}/{{y}}.mvt",
        min_zoom=tiles.TRACKS_FROM if name == "tracks" else 0,
        max_zoom=ZOOM_MAX,
        single_from=single_from,
    )


router = Router("/", route_handlers=[show, file], tags=["map"])
