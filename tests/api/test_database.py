"""The pool and the owner's connection: whose rights they carry, what jsonb becomes, what a returned connection keeps."""

from typing import TypeAlias

import asyncpg
import msgspec
import pytest

from api.cluster import APP_ROLE, OWNER_ROLE
from api.database import open_pool
from api.operator_error import OperatorError
from api.settings import Settings

Pool: TypeAlias = asyncpg.Pool
Connection: TypeAlias = asyncpg.Connection


async def test_pool_acts_as_the_application_role(pool: Pool) -> None:
    assert await pool.fetchval("select current_user") == APP_ROLE


async def test_application_role_owns_nothing_and_cannot_pass_row_level_security(owner: Connection) -> None:
    role = await owner.fetchrow(
        "select oid, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole from pg_roles where rolname = $1", APP_ROLE
    )
    assert role is not None
    assert not (role["rolsuper"] or role["rolbypassrls"] or role["rolcreatedb"] or role["rolcreaterole"])
    assert await owner.fetchval("select count(*) from pg_class where relowner = $1", role["oid"]) == 0
    assert await owner.fetchval("select count(*) from pg_proc where proowner = $1", role["oid"]) == 0
    assert await owner.fetchval("select count(*) from pg_namespace where nspowner = $1", role["oid"]) == 0


async def test_one_login_for_both_steps_down_to_the_application_role(settings: Settings) -> None:
    one_login = msgspec.structs.replace(settings, database_url=settings.owner_database_url)
    opened = await open_pool(one_login, size_max=1)
    try:
        assert await opened.fetchval("select current_user") == APP_ROLE
        assert await opened.fetchval("select session_user") == OWNER_ROLE
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await opened.execute("create table public.sneaked_in (n int)")
    finally:
        await opened.close()


async def test_limits_hold_on_every_connection(pool: Pool, settings: Settings) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    shown = [await pool.fetchval("select setting from pg_settings where name = $1", name) for name in names]
    assert shown == [
        str(round(s * 1000))
        for s in (settings.statement_timeout_s, settings.lock_timeout_s, settings.idle_in_transaction_timeout_s)
    ]


async def test_jsonb_round_trips_plain_values(pool: Pool) -> None:
    value = {"zh": "抢修", "n": [1, 2.5, None, True]}
    assert await pool.fetchval("select $1::jsonb", value) == value


async def test_open_transaction_is_rolled_back_when_its_connection_returns(settings: Settings) -> None:
    opened = await open_pool(settings, size_max=1)
    try:
        async with opened.acquire() as connection, connection.transaction():
            await connection.execute("select set_config('onsite.org', 'left behind', true)")
        async with opened.acquire() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetchval("select current_setting('onsite.org', true)") in (None, "")
    finally:
        await opened.close()


async def test_an_unreachable_server_is_the_operators_to_mend(settings: Settings) -> None:
    nowhere = msgspec.structs.replace(settings, database_url="postgresql://onsite_app@127.0.0.1:1/onsite")
    with pytest.raises(OperatorError, match="ONSITE_DATABASE_URL"):
        await open_pool(nowhere)
