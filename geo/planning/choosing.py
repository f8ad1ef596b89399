"""Which crews a plan looks at, where it need not look at all of them. Owns that choice; plans nothing."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from geo.coordinates import great_circle_m
from geo.planning.ground import DistrictRow, JobRow, ShiftRow, districts_around


def crews_near(
    shifts: Iterable[ShiftRow], job: JobRow, districts: Mapping[UUID, DistrictRow], *, most: int
) -> frozenset[UUID]:
    """Choose the crews that may work where a job is and hold one of its skills, the nearest so many; whose place nobody knows comes last."""
    around = set(districts_around(districts, job.district_id))
    far_m: dict[UUID, float] = {}
    for shift in shifts:
        if around and shift.district_ids and not around.intersection(shift.district_ids):
            continue
        if not _holds(shift, job):
            continue
        far_m[shift.owner] = min(far_m.get(shift.owner, float("inf")), _far_m(shift, job))
    return frozenset(sorted(far_m, key=lambda owner: (far_m[owner], owner))[:most])


def crews_of_district(
    shifts: Iterable[ShiftRow], district_id: UUID, districts: Mapping[UUID, DistrictRow]
) -> frozenset[UUID]:
    """Choose the crews that work in a district, above or below it, beside it, or anywhere."""
    around = set(districts_around(districts, district_id)) | {district_id}
    below = {district_id}
    for _ in range(len(districts)):
        more = {id for id, row in districts.items() if row.parent_id in below} - below
        if not more:
            break
        below |= more
    allowed = around | below
    return frozenset(s.owner for s in shifts if not s.district_ids or allowed.intersection(s.district_ids))


def _holds(shift: ShiftRow, job: JobRow) -> bool:
    """Tell whether a person alone or with others might do the work: one of the skills asked for, where any is."""
    return not job.skills or any(held.code == wanted.code for held in shift.skills for wanted in job.skills)


def _far_m(shift: ShiftRow, job: JobRow) -> float:
    if shift.place is None or job.point is None:
        return float("inf")
    return float(great_circle_m(shift.place.lon_deg, shift.place.lat_deg, job.point.lon_deg, job.point.lat_deg))
