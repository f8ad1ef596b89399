"""Who is calling: proves bearer tokens and hands routes an Actor or a Device. Never decides about commands; `may` does.

One guard stands before every route, so that a route is closed unless it says otherwise. What a person may be is asked of
the database for each request; nothing about rights is believed from a token.
"""

import base64
import binascii
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from msgspec import Struct

from api.access_tokens import is_access_token, read_access_token
from api.describe import Access, Operation, operation_of
from api.oidc import Oidc
from api.passwords import normal_login
from api.problems import UNREADABLE, ProblemError
from api.record import record_of
from api.services import Services
from api.store import api_keys, credentials, sign_ins
from jobs.context import Actor, Via
from mobile_contract.schema.people import Role
from sync.devices import Device, recognise
from sync.reading import Holder
from sync.tokens import TokenKind, read_token
from sync.transaction import org_transaction

READ_SCOPE: Final = "read"
# Where crews are is more than an integration needs that reads lists.
POSITIONS_SCOPE: Final = "positions"
OPEN311_SCOPE: Final = "open311"
_CALLER: Final = "onsite_caller"
_DEVICE: Final = "onsite_device"
_HEADER_CHARS_MAX: Final = 10_000
# A device's token and session, each as long as it is.
_DEVICE_HEADER_CHARS_MAX: Final = 400
_NO_SESSION: Final = UUID(int=0)
_READING: Final = frozenset({"GET", "HEAD"})

Connection = ASGIConnection[Any, Any, Any, Any]


class Caller(Struct, frozen=True):
    """A proven caller. `scopes` bound an API key (None: a person); `sign_in_id` is None for a key or a token of an identity provider."""

    actor: Actor
    scopes: frozenset[str] | None = None
    key_id: UUID | None = None
    sign_in_id: UUID | None = None
    must_change: bool = False


async def authenticate(connection: Connection, handler: BaseRouteHandler) -> None:
    """Prove the caller before a route runs: the one guard of the application. Raises ProblemError (401, 403)."""
    operation = operation_of(handler.opt)
    if operation.access is Access.PUBLIC:
        return
    services: Services = connection.app.state.services
    if operation.key_in_form and not _plain_key(connection) and "authorization" not in connection.headers:
        return
    text = (_plain_key(connection) if operation.plain_key else "") or _bearer(connection)
    if operation.access is Access.DEVICE:
        record = record_of(connection.scope)
        if operation.proves:
            return
        device = await recognise(services.pool, text, _session_id(connection))
        if device is None:
            raise ProblemError("unauthenticated")
        record.org_id, record.actor = device.org_id, f"device:{device.id}"
        connection.scope["state"][_DEVICE] = device
        return
    await _enter(connection, operation, text)


async def prove_key_in_form(connection: Connection, handler: BaseRouteHandler, key: str) -> None:
    """Prove the caller of a route whose form brings an API key, unless the guard has. Raises ProblemError (401, 403)."""
    if _CALLER in connection.scope["state"]:
        return
    if not key.startswith(TokenKind.API_KEY):
        raise ProblemError("unauthenticated")
    await _enter(connection, operation_of(handler.opt), key)


async def _enter(connection: Connection, operation: Operation, text: str) -> None:
    record = record_of(connection.scope)
    caller = await prove(connection.app.state.services, text, connection.headers.get("onsite-org"))
    record.org_id = caller.actor.org_id
    record.actor = f"person:{caller.actor.person_id}" if caller.key_id is None else f"key:{caller.key_id}"
    _admit(caller, operation, record.method)
    connection.scope["state"][_CALLER] = caller


async def prove(services: Services, text: str, org_slug: str | None) -> Caller:
    """Prove a bearer token of a person or an integration. Raises ProblemError (401, 403)."""
    if text.startswith(TokenKind.API_KEY):
        return await _prove_key(services, text)
    header = _jwt_header(text)
    if header is None:
        raise ProblemError("unauthenticated")
    if is_access_token(services.keyring, header):
        claims = read_access_token(services.keyring, text, header["kid"], now=services.clock())
        return await _caller_of(services, claims.org, claims.sub, claims.sid)
    if services.oidc is not None:
        return await _prove_oidc(services, services.oidc, text, org_slug)
    raise ProblemError("unauthenticated")


def caller_of(connection: Connection) -> Caller:
    """Give the proven caller of a person's route. Raises KeyError on any other route."""
    caller: Caller = connection.scope["state"][_CALLER]
    return caller


def provide_actor(request: Connection) -> Actor:
    """Give routes their `actor`."""
    return caller_of(request).actor


def provide_device(request: Connection) -> Device:
    """Give device routes their `device`."""
    device: Device = request.scope["state"][_DEVICE]
    return device


def holder_named(connection: Connection) -> Holder:
    """Give the holder that a device's call names, for the statement that proves it. Raises ProblemError (401) where none can be meant."""
    headers = connection.headers
    holder = holder_of(headers.get("authorization", ""), headers.get("onsite-session", ""))
    if holder is None:
        raise ProblemError("unauthenticated")
    return holder


def holder_of(authorization: str, session: str) -> Holder | None:
    """Give the holder that the headers of a device's call name; None where none can be meant."""
    if len(authorization) + len(session) > _DEVICE_HEADER_CHARS_MAX:
        return None
    return _holder_of(authorization, session)


