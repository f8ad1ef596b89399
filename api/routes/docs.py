"""Routes of the API reference: the document, the pages made from it, the catalogue of codes. Everything comes from this server."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, Router, get

from api.describe import public
from api.openapi import openapi_document
from api.reference import problems_page, reference_page

_HTML = "text/html; charset=utf-8"


@get("/openapi.json", opt=public("The OpenAPI document", hidden=True))
async def document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Give the OpenAPI document of this server."""
    return _kept(request, _document(request.app), "application/json")


@get("/docs", opt=public("The API reference", hidden=True))
async def reference(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Show the API reference."""
    return _kept(request, _reference(request.app), _HTML)


@get("/docs/problems", opt=public("The catalogue of codes", hidden=True))
async def problems(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Show every code of a refusal, in English and Chinese."""
    return _kept(request, problems_page().encode(), _HTML)


@get("/docs/style.css", opt=public("The reference's style", hidden=True))
async def style(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Give the style of the reference."""
    return _kept(request, _style(), "text/css; charset=utf-8")


@cache
def _document(app: Litestar) -> bytes:
    return msgspec.json.encode(openapi_document(app))


@cache
def _reference(app: Litestar) -> bytes:
    return reference_page(openapi_document(app)).encode()


@cache
def _style() -> bytes:
    return (files("api") / "reference.css").read_bytes()


def _kept(request: Request[Any, Any, Any], body: bytes, media_type: str) -> Response[bytes]:
    """Answer with an ETag, or 304 to a browser that has it."""
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(b"", status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


router = Router("/", route_handlers=[document, reference, problems, style])
