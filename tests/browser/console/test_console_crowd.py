"""Ten thousand jobs in the list: only the rows in view exist, the keys reach the last one, a filter leaves what it names."""

import json
from uuid import UUID

from playwright.async_api import Page, Route, expect

from tests.browser.console.desk import sign_in
from tests.browser.scene import Scene

JOBS = 10_000
ROWS_MAX = 60


async def test_ten_thousand_jobs_are_listed_without_being_drawn(page: Page, scene: Scene) -> None:
    async def crowd(route: Route) -> None:
        answer = await route.fetch()
        board = await answer.json()
        one = next(job for job in board["jobs"] if job["state"] == "ready")
        board["jobs"] = [
            {**one, "id": str(UUID(int=number)), "number": f"N{number:05}", "title": f"Leak no. {number}"}
            for number in range(JOBS)
        ]
        board["visits"] = []
        await route.fulfill(response=answer, body=json.dumps(board))

    await page.route("**/api/v1/board", crowd)
    await sign_in(page, scene)
    await expect(page.locator(".list-foot")).to_have_text("10,000 of 10,000 jobs")
    rows = page.locator("#jobs [role=option]")
    assert await rows.count() < ROWS_MAX
    await page.locator("#jobs").focus()
    await page.keyboard.press("End")
    await expect(page.locator("#jobs [aria-selected=true]")).to_contain_text("Leak no. 9999")
    assert await rows.count() < ROWS_MAX
    await expect(page.locator("#jobs [aria-selected=true]")).to_have_attribute("aria-posinset", str(JOBS))
    await page.keyboard.press("Control+a")
    await expect(page.locator(".bulk")).to_contain_text("10,000 selected")
    await page.keyboard.press("Escape")
    await page.fill("#search", "no. 4711")
    await expect(rows).to_have_count(1)
    assert "jobs=" not in await page.evaluate("location.search")
