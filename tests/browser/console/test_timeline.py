"""The timeline at the console: who does what when; moved, locked, swapped and taken back by pointer and by keyboard alone."""

import re
from uuid import UUID

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.console.desk import sign_in, violations
from tests.browser.console.running_day import Day

# A loaded machine answers late, and what is waited for is the server's word.
_PATIENCE_MS = 15_000


def bar(page: Page, visit_id: UUID, crew_id: UUID | None = None) -> Locator:
    within = f'[data-holder="{crew_id}"] ' if crew_id else ""
    return page.locator(f'{within}[data-visit="{visit_id}"]')


def row(page: Page, crew_id: UUID) -> Locator:
    return page.locator(f'[data-holder="{crew_id}"]')


async def opened(page: Page, day: Day, address: str = "/console/") -> None:
    await sign_in(page, day, address=address)
    await expect(row(page, day.crews[0])).to_be_visible(timeout=_PATIENCE_MS)


async def focused(page: Page, visit_id: UUID) -> None:
    """Go to a visit by the keyboard alone: to the timeline, down to its crew, along its day."""
    await page.keyboard.press("3")
    for key in ("ArrowDown", "ArrowRight"):
        for _ in range(12):
            here = await page.evaluate("() => document.activeElement.dataset.visit || ''")
            if here == str(visit_id):
                return
            at_row = await page.evaluate(
                "id => document.activeElement.closest('[data-holder]')?.querySelector(`[data-visit=\"${id}\"]`) !== null",
                str(visit_id),
            )
            if key == "ArrowDown" and at_row:
                break
            await page.keyboard.press(key)
            await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    raise AssertionError("the keyboard did not reach the visit")


async def drag(page: Page, what: Locator, to: tuple[float, float], *, drop: bool = True) -> None:
    box = await what.bounding_box()
    assert box
    await page.mouse.move(box["x"] + 12, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 22, box["y"] + box["height"] / 2 + 4)
    await page.mouse.move(*to, steps=6)
    if drop:
        await page.mouse.up()


async def spot(page: Page, crew_id: UUID, visit_id: UUID, later_px: float) -> tuple[float, float]:
    """Name a place in a crew's row, so far right of where a visit begins."""
    box, line = await bar(page, visit_id).bounding_box(), await row(page, crew_id).bounding_box()
    assert box and line
    return box["x"] + 12 + later_px, line["y"] + line["height"] / 2


async def test_every_crew_has_a_row_and_every_visit_says_all_that_is_drawn(page: Page, day: Day) -> None:
    await opened(page, day)
    for crew_id in day.crews:
        await expect(row(page, crew_id).get_by_role("rowheader")).to_be_visible()
    ((_, visit_id), *_) = day.open_visits[day.crews[0]]
    await expect(bar(page, visit_id, day.crews[0])).to_have_attribute(
        "aria-label", re.compile(r"Accepted, \d\d:\d\d|Accepted, .* to \d\d:\d\d")
    )
    await expect(page.locator(".bar.working").first).to_have_attribute("aria-label", re.compile("Working"))
    await expect(page.get_by_role("grid", name="Timeline of the crews")).to_have_attribute(
        "aria-rowcount", str(len(day.crews) + 2)
    )
    await expect(page.locator(".off-duty").first).to_be_attached()


async def test_a_visit_is_dragged_to_another_crew_and_another_time_and_undone(page: Page, own_day: Day) -> None:
    await opened(page, own_day)
    first, second = own_day.crews[:2]
    _, visit_id = own_day.open_visits[first][0]
    await drag(page, bar(page, visit_id), await spot(page, second, visit_id, 60))
    await expect(bar(page, visit_id, second)).to_be_visible(timeout=_PATIENCE_MS)
    await expect(page.locator(".toast")).to_contain_text("moved to")
    await page.get_by_role("button", name="Undo").click()
    await expect(bar(page, visit_id, first)).to_be_visible(timeout=_PATIENCE_MS)


async def test_over_a_name_only_the_crew_changes(page: Page, own_day: Day) -> None:
    await opened(page, own_day)
    first, second = own_day.crews[:2]
    _, visit_id = own_day.open_visits[first][1]
    before = await bar(page, visit_id).get_attribute("aria-label") or ""
    name = await row(page, second).get_by_role("rowheader").bounding_box()
    assert name
    await drag(page, bar(page, visit_id), (name["x"] + 40, name["y"] + 12))
    await expect(bar(page, visit_id, second)).to_be_visible(timeout=_PATIENCE_MS)
    after = await bar(page, visit_id).get_attribute("aria-label") or ""
    times = re.compile(r"\d\d:\d\d to \d\d:\d\d")
    assert times.findall(after) == times.findall(before) != []


