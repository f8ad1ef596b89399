"""Routes of logins and API keys, for administrators. People themselves are changed by commands, never here."""

from typing import Any, Final
from uuid import UUID

import asyncpg
from litestar import Request, Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath
from uuid_utils.compat import uuid7

from api import sign_in
from api.auth import OPEN311_SCOPE, POSITIONS_SCOPE, READ_SCOPE, require
from api.body import read_query, read_struct
from api.describe import describe
from api.passwords import normal_login, refuse_weak
from api.problems import ProblemError
from api.routes.devices import PageAsk
from api.services import Services
from api.store import api_keys, credentials, sign_ins
from jobs.context import Actor
from mobile_contract.registry import COMMANDS
from mobile_contract.schema.access import ApiKeyAsk, ApiKeyMade, CredentialAsk, ResetToken
from mobile_contract.schema.answer import ApiKeyPage
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.people import Role
from mobile_contract.schema.problem import FieldError
from sync.tokens import TokenKind, mint_token
from sync.transaction import org_transaction

AnyRequest = Request[Any, Any, Any]
KEY_SCOPES: Final = frozenset(
    {
        READ_SCOPE,
        POSITIONS_SCOPE,
        OPEN311_SCOPE,
        *(name for name, line in COMMANDS.items() if Role.INTEGRATION in line.office),
    }
)


@put(
    "/persons/{person_id:uuid}/credential",
    status_code=204,
    opt=describe(
        "Give a person a login",
        body=CredentialAsk,
        status=204,
        problems=("forbidden", "unknown_person", "login_taken", "password_weak"),
    ),
)
async def set_credential(
    request: AnyRequest,
    person_id: FromPath[UUID],
    services: NamedDependency[Services],
    actor: NamedDependency[Actor],
) -> None:
    """Give a person a login, or change it. A password given here must be changed at the first sign-in."""
    require(actor, Role.ADMIN)
    ask = await read_struct(request, CredentialAsk)
    login = normal_login(ask.login)
    if not login:
        raise ProblemError("invalid", errors=(FieldError(field="$.login", message="empty"),))
    if ask.password is not None:
        refuse_weak(ask.password, login)
    new = credentials.NewCredential(
        person_id=person_id,
        login=login,
        password_hash=await services.passwords.hash(ask.password) if ask.password is not None else None,
        must_change=ask.password is not None,
    )
    now = services.clock()
    try:
        async with org_transaction(services.pool, actor.org_id) as conn:
            if not await credentials.person_exists(conn, actor.org_id, person_id):
                raise ProblemError("unknown_person")
            await credentials.set_credential(conn, actor.org_id, new, now=now)
            if new.password_hash is not None:
                await sign_ins.revoke_person(conn, actor.org_id, person_id, because="password_changed", now=now)
    except asyncpg.UniqueViolationError:
        raise ProblemError("login_taken") from None


@post(
    "/persons/{person_id:uuid}/password-reset",
    status_code=201,
    opt=describe(
        "Make a password reset token", answer=ResetToken, status=201, problems=("forbidden", "unknown_person")
    ),
)
async def make_reset(
    person_id: FromPath[UUID], services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> ResetToken:
    """Make a one-time token with which the person sets a new password; hand it over in person."""
    require(actor, Role.ADMIN)
    return await sign_in.make_reset(services.pool, actor.org_id, person_id, by=actor.person_id, now=services.clock())


@post(
    "/api-keys",
    status_code=201,
    opt=describe(
        "Make an API key",
        body=ApiKeyAsk,
        answer=ApiKeyMade,
        status=201,
        problems=("forbidden",),
        example={"name": "customer service", "scopes": ["read", "register_request"]},
    ),
)
async def make_key(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> ApiKeyMade:
    """Make a key for another system; it may send the commands it names, and read with `read`."""
    require(actor, Role.ADMIN)
    ask = await read_struct(request, ApiKeyAsk)
    of_service = OPEN311_SCOPE + ":"
    foreign = sorted(scope for scope in set(ask.scopes) - KEY_SCOPES if not scope.startswith(of_service))
    if foreign:
        raise ProblemError(
            "invalid",
            LocalText(en="No integration may send this command.", zh="外部系统不能发送此命令。"),
            errors=(FieldError(field="$.scopes", message=f"Invalid value {foreign[0]!r}"),),
        )
    token = mint_token(TokenKind.API_KEY, actor.org_id, uuid7())
    new = api_keys.NewKey(
        key_id=token.id,
        name=ask.name,
        secret_hash=token.secret_hash,
        scopes=tuple(sorted(set(ask.scopes))),
        made_by=actor.person_id,
        expires_at=ask.expires_at,
    )
    async with org_transaction(services.pool, actor.org_id) as conn:
        await api_keys.add(conn, actor.org_id, new, now=services.clock())
    return ApiKeyMade(key_id=token.id, api_key=token.text)


@get("/api-keys", opt=describe("List API keys", query=PageAsk, answer=ApiKeyPage, problems=("forbidden",)))
async def list_keys(
    request: AnyRequest, services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> ApiKeyPage:
    """List the organisation's API keys, oldest first; the keys themselves are never shown again."""
    require(actor, Role.ADMIN, Role.AUDITOR)
    page = read_query(request, PageAsk)
    async with org_transaction(services.pool, actor.org_id) as conn:
        found = await api_keys.list_keys(conn, actor.org_id, after=page.after, limit=page.limit + 1)
    items = tuple(found[: page.limit])
    return ApiKeyPage(items=items, next=items[-1].key_id if len(found) > page.limit else None)


@delete(
    "/api-keys/{key_id:uuid}",
    status_code=204,
    opt=describe("Revoke an API key", status=204, problems=("forbidden", "unknown_key")),
)
async def revoke_key(
    key_id: FromPath[UUID], services: NamedDependency[Services], actor: NamedDependency[Actor]
) -> None:
    """Revoke an API key; it is refused from the next request on."""
    require(actor, Role.ADMIN)
    async with org_transaction(services.pool, actor.org_id) as conn:
        if not await api_keys.revoke(conn, actor.org_id, key_id, now=services.clock()):
            raise ProblemError("unknown_key")


router = Router(
    "/api/v1", route_handlers=[set_credential, make_reset, make_key, list_keys, revoke_key], tags=["people and access"]
)
