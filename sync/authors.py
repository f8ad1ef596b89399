"""Whose commands a device hands in, and when they happened: from items of a batch to asks. Never judges what they ask.

The session names the person of each command, however late it comes; a login that has expired since changes nothing. The time is fixed
here, at first receipt.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from jobs.context import Actor, Occurrence, Via
from mobile_contract.schema.clock import ClockSample
from mobile_contract.schema.people import Role
from sync.ask import Ask
from sync.clock import cited_anchor, correct
from sync.devices import roles_on
from sync.envelopes import Item
from sync.keyring import Keyring

_SESSIONS = """
select s.session_id, s.person_id, p.roles, p.active, d.person_id is null shared from sync_session s
join person p on p.org_id = $1 and p.id = s.person_id join sync_device d on d.org_id = $1 and d.device_id = s.device_id
where s.org_id = $1 and s.device_id = $2 and s.session_id = any($3) order by s.session_id limit $4"""


class Receipt(Struct, frozen=True, kw_only=True):
    """The circumstances of a request: which device, whether it was revoked, its clocks at sending, when the request's head arrived."""

    org_id: UUID
    device_id: UUID
    revoked: bool
    sent: ClockSample | None
    received_at: datetime


async def asks_of(conn: asyncpg.Connection, keyring: Keyring, receipt: Receipt, items: Sequence[Item]) -> list[Ask]:
    """Make asks of a batch's items, in their order. What came under an unknown session, or from a revoked device, is barred."""
    sessions = sorted({item.session for item in items if item.session is not None})
    rows = await conn.fetch(_SESSIONS, receipt.org_id, receipt.device_id, sessions, max(len(sessions), 1))
    people = {row["session_id"]: row for row in rows}
    return [_ask(keyring, receipt, item, people.get(item.session)) for item in items]


def _ask(keyring: Keyring, receipt: Receipt, item: Item, person: asyncpg.Record | None) -> Ask:
    barred = item.barred or ("device_revoked" if receipt.revoked else "") or ("" if person else "session_unknown")
    return Ask(
        id=item.id,
        name=item.name,
        args=item.args,
        digest=item.digest,
        raw=item.cmd,
        actor=_actor(receipt, item, person),
        occurrence=_occurrence(keyring, receipt, item.at),
        received_at=receipt.received_at,
        after=item.after,
        n=item.n,
        barred=barred,
    )


def _actor(receipt: Receipt, item: Item, person: asyncpg.Record | None) -> Actor:
    roles = frozenset(Role(role) for role in person["roles"]) if person else frozenset()
    return Actor(
        org_id=receipt.org_id,
        person_id=person["person_id"] if person else None,
        roles=roles_on(roles, shared=bool(person and person["shared"])),
        device_id=receipt.device_id,
        session_id=item.session,
        via=Via.DEVICE,
        active=bool(person and person["active"] and not receipt.revoked),
    )


def _occurrence(keyring: Keyring, receipt: Receipt, captured: ClockSample | None) -> Occurrence:
    if captured is None:
        return Occurrence(at=receipt.received_at, not_after=receipt.received_at, clock="receipt")
    # Clocks at sending that cannot be read say nothing: as if it were sent at once.
    sent = receipt.sent or ClockSample(wall=captured.wall)
    time = correct(captured, sent, receipt.received_at, cited_anchor(keyring, captured, receipt.device_id))
    return Occurrence(
        at=time.best,
        not_before=time.not_before,
        not_after=time.not_after,
        raw_at=time.raw_wall,
        clock=time.method.value,
        suspect=time.suspect,
    )
