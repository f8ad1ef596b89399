"""A day replayed on the map: what happened when, when the office learned of it, where crews were; by pointer, by keyboard and from a link."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Locator, Page, expect

from tests.browser.console.desk import sign_in
from tests.browser.console.running_day import Day
from tests.browser.console.town import PATIENCE_MS, seen
from tests.waiting import until


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Replay of a day")


async def opened(page: Page, day: Day) -> None:
    await sign_in(page, day)
    await seen(page)
    await page.keyboard.press("r")
    await expect(bar(page).get_by_role("slider")).to_be_visible(timeout=PATIENCE_MS)


async def moment(page: Page) -> datetime:
    said = await bar(page).get_by_role("slider").input_value()
    return datetime.fromtimestamp(float(said) / 1000).astimezone()


def linked(page: Page) -> datetime:
    """Give the moment that the address leads to; long ago while it leads to none."""
    said = parse_qs(urlsplit(page.url).query).get("replay")
    return datetime.fromisoformat(said[0]) if said else datetime.min.replace(tzinfo=UTC)


async def test_a_day_is_told_step_by_step_and_ends_with_now(page: Page, day: Day) -> None:
    await opened(page, day)
    told = bar(page).locator(".replay-last")
    await expect(told).to_contain_text(re.compile(r"0 of \d+"))
    before = await moment(page)
    await page.keyboard.press(".")
    await expect(told).to_contain_text("Reported")
    assert await moment(page) > before
    seen_steps = set()
    for _ in range(60):
        await page.keyboard.press(".")
        seen_steps.add(await told.locator("b").text_content())
    assert {"Reported", "Assigned", "Set out", "Arrived", "Began work"} <= seen_steps
    await page.keyboard.press(",")
    await expect(page.locator(".map-pane")).to_be_visible()
    await bar(page).get_by_role("button", name="End the replay").click()
    await expect(bar(page)).to_have_count(0)


async def test_a_running_replay_goes_on_by_itself_and_a_link_leads_to_its_moment(page: Page, day: Day) -> None:
    await opened(page, day)
    await bar(page).get_by_label("How fast").select_option(label="30 min/s")
    before = await moment(page)
    await bar(page).get_by_role("button", name="Run", exact=True).click()
    await expect(bar(page).locator(".replay-last")).to_contain_text(re.compile(r"[1-9]\d* of \d+"), timeout=PATIENCE_MS)
    if await bar(page).get_by_role("button", name="Pause").count():
        await bar(page).get_by_role("button", name="Pause").click()
    there = await moment(page)
    assert there > before
    # The address follows shortly after; the slider goes by whole minutes of the day.
    await until(lambda: abs(linked(page) - there) <= timedelta(minutes=1), timeout_s=PATIENCE_MS / 1000)
    await page.reload()
    await expect(bar(page).get_by_role("slider")).to_be_visible(timeout=PATIENCE_MS)
    assert abs(await moment(page) - there) <= timedelta(minutes=1)


async def test_while_the_past_is_shown_nothing_is_dragged_on_the_map(page: Page, day: Day) -> None:
    await opened(page, day)
    box = await page.locator(".map-host").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 3 + 40, steps=4)
    await expect(page.locator(".ghost")).to_have_count(0)
    await page.mouse.up()
