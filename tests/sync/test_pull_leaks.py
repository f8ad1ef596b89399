"""Raw SQL as the application's role: no row and no function of the pull gives anything of another organisation."""

from uuid import uuid4

import asyncpg
import pytest

from mobile_contract.schema.messages import PullAsk
from sync import pull
from sync.transaction import org_transaction
from tests.devices import StrictDevice
from tests.sync.stage import NOW, Stage

TABLES = (
    "sync_doc",
    "sync_member",
    "sync_scope",
    "sync_device",
    "sync_device_seen",
    "sync_session",
    "sync_outcome",
    "sync_held",
    "sync_quarantine",
    "sync_unreadable",
)
ZERO = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
async def theirs(stage: Stage) -> tuple[Stage, StrictDevice]:
    """Give another organisation that has documents, and a device that holds them."""
    other = Stage(stage.pool)
    device = await other.device("crew/1", "ref")
    await other.put("their secret", "crew/1")
    await other.put("their secret too", "ref")
    await device.catch_up(other.pool, now=NOW)
    return other, device


@pytest.mark.parametrize("table", TABLES)
async def test_tables_show_no_row_of_another_organisation(
    stage: Stage, theirs: tuple[Stage, StrictDevice], table: str
) -> None:
    other, _ = theirs
    async with org_transaction(stage.pool, stage.org_id) as conn:
        assert await conn.fetch(f"select 1 from {table} where org_id = $1 limit 1", other.org_id) == []
        assert await conn.fetchval(f"select count(*) from {table} where org_id <> $1", stage.org_id) == 0
    with pytest.raises(asyncpg.PostgresError):
        await stage.pool.fetch(f"select 1 from {table} limit 1")


@pytest.mark.parametrize("table", ["sync_doc", "sync_member", "sync_scope"])
async def test_nothing_of_another_organisation_can_be_changed(
    stage: Stage, theirs: tuple[Stage, StrictDevice], table: str
) -> None:
    other, _ = theirs
    async with org_transaction(stage.pool, stage.org_id) as conn:
        assert await conn.execute(f"delete from {table} where org_id = $1", other.org_id) == "DELETE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with org_transaction(stage.pool, stage.org_id) as conn:
            await conn.execute(
                "insert into sync_member (org_id, bucket, kind, id, h) values ($1, 'ref', 'part', $2, 0)",
                other.org_id,
                uuid4(),
            )


async def test_a_device_of_ours_pulls_nothing_of_theirs_though_it_names_their_buckets(
    stage: Stage, theirs: tuple[Stage, StrictDevice]
) -> None:
    _, device = theirs
    # The same device and person ids, the same buckets, a cursor of theirs: only the organisation is ours.
    intruder = StrictDevice(org_id=stage.org_id, id=device.id, person_id=device.person_id)
    for cursor in (None, device.cursor):
        page = await pull.pull(intruder.source(stage.pool), PullAsk(cursor=cursor), now=NOW)
        assert b"secret" not in page.body
        assert page.want == (f"dev/{device.id}",)
    digests = await stage.pool.fetch("select n from sync_digests($1, $2, null)", stage.org_id, ["crew/1", "ref"])
    assert [row["n"] for row in digests] == [0, 0]
    filled = await stage.pool.fetch(
        f"select kind from sync_fill($1, $2, '', '{ZERO}', 100, 100000)", stage.org_id, ["crew/1", "ref"]
    )
    assert filled == []
    assert await stage.pool.fetch("select r from sync_range_sums($1, 'ref')", stage.org_id) == []
    ranges = await stage.pool.fetch(
        "select kind from sync_ranges($1, 'ref', $2, 100000)", stage.org_id, list(range(256))
    )
    assert ranges == []


async def test_a_pull_gives_no_bucket_that_the_person_does_not_hold_whatever_the_cursor_claims(stage: Stage) -> None:
    device = await stage.device("ref")
    await stage.put("secret of crew 1", "crew/1")
    rows = await stage.pool.fetch(
        "select puts, body, want from sync_pull($1, $2, $3, $4, sync_life_now(), '1:1:'::pg_snapshot, $5, $6, $7, true, 1000000)",
        *(stage.org_id, device.id, device.person_id, NOW, ["crew/1", "me/other"], [None, None], [None, None]),
    )
    assert [row["body"] for row in rows] == [None]
    assert rows[0]["want"] == [f"dev/{device.id}", "ref"]


async def test_a_device_of_another_person_gives_no_scope(stage: Stage) -> None:
    ours, other = await stage.device("crew/1"), await stage.device("crew/2")
    await stage.put("secret of crew 2", "crew/2")
    stranger = StrictDevice(org_id=stage.org_id, id=uuid4(), person_id=other.person_id)
    page = await pull.pull(stranger.source(stage.pool), PullAsk(), now=NOW)
    assert page.want == (f"dev/{stranger.id}",), "a device that was never enrolled holds nothing for anybody"
    page = await pull.pull(ours.source(stage.pool), PullAsk(), now=NOW)
    assert b"secret" not in page.body


async def test_whoever_is_not_the_application_may_call_no_function_of_the_pull(owner: asyncpg.Connection) -> None:
    names = await owner.fetch(
        """select p.oid::regprocedure::text name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'public' and p.proname like 'sync\\_%' and has_function_privilege('public', p.oid, 'execute')"""
    )
    assert names == []
