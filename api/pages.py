"""The files of the page at `/` and of the console, read once: bytes, media type, ETag. Never makes a page from data: what is shown, the page fetches."""

import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import Struct

_MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".json": "application/json",
}
INDEX: Final = "index.html"
# In the order of preference; the build writes them beside what they shorten.
_PACKED: Final = (("br", ".br"), ("gzip", ".gz"))


class Page(Struct, frozen=True):
    """A file as it is sent; `packed` has the same bytes by content encoding, the best first."""

    body: bytes
    media_type: str
    etag: str
    packed: tuple[tuple[str, bytes], ...] = ()


@cache
def live_pages() -> Mapping[str, Page]:
    """Read the files of the live page by name; KeyError of the mapping means that there is none of that name."""
    folder = web_folder() / "live"
    return {
        path.name: _page(path) for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in _MEDIA_TYPES
    }


@cache
def console_pages() -> Mapping[str, Page]:
    """Read the files of the built console by their path below `/console/`; empty when it was not built."""
    folder = web_folder() / "console" / "dist"
    return {
        path.relative_to(folder).as_posix(): _page(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _MEDIA_TYPES
    }


def web_folder() -> Path:
    """Give the folder of the web files: beside the packages in a checkout, under the environment's `share` when installed."""
    beside_packages = Path(__file__).resolve().parents[1] / "web"
    return beside_packages if beside_packages.is_dir() else Path(sys.prefix) / "share" / "onsite" / "web"


def _page(path: Path) -> Page:
    body = path.read_bytes()
    packed = tuple(
        (encoding, beside.read_bytes())
        for encoding, suffix in _PACKED
        if (beside := path.with_name(path.name + suffix)).is_file()
    )
    return Page(body, _MEDIA_TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:16]}"', packed)
