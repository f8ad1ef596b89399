"""SQL of waking: where phones are reached, whom an unseen visit waits for, and who may be woken now. Sends nothing.

A phone is claimed in a transaction of its own before it is sent anything: of several processes that see the same visit one wakes it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from api.waking.provider import Address
from mobile_contract.schema.base import Priority
from mobile_contract.schema.waking import WakeProvider

UNSEEN_MAX: Final = 2_000

# The address may have been another device's, before the phone enrolled anew.
_DROP_OTHERS: Final = "delete from device_waking where org_id = $1 and endpoint = $3 and device_id <> $2"
_SAVE: Final = """
insert into device_waking (org_id, device_id, provider, endpoint, p256dh, auth, since, expires_at)
select $1, d.device_id, $3, $4, $5, $6, $7, $8 from sync_device d where d.org_id = $1 and d.device_id = $2 and d.revoked_at is null
on conflict (org_id, device_id) do update set provider = excluded.provider, endpoint = excluded.endpoint, p256dh = excluded.p256dh,
  auth = excluded.auth, since = excluded.since, expires_at = excluded.expires_at
where (device_waking.endpoint, device_waking.p256dh, device_waking.auth, device_waking.expires_at)
  is distinct from (excluded.endpoint, excluded.p256dh, excluded.auth, excluded.expires_at)"""
_DROP: Final = "delete from device_waking where org_id = $1 and device_id = $2"
# Only as it was when it was used: the phone may have said another one meanwhile.
_DROP_ADDRESS: Final = "delete from device_waking where org_id = $1 and device_id = $2 and endpoint = $3"

_STATE: Final = """
select d.revoked_at is not null revoked, w.provider, w.since, w.woken_at from sync_device d
left join device_waking w on w.org_id = d.org_id and w.device_id = d.device_id and (w.expires_at is null or w.expires_at > $3)
where d.org_id = $1 and d.device_id = $2"""

_CLAIM: Final = """
update device_waking set woken_at = $3, called_at = coalesce($5, called_at),
  tries = case when $5::timestamptz is null then tries when called_at is distinct from $5 then 1 else tries + 1 end
where org_id = $1 and device_id = $2 and (woken_at is null or woken_at <= $4) and (expires_at is null or expires_at > $3)
returning endpoint, p256dh, auth"""

# Whose phone it is: the crew's or the person's who has the visit, or that of somebody who is of the crew now. The phones come first: most
# organisations have few that can be woken.
_UNSEEN: Final = """
with phone as materialized (
  select w.device_id, w.woken_at, w.called_at, w.tries, d.crew_id, d.person_id, coalesce(s.pulled_at, d.enrolled_at) pulled_at
  from device_waking w join sync_device d on d.org_id = w.org_id and d.device_id = w.device_id and d.revoked_at is null
  left join sync_device_seen s on s.org_id = w.org_id and s.device_id = w.device_id
  where w.org_id = $1 and (w.expires_at is null or w.expires_at > $2)),
reach as (
  select p.device_id, p.crew_id, null::uuid person_id from phone p where p.crew_id is not null
  union select p.device_id, null, p.person_id from phone p where p.person_id is not null
  union select p.device_id, m.crew_id, null from phone p join crew_member m on m.org_id = $1 and m.person_id = p.person_id
    and m.from_at <= $2 and (m.to_at is null or m.to_at > $2)
  union select p.device_id, null, m.person_id from phone p join crew_member m on m.org_id = $1 and m.crew_id = p.crew_id
    and m.from_at <= $2 and (m.to_at is null or m.to_at > $2)),
waits as (
  select r.device_id, v.job_id, v.dispatched_at from reach r join visit v on v.org_id = $1 and v.crew_id = r.crew_id and v.state = 'dispatched'
  union select r.device_id, v.job_id, v.dispatched_at from reach r join visit v on v.org_id = $1 and v.person_id = r.person_id
    and v.state = 'dispatched')
