"""Safeguards of the real code, each to be switched off: what the simulation on the real stack has to notice. Never left switched off.

Each patch says what it replaces; one whose target is no longer there fails at once, so that none can come to nothing unnoticed.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import StrEnum
from itertools import count
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

import api.routes.push
import sync.documents
import sync.page
import sync.pull
import sync.push
import sync.together
from jobs import projection
from mobile_contract.digest import Digest
from sync import outcomes, reading
from tests.simulation.stack import ground


class Bug(StrEnum):
    """A safeguard that is missing. The value says what the server does instead."""

    DEL_OMITTED = "sends no `del`"
    MEMBERSHIP_NEVER_ENDS = "leaves memberships that ended as they were"
    GONE_NOT_STAMPED = "leaves a membership that ends under the transaction id that it had"
    CURSOR_IS_HIGHEST_XID = "takes for seen what was open when the page was read"
    DIGEST_IGNORED = "adopts what a device holds without comparing it"
    LIFE_NOT_CHECKED = "follows a cursor of another life"
    ACKED_N_OFF_BY_ONE = "says that one command less was taken"
    SCOPE_NOT_TAKEN_AWAY = "goes on sending a bucket that the holder has lost"
    OUTCOME_NOT_STORED = "forgets one outcome in five"
    COMMIT_LOST = "answers as if it had committed, one time in eight"
    FORK_UNNOTICED = "answers a number that was taken with the outcome stored there, whatever the command is"
    POISON_STOPS_QUEUE = "fails for a command whose handler raises"
    HOLES_ALLOWED = "takes a command though one before it is missing"
    DURABLE_TOO_EARLY = "calls everything durable at once"
    AUTHOR_IS_WHO_SENT_FIRST = "counts a whole batch as the deeds of its first author"
    REDUCED_VIEW_IS_WHOLE = "writes the customer's words into the reduced view"
    PAGES_MIXED_UP = "gives everybody who is answered by one statement the page of the first"


@contextlib.contextmanager
def switched_off(bug: Bug) -> Iterator[None]:
    """Have the server work without a safeguard for the block."""
    patches = [_PATCHES[bug], *_BESIDE.get(bug, ())]
    real = [getattr(target, name) for target, name, _ in patches]
    for (target, name, make), known in zip(patches, real, strict=True):
        setattr(target, name, make(known))
    try:
        yield
    finally:
        for (target, name, _), known in zip(patches, real, strict=True):
            setattr(target, name, known)


_ROW: Final = "where org_id = $1 and bucket = $2 and kind = $3 and id = $4"
_XID_OF: Final = f"select xid::text from sync_member {_ROW}"
_STAMP: Final = f"update sync_member set xid = $5::text::xid8 {_ROW}"

Patch = tuple[ModuleType | type, str, Callable[[Any], Any]]


def _without_del(real: Any) -> Any:
    def write(begin: Any, frames: Any, end: Any) -> Any:
        lines = b"".join(frames).splitlines(keepends=True)
        return real(begin, [line for line in lines if not line.startswith(b'{"frame":"del"')], end)

    return write


def _only_puts(real: Any) -> Any:
    def next_members(document: Any, row: Any, held: Any) -> Any:
        # The row stays as it is, under its old id; the documents that remain look right.
        return [member for member in real(document, row, held) if not member[4]]

    return next_members


def _unstamped(real: Any) -> Any:
    async def store(conn: Any, org_id: UUID, changes: Any) -> None:
        gone = [member[:3] for member in changes.members if member[4]]
        before = [await conn.fetchval(_XID_OF, org_id, *key) for key in gone]
        await real(conn, org_id, changes)
        for key, xid in zip(gone, before, strict=True):
            await conn.execute(_STAMP, org_id, *key, xid)

    return store


def _highest(real: Any) -> Any:
    def seal(keyring: Any, cursor: Any) -> Any:
        xmax = cursor.snapshot.split(":")[1]
        return real(keyring, replace(cursor, snapshot=f"{xmax}:{xmax}:"))

    return seal


def _always_equal(real: Any) -> Any:
    def compared(want: Any, ours: Any, theirs: dict[str, Digest]) -> Any:
        return real(want, {bucket: theirs.get(bucket, digest) for bucket, digest in ours.items()}, theirs)

    return compared


def _any_life(real: Any) -> Any:
    async def page(conn: Any, source: Any, asked: Any, now: Any) -> Any:
        if asked.cursor is not None:
            head = await sync.pull.look(conn, source, reading.Start(), now)
            asked = replace(asked, cursor=replace(asked.cursor, life=head.life))
        return await real(conn, source, asked, now)

    return page


def _alone(_: Any) -> Any:
    return lambda source, ask: None


def _one_less(real: Any) -> Any:
    def read_of(about: Any, frames: Any) -> Any:
        found = real(about, frames)
        return replace(found, acked_n=max(found.acked_n - 1, 0))

    return read_of


def _held_for_ever(real: Any) -> Any:
    known: dict[str, dict[str, None]] = {}

    def read_of(about: Any, frames: Any) -> Any:
        found = real(about, frames)
        # The first bucket of everybody is that of the device.
        held = known.setdefault(found.want[0], {})
        held.update(dict.fromkeys(found.want))
        return replace(found, want=tuple(held))

    return read_of


def _forgetful(real: Any) -> Any:
    numbers = count(1)

    async def add(conn: Any, org_id: UUID, answers: Any, taken: Any) -> Any:
        return await real(conn, org_id, [answer for answer in answers if next(numbers) % 5], taken)

    return add


def _rolled_back(real: Any) -> Any:
    numbers = count(1)

    async def execute(self: Any, query: str, *args: Any, **more: Any) -> Any:
        stop = ground.stop_of.get()
        if stop is not None and query.lower().startswith("commit") and next(numbers) % 8 == 0:
            query = "rollback"
        return await real(self, query, *args, **more)

    return execute


def _by_number(real: Any) -> Any:
    async def stored(conn: Any, device: Any, items: Any) -> Any:
        found = await outcomes.find_sent(conn, device.org_id, device.id, [(i.n, i.id) for i in items])
        by_n = {answer.n: answer for answer in found if answer.device_id == device.id}
        return [by_n[item.n] for item in items] if all(item.n in by_n for item in items) else None

    return stored


def _not_alone(_: Any) -> Any:
    async def alone(self: Any, item: Any) -> Any:
        raise RuntimeError("a chunk that fails stays failed")

    return alone


def _with_holes(real: Any) -> Any:
    def new(self: Any, items: Any, found: Any) -> Any:
        later = [item for item in items if item.n > found.last_n]
        return (later, None) if later else real(self, items, found)

    return new


def _at_once(_: Any) -> Any:
    return lambda services: timedelta(0)


def _one_author(real: Any) -> Any:
    def asks_of(receipt: Any, authors: Any, items: Any) -> Any:
        return real(receipt, authors, [replace(item, session=items[0].session) for item in items])

    return asks_of


def _whole_view(real: Any) -> Any:
    def open_job(id: UUID, job: Any) -> Any:
        return real(id, job if job is None else replace(job, title=f"{job.title} {job.description}"))

    return open_job


def _of_the_first(real: Any) -> Any:
    async def fetch(conn: Any, asks: Any) -> Any:
        first = [dict(row) for row in await real(conn, asks) if row["no"] == 1]
        return [{**row, "no": no} for no in range(1, len(asks) + 1) for row in first]

    return fetch


_PATCHES: Final[dict[Bug, Patch]] = {
    Bug.DEL_OMITTED: (sync.page, "write", _without_del),
    Bug.MEMBERSHIP_NEVER_ENDS: (sync.documents, "next_members", _only_puts),
    Bug.GONE_NOT_STAMPED: (sync.documents, "_store", _unstamped),
    Bug.CURSOR_IS_HIGHEST_XID: (sync.pull, "seal_cursor", _highest),
    Bug.DIGEST_IGNORED: (sync.page, "before_compared", _always_equal),
    Bug.LIFE_NOT_CHECKED: (sync.pull, "_page", _any_life),
    Bug.ACKED_N_OFF_BY_ONE: (reading, "read_of", _one_less),
    Bug.SCOPE_NOT_TAKEN_AWAY: (reading, "read_of", _held_for_ever),
    Bug.OUTCOME_NOT_STORED: (outcomes, "add", _forgetful),
    Bug.COMMIT_LOST: (ground.Gated, "execute", _rolled_back),
    Bug.FORK_UNNOTICED: (sync.push, "_stored", _by_number),
    Bug.POISON_STOPS_QUEUE: (sync.push._Handover, "_alone", _not_alone),
    Bug.HOLES_ALLOWED: (sync.push._Handover, "_new", _with_holes),
    Bug.DURABLE_TOO_EARLY: (api.routes.push, "_durable_lag", _at_once),
    Bug.AUTHOR_IS_WHO_SENT_FIRST: (sync.push, "asks_of", _one_author),
    Bug.REDUCED_VIEW_IS_WHOLE: (projection, "open_job", _whole_view),
    Bug.PAGES_MIXED_UP: (sync.together, "_fetch", _of_the_first),
}

# Devices that are answered together are not asked for their life in Python: here each is answered alone.
_BESIDE: Final[dict[Bug, tuple[Patch, ...]]] = {Bug.LIFE_NOT_CHECKED: ((sync.pull, "following", _alone),)}
