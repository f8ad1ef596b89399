"""Frame times of the console's map with 10,000 jobs and 200 crews, beside the same map without any, in one run of one browser.

Owns what is arranged, how the pointer moves, and the ratio. Rounds are interleaved, so that a machine that slows down slows both down.
"""

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import asyncpg
import msgspec
from msgspec import Struct
from playwright.async_api import Browser, Page, async_playwright, expect
from rich.console import Console
from rich.progress import track
from rich.table import Table

from api.database import open_pool, owner_connection
from api.operator_error import OperatorError
from api.settings import Settings
from benchmarks import ground
from geo.basemap import make_basemap
from geo.city import make_city
from geo.city_plan import City
from jobs.store.tables import columns_of
from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import Command
from mobile_contract.schema.people import Crew, CrewMember, Person, Role, Shift
from tests import chromium
from tests.api.office import give_login, slug_of
from tests.api.serving import PASSWORD, Site, on_loopback
from tests.arrange import Org, organisation

JOBS: Final = 10_000
CREWS: Final = 200
ROUNDS: Final = 5
BOUND: Final = 1.5
SIZE: Final = (1366, 768)
# The whole city, a quarter of it, and the streets around a spot.
ZOOMS: Final = (12.0, 13.5, 15.0)
FRAMES: Final = 40
_WARM: Final = 8
# Spots around the middle of the map, nearest first.
_AROUND: Final = sorted(
    ((x * 10.0, y * 10.0) for x in range(-8, 9) for y in range(-8, 9)),
    key=lambda spot: (spot[0] ** 2 + spot[1] ** 2, spot),
)
_PATIENCE_MS: Final = 120_000

# Moves the pointer once in every frame, so that each frame has something new to draw, and says how long the frames took. Pressing and letting
# go are the browser's own. Evaluated by the debugger: the page's policy allows no script of others.
_MOVE: Final = """async ({ frames, warm, from, step }) => {
  const canvas = document.querySelector(".map canvas.maplibregl-canvas");
  let [x, y] = from;
  const tell = (Kind, type) => canvas.dispatchEvent(
    new Kind(type, { clientX: x, clientY: y, button: 0, buttons: 1, bubbles: true, cancelable: true, view: window, pointerId: 1, pointerType: "mouse" }));
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const took = [];
  let last = await frame();
  for (let n = 0; n < frames + warm; n++) {
    const turn = Math.floor(n / 12) % 2 ? -1 : 1;
    x += step[0] * turn; y += step[1] * turn;
    tell(PointerEvent, "pointermove"); tell(MouseEvent, "mousemove");
    const now = await frame();
    if (n >= warm) took.push(now - last);
    last = now;
  }
  return took;
}"""


class Sample(Struct, frozen=True):
    """The frames of one movement, in milliseconds."""

    took_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """Give the frame that half of them are shorter than."""
        return statistics.median(self.took_ms)


class Compared(Struct, frozen=True):
    """A movement on the full map beside the pan of the empty one at the same zoom, round by round."""

    what: str
    zoom: float
    full: tuple[Sample, ...]
    empty: tuple[Sample, ...]

    @property
    def ratio(self) -> float:
        """Give the median of the rounds' ratios."""
        return statistics.median(f.median_ms / e.median_ms for f, e in zip(self.full, self.empty, strict=True))

    @property
    def slow_ratio(self) -> float:
        """Compare the slowest twentieth of all frames."""
        return _slow_ms(self.full) / _slow_ms(self.empty)


class Plan(Struct, frozen=True, kw_only=True):
    """How much is shown and moved."""

    jobs: int = JOBS
    crews: int = CREWS
    rounds: int = ROUNDS
    frames: int = FRAMES
    zooms: tuple[float, ...] = ZOOMS


