"""What lies under the jobs on a map: the file of the synthetic city or an operator's own, or an address elsewhere. Reads files, knows no organisation."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Literal

from litestar import Response
from litestar.response import Stream
from msgspec import Struct

from api.problems import ProblemError
from api.reading import AnyRequest
from api.settings import Settings
from mobile_contract.schema.base import Datum
from mobile_contract.schema.map import Ground

URL: Final = "/basemap.pmtiles"
FILE: Final = "city.pmtiles"
MEDIA_TYPE: Final = "application/vnd.pmtiles"
# Who looks again within the hour need not ask; the ETag tells readers of parts that the file is another one.
_CACHE: Final = "public, max-age=3600"
_PIECE_BYTES: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class GroundFile(Struct, frozen=True):
    """The file as it is now; its ETag follows from when it was written and how long it is."""

    path: Path
    size: int
    etag: str


def ground_file(settings: Settings) -> GroundFile | None:
    """Find the file of the basemap; None where there is none, or where it lies elsewhere."""
    if _is_address(settings.basemap):
        return None
    path = Path(settings.basemap).expanduser() if settings.basemap else settings.state_dir / FILE
    try:
        found = path.stat()
    except OSError:
        return None
    return GroundFile(path, found.st_size, f'"{found.st_mtime_ns:x}-{found.st_size:x}"')


def ground_of(settings: Settings) -> Ground | None:
    """Say what lies under the jobs; None where nothing does."""
    about: dict[str, Any] = {
        "datum": Datum(settings.basemap_datum),
        "attribution": settings.basemap_attribution,
    }
    if _is_address(settings.basemap):
        return Ground(kind=_kind_of(settings.basemap), url=settings.basemap, **about)
    return None if ground_file(settings) is None else Ground(kind="pmtiles", url=URL, **about)


def answer_file(request: AnyRequest, file: GroundFile) -> Response[Any]:
    """Answer with the file or the one part of it that `Range` asks for: 200, 206, 304, or 412 and 416 as problems.

    More parts than one, and a range of another unit, are answered with the whole, as RFC 9110 has it.
    """
    headers = {"ETag": file.etag, "Accept-Ranges": "bytes", "Cache-Control": _CACHE}
    named = {tag.strip() for tag in request.headers.get("if-match", "").split(",") if tag.strip()}
    if named and file.etag not in named and "*" not in named:
        raise ProblemError("precondition_failed")
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if file.etag in known:
        return Response(b"", status_code=304, headers=headers, media_type=MEDIA_TYPE)
    span = _span(request, file)
    first, last = span or (0, file.size - 1)
    sent = {**headers, "Content-Length": str(last - first + 1)}
    if span is not None:
        sent["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    return Stream(
        _pieces(file.path, first, last), status_code=206 if span else 200, headers=sent, media_type=MEDIA_TYPE
    )


def _span(request: AnyRequest, file: GroundFile) -> tuple[int, int] | None:
    asked = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if asked is None or asked.groups() == ("", "") or request.headers.get("if-range", file.etag) != file.etag:
        return None
    begin, end = asked.groups()
    if begin == "":
        first, last = max(0, file.size - int(end)), file.size - 1
    else:
        first, last = int(begin), min(int(end), file.size - 1) if end else file.size - 1
    if begin and end and int(begin) > int(end):
        return None
    if first > last:
        raise ProblemError("range_outside", headers={"Content-Range": f"bytes */{file.size}"})
    return first, last


async def _pieces(path: Path, first: int, last: int) -> AsyncIterator[bytes]:
    at = first
    descriptor = await asyncio.to_thread(os.open, path, os.O_RDONLY)
    try:
        while at <= last:
            piece = await asyncio.to_thread(os.pread, descriptor, min(_PIECE_BYTES, last - at + 1), at)
            if not piece:
                break
            at += len(piece)
            yield piece
    finally:
        os.close(descriptor)


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _kind_of(address: str) -> Literal["pmtiles", "raster", "style"]:
    if address.partition("?")[0].endswith(".pmtiles"):
        return "pmtiles"
    return "raster" if "{z}" in address else "style"
