"""Signing in by password, and everything that follows from it: refreshing, signing out, changing and resetting a password.

Never tells an unknown login from a wrong password, in words or in time. Tokens are shown once and stored as hashes.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog
from uuid_utils.compat import uuid7

from api.access_tokens import LIFETIME, make_access_token
from api.auth import Caller
from api.flood import too_many
from api.passwords import normal_login, refuse_weak
from api.problems import ProblemError
from api.services import Services
from api.store import credentials, sign_ins, throttle
from api.store.throttle import Rate
from mobile_contract.schema.access import (
    LoginAsk,
    PasswordAsk,
    PasswordResetAsk,
    RefreshAsk,
    ResetToken,
    Tokens,
)
from sync.tokens import TokenKind, mint_token, read_token
from sync.transaction import org_transaction

SIGN_IN_LIFETIME: Final = timedelta(days=30)
RESET_LIFETIME: Final = timedelta(days=2)
# Per login and address: a person who forgets. Per login: somebody who guesses from many addresses; where the person has signed in before,
# that limit does not count, or guessing would be a way to lock somebody out.
LOGIN_HERE: Final = Rate("login", 10, timedelta(seconds=30))
LOGIN_ANYWHERE: Final = Rate("login anywhere", 60, timedelta(seconds=20))
LOGIN_KNOWN: Final = Rate("login known", 1, timedelta(days=30))
REFRESH: Final = Rate("refresh", 30, timedelta(seconds=5))
RESET: Final = Rate("reset", 10, timedelta(seconds=30))

log = structlog.get_logger()


async def login(services: Services, ask: LoginAsk, address: str) -> Tokens:
    """Sign in by password. Raises ProblemError (login_failed, person_inactive, too_many_requests)."""
    now = services.clock()
    name = normal_login(ask.login)
    org_id = await credentials.org_of_slug(services.pool, ask.org)
    if org_id is None:
        await services.passwords.check(None, ask.password)
        raise ProblemError("login_failed")
    known_here = LOGIN_KNOWN.key(name, address)
    async with org_transaction(services.pool, org_id) as conn:
        usual = await throttle.is_marked(conn, org_id, known_here, now=now)
    anywhere = () if usual else ((LOGIN_ANYWHERE, LOGIN_ANYWHERE.key(name)),)
    await _throttle(services, org_id, (LOGIN_HERE, LOGIN_HERE.key(name, address)), *anywhere)
    async with org_transaction(services.pool, org_id) as conn:
        known = await credentials.by_login(conn, org_id, name)
    good = await services.passwords.check(known.password_hash if known else None, ask.password)
    if known is None or not good:
        if known is not None:
            async with org_transaction(services.pool, org_id) as conn:
                await credentials.count_failure(conn, org_id, known.person_id, now=now)
        raise ProblemError("login_failed")
    if not known.active:
        raise ProblemError("person_inactive")
    outdated = known.password_hash is not None and services.passwords.is_outdated(known.password_hash)
    new_hash = await services.passwords.hash(ask.password) if outdated else None
    async with org_transaction(services.pool, org_id) as conn:
        if new_hash is not None:
            await credentials.set_password(
                conn, org_id, known.person_id, new_hash, must_change=known.must_change, now=now
            )
        await credentials.count_success(conn, org_id, known.person_id)
        await throttle.forget(conn, org_id, LOGIN_HERE.key(name, address))
        await throttle.mark(conn, org_id, known_here, until=now + LOGIN_KNOWN.every)
        sign_in = sign_ins.NewSignIn(sign_in_id=uuid7(), person_id=known.person_id, expires_at=now + SIGN_IN_LIFETIME)
        await sign_ins.start(conn, org_id, sign_in, now=now)
        refresh_text = await _add_refresh(conn, org_id, sign_in.sign_in_id, now=now)
    return _tokens(services, org_id, sign_in, refresh_text, must_change=known.must_change)


async def refresh(services: Services, ask: RefreshAsk) -> Tokens:
    """Exchange a refresh token; using one twice ends the whole sign-in. Raises ProblemError (unauthenticated, token_reused, …)."""
    now = services.clock()
    token = read_token(ask.refresh_token, TokenKind.REFRESH)
    if token is None:
        raise ProblemError("unauthenticated")
    await _throttle(services, token.org_id, (REFRESH, REFRESH.key(str(token.id))))
    async with org_transaction(services.pool, token.org_id) as conn:
        known = await sign_ins.lock_refresh(conn, token.org_id, token.id)
        if not token.matches(known.secret_hash if known else None) or known is None:
            raise ProblemError("unauthenticated")
        sign_in = sign_ins.NewSignIn(
            sign_in_id=known.sign_in_id, person_id=known.person_id, expires_at=known.expires_at
        )
        reused = known.used_at is not None
        if reused:
            # Either the thief or the owner is second; nobody can tell which, so both sign in again.
            await sign_ins.revoke(conn, token.org_id, known.sign_in_id, because="token_reused", now=now)
        elif known.revoked_at is not None or known.expires_at <= now:
            raise ProblemError("unauthenticated")
        elif not known.active:
            raise ProblemError("person_inactive")
        else:
            await sign_ins.use_refresh(conn, token.org_id, token.id, now=now)
            text = await _add_refresh(conn, token.org_id, known.sign_in_id, now=now)
    if reused:
        log.warning("refresh_token_reused", org=str(token.org_id), actor=f"person:{known.person_id}")
        raise ProblemError("token_reused")
    return _tokens(services, token.org_id, sign_in, text, must_change=known.must_change)


async def logout(services: Services, caller: Caller) -> None:
    """End the caller's sign-in; a key or a token of an identity provider has none to end."""
    if caller.sign_in_id is None:
        return
    async with org_transaction(services.pool, caller.actor.org_id) as conn:
        await sign_ins.revoke(conn, caller.actor.org_id, caller.sign_in_id, because="logout", now=services.clock())


