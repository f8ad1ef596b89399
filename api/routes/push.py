"""What devices hand in (commands, positions), and the inbox of what could not be applied. The work is `sync.push` and `sync.resolving`."""

import base64
import binascii
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
import structlog
from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType

from api.auth import require
from api.body import read_bytes, read_query, read_struct
from api.contract import require_contract
from api.describe import describe, for_devices
from api.problems import ProblemError
from api.record import record_of
from api.services import Services
from api.sightings import note_call
from jobs.context import Actor
from jobs.result import Refused
from mobile_contract import limits
from mobile_contract.schema.inbox import Entry, EntryPage, ResolveAnswer, ResolveAsk
from mobile_contract.schema.messages import CommandEnvelope, PositionsAnswer, PositionsAsk, PushAnswer, PushAsk
from mobile_contract.schema.people import Role
from sync import quarantine
from sync.devices import Device
from sync.execute import HandlerFault
from sync.positions import take_positions
from sync.push import Desk, Refusal, push
from sync.resolving import Decision, resolve
from sync.transaction import org_transaction

AnyRequest = Request[Any, Any, Any]
READERS: Final = (Role.DISPATCHER, Role.MANAGER, Role.ADMIN, Role.DEPUTY_GM, Role.DUTY_CHIEF, Role.AUDITOR)
_DEVICE_HEADERS: Final = {
    "Onsite-Contract": "The contract's version, such as `1.0`.",
    "Onsite-Unsent": "How many commands wait on the device.",
    "Onsite-App": "Name and version of the app.",
}
_PUSH_PROBLEMS: Final = (
    "upgrade_required", "body_too_large", "batch_too_large", "batch_unreadable", "sequence_hole", "device_forked", "quota_exceeded", "busy",
)  # fmt: skip

log = structlog.get_logger()


class InboxAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of the inbox: after the key `after`, at most `limit`; with `resolved` what has left it too."""

    after: Annotated[str, Meta(max_length=100)] = ""
    limit: Annotated[int, Meta(ge=1, le=quarantine.PAGE)] = 50
    resolved: bool = False


@post(
    "/push",
    status_code=200,
    opt=for_devices(
        "Hand in commands", body=PushAsk, answer=PushAnswer, problems=_PUSH_PROBLEMS, headers=_DEVICE_HEADERS
    ),
)
async def hand_in(
    request: AnyRequest, services: NamedDependency[Services], device: NamedDependency[Device]
) -> PushAnswer:
    """Hand in queued commands, consecutive by n; the answer may cover a prefix of them. A revoked device may still hand in its queue."""
    received_at = services.clock()
    require_contract(request)
    body = await read_bytes(request, limit=limits.PUSH_BODY_BYTES)
    note_call(request.headers, services, device)
    desk = Desk(
        pool=services.pool,
        keyring=services.keyring,
        durable_lag=_durable_lag(services),
        poke=services.poke,
        overruns=services.overruns,
    )
    answer = await push(desk, device, body, received_at=received_at, now=services.clock())
    if isinstance(answer, Refusal):
        retry = {} if answer.retry_after_s is None else {"Retry-After": str(answer.retry_after_s)}
        raise ProblemError(answer.code, about=answer.about, headers=retry)
    for status, count in Counter(outcome.status for outcome in answer.outcomes).items():
        services.metrics.commands.labels("push", status.value).inc(count)
    return answer


@post(
    "/positions",
    status_code=200,
    opt=for_devices(
        "Report positions", body=PositionsAsk, answer=PositionsAnswer, problems=("upgrade_required", "invalid")
    ),
)
async def report_positions(
    request: AnyRequest, services: NamedDependency[Services], device: NamedDependency[Device]
) -> PositionsAnswer:
    """Report where the session's person was: a batch that may be lost. The newest position counts."""
    now = services.clock()
    require_contract(request)
    ask = await read_struct(request, PositionsAsk, limit=limits.POSITIONS_BODY_BYTES)
    note_call(request.headers, services, device)
    return PositionsAnswer(taken=await take_positions(services.pool, device, ask, received_at=now, now=now))


