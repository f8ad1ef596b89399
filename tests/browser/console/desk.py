"""A dispatcher at the console: signs in, looks, is judged by axe-core. Owns no test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from playwright.async_api import Browser, Page, expect

from tests.api.office import slug_of
from tests.api.serving import PASSWORD, Site
from tests.arrange import Org

AXE: Final = Path(__file__).resolve().parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"


class Arranged(Protocol):
    """Whatever has an organisation to sign in to."""

    @property
    def org(self) -> Org:
        """Give it."""
        ...


@asynccontextmanager
async def new_page(browser: Browser, site: Site, **context: Any) -> AsyncIterator[Page]:
    """Open a page in a context of its own; faults of scripts, broken policies and requests to elsewhere fail the test."""
    base = str(site.client.base_url)
    asked: dict[str, Any] = {"viewport": {"width": 1366, "height": 768}, "locale": "en-GB", "base_url": base, **context}
    opened = await browser.new_context(**asked)
    page = await opened.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    page.on(
        "request",
        lambda sent: None if sent.url.startswith((base, "blob:", "data:")) else faults.append(f"asks {sent.url}"),
    )
    yield page
    await opened.close()
    assert faults == []


async def sign_in(page: Page, scene: Arranged, *, login: str = "dan", address: str = "/console/") -> None:
    """Sign in to the console and wait until the board is there."""
    joint = "&" if "?" in address else "?"
    await page.goto(f"{address}{joint}org={await slug_of(scene.org)}")
    await page.fill("#login", login)
    await page.fill("#password", PASSWORD)
    await page.click("form button[type=submit]")
    await expect(page.locator("#jobs [role=option]:not([aria-disabled])").first).to_be_visible(timeout=60_000)


async def violations(page: Page, within: str = "") -> list[str]:
    """Let axe-core judge the page, or a part of it; name each violation with the first nodes that show it."""
    # Evaluated by the debugger, not put into the page: the page's policy allows no script of others.
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate(
        "within => axe.run(within || document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})",
        within,
    )
    return [
        f"{one['id']}: {one['help']}: "
        + " | ".join(f"{node['html'][:160]} {node.get('failureSummary', '')[:200]}" for node in one["nodes"][:3])
        for one in found["violations"]
    ]
