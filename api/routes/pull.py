"""Routes by which devices fetch: pull, repair, and the stream of pokes. The work is `sync.waiting`; this is HTTP only.

A page is made whole before its first byte leaves, so a slow phone holds neither a database connection nor a snapshot.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, TypeVar

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.response import Stream

from api.body import read_struct
from api.contract import require_contract
from api.describe import for_devices
from api.problems import ProblemError, busy
from api.services import Services
from api.sightings import note_call
from mobile_contract import limits
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.messages import Begin, Del, End, Mend, PullAsk, Put, RepairAsk
from mobile_contract.schema.problem import FieldError
from sync.devices import Device
from sync.life import Standby
from sync.pokes import Crowded
from sync.pull import Page, Source
from sync.reading import Holder
from sync.wire import encode

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")

NDJSON: Final = "application/x-ndjson"
RETRY_AFTER_S: Final = 2
STANDBY_RETRY_AFTER_S: Final = 10
# Beyond this, compressing takes long enough to be felt by every other request of the process.
_COMPRESS_HERE_BYTES: Final = 64 * limits.KIB
_PROBLEMS: Final = ("unauthenticated", "session_unknown", "upgrade_required", "standby", "busy", "invalid")
_FRAMES: Final = Begin | Put | Del | Mend | End


@post(
    "/pull",
    status_code=200,
    opt=for_devices(
        "Fetch a page of documents",
        body=PullAsk,
        answer=_FRAMES,
        answer_media_type=NDJSON,
        problems=_PROBLEMS,
        example={"cursor": None, "check": False, "seen_n": 0, "wait_s": 0},
    ),
)
async def pull(
    request: AnyRequest, services: NamedDependency[Services], device: NamedDependency[Device]
) -> Response[bytes]:
    """Bring a device from its cursor to now: frames as NDJSON, to be applied in one local transaction at `end`.

    With `wait_s` the answer may wait for news. `more` says that another page is ready.
    """
    require_contract(request)
    source = source_of(request, services, device)
    ask = await read_struct(request, PullAsk, limit=limits.PULL_BODY_BYTES)
    note_call(request, services, device, pulled=True, unsent=ask.unsent)
    return await _answer(request, await _served(services.waiting.pull(source, ask)))


@post(
    "/repair",
    status_code=200,
    opt=for_devices(
        "Mend a bucket whose digest differs",
        body=RepairAsk,
        answer=_FRAMES,
        answer_media_type=NDJSON,
        problems=_PROBLEMS,
    ),
)
async def repair(
    request: AnyRequest, services: NamedDependency[Services], device: NamedDependency[Device]
) -> Response[bytes]:
    """Send the delta and then, whole, the ranges of one bucket in which device and server differ."""
    require_contract(request)
    source = source_of(request, services, device)
    ask = await read_struct(request, RepairAsk, limit=limits.REPAIR_BODY_BYTES)
    return await _answer(request, await _served(services.waiting.repair(source, ask)))


@get("/live", opt=for_devices("Be told when to pull", answer_media_type="text/event-stream", problems=_PROBLEMS))
async def live(request: AnyRequest, services: NamedDependency[Services], device: NamedDependency[Device]) -> Stream:
    """Server-sent events without content: an event `poke` means that a pull would find something new."""
    require_contract(request)
    events = services.waiting.live(source_of(request, services, device))
    # What can be refused is refused now, while there is still a status to say so.
    first = await _served(anext(events))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_from(first, events), media_type="text/event-stream", headers=headers)


def source_of(request: AnyRequest, services: Services, device: Device) -> Source:
    """Say whose documents a device may fetch. Raises ProblemError (session_unknown) for a session that is not this device's.

    A call without a session is of a device that nobody has opened: it fetches its own bucket alone.
    """
    if device.session is None and not device.revoked and request.headers.get("onsite-session"):
        raise ProblemError("session_unknown")
    return Source(services.pool, services.keyring, Holder.of(device, services.clock()))


async def _served(work: Awaitable[T]) -> T:
    try:
        return await work
    except Crowded:
        raise busy(retry_after_s=RETRY_AFTER_S) from None
    except Standby:
        raise ProblemError("standby", headers={"Retry-After": str(STANDBY_RETRY_AFTER_S)}) from None
    except ValueError as error:
        fault = LocalText(en=str(error))
        raise ProblemError("invalid", fault, errors=(FieldError(field="$", message=str(error)),)) from None


async def _answer(request: AnyRequest, page: Page) -> Response[bytes]:
    accepted = request.headers.get("accept-encoding")
    if len(page.body) > _COMPRESS_HERE_BYTES:
        encoded = await asyncio.to_thread(encode, page.body, accepted)
    else:
        encoded = encode(page.body, accepted)
    headers = {"Vary": "Accept-Encoding"}
    if encoded.encoding != "identity":
        headers["Content-Encoding"] = encoded.encoding
    return Response(encoded.body, status_code=200, media_type=NDJSON, headers=headers)


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for event in rest:
        yield event


router = Router("/sync/v1", route_handlers=[pull, repair, live], tags=["sync"])
