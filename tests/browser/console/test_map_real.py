"""Real repairs of 2013 on the map: imported as an operator would, found by the pointer where they happened, selected in bulk, sent. Skipped, loudly, without the data."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from playwright.async_api import Page, expect

from geo.store import positions
from mobile_contract.schema import decisions as d
from mobile_contract.schema.people import Shift
from sync.transaction import org_transaction
from tests.api.serving import Site
from tests.arrange import Org
from tests.browser.console.desk import sign_in, violations
from tests.browser.console.repairs import NEEDS_REPAIRS, repaired
from tests.browser.console.town import PATIENCE_MS, seen

ZOOM = 16.0
# So many pixels around a sign no other one may stand for the pointer to be sure of it.
APART_PX = 90

pytestmark = NEEDS_REPAIRS


@dataclass(frozen=True, kw_only=True)
class Leaks:
    """The organisation with the repairs, how many there are, and one that stands by itself."""

    org: Org
    count: int
    job_id: UUID
    number: str
    lon: float
    lat: float


@pytest.fixture
async def leaks(site: Site, pool: asyncpg.Pool, seed: int, tmp_path: Path) -> Leaks:
    """Import the districts and the repairs of 2013; a crew is on shift near one of them."""
    now = datetime.now(UTC)
    org, count = await repaired(site, pool, seed, tmp_path, now=now)
    async with org_transaction(pool, org.id) as conn:
        rows = await conn.fetch(
            "select id, number, lon_deg, lat_deg from job where org_id = $1 and lon_deg is not null and state = 'ready' order by number limit 5000",
            org.id,
        )
        alone = next(row for row in rows if all(row is other or _apart_px(row, other) > APART_PX for other in rows))
        lon, lat = alone["lon_deg"] + 140 / _pixels_per_degree(), alone["lat_deg"]
        fix = positions.Fix(
            person_id=org.people["amy"], device_id=None, lon_deg=lon, lat_deg=lat, accuracy_m=9, mock=False, at=now
        )
        await positions.record(conn, org.id, [fix], received_at=now)
    shift = Shift(
        id=org.new_id(),
        person_id=org.people["amy"],
        from_at=now - timedelta(hours=1),
        to_at=now + timedelta(hours=7),
    )
    await org.ok(d.SaveShift(shift=shift), now=now)
    return Leaks(
        org=org,
        count=count,
        job_id=alone["id"],
        number=alone["number"],
        lon=alone["lon_deg"],
        lat=alone["lat_deg"],
    )


async def test_a_year_of_repairs_is_on_the_map_and_one_is_dragged_to_a_crew(page: Page, leaks: Leaks) -> None:
    await sign_in(page, leaks)
    await seen(page)
    await expect(page.locator(".list-foot")).to_contain_text(f"{leaks.count:,}")
    await expect(page.get_by_role("button", name=re.compile(r"\d+ without a place"))).to_be_visible()
    await page.keyboard.press("2")
    await page.keyboard.press("v")
    # From the start everything is in view but what has no place.
    await expect(page.locator(".bulk")).to_contain_text(re.compile(r"[\d,]+ selected"), timeout=PATIENCE_MS)
    assert await violations(page, ".map-pane") == []

    await page.goto(f"/console/?map={leaks.lon},{leaks.lat},{ZOOM}")
    await seen(page)
    box = await page.locator(".map-host").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await expect(page.locator(".map-card")).to_contain_text(leaks.number, timeout=PATIENCE_MS)
    await page.mouse.down()
    await page.mouse.move(x + 120, y - 12, steps=5)
    await page.mouse.move(x + 140, y - 16, steps=3)
    await expect(page.locator(".ghost")).to_contain_text("Give 1 to Alpha", timeout=PATIENCE_MS)
    await page.mouse.up()
    await expect(page.get_by_text("1 given to Alpha")).to_be_visible(timeout=PATIENCE_MS)
    async with org_transaction(leaks.org.pool, leaks.org.id) as conn:
        crew = await conn.fetchval(
            "select crew_id from visit where org_id = $1 and job_id = $2", leaks.org.id, leaks.job_id
        )
    assert crew == leaks.org.crews["alpha"]


def _pixels_per_degree() -> float:
    return 512 * 2**ZOOM / 360


def _apart_px(one: asyncpg.Record, other: asyncpg.Record) -> float:
    east = (one["lon_deg"] - other["lon_deg"]) * _pixels_per_degree()
    north = (one["lat_deg"] - other["lat_deg"]) * _pixels_per_degree() / math.cos(math.radians(one["lat_deg"]))
    return math.hypot(east, north)