@get("/", opt=describe("List the quarantine", query=InboxAsk, answer=EntryPage, problems=("forbidden", "invalid")))
async def list_inbox(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> EntryPage:
    """List commands that were put aside and wait for a person to decide, oldest first."""
    require(actor, *READERS)
    ask = read_query(request, InboxAsk)
    after = _read_key(ask.after) if ask.after else None
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await quarantine.list_entries(
            conn, actor.org_id, after=after, resolved=ask.resolved, limit=ask.limit + 1
        )
    shown = found[: ask.limit]
    return EntryPage(
        items=tuple(_shown(entry) for entry in shown),
        next=_key(shown[-1]) if len(found) > ask.limit else None,
    )


@post(
    "/{entry_id:uuid}/resolve",
    status_code=200,
    opt=describe(
        "End a quarantine",
        body=ResolveAsk,
        answer=ResolveAnswer,
        problems=(
            "forbidden",
            "not_found",
            "quarantine_resolved",
            "nothing_to_apply",
            "idempotency_key_missing",
            "id_reused",
        ),
        headers={"Idempotency-Key": "A UUID: the id of the command in its place."},
    ),
)
async def end_entry(
    request: AnyRequest,
    entry_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> ResolveAnswer:
    """Apply a command that was put aside, correct it, or discard it. It keeps its author and the time when it happened."""
    ask = await read_struct(request, ResolveAsk)
    command_id = _idempotency_key(request)
    record = record_of(request.scope)
    record.event, record.command_id = f"quarantine_{ask.kind.value}", command_id
    decision = Decision(
        command_id=command_id,
        kind=ask.kind,
        name=ask.name,
        args=b"" if ask.args is UNSET else bytes(ask.args),
    )
    try:
        done = await resolve(services.pool, actor, entry_id, decision, now=services.clock(), poke=services.poke)
    except HandlerFault as fault:
        log.error("handler_fault", entry_id=str(entry_id), exc_info=fault.__cause__ or fault)
        raise ProblemError("server_fault") from None
    if isinstance(done, Refused):
        raise ProblemError(done.code, about=done.detail)
    entry = _shown(done.entry)
    if done.answer is None:
        return ResolveAnswer(entry=entry)
    return ResolveAnswer(entry=entry, status=done.answer.status, code=done.answer.code, flags=done.answer.flags)


def _durable_lag(services: Services) -> timedelta | None:
    """Without a watermark of its own the device's 14 days stand, and nothing is said."""
    lag = timedelta(seconds=services.settings.durable_lag_s)
    return None if lag >= timedelta(days=limits.DURABLE_DAYS) else lag


def _idempotency_key(request: AnyRequest) -> UUID:
    try:
        return UUID(request.headers.get("idempotency-key", "").strip('"'))
    except ValueError:
        raise ProblemError("idempotency_key_missing") from None


def _shown(entry: quarantine.Entry) -> Entry:
    args: msgspec.Raw | UnsetType
    try:
        args = msgspec.json.decode(entry.raw, type=CommandEnvelope).args
    except (msgspec.MsgspecError, ValueError, RecursionError):
        args = UNSET
    return Entry(
        entry_id=entry.entry_id,
        name=entry.name,
        reason=entry.reason,
        received_at=entry.received_at,
        command_id=entry.command_id,
        person_id=entry.person_id,
        device_id=entry.device_id,
        n=entry.n,
        job_id=entry.job_id,
        occurred_at=entry.occurrence.at if entry.occurrence else None,
        detail=msgspec.json.decode(entry.detail, type=dict[str, str]) if entry.detail else {},
        args=args,
        resolution=entry.resolution,
        resolved_by=entry.resolved_by,
        resolved_at=entry.resolved_at,
    )


def _key(entry: quarantine.Entry) -> str:
    instant_us = (entry.received_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    raw = instant_us.to_bytes(8, "big", signed=True) + entry.entry_id.bytes
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read_key(key: str) -> tuple[datetime, UUID]:
    try:
        raw = base64.urlsafe_b64decode(key.encode("ascii") + b"=" * (-len(key) % 4))
        instant_us = int.from_bytes(raw[:8], "big", signed=True)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant_us), UUID(bytes=raw[8:])
    except (binascii.Error, UnicodeEncodeError, ValueError, OverflowError):
        raise ProblemError("invalid", "The key `after` is not one that a page gave.") from None


router = Router("/sync/v1", route_handlers=[hand_in, report_positions], tags=["sync"])
inbox_router = Router("/api/v1/quarantine", route_handlers=[list_inbox, end_entry], tags=["quarantine"])
