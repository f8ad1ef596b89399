"""The inbox at the console: reports that were put aside are applied as corrected or discarded; of two values one is chosen; by keyboard too."""

from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from mobile_contract.schema import decisions as d
from tests.browser.console.desk import sign_in, violations
from tests.browser.scene import Scene

_PATIENCE_MS = 15_000


async def opened(page: Page, scene: Scene) -> None:
    await sign_in(page, scene)
    await page.keyboard.press("i")
    await expect(page.get_by_role("heading", name="Quarantine")).to_be_visible()


async def met(scene: Scene) -> UUID:
    """Let two people set one field: the second saw what is no longer so."""
    org, job_id = scene.org, scene.done[0]
    first = d.EditJob(job_id=job_id, changes={"title": d.FieldEdit(was="Seal of meter torn", set="Seal gone")})
    second = d.EditJob(job_id=job_id, changes={"title": d.FieldEdit(was="Frozen hydrant", set="Hydrant thawed")})
    await org.send(first, by="dan", now=scene.now)
    await org.send(
        d.EditJob(job_id=job_id, changes={"title": d.FieldEdit(was="something else", set="Hydrant in the ice")}),
        by="max",
        now=scene.now,
    )
    await org.send(second, by="dan", now=scene.now)
    scene.phone.poke(org.id, ())
    return job_id


async def test_a_report_is_read_whole_and_discarded_by_the_keyboard(page: Page, own_scene: Scene) -> None:
    await opened(page, own_scene)
    card = page.get_by_role("listitem", name="Arrived on site")
    await expect(card).to_contain_text("never theirs", timeout=_PATIENCE_MS)
    await expect(card).to_contain_text("Amy")
    await expect(card.get_by_text("The job now")).to_be_visible()
    await card.get_by_role("button", name="Discard").focus()
    await page.keyboard.press("Enter")
    await card.get_by_role("button", name="Discard").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("Discarded")
    await expect(card).to_have_count(0, timeout=_PATIENCE_MS)


async def test_a_report_is_corrected_to_the_job_that_was_meant(page: Page, own_scene: Scene) -> None:
    await opened(page, own_scene)
    card = page.get_by_role("listitem", name="Arrived on site")
    await expect(card).to_be_visible(timeout=_PATIENCE_MS)
    working = page.locator("#jobs [role=option]", has_text="Burst pipe")
    await working.click()
    job_id = (await working.get_attribute("id") or "").removeprefix("job-")
    async with own_scene.org.pool.acquire() as conn, conn.transaction():
        await conn.execute("select set_config('onsite.org', $1, true)", str(own_scene.org.id))
        visit_id = await conn.fetchval(
            "select id from visit where org_id = $1 and job_id = $2 limit 1", own_scene.org.id, UUID(job_id)
        )
    await card.get_by_role("button", name="Correct").click()
    await card.get_by_role("button", name="Take the selected job").click()
    await card.get_by_label("visit id").fill(str(visit_id))
    await card.get_by_role("button", name="Apply as corrected").click()
    await expect(page.locator(".toast")).to_contain_text("Applied")
    await expect(card).to_have_count(0, timeout=_PATIENCE_MS)


async def test_of_two_values_side_by_side_one_is_chosen(page: Page, own_scene: Scene) -> None:
    await met(own_scene)
    await opened(page, own_scene)
    card = page.get_by_role("listitem", name="Title").first
    await expect(card.get_by_text("Stands now")).to_be_visible(timeout=_PATIENCE_MS)
    offered = card.locator(".side").nth(1)
    await expect(card.locator(".side")).to_have_count(2)
    value = await offered.locator("blockquote").inner_text()
    await offered.get_by_role("button", name="Take what was offered").click()
    await expect(page.locator(".toast")).to_contain_text("settled", timeout=_PATIENCE_MS)
    async with own_scene.org.pool.acquire() as conn, conn.transaction():
        await conn.execute("select set_config('onsite.org', $1, true)", str(own_scene.org.id))
        title = await conn.fetchval(
            "select title from job where org_id = $1 and id = $2", own_scene.org.id, own_scene.done[0]
        )
    assert title == value


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_inbox_keeps_nobody_out(page: Page, own_scene: Scene, language: str) -> None:
    await met(own_scene)
    await opened(page, own_scene)
    await expect(page.locator(".inbox-card").first).to_be_visible(timeout=_PATIENCE_MS)
    if language == "zh":
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("heading", name="隔离区")).to_be_visible()
    await page.locator(".inbox-card .inbox-do button").nth(1).click()
    assert await violations(page, ".panel") == []
