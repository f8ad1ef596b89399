"""The frame of the console: signing in, the list of jobs, filters, selection, keys, languages, colours, sizes."""

import re
from typing import Any

from playwright.async_api import Browser, Page, expect

from mobile_contract.schema import decisions as d
from tests.api.office import give_login, slug_of
from tests.api.serving import PASSWORD, Site
from tests.browser.console.desk import new_page, sign_in
from tests.browser.scene import Scene

OPEN = 15
"""Jobs of the scene that have not ended."""


def rows(page: Page) -> Any:
    return page.locator("#jobs [role=option]:not([aria-disabled])")


async def titles(page: Page) -> list[str]:
    """Read the list from the top, as far as it is drawn."""
    found: list[str] = await page.locator("#jobs .row-first").all_inner_texts()
    return found


async def test_the_board_is_there_after_signing_in_and_again_after_a_reload(desk: Page) -> None:
    await expect(desk.get_by_role("heading", level=1)).to_have_text("Harbour Water Works")
    await expect(desk.locator(".top .status")).to_have_text("Live")
    await expect(desk.locator(".list-foot")).to_have_text(f"{OPEN} of 19 jobs")
    await desk.reload()
    await expect(desk.locator(".list-foot")).to_have_text(f"{OPEN} of 19 jobs")
    await desk.get_by_role("button", name="Sign out").click()
    await expect(desk.get_by_label("Password")).to_be_visible()
    await desk.reload()
    await expect(desk.get_by_label("Password")).to_be_visible()


async def test_a_refused_sign_in_is_told_and_the_field_is_sent_to_its_own_app(page: Page, scene: Scene) -> None:
    await page.goto("/console/")
    await page.get_by_label("Organisation").fill("no-such-works")
    await page.get_by_label("Login").fill("dan")
    await page.get_by_label("Password").fill("wrong wrong wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).not_to_be_empty()
    await page.goto("/console/")
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_role("button", name="登录")).to_be_visible()


async def test_the_field_is_told_that_the_console_is_for_the_office(page: Page, scene: Scene) -> None:
    await page.goto(f"/console/?org={await slug_of(scene.org)}")
    await page.get_by_label("Login").fill("amy")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text(
        "Your role reads through the field app; this console is for the office."
    )


async def test_a_password_that_somebody_else_made_has_to_be_replaced_first(
    page: Page, own_scene: Scene, site: Site
) -> None:
    await give_login(site, own_scene.org, "max", must_change=True)
    await page.goto(f"/console/?org={await slug_of(own_scene.org)}")
    await page.get_by_label("Login").fill("max")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("New password").fill("a quiet river 42")
    await page.get_by_role("button", name="Save").click()
    await expect(rows(page).first).to_be_visible()


async def test_jobs_that_nobody_has_come_first_and_of_these_the_most_pressing(desk: Page) -> None:
    assert (await titles(desk))[:6] == [
        "Wet pavement by the kiosk",
        "Leak at the service valve",
        "Low pressure, third floor",
        "Hydrant will not close",
        "Water in the cellar",
        "Caller hung up, near the mill",
    ]
    first = rows(desk).first
    await expect(first).to_contain_text("late")
    await expect(first).to_contain_text("Nobody")
    await expect(first).to_contain_text("Unassigned")


async def test_filters_narrow_the_list_and_a_link_carries_them(desk: Page) -> None:
    await desk.get_by_label("Search jobs").fill("leak service")
    await expect(rows(desk)).to_have_count(1)
    await desk.get_by_label("Search jobs").fill("")
    await desk.locator(".list-pane").get_by_role("button", name="At work").click()
    await expect(rows(desk)).to_have_count(5)
    await desk.get_by_role("button", name="Filter", exact=True).click()
    await desk.get_by_label("Type").select_option(label="Repair")
    await desk.get_by_label("District").select_option(label="West")
    await expect(rows(desk)).to_have_count(2)
    await desk.get_by_role("combobox", name="Order", exact=True).select_option(label="Number")
    await expect(desk).to_have_url(re.compile("state=working"))
    await expect(desk).to_have_url(re.compile("sort=number"))
    await desk.reload()
    await expect(rows(desk)).to_have_count(2)
    await expect(desk.get_by_label("District")).to_have_value(
        await desk.evaluate("new URLSearchParams(location.search).get('district')")
    )
    await desk.get_by_role("button", name="Clear filters").click()
    await expect(rows(desk)).to_have_count(OPEN)


async def test_a_link_opens_the_job_that_it_names(desk: Page) -> None:
    await desk.locator("#jobs").get_by_text("Leak under the sink").click()
    await desk.keyboard.press("d")
    panel = desk.get_by_role("complementary", name="Job")
    await expect(panel).to_contain_text("Leak under the sink")
    await expect(panel.get_by_text("Beta")).to_be_visible()
    await expect(panel.locator(".history")).to_contain_text("Dan")
    await expect(panel).to_contain_text("Is the water stopped?")
    await expect(desk).to_have_url(re.compile("panel=details"))
    await expect(desk).to_have_url(re.compile("jobs="))
    await desk.reload()
    await expect(panel).to_contain_text("Leak under the sink")
    await panel.get_by_role("button", name="Close", exact=True).click()
    await expect(panel).to_have_count(0)