# A phone says the same with each call, and taking it apart takes as long as its cursor does.
@lru_cache(maxsize=4_096)
def _holder_of(authorization: str, session: str) -> Holder | None:
    token = read_token(_bearer_in(authorization) or "", TokenKind.DEVICE)
    if token is None:
        return None
    # What is no session at all is none of this device's.
    session_id = None if not session else _uuid(session) or _NO_SESSION
    return Holder(token.org_id, token.id, secret_hash=token.secret_hash, session_id=session_id)


async def prove_device(connection: Connection) -> None:
    """Prove the device of a call that is refused before its statement: a stranger is told that he is one, and nothing else. Raises ProblemError (401)."""
    services: Services = connection.app.state.services
    if await recognise(services.pool, _bearer(connection)) is None:
        raise ProblemError("unauthenticated")


def proven(connection: Connection, holder: Holder) -> None:
    """Note in the record whose call it was, once the statement has proven it."""
    record = record_of(connection.scope)
    record.org_id, record.actor = holder.org_id, f"device:{holder.device_id}"


def require(actor: Actor, *roles: Role) -> None:
    """Refuse an actor that has none of the roles. Raises ProblemError (forbidden)."""
    if not actor.roles & frozenset(roles):
        raise ProblemError("forbidden")


def _admit(caller: Caller, operation: Operation, method: str) -> None:
    if caller.must_change and not operation.password_stale_ok:
        raise ProblemError("password_must_change")
    if caller.scopes is None or operation.keys_ok:
        return
    # A key reads with the scope `read`; some routes ask for scopes of their own; all else is for people.
    own = operation.scopes != (READ_SCOPE,)
    if not any(_has(caller.scopes, scope) for scope in operation.scopes) or (method not in _READING and not own):
        raise ProblemError("forbidden")


def _has(held: frozenset[str], scope: str) -> bool:
    """Tell whether a scope is held; one that ends with a colon stands for all that begin so."""
    return any(each.startswith(scope) for each in held) if scope.endswith(":") else scope in held


async def _prove_key(services: Services, text: str) -> Caller:
    token = read_token(text, TokenKind.API_KEY)
    if token is None:
        raise ProblemError("unauthenticated")
    key = await api_keys.find(services.pool, token.org_id, token.id, now=services.clock())
    if not token.matches(key.secret_hash if key else None) or key is None:
        raise ProblemError("unauthenticated")
    actor = Actor(org_id=token.org_id, roles=frozenset({Role.INTEGRATION}), via=Via.INTEGRATION)
    return Caller(actor, scopes=key.scopes, key_id=token.id)


async def _prove_oidc(services: Services, oidc: Oidc, text: str, org_slug: str | None) -> Caller:
    now = services.clock()
    header = _jwt_header(text) or {}
    subject = await oidc.prove(text, header, now=now)
    org_id = await credentials.org_of_slug(services.pool, org_slug or "")
    if org_id is None:
        raise ProblemError("unauthenticated", "Name the organisation in the header Onsite-Org.")
    async with org_transaction(services.pool, org_id) as conn:
        person_id = await credentials.person_of_subject(conn, org_id, subject.issuer, subject.subject)
        if person_id is None and subject.email:
            link = credentials.Link(issuer=subject.issuer, subject=subject.subject, login=normal_login(subject.email))
            person_id = await credentials.link_subject(conn, org_id, link, now=now)
    if person_id is None:
        raise ProblemError("unauthenticated")
    return await _caller_of(services, org_id, person_id, None)


async def _caller_of(services: Services, org_id: UUID, person_id: UUID, sign_in_id: UUID | None) -> Caller:
    row = await sign_ins.caller(services.pool, org_id, person_id, sign_in_id, now=services.clock())
    if row is None or (sign_in_id is not None and not row.signed_in):
        raise ProblemError("unauthenticated")
    if not row.active:
        raise ProblemError("person_inactive")
    actor = Actor(org_id=org_id, person_id=person_id, roles=frozenset(Role(role) for role in row.roles))
    return Caller(actor, sign_in_id=sign_in_id, must_change=row.must_change and sign_in_id is not None)


def _bearer(connection: Connection) -> str:
    text = _bearer_in(connection.headers.get("authorization", ""))
    if text is None:
        raise ProblemError("unauthenticated")
    return text


def _bearer_in(authorization: str) -> str | None:
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer" or not text or len(text) > _HEADER_CHARS_MAX or not text.isascii():
        return None
    return text.strip()


def _plain_key(connection: Connection) -> str:
    """Give an API key that came as a Basic password or as the parameter `api_key`; empty for anything else."""
    scheme, _, text = connection.headers.get("authorization", "").partition(" ")
    if not scheme:
        key = connection.query_params.get("api_key", "")
    elif scheme.lower() == "basic" and len(text) <= _HEADER_CHARS_MAX:
        try:
            key = base64.b64decode(text, validate=True).decode("ascii").partition(":")[2]
        except ValueError:
            return ""
    else:
        return ""
    return key if key.startswith(TokenKind.API_KEY) else ""


def _session_id(connection: Connection) -> UUID | None:
    return _uuid(connection.headers.get("onsite-session", ""))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _jwt_header(text: str) -> dict[str, Any] | None:
    head, dots, _ = text.partition(".")
    try:
        raw = base64.b64decode(head + "=" * (-len(head) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=dict[str, Any]) if dots else None
    except (binascii.Error, *UNREADABLE):
        return None
