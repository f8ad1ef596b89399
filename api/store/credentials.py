"""SQL of credentials, reset tokens and the link to identity providers. Never sees a password, only its hash."""

from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

_COLUMNS = "c.person_id, c.login, c.password_hash, c.must_change, p.active"
_BY_LOGIN = f"""
select {_COLUMNS} from credential c join person p on p.org_id = c.org_id and p.id = c.person_id
where c.org_id = $1 and c.login = $2"""
_BY_PERSON = f"""
select {_COLUMNS} from credential c join person p on p.org_id = c.org_id and p.id = c.person_id
where c.org_id = $1 and c.person_id = $2"""

_FAILED = "update credential set failed_count = failed_count + 1, failed_at = $3 where org_id = $1 and person_id = $2"
_SUCCEEDED = "update credential set failed_count = 0 where org_id = $1 and person_id = $2 and failed_count > 0"

_SET = """
insert into credential (org_id, person_id, login, password_hash, must_change, changed_at) values ($1, $2, $3, $4, $5, $6)
on conflict (org_id, person_id) do update set login = excluded.login,
  password_hash = coalesce(excluded.password_hash, credential.password_hash),
  must_change = case when excluded.password_hash is null then credential.must_change else excluded.must_change end,
  failed_count = 0, changed_at = excluded.changed_at"""

_SET_PASSWORD = """
update credential set password_hash = $3, must_change = $4, failed_count = 0, changed_at = $5
where org_id = $1 and person_id = $2 returning login"""

_ADD_RESET = """
insert into reset_token (org_id, token_id, person_id, secret_hash, issued_by, issued_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)"""
# A new token ends the ones before it.
_END_RESETS = "update reset_token set used_at = $3 where org_id = $1 and person_id = $2 and used_at is null"
# The row is locked, so that of two uses at once one comes second and finds it used.
_RESET = """
select person_id, secret_hash, expires_at, used_at from reset_token where org_id = $1 and token_id = $2 for update"""

_SUBJECT = "select person_id from oidc_subject where org_id = $1 and issuer = $2 and subject = $3"
_LINK = """
insert into oidc_subject (org_id, issuer, subject, person_id, linked_at)
select $1, $2, $3, c.person_id, $5 from credential c join person p on p.org_id = c.org_id and p.id = c.person_id and p.active
where c.org_id = $1 and c.login = $4
on conflict (org_id, issuer, subject) do update set person_id = oidc_subject.person_id
returning person_id"""

_PERSON_EXISTS = "select exists (select from person where org_id = $1 and id = $2)"
_END_ACCESS = "update credential set password_hash = null, must_change = false, changed_at = $3 where org_id = $1 and person_id = $2"
_UNLINK = "delete from oidc_subject where org_id = $1 and person_id = $2"


class Credential(Struct, frozen=True):
    """A person's login. `password_hash` is None for who signs in by OIDC only."""

    person_id: UUID
    login: str
    password_hash: str | None
    must_change: bool
    active: bool


class Reset(Struct, frozen=True):
    """A reset token as stored."""

    person_id: UUID
    secret_hash: bytes
    expires_at: datetime
    used_at: datetime | None


async def org_of_slug(pool: asyncpg.Pool, slug: str) -> UUID | None:
    """Find the organisation of a slug; None where there is none. The one question asked before an organisation is known."""
    org_id: UUID | None = await pool.fetchval("select onsite_org_of($1)", slug)
    return org_id


async def by_login(conn: asyncpg.Connection, org_id: UUID, login: str) -> Credential | None:
    """Find a credential by its normalised login."""
    row = await conn.fetchrow(_BY_LOGIN, org_id, login)
    return Credential(**dict(row)) if row else None


async def by_person(conn: asyncpg.Connection, org_id: UUID, person_id: UUID) -> Credential | None:
    """Find a person's credential."""
    row = await conn.fetchrow(_BY_PERSON, org_id, person_id)
    return Credential(**dict(row)) if row else None


