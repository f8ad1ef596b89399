"""The basemap over HTTP: whole and in parts as RFC 9110 has it, its ETag, and what a map is told about its ground."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import mapbox_vector_tile
import msgspec
import numpy as np
import pytest
from pmtiles.reader import Reader

from api.basemap import FILE, ground_of
from api.settings import Settings
from geo.basemap import make_basemap
from geo.city import make_city
from geo.tile_grid import on_grid
from mobile_contract.schema.map import Ground
from tests.api.office import office
from tests.api.serving import Site, in_process, on_loopback

BODY = bytes(range(256)) * 40
LAST = len(BODY) - 1


@pytest.fixture
def with_file(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "own.pmtiles").write_bytes(BODY)
    return msgspec.structs.replace(settings, basemap=str(tmp_path / "own.pmtiles"))


@pytest.fixture
async def site(with_file: Settings) -> AsyncIterator[Site]:
    async with on_loopback(with_file) as running:
        yield running


async def test_the_whole_file_comes_with_its_length_and_may_be_kept(site: Site) -> None:
    answer = await site.client.get("/basemap.pmtiles")
    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(BODY))
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["content-type"] == "application/vnd.pmtiles"
    again = await site.client.get("/basemap.pmtiles", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0), ("bytes=0-126", 0, 126), ("bytes=127-999", 127, 999), ("bytes=10000-", 10_000, LAST),
        ("bytes=-5", LAST - 4, LAST), ("bytes=0-999999", 0, LAST), ("bytes=-999999", 0, LAST),
    ],
)  # fmt: skip
async def test_a_part_comes_as_that_part(site: Site, asked: str, first: int, last: int) -> None:
    answer = await site.client.get("/basemap.pmtiles", headers={"Range": asked, "Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.content) == (206, BODY[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(BODY)}"
    assert answer.headers["content-length"] == str(last - first + 1)


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=0-1", "bytes=5-1", "bytes=-", "bytes=a-b", "bytes"])
async def test_what_is_no_single_part_is_answered_with_the_whole(site: Site, asked: str) -> None:
    answer = await site.client.get("/basemap.pmtiles", headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, len(BODY))


@pytest.mark.parametrize("asked", [f"bytes={len(BODY)}-", "bytes=99999999999-", "bytes=-0"])
async def test_a_part_outside_is_refused_with_the_length(site: Site, asked: str) -> None:
    answer = await site.client.get("/basemap.pmtiles", headers={"Range": asked})
    assert (answer.status_code, answer.json()["code"]) == (416, "range_outside")
    assert answer.headers["content-range"] == f"bytes */{len(BODY)}"


async def test_parts_of_another_file_are_never_mixed(site: Site, with_file: Settings) -> None:
    tag = (await site.client.get("/basemap.pmtiles", headers={"Range": "bytes=0-9"})).headers["etag"]
    Path(with_file.basemap).write_bytes(BODY + b"more")
    part = {"Range": "bytes=0-9"}
    resumed = await site.client.get("/basemap.pmtiles", headers={**part, "If-Range": tag})
    assert (resumed.status_code, len(resumed.content)) == (200, len(BODY) + 4)
    insisted = await site.client.get("/basemap.pmtiles", headers={**part, "If-Match": tag})
    assert (insisted.status_code, insisted.json()["code"]) == (412, "precondition_failed")
    new = (await site.client.get("/basemap.pmtiles", headers=part)).headers["etag"]
    assert new != tag
    same = await site.client.get("/basemap.pmtiles", headers={**part, "If-Range": new, "If-Match": new})
    assert same.status_code == 206


async def test_a_reader_of_the_format_reads_the_city_by_ranges(settings: Settings, tmp_path: Path) -> None:
    city = make_city(3, 40)
    (tmp_path / FILE).write_bytes(make_basemap(city))
    column, row = on_grid(np.array([city.centre.lon_deg]), np.array([city.centre.lat_deg]), 13)
    async with in_process(msgspec.structs.replace(settings, state_dir=tmp_path)) as site:
        known: dict[tuple[int, int], bytes] = {}

        def source(offset: int, length: int) -> bytes:
            return known[offset, length]

        # The reader blocks: it is tried until every part that it asks for has come.
        for _ in range(10):
            try:
                header, tile = Reader(source).header(), Reader(source).get(13, int(column[0]), int(row[0]))
                break
            except KeyError as missing:
                offset, length = missing.args[0]
                asked = {"Range": f"bytes={offset}-{offset + length - 1}"}
                known[offset, length] = (await site.client.get("/basemap.pmtiles", headers=asked)).content
        assert header["max_zoom"] == 15
        assert tile is not None and "streets" in mapbox_vector_tile.decode(gzip.decompress(tile))
        assert sum(map(len, known.values())) < 100_000


async def test_without_a_file_there_is_no_ground_and_a_map_is_told_so(
    settings: Settings, tmp_path: Path, pool: asyncpg.Pool, seed: int
) -> None:
    async with in_process(msgspec.structs.replace(settings, state_dir=tmp_path)) as site:
        assert (await site.client.get("/basemap.pmtiles")).status_code == 404
        desk = await office(site, pool, seed, "eve")
        assert (await desk.get("/map"))["ground"] is None
        (tmp_path / FILE).write_bytes(BODY)
        shown = await desk.get("/map", by="eve")
    assert shown["ground"] == {"kind": "pmtiles", "url": "/basemap.pmtiles"}
    assert [layer["name"] for layer in shown["layers"]] == ["jobs", "sites", "districts"]
    assert shown["layers"][0]["url"] == "/api/v1/tiles/jobs/{z}/{x}/{y}.mvt"


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://maps.example/town.pmtiles?v=2", "pmtiles"),
        ("https://maps.example/{z}/{x}/{y}.png", "raster"),
        ("https://maps.example/style.json", "style"),
    ],
)
def test_a_ground_elsewhere_is_named_with_its_datum(settings: Settings, address: str, kind: str) -> None:
    own = msgspec.structs.replace(settings, basemap=address, basemap_datum="gcj02", basemap_attribution="Survey office")
    ground = ground_of(own)
    assert isinstance(ground, Ground)
    assert (ground.kind, ground.url, ground.datum, ground.attribution) == (kind, address, "gcj02", "Survey office")
