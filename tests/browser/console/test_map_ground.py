"""The ground of the map on another host: an operator's raster tiles or style are asked for there, within the policy of the page, and drawn."""

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest
from msgspec.structs import replace
from playwright.async_api import Browser, expect

from api.settings import Settings
from tests.api.office import give_login
from tests.api.serving import on_loopback
from tests.browser.console.desk import sign_in
from tests.browser.console.test_map import colour_at
from tests.browser.console.town import PATIENCE_MS, build, seen
from tests.browser.scene import found

_GREEN = (20, 140, 60)


@dataclass
class Host:
    """Another server: what it was asked for."""

    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Give its address."""
        return f"http://127.0.0.1:{self.port}"


@pytest.mark.parametrize("kind", ["raster", "style"])
async def test_an_operators_ground_is_drawn_and_nothing_else_is_asked_elsewhere(
    browser: Browser, settings: Settings, pool: asyncpg.Pool, seed: int, kind: str
) -> None:
    async with _host() as host:
        address = f"{host.url}/tiles/{{z}}/{{x}}/{{y}}.png" if kind == "raster" else f"{host.url}/style.json"
        shown = replace(settings, basemap=address, basemap_attribution="© The operator")
        async with on_loopback(shown) as site:
            org = await found(pool, seed, name="Harbour Water Works")
            await give_login(site, org, "dan")
            town = await build(org, site.services.clock())
            base = str(site.client.base_url)
            context = await browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB", base_url=base)
            page = await context.new_page()
            strange: list[str] = []
            page.on(
                "request",
                lambda sent: (
                    None if sent.url.startswith((base, host.url, "blob:", "data:")) else strange.append(sent.url)
                ),
            )
            page.on("console", lambda said: strange.append(said.text) if "Content Security" in said.text else None)
            await sign_in(page, town, address=town.address)
            await seen(page)
            assert tuple(await colour_at(page, (0, -120))) == pytest.approx(_GREEN, abs=4)
            await expect(page.locator(".map")).to_contain_text("© The operator", timeout=PATIENCE_MS)
            await context.close()
    assert any(path.startswith(("/tiles/15/", "/tiles/16/")) for path in host.asked), host.asked
    assert strange == []


@asynccontextmanager
async def _host() -> AsyncIterator[Host]:
    """Serve green tiles and a style that is made of them, for pages of any origin."""
    host = Host()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        path = head.split(" ", 2)[1]
        host.asked.append(path)
        style = path == "/style.json"
        body = json.dumps(_style(host.url)).encode() if style else _png(_GREEN)
        kind = "application/json" if style else "image/png"
        said = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n"
        writer.write(said.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    async with server:
        yield host


def _style(url: str) -> dict[str, object]:
    tiles = {"type": "raster", "tiles": [f"{url}/tiles/{{z}}/{{x}}/{{y}}.png"], "tileSize": 256}
    return {
        "version": 8,
        "sources": {"theirs": tiles},
        "layers": [{"id": "theirs", "type": "raster", "source": "theirs"}],
    }


def _png(colour: tuple[int, int, int], side: int = 256) -> bytes:
    """Draw a square of one colour (PNG, RFC 2083)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = (b"\0" + bytes(colour) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
