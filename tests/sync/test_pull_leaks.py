"""Raw SQL as the application's role: no row and no function of the pull gives anything of another organisation."""

import hashlib
from uuid import UUID, uuid4

import asyncpg
import pytest

from mobile_contract.schema.messages import PullAsk
from sync import pull, reading
from sync.reading import Holder, Start
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
    sums = "select r from sync_range_sums($1, 'ref', '1:1:')"
    assert await stage.pool.fetch(sums, stage.org_id) == []


CLAIM = """
select about, frame from sync_page($1, $2, $3, $4, $5, $6, sync_life_now(), $7::text::pg_snapshot, $8, $9, '', $10, $11,
  $12, $13, $14, $15, 2000, 250, 2000000, 2000000, 50000)"""
ZERO_ID = UUID(int=0)


@pytest.mark.parametrize("mend", [None, "crew/1"])
@pytest.mark.parametrize("since", ["1:1:", None])
@pytest.mark.parametrize("part", [None, "crew/1"])
async def test_a_pull_gives_no_bucket_that_the_person_does_not_hold_whatever_the_cursor_claims(
    stage: Stage, since: str | None, part: str | None, mend: str | None
) -> None:
    device = await stage.device("ref")
    await stage.put("secret of crew 1", "crew/1")
    claimed = ["crew/1", "me/other"]
    for weighed in (False, True):
        rows = await stage.pool.fetch(
            CLAIM,
            *(stage.org_id, device.id, None, None, device.person_id, NOW, since, claimed, part, ZERO_ID, ["crew/1"]),
            *(True, weighed, mend, list(range(256))),
        )
        assert b"secret" not in b"".join(row["frame"] or b"" for row in rows)
        assert reading.about_of(rows[-1]["about"]).want == (f"dev/{device.id}", "ref")


async def test_who_brings_no_secret_of_the_device_or_a_session_of_another_gets_nothing(stage: Stage) -> None:
    device, other = await stage.device("ref"), await stage.device("ref")
    await stage.put("secret", "ref")
    stored, theirs = hashlib.sha256(device.id.bytes).digest(), uuid4()
    async with org_transaction(stage.pool, stage.org_id) as conn:
        await conn.execute(
            "update sync_device set secret_hash = $3 where org_id = $1 and device_id = $2",
            stage.org_id,
            device.id,
            stored,
        )
        await conn.execute(
            "insert into sync_session (org_id, session_id, device_id, person_id, from_at, to_at, issued_at) values ($1, $2, $3, $4, $5, $5, $5)",
            *(stage.org_id, theirs, other.id, device.person_id, NOW),
        )
    wrong = [
        (bytes(32), None, "device"),
        (b"", None, "device"),
        (bytes(32), theirs, "device"),
        (stored, theirs, "session"),
    ]
    for secret, session, refused in [*wrong, (stored, UUID(int=0), "session")]:
        (row,) = await stage.pool.fetch(
            CLAIM,
            *(stage.org_id, device.id, secret, session, device.person_id, NOW, None, [], None, ZERO_ID, []),
            *(True, False, None, None),
        )
        assert tuple(row.values()) == (f'{{"refused":"{refused}"}}', None)
    nobody = Holder(stage.org_id, device.id, device.person_id, secret_hash=stored)
    assert (await reading.read(stage.pool, nobody, Start(), NOW)).want == (f"dev/{device.id}",)


TOGETHER = """
select about, frames from sync_pages($1::uuid[], $2::uuid[], $3::bytea[], $4::uuid[], $5, array_fill(sync_life_now(), array[cardinality($1::uuid[])]),
  array_fill('1:1:'::text, array[cardinality($1::uuid[])]), $6::text[], 1000000) order by no"""


async def test_who_proves_nothing_gets_no_frame_among_others_though_there_is_news(stage: Stage) -> None:
    device, other = await stage.device(), await stage.device()
    stored, mine, theirs = hashlib.sha256(device.id.bytes).digest(), uuid4(), uuid4()
    async with org_transaction(stage.pool, stage.org_id) as conn:
        await conn.execute(
            "update sync_device set secret_hash = $3, person_id = $4 where org_id = $1 and device_id = $2",
            *(stage.org_id, device.id, stored, device.person_id),
        )
        await conn.executemany(
            "insert into sync_session (org_id, session_id, device_id, person_id, from_at, to_at, issued_at) values ($1, $2, $3, $4, $5, $5, $5)",
            [(stage.org_id, session, d.id, d.person_id, NOW) for session, d in ((mine, device), (theirs, other))],
        )
    await stage.put("secret", f"dev/{device.id}")
    wrong = [
        (bytes(32), None, "device"),
        (b"", mine, "device"),
        (None, mine, "device"),
        (stored, theirs, "session"),
        (stored, UUID(int=0), "session"),
    ]
    asks = [(secret, session) for secret, session, _ in wrong] + [(stored, mine)]
    rows = await stage.pool.fetch(
        TOGETHER,
        *([stage.org_id] * len(asks), [device.id] * len(asks), *(list(each) for each in zip(*asks, strict=True))),
        *(NOW, [f"{{dev/{device.id}}}"] * len(asks)),
    )
    assert [tuple(row) for row in rows[:-1]] == [(f'{{"refused":"{refused}"}}', None) for *_, refused in wrong]
    assert b"secret" in rows[-1]["frames"], "the device itself gets what the others asked for"


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
