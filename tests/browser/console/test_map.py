"""The console's map: what is drawn where, lit together with the list, selected, dragged onto crews, lassoed, and all of it by keyboard."""

import base64
import re
from typing import Final

import asyncpg
import pytest
from playwright.async_api import Locator, Page, expect

from tests.api.office import give_login
from tests.api.serving import Site
from tests.browser.console.desk import sign_in, violations
from tests.browser.console.town import PATIENCE_MS, Town, build, pixel, seen
from tests.browser.scene import found

_COLOUR: Final = """async (png) => {
  const image = new Image();
  image.src = "data:image/png;base64," + png;
  await image.decode();
  const pen = document.createElement("canvas").getContext("2d");
  pen.drawImage(image, 0, 0);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


@pytest.fixture
async def town(site: Site, pool: asyncpg.Pool, seed: int) -> Town:
    """Give a town of the test's own."""
    org = await found(pool, seed, name="Harbour Water Works")
    await give_login(site, org, "dan")
    return await build(org, site.services.clock())


@pytest.fixture
async def streets(page: Page, town: Town) -> Page:
    """Give the console with the map over the town."""
    await sign_in(page, town, address=town.address)
    await seen(page)
    return page


def row(page: Page, title: str) -> Locator:
    return page.locator("#jobs [role=option]").filter(has_text=title)


def card(page: Page) -> Locator:
    return page.locator(".map-card:not([hidden])")


def canvas(page: Page) -> Locator:
    return page.locator(".map canvas.maplibregl-canvas")


async def point_at(page: Page, what: str | tuple[float, float]) -> None:
    await page.mouse.move(*await pixel(page, what))


async def drag(
    page: Page, what: str | tuple[float, float], to: str | tuple[float, float], *, shift: bool = False
) -> None:
    await point_at(page, what)
    if shift:
        await page.keyboard.down("Shift")
    await page.mouse.down()
    x, y = await pixel(page, to)
    await page.mouse.move(x - 8, y - 8, steps=5)
    await page.mouse.move(x, y, steps=3)


async def drop(page: Page) -> None:
    await page.mouse.up()
    await page.keyboard.up("Shift")


def chosen(page: Page) -> Locator:
    return page.locator("#jobs [aria-selected=true]")


async def test_what_the_pointer_is_on_is_lit_in_the_list_and_what_the_list_points_at_on_the_map(streets: Page) -> None:
    await point_at(streets, "Hydrant stuck")
    await expect(card(streets)).to_contain_text("Hydrant stuck", timeout=PATIENCE_MS)
    await expect(card(streets)).to_contain_text("Unassigned")
    await expect(row(streets, "Hydrant stuck")).to_have_class(re.compile(r"\blit\b"))
    await point_at(streets, (0, -120))
    await expect(card(streets)).to_have_count(0)
    await row(streets, "Low pressure").hover()
    await expect(card(streets)).to_contain_text("Low pressure")


async def test_a_crew_says_how_old_and_how_exact_its_position_is(streets: Page) -> None:
    await point_at(streets, "amy")
    await expect(card(streets)).to_contain_text("Alpha", timeout=PATIENCE_MS)
    await expect(card(streets)).to_contain_text(re.compile(r"Heard of .*min.* ago ± 12 m"))
    await point_at(streets, "bob")
    await expect(card(streets)).to_contain_text(re.compile(r"Beta.*1 hr\.? ago", re.S))


async def test_a_click_selects_another_adds_and_the_ground_clears(streets: Page) -> None:
    await streets.mouse.click(*await pixel(streets, "Hydrant stuck"))
    await expect(chosen(streets)).to_have_count(1)
    await expect(chosen(streets)).to_contain_text("Hydrant stuck")
    await streets.keyboard.down("Control")
    await streets.mouse.click(*await pixel(streets, "Low pressure"))
    await streets.keyboard.up("Control")
    await expect(chosen(streets)).to_have_count(2)
    await streets.mouse.click(*await pixel(streets, (0, -120)))
    await expect(chosen(streets)).to_have_count(0)


