"""Devices: enrolling, recognising, listing, revoking. Owns the SQL of `sync_device`; never judges what a device sends."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.context import Actor, Via
from jobs.projection import Projected
from mobile_contract.schema.access import DeviceLine
from mobile_contract.schema.outcome import DeviceState
from mobile_contract.schema.people import FIELD_ROLES, Role
from sync.tokens import Token, TokenKind, mint_token, read_token

_RECOGNISE = """
select name, person_id, crew_id, secret_hash, revoked_at, session_person_id, session_from_at, session_to_at, session_roles,
  session_active from onsite_device($1, $2, $3)"""

_ENROL = """
insert into sync_device (org_id, device_id, name, person_id, crew_id, secret_hash, enrolled_at) values ($1, $2, $3, $4, $5, $6, $7)"""

_SEEN = """
insert into sync_device_seen (org_id, device_id, seen_at, app) values ($1, $2, $3, $4)
on conflict (org_id, device_id) do update set seen_at = excluded.seen_at, app = excluded.app"""

_LIST = """
select d.device_id, d.name, d.enrolled_at, d.person_id, d.crew_id, d.revoked_at, s.seen_at, s.pulled_at,
  coalesce(s.unsent, 0) unsent, coalesce(s.app, '') app
from sync_device d left join sync_device_seen s on s.org_id = d.org_id and s.device_id = d.device_id
where d.org_id = $1 and ($2::uuid is null or d.device_id > $2) and ($3::uuid is null or d.device_id = $3)
order by d.device_id limit $4"""

_RENAME = "update sync_device set name = $3 where org_id = $1 and device_id = $2 returning revoked_at is not null"

# The first revocation stands: a second one must not move its time.
_REVOKE = """
update sync_device set revoked_at = coalesce(revoked_at, $3), revoked_by = case when revoked_at is null then $4 else revoked_by end
where org_id = $1 and device_id = any($2) returning device_id, name"""

# Nobody wakes it any more, and where it is reached is a secret of its push service.
_FORGET_WAY = "delete from device_waking where org_id = $1 and device_id = any($2)"

_STATES = (
    "select device_id, name, revoked_at from sync_device where org_id = $1 and device_id = any($2) order by device_id"
)

_OF_PERSON = "select device_id from sync_device where org_id = $1 and person_id = $2 and revoked_at is null order by device_id limit 1000"


class Session(Struct, frozen=True):
    """The session that a call names: whose commands these are. `active` and `roles` are the person's as they are now."""

    id: UUID
    person_id: UUID
    from_at: datetime
    to_at: datetime
    roles: frozenset[Role]
    active: bool


class Device(Struct, frozen=True):
    """A recognised device. `session` is None when the call names none, or one that was not issued to this device."""

    org_id: UUID
    id: UUID
    name: str
    person_id: UUID | None
    crew_id: UUID | None
    revoked: bool
    session: Session | None

    @property
    def actor(self) -> Actor:
        """Give the actor of a call: the session's person on this device; without a session nobody, who may do nothing."""
        if self.session is None:
            return Actor(org_id=self.org_id, device_id=self.id, via=Via.DEVICE, active=False)
        return Actor(
            org_id=self.org_id,
            person_id=self.session.person_id,
            roles=roles_on(self.session.roles, shared=self.person_id is None),
            device_id=self.id,
            session_id=self.session.id,
            via=Via.DEVICE,
            active=self.session.active and not self.revoked,
        )


def roles_on(roles: frozenset[Role], *, shared: bool) -> frozenset[Role]:
    """Give the roles that count on a device: on a crew's, which passes from hand to hand, those of the field alone."""
    return roles & FIELD_ROLES if shared else roles


class NewDevice(Struct, frozen=True, kw_only=True):
    """A device to be enrolled for a person or a crew."""

    org_id: UUID
    device_id: UUID
    name: str
    app: str
    person_id: UUID | None
    crew_id: UUID | None


async def recognise(pool: asyncpg.Pool, text: str, session_id: UUID | None = None) -> Device | None:
    """Find the device that a token belongs to, with the session that the call names, in one round trip.

    None for a token that is malformed, unknown or wrong. A revoked device is found: it may hand in its queue.
    """
    token = read_token(text, TokenKind.DEVICE)
    if token is None:
        return None
    row = await pool.fetchrow(_RECOGNISE, token.org_id, token.id, session_id)
    if not token.matches(row["secret_hash"] if row else None):
        return None
    session = None
    if session_id is not None and row["session_person_id"] is not None:
        session = Session(
            id=session_id,
            person_id=row["session_person_id"],
            from_at=row["session_from_at"],
            to_at=row["session_to_at"],
            roles=frozenset(Role(role) for role in row["session_roles"] or ()),
            active=bool(row["session_active"]),
        )
    return Device(
        org_id=token.org_id,
        id=token.id,
        name=row["name"],
        person_id=row["person_id"],
        crew_id=row["crew_id"],
        revoked=row["revoked_at"] is not None,
        session=session,
    )


async def enrol(conn: asyncpg.Connection, new: NewDevice, *, now: datetime) -> Token:
    """Store a new device and make its token, whose text is to be shown once."""
    token = mint_token(TokenKind.DEVICE, new.org_id, new.device_id)
    await conn.execute(_ENROL, new.org_id, new.device_id, new.name, new.person_id, new.crew_id, token.secret_hash, now)
    await conn.execute(_SEEN, new.org_id, new.device_id, now, new.app)
    return token


async def list_devices(
    conn: asyncpg.Connection, org_id: UUID, *, after: UUID | None = None, only: UUID | None = None, limit: int = 200
) -> Sequence[DeviceLine]:
    """List devices by id (UUIDv7: oldest first) after the one named, at most `limit`; `only` asks for one."""
    rows = await conn.fetch(_LIST, org_id, after, only, limit)
    return [DeviceLine(**dict(row)) for row in rows]


async def rename(conn: asyncpg.Connection, org_id: UUID, device_id: UUID, name: str) -> bool | None:
    """Rename a device and tell whether it is revoked; None when there is none."""
    revoked: bool | None = await conn.fetchval(_RENAME, org_id, device_id, name)
    return revoked


async def revoke(
    conn: asyncpg.Connection, org_id: UUID, device_ids: Sequence[UUID], *, by: UUID | None, now: datetime
) -> dict[UUID, str]:
    """Revoke devices and give the names of those found. Their scope ends with this transaction; a second time changes nothing."""
    rows = await conn.fetch(_REVOKE, org_id, sorted(device_ids), now, by)
    await conn.execute(_FORGET_WAY, org_id, sorted(device_ids))
    return {row["device_id"]: row["name"] for row in rows}


def state_document(device_id: UUID, name: str, *, revoked: bool) -> Projected:
    """Make the document by which a device learns its name, and that it must wipe itself."""
    state = DeviceState(id=device_id, name=name, revoked=revoked, wipe=revoked)
    return Projected("device", device_id, msgspec.json.encode(state), (f"dev/{device_id}",))


async def state_documents(conn: asyncpg.Connection, org_id: UUID, device_ids: Sequence[UUID]) -> list[Projected]:
    """Make the state documents of devices, by id; those that do not exist are absent."""
    rows = await conn.fetch(_STATES, org_id, list(device_ids))
    return [state_document(row["device_id"], row["name"], revoked=row["revoked_at"] is not None) for row in rows]


async def devices_of_person(conn: asyncpg.Connection, org_id: UUID, person_id: UUID) -> list[UUID]:
    """Name the live devices enrolled for a person (not those of a crew)."""
    return [row["device_id"] for row in await conn.fetch(_OF_PERSON, org_id, person_id)]
