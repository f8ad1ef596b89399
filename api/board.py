"""The board and what changed on it, as answers: puts together what the database wrote. Owns no SQL and no right."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Raw, Struct

from api import board_version as versions
from api.board_version import Standing
from api.problems import ProblemError
from api.services import Services
from api.store import board as store
from api.store.board import Days, Seen
from jobs.context import Actor
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.board import BoardAsk
from sync.life import Standby, ensure_life, raise_if_standby
from sync.transaction import org_transaction

# October has an hour more where clocks are put back in it.
SPAN_MAX: Final = timedelta(days=31, hours=1)
_STANDBY_RETRY_AFTER_S: Final = 5


class _Whole(Struct, frozen=True, kw_only=True):
    """`Board`, with what the database wrote as it is."""

    version: str
    now: datetime
    from_at: datetime
    to_at: datetime
    organisation: Raw
    zone: Raw
    jobs: Raw
    visits: Raw
    crews: Raw
    districts: Raw
    job_types: Raw
    truncated: bool


class _Changed(Struct, frozen=True, kw_only=True):
    """`BoardChanges`, with what the database wrote as it is."""

    version: str
    now: datetime
    jobs: Raw
    visits: Raw
    crews: Raw
    gone_jobs: Raw
    gone_visits: Raw
    reload: bool = False


class _Reading(Struct, frozen=True):
    """What was read, of which days, in which life of the database."""

    days: Days
    seen: Seen
    life: UUID


_REFERENCE: Final = msgspec.json.Decoder(dict[str, Raw])


async def board(services: Services, actor: Actor, ask: BoardAsk, *, places: bool) -> bytes:
    """Give the board as JSON. Raises ProblemError for days that are none, and on a standby."""
    now = services.clock()

    async def read(conn: asyncpg.Connection) -> tuple[Days, Seen]:
        days = await _days(conn, actor.org_id, ask, now, places=places)
        return days, await store.read_board(conn, actor.org_id, days)

    found = await _alive(services, actor.org_id, read)
    days, seen = found.days, found.seen
    whole = _Whole(
        version=_version(services, actor.org_id, found, today=ask.from_at is None and ask.to_at is None),
        now=now,
        from_at=days.from_at,
        to_at=days.to_at,
        jobs=_raw(seen.jobs),
        visits=_raw(seen.visits),
        crews=_array(seen.crews.values()),
        truncated=seen.count > store.JOBS_MAX,
        **_REFERENCE.decode(seen.reference),
    )
    return msgspec.json.encode(whole)


async def changes(services: Services, actor: Actor, since: str, *, places: bool) -> bytes:
    """Give as JSON what changed since a version; one that cannot be followed says `reload`. Raises ProblemError on a standby."""
    now = services.clock()
    known = versions.unseal(services.keyring, actor.org_id, since)
    if known is None or (known.today and known.to_at <= now):
        return _reload(since, now)
    days = Days(now, known.from_at, known.to_at, places)

    async def read(conn: asyncpg.Connection) -> tuple[Days, Seen]:
        return days, await store.read_changes(conn, actor.org_id, days, since=known.snapshot, life=known.life)

    found = await _alive(services, actor.org_id, read)
    seen = found.seen
    if (
        found.life != known.life
        or seen.count > store.CHANGED_MAX
        or versions.reference(seen.reference, seen.crews) != known.reference
    ):
        return _reload(since, now)
    changed = _Changed(
        version=_version(services, actor.org_id, found, today=known.today),
        now=now,
        jobs=_raw(seen.jobs),
        visits=_raw(seen.visits),
        crews=_array(seen.crews[id] for id in versions.differing(known.crews, seen.crews)),
        gone_jobs=_raw(seen.gone_jobs),
        gone_visits=_raw(seen.gone_visits),
    )
    return msgspec.json.encode(changed)


async def _alive(
    services: Services, org_id: UUID, read: Callable[[asyncpg.Connection], Awaitable[tuple[Days, Seen]]]
) -> _Reading:
    """Read in a life of the database, beginning one where there is none."""
    try:
        for _ in range(2):
            async with org_transaction(services.pool, org_id) as conn:
                days, seen = await read(conn)
            if seen.life is not None:
                return _Reading(days, seen, seen.life)
            await ensure_life(services.pool)
    except asyncpg.PostgresError as error:
        try:
            await raise_if_standby(services.pool, error)
        except Standby:
            raise _standby() from None
        raise
    except Standby:
        raise _standby() from None
    raise ProblemError("not_ready")


def _standby() -> ProblemError:
    return ProblemError("standby", headers={"Retry-After": str(_STANDBY_RETRY_AFTER_S)})


async def _days(conn: asyncpg.Connection, org_id: UUID, ask: BoardAsk, now: datetime, *, places: bool) -> Days:
    try:
        if ask.from_at is None:
            from_at, ends_at = await store.today(conn, org_id, now)
        else:
            from_at, ends_at = ask.from_at, ask.from_at + timedelta(days=1)
        to_at = ask.to_at or ends_at
    except OverflowError:
        raise _span_refused() from None
    if not from_at < to_at or to_at - from_at > SPAN_MAX:
        raise _span_refused()
    return Days(now, from_at, to_at, places)


def _span_refused() -> ProblemError:
    return ProblemError("invalid", LocalText(en="A board shows 31 days at most.", zh="看板最多显示 31 天。"))


def _version(services: Services, org_id: UUID, found: _Reading, *, today: bool) -> str:
    days, seen = found.days, found.seen
    standing = Standing(
        life=found.life,
        snapshot=seen.snapshot,
        from_at=days.from_at,
        to_at=days.to_at,
        reference=versions.reference(seen.reference, seen.crews),
        crews=versions.looks(seen.crews),
        today=today,
    )
    return versions.seal(services.keyring, org_id, standing)


def _reload(since: str, now: datetime) -> bytes:
    nothing = _raw("[]")
    return msgspec.json.encode(
        _Changed(
            version=since,
            now=now,
            jobs=nothing,
            visits=nothing,
            crews=nothing,
            gone_jobs=nothing,
            gone_visits=nothing,
            reload=True,
        )
    )


def _raw(text: str) -> Raw:
    return Raw(text.encode())


def _array(texts: Iterable[str]) -> Raw:
    return _raw(f"[{','.join(texts)}]")