def measure(plan: Plan) -> bool:
    """Arrange, measure and print a table; tell whether every ratio is within the bound. Raises OperatorError without a browser."""
    path = chromium.find()
    if path is None:
        raise OperatorError("No Chromium: install the package `chromium`, or name one by CHROMIUM_PATH.")
    said = Console()
    with ground.running() as place:
        found = asyncio.run(compare(place.settings, path, plan))
    title = f"{plan.jobs:,} jobs, {plan.crews} crews, {SIZE[0]}×{SIZE[1]}, software rendering"
    table = Table("", "zoom", "full ms", "empty ms", "ratio", "slowest 5 %", title=title)
    for one in found:
        full, empty = (statistics.median(s.median_ms for s in side) for side in (one.full, one.empty))
        table.add_row(
            one.what, f"{one.zoom:g}", f"{full:.1f}", f"{empty:.1f}", f"{one.ratio:.2f}", f"{one.slow_ratio:.2f}"
        )
    said.print(table)
    worst = max(one.ratio for one in found)
    said.print(f"Worst ratio {worst:.2f}; the bound is {BOUND}.")
    return worst <= BOUND


async def compare(settings: Settings, chromium_path: str, plan: Plan) -> list[Compared]:
    """Show an empty organisation and a full one over the same ground and move both maps by turns."""
    with tempfile.TemporaryDirectory() as folder:
        city = await asyncio.to_thread(make_city)
        basemap = Path(folder) / "city.pmtiles"
        await asyncio.to_thread(lambda: basemap.write_bytes(make_basemap(city)))
        shown = msgspec.structs.replace(settings, basemap=str(basemap))
        pool = await open_pool(shown)
        try:
            empty, full = await organisation(pool, 1), await organisation(pool, 2)
            async with owner_connection(shown) as owner:
                await _populate(full, owner, city, plan)
            async with on_loopback(shown) as site, _browser(chromium_path) as browser:
                for org in (empty, full):
                    await give_login(site, org, "dan")
                return await _rounds(browser, site, (empty, full), (city, plan))
        finally:
            await pool.close()


async def _rounds(browser: Browser, site: Site, orgs: tuple[Org, Org], what: tuple[City, Plan]) -> list[Compared]:
    city, plan = what
    compared = []
    for zoom in plan.zooms:
        at = f"{city.centre.lon_deg:.5f},{city.centre.lat_deg:.5f},{zoom}"
        pages = [await _open(browser, site, org, at) for org in orgs]
        taken: dict[str, list[Sample]] = {"empty": [], "pan": [], "drag a job": []}
        for _ in track(range(plan.rounds), description=f"zoom {zoom:g}", transient=True):
            for page, name in ((pages[0], "empty"), (pages[1], "pan"), (pages[1], "drag a job")):
                await page.bring_to_front()
                taken[name].append(await _move(page, name, plan.frames))
        empty = tuple(taken.pop("empty"))
        compared += [Compared(name, zoom, tuple(full), empty) for name, full in taken.items()]
        for page in pages:
            await page.context.close()
    return compared


async def _move(page: Page, name: str, frames: int) -> Sample:
    """Drag the map by its ground, or a job off its place: to and fro, the pointer moving all the time."""
    kind = "job" if name == "drag a job" else "map"
    right, down = await (_job_spot(page) if kind == "job" else _bare_spot(page))
    box = await page.locator(".map-host").bounding_box()
    assert box is not None
    x, y = box["x"] + right, box["y"] + down
    await page.mouse.move(x, y)
    await page.mouse.down()
    asked = {"frames": frames, "warm": _WARM, "from": [x, y], "step": [6, 3]}
    took = await page.evaluate(_MOVE, asked)
    dragged = bool(await page.locator(".ghost").count())
    if kind == "job":
        await page.keyboard.press("Escape")
    await page.mouse.up()
    if dragged != (kind == "job"):
        raise RuntimeError(f"the pointer did not {name}")
    await _still(page)
    return Sample(tuple(took))


async def _job_spot(page: Page) -> list[float]:
    """Select the job that is nearest to the middle, as the keyboard does: it is then drawn above its cluster, and can be taken hold of."""
    await page.keyboard.press("Escape")
    await page.locator(".map canvas.maplibregl-canvas").focus()
    await page.keyboard.press("n")
    await page.keyboard.press("Enter")
    return await _spot(page, job=True)


async def _bare_spot(page: Page) -> list[float]:
    """Find a spot where the pointer takes hold of no job: there it moves the map."""
    return await _spot(page, job=False)


