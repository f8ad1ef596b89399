"""Real repairs of 2013 at the timeline: given by area, dragged into a day, put in as urgent, planned, locked. Skipped, loudly, without the data."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from playwright.async_api import Page, expect

from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Command
from mobile_contract.schema.people import Crew, CrewMember, Person, Role, Shift
from sync.transaction import org_transaction
from tests.api.serving import Site
from tests.browser.console.desk import sign_in, violations
from tests.browser.console.repairs import NEEDS_REPAIRS, repaired
from tests.browser.console.running_day import Day

CREWS = 8
_PATIENCE_MS = 60_000

pytestmark = NEEDS_REPAIRS


@pytest.fixture(scope="module")
async def repairs(site: Site, pool: asyncpg.Pool, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Import the districts and the repairs of 2013; crews of every district are on shift where repairs are."""
    now = datetime.now(UTC)
    org, _ = await repaired(site, pool, 20_130_101, tmp_path_factory.mktemp("repairs"), now=now)
    day = Day(org=org, now=now)
    async with org_transaction(pool, org.id) as conn:
        districts = await conn.fetch("select id from district where org_id = $1 order by code limit 100", org.id)
        jobs = await conn.fetch(
            "select id, lon_deg, lat_deg from job where org_id = $1 and state = 'ready' and lon_deg is not null order by number limit 2000",
            org.id,
        )
    day.ready = [row["id"] for row in jobs]
    for index in range(CREWS):
        near = jobs[index * len(jobs) // CREWS]
        await org.ok(
            *_crew(day, index, [row["id"] for row in districts], (near["lon_deg"], near["lat_deg"])),
            now=now - timedelta(days=1),
        )
    return day


def _crew(day: Day, index: int, districts: list[UUID], base: tuple[float, float]) -> list[Command]:
    org = day.org
    crew_id, person = org.new_id(), org.new_id()
    day.crews.append(crew_id)
    crew = Crew(
        id=crew_id,
        code=f"main-{index}",
        name=f"Main {index + 1}",
        district_ids=tuple(districts),
        lon_deg=base[0],
        lat_deg=base[1],
    )
    shift = Shift(
        id=org.new_id(), person_id=person, from_at=day.now - timedelta(hours=1), to_at=day.now + timedelta(hours=9)
    )
    member = CrewMember(id=org.new_id(), crew_id=crew_id, person_id=person, from_at=day.now - timedelta(days=9))
    return [
        d.SaveCrew(crew=crew),
        d.SavePerson(
            person=Person(id=person, code=f"fitter{index}", name=f"Fitter {index + 1}", roles=(Role.TECHNICIAN,))
        ),
        d.SaveCrewMember(member=member),
        d.SaveShift(shift=shift),
    ]


async def test_an_area_of_real_repairs_goes_to_a_crew_and_stands_in_its_day(page: Page, repairs: Day) -> None:
    await sign_in(page, repairs)
    await page.keyboard.press("Shift+S")
    group = page.locator(".storm-group", has_text=re.compile(r"\d+ jobs")).first
    await expect(group).to_be_visible(timeout=_PATIENCE_MS)
    await group.get_by_role("combobox").select_option(str(repairs.crews[0]))
    await group.get_by_role("button", name=re.compile("^Assign")).click()
    await expect(page.locator(".toast").first).to_contain_text("assigned to Main 1", timeout=_PATIENCE_MS)
    bars = page.locator(f'[data-holder="{repairs.crews[0]}"] .bar')
    await expect(bars.nth(1)).to_be_visible(timeout=_PATIENCE_MS)
    await bars.nth(1).focus()
    await page.keyboard.press("l")
    await expect(bars.nth(1)).to_have_attribute("aria-label", re.compile("crew and time locked"), timeout=_PATIENCE_MS)
    assert await violations(page, ".time-pane") == []


async def test_a_real_repair_is_dragged_into_a_day_and_another_put_in_as_urgent(page: Page, repairs: Day) -> None:
    await sign_in(page, repairs)
    waiting = page.locator("#jobs [role=option]:not([aria-disabled])").first
    job_id = (await waiting.get_attribute("id") or "").removeprefix("job-")
    line, source = (
        await page.locator(f'[data-holder="{repairs.crews[1]}"]').bounding_box(),
        await waiting.bounding_box(),
    )
    assert line and source
    await page.mouse.move(source["x"] + 60, source["y"] + 12)
    await page.mouse.down()
    await page.mouse.move(source["x"] + 80, source["y"] + 20)
    await page.mouse.move(line["x"] + line["width"] * 0.6, line["y"] + line["height"] / 2, steps=6)
    await page.mouse.up()
    await expect(page.locator(f'[data-holder="{repairs.crews[1]}"] [data-job="{job_id}"]')).to_be_visible(
        timeout=_PATIENCE_MS
    )
    await page.locator("#jobs [role=option]:not([aria-disabled])").nth(2).click()
    await page.keyboard.press("Shift+U")
    await expect(page.locator(".strip-stop.added").first).to_be_visible(timeout=_PATIENCE_MS)
    await page.locator(".plan-foot .main").click()
    await expect(page.locator(".toast", has_text="Plan committed")).to_be_visible(timeout=_PATIENCE_MS)
