"""A database server that is not ours, with one login that owns the tables: prepared with advice, used with fewer rights."""

import secrets
from collections.abc import Iterator

import asyncpg
import msgspec
import pytest

from api import cluster
from api.cluster import APP_ROLE, Place
from api.database import open_pool, owner_connection
from api.migrations import latest_revision, migrate
from api.operator_error import OperatorError
from api.settings import Settings


@pytest.fixture
def foreign(cluster_place: Place, settings: Settings) -> Iterator[Settings]:
    """Give settings for a bare database of a login that is nobody special."""
    login = f"foreign_{secrets.token_hex(4)}"
    cluster.superuser_sql(cluster_place, f"create role {login} login")
    cluster.superuser_sql(cluster_place, f"create database {login} template template0 owner {login}")
    url = cluster_place.url(login, login)
    try:
        yield msgspec.structs.replace(settings, database_url=url, owner_database_url=url)
    finally:
        cluster.superuser_sql(cluster_place, f"drop database {login} with (force)")
        cluster.superuser_sql(cluster_place, f"drop role {login}")


async def test_a_login_without_rights_is_told_what_the_administrator_must_run(foreign: Settings) -> None:
    with pytest.raises(OperatorError, match=f"grant {APP_ROLE} to"):
        await migrate(foreign)


async def test_a_database_without_postgis_is_told_too(foreign: Settings, cluster_place: Place) -> None:
    login = foreign.database_url.split("//")[1].split("@")[0]
    cluster.superuser_sql(cluster_place, f"grant {APP_ROLE} to {login}")
    with pytest.raises(OperatorError, match="create extension postgis"):
        await migrate(foreign)


async def test_one_login_migrates_as_itself_and_serves_as_the_application(
    foreign: Settings, cluster_place: Place
) -> None:
    login = foreign.database_url.split("//")[1].split("@")[0]
    cluster.superuser_sql(cluster_place, f"grant {APP_ROLE} to {login}")
    cluster.superuser_sql(cluster_place, "create extension postgis", database=login)
    assert await migrate(foreign) == latest_revision()
    pool = await open_pool(foreign, size_max=1)
    try:
        assert await pool.fetchval("select current_user || ' for ' || session_user") == f"{APP_ROLE} for {login}"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("alter table public.alembic_version add column sneaked_in int")
    finally:
        await pool.close()
    async with owner_connection(foreign) as owner:
        assert await owner.fetchval("select current_user") == login
