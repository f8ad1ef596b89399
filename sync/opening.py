"""What push looks up when it opens a chunk, in one statement: the device with its row locked, whose commands these are, what is known of them.

The device's row is locked before anything else: it is what makes its commands come one after the other. Decides nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from jobs.work import Organisation
from mobile_contract import limits
from sync.authors import Author
from sync.batch import Beforehand, Plan, job_of
from sync.devices import Device
from sync.envelopes import Item
from sync.literals import numbers, uuids

_OPEN = """
select last_n, revoked, shared, put_aside, earlier_at, durable_n, answered, waiting, name, zone, currency, language, people, in_scope
from sync_push_open($1, $2, $3, $4, $5, $6::text::uuid[], $7::text::int8[], $8::text::uuid[], $9::text::uuid[], $10::text::uuid[], $11)"""


class Looking(Struct, frozen=True, kw_only=True):
    """What to look for: since when a day's quota counts, until when commits are durable (None: not known), since when scope counts.

    `plans` are the commands of the batch as they were read, by digest.
    """

    since: datetime
    durable_until: datetime | None
    scope_since: datetime
    plans: Mapping[bytes, Plan]


class Opening(Struct, frozen=True, kw_only=True):
    """A device as it stands under its lock, the authors of a chunk by session, and what `execute` need not ask again.

    `earlier_at`: when the command came that is as far back as a day may hold; `put_aside`: the day's bytes in quarantine.
    """

    last_n: int
    revoked: bool
    shared: bool
    put_aside: int
    earlier_at: datetime | None
    durable_n: int | None
    authors: Mapping[UUID, Author]
    beforehand: Beforehand


async def open_chunk(
    conn: asyncpg.Connection, device: Device, items: Sequence[Item], looking: Looking, *, alone: bool = False
) -> Opening:
    """Lock a device and look up what is known of it and of a chunk of its commands. `alone`: passed on to `execute`."""
    # As n is consecutive, the command 10,000 numbers back tells the day's count without counting.
    far_back = (items[-1].n if items else 0) - limits.QUARANTINE_COMMANDS_PER_DAY
    ids = {id for item in items for id in (item.id, *item.after)}
    asked = _scopes_asked(items, looking.plans)
    row = await conn.fetchrow(
        _OPEN,
        device.org_id,
        device.id,
        far_back,
        looking.since,
        looking.durable_until,
        uuids({item.session for item in items if item.session is not None}),
        numbers(item.n for item in items),
        uuids(ids),
        uuids(session for session, _ in asked),
        uuids(job_id for _, job_id in asked),
        looking.scope_since,
    )
    authors = {author.session_id: author for author in msgspec.convert(row["people"], list[Author])}
    within = set(row["in_scope"])
    beforehand = Beforehand(
        org=Organisation(device.org_id, row["name"], row["zone"], row["currency"], row["language"]),
        unanswered=frozenset() if row["answered"] else frozenset(ids),
        waiting=row["waiting"],
        alone=alone,
        plans=looking.plans,
        scope={
            (authors[session].person_id, job_id): no in within
            for no, (session, job_id) in enumerate(asked, start=1)
            if session in authors
        },
    )
    return Opening(
        last_n=row["last_n"],
        revoked=row["revoked"],
        shared=row["shared"],
        put_aside=row["put_aside"],
        earlier_at=row["earlier_at"],
        durable_n=row["durable_n"],
        authors=authors,
        beforehand=beforehand,
    )


def _scopes_asked(items: Sequence[Item], plans: Mapping[bytes, Plan]) -> list[tuple[UUID, UUID]]:
    """List the (session, job) pairs whose scope may be asked."""
    pairs = {(item.session, job_of(plans.get(item.digest))) for item in items}
    return [(session, job_id) for session, job_id in pairs if session is not None and job_id is not None]
