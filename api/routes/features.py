"""Routes of OGC API – Features, part 1, read only: landing page, conformance, collections, items. The words are `api.ogc`'s, the rows `api.store.features`'.

Programs such as QGIS send an API key as an HTTP Basic password. Where people are is shown only to who may dispatch, and to keys that also
have the scope `positions`; for others these collections do not exist.
"""

import base64
import binascii
from typing import Any, TypeVar

import msgspec
from litestar import Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api import ogc
from api.body import read_query
from api.describe import describe
from api.problems import ProblemError, language_of
from api.reading import AnyRequest, answer_if_changed, conditional, require_reader
from api.routes.tiles import etag_of, sees_positions
from api.services import Services
from api.store.features import COLLECTIONS, Collection, FeatureChoice, extent, features, is_key
from jobs.context import Actor
from mobile_contract.errors import Language
from mobile_contract.schema.features import (
    LIMIT_MAX,
    OgcAsk,
    OgcCollection,
    OgcCollections,
    OgcConformance,
    OgcDefinition,
    OgcFeature,
    OgcItems,
    OgcItemsAsk,
    OgcLanding,
    OgcLink,
)
from sync.transaction import org_transaction

T = TypeVar("T")


def _described(summary: str, answer: Any, *, query: Any = OgcAsk, **said: Any) -> dict[str, Any]:
    problems = ("forbidden", "malformed", *said.pop("problems", ()))
    return describe(summary, query=query, answer=answer, plain_key=True, problems=problems, **said)


@get("/", opt=_described("OGC API: landing page", OgcLanding))
async def landing(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give the document at which a client begins."""
    require_reader(actor)
    _read(request, OgcAsk)
    return answer_if_changed(request, ogc.landing(ogc.base_of(request, services), _language(request)))


@get("/conformance", opt=_described("OGC API: conformance", OgcConformance))
async def conformance(request: AnyRequest, actor: NamedDependency[Actor]) -> Response[bytes]:
    """Say which parts of the standard are kept."""
    require_reader(actor)
    _read(request, OgcAsk)
    return answer_if_changed(request, OgcConformance(conforms_to=ogc.CONFORMS_TO))


@get("/api", opt=_described("OGC API: OpenAPI document", OgcDefinition, answer_media_type=ogc.OPENAPI))
async def definition(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give the OpenAPI 3.0 document of these routes alone, which clients of the standard read."""
    require_reader(actor)
    _read(request, OgcAsk)
    body = msgspec.json.encode(ogc.openapi(ogc.base_of(request, services), _open_to(request)))
    return conditional(request, body, etag_of(body), media_type=ogc.OPENAPI)


@get("/collections", opt=_described("OGC API: collections", OgcCollections))
async def collections(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """List the collections that the caller may read."""
    require_reader(actor)
    _read(request, OgcAsk)
    base, language = ogc.base_of(request, services), _language(request)
    async with org_transaction(services.pool, actor.org_id) as conn:
        box = await extent(conn, actor.org_id)
    shown = tuple(
        ogc.collection(base, id, about, box=box, language=language) for id, about in _open_to(request).items()
    )
    links = (OgcLink(href=f"{base}/collections", rel="self", type=ogc.JSON),)
    return answer_if_changed(request, OgcCollections(links=links, collections=shown))


@get(
    "/collections/{collection_id:str}",
    opt=_described("OGC API: collection", OgcCollection, problems=("not_found",)),
)
async def collection(
    request: AnyRequest,
    collection_id: FromPath[str],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """Describe one collection."""
    require_reader(actor)
    _read(request, OgcAsk)
    about = _collection_of(request, collection_id)
    async with org_transaction(services.pool, actor.org_id) as conn:
        box = await extent(conn, actor.org_id)
    base = ogc.base_of(request, services)
    return answer_if_changed(request, ogc.collection(base, collection_id, about, box=box, language=_language(request)))


@get(
    "/collections/{collection_id:str}/items",
    opt=_described(
        "OGC API: items",
        OgcItems,
        query=OgcItemsAsk,
        answer_media_type=ogc.GEOJSON,
        problems=("not_found",),
    ),
)
async def items(
    request: AnyRequest,
    collection_id: FromPath[str],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """Give the features of a collection in a box and an interval as GeoJSON, a page at a time; 304 when nothing changed."""
    require_reader(actor)
    about, asked = _collection_of(request, collection_id), _read(request, OgcItemsAsk)
    from_at, to_at = ogc.read_datetime(asked.datetime)
    limit = min(asked.limit, LIMIT_MAX)
    choice = FeatureChoice(
        after=None if asked.cursor is None else _after(about, asked.cursor),
        box=ogc.read_box(asked.bbox),
        from_at=from_at,
        to_at=to_at,
        limit=limit + 1,
    )
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await features(conn, actor.org_id, about, choice, now=services.clock())
    shown = found[:limit]
    next_cursor = _cursor(shown[-1].id) if len(found) > limit else None
    here = f"{ogc.base_of(request, services)}/collections/{collection_id}/items"
    page = OgcItems(
        links=ogc.page_links(here, dict(request.query_params), next_cursor),
        number_returned=len(shown),
        features=tuple(feature.body for feature in shown),
    )
    return answer_if_changed(request, page, media_type=ogc.GEOJSON)


@get(
    "/collections/{collection_id:str}/items/{feature_id:str}",
    opt=_described("OGC API: item", OgcFeature, answer_media_type=ogc.GEOJSON, problems=("not_found",)),
)
async def item(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> Response[bytes]:
    """Give one feature as GeoJSON; 304 when nothing changed."""
    require_reader(actor)
    _read(request, OgcAsk)
    feature_id = request.path_params["feature_id"]
    about = _collection_of(request, request.path_params["collection_id"])
    if not is_key(about, feature_id):
        raise ProblemError("not_found")
    choice = FeatureChoice(only=feature_id, limit=1)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await features(conn, actor.org_id, about, choice, now=services.clock())
    if not found:
        raise ProblemError("not_found")
    body = bytes(found[0].body)
    return conditional(request, body, etag_of(body), media_type=ogc.GEOJSON)


def _open_to(request: AnyRequest) -> dict[str, Collection]:
    moving = sees_positions(request)
    return {id: about for id, about in COLLECTIONS.items() if moving or not about.moving}


def _collection_of(request: AnyRequest, id: str) -> Collection:
    about = _open_to(request).get(id)
    if about is None:
        raise ProblemError("not_found")
    return about


def _read(request: AnyRequest, kind: type[T]) -> T:
    """Read the query; the standard wants 400 where other routes say 422."""
    try:
        return read_query(request, kind)
    except ProblemError as problem:
        raise ProblemError("malformed", problem.detail, errors=problem.errors) from None


def _language(request: AnyRequest) -> Language:
    return language_of(request.headers.get("accept-language"))


def _cursor(id: str) -> str:
    return base64.urlsafe_b64encode(id.encode()).decode().rstrip("=")


def _after(about: Collection, cursor: str) -> str:
    try:
        id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        id = ""
    if not is_key(about, id):
        raise ogc.wrong("cursor", "not a cursor of this list")
    return id


router = Router(
    ogc.PATH,
    route_handlers=[landing, conformance, definition, collections, collection, items, item],
    tags=["OGC API features"],
)
