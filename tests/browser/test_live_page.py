"""The page at `/` as a person meets it: signing in, seeing things happen, both languages, the keyboard alone, a small screen."""

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect

from mobile_contract.schema import decisions as d
from tests.api.office import give_login, slug_of
from tests.api.serving import PASSWORD, Site
from tests.browser.scene import Scene

# What axe-core would ask first, by hand: names, labels, languages, one main, headings in order, ids once, contrast of all text.
_AUDIT = """() => {
  const faults = [];
  const shown = (n) => n.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  for (const n of document.querySelectorAll("button, a, input")) {
    if (shown(n) && !((n.labels && n.labels.length) || n.textContent.trim() || n.getAttribute("aria-label"))) faults.push(`no name: ${n.outerHTML}`);
  }
  for (const n of document.querySelectorAll("img")) if (!n.hasAttribute("alt")) faults.push("img without alt");
  const ids = [...document.querySelectorAll("[id]")].map((n) => n.id);
  if (new Set(ids).size !== ids.length) faults.push("an id twice");
  for (const n of document.querySelectorAll("[aria-labelledby]")) {
    if (!document.getElementById(n.getAttribute("aria-labelledby"))) faults.push(`label missing: ${n.id}`);
  }
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  if ([...document.querySelectorAll("h1")].filter(shown).length > 1) faults.push("more than one h1");
  if (!document.documentElement.lang) faults.push("no language");
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => { paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); return [...paint.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (n) => { for (; n; n = n.parentElement) { const c = rgb(getComputedStyle(n).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255, 255]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const n = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !shown(n) || n.closest("svg, script, noscript, .skip, .away")) continue;
    const [a, b] = [light(rgb(getComputedStyle(n).color)), light(ground(n))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faults.push(`contrast ${((a + 0.05) / (b + 0.05)).toFixed(2)}: ${walker.currentNode.textContent.trim()}`);
  }
  return [...new Set(faults)];
}"""


async def sign_in(page: Page, scene: Scene, login: str = "dan") -> None:
    await page.goto(f"/?org={await slug_of(scene.org)}")
    await page.get_by_label("Login", exact=True).fill(login)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def board(page: Page, scene: Scene) -> None:
    await sign_in(page, scene)
    await expect(page.get_by_role("heading", name="Harbour Water Works")).to_be_visible(timeout=20_000)


def jobs(page: Page, state: str) -> Any:
    return page.locator(f'#states [data-state="{state}"] .number')


async def test_the_board_shows_jobs_arrivals_phones_and_what_waits(page: Page, scene: Scene) -> None:
    await board(page, scene)
    await expect(jobs(page, "ready")).to_have_text("5")
    await expect(jobs(page, "awaiting_triage")).to_have_text("1")
    await expect(jobs(page, "closed")).to_have_text("2")
    assert await page.locator('#states [data-state="ready"] i').count() == 5
    await expect(page.locator("#due-count")).to_contain_text("overdue")
    await expect(page.locator("#late tr")).to_have_count(2)
    await expect(page.locator("#late tr").first.locator("td")).to_have_count(4)
    await expect(page.locator("#devices")).to_contain_text("6")
    await expect(page.locator("#devices")).to_contain_text("never")
    await expect(page.locator("#quarantine")).to_contain_text("arrive on site")
    await expect(page.locator("#held")).to_contain_text("claim job")
    await expect(page.locator("#approvals")).to_contain_text("240")
    await expect(page.get_by_role("link", name="API reference")).to_have_attribute("href", "/docs")


async def test_a_command_shows_within_a_moment(page: Page, own_scene: Scene) -> None:
    await board(page, own_scene)
    await expect(page.locator("#status")).to_have_text("Live")
    await expect(jobs(page, "completed")).to_have_text("2")
    close = d.CloseJob(job_id=own_scene.done[0])
    # Not by the request of this page, and sooner than the page would have asked by itself.
    await own_scene.phone.org.send(close, by="dan", now=own_scene.now)
    own_scene.phone.poke(own_scene.org.id, ())
    await expect(jobs(page, "completed")).to_have_text("1", timeout=4_000)
    await expect(jobs(page, "closed")).to_have_text("3")


async def test_both_languages_are_a_click_apart_and_are_remembered(page: Page, scene: Scene) -> None:
    await board(page, scene)
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_role("heading", name="隔离区")).to_be_visible()
    await expect(page.locator('#states [data-state="ready"] .name')).to_have_text("未派工")
    await expect(page.locator("#quarantine")).to_contain_text("到场")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await page.reload()
    await expect(page.get_by_role("heading", name="隔离区")).to_be_visible()
    await page.get_by_role("button", name="EN").click()
    await expect(page.get_by_role("heading", name="Quarantine")).to_be_visible()


