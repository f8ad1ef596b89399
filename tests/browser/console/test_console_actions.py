"""What a dispatcher does with jobs at the console: give, take back, hold, release, cancel, triage; alone and with many; undo, refusals."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from playwright.async_api import Page, Route, expect

from mobile_contract.schema import decisions as d
from sync.transaction import org_transaction
from tests.api.office import give_login
from tests.api.serving import Site
from tests.browser.console.desk import sign_in
from tests.browser.scene import Scene
from tests.waiting import until


def row(page: Page, title: str) -> Any:
    return page.locator("#jobs [role=option]").filter(has_text=title)


async def stands(scene: Scene, title: str) -> tuple[str, str | None]:
    """Read from the database how a job stands and which crew has it."""
    async with org_transaction(scene.org.pool, scene.org.id) as conn:
        found = await conn.fetchrow(
            "select j.state, c.code from job j left join visit v on (v.org_id, v.job_id) = (j.org_id, j.id)"
            " and v.state not in ('cancelled', 'declined') left join crew c on (c.org_id, c.id) = (v.org_id, v.crew_id)"
            " where j.org_id = $1 and j.title = $2",
            scene.org.id,
            title,
        )
    assert found is not None
    return found["state"], found["code"]


async def test_many_jobs_go_to_a_crew_at_once_and_one_undo_takes_all_of_them_back(
    own_desk: Page, own_scene: Scene
) -> None:
    await row(own_desk, "Water in the cellar").click()
    await row(own_desk, "Low pressure, third floor").click(modifiers=["Control"])
    await own_desk.keyboard.press("s")
    dialog = own_desk.get_by_role("dialog", name="Give 2 to a crew")
    await dialog.get_by_label("Crew").fill("alph")
    await own_desk.keyboard.press("Enter")
    toast = own_desk.get_by_role("region", name="Messages")
    await expect(toast).to_contain_text("2 given to Alpha")
    for title in ("Water in the cellar", "Low pressure, third floor"):
        await expect(row(own_desk, title)).to_contain_text("Alpha")
        assert await stands(own_scene, title) == ("scheduled", "alpha")
    await toast.get_by_role("button", name="Undo").click()
    await expect(toast).to_contain_text("Undone: 2")
    for title in ("Water in the cellar", "Low pressure, third floor"):
        await expect(row(own_desk, title)).to_contain_text("Nobody")
        assert (await stands(own_scene, title))[0] == "ready"


async def test_a_job_changes_hands_is_taken_back_held_released_and_cancelled(own_desk: Page, own_scene: Scene) -> None:
    title = "Burst pipe, Canal Street"
    toast = own_desk.get_by_role("region", name="Messages")
    await row(own_desk, title).click()
    await own_desk.keyboard.press("d")
    panel = own_desk.get_by_role("complementary", name="Job")
    await panel.get_by_role("button", name="Assign…").click()
    await own_desk.get_by_role("dialog").get_by_role("button", name="Beta").click()
    await expect(toast).to_contain_text("1 given to Beta")
    await expect(row(own_desk, title)).to_contain_text("Beta")
    await panel.get_by_role("button", name="Take back").click()
    await expect(toast).to_contain_text("1 taken back")
    await expect(row(own_desk, title)).to_contain_text("Nobody")
    await panel.get_by_role("button", name="Hold…").click()
    await own_desk.get_by_label("Reason").select_option("weather")
    await own_desk.get_by_role("button", name="Put on hold").click()
    await expect(panel).to_contain_text("On hold: Weather")
    assert (await stands(own_scene, title))[0] == "on_hold"
    await panel.get_by_role("button", name="Release").click()
    await expect(toast).to_contain_text("1 released")
    await panel.get_by_role("button", name="Cancel…").click()
    await own_desk.get_by_label("Reason").fill("caller found the stop tap")
    await own_desk.get_by_role("button", name="Cancel the jobs").click()
    await expect(toast).to_contain_text("1 cancelled")
    await expect(row(own_desk, title)).to_have_count(0)
    assert (await stands(own_scene, title))[0] == "cancelled"
    await expect(panel).to_contain_text("caller found the stop tap")


async def test_what_came_in_without_a_place_is_triaged(own_desk: Page, own_scene: Scene) -> None:
    title = "Caller hung up, near the mill"
    await row(own_desk, title).click()
    await own_desk.keyboard.press("t")
    dialog = own_desk.get_by_role("dialog", name="Triage 1")
    await dialog.get_by_label("Priority").select_option("urgent")
    await dialog.get_by_label("District").select_option(label="East")
    await dialog.get_by_role("button", name="Decide").click()
    await expect(row(own_desk, title)).to_contain_text("Urgent, Unassigned")
    assert (await stands(own_scene, title))[0] == "ready"


async def test_a_refusal_is_told_in_words_and_changes_nothing(page: Page, own_scene: Scene, site: Site) -> None:
    await give_login(site, own_scene.org, "wes")
    await sign_in(page, own_scene, login="wes")
    await row(page, "Water in the cellar").click()
    await page.keyboard.press("h")
    await page.get_by_role("button", name="Put on hold").click()
    refusal = page.get_by_role("region", name="Messages").get_by_role("alert")
    await expect(refusal).not_to_be_empty()
    assert (await stands(own_scene, "Water in the cellar"))[0] == "ready"


async def test_without_a_connection_the_console_says_as_of_when_it_shows(own_desk: Page) -> None:
    async def nothing(route: Route) -> None:
        await route.abort()

    await own_desk.route("**/api/v1/board/changes*", nothing)
    await expect(own_desk.locator(".top .status")).to_contain_text("No connection; shown as of", timeout=15_000)
    await own_desk.unroute("**/api/v1/board/changes*")
    await expect(own_desk.locator(".top .status")).to_have_text("Live", timeout=15_000)


async def test_a_job_that_somebody_else_gave_away_meanwhile_is_not_given_twice(
    own_desk: Page, own_scene: Scene
) -> None:
    async def nothing(route: Route) -> None:
        await route.abort()

    title, org = "Water in the cellar", own_scene.org
    await own_desk.route("**/api/v1/board/changes*", nothing)
    await expect(own_desk.locator(".top .status")).to_contain_text("No connection; shown as of", timeout=15_000)
    async with org_transaction(org.pool, org.id) as conn:
        job_id = await conn.fetchval("select id from job where org_id = $1 and title = $2", org.id, title)
    faster = d.AssignVisit(job_id=job_id, visit_id=org.new_id(), crew_id=org.crews["beta"])
    await org.ok(faster, by="max", now=own_scene.now)
    await row(own_desk, title).click()
    await own_desk.keyboard.press("s")
    await own_desk.get_by_role("dialog").get_by_role("button", name="Alpha").click()
    messages = own_desk.get_by_role("region", name="Messages")
    await expect(messages.get_by_role("alert")).to_contain_text("Somebody else was faster.")
    async with org_transaction(org.pool, org.id) as conn:
        crews = await conn.fetch("select crew_id from visit where org_id = $1 and job_id = $2", org.id, job_id)
    assert [visit["crew_id"] for visit in crews] == [org.crews["beta"]]


async def test_a_change_that_says_reload_fetches_the_board_anew(own_desk: Page, own_scene: Scene) -> None:
    asked: list[str] = []
    own_desk.on("request", lambda sent: asked.append(sent.url) if sent.url.endswith("/api/v1/board") else None)

    async def reload(route: Route) -> None:
        body = {"version": "of another life", "now": datetime.now().astimezone().isoformat(), "reload": True}
        await route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    await own_desk.route("**/api/v1/board/changes*", reload, times=1)
    await until(lambda: len(asked) > 0, timeout_s=20)
    await expect(own_desk.locator(".top .status")).to_have_text("Live")
    await expect(row(own_desk, "Water in the cellar")).to_be_visible()


async def test_a_job_with_a_word_from_everybody_is_shown_whole(own_desk: Page, own_scene: Scene) -> None:
    org = own_scene.org
    lon, lat = org.point("east")
    contact = d.ContactDetails(contact_id=org.new_id(), name="Mrs Quill", phone="+86 10 5550 0143")
    opened = d.OpenJob(
        job_id=UUID(int=org.new_id().int),
        job_type="repair",
        title="Fountain in the yard",
        description="Three metres high.\nThe children like it.",
        address="7 Quay Lane",
        lon_deg=lon,
        lat_deg=lat,
        contact=contact,
    )
    await org.ok(opened, by="dan", now=own_scene.now)
    await row(own_desk, "Fountain in the yard").click(timeout=15_000)
    await own_desk.keyboard.press("d")
    panel = own_desk.get_by_role("complementary", name="Job")
    for said in ("7 Quay Lane", "Mrs Quill", "The children like it.", "Nobody has been sent.", "Is the water stopped?"):
        await expect(panel).to_contain_text(said)
    await expect(panel.get_by_role("link", name="+86 10 5550 0143")).to_have_attribute("href", "tel:+86 10 5550 0143")
