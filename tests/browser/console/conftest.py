"""Fixtures of the console's tests: a page with a morning's organisation on it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from playwright.async_api import Browser, Page, expect

from tests.api.office import give_login
from tests.api.serving import Site
from tests.browser.console.desk import new_page, sign_in
from tests.browser.console.running_day import Day, running_day
from tests.browser.scene import Scene, found

# A map is drawn without a graphics card here, and other tests run beside: what is not there at once may come a little later.
expect.set_options(timeout=20_000)


@pytest.fixture
async def page(browser: Browser, site: Site) -> AsyncIterator[Page]:
    """Give a page in a context of its own, at the smallest size that the console is made for."""
    async with new_page(browser, site) as opened:
        yield opened


@pytest.fixture
async def desk(page: Page, scene: Scene) -> Page:
    """Give the console, signed in, with an organisation that the test does not change."""
    await sign_in(page, scene)
    return page


@pytest.fixture
async def own_desk(page: Page, own_scene: Scene) -> Page:
    """Give the console, signed in, with an organisation of the test's own."""
    await sign_in(page, own_scene)
    return page


@pytest.fixture(scope="session")
async def day(site: Site, pool: asyncpg.Pool) -> Day:
    """Give a day in full swing, for tests that change nothing of it."""
    return await _day(site, pool, 20_260_303)


@pytest.fixture
async def own_day(site: Site, pool: asyncpg.Pool, seed: int) -> Day:
    """Give a day in full swing to one test alone."""
    return await _day(site, pool, seed)


async def _day(site: Site, pool: asyncpg.Pool, seed: int) -> Day:
    org = await found(pool, seed, name="Harbour Water Works")
    for name in ("dan", "max"):
        await give_login(site, org, name)
    return await running_day(org, site.services.clock())
