"""The files of the page at `/`, read once: bytes, media type, ETag. Never makes a page from data: what is shown, the page fetches."""

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
    ".svg": "image/svg+xml",
}
INDEX: Final = "index.html"


class Page(Struct, frozen=True):
    """A file as it is sent."""

    body: bytes
    media_type: str
    etag: str


@cache
def live_pages() -> Mapping[str, Page]:
    """Read the files of the live page by name; KeyError of the mapping means that there is none of that name."""
    folder = web_folder() / "live"
    return {
        path.name: _page(path) for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in _MEDIA_TYPES
    }


def web_folder() -> Path:
    """Give the folder of the web files: beside the packages in a checkout, under the environment's `share` when installed."""
    beside_packages = Path(__file__).resolve().parents[1] / "web"
    return beside_packages if beside_packages.is_dir() else Path(sys.prefix) / "share" / "onsite" / "web"


def _page(path: Path) -> Page:
    body = path.read_bytes()
    return Page(body, _MEDIA_TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:16]}"')
