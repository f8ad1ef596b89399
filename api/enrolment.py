"""Turning a phone into a device: one-time codes, enrolling, sessions, naming, revoking. Never stores a code or a token.

A code reads `<slug>-XXXX-XXXX-XXXX-XXXX`: the slug finds the organisation, 80 random bits prove the invitation. People may
type it: case does not matter, and O, I and L are taken for the digits they look like.
"""

import hashlib
import io
import secrets
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import segno
from msgspec import Struct
from uuid_utils.compat import uuid7

from api.flood import too_many
from api.problems import ProblemError
from api.services import Services
from api.store import credentials, enrolments, throttle
from api.store.throttle import Rate
from jobs.context import Actor
from mobile_contract.schema.access import (
    EnrolAnswer,
    EnrolAsk,
    EnrolmentAsk,
    EnrolmentCode,
    SessionGrant,
    SessionsAnswer,
)
from mobile_contract.schema.people import FIELD_ROLES, Role
from sync import devices, documents, sessions
from sync.devices import Device, NewDevice
from sync.transaction import org_transaction

ENROL: Final = Rate("enrol", 10, timedelta(seconds=30))
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUPS, _GROUP_CHARS = 4, 4
_LOOKALIKES: Final = str.maketrans("OIL", "011")


async def make_code(services: Services, actor: Actor, ask: EnrolmentAsk) -> EnrolmentCode:
    """Make a one-time code for a device of a person or a crew. Raises ProblemError (nobody_named, unknown_person, unknown_crew, forbidden)."""
    if (ask.person_id is None) == (ask.crew_id is None):
        raise ProblemError("nobody_named")
    now = services.clock()
    expires_at = now + timedelta(seconds=ask.valid_s)
    async with org_transaction(services.pool, actor.org_id) as conn:
        if ask.person_id is not None:
            roles = await enrolments.person_roles(conn, actor.org_id, ask.person_id)
            if roles is None:
                raise ProblemError("unknown_person")
            # Whoever holds the code may become that person: nobody gets more by it than they have.
            if Role.ADMIN not in actor.roles and not roles <= actor.roles | FIELD_ROLES:
                raise ProblemError("forbidden")
        if ask.crew_id is not None and not await enrolments.crew_active(conn, actor.org_id, ask.crew_id):
            raise ProblemError("unknown_crew")
        slug = await enrolments.slug(conn, actor.org_id)
        code = "-".join(
            [slug, *("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_CHARS)) for _ in range(_GROUPS))]
        )
        new = enrolments.NewEnrolment(
            enrolment_id=uuid7(),
            code_hash=_code_hash(code),
            person_id=ask.person_id,
            crew_id=ask.crew_id,
            made_by=actor.person_id,
            expires_at=expires_at,
        )
        await enrolments.add(conn, actor.org_id, new, now=now)
    uri = "onsite://enrol?" + urlencode({"server": services.settings.base_url, "code": code})
    return EnrolmentCode(enrolment_id=new.enrolment_id, code=code, uri=uri, qr_svg=_qr_svg(uri), expires_at=expires_at)


async def enrol(services: Services, ask: EnrolAsk, address: str) -> EnrolAnswer:
    """Make a device from a one-time code. Raises ProblemError (enrolment_invalid, too_many_requests)."""
    now = services.clock()
    code = read_code(ask.code)
    org_id = await credentials.org_of_slug(services.pool, code.rsplit("-", _GROUPS)[0]) if code else None
    if org_id is None:
        raise ProblemError("enrolment_invalid")
    await _throttle(services, org_id, ENROL.key(address), now=now)
    touched: set[str] = set()
    async with org_transaction(services.pool, org_id) as conn:
        found = await enrolments.lock_by_hash(conn, org_id, _code_hash(code))
        if found is None or found.used_at is not None or found.expires_at <= now or not found.active:
            raise ProblemError("enrolment_invalid")
        new = NewDevice(
            org_id=org_id,
            device_id=uuid7(),
            name=ask.device_name,
            app=ask.app,
            person_id=found.person_id,
            crew_id=found.crew_id,
        )
        token = await devices.enrol(conn, new, now=now)
        await enrolments.use(conn, org_id, found.enrolment_id, device_id=new.device_id, now=now)
        device = Device(org_id, new.device_id, new.name, new.person_id, new.crew_id, revoked=False, session=None)
        granted = await sessions.renew(conn, device, now=now)
        zone = await enrolments.zone(conn, org_id)
        touched |= await documents.write(
            conn, org_id, [], [devices.state_document(new.device_id, new.name, revoked=False)]
        )
    services.poke(org_id, touched)
    return EnrolAnswer(
        device_id=new.device_id,
        device_token=token.text,
        org_id=org_id,
        server_time=now,
        sessions=granted,
        person_id=new.person_id,
        crew_id=new.crew_id,
        zone=zone,
    )


async def renew_sessions(services: Services, device: Device) -> SessionsAnswer:
    """Give a device the sessions it may hold now and ahead; a revoked one gets none."""
    now = services.clock()
    granted: tuple[SessionGrant, ...] = ()
    async with org_transaction(services.pool, device.org_id) as conn:
        granted = await sessions.renew(conn, device, now=now)
        zone = await enrolments.zone(conn, device.org_id)
    return SessionsAnswer(server_time=now, sessions=granted, zone=zone)


async def rename_device(services: Services, actor: Actor, device_id: UUID, name: str) -> None:
    """Rename a device; it learns its name by pull. Raises ProblemError (unknown_device)."""
    async with org_transaction(services.pool, actor.org_id) as conn:
        revoked = await devices.rename(conn, actor.org_id, device_id, name)
        if revoked is None:
            raise ProblemError("unknown_device")
        touched = await documents.write(
            conn, actor.org_id, [], [devices.state_document(device_id, name, revoked=revoked)]
        )
    services.poke(actor.org_id, touched)


class Revoked(Struct, frozen=True):
    """How many devices were found, and the buckets to poke."""

    found: int
    touched: set[str]


async def revoke_devices(services: Services, actor: Actor, device_ids: list[UUID]) -> int:
    """Revoke devices and tell each to wipe itself; give how many there were. A second time changes nothing."""
    async with org_transaction(services.pool, actor.org_id) as conn:
        done = await revoke_in(conn, actor.org_id, device_ids, by=actor.person_id, now=services.clock())
    services.poke(actor.org_id, done.touched)
    return done.found


async def revoke_in(
    conn: asyncpg.Connection, org_id: UUID, device_ids: list[UUID], *, by: UUID | None, now: datetime
) -> Revoked:
    """Revoke devices in the caller's transaction, as `revoke_devices` does."""
    names = await devices.revoke(conn, org_id, device_ids, by=by, now=now)
    states = [devices.state_document(device_id, name, revoked=True) for device_id, name in names.items()]
    return Revoked(len(names), await documents.write(conn, org_id, [], states))


def read_code(text: str) -> str:
    """Bring a code as typed into its one form; empty for a text that cannot be one."""
    slug, *groups = text.strip().rsplit("-", _GROUPS)
    tail = [group.upper().translate(_LOOKALIKES) for group in groups]
    if len(tail) != _GROUPS or any(len(g) != _GROUP_CHARS or set(g) - set(_ALPHABET) for g in tail):
        return ""
    return "-".join([slug.lower(), *tail])


def _code_hash(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def _qr_svg(text: str) -> str:
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", xmldecl=False, scale=4, border=4)
    return out.getvalue().decode()


async def _throttle(services: Services, org_id: UUID, key: bytes, *, now: datetime) -> None:
    async with org_transaction(services.pool, org_id) as conn:
        wait = await throttle.take(conn, org_id, ENROL, key, now=now)
    if wait is not None:
        raise too_many(wait)