async def change_password(services: Services, caller: Caller, ask: PasswordAsk, address: str) -> None:
    """Change the caller's own password and end the person's other sign-ins. Raises ProblemError (login_failed, password_weak)."""
    org_id, person_id, now = caller.actor.org_id, caller.actor.person_id, services.clock()
    if person_id is None:
        raise ProblemError("forbidden")
    async with org_transaction(services.pool, org_id) as conn:
        known = await credentials.by_person(conn, org_id, person_id)
    if known is None:
        raise ProblemError("login_failed")
    await _throttle(services, org_id, (LOGIN_HERE, LOGIN_HERE.key(known.login, address)))
    if not await services.passwords.check(known.password_hash, ask.current):
        raise ProblemError("login_failed")
    refuse_weak(ask.new, known.login)
    new_hash = await services.passwords.hash(ask.new)
    async with org_transaction(services.pool, org_id) as conn:
        await credentials.set_password(conn, org_id, person_id, new_hash, must_change=False, now=now)
        await sign_ins.revoke_person(
            conn, org_id, person_id, because="password_changed", now=now, but=caller.sign_in_id
        )
        await throttle.forget(conn, org_id, LOGIN_HERE.key(known.login, address))


async def make_reset(
    pool: asyncpg.Pool, org_id: UUID, person_id: UUID, *, by: UUID | None, now: datetime
) -> ResetToken:
    """Make a one-time token with which a person sets a password; earlier ones end. Raises ProblemError (unknown_person)."""
    token = mint_token(TokenKind.PASSWORD_RESET, org_id, uuid7())
    expires_at = now + RESET_LIFETIME
    async with org_transaction(pool, org_id) as conn:
        if await credentials.by_person(conn, org_id, person_id) is None:
            raise ProblemError("unknown_person", "The person has no login yet.")
        new = credentials.NewReset(
            token_id=token.id, person_id=person_id, secret_hash=token.secret_hash, issued_by=by, expires_at=expires_at
        )
        await credentials.add_reset(conn, org_id, new, now=now)
    return ResetToken(reset_token=token.text, expires_at=expires_at)


async def reset_password(services: Services, ask: PasswordResetAsk) -> None:
    """Set a password with a one-time token and end all sign-ins of the person. Raises ProblemError (reset_invalid, password_weak)."""
    now = services.clock()
    token = read_token(ask.reset_token, TokenKind.PASSWORD_RESET)
    if token is None:
        raise ProblemError("reset_invalid")
    await _throttle(services, token.org_id, (RESET, RESET.key(str(token.id))))
    new_hash = await services.passwords.hash(ask.new)
    async with org_transaction(services.pool, token.org_id) as conn:
        known = await credentials.lock_reset(conn, token.org_id, token.id)
        if not token.matches(known.secret_hash if known else None) or known is None:
            raise ProblemError("reset_invalid")
        if known.used_at is not None or known.expires_at <= now:
            raise ProblemError("reset_invalid")
        person = await credentials.by_person(conn, token.org_id, known.person_id)
        if person is None or not person.active:
            raise ProblemError("reset_invalid")
        refuse_weak(ask.new, person.login)
        await credentials.set_password(conn, token.org_id, known.person_id, new_hash, must_change=False, now=now)
        await credentials.end_resets(conn, token.org_id, known.person_id, now=now)
        await sign_ins.revoke_person(conn, token.org_id, known.person_id, because="password_changed", now=now)


async def _throttle(services: Services, org_id: UUID, *limits: tuple[Rate, bytes]) -> None:
    # A transaction of its own: an attempt counts whatever becomes of it. The first limit that refuses is the last that is asked: what one
    # address is refused must not use up what all addresses have.
    wait = None
    async with org_transaction(services.pool, org_id) as conn:
        for rate, key in limits:
            wait = await throttle.take(conn, org_id, rate, key, now=services.clock())
            if wait is not None:
                break
    if wait is not None:
        raise too_many(wait)


async def _add_refresh(conn: asyncpg.Connection, org_id: UUID, sign_in_id: UUID, *, now: datetime) -> str:
    token = mint_token(TokenKind.REFRESH, org_id, uuid7())
    await sign_ins.add_refresh(conn, org_id, sign_in_id, token_id=token.id, secret_hash=token.secret_hash, now=now)
    return token.text


def _tokens(
    services: Services, org_id: UUID, sign_in: sign_ins.NewSignIn, refresh_token: str, *, must_change: bool
) -> Tokens:
    access_token = make_access_token(
        services.keyring,
        org_id=org_id,
        person_id=sign_in.person_id,
        sign_in_id=sign_in.sign_in_id,
        now=services.clock(),
    )
    return Tokens(
        access_token=access_token,
        expires_in_s=int(LIFETIME.total_seconds()),
        refresh_token=refresh_token,
        org_id=org_id,
        person_id=sign_in.person_id,
        must_change_password=must_change,
    )