async def _spot(page: Page, *, job: bool) -> list[float]:
    box = await page.locator(".map-host").bounding_box()
    assert box is not None
    for right, down in _AROUND:
        x, y = box["width"] / 2 + right, box["height"] / 2 + down
        await page.mouse.move(box["x"] + x, box["y"] + y)
        await _still(page)
        if bool(await page.locator(".map-card:not([hidden]) .map-card-state").count()) == job:
            return [x, y]
    raise RuntimeError("the map shows no such spot")


async def _open(browser: Browser, site: Site, org: Org, at: str) -> Page:
    context = await browser.new_context(
        viewport={"width": SIZE[0], "height": SIZE[1]}, locale="en-GB", base_url=str(site.client.base_url)
    )
    page = await context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    await page.goto(f"/console/?org={await slug_of(org)}&map={at}")
    await page.fill("#login", "dan")
    await page.fill("#password", PASSWORD)
    await page.click("form button[type=submit]")
    await expect(page.locator(".map[data-ready]")).to_be_visible(timeout=_PATIENCE_MS)
    await _still(page)
    return page


async def _still(page: Page) -> None:
    await expect(page.locator(".map-host")).to_have_attribute("aria-busy", "false", timeout=_PATIENCE_MS)


@asynccontextmanager
async def _browser(path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


async def _populate(org: Org, owner: asyncpg.Connection, city: City, plan: Plan) -> None:
    """Make crews by commands, and jobs by multiplying one: nobody has the time for so many commands."""
    now = datetime.now(UTC)
    await org.ok(*(command for n in range(plan.crews) for command in _crew(org, n, now)), now=now)
    lon = [point.lon_deg for point in city.outline]
    lat = [point.lat_deg for point in city.outline]
    area = (min(lon), max(lon) - min(lon), min(lat), max(lat) - min(lat))
    await owner.execute(
        """insert into position (org_id, person_id, lon_deg, lat_deg, accuracy_m, at, received_at)
        select $1, id, $3 + $4 * random(), $5 + $6 * random(), 5 + 40 * random(), $2::timestamptz - random() * interval '2 hours', $2
        from person where org_id = $1""",
        org.id,
        now,
        *area,
    )
    one = await org.open_job(now=now)
    told = {
        "id": "k.id",
        "number": "'n-' || k.n",
        "lon_deg": "$4 + $5 * random()",
        "lat_deg": "$6 + $7 * random()",
        "priority": "(array['normal', 'normal', 'low', 'urgent', 'emergency'])[1 + k.n % 5]",
        "state": "(array['ready', 'scheduled', 'in_progress', 'on_hold', 'awaiting_triage'])[1 + k.n % 5]",
        "reported_at": "t.reported_at - random() * interval '2 hours'",
        "arrival_due_at": "t.reported_at + (random() - 0.3) * interval '3 hours'",
    }
    columns = columns_of("job")
    copied = ", ".join(told.get(name, f"t.{name}") for name in columns)
    await owner.execute(
        f"insert into job (org_id, {', '.join(columns)}) select t.org_id, {copied} from job t,"
        " unnest($3::uuid[]) with ordinality k(id, n) where t.org_id = $1 and t.id = $2",
        org.id,
        one,
        [org.new_id() for _ in range(plan.jobs - 1)],
        *area,
    )
    await owner.execute("vacuum analyze")


def _crew(org: Org, n: int, now: datetime) -> Iterator[Command]:
    crew_id, person_id = org.new_id(), org.new_id()
    yield d.SaveCrew(crew=Crew(id=crew_id, code=f"c-{n}", name=f"Crew {n}"))
    yield d.SavePerson(person=Person(id=person_id, code=f"p-{n}", name=f"Person {n}", roles=(Role.TECHNICIAN,)))
    yield d.SaveCrewMember(
        member=CrewMember(id=org.new_id(), crew_id=crew_id, person_id=person_id, from_at=now - timedelta(days=9))
    )
    yield d.SaveShift(
        shift=Shift(
            id=org.new_id(), person_id=person_id, from_at=now - timedelta(hours=3), to_at=now + timedelta(hours=5)
        )
    )


def _slow_ms(samples: Sequence[Sample]) -> float:
    frames = sorted(ms for sample in samples for ms in sample.took_ms)
    return frames[int(len(frames) * 0.95)]
