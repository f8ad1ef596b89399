"""Sessions: whose deeds a device reports, and when. Issued ahead, so that a shift can change without a network.

Owns the SQL of `sync_session`; never ends one: a queue is judged by the session it was filled under, however late it comes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct
from uuid_utils.compat import uuid7

from mobile_contract.schema.access import SessionGrant
from sync.devices import Device

AHEAD: Final = timedelta(days=14)
# A rolling session is renewed at half its time: a phone that syncs once a week never runs out.
RENEW_BEFORE: Final = AHEAD / 2
# Crews come early and stay late.
SHIFT_MARGIN: Final = timedelta(hours=2)
SESSIONS_MAX: Final = 500

_OF_PERSON = """
select p.id person_id, p.name, $3::timestamptz from_at, $4::timestamptz to_at, true rolling
from person p where p.org_id = $1 and p.id = $2 and p.active"""

# A member with shifts in the time asked for gets one session per shift, one without them gets the whole membership.
_OF_CREW = """
with member as (
  select m.person_id, p.name, greatest(m.from_at, $3) from_at, least(coalesce(m.to_at, 'infinity'), $4) to_at
  from crew_member m join person p on p.org_id = m.org_id and p.id = m.person_id and p.active
  where m.org_id = $1 and m.crew_id = $2 and m.from_at < $4 and coalesce(m.to_at, 'infinity') > $3),
rostered as (
  select m.person_id, m.name, m.from_at member_from_at, s.from_at - $5::interval shift_from_at,
    least(m.to_at, s.to_at + $5::interval) to_at
  from member m join shift s on s.org_id = $1 and s.person_id = m.person_id and s.from_at < $4 and s.to_at > $3)
select person_id, name, case when member_from_at > $3 then greatest(member_from_at, shift_from_at) else shift_from_at end from_at,
  to_at, false rolling from rostered where shift_from_at < to_at
union all
select person_id, name, from_at, to_at, true from member m where not exists (select from rostered r where r.person_id = m.person_id)
order by 3, 1 limit $6"""

_HELD = """
select session_id, person_id, from_at, to_at from sync_session where org_id = $1 and device_id = $2 and to_at > $3
order by to_at desc, session_id limit $4"""

_ISSUE = """
insert into sync_session (org_id, session_id, device_id, person_id, from_at, to_at, issued_at)
select $1, s.id, $2, s.person, s.f, s.t, $3 from unnest($4::uuid[], $5::uuid[], $6::timestamptz[], $7::timestamptz[]) s(id, person, f, t)"""


class _Window(Struct, frozen=True):
    person_id: UUID
    name: str
    from_at: datetime
    to_at: datetime
    rolling: bool


async def renew(conn: asyncpg.Connection, device: Device, *, now: datetime) -> tuple[SessionGrant, ...]:
    """Give the sessions a device may hold from now on, issuing those that are missing; asking again gives the same ones.

    A person's device: one rolling session. A crew's device: one per rostered shift of its members, 14 days ahead. A revoked
    device, or one whose person or crew has nobody active: none.
    """
    if device.revoked:
        return ()
    # Two calls of one device at once would both issue: the device's row is the lock.
    await conn.execute(
        "select 1 from sync_device where org_id = $1 and device_id = $2 for update", device.org_id, device.id
    )
    windows = await _windows(conn, device, now=now)
    held = [_grant(row) for row in await conn.fetch(_HELD, device.org_id, device.id, now, SESSIONS_MAX)]
    given = [_cover(window, held, now=now) for window in windows]
    new = [
        grant
        for window, grant in zip(windows, given, strict=True)
        if grant.session_id not in {h.session_id for h in held}
    ]
    if new:
        await _issue(conn, device, new, now=now)
    return tuple(given)


async def _windows(conn: asyncpg.Connection, device: Device, *, now: datetime) -> Sequence[_Window]:
    until = now + AHEAD
    if device.person_id is not None:
        rows = await conn.fetch(_OF_PERSON, device.org_id, device.person_id, now, until)
    else:
        rows = await conn.fetch(_OF_CREW, device.org_id, device.crew_id, now, until, SHIFT_MARGIN, SESSIONS_MAX)
    return [_Window(**dict(row)) for row in rows]


def _cover(window: _Window, held: Iterable[SessionGrant], *, now: datetime) -> SessionGrant:
    enough = min(window.to_at, now + RENEW_BEFORE) if window.rolling else window.to_at
    for old in held:
        if old.person_id == window.person_id and old.from_at <= max(window.from_at, now) and old.to_at >= enough:
            return SessionGrant(
                session_id=old.session_id,
                person_id=old.person_id,
                name=window.name,
                from_at=old.from_at,
                to_at=old.to_at,
            )
    return SessionGrant(
        session_id=uuid7(), person_id=window.person_id, name=window.name, from_at=window.from_at, to_at=window.to_at
    )


async def _issue(conn: asyncpg.Connection, device: Device, new: Sequence[SessionGrant], *, now: datetime) -> None:
    await conn.execute(
        _ISSUE,
        device.org_id,
        device.id,
        now,
        [grant.session_id for grant in new],
        [grant.person_id for grant in new],
        [grant.from_at for grant in new],
        [grant.to_at for grant in new],
    )


def _grant(row: asyncpg.Record) -> SessionGrant:
    return SessionGrant(
        session_id=row["session_id"], person_id=row["person_id"], name="", from_at=row["from_at"], to_at=row["to_at"]
    )
