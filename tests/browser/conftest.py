"""Fixtures of the browser tests: one server on loopback, one browser, a page of its own for each test."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from playwright.async_api import Browser, Page, async_playwright

from api.settings import Settings
from tests.api.office import give_login
from tests.api.serving import Site, on_loopback
from tests.browser.scene import Scene, found, morning


@pytest.fixture(scope="session")
async def site(settings: Settings) -> AsyncIterator[Site]:
    """Give the application as a real server."""
    async with on_loopback(settings) as running:
        yield running


@pytest.fixture(scope="session")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    """Give the browser; as root it needs to run without its sandbox."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield running
        await running.close()


@pytest.fixture(scope="session")
async def scene(site: Site, pool: asyncpg.Pool) -> Scene:
    """Give an organisation in the middle of a morning, for tests that change nothing of it."""
    return await _morning(site, pool, 20_260_302)


@pytest.fixture
async def own_scene(site: Site, pool: asyncpg.Pool, seed: int) -> Scene:
    """Give an organisation in the middle of a morning to one test alone."""
    return await _morning(site, pool, seed)


async def _morning(site: Site, pool: asyncpg.Pool, seed: int) -> Scene:
    org = await found(pool, seed, name="Harbour Water Works")
    for name in ("dan", "amy"):
        await give_login(site, org, name)
    return await morning(org, site.services.clock(), site.services.poke)


@pytest.fixture
async def page(browser: Browser, site: Site) -> AsyncIterator[Page]:
    """Give a page in a context of its own; a fault of a script fails the test."""
    context = await browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-GB", base_url=str(site.client.base_url)
    )
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    await context.close()
    assert faults == []