async def test_a_job_is_dragged_onto_a_crew_and_that_is_undone(streets: Page) -> None:
    await drag(streets, "Hydrant stuck", "amy")
    await expect(streets.locator(".ghost")).to_contain_text("Give 1 to Alpha", timeout=PATIENCE_MS)
    await drop(streets)
    await expect(streets.get_by_text("1 given to Alpha")).to_be_visible(timeout=PATIENCE_MS)
    await expect(row(streets, "Hydrant stuck")).to_contain_text("Alpha", timeout=PATIENCE_MS)
    await streets.get_by_role("button", name="Undo").click()
    await expect(row(streets, "Hydrant stuck")).to_contain_text("Nobody", timeout=PATIENCE_MS)


async def test_a_job_that_is_dropped_beside_a_crew_stays_where_it_is(streets: Page) -> None:
    await drag(streets, "Hydrant stuck", (30, -120))
    await expect(streets.locator(".ghost")).to_contain_text("Drop on a crew", timeout=PATIENCE_MS)
    await drop(streets)
    await expect(streets.locator(".ghost")).to_have_count(0)
    # Neither has the map moved under it.
    await point_at(streets, "Low pressure")
    await expect(card(streets)).to_contain_text("Low pressure", timeout=PATIENCE_MS)
    await expect(row(streets, "Hydrant stuck")).to_contain_text("Nobody")


async def test_a_job_of_the_list_is_dropped_on_a_crew_of_the_map(streets: Page) -> None:
    await row(streets, "Low pressure").hover()
    await streets.mouse.down()
    x, y = await pixel(streets, "amy")
    await streets.mouse.move(x - 30, y - 10, steps=4)
    await streets.mouse.move(x, y, steps=4)
    await expect(streets.locator(".ghost")).to_contain_text("Give 1 to Alpha", timeout=PATIENCE_MS)
    await drop(streets)
    await expect(row(streets, "Low pressure")).to_contain_text("Alpha", timeout=PATIENCE_MS)


async def test_a_lasso_selects_what_is_inside_and_all_of_it_is_dragged_together(streets: Page) -> None:
    await streets.keyboard.down("Shift")
    await streets.mouse.move(*await pixel(streets, (-190, -110)))
    await streets.mouse.down()
    for corner in ((-30, -110), (-30, -40), (-190, -40), (-190, -100)):
        await streets.mouse.move(*await pixel(streets, corner), steps=4)
    await drop(streets)
    await expect(chosen(streets)).to_have_count(2)
    await expect(chosen(streets).first).to_contain_text(re.compile("Leak|Hydrant"))
    await drag(streets, "Hydrant stuck", "amy")
    await expect(streets.locator(".ghost")).to_contain_text("Give 2 to Alpha", timeout=PATIENCE_MS)
    await drop(streets)
    await expect(streets.get_by_text("2 given to Alpha")).to_be_visible(timeout=PATIENCE_MS)
    await expect(row(streets, "Leak in the cellar")).to_contain_text("Alpha", timeout=PATIENCE_MS)


async def test_a_cluster_opens_by_zooming_in_and_jobs_of_one_spot_are_listed(streets: Page, town: Town) -> None:
    await streets.mouse.click(*await pixel(streets, "Burst at the valve"))
    await streets.wait_for_url(re.compile(r"map=[\d.]+(,|%2C)[\d.]+(,|%2C)(1[6-9]|20)"), timeout=PATIENCE_MS)
    await streets.goto(town.address)
    await seen(streets)
    await streets.mouse.click(*await pixel(streets, "First meter of the house"))
    stack = streets.get_by_role("group", name="2 jobs here")
    await expect(stack).to_be_visible(timeout=PATIENCE_MS)
    await stack.get_by_role("button", name="Second meter").click()
    await expect(chosen(streets)).to_contain_text("Second meter of the house")
    await streets.keyboard.press("Escape")
    await expect(stack).to_have_count(0)


