"""The frame of the console: signing in, the list of jobs, filters, the selection, what is done with many jobs, undo, keys, languages, colours."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.console.desk import sign_in, violations
from tests.browser.scene import Scene


async def test_the_board_is_there_after_signing_in(desk: Page) -> None:
    await expect(desk.locator(".brand")).to_contain_text("Harbour Water Works")
    await expect(desk.locator(".status")).to_have_text("Live")
    first = desk.locator("#jobs [role=option]").first
    await expect(first).to_contain_text("Unassigned")
