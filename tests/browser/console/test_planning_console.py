"""Plans at the console: proposed, ghosted beside what stands, looked through, struck out in parts, committed; two dispatchers at once."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from mobile_contract.schema import decisions as d
from sync.transaction import org_transaction
from tests.api.serving import Site
from tests.browser.console.desk import new_page, sign_in, violations
from tests.browser.console.running_day import Day

# A plan is made in a process of its own that a loaded machine starts late.
_PATIENCE_MS = 45_000


async def proposed(page: Page, day: Day) -> None:
    """Ask for a plan of the day by the keyboard."""
    await sign_in(page, day)
    await page.keyboard.press("p")
    await page.get_by_role("button", name="Propose").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".plan-sum")).to_contain_text("Proposal with", timeout=_PATIENCE_MS)


async def test_a_plan_of_the_day_stands_beside_the_day_until_it_is_committed(page: Page, own_day: Day) -> None:
    await proposed(page, own_day)
    ghosts, boxes = page.locator(".bar.proposed"), page.locator(".steps input[type=checkbox]")
    await expect(ghosts.first).to_be_visible()
    await expect(page.locator(".time-proposal")).to_be_visible()
    changes = await boxes.count()
    assert changes > 1
    before = await ghosts.count()
    await boxes.first.uncheck()
    commit = page.locator(".plan-foot .main")
    await expect(commit).to_contain_text(str(changes - 1))
    assert await ghosts.count() <= before
    added = page.locator(".step.added").last
    number = await added.locator(".step-number").get_attribute("title") or ""
    await commit.click()
    await expect(page.locator(".toast")).to_contain_text("Plan committed", timeout=_PATIENCE_MS)
    await expect(ghosts).to_have_count(0)
    await page.fill("#search", number)
    job = page.locator("#jobs [role=option]:not([aria-disabled])").first
    await expect(job).not_to_contain_text("Nobody", timeout=_PATIENCE_MS)
    # One commit is one deed: undone as a whole.
    await page.get_by_role("button", name="Undo").click()
    await expect(job).to_contain_text("Nobody", timeout=_PATIENCE_MS)


async def test_an_undo_says_what_of_the_plan_stays_as_it_is(page: Page, own_day: Day) -> None:
    await proposed(page, own_day)
    number = await page.locator(".step.added").last.locator(".step-number").get_attribute("title") or ""
    await page.locator(".plan-foot .main").click()
    await expect(page.locator(".toast")).to_contain_text("Plan committed", timeout=_PATIENCE_MS)
    org = own_day.org
    async with org_transaction(org.pool, org.id) as conn:
        visit = await conn.fetchrow(
            "select v.id, v.job_id, v.plan_version, v.crew_id from visit v join job j on j.org_id = v.org_id and j.id = v.job_id"
            " where v.org_id = $1 and j.number = $2",
            org.id,
            number,
        )
    assert visit is not None
    accepts = d.AcceptVisit(job_id=visit["job_id"], visit_id=visit["id"], plan_version=visit["plan_version"])
    await org.ok(accepts, by=f"lead{own_day.crews.index(visit['crew_id'])}", now=own_day.now)
    await page.get_by_role("button", name="Undo").click()
    messages = page.get_by_role("region", name="Messages")
    await expect(messages.get_by_role("alert")).to_contain_text(f"1 stay as they are. {number}: Things have gone on")
    await expect(messages).to_contain_text("Undone: ")


async def test_a_proposal_says_what_it_costs_why_and_why_nobody_else(page: Page, day: Day) -> None:
    await proposed(page, day)
    await expect(page.locator(".plan-costs")).to_contain_text("Driving")
    await expect(page.locator(".plan-result")).to_contain_text(re.compile("travel times: "))
    step = page.locator(".step.added").first
    await expect(step.locator(".plan-reasons li").first).not_to_be_empty()
    await step.locator("summary").click()
    await expect(step.locator(".plan-others li").first).not_to_be_empty(timeout=_PATIENCE_MS)
    await page.get_by_role("button", name="Discard").click()
    await expect(page.locator(".bar.proposed")).to_have_count(0)


async def test_an_urgent_job_shows_the_day_before_and_after(page: Page, own_day: Day) -> None:
    await sign_in(page, own_day)
    await page.locator(f"#job-{own_day.ready[0]}").click()
    await page.keyboard.press("Shift+U")
    await expect(page.get_by_role("radio", name="Insert an urgent job")).to_be_checked()
    await expect(page.locator(".plan-sum")).to_contain_text("Proposal with", timeout=_PATIENCE_MS)
    strip = page.locator(".strip").first
    await expect(strip.get_by_role("img", name=re.compile("^Before: "))).to_be_visible()
    await expect(strip.get_by_role("img", name=re.compile("^After: "))).to_be_visible()
    await expect(strip.locator(".strip-stop.added")).to_have_count(1)
    await page.locator(".plan-foot .main").click()
    await expect(page.locator(f'.time-row [data-job="{own_day.ready[0]}"]:not(.proposed)')).to_be_visible(
        timeout=_PATIENCE_MS
    )


async def test_a_crew_that_cannot_go_on_gives_its_visits_to_others(page: Page, day: Day) -> None:
    await sign_in(page, day)
    await page.keyboard.press("p")
    await page.get_by_text("Repair the running day").click()
    await expect(page.get_by_role("button", name="Propose")).to_be_disabled()
    # Told from the crew's own row, by a key.
    await page.locator(f'[data-holder="{day.crews[0]}"] [role=rowheader]').focus()
    await page.keyboard.press("g")
    await expect(page.locator(".plan-chip")).to_have_count(1)
    await page.get_by_role("button", name="Propose").click()
    await expect(page.locator(".plan-sum")).to_contain_text("Proposal with", timeout=_PATIENCE_MS)
    await expect(
        page.locator(f'[data-holder="{day.crews[0]}"] .bar.moves, [data-holder="{day.crews[0]}"] .bar.leaves').first
    ).to_be_visible()


async def test_of_two_dispatchers_the_second_is_told_what_was_overtaken(
    page: Page, browser: Browser, site: Site, own_day: Day
) -> None:
    await proposed(page, own_day)
    async with new_page(browser, site) as other:
        await proposed(other, own_day)
        await page.locator(".plan-foot .main").click()
        await expect(page.locator(".toast")).to_contain_text("Plan committed", timeout=_PATIENCE_MS)
        await other.locator(".plan-foot .main").click()
        await expect(other.locator(".plan [role=alert]").first).to_contain_text(
            "Nothing was changed", timeout=_PATIENCE_MS
        )


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_plans_keep_nobody_out(page: Page, day: Day, language: str) -> None:
    await proposed(page, day)
    if language == "zh":
        await page.get_by_role("button", name="中文").click()
        await expect(page.locator(".plan-foot .main")).to_contain_text("执行")
    assert await violations(page, ".panel") == []
    assert await violations(page, ".time-pane") == []
