"""Routes of waking: a device says where it is reached, the office wakes one. The work is `api.waking`."""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.body import read_struct
from api.contract import require_contract
from api.describe import describe, for_devices
from api.problems import ProblemError, language_of
from api.reading import require_planner
from api.services import Services
from api.store import waking as store
from api.waking.provider import Address, AddressFault, PushProvider
from jobs.context import Actor
from mobile_contract.errors import ERRORS
from mobile_contract.schema.waking import WakeAnswer, WakingAsk, WakingSetup, WakingWay, WebPushAddress
from sync.devices import Device
from sync.transaction import org_transaction

AnyRequest = Request[Any, Any, Any]
# The app asks how things stand far more often.
KEPT_AT_MOST: Final = timedelta(days=400)
_SPOKEN: Final = {"Vary": "Accept-Language"}


@post(
    "/waking",
    status_code=200,
    opt=for_devices(
        "Say where this device is reached",
        body=WakingAsk,
        answer=WakingSetup,
        problems=("upgrade_required", "push_address_invalid", "device_revoked"),
    ),
)
async def say_where(
    request: AnyRequest, services: NamedDependency[Services], device: NamedDependency[Device]
) -> WakingSetup:
    """Say where a push reaches this device, that none does any more, or ask how things stand. A push says "look" and nothing else."""
    require_contract(request)
    ask = await read_struct(request, WakingAsk)
    provider, now = services.waker.provider, services.clock()
    if isinstance(ask.address, WebPushAddress):
        if device.revoked:
            raise ProblemError("device_revoked")
        address = _checked(ask.address, provider)
    async with org_transaction(services.pool, device.org_id) as conn:
        if isinstance(ask.address, WebPushAddress):
            await store.subscribe(
                conn, device.org_id, device.id, address, now=now, expires_at=_within(ask.address.expires_at, now)
            )
        elif ask.address is None:
            await store.withdraw(conn, device.org_id, device.id)
        found = await store.state_of(conn, device.org_id, device.id, now=now)
    ways = () if provider is None else (WakingWay(provider=provider.provider, key=provider.key),)
    return WakingSetup(ways=ways, since=found.since if found else None, provider=found.provider if found else None)


@post(
    "/{device_id:uuid}/wake",
    status_code=200,
    opt=describe("Wake a device", answer=WakeAnswer, problems=("forbidden", "unknown_device")),
)
async def wake(
    request: AnyRequest,
    device_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> Response[WakeAnswer]:
    """Send a sleeping phone a push that says "look". The answer says what the push service did; the phone is seen when it has looked."""
    require_planner(actor)
    woken = await services.waker.wake(actor.org_id, device_id)
    if woken is None:
        raise ProblemError("unknown_device")
    code = f"wake_{woken.result.value}"
    text = ERRORS[code].text(language_of(request.headers.get("accept-language")))
    answer = WakeAnswer(device_id=device_id, result=woken.result, code=code, text=text, last_at=woken.last_at)
    return Response(answer, headers=_SPOKEN)


def _checked(said: WebPushAddress, provider: PushProvider | None) -> Address:
    """Read an address and refuse one to which nothing is ever sent. Raises ProblemError (push_address_invalid)."""
    try:
        address = Address(endpoint=said.endpoint, p256dh=_bytes(said.p256dh), auth=_bytes(said.auth))
        if provider is None:
            raise AddressFault("Waking phones is not set up on this server.")
        provider.check(address)
    except AddressFault as fault:
        raise ProblemError("push_address_invalid", str(fault)) from None
    except (binascii.Error, ValueError):
        raise ProblemError("push_address_invalid", "The keys of the subscription are not base64url.") from None
    return address


def _within(expires_at: datetime | None, now: datetime) -> datetime | None:
    """Bring an end into the time that it can mean something in: a browser may name any, also at the edge of the calendar."""
    return None if expires_at is None else min(max(expires_at, now), now + KEPT_AT_MOST)


def _bytes(text: str) -> bytes:
    plain = text.rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)


router = Router("/api/v1/devices", route_handlers=[wake], tags=["devices"])
device_router = Router("/sync/v1", route_handlers=[say_where], tags=["sync"])
