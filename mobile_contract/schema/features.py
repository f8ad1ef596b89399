"""OGC API – Features, part 1 (read only), as the server speaks it: names and letter case are the standard's. Longitude before latitude, CRS84."""

from typing import Annotated, Literal

from msgspec import Meta, Raw

from mobile_contract.schema.listing import Asked, Cursor, Shown
from mobile_contract.schema.map import PlainKey

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
Corners = tuple[float, float, float, float]
# More may be asked for; more is not given.
LIMIT_MAX = 1_000
OgcBox = Annotated[
    str, Meta(max_length=200, description="west,south,east,north in degrees; west above east crosses the antimeridian.")
]
OgcTime = Annotated[
    str, Meta(max_length=100, description="An instant, or an interval `from/to` with `..` for an open end.")
]
OgcLimit = Annotated[int, Meta(ge=1, le=1_000_000_000, description="Features of a page; no more than 1,000 are given.")]


class OgcLink(Shown, frozen=True, kw_only=True):
    """A link of one document to another."""

    href: str
    rel: str
    type: str
    title: str = ""


class OgcLanding(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """Where a client begins."""

    title: str
    description: str
    links: tuple[OgcLink, ...]


class OgcConformance(Shown, frozen=True, kw_only=True, rename="camel"):
    """Which parts of the standard are kept."""

    conforms_to: tuple[str, ...]


class OgcSpatial(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """Where the features of a collection may be."""

    bbox: tuple[Corners, ...]
    crs: str = CRS84


class OgcTemporal(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """When the features of a collection may be: without end on both sides."""

    interval: tuple[tuple[str | None, str | None], ...] = ((None, None),)
    trs: str = GREGORIAN


class OgcExtent(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """Where and when the features of a collection may be."""

    spatial: OgcSpatial
    temporal: OgcTemporal = OgcTemporal()


class OgcCollection(Shown, frozen=True, kw_only=True, rename="camel", omit_defaults=False):
    """A collection of features."""

    id: str
    title: str
    description: str
    links: tuple[OgcLink, ...]
    extent: OgcExtent
    item_type: Literal["feature"] = "feature"
    crs: tuple[str, ...] = (CRS84,)


class OgcCollections(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """The collections that the caller may read."""

    links: tuple[OgcLink, ...]
    collections: tuple[OgcCollection, ...]


class OgcItems(Shown, frozen=True, kw_only=True, rename="camel", omit_defaults=False):
    """A page of features as GeoJSON; the link `next` leads to the following page, where there is one."""

    links: tuple[OgcLink, ...]
    number_returned: int
    features: tuple[Raw, ...]
    type: Literal["FeatureCollection"] = "FeatureCollection"


class OgcFeature(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """A feature as GeoJSON."""

    id: str
    geometry: Raw
    properties: Raw
    type: Literal["Feature"] = "Feature"


class OgcDefinition(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """The OpenAPI 3.0 document of the service."""

    openapi: str
    info: Raw
    paths: Raw


class OgcAsk(Asked, frozen=True, kw_only=True):
    """What every document of the standard may be asked with."""

    f: Literal["json"] | None = None
    api_key: PlainKey | None = None


class OgcItemsAsk(OgcAsk, frozen=True, kw_only=True):
    """Which features: in a box, at an instant or in an interval, and how many at once."""

    bbox: OgcBox | None = None
    datetime: OgcTime | None = None
    limit: OgcLimit = 100
    cursor: Cursor | None = None