async def test_a_job_of_the_list_is_dragged_into_a_crews_day(page: Page, own_day: Day) -> None:
    await opened(page, own_day)
    crew_id, job_id = own_day.crews[1], own_day.ready[0]
    _, visit_id = own_day.open_visits[crew_id][0]
    waiting = page.locator(f"#job-{job_id}")
    await drag(page, waiting, await spot(page, crew_id, visit_id, 90))
    await expect(page.locator(f'[data-holder="{crew_id}"] [data-job="{job_id}"]')).to_be_visible(timeout=_PATIENCE_MS)
    await expect(page.locator(".toast")).to_contain_text("assigned to")


async def test_escape_leaves_a_drag_and_nothing_moves(page: Page, day: Day) -> None:
    await opened(page, day)
    first, second = day.crews[:2]
    _, visit_id = day.open_visits[first][0]
    await drag(page, bar(page, visit_id), await spot(page, second, visit_id, 60), drop=False)
    await expect(page.locator(".shade")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.mouse.up()
    await expect(page.locator(".shade")).to_have_count(0)
    await expect(bar(page, visit_id, first)).to_be_visible()
    await expect(page.locator(".toast")).to_have_count(0)


async def test_by_keyboard_alone_a_visit_goes_to_another_crew_and_time(page: Page, own_day: Day) -> None:
    await opened(page, own_day)
    first, second = own_day.crews[:2]
    _, visit_id = own_day.open_visits[first][0]
    await focused(page, visit_id)
    await page.keyboard.press("m")
    await expect(page.locator(".timeline [role=status]")).to_contain_text("Moving")
    for _ in range(3):
        await page.keyboard.press("ArrowRight")
    names = await page.locator(".time-row").evaluate_all(
        "rows => rows.map((row) => [row.getAttribute('aria-rowindex'), row.dataset.holder])"
    )
    order = [holder for _, holder in sorted(names, key=lambda each: int(each[0]))]
    steps = order.index(str(second)) - order.index(str(first))
    for _ in range(abs(steps)):
        await page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
    await expect(page.locator(".timeline [role=status]")).to_contain_text(" to ")
    await page.keyboard.press("Enter")
    await expect(bar(page, visit_id, second)).to_be_focused(timeout=_PATIENCE_MS)


async def test_a_lock_is_set_by_a_key_and_holds_against_the_pointer(page: Page, own_day: Day) -> None:
    await opened(page, own_day)
    first, second = own_day.crews[:2]
    _, visit_id = own_day.open_visits[first][0]
    await focused(page, visit_id)
    await page.keyboard.press("l")
    await expect(bar(page, visit_id)).to_have_attribute(
        "aria-label", re.compile("crew and time locked"), timeout=_PATIENCE_MS
    )
    await drag(page, bar(page, visit_id), await spot(page, second, visit_id, 60), drop=False)
    await expect(page.locator(".shade-why")).to_contain_text("Locked to its crew")
    await page.mouse.up()
    await expect(bar(page, visit_id, first)).to_be_visible()
    await focused(page, visit_id)
    await page.keyboard.press("l")
    await expect(bar(page, visit_id)).not_to_have_attribute("aria-label", re.compile("locked"), timeout=_PATIENCE_MS)


async def test_two_visits_change_places(page: Page, own_day: Day) -> None:
    await opened(page, own_day)
    first, second = own_day.crews[0], own_day.crews[2]
    (_, one), (_, other) = own_day.open_visits[first][0], own_day.open_visits[second][0]
    await focused(page, one)
    await page.keyboard.press("x")
    await expect(bar(page, one)).to_have_class(re.compile("chosen"))
    await bar(page, other).focus()
    await page.keyboard.press("x")
    await expect(bar(page, one, second)).to_be_visible(timeout=_PATIENCE_MS)
    await expect(bar(page, other, first)).to_be_visible(timeout=_PATIENCE_MS)


async def test_a_visit_is_taken_back_and_its_job_waits_again(page: Page, own_day: Day) -> None:
    await opened(page, own_day)
    job_id, visit_id = own_day.open_visits[own_day.crews[0]][0]
    await focused(page, visit_id)
    await page.keyboard.press("Delete")
    await expect(bar(page, visit_id)).to_have_count(0, timeout=_PATIENCE_MS)
    await page.fill("#search", "")
    await expect(page.locator(f"#job-{job_id}")).to_contain_text("Unassigned", timeout=_PATIENCE_MS)


async def test_what_a_crew_has_begun_is_not_moved(page: Page, day: Day) -> None:
    await opened(page, day)
    working = page.locator(".bar.working").first
    await working.focus()
    await page.keyboard.press("m")
    await expect(page.locator(".toast.bad")).to_contain_text("has begun")
    await expect(page.locator(".shade")).to_have_count(0)


async def test_the_menu_says_everything_that_keys_and_pointer_do(page: Page, day: Day) -> None:
    await opened(page, day)
    _, visit_id = day.open_visits[day.crews[0]][0]
    await bar(page, visit_id).focus()
    await page.keyboard.press("Enter")
    menu = page.get_by_role("menu")
    await expect(menu.get_by_role("menuitem").first).to_be_focused()
    for said in ("Move", "Swap with", "Lock the crew", "Lock crew and time", "Take back"):
        await expect(menu.get_by_role("menuitem", name=said).first).to_be_visible()
    assert await violations(page, ".visit-menu") == []
    await page.keyboard.press("Escape")
    await expect(menu).to_have_count(0)
    await expect(bar(page, visit_id)).to_be_focused()


async def test_list_and_timeline_light_each_other(page: Page, day: Day) -> None:
    await opened(page, day)
    job_id, visit_id = day.open_visits[day.crews[0]][0]
    # From the map straight to a bar: what the map does when the mouse leaves it must not undo what the timeline shows.
    over_map = await page.locator(".map-pane").bounding_box()
    assert over_map
    await page.mouse.move(over_map["x"] + 200, over_map["y"] + 120)
    await bar(page, visit_id).hover()
    await expect(bar(page, visit_id)).to_have_attribute("data-lit", "")
    await page.mouse.move(5, 5)
    await expect(bar(page, visit_id)).not_to_have_attribute("data-lit", "")
    await bar(page, visit_id).click()
    await expect(bar(page, visit_id)).to_have_attribute("aria-selected", "true")
    await expect(page.locator(f"#job-{job_id}")).to_have_attribute("aria-selected", "true")


async def test_what_is_looked_at_is_in_the_address(page: Page, day: Day) -> None:
    await opened(page, day)
    await page.get_by_role("button", name="Show less time").click()
    await page.get_by_role("button", name="Later", exact=True).click()
    await page.get_by_label("Order of crews").select_option("late")
    await page.get_by_label("Find a crew").fill("adler")
    await expect(page.locator(".time-row")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"span=4.*crews=late|crews=late.*span=4"))
    await expect(page).to_have_url(re.compile("crewq=adler"))
    await expect(page).to_have_url(re.compile("[?&]at=20"))
    await page.reload()
    await expect(page.locator(".time-span")).to_have_text("4 h", timeout=_PATIENCE_MS)
    await expect(page.locator(".time-row")).to_have_count(1, timeout=_PATIENCE_MS)
    await expect(page.get_by_role("button", name="Now", exact=True)).to_have_attribute("aria-pressed", "false")


async def test_what_the_filters_hold_back_stands_back_in_its_place(page: Page, day: Day) -> None:
    await opened(page, day)
    job_id, visit_id = day.open_visits[day.crews[0]][0]
    await bar(page, visit_id).click()
    number = (await bar(page, visit_id).get_attribute("aria-label") or "").split()[0]
    await page.fill("#search", number)
    await expect(page.locator(".bar.dim").first).to_be_visible()
    await expect(bar(page, visit_id)).not_to_have_class(re.compile("dim"))
    await expect(page.locator(f"#job-{job_id}")).to_be_visible()


@pytest.mark.parametrize(("language", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
async def test_the_timeline_keeps_nobody_out(page: Page, day: Day, language: str, scheme: str) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    await opened(page, day)
    if language == "zh-CN":
        await page.get_by_role("button", name="中文").click()
        await expect(page.get_by_role("grid", name="班组时间轴")).to_be_visible()
    assert await violations(page, ".time-pane") == []
    # Longer bars say more.
    await page.keyboard.press("3")
    await page.keyboard.press("+")
    await expect(page.locator(".time-span")).to_have_text(re.compile("^4 "))
    assert await violations(page, ".time-pane") == []