async def test_a_link_with_days_that_nobody_can_read_shows_today(page: Page, scene: Scene) -> None:
    await sign_in(page, scene, address="/console/?from=garbage&to=2026-02-31")
    await expect(page.locator(".list-foot")).to_have_text(f"{OPEN} of 19 jobs")
    await expect(page).not_to_have_url(re.compile("[?&](from|to)="))


async def test_everything_in_the_list_is_done_by_keyboard(desk: Page) -> None:
    await desk.keyboard.press("/")
    await expect(desk.locator("#search")).to_be_focused()
    await desk.keyboard.press("Escape")
    await desk.keyboard.press("1")
    await expect(desk.locator("#jobs")).to_be_focused()
    chosen = desk.locator("#jobs [aria-selected=true]")
    await desk.keyboard.press("ArrowDown")
    await expect(chosen).to_contain_text("Wet pavement")
    await desk.keyboard.press("j")
    await expect(chosen).to_contain_text("Leak at the service valve")
    await desk.keyboard.press("Shift+ArrowDown")
    await expect(chosen).to_have_count(2)
    await desk.keyboard.press("Control+a")
    await expect(desk.locator(".bulk")).to_contain_text(f"{OPEN} selected")
    await desk.keyboard.press("Escape")
    await expect(chosen).to_have_count(0)
    await desk.keyboard.press("End")
    await expect(rows(desk).last).to_have_attribute("aria-selected", "true")
    active = await desk.locator("#jobs").get_attribute("aria-activedescendant")
    assert active == await rows(desk).last.get_attribute("id")
    await desk.keyboard.press("Enter")
    await expect(desk.get_by_role("complementary", name="Job")).to_be_visible()
    await desk.keyboard.press("?")
    help_text = desk.get_by_role("dialog", name="Keyboard")
    for said in ("Search the list", "Undo the last action", "Assign…", "Go to the map"):
        await expect(help_text).to_contain_text(said)
    told = await desk.evaluate(
        "[...document.querySelectorAll('[data-keys]')].flatMap((one) => one.dataset.keys.split('\\n').map((key) => `${key} ${one.dataset.within}`))"
    )
    assert [key for key in set(told) if told.count(key) > 1] == []
    await desk.keyboard.press("Escape")
    await expect(help_text).to_be_hidden()


async def test_what_others_do_appears_by_itself(own_desk: Page, own_scene: Scene) -> None:
    org = own_scene.org
    lon, lat = org.point("west")
    title = "<img src=x onerror=document.title='hacked'> gushing"
    opened = d.OpenJob(job_id=org.new_id(), job_type="repair", title=title, lon_deg=lon, lat_deg=lat)
    await org.ok(opened, by="dan", now=own_scene.now)
    await expect(own_desk.locator("#jobs").get_by_text(title)).to_be_visible(timeout=15_000)
    assert "hacked" not in await own_desk.title()
    await org.ok(d.CancelJob(job_id=opened.job_id, reason="a prank"), by="dan", now=own_scene.now)
    await expect(own_desk.locator("#jobs").get_by_text(title)).to_have_count(0, timeout=15_000)


async def test_the_language_and_the_colours_stay_as_chosen(desk: Page) -> None:
    await desk.get_by_role("button", name="中文").click()
    await expect(desk.locator(".list-foot")).to_have_text(f"{OPEN} / 19 张工单")
    assert await desk.evaluate("document.documentElement.lang") == "zh-CN"
    light = await desk.evaluate("getComputedStyle(document.body).backgroundColor")
    for _ in range(2):
        await desk.keyboard.press("Shift+T")
    assert await desk.evaluate("document.documentElement.dataset.theme") == "dark"
    assert await desk.evaluate("getComputedStyle(document.body).backgroundColor") != light
    await desk.reload()
    await expect(rows(desk).first).to_contain_text("未派人")
    assert await desk.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_a_small_screen_shows_one_pane_and_nothing_beside_it(browser: Browser, site: Site, scene: Scene) -> None:
    async with new_page(browser, site, viewport={"width": 390, "height": 800}) as page:
        await sign_in(page, scene)
        panes = page.get_by_role("navigation", name="Panes")
        await expect(page.locator(".map-pane")).to_be_hidden()
        await panes.get_by_role("button", name="Map").click()
        await expect(page.locator(".map-pane")).to_be_visible()
        await expect(page.locator(".list-pane")).to_be_hidden()
        await panes.get_by_role("button", name="Timeline").click()
        await expect(page.locator(".time-pane")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_panes_fill_an_office_screen_and_can_be_moved_by_keyboard(desk: Page) -> None:
    assert await desk.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        1366,
        768,
    ]
    border = desk.get_by_role("separator", name="Width of the list")
    width = await desk.locator(".list-pane").evaluate("one => one.clientWidth")
    await border.focus()
    for _ in range(5):
        await desk.keyboard.press("ArrowRight")
    wider = await desk.locator(".list-pane").evaluate("one => one.clientWidth")
    assert wider > width + 50
    await desk.reload()
    await expect(rows(desk).first).to_be_visible()
    assert abs(await desk.locator(".list-pane").evaluate("one => one.clientWidth") - wider) < 3


async def test_a_wall_screen_is_read_from_afar(browser: Browser, site: Site, scene: Scene) -> None:
    async with new_page(browser, site, viewport={"width": 2560, "height": 1440}) as page:
        await sign_in(page, scene, address="/console/?wall=1")
        assert await page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") > 25
        await expect(page.locator(".top .chips")).to_contain_text("Unassigned 5")
        await expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
        await page.get_by_role("button", name="Leave wall screen").click()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
