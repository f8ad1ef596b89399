"""Requests read strictly: bodies within limits before and after decompression, queries by their Struct. Never converts leniently."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import cache
from types import UnionType
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from litestar import Request

from api.http_protocol import SLOWEST_BYTES_PER_S
from api.problems import UNREADABLE, ProblemError, invalid
from mobile_contract.limits import KIB
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.problem import FieldError
from sync.wire import BodyRefused, read_limited

T = TypeVar("T")

JSON_BYTES: Final = 64 * KIB
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


async def read_bytes(request: Request[Any, Any, Any], *, limit: int = JSON_BYTES) -> bytes:
    """Read a body whole, at most `limit` bytes both as sent and decompressed. Raises ProblemError (413, 415, 400, 408 for one that crawls)."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise ProblemError("body_too_large", _at_most(limit))
    encoding = request.headers.get("content-encoding")
    patience_s = request.app.state.services.settings.patience_s
    try:
        async with asyncio.timeout(patience_s) as until:
            body = await read_limited(_chunks(request, until), encoding, limit, limit)
    except TimeoutError:
        raise ProblemError("too_slow", headers={"Connection": "close"}) from None
    if isinstance(body, BodyRefused):
        raise ProblemError(body.code, body.detail)
    return body


async def read_json(request: Request[Any, Any, Any], *, limit: int = JSON_BYTES) -> bytes:
    """Read a JSON body without decoding it. Raises ProblemError for another media type, or a NUL that no text may hold."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ProblemError(
            "unsupported_media_type", LocalText(en="Send application/json.", zh="请发送 application/json。")
        )
    body = await read_bytes(request, limit=limit)
    if _NUL.search(body):
        raise ProblemError("invalid", errors=(FieldError(field="$", message="NUL is not allowed in a text"),))
    return body


async def read_struct(request: Request[Any, Any, Any], kind: type[T], *, limit: int = JSON_BYTES) -> T:
    """Read a JSON body strictly as a Struct. Raises ProblemError with the field that is wrong."""
    body = await read_json(request, limit=limit)
    try:
        decoded: T = _decoder(cast(Any, kind)).decode(body)
    except UNREADABLE as error:
        raise invalid(error) from None
    return decoded


def read_query(request: Request[Any, Any, Any], kind: type[T]) -> T:
    """Read the query as a Struct: each field one parameter, a tuple field one that may repeat; an unknown one is refused.

    Raises ProblemError with the parameter that is wrong.
    """
    given = request.query_params
    many = _repeated(cast(Any, kind))
    values: dict[str, Any] = {}
    for name in given:
        texts = given.getall(name)
        if name not in many and len(texts) > 1:
            raise ProblemError("invalid", errors=(FieldError(field=f"$.{name}", message="given more than once"),))
        if any("\0" in text for text in texts):
            raise ProblemError(
                "invalid", errors=(FieldError(field=f"$.{name}", message="NUL is not allowed in a text"),)
            )
        values[name] = texts if name in many else texts[0]
    unknown = sorted(set(values) - set(kind.__struct_fields__))  # type: ignore[attr-defined]
    if unknown:
        raise ProblemError("invalid", errors=(FieldError(field=f"$.{unknown[0]}", message="unknown parameter"),))
    try:
        return msgspec.convert(values, kind, strict=False)
    except UNREADABLE as error:
        raise invalid(error) from None


def _at_most(limit: int) -> LocalText:
    return LocalText(en=f"At most {limit} bytes.", zh=f"最多 {limit} 字节。")


async def _chunks(request: Request[Any, Any, Any], until: asyncio.Timeout) -> AsyncIterator[bytes]:
    """Give a body as it comes; each 500 bytes earn it another second."""
    more = True
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            # Who went away in the middle is no fault of ours, and nobody reads the answer.
            raise ProblemError("request_cut")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        deadline = until.when()
        if deadline is not None:
            until.reschedule(deadline + len(chunk) / SLOWEST_BYTES_PER_S)
        yield chunk


@cache
def _decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind, strict=True)


@cache
def _repeated(kind: type[Any]) -> frozenset[str]:
    def is_tuple(hint: Any) -> bool:
        if get_origin(hint) in (Union, UnionType):
            return any(is_tuple(arg) for arg in get_args(hint))
        return get_origin(hint) in (tuple, list, frozenset)

    return frozenset(name for name, hint in get_type_hints(kind).items() if is_tuple(hint))
