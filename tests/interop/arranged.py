"""A server on loopback with an arranged organisation and its API keys, for clients that block. Never changes a client."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec import Struct
from uuid_utils.compat import uuid7

from api.database import open_pool
from api.settings import Settings
from api.store import api_keys
from geo.store import positions
from mobile_contract.schema import decisions as d
from sync.tokens import TokenKind, mint_token
from sync.transaction import org_transaction
from tests.api.serving import in_a_thread
from tests.arrange import Org, organisation

READ = ("read", "positions")
INTAKE = ("open311",)


class Reached(Struct, frozen=True, kw_only=True):
    """Where a server answers, two organisations behind it, a key of the first with every scope of reading and one for public intake."""

    url: str
    settings: Settings
    org: Org
    other: Org
    slug: str
    reading: str
    intake: str
    jobs: tuple[UUID, ...]

    @property
    def host(self) -> str:
        """Give host and port."""
        return self.url.removeprefix("http://")


@contextmanager
def reached(settings: Settings, seed: int) -> Iterator[Reached]:
    """Arrange two organisations, five jobs in the first, and serve them."""

    async def arrange() -> tuple[Org, Org, str, tuple[str, str], tuple[UUID, ...]]:
        pool = await open_pool(settings)
        try:
            org, other = await organisation(pool, seed), await organisation(pool, seed + 1)
            jobs = []
            for number in range(5):
                lon, lat = org.point("west" if number < 2 else "east")
                job_id = org.new_id()
                at = datetime(2026, 3, 1 + number, tzinfo=UTC)
                opened = d.OpenJob(
                    job_id=job_id, job_type="repair", title=f"leak {number}", lon_deg=lon, lat_deg=lat, reported_at=at
                )
                await org.ok(opened, by="dan")
                jobs.append(job_id)
            await other.open_job()
            await _drive(org)
            async with org_transaction(pool, org.id) as conn:
                slug = await conn.fetchval("select slug from organisation where org_id = $1", org.id)
            keys = (await key_of(org, *READ), await key_of(org, *INTAKE))
            return org, other, slug, keys, tuple(jobs)
        finally:
            await pool.close()

    org, other, slug, (reading, intake), jobs = asyncio.run(arrange())
    with in_a_thread(settings) as (url, _):
        yield Reached(
            url=url, settings=settings, org=org, other=other, slug=slug, reading=reading, intake=intake, jobs=jobs
        )


async def _drive(org: Org) -> None:
    """Let amy drive this morning and yesterday, three positions each day."""
    now = datetime.now(UTC)
    lon, lat = org.point("east")
    fixes = [
        positions.Fix(
            person_id=org.people["amy"], device_id=None, lon_deg=lon + step / 1000, lat_deg=lat, accuracy_m=5.0, mock=False,
            at=(now - timedelta(days=day)).replace(hour=0, minute=0, second=step, microsecond=0),
        )
        for day in (1, 0)
        for step in range(3)
    ]  # fmt: skip
    async with org_transaction(org.pool, org.id) as conn:
        await positions.record(conn, org.id, fixes, received_at=now)


async def another_key(place: Reached, org: Org, *scopes: str) -> str:
    """Make another key of one of the organisations."""
    pool = await open_pool(place.settings)
    try:
        return await key_of(replace(org, pool=pool), *scopes)
    finally:
        await pool.close()


async def key_of(org: Org, *scopes: str) -> str:
    """Make an API key of an organisation."""
    token = mint_token(TokenKind.API_KEY, org.id, uuid7())
    new = api_keys.NewKey(
        key_id=token.id, name="k", secret_hash=token.secret_hash, scopes=scopes, made_by=None, expires_at=None
    )
    async with org_transaction(org.pool, org.id) as conn:
        await api_keys.add(conn, org.id, new, now=datetime.now(UTC))
    return token.text
