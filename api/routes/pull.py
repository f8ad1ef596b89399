"""Routes by which devices fetch: pull, repair, and the stream of pokes. The work is `sync.waiting`; this is HTTP only.

A page is made whole before its first byte leaves, so a slow phone holds neither a database connection nor a snapshot. Pull and repair are
plain ASGI, since they answer what is no JSON; most pulls never come here (`api.shortcut`).
"""

from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, TypeVar

from litestar import Request, Router, asgi, get
from litestar.di import NamedDependency
from litestar.response import Stream
from litestar.types import Receive, Scope, Send

from api.auth import holder_named, prove_device, proven
from api.body import read_struct
from api.contract import require_contract
from api.describe import for_devices
from api.frames import FRAMES, encoded, headers_of
from api.http_protocol import FAULT
from api.problems import ProblemError, busy
from api.services import Services
from api.sightings import note_call
from mobile_contract import limits
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.messages import Begin, Del, End, Mend, PullAsk, Put, RepairAsk
from mobile_contract.schema.problem import FieldError
from sync.life import Standby
from sync.pokes import Crowded
from sync.pull import Page, Source
from sync.reading import SessionUnknown, Unproven

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")

RETRY_AFTER_S: Final = 2
STANDBY_RETRY_AFTER_S: Final = 10
_PROBLEMS: Final = ("unauthenticated", "session_unknown", "upgrade_required", "standby", "busy", "invalid")
_FRAMES: Final = Begin | Put | Del | Mend | End


@asgi(
    "/pull",
    copy_scope=False,
    opt=for_devices(
        "Fetch a page of documents",
        body=PullAsk,
        answer=_FRAMES,
        answer_media_type=FRAMES.decode(),
        problems=_PROBLEMS,
        example={"cursor": None, "check": False, "seen_n": 0, "wait_s": 0},
        proves=True,
        method="POST",
    ),
)
async def pull(scope: Scope, receive: Receive, send: Send) -> None:
    """Bring a device from its cursor to now: frames as NDJSON, to be applied in one local transaction at `end`.

    With `wait_s` the answer may wait for news. `more` says that another page is ready.
    """
    request = _posted(scope, receive, send)
    services: Services = request.app.state.services
    source = source_of(request, services)
    ask = await _asked(request, PullAsk, limits.PULL_BODY_BYTES)
    fault: Exception | None = scope["state"].get(FAULT)
    work = services.waiting.pull(source, ask) if fault is None else _raise(fault)
    page = await _served(request, source, work)
    note_call(request.headers, services, source.holder, pulled=True, unsent=ask.unsent)
    await _answer(request, page, send)


@asgi(
    "/repair",
    copy_scope=False,
    opt=for_devices(
        "Mend a bucket whose digest differs",
        body=RepairAsk,
        answer=_FRAMES,
        answer_media_type=FRAMES.decode(),
        problems=_PROBLEMS,
        proves=True,
        method="POST",
    ),
)
async def repair(scope: Scope, receive: Receive, send: Send) -> None:
    """Send the delta and then, whole, the ranges of one bucket in which device and server differ."""
    request = _posted(scope, receive, send)
    services: Services = request.app.state.services
    source = source_of(request, services)
    ask = await _asked(request, RepairAsk, limits.REPAIR_BODY_BYTES)
    await _answer(request, await _served(request, source, services.waiting.repair(source, ask)), send)


@get("/live", opt=for_devices("Be told when to pull", answer_media_type="text/event-stream", problems=_PROBLEMS))
async def live(request: AnyRequest, services: NamedDependency[Services]) -> Stream:
    """Server-sent events without content: an event `poke` means that a pull would find something new."""
    require_contract(request)
    source = source_of(request, services)
    events = services.waiting.live(source)
    # What can be refused is refused now, while there is still a status to say so.
    first = await _served(request, source, anext(events))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_from(first, events), media_type="text/event-stream", headers=headers)


def source_of(request: AnyRequest, services: Services) -> Source:
    """Say whose documents are asked for; the statement that reads them proves it.

    A call without a session is of a device that nobody has opened: it fetches its own bucket alone.
    """
    return Source(services.pool, services.keyring, holder_named(request))


def _posted(scope: Scope, receive: Receive, send: Send) -> AnyRequest:
    if scope["method"] != "POST":  # type: ignore[typeddict-item]
        raise ProblemError("method_not_allowed", headers={"Allow": "POST"})
    return Request(scope, receive, send)


async def _asked(request: AnyRequest, kind: type[T], limit: int) -> T:
    try:
        require_contract(request)
        return await read_struct(request, kind, limit=limit)
    except ProblemError:
        await prove_device(request)
        raise


async def _served(request: AnyRequest, source: Source, work: Awaitable[T]) -> T:
    try:
        done = await work
    except Unproven:
        raise ProblemError("unauthenticated") from None
    except SessionUnknown:
        proven(request, source.holder)
        raise ProblemError("session_unknown") from None
    except Crowded:
        raise busy(retry_after_s=RETRY_AFTER_S) from None
    except Standby:
        raise ProblemError("standby", headers={"Retry-After": str(STANDBY_RETRY_AFTER_S)}) from None
    except ValueError as error:
        fault = LocalText(en=str(error))
        raise ProblemError("invalid", fault, errors=(FieldError(field="$", message=str(error)),)) from None
    proven(request, source.holder)
    return done


async def _raise(fault: Exception) -> Page:
    raise fault


async def _answer(request: AnyRequest, page: Page, send: Send) -> None:
    answer = await encoded(page.body, request.headers.get("accept-encoding"))
    await send({"type": "http.response.start", "status": 200, "headers": headers_of(answer)})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for event in rest:
        yield event


router = Router("/sync/v1", route_handlers=[pull, repair, live], tags=["sync"])
