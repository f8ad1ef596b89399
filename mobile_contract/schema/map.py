"""What a map asks for and is told: its ground, tiles of our own, where crews are, trackers of other makers. Longitude before latitude, WGS 84.

Tiles say nothing personal: no name, no telephone number, no address, no words that somebody wrote.
"""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Datum, Instant, Line
from mobile_contract.schema.geojson import Point
from mobile_contract.schema.job import JobState
from mobile_contract.schema.listing import Asked, Shown

PlainKey = Annotated[
    str, Meta(max_length=300, description="An API key, for clients that can send no header and no HTTP Basic password.")
]
Zoom = Annotated[int, Meta(ge=0, le=22)]


class TileAsk(Asked, frozen=True, kw_only=True):
    """Asks for a tile as it is."""

    api_key: PlainKey | None = None


class JobTileAsk(TileAsk, frozen=True, kw_only=True):
    """Which jobs a tile shows: without `state` those that are not over."""

    state: tuple[JobState, ...] = ()
    district: UUID | None = None


class TrackTileAsk(TileAsk, frozen=True, kw_only=True):
    """Which part of the tracks a tile shows: up to a day; without `from_at` the last two hours."""

    from_at: Instant | None = None
    to_at: Instant | None = None


class Ground(Shown, frozen=True, kw_only=True):
    """What lies under the jobs: a PMTiles file, raster tiles or a style, in its own datum."""

    kind: Literal["pmtiles", "raster", "style"]
    url: str
    datum: Datum = Datum.WGS84
    attribution: Line = ""


class TileLayer(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """A layer of vector tiles: the template of its addresses. Below `single_from` features are counted in a grid."""

    name: Code
    url: str
    min_zoom: Zoom
    max_zoom: Zoom
    single_from: Zoom


class MapSetup(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """What a map is made of for this caller; `ground` is null where there is none."""

    ground: Ground | None
    layers: tuple[TileLayer, ...]


class CrewPlace(Shown, frozen=True, kw_only=True):
    """Where somebody of a crew was last: as of `at`, accuracy as a radius in metres."""

    person_id: UUID
    crew_id: UUID | None = None
    crew: Code | None = None
    at: Instant
    received_at: Instant
    accuracy_m: float | None = None
    mock: bool = False


class CrewFeature(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """Somebody of a crew on a map."""

    id: UUID
    geometry: Point
    properties: CrewPlace
    type: Literal["Feature"] = "Feature"


class CrewCollection(Shown, frozen=True, kw_only=True, omit_defaults=False):
    """Crews on a map; `truncated`: there are more than a collection holds."""

    features: tuple[CrewFeature, ...]
    datum: Datum = Datum.WGS84
    truncated: bool = False
    type: Literal["FeatureCollection"] = "FeatureCollection"


class CrewAsk(Asked, frozen=True, kw_only=True):
    """Whose places are wanted: heard of since `since`, without it within a day; and in which datum."""

    since: Instant | None = None
    datum: Datum = Datum.WGS84
    api_key: PlainKey | None = None


class TrackerAsk(Asked, frozen=True, kw_only=True):
    """Make a tracker: an app of another maker that reports where a person is."""

    person_id: UUID
    name: Annotated[str, Meta(min_length=1, max_length=120)]


class TrackerMade(Shown, frozen=True, kw_only=True):
    """A new tracker. `identifier` is its secret and is shown this once: what the app calls the device identifier; `url` is its server."""

    tracker_id: UUID
    identifier: str
    url: str


class TrackerLine(Shown, frozen=True, kw_only=True):
    """A tracker as it is listed."""

    tracker_id: UUID
    person_id: UUID
    name: Line
    made_at: Instant
    seen_at: Instant | None = None
    revoked_at: Instant | None = None


class TrackerPage(Shown, frozen=True, kw_only=True):
    """A page of trackers, oldest first."""

    items: tuple[TrackerLine, ...]
    next: UUID | None = None
