"""Places of the demo organisation: the city's districts, sites, usage points and meters as commands. Makes commands, sends none."""

import json
from datetime import UTC, datetime, time
from typing import Final
from uuid import UUID, uuid5

from geo.city_plan import City, CityMeter
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import SaveDistrict, SaveMeter, SaveSite, SaveUsagePoint
from mobile_contract.schema.place import Meter, Site, UsagePoint

# Blocks of flats have dozens of meters: enough to look real, few enough for a founding of seconds.
METERS_PER_SITE: Final = 2
METERED: Final = "water"


def district_id(org_id: UUID, code: str) -> UUID:
    """Name a district of the demo."""
    return uuid5(org_id, f"district/{code}")


def site_id(org_id: UUID, code: str) -> UUID:
    """Name a site of the demo."""
    return uuid5(org_id, f"site/{code}")


def districts(org_id: UUID, city: City) -> list[Command]:
    """Make the districts, zones before those inside them."""
    ordered = sorted(city.districts, key=lambda d: (d.parent_code is not None, d.code))
    return [
        SaveDistrict(
            district_id=district_id(org_id, d.code),
            code=d.code,
            name_en=d.name,
            name_zh=d.name_zh,
            parent_id=district_id(org_id, d.parent_code) if d.parent_code else None,
            arrival_class=d.arrival_class,
            outline_geojson=json.dumps(
                {"type": "Polygon", "coordinates": [[[point.lon_deg, point.lat_deg] for point in d.outline]]}
            ),
        )
        for d in ordered
    ]


def premises(org_id: UUID, city: City) -> list[Command]:
    """Make the sites, and the first usage points of each with their water meters."""
    commands: list[Command] = [
        SaveSite(
            site=Site(
                id=site_id(org_id, site.code),
                code=site.code,
                name=f"{site.kind.title()} at {site.address}",
                address=site.address,
                lon_deg=site.point.lon_deg,
                lat_deg=site.point.lat_deg,
            )
        )
        for site in city.sites
    ]
    meters = {meter.usage_point_code: meter for meter in city.meters}
    taken: dict[str, int] = {}
    for point in city.usage_points:
        meter = meters.get(point.code)
        if point.medium != METERED or meter is None or taken.get(point.site_code, 0) >= METERS_PER_SITE:
            continue
        taken[point.site_code] = taken.get(point.site_code, 0) + 1
        site, meter_id = site_id(org_id, point.site_code), uuid5(org_id, f"meter/{meter.serial}")
        usage_point = UsagePoint(
            id=uuid5(org_id, f"usage_point/{point.code}"),
            site_id=site,
            code=point.code,
            medium=point.medium,
            meter_id=meter_id,
        )
        commands += [SaveMeter(meter=_meter(meter_id, site, meter)), SaveUsagePoint(usage_point=usage_point)]
    return commands


def _meter(id: UUID, site: UUID, meter: CityMeter) -> Meter:
    return Meter(
        id=id,
        site_id=site,
        serial=meter.serial,
        medium=meter.medium,
        unit=meter.unit,
        dial_count=meter.dial_count,
        multiplier=meter.multiplier,
        dn_mm=meter.dn_mm,
        last_value=meter.last_value,
        last_read_at=datetime.combine(meter.last_read_on, time(8), UTC),
    )
