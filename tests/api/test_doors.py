"""The functions that look past row-level security give the one row they are asked for, and only to the application."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


async def _organisation(owner: asyncpg.Connection) -> tuple[UUID, str]:
    org_id = uuid4()
    slug = f"doors-{org_id.hex[:12]}"
    await owner.execute(
        "insert into organisation (org_id, slug, name, zone, currency, language, created_at) values ($1, $2, 'Doors', 'UTC', 'EUR', 'en', $3)",
        org_id,
        slug,
        NOW,
    )
    return org_id, slug


async def test_a_slug_gives_its_organisation_and_an_unknown_one_nothing(
    pool: asyncpg.Pool, owner: asyncpg.Connection
) -> None:
    org_id, slug = await _organisation(owner)
    assert await pool.fetchval("select onsite_org_of($1)", slug) == org_id
    assert await pool.fetchval("select onsite_org_of($1)", slug + "x") is None


async def test_a_caller_is_found_in_its_own_organisation_only(pool: asyncpg.Pool, owner: asyncpg.Connection) -> None:
    (ours, _), (theirs, _) = await _organisation(owner), await _organisation(owner)
    person_id = uuid4()
    await owner.execute(
        "insert into person (org_id, id, code, name, language, roles, skills, active) values ($1, $2, 'p', 'P', 'en', '[\"admin\"]', '[]', true)",
        ours,
        person_id,
    )
    ask = "select roles, active, must_change, signed_in from onsite_caller($1, $2, $3, $4)"
    row = await pool.fetchrow(ask, ours, person_id, uuid4(), NOW)
    assert tuple(row) == (["admin"], True, False, False)
    assert await pool.fetchrow(ask, theirs, person_id, uuid4(), NOW) is None


@pytest.mark.parametrize(
    "table", ["credential", "sign_in", "refresh_token", "reset_token", "api_key", "enrolment", "throttle"]
)
async def test_the_tables_themselves_stay_closed_without_an_organisation(pool: asyncpg.Pool, table: str) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await pool.fetch(f"select count(*) from {table}")
