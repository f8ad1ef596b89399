"""GeoJSON (RFC 7946) as the server gives it: jobs as points, districts as outlines. Longitude before latitude.

RFC 7946 knows WGS 84 only; where another datum was asked for, the collection names it in the member `datum`.
"""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Datum, Instant, Line, LocalText, Priority
from mobile_contract.schema.job import JobState
from mobile_contract.schema.listing import Asked, Shown

Pair = tuple[float, float]


class Point(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """A point: longitude, latitude."""

    coordinates: Pair
    type: Literal["Point"] = "Point"


class MultiPolygon(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """Polygons; of each the outer ring first, then its holes."""

    coordinates: tuple[tuple[tuple[Pair, ...], ...], ...]
    type: Literal["MultiPolygon"] = "MultiPolygon"


class JobProperties(Shown, frozen=True, kw_only=True):
    """What a map says about a job."""

    number: Code
    job_type: Code
    state: JobState
    priority: Priority
    title: Line = ""
    district_id: UUID | None = None
    arrival_due_at: Instant | None = None
    breached: bool = False
    flagged: bool = False


class JobFeature(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """A job on a map."""

    id: UUID
    geometry: Point
    properties: JobProperties
    type: Literal["Feature"] = "Feature"


class JobCollection(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """Jobs on a map; `truncated`: there are more than the limit let through."""

    features: tuple[JobFeature, ...]
    datum: Datum = Datum.WGS84
    truncated: bool = False
    type: Literal["FeatureCollection"] = "FeatureCollection"


class DistrictProperties(Shown, frozen=True, kw_only=True):
    """What a map says about a district."""

    code: Code
    name: LocalText
    arrival_class: Code
    parent_id: UUID | None = None
    area_m2: float


class DistrictFeature(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """A district on a map."""

    id: UUID
    geometry: MultiPolygon
    properties: DistrictProperties
    type: Literal["Feature"] = "Feature"


class DistrictCollection(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """Districts on a map."""

    features: tuple[DistrictFeature, ...]
    datum: Datum = Datum.WGS84
    type: Literal["FeatureCollection"] = "FeatureCollection"


class OutlineAsk(Asked, frozen=True, kw_only=True):
    """How finely outlines are wanted, and in which datum."""

    tolerance_m: Annotated[
        float, Meta(ge=0, le=5_000, description="Outlines are simplified by so many metres at most.")
    ] = 20.0
    datum: Datum = Datum.WGS84