async def count_failure(conn: asyncpg.Connection, org_id: UUID, person_id: UUID, *, now: datetime) -> None:
    """Count a wrong password, for the administrator to see."""
    await conn.execute(_FAILED, org_id, person_id, now)


async def count_success(conn: asyncpg.Connection, org_id: UUID, person_id: UUID) -> None:
    """Forget wrong passwords after a right one."""
    await conn.execute(_SUCCEEDED, org_id, person_id)


async def person_exists(conn: asyncpg.Connection, org_id: UUID, person_id: UUID) -> bool:
    """Tell whether there is such a person."""
    return bool(await conn.fetchval(_PERSON_EXISTS, org_id, person_id))


class NewCredential(Struct, frozen=True, kw_only=True):
    """A login to give to a person; no hash keeps the password that is there."""

    person_id: UUID
    login: str
    password_hash: str | None
    must_change: bool


async def set_credential(conn: asyncpg.Connection, org_id: UUID, new: NewCredential, *, now: datetime) -> None:
    """Give a person a login, or change it. Raises asyncpg.UniqueViolationError when somebody else has the login."""
    await conn.execute(_SET, org_id, new.person_id, new.login, new.password_hash, new.must_change, now)


async def set_password(
    conn: asyncpg.Connection, org_id: UUID, person_id: UUID, password_hash: str, *, must_change: bool, now: datetime
) -> str | None:
    """Replace a person's password and give the login; None when the person has none."""
    login: str | None = await conn.fetchval(_SET_PASSWORD, org_id, person_id, password_hash, must_change, now)
    return login


async def end_access(conn: asyncpg.Connection, org_id: UUID, person_id: UUID, *, now: datetime) -> None:
    """Take a person's password, resets and links away; the login stays reserved."""
    await conn.execute(_END_ACCESS, org_id, person_id, now)
    await conn.execute(_END_RESETS, org_id, person_id, now)
    await conn.execute(_UNLINK, org_id, person_id)


class NewReset(Struct, frozen=True, kw_only=True):
    """A reset token to be stored."""

    token_id: UUID
    person_id: UUID
    secret_hash: bytes
    issued_by: UUID | None
    expires_at: datetime


async def add_reset(conn: asyncpg.Connection, org_id: UUID, new: NewReset, *, now: datetime) -> None:
    """Store a reset token; earlier ones of the person end."""
    await conn.execute(_END_RESETS, org_id, new.person_id, now)
    await conn.execute(
        _ADD_RESET, org_id, new.token_id, new.person_id, new.secret_hash, new.issued_by, now, new.expires_at
    )


async def lock_reset(conn: asyncpg.Connection, org_id: UUID, token_id: UUID) -> Reset | None:
    """Find a reset token and lock it until the transaction ends."""
    row = await conn.fetchrow(_RESET, org_id, token_id)
    return Reset(**dict(row)) if row else None


async def end_resets(conn: asyncpg.Connection, org_id: UUID, person_id: UUID, *, now: datetime) -> None:
    """End all reset tokens of a person."""
    await conn.execute(_END_RESETS, org_id, person_id, now)


async def person_of_subject(conn: asyncpg.Connection, org_id: UUID, issuer: str, subject: str) -> UUID | None:
    """Find the person that a subject of an identity provider was linked to."""
    person_id: UUID | None = await conn.fetchval(_SUBJECT, org_id, issuer, subject)
    return person_id


class Link(Struct, frozen=True, kw_only=True):
    """A subject of an identity provider and the login (its verified e-mail) it may be linked by."""

    issuer: str
    subject: str
    login: str


async def link_subject(conn: asyncpg.Connection, org_id: UUID, link: Link, *, now: datetime) -> UUID | None:
    """Link a subject to the active person who has the login; None where nobody has it."""
    person_id: UUID | None = await conn.fetchval(_LINK, org_id, link.issuer, link.subject, link.login, now)
    return person_id
