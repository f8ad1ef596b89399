"""What must hold after every fault, found out from the tables and the phones' files by plain SQL: nothing of the push and pull code is asked.

Only the two questions that are whole functions of the product, verifying documents and digesting what a phone holds, are its own.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from api.database import owner_connection
from api.settings import Settings
from mobile_contract.client.pages import digests
from mobile_contract.digest import Digest, from_signed
from sync.verify import Drift, verify
from tests.faults.database import Database
from tests.faults.fleet import Phone

_OUTCOMES = "select command_id, status from sync_outcome where org_id = $1 and command_id = any($2)"
_EVENTS = """
select command_id, count(*) times from event where org_id = $1 and command_id = any($2) group by command_id"""
_NOTES = "select id from note where org_id = $1"
_MOVES = "select id, quantity from stock_move where org_id = $1"
_ORDER = """
select e.command_id from event e where e.org_id = $1 and e.device_id = $2 order by e.seq"""
_SCOPE = """
select distinct bucket from sync_scope where org_id = $1 and person_id = $2 and from_at <= now() and (to_at is null or to_at > now())"""
_HELD = """
select m.bucket, m.kind, m.id, m.h, d.ver, d.body from sync_member m
join sync_doc d on d.org_id = m.org_id and d.kind = m.kind and d.id = m.id
where m.org_id = $1 and m.bucket = any($2) and not m.gone"""


async def audit(settings: Settings, phones: Sequence[Phone]) -> str:
    """Check everything that must hold once all is quiet, and say in a line what was checked. AssertionError for what does not hold."""
    org = phones[0].org
    commands = 0
    async with Database(settings).superuser() as conn:
        for phone in phones:
            commands += await _commands_took_effect_once(conn, phone)
            await _holds_what_the_server_does(conn, phone)
        effects = [row["id"] for row in (*await conn.fetch(_NOTES, org.id), *await conn.fetch(_MOVES, org.id))]
    made = {id for phone in phones for id in phone.ledger.values()}
    assert sorted(effects) == sorted(made), "effects that nobody asked for, or too few of them"
    drifts = [drift async for drift in _drifts(settings, org.id)]
    assert drifts == []
    return (
        f"{commands} commands of {len(phones)} phones: each one outcome, one effect, in order; queues empty; "
        "documents, memberships and digests equal to the server's; verify finds no drift"
    )


async def _commands_took_effect_once(conn: asyncpg.Connection, phone: Phone) -> int:
    made = list(phone.ledger)
    outcomes = {row["command_id"]: row["status"] for row in await conn.fetch(_OUTCOMES, phone.org.id, made)}
    assert sorted(outcomes) == sorted(made), "a command has no outcome"
    assert phone.device.status().unsent == 0, "a queue is not empty"
    # The phone forgets what is final and durable: what it still knows must be what the server decided.
    assert {id: outcomes[id] for id in phone.acknowledged()} == phone.acknowledged()
    assert set(outcomes.values()) <= {"applied"}, outcomes
    times = {row["command_id"]: row["times"] for row in await conn.fetch(_EVENTS, phone.org.id, made)}
    assert times == dict.fromkeys(made, 1), "a command took effect twice, or not at all"
    order = [row["command_id"] for row in await conn.fetch(_ORDER, phone.org.id, phone.device_id)]
    assert order == made, "commands took effect out of order"
    return len(made)


async def _holds_what_the_server_does(conn: asyncpg.Connection, phone: Phone) -> None:
    scope = {row["bucket"] for row in await conn.fetch(_SCOPE, phone.org.id, phone.person_id)}
    scope.add(f"dev/{phone.device_id}")
    rows = await conn.fetch(_HELD, phone.org.id, sorted(scope))
    theirs = {(row["kind"], str(row["id"])): (row["ver"], bytes(row["body"])) for row in rows}
    store = phone.device.store
    ours = {(kind, id): (ver, body) for kind, id, ver, body in store.rows("select kind, id, ver, body from document")}
    assert sorted(ours.keys() ^ theirs.keys()) == [], "the phone holds too much or too little"
    assert ours == theirs, "a document on the phone is another one than the server's"
    members = {(row["bucket"], row["kind"], str(row["id"])) for row in rows}
    assert {tuple(row) for row in store.rows("select bucket, kind, id from member")} == members
    assert store.rows("select 1 from staged limit 1") == [], "a bucket is still being reset"
    sums = {name: Digest.of(from_signed(row["h"]) for row in rows if row["bucket"] == name) for name in scope}
    assert digests(store) == sums, "digests differ"


async def _drifts(settings: Settings, org_id: UUID) -> AsyncIterator[Drift]:
    async with owner_connection(settings) as conn:
        async for checked in verify(conn, org_id, now=datetime.now(UTC)):
            for drift in checked.drifts:
                yield drift
