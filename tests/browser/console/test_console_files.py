"""How the console is sent: names with hashes kept for a year, the page asked for anew, packed once, under a policy that allows nothing else."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from api.pages import console_pages, web_folder
from api.settings import Settings
from tests.api.serving import Site, in_process


@pytest.fixture
def built() -> Path:
    folder = web_folder() / "console" / "dist"
    assert (folder / "index.html").is_file(), "run `make console`"
    return folder


async def test_the_page_is_asked_for_anew_and_its_files_are_kept(site: Site, built: Path) -> None:
    for address in ("/console", "/console/"):
        page = await site.client.get(address)
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "public, no-cache"
        again = await site.client.get(address, headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304
        assert "content-security-policy" not in again.headers
    linked = re.findall(r'(?:src|href)="(/console/[^"]+)"', page.text)
    assert len([one for one in linked if one.startswith("/console/assets/")]) >= 2
    for address in linked:
        file = await site.client.get(address)
        assert file.status_code == 200, address
        kept = "immutable" in file.headers["cache-control"]
        assert kept == address.startswith("/console/assets/")
    assert not re.search(r"<script(?![^>]*src=)|style=|<style|\son\w+=", page.text)


async def test_every_file_is_sent_as_packed_as_the_caller_can_read(site: Site, built: Path) -> None:
    script = max(
        (name for name in console_pages() if name.endswith(".js")), key=lambda name: len(console_pages()[name].body)
    )
    plain = console_pages()[script].body
    sizes = {}
    for accepted, encoding in (("br, gzip", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip")):
        answer = await site.client.get(f"/console/{script}", headers={"Accept-Encoding": accepted})
        assert answer.headers["content-encoding"] == encoding
        assert answer.headers["vary"] == "Accept-Encoding"
        sizes[encoding] = int(answer.headers["content-length"])
        again = await site.client.get(
            f"/console/{script}", headers={"Accept-Encoding": accepted, "If-None-Match": answer.headers["etag"]}
        )
        assert again.status_code == 304
    unpacked = await site.client.get(f"/console/{script}", headers={"Accept-Encoding": "identity"})
    assert unpacked.content == plain
    assert sizes["br"] < sizes["gzip"] < len(plain)


async def test_every_file_forbids_what_it_does_not_need(site: Site, built: Path) -> None:
    for name in console_pages():
        answer = await site.client.get(f"/console/{'' if name == 'index.html' else name}")
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';"), name
        assert "unsafe" not in policy
        assert "*" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "address",
    [
        "/console/nothing.js",
        "/console/assets/nothing.js",
        "/console/..%2f..%2f..%2fpyproject.toml",
        "/console/assets/..%2findex.html",
    ],
)
async def test_nothing_else_is_there(site: Site, address: str, built: Path) -> None:
    assert (await site.client.get(address)).status_code == 404


async def test_only_an_operators_own_ground_elsewhere_may_be_asked_beside_the_server(
    settings: Settings, built: Path
) -> None:
    elsewhere = replace(settings, basemap="https://tiles.example.org/city/{z}/{x}/{y}.png?key=secret")
    async with in_process(elsewhere) as site:
        policy = (await site.client.get("/console/")).headers["content-security-policy"]
    assert "connect-src 'self' https://tiles.example.org;" in policy
    assert "img-src 'self' data: blob: https://tiles.example.org;" in policy
    assert "secret" not in policy


def test_the_files_name_no_other_host_that_a_page_would_ask(built: Path) -> None:
    markup = (built / "index.html").read_text(encoding="utf-8")
    sheets = "".join(path.read_text(encoding="utf-8") for path in built.glob("assets/*.css"))
    assert not re.search(r"https?://|//[a-z]+\.", markup)
    assert not re.search(r"url\(\s*['\"]?(https?:)?//", sheets)
