"""What goes with a person who leaves: sign-ins, resets, links and devices. The person itself is changed by the command alone.

Where a command comes by REST or by an import, it happens in the command's own transaction. The timer finds whoever left another way, by
a device's queue for instance.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from api.enrolment import revoke_in
from api.services import Services
from api.store import credentials, sign_ins
from mobile_contract.registry import decode_args
from mobile_contract.schema.decisions import OffboardPerson, SavePerson
from mobile_contract.schema.people import Person
from sync.ask import Ask
from sync.devices import devices_of_person
from sync.execute import execute, retrying
from sync.outcomes import Answer
from sync.transaction import org_transaction

LEAVING: Final = ("offboard_person", "save_person")
AT_ONCE: Final = 100

_GONE: Final = "select id from person where org_id = $1 and id = any($2) and not active order by id limit $3"
_LEFT_OVER: Final = """
select p.id from person p where p.org_id = $1 and not p.active and (
  exists (select from sign_in s where s.org_id = $1 and s.person_id = p.id and s.revoked_at is null and s.expires_at > $2)
  or exists (select from sync_device d where d.org_id = $1 and d.person_id = p.id and d.revoked_at is null)
  or exists (select from credential c where c.org_id = $1 and c.person_id = p.id and c.password_hash is not null))
order by p.id limit $3"""


class _Left(Struct, frozen=True):
    answers: tuple[Answer, ...]
    touched: frozenset[str]


async def run_leaving(services: Services, ask: Ask, *, now: datetime) -> Answer:
    """Execute a command that may make a person leave and end the person's access in the same transaction.

    Raises HandlerFault when the handler raises; then nothing is changed.
    """
    org_id = ask.actor.org_id

    async def once() -> _Left:
        async with org_transaction(services.pool, org_id) as conn:
            done = await execute(conn, org_id, [ask], now=now)
            ended: set[str] = set()
            if any(answer.took_effect for answer in done.answers):
                leavers = who_leaves(ask.name, ask.args)
                ended = await end_access(conn, org_id, leavers, by=ask.actor.person_id, now=now)
            return _Left(done.answers, done.touched | ended)

    done = await retrying(once)
    services.poke(org_id, done.touched)
    return done.answers[0]


async def end_access(
    conn: asyncpg.Connection, org_id: UUID, people: Iterable[UUID], *, by: UUID | None, now: datetime
) -> set[str]:
    """End all access of those of the people who are inactive, in the caller's transaction; doing it again changes nothing.

    Whoever is active keeps it: a command may come again after the person had been taken back. Gives the buckets to poke.
    """
    ids = sorted(set(people))
    if not ids:
        return set()
    touched: set[str] = set()
    for row in await conn.fetch(_GONE, org_id, ids, len(ids)):
        await credentials.end_access(conn, org_id, row["id"], now=now)
        await sign_ins.revoke_person(conn, org_id, row["id"], because="offboarded", now=now)
        held = await devices_of_person(conn, org_id, row["id"])
        touched |= (await revoke_in(conn, org_id, held, by=by, now=now)).touched if held else set()
    return touched


async def sweep_access(services: Services, org_id: UUID, now: datetime) -> int:
    """End the access of everybody who is inactive and still has some; give how many they were."""
    ended = 0
    while True:
        async with org_transaction(services.pool, org_id) as conn:
            people = [row["id"] for row in await conn.fetch(_LEFT_OVER, org_id, now, AT_ONCE)]
            touched = await end_access(conn, org_id, people, by=None, now=now)
        services.poke(org_id, touched)
        ended += len(people)
        if len(people) < AT_ONCE:
            return ended


def who_leaves(name: str, args: bytes) -> tuple[UUID, ...]:
    """Name the person whom a command makes leave; nobody for any other command."""
    if name not in LEAVING:
        return ()
    match decode_args(name, args):
        case OffboardPerson(person_id=person_id) | SavePerson(person=Person(id=person_id, active=False)):
            return (person_id,)
    return ()