async def test_a_cluster_is_selected_whole(streets: Page) -> None:
    await streets.keyboard.down("Control")
    await streets.mouse.click(*await pixel(streets, "Burst at the valve"))
    await streets.keyboard.up("Control")
    await expect(chosen(streets)).to_have_count(2)


async def test_who_is_near_is_told_with_reasons_and_sent(streets: Page) -> None:
    await row(streets, "Hydrant stuck").click()
    await streets.keyboard.press("a")
    panel = streets.get_by_role("complementary", name="Who can go")
    able = panel.get_by_role("list", name="Who can go, best first").get_by_role("listitem")
    await expect(able.first).to_contain_text("Alpha", timeout=PATIENCE_MS)
    await expect(able.first).to_contain_text(re.compile(r"\d min.*km.*straight line", re.S))
    await expect(able.first).to_contain_text("own district")
    await able.first.get_by_role("button").focus()
    await streets.keyboard.press("Enter")
    await expect(row(streets, "Hydrant stuck")).to_contain_text("Alpha", timeout=PATIENCE_MS)


async def test_the_map_is_worked_by_keyboard_alone(streets: Page) -> None:
    await streets.keyboard.press("2")
    await expect(canvas(streets)).to_be_focused()
    await streets.keyboard.press("n")
    told = streets.locator(".map [role=status].away")
    await expect(told).to_have_text(re.compile(r".+: .+; Unassigned|.+: .+; Emergency, Unassigned"))
    first = await told.text_content()
    await streets.keyboard.press("n")
    await expect(told).not_to_have_text(first or "")
    await streets.keyboard.press("p")
    await expect(told).to_have_text(first or "")
    await streets.keyboard.press("Enter")
    await expect(chosen(streets)).to_have_count(1)
    await streets.keyboard.press("v")
    await expect(chosen(streets)).to_have_count(7)
    await streets.keyboard.press("c")
    await expect(told).to_contain_text(re.compile("Alpha|Beta"))
    await streets.keyboard.press("ArrowRight")
    await streets.wait_for_url(re.compile(r"map=116\.3(?!6000)"), timeout=PATIENCE_MS)
    await streets.keyboard.press("g")
    await expect(streets.get_by_role("complementary", name="What the signs mean")).to_be_visible()


@pytest.mark.parametrize("language", ["EN", "中文"])
async def test_axe_finds_nothing_wrong_with_the_map_and_what_lies_over_it(streets: Page, language: str) -> None:
    await streets.get_by_role("button", name=language, exact=True).click()
    await row(streets, "Hydrant stuck").click()
    await streets.keyboard.press("2")
    await streets.keyboard.press("g")
    await streets.keyboard.press("a")
    await expect(streets.locator(".nearest-send").first).to_be_visible(timeout=PATIENCE_MS)
    assert await violations(streets) == []
    await streets.keyboard.press("2")
    await streets.keyboard.press("r")
    await expect(streets.locator(".replay-slide input")).to_be_visible(timeout=PATIENCE_MS)
    assert await violations(streets) == []


async def test_the_map_is_dark_when_the_page_is(streets: Page) -> None:
    bare = (0.0, -120.0)
    assert sum(await colour_at(streets, bare)) > 600
    for _ in range(2):
        await streets.keyboard.press("Shift+T")
    await expect(streets.locator("html")).to_have_attribute("data-theme", "dark")
    await seen(streets)
    assert sum(await colour_at(streets, bare)) < 150
    await point_at(streets, "Hydrant stuck")
    await expect(card(streets)).to_contain_text("Hydrant stuck", timeout=PATIENCE_MS)


async def colour_at(page: Page, spot: tuple[float, float]) -> list[int]:
    """Give red, green and blue of a spot as the screen shows it."""
    x, y = await pixel(page, spot)
    shot = await page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
    found: list[int] = await page.evaluate(_COLOUR, base64.b64encode(shot).decode())
    return found
