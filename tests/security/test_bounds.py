"""What one caller can take from all others: streams, the event loop, memory. Never measures speed."""

import asyncio
import json
import math
import random

import httpx
import pytest

from api.settings import Settings
from geo.district_shapes import CROSSINGS_MAX, VERTICES_MAX, read_outline
from mobile_contract.schema import decisions as d
from mobile_contract.schema.people import Role
from sync.pokes import EARS_OF_ONE_MAX
from tests.api.office import signed_in
from tests.api.serving import Site, on_loopback
from tests.arrange import Org, organisation
from tests.security.world import World, headers_of
from tests.waiting import until


class Streams:
    """Streams that are open, and which of them have ended."""

    def __init__(self, site: Site, path: str) -> None:
        self._site, self._path = site, path
        self.open: list[asyncio.Task[None]] = []

    async def begin(self, headers: dict[str, str]) -> None:
        """Open one more and wait for its first poke."""
        heard = asyncio.Event()

        async def listen() -> None:
            async with self._site.client.stream("GET", self._path, headers=headers, timeout=60) as answer:
                assert answer.status_code == 200
                async for _ in answer.aiter_lines():
                    heard.set()

        self.open.append(asyncio.create_task(listen()))
        async with asyncio.timeout(20):
            await heard.wait()

    def ended(self) -> list[int]:
        """Name the streams that are over, by the order in which they began."""
        return [n for n, task in enumerate(self.open) if task.done()]

    async def close(self) -> None:
        """Leave all."""
        for task in self.open:
            task.cancel()
        await asyncio.gather(*self.open, return_exceptions=True)


@pytest.mark.parametrize("path", ["/sync/v1/live", "/api/v1/live"])
async def test_one_caller_holds_a_few_streams_and_the_oldest_gives_way(
    settings: Settings, pool: object, seed: int, path: str
) -> None:
    async with on_loopback(settings) as site:
        org: Org = await organisation(site.services.pool, seed)
        if path.startswith("/sync"):
            own, other = headers_of(await org.device("amy")), headers_of(await org.device("bob"))
        else:
            own, other = await signed_in(site, org, "dan"), await signed_in(site, org, "ada")
        streams = Streams(site, path)
        try:
            await streams.begin(other)
            for _ in range(EARS_OF_ONE_MAX):
                await streams.begin(own)
            assert streams.ended() == []
            await streams.begin(own)
            await streams.begin(own)
            await until(lambda: streams.ended() == [1, 2])
        finally:
            await streams.close()


def star(points: int) -> str:
    """Draw an outline that crosses itself about points²/9 times."""
    draw = random.Random(1)
    ring = [[round(draw.uniform(116, 117), 5), round(draw.uniform(39, 40), 5)] for _ in range(points)]
    return json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


def spikes(count: int) -> str:
    """Draw spikes around the earth: few vertices, but edges that become millions of short ones."""
    ring = [[-89 + (i % 2) * 178, -80 + 160 * i / count] for i in range(count)]
    return json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


@pytest.mark.parametrize("outline", [star(1_000), spikes(100), spikes(2_000)], ids=["star", "few spikes", "spikes"])
def test_an_outline_that_would_take_minutes_to_mend_is_refused(outline: str) -> None:
    read = read_outline("x", "x", outline)
    assert [note.code for note in read.refused] == ["district_too_intricate"]


def test_a_large_outline_and_one_with_a_slip_of_the_pen_are_read() -> None:
    count = 20_000
    ring = [
        [
            round(116 + 0.1 * math.cos(2 * math.pi * i / count), 6),
            round(39 + 0.1 * math.sin(2 * math.pi * i / count), 6),
        ]
        for i in range(count)
    ]
    assert count < VERTICES_MAX and CROSSINGS_MAX > 100
    assert read_outline("x", "x", json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})).refused == ()
    ring[100], ring[110] = ring[110], ring[100]
    read = read_outline("x", "x", json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}))
    assert read.refused == () and "self_intersection_repaired" in {note.code for note in read.notes}


async def test_an_outline_is_read_beside_the_event_loop_and_only_for_who_may_save_it(world: World) -> None:
    command = d.SaveDistrict(district_id=world.ours.new_id(), code="big", name_en="Big", outline_geojson=star(40))
    read_outline.cache_clear()
    answer: httpx.Response = await world.send(command, world.members[Role.DISPATCHER].headers)
    assert answer.status_code == 403 and read_outline.cache_info().misses == 0
    answer = await world.send(command, world.members[Role.ADMIN].headers)
    assert answer.status_code == 200, answer.text
    # Once in a thread, for the route; the handler, which runs on the loop, found it read.
    info = read_outline.cache_info()
    assert (info.misses, info.hits) == (1, 1)
