"""Routes of signing in and out and of passwords. The work is `api.sign_in`."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.di import NamedDependency

from api import sign_in
from api.auth import caller_of
from api.body import read_struct
from api.describe import describe, public
from api.record import record_of
from api.services import Services
from mobile_contract.schema.access import Caller, LoginAsk, PasswordAsk, PasswordResetAsk, RefreshAsk, Tokens

AnyRequest = Request[Any, Any, Any]


def address_of(request: AnyRequest) -> str:
    """Give the address a request comes from, as the server (and a trusted proxy before it) says."""
    return request.client.host if request.client else "unknown"


@post(
    "/login",
    status_code=200,
    opt=public(
        "Sign in by password",
        body=LoginAsk,
        answer=Tokens,
        problems=("login_failed", "person_inactive", "too_many_requests"),
    ),
)
async def login(request: AnyRequest, services: NamedDependency[Services]) -> Tokens:
    """Sign in by password."""
    services.flood.admit(address_of(request), now=services.clock())
    tokens = await sign_in.login(services, await read_struct(request, LoginAsk), address_of(request))
    _remember(request, tokens)
    return tokens


@post(
    "/refresh",
    status_code=200,
    opt=public(
        "Exchange a refresh token",
        body=RefreshAsk,
        answer=Tokens,
        problems=("unauthenticated", "token_reused", "person_inactive", "too_many_requests"),
    ),
)
async def refresh(request: AnyRequest, services: NamedDependency[Services]) -> Tokens:
    """Exchange a refresh token for new tokens."""
    services.flood.admit(address_of(request), now=services.clock())
    tokens = await sign_in.refresh(services, await read_struct(request, RefreshAsk))
    _remember(request, tokens)
    return tokens


@post("/logout", status_code=204, opt=describe("Sign out", status=204, password_stale_ok=True))
async def logout(request: AnyRequest, services: NamedDependency[Services]) -> None:
    """End the sign-in that the access token belongs to."""
    await sign_in.logout(services, caller_of(request))


@post(
    "/password",
    status_code=204,
    opt=describe(
        "Change one's own password",
        body=PasswordAsk,
        status=204,
        password_stale_ok=True,
        problems=("login_failed", "password_weak", "too_many_requests"),
    ),
)
async def change_password(request: AnyRequest, services: NamedDependency[Services]) -> None:
    """Change one's own password; every other sign-in of the person ends."""
    ask = await read_struct(request, PasswordAsk)
    await sign_in.change_password(services, caller_of(request), ask, address_of(request))


@post(
    "/password-reset",
    status_code=204,
    opt=public(
        "Set a password with a one-time token",
        body=PasswordResetAsk,
        status=204,
        problems=("reset_invalid", "password_weak", "too_many_requests"),
    ),
)
async def reset_password(request: AnyRequest, services: NamedDependency[Services]) -> None:
    """Set a new password with a one-time token from an administrator."""
    services.flood.admit(address_of(request), now=services.clock())
    await sign_in.reset_password(services, await read_struct(request, PasswordResetAsk))


@get("/me", opt=describe("Say who the caller is", answer=Caller, password_stale_ok=True))
async def me(request: AnyRequest) -> Caller:
    """Say who the caller is to the server."""
    caller = caller_of(request)
    return Caller(
        org_id=caller.actor.org_id,
        via=caller.actor.via,
        roles=tuple(sorted(caller.actor.roles)),
        person_id=caller.actor.person_id,
        scopes=tuple(sorted(caller.scopes)) if caller.scopes is not None else None,
    )


def _remember(request: AnyRequest, tokens: Tokens) -> None:
    record = record_of(request.scope)
    record.org_id, record.actor = tokens.org_id, f"person:{tokens.person_id}"


router = Router(
    "/api/v1/auth", route_handlers=[login, refresh, logout, change_password, reset_password, me], tags=["auth"]
)
