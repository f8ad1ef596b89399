"""Routes of devices: codes, the list, names, revocation; and the device's own enrolment and sessions. The work is `api.enrolment`."""

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Request, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct

from api import enrolment
from api.auth import require
from api.body import read_query, read_struct
from api.contract import require_contract
from api.describe import describe, for_devices, public
from api.problems import ProblemError
from api.routes.auth import address_of
from api.services import Services
from jobs.context import Actor
from mobile_contract.schema.access import (
    DeviceLine,
    DeviceNameAsk,
    EnrolAnswer,
    EnrolAsk,
    EnrolmentAsk,
    EnrolmentCode,
    SessionsAnswer,
)
from mobile_contract.schema.answer import DevicePage
from mobile_contract.schema.people import Role
from sync.devices import Device, list_devices
from sync.transaction import org_transaction

AnyRequest = Request[Any, Any, Any]
ISSUERS: Final = (Role.ADMIN, Role.DISPATCHER, Role.MANAGER)
READERS: Final = (*ISSUERS, Role.DEPUTY_GM, Role.DUTY_CHIEF, Role.AUDITOR)


class PageAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of a list: at most `limit` items whose key comes after `after`."""

    after: UUID | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


@post(
    "/enrolments",
    status_code=201,
    opt=describe(
        "Make a one-time code for a device",
        body=EnrolmentAsk,
        answer=EnrolmentCode,
        status=201,
        problems=("forbidden", "nobody_named", "unknown_person", "unknown_crew"),
    ),
)
async def make_code(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> EnrolmentCode:
    """Make a one-time code for a device of a person or of a crew, with its QR image."""
    require(actor, *ISSUERS)
    return await enrolment.make_code(services, actor, await read_struct(request, EnrolmentAsk))


@get("/", opt=describe("List devices", query=PageAsk, answer=DevicePage, problems=("forbidden",)))
async def list_all(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> DevicePage:
    """List the organisation's devices, oldest first, with when each was last seen."""
    require(actor, *READERS)
    page = read_query(request, PageAsk)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await list_devices(conn, actor.org_id, after=page.after, limit=page.limit + 1)
    items = tuple(found[: page.limit])
    return DevicePage(items=items, next=items[-1].device_id if len(found) > page.limit else None)


@get("/{device_id:uuid}", opt=describe("Show a device", answer=DeviceLine, problems=("forbidden", "unknown_device")))
async def show(
    device_id: FromPath[UUID], services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> DeviceLine:
    """Show one device."""
    require(actor, *READERS)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await list_devices(conn, actor.org_id, only=device_id, limit=1)
    if not found:
        raise ProblemError("unknown_device")
    return found[0]


@patch(
    "/{device_id:uuid}",
    status_code=204,
    opt=describe("Rename a device", body=DeviceNameAsk, status=204, problems=("forbidden", "unknown_device")),
)
async def rename(
    request: AnyRequest,
    device_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> None:
    """Rename a device."""
    require(actor, *ISSUERS)
    ask = await read_struct(request, DeviceNameAsk)
    await enrolment.rename_device(services, actor, device_id, ask.name)


@delete(
    "/{device_id:uuid}",
    status_code=204,
    opt=describe("Revoke a device", status=204, problems=("forbidden", "unknown_device")),
)
async def revoke(device_id: FromPath[UUID], services: NamedDependency[Services], actor: NamedDependency[Actor]) -> None:
    """Revoke a device: its scope ends at once; it may only hand in its queue and is told to wipe itself."""
    require(actor, *ISSUERS)
    if not await enrolment.revoke_devices(services, actor, [device_id]):
        raise ProblemError("unknown_device")


@post(
    "/enrol",
    status_code=201,
    opt=public(
        "Enrol a device",
        body=EnrolAsk,
        answer=EnrolAnswer,
        status=201,
        problems=("enrolment_invalid", "too_many_requests", "upgrade_required"),
        example={"code": "demo-7K2M-Q9XT-4FHA-P3ZW", "device_name": "Van 3", "app": "onsite-reference 0.1"},
    ),
)
async def enrol(request: AnyRequest, services: NamedDependency[Services]) -> EnrolAnswer:
    """Become a device with a one-time code; the device's token is shown this once."""
    services.flood.admit(address_of(request), now=services.clock())
    # Before the code is used up by an app that could not go on with it.
    require_contract(request)
    return await enrolment.enrol(services, await read_struct(request, EnrolAsk), address_of(request))


@post(
    "/sessions",
    status_code=200,
    opt=for_devices("Fetch or renew sessions", answer=SessionsAnswer, problems=("upgrade_required",)),
)
async def renew_sessions(
    request: AnyRequest, services: NamedDependency[Services], device: NamedDependency[Device]
) -> SessionsAnswer:
    """Give the sessions that the device may hold now and ahead; asking again gives the same ones."""
    require_contract(request)
    return await enrolment.renew_sessions(services, device)


router = Router("/api/v1/devices", route_handlers=[make_code, list_all, show, rename, revoke], tags=["devices"])
device_router = Router("/sync/v1", route_handlers=[enrol, renew_sessions], tags=["sync"])
