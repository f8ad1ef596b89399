"""axe-core finds nothing to complain of, in either language, light and dark, at every size, with each dialog and panel of the frame open."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.api.serving import Site
from tests.browser.console.desk import new_page, sign_in, violations
from tests.browser.scene import Scene

LOCALES = ("en-GB", "zh-CN")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_the_frame_is_for_everybody(
    browser: Browser, site: Site, scene: Scene, locale: str, colours: str
) -> None:
    async with new_page(browser, site, locale=locale, color_scheme=colours) as page:
        await page.goto("/console/")
        await expect(page.locator("#org")).to_be_visible()
        assert await violations(page) == []
        await sign_in(page, scene)
        assert await violations(page) == []
        await page.locator("#jobs [role=option]").nth(1).click()
        await page.locator("#jobs [role=option]").nth(3).click(modifiers=["Shift"])
        await page.locator("button[aria-controls=more-filters]").click()
        await page.keyboard.press("d")
        await expect(page.locator(".details .history")).to_be_visible(timeout=20_000)
        assert await violations(page) == []
        await dialogs(page)


async def dialogs(page: Page) -> None:
    """Open each dialog of the frame by its key, let it be judged, and close it."""
    await page.locator("#jobs").focus()
    for key in ("?", "s", "h", "x"):
        await page.keyboard.press(key)
        await expect(page.locator("dialog[open]")).to_be_visible()
        assert await violations(page) == [], key
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog[open]")).to_have_count(0)


@pytest.mark.parametrize(("width", "height", "address"), [(390, 800, "/console/"), (3840, 2160, "/console/?wall=1")])
async def test_small_and_wall_screens_are_for_everybody(
    browser: Browser, site: Site, scene: Scene, width: int, height: int, address: str
) -> None:
    async with new_page(browser, site, viewport={"width": width, "height": height}, locale="zh-CN") as page:
        await sign_in(page, scene, address=address)
        assert await violations(page) == []
