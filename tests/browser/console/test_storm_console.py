"""Storm mode at the console: declared, changed and ended; jobs by area given to a crew in one go."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.console.desk import sign_in, violations
from tests.browser.console.running_day import Day

_PATIENCE_MS = 15_000


async def opened(page: Page, day: Day) -> None:
    await sign_in(page, day)
    await page.keyboard.press("Shift+S")
    await expect(page.locator(".storm-group").first).to_be_visible(timeout=_PATIENCE_MS)


async def test_a_storm_is_declared_changed_and_ended(page: Page, own_day: Day) -> None:
    await opened(page, own_day)
    await page.get_by_role("radio", name=re.compile("^2 ")).check()
    await page.get_by_label("West", exact=True).check()
    await page.get_by_label("Note").fill("Dyke under watch")
    await page.get_by_role("button", name="Declare", exact=True).click()
    force = page.locator(".storm-now")
    await expect(force).to_contain_text("level 2", timeout=_PATIENCE_MS)
    await expect(force).to_contain_text("Dyke under watch")
    await expect(force).to_contain_text("West")
    await expect(page.get_by_role("button", name=re.compile("Storm mode"))).to_contain_text("2")
    await force.get_by_role("button", name="Change").click()
    await force.get_by_role("radio", name=re.compile("^3 ")).check()
    await force.get_by_role("button", name="Change").click()
    await expect(force).to_contain_text("level 3", timeout=_PATIENCE_MS)
    await force.get_by_role("button", name="End the storm").click()
    await force.get_by_role("button", name="End it now").click()
    await expect(page.get_by_text("No storm is declared.")).to_be_visible(timeout=_PATIENCE_MS)


async def test_the_jobs_of_an_area_go_to_a_crew_in_one_go(page: Page, own_day: Day) -> None:
    await opened(page, own_day)
    group = page.locator(".storm-group").first
    await group.locator("summary").click()
    number = await group.locator(".storm-jobs button").first.inner_text()
    await group.get_by_role("button", name="Show on the map").click()
    await expect(page.locator("#jobs [aria-selected=true]").first).to_be_visible()
    await group.get_by_role("combobox").select_option(str(own_day.crews[0]))
    await group.get_by_role("button", name=re.compile("^Assign")).click()
    await expect(page.locator(".toast").first).to_contain_text("assigned to", timeout=_PATIENCE_MS)
    await expect(page.locator(f'[data-holder="{own_day.crews[0]}"] [aria-label*="{number}"]')).to_be_visible(
        timeout=_PATIENCE_MS
    )


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_storm_mode_keeps_nobody_out(page: Page, day: Day, language: str) -> None:
    await opened(page, day)
    if language == "zh":
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("heading", name="按片区分组")).to_be_visible()
    assert await violations(page, ".panel") == []
