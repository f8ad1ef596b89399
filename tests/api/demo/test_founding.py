"""Founding: what the demo organisation has, and that founding it again changes nothing."""

from datetime import timedelta

import asyncpg

from api.demo import founding
from api.demo.cast import OFFICE, PARTS
from api.demo.playing import the_city
from jobs.policies import shipped_policies
from mobile_contract.schema.people import Role
from sync.transaction import org_transaction
from tests.api.demo.conftest import EVENING, ZONE, new_slug

_TABLES = (
    "district",
    "site",
    "meter",
    "part",
    "policy",
    "job_type",
    "person",
    "crew",
    "crew_member",
    "stock_location",
    "duty",
)


async def _state(pool: asyncpg.Pool, founded: founding.Founded) -> tuple[dict[str, int], int, int]:
    async with org_transaction(pool, founded.org_id) as conn:
        counts = {
            name: await conn.fetchval(f"select count(*) from {name} where org_id = $1", founded.org_id)
            for name in _TABLES
        }
        versions = await conn.fetchval("select sum(ver)::int from sync_doc where org_id = $1", founded.org_id)
        outcomes = await conn.fetchval("select count(*) from sync_outcome where org_id = $1", founded.org_id)
    return counts, versions, outcomes


async def test_founding_again_changes_nothing(pool: asyncpg.Pool) -> None:
    slug, city = new_slug(), the_city()
    founded = await founding.found(pool, slug, city, zone=ZONE, now=EVENING)
    before = await _state(pool, founded)
    again = await founding.found(pool, slug, city, zone=ZONE, now=EVENING + timedelta(hours=2))
    assert again == founded
    assert await _state(pool, founded) == before


async def test_the_demo_has_what_a_day_needs(pool: asyncpg.Pool) -> None:
    founded = await founding.found(pool, new_slug(), the_city(), zone=ZONE, now=EVENING)
    counts, _, _ = await _state(pool, founded)
    assert counts["district"] == len(the_city().districts)
    assert counts["site"] == len(the_city().sites)
    assert counts["meter"] > 100
    assert counts["part"] == len(PARTS) == 30
    assert (counts["crew"], counts["crew_member"]) == (12, 24)
    assert counts["person"] == 24 + len(OFFICE) + 1
    assert {line.role for line in OFFICE} == set(Role) - {
        Role.TECHNICIAN, Role.CREW_LEAD, Role.ADMIN, Role.INTEGRATION,
    }  # fmt: skip
    async with org_transaction(pool, founded.org_id) as conn:
        expiring = await conn.fetchval(
            "select count(*) from person, jsonb_array_elements(skills) s where org_id = $1 and s ? 'expires_at'",
            founded.org_id,
        )
        latest = await conn.fetchval("select max(version) from policy where org_id = $1", founded.org_id)
    assert expiring == 2
    # The shipped ladder, and the demo's own hours after it.
    assert latest == max(policy.version for policy in shipped_policies(founded.org_id, "CNY")) + 1


async def test_everybody_in_the_office_can_sign_in(pool: asyncpg.Pool) -> None:
    founded = await founding.found(pool, new_slug(), the_city(), zone=ZONE, now=EVENING)
    logins = await founding.give_logins(pool, founded, "quiet water 7 pipes", now=EVENING)
    async with org_transaction(pool, founded.org_id) as conn:
        rows = await conn.fetch(
            "select login, must_change, password_hash is not null has from credential where org_id = $1", founded.org_id
        )
    assert {row["login"] for row in rows} == set(logins) == {*(line.code for line in OFFICE), "admin"}
    assert all(row["has"] and not row["must_change"] for row in rows)
