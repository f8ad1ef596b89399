"""OGC API – Features: the words of the standard. Links, conformance, collections, the reading of `bbox` and `datetime`. Owns no SQL and no route."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from api.problems import ProblemError
from api.reading import AnyRequest
from api.services import Services
from api.store.features import Collection
from mobile_contract.errors import Language
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.features import (
    LIMIT_MAX,
    OgcCollection,
    OgcExtent,
    OgcLanding,
    OgcLink,
    OgcSpatial,
)
from mobile_contract.schema.problem import FieldError

PATH: Final = "/ogc/v1"
JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
_PART: Final = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
CONFORMS_TO: Final = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    *(_PART + name for name in ("core", "oas30", "geojson")),
)
_TITLE: Final = LocalText(en="Onsite: jobs and crews on a map", zh="Onsite：地图上的工单与班组")
_ABOUT: Final = LocalText(
    en="Read-only features of one organisation, for QGIS and other programs.",
    zh="一个组织的只读要素，供 QGIS 等程序使用。",
)


def base_of(request: AnyRequest, services: Services) -> str:
    """Give the address under which the caller reached the service, without a slash at its end."""
    return (services.settings.public_url or str(request.base_url)).rstrip("/") + PATH


def say(text: LocalText, language: Language) -> str:
    """Say a text in a language."""
    return (text.zh if language is Language.ZH else "") or text.en


def landing(base: str, language: Language) -> OgcLanding:
    """Write the document at which a client begins."""
    links = (
        OgcLink(href=base, rel="self", type=JSON, title=say(_TITLE, language)),
        OgcLink(href=f"{base}/api", rel="service-desc", type=OPENAPI, title="OpenAPI 3.0"),
        OgcLink(href=f"{base.removesuffix(PATH)}/docs", rel="service-doc", type="text/html", title="API"),
        OgcLink(href=f"{base}/conformance", rel="conformance", type=JSON, title="Conformance"),
        OgcLink(href=f"{base}/collections", rel="data", type=JSON, title="Collections"),
    )
    return OgcLanding(title=say(_TITLE, language), description=say(_ABOUT, language), links=links)


def collection(
    base: str, id: str, about: Collection, *, box: tuple[float, float, float, float], language: Language
) -> OgcCollection:
    """Describe a collection that lies in a box."""
    here = f"{base}/collections/{id}"
    links = (
        OgcLink(href=here, rel="self", type=JSON, title=say(about.title, language)),
        OgcLink(href=f"{here}/items", rel="items", type=GEOJSON, title=say(about.title, language)),
    )
    return OgcCollection(
        id=id,
        title=say(about.title, language),
        description=say(about.description, language),
        links=links,
        extent=OgcExtent(spatial=OgcSpatial(bbox=(box,))),
    )


def page_links(here: str, asked: Mapping[str, str], next_cursor: str | None) -> tuple[OgcLink, ...]:
    """Link a page to itself and, where there is one, to the next. A key never becomes part of a link."""
    kept = {name: value for name, value in asked.items() if name != "api_key"}
    links = [OgcLink(href=_with(here, kept), rel="self", type=GEOJSON)]
    if next_cursor is not None:
        links.append(OgcLink(href=_with(here, {**kept, "cursor": next_cursor}), rel="next", type=GEOJSON))
    return tuple(links)


def read_box(text: str | None) -> tuple[float, float, float, float] | None:
    """Read `bbox`: four numbers, or six, of which the heights do not count. Raises ProblemError (malformed)."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise wrong("bbox", "not numbers") from None
    if len(numbers) == 6:
        numbers = [*numbers[:2], *numbers[3:5]]
    if len(numbers) != 4 or not all(math.isfinite(number) for number in numbers):
        raise wrong("bbox", "four or six numbers")
    west, south, east, north = numbers
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise wrong("bbox", "not a box on earth")
    return west, south, east, north


def read_datetime(text: str | None) -> tuple[datetime | None, datetime | None]:
    """Read `datetime`: an instant, or an interval with `..` or nothing for an open end. Raises ProblemError (malformed)."""
    if text is None:
        return None, None
    begin, slash, end = text.partition("/")
    first, last = _instant(begin), _instant(end if slash else begin)
    if (not slash and first is None) or (first is not None and last is not None and first > last):
        raise wrong("datetime", "not an instant or interval")
    return first, last


def wrong(field: str, message: str) -> ProblemError:
    """Make the refusal of a parameter, which the standard wants as 400."""
    return ProblemError("malformed", errors=(FieldError(field=f"$.{field}", message=message),))


def openapi(base: str, collections: Iterable[str]) -> dict[str, Any]:
    """Write the OpenAPI 3.0 document of the service: the collections that the caller may read, their parameters and limits."""
    names = list(collections)
    parameters = {
        "bbox": _parameter("bbox", {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}),
        "datetime": _parameter("datetime", {"type": "string"}),
        "limit": _parameter("limit", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 100}),
    }
    asked = [{"$ref": f"#/components/parameters/{name}"} for name in parameters]
    id_of = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
    paths: dict[str, Any] = {
        path: _reads(path.strip("/") or "landing") for path in ("/", "/conformance", "/collections")
    }
    for name in names:
        paths[f"/collections/{name}"] = _reads(name)
        paths[f"/collections/{name}/items"] = _reads(f"{name}Items", asked)
        paths[f"/collections/{name}/items/{{featureId}}"] = _reads(f"{name}Item", [id_of])
    security = {"basic": {"type": "http", "scheme": "basic"}, "bearer": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.0.3",
        "info": {"title": _TITLE.en, "description": _ABOUT.en, "version": "1"},
        "servers": [{"url": base}],
        "security": [{name: []} for name in security],
        "paths": paths,
        "components": {"parameters": parameters, "securitySchemes": security},
    }


def _reads(operation: str, parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "get": {
            "operationId": operation,
            "parameters": parameters or [],
            "responses": {"200": {"description": "Done."}},
        }
    }


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "style": "form", "explode": False}


def _with(here: str, parameters: Mapping[str, str]) -> str:
    return f"{here}?{urlencode(parameters)}" if parameters else here


def _instant(text: str) -> datetime | None:
    if text in ("", ".."):
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise wrong("datetime", "not an instant or interval") from None