select p.device_id, p.woken_at, p.called_at, p.tries, p.pulled_at, n.dispatched_at, j.priority, j.district_id
from waits n join phone p using (device_id) join job j on j.org_id = $1 and j.id = n.job_id
where n.dispatched_at > $3 and n.dispatched_at > p.pulled_at
order by n.dispatched_at desc, p.device_id limit $4"""


class Reached(Struct, frozen=True, kw_only=True):
    """A device and whether it can be woken: since when by which way, and when it was woken last."""

    revoked: bool
    provider: WakeProvider | None
    since: datetime | None
    woken_at: datetime | None


class Unseen(Struct, frozen=True, kw_only=True):
    """A visit that was dispatched after a phone of whoever has it last looked; `called_at`: of the visit the phone was last woken for."""

    device_id: UUID
    dispatched_at: datetime
    priority: Priority
    district_id: UUID | None
    pulled_at: datetime
    woken_at: datetime | None
    called_at: datetime | None
    tries: int


async def subscribe(
    conn: asyncpg.Connection,
    org_id: UUID,
    device_id: UUID,
    address: Address,
    *,
    now: datetime,
    expires_at: datetime | None,
    provider: WakeProvider = WakeProvider.WEB_PUSH,
) -> None:
    """Remember where a device is reached, in place of what it said before; said again it changes nothing, and a revoked device is forgotten."""
    await conn.execute(_DROP_OTHERS, org_id, device_id, address.endpoint)
    await conn.execute(
        _SAVE, org_id, device_id, provider.value, address.endpoint, address.p256dh, address.auth, now, expires_at
    )


async def withdraw(conn: asyncpg.Connection, org_id: UUID, device_id: UUID) -> None:
    """Forget where a device is reached."""
    await conn.execute(_DROP, org_id, device_id)


async def drop(conn: asyncpg.Connection, org_id: UUID, device_id: UUID, endpoint: str) -> None:
    """Forget an address that is good for nothing any more; another one of the same device stays."""
    await conn.execute(_DROP_ADDRESS, org_id, device_id, endpoint)


async def state_of(conn: asyncpg.Connection, org_id: UUID, device_id: UUID, *, now: datetime) -> Reached | None:
    """Tell whether a device can be woken; None for one that there is not."""
    row = await conn.fetchrow(_STATE, org_id, device_id, now)
    if row is None:
        return None
    provider = None if row["provider"] is None else WakeProvider(row["provider"])
    return Reached(revoked=row["revoked"], provider=provider, since=row["since"], woken_at=row["woken_at"])


async def claim(
    conn: asyncpg.Connection,
    org_id: UUID,
    device_id: UUID,
    *,
    now: datetime,
    again: timedelta,
    called_at: datetime | None = None,
) -> Address | None:
    """Take the right to wake a phone and give where it is reached; None when it was woken within `again`, or is not reached.

    `called_at`: it is woken for a visit that was dispatched then.
    """
    row = await conn.fetchrow(_CLAIM, org_id, device_id, now, now - again, called_at)
    return None if row is None else Address(endpoint=row["endpoint"], p256dh=row["p256dh"], auth=row["auth"])


async def unseen_visits(conn: asyncpg.Connection, org_id: UUID, *, now: datetime, since: datetime) -> Sequence[Unseen]:
    """List dispatched visits that phones which can be woken have not looked at, of those dispatched after `since`; the latest 2,000."""
    return [_unseen(row) for row in await conn.fetch(_UNSEEN, org_id, now, since, UNSEEN_MAX)]


def _unseen(row: Mapping[str, Any]) -> Unseen:
    return Unseen(
        device_id=row["device_id"],
        dispatched_at=row["dispatched_at"],
        priority=Priority(row["priority"]),
        district_id=row["district_id"],
        pulled_at=row["pulled_at"],
        woken_at=row["woken_at"],
        called_at=row["called_at"],
        tries=row["tries"],
    )
