"""The phones at the console: when each last fetched everything, what it had not sent, and waking one."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.console.desk import sign_in, violations
from tests.browser.scene import Scene

_PATIENCE_MS = 15_000


async def opened(page: Page, scene: Scene) -> None:
    await sign_in(page, scene)
    await page.keyboard.press("Shift+P")
    await expect(page.locator(".phone").first).to_be_visible(timeout=_PATIENCE_MS)


async def test_silent_phones_and_unsent_reports_come_first(page: Page, scene: Scene) -> None:
    await opened(page, scene)
    first = page.locator(".phone").first
    await expect(first).to_contain_text("phone of bob")
    await expect(first).to_contain_text("↑ 6")
    await expect(first).to_contain_text("silent")
    await expect(page.locator(".phones [role=status]")).to_contain_text("2 of 3 silent, 6 unsent")
    await page.get_by_role("button", name="Silent or unsent").click()
    await expect(page.locator(".phone")).to_have_count(2)
    # The same stands in the crew's row, where somebody looks who wonders why the crew is idle.
    await expect(page.locator(".time-phone.silent").first).to_contain_text("↑6")


async def test_waking_a_phone_says_what_became_of_it(page: Page, scene: Scene) -> None:
    await opened(page, scene)
    await page.get_by_role("button", name="Wake Bob").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("Bob: ", timeout=_PATIENCE_MS)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_phones_keep_nobody_out(page: Page, scene: Scene, language: str) -> None:
    await opened(page, scene)
    if language == "zh":
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("button", name="唤醒 Bob")).to_be_visible()
    assert await violations(page, ".panel") == []
