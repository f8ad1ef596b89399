"""A few jobs and crews at spots of the map that a test can name in pixels; its own reckoning of where they are drawn. Owns no test."""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from playwright.async_api import Page, expect

from geo.store import positions
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Priority
from mobile_contract.schema.people import Shift
from sync.transaction import org_transaction
from tests.arrange import Org

ZOOM: Final = 15.0
PATIENCE_MS: Final = 20_000
_MIDDLE: Final = (116.36, 39.95)
# A tile of 512 pixels is the whole earth at zoom 0.
_DEGREES_PER_PIXEL: Final = 360 / (512 * 2**ZOOM)

# Where each job is drawn: pixels to the right of the middle of the map and below it.
_JOBS: Final = {
    "Leak in the cellar": (-160, -70),
    "Hydrant stuck": (-70, -70),
    "Low pressure": (-160, 70),
    "Burst at the valve": (60, 90),
    "Meter box broken": (84, 100),
    "First meter of the house": (-40, 110),
    "Second meter of the house": (-40, 110),
}
# The same of each crew, whose person was heard of so many minutes ago.
_CREWS: Final = {"amy": (150, -70, 2), "bob": (150, 20, 80)}


@dataclass(kw_only=True)
class Town:
    """The organisation, and its jobs by title."""

    org: Org
    now: datetime
    jobs: dict[str, UUID] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Give the address of the console with the map as the spots have it."""
        return f"/console/?map={_MIDDLE[0]},{_MIDDLE[1]},{ZOOM}"


async def build(org: Org, now: datetime) -> Town:
    """Open the jobs, put the crews on shift and let them be heard of."""
    town = Town(org=org, now=now)
    shifts = [
        d.SaveShift(
            shift=Shift(
                id=org.new_id(),
                person_id=org.people[name],
                from_at=now - timedelta(hours=2),
                to_at=now + timedelta(hours=6),
            )
        )
        for name in ("amy", "bob")
    ]
    await org.ok(*shifts, now=now)
    for title, spot in _JOBS.items():
        town.jobs[title] = org.new_id()
        lon, lat = place(*spot)
        opened = d.OpenJob(
            job_id=town.jobs[title],
            job_type="repair",
            title=title,
            priority=Priority.EMERGENCY if title.startswith("Burst") else None,
            lon_deg=lon,
            lat_deg=lat,
            reported_at=now - timedelta(minutes=10),
        )
        await org.ok(opened, by="dan", now=now - timedelta(minutes=9))
    async with org_transaction(org.pool, org.id) as conn:
        for name, (right, down, minutes) in _CREWS.items():
            lon, lat = place(right, down)
            at = now - timedelta(minutes=minutes)
            fix = positions.Fix(
                person_id=org.people[name], device_id=None, lon_deg=lon, lat_deg=lat, accuracy_m=12, mock=False, at=at
            )
            await positions.record(conn, org.id, [fix], received_at=at)
    return town


def place(right: float, down: float) -> tuple[float, float]:
    """Give the longitude and latitude of a spot, by the sphere of web maps."""
    lon, lat = _MIDDLE
    north = math.asinh(math.tan(math.radians(lat))) - math.radians(down * _DEGREES_PER_PIXEL)
    return lon + right * _DEGREES_PER_PIXEL, math.degrees(math.atan(math.sinh(north)))


async def seen(page: Page) -> None:
    """Wait until the map shows everything that it has to show."""
    await expect(page.locator(".map[data-ready]")).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.locator(".map-host")).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)


async def pixel(page: Page, what: str | tuple[float, float]) -> tuple[float, float]:
    """Give where a job (by its title), a person's crew or a spot is in the window."""
    right, down = what if isinstance(what, tuple) else _JOBS[what] if what in _JOBS else _above_tip(what)
    box = await page.locator(".map-host").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2 + right, box["y"] + box["height"] / 2 + down


def _above_tip(name: str) -> tuple[float, float]:
    """A crew's plate stands above its place, to which it points."""
    right, down, _ = _CREWS[name]
    return right, down - 16
