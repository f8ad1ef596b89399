"""Features from what the database gave, in the datum a map wants. Converts places; owns no SQL and no route."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from api.store.crew_places import Place
from api.store.district_outlines import DistrictOutline
from api.store.job_lists import MapJob
from geo.coordinates import from_wgs84_arrays
from mobile_contract.schema.base import Datum
from mobile_contract.schema.geojson import (
    DistrictCollection,
    DistrictFeature,
    DistrictProperties,
    JobCollection,
    JobFeature,
    JobProperties,
    MultiPolygon,
    Pair,
    Point,
)
from mobile_contract.schema.map import CrewCollection, CrewFeature, CrewPlace

MEDIA_TYPE: Final = "application/geo+json"
# A tenth of a metre: nothing here is measured better.
_DIGITS: Final = 6


def job_collection(jobs: Sequence[MapJob], *, limit: int, datum: Datum) -> JobCollection:
    """Make the features of located jobs (WGS 84 in, `datum` out); beyond `limit` they are cut and the collection says so."""
    shown = jobs[:limit]
    points = _converted([(job.lon_deg, job.lat_deg) for job in shown], datum)
    features = tuple(
        JobFeature(id=job.id, geometry=Point(coordinates=point), properties=_of_job(job))
        for job, point in zip(shown, points, strict=True)
    )
    return JobCollection(features=features, datum=datum, truncated=len(jobs) > limit)


def district_collection(districts: Sequence[DistrictOutline], *, datum: Datum) -> DistrictCollection:
    """Make the features of districts (WGS 84 in, `datum` out)."""
    return DistrictCollection(features=tuple(_of_district(each, datum) for each in districts), datum=datum)


def crew_collection(places: Sequence[Place], *, limit: int, datum: Datum) -> CrewCollection:
    """Make the features of people's last places (WGS 84 in, `datum` out); beyond `limit` they are cut and the collection says so."""
    shown = places[:limit]
    points = _converted([(place.lon_deg, place.lat_deg) for place in shown], datum)
    features = tuple(
        CrewFeature(id=place.person_id, geometry=Point(coordinates=point), properties=_of_crew(place))
        for place, point in zip(shown, points, strict=True)
    )
    return CrewCollection(features=features, datum=datum, truncated=len(places) > limit)


def _of_crew(place: Place) -> CrewPlace:
    return CrewPlace(
        person_id=place.person_id,
        crew_id=place.crew_id,
        crew=place.crew,
        at=place.at,
        received_at=place.received_at,
        accuracy_m=place.accuracy_m,
        mock=place.mock,
    )


def _of_job(job: MapJob) -> JobProperties:
    return JobProperties(
        number=job.number,
        job_type=job.type,
        state=job.state,
        priority=job.priority,
        title=job.title,
        district_id=job.district_id,
        arrival_due_at=job.arrival_due_at,
        breached=job.breached,
        flagged=job.flagged,
    )


def _of_district(district: DistrictOutline, datum: Datum) -> DistrictFeature:
    outline = tuple(tuple(tuple(_converted(ring, datum)) for ring in polygon) for polygon in district.polygons)
    properties = DistrictProperties(
        code=district.code,
        name=district.name,
        arrival_class=district.arrival_class,
        parent_id=district.parent_id,
        area_m2=district.area_m2,
    )
    return DistrictFeature(id=district.id, geometry=MultiPolygon(coordinates=outline), properties=properties)


def _converted(points: Sequence[Pair], datum: Datum) -> list[Pair]:
    if datum is Datum.WGS84 or not points:
        return [(round(lon, _DIGITS), round(lat, _DIGITS)) for lon, lat in points]
    table = np.asarray(points, float)
    lon, lat = from_wgs84_arrays(table[:, 0], table[:, 1], datum)
    return list(zip(np.round(lon, _DIGITS).tolist(), np.round(lat, _DIGITS).tolist(), strict=True))