async def test_a_reload_stays_signed_in_and_no_script_can_read_the_refresh_token(page: Page, scene: Scene) -> None:
    await board(page, scene)
    for _ in range(2):
        await page.reload()
        await expect(jobs(page, "ready")).to_have_text("5")
    held = await page.evaluate("() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
    assert "osr_" not in held
    assert "eyJ" not in held
    (cookie,) = await page.context.cookies("http://127.0.0.1/web/session")
    assert cookie["httpOnly"] is True
    assert cookie["sameSite"] == "Strict"
    assert cookie["path"] == "/web/session"


async def test_signing_out_ends_the_sign_in(page: Page, scene: Scene) -> None:
    await board(page, scene)
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await page.context.cookies("http://127.0.0.1/web/session") == []
    await page.reload()
    await expect(page.get_by_label("Password", exact=True)).to_be_visible()
    await expect(page.locator("#board")).to_be_hidden()


async def test_a_wrong_password_and_a_role_of_the_field_are_told_why(page: Page, scene: Scene) -> None:
    await page.goto(f"/?org={await slug_of(scene.org)}")
    await page.get_by_label("Login", exact=True).fill("dan")
    await page.get_by_label("Password", exact=True).fill("not the one")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").first).to_contain_text("wrong", timeout=20_000)
    await sign_in(page, scene, "amy")
    await expect(page.locator("#sign-in-problem")).to_contain_text("field app", timeout=20_000)


async def test_a_password_that_somebody_else_made_is_changed_first(page: Page, own_scene: Scene, site: Site) -> None:
    await give_login(site, own_scene.org, "max", must_change=True)
    await sign_in(page, own_scene, "max")
    await expect(page.get_by_role("heading", name="Choose a password of your own")).to_be_visible(timeout=20_000)
    await expect(page.locator("#board")).to_be_hidden()
    await page.get_by_label("New password").fill("a longer one of my own")
    await page.get_by_role("button", name="Save").click()
    await expect(jobs(page, "ready")).to_have_text("5", timeout=20_000)


async def test_the_keyboard_is_enough(page: Page, scene: Scene) -> None:
    await page.goto(f"/?org={await slug_of(scene.org)}")
    # The organisation is known, so the login has the focus.
    await expect(page.get_by_label("Login", exact=True)).to_be_focused()
    await page.keyboard.type("dan")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(jobs(page, "ready")).to_have_text("5", timeout=20_000)
    await page.evaluate("() => document.activeElement.blur()")
    reached = []
    for _ in range(12):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("() => document.activeElement.textContent.trim().slice(0, 20)"))
        if reached[-1] == "中文":
            await page.keyboard.press("Enter")
            break
    await expect(page.get_by_role("heading", name="隔离区")).to_be_visible()
    assert "EN" in reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_small_screen_shows_everything_without_scrolling_sideways(
    page: Page, scene: Scene, scheme: Any
) -> None:
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": 360, "height": 740})
    await board(page, scene)
    await expect(jobs(page, "ready")).to_have_text("5")
    await page.get_by_role("button", name="中文").click()
    wide = await page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_keeps_anybody_out(page: Page, scene: Scene, scheme: Any) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.goto("/")
    await expect(page.get_by_label("Organisation", exact=True)).to_be_visible()
    assert await page.evaluate(_AUDIT) == []
    await board(page, scene)
    await expect(jobs(page, "ready")).to_have_text("5")
    assert await page.evaluate(_AUDIT) == []


async def test_what_somebody_wrote_never_becomes_markup(page: Page, own_scene: Scene) -> None:
    org = own_scene.org
    lon, lat = org.point("west")
    title = "<img src=x onerror=document.title='hacked'><script>document.title='hacked'</script>"
    due = own_scene.now - timedelta(minutes=40)
    opened = d.OpenJob(job_id=org.new_id(), job_type="repair", title=title, lon_deg=lon, lat_deg=lat, reported_at=due)
    await org.ok(opened, by="dan", now=own_scene.now)
    await board(page, own_scene)
    await expect(page.locator("#due")).to_contain_text("onerror")
    assert await page.locator("#board img, #board script").count() == 0
    assert "hacked" not in await page.title()


async def test_files_are_asked_for_anew_and_mostly_not_sent_again(site: Site) -> None:
    for path in ("/", "/live/main.js", "/live/live.css", "/live/icon.svg"):
        first = await site.client.get(path)
        assert first.status_code == 200
        assert first.headers["x-content-type-options"] == "nosniff"
        again = await site.client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        # Else a browser would put the policy of an answer without a media type on the page that it kept.
        assert "content-security-policy" not in again.headers
    assert "unsafe-inline" not in first.headers["content-security-policy"]
    policy = (await site.client.get("/")).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert (await site.client.get("/live/nothing.js")).status_code == 404
    assert (await site.client.get("/live/..%2f..%2fpyproject.toml")).status_code == 404


async def test_another_site_cannot_use_the_pages_cookie(site: Site) -> None:
    for path, method in (("/web/session", "POST"), ("/web/session/refresh", "POST"), ("/web/session", "DELETE")):
        answer = await site.client.request(method, path, json={}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    assert (await site.client.post("/web/session/refresh")).status_code == 401
