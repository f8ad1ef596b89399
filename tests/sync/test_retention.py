"""What goes when it is old enough, and what stays however old: answers, quarantine, sessions, notices, tracks."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from api.keeping import keep_of
from api.operator_error import OperatorError
from api.settings import Settings, load_settings
from mobile_contract import limits
from mobile_contract.schema import decisions as d
from mobile_contract.schema.messages import PullAsk, PushAnswer
from mobile_contract.schema.outcome import ResolutionKind
from sync import documents, pull, retention
from sync.buckets import MEMORY
from sync.cursor import Cursor
from sync.life import ensure_life
from sync.resolving import Decision, Resolved, resolve
from sync.retention import due
from sync.seen import forget_seen
from sync.transaction import org_transaction
from tests.arrange import NOW, Org, organisation
from tests.devices import StrictDevice, assert_device_equals_server
from tests.sync import looking
from tests.sync.ageing import KEEP, removed
from tests.sync.phone import Phone, note

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "retention.md"
SOON = NOW + timedelta(days=399)
LATE = NOW + timedelta(days=401)


@pytest.fixture
async def org(pool: asyncpg.Pool, seed: int) -> Org:
    await ensure_life(pool)
    return await organisation(pool, seed)


async def reported(org: Org, phone: Phone) -> UUID:
    """Hand in a remark and give its command."""
    id = phone.do(note(org, await org.assigned_job()))
    await phone.taken()
    return id


async def shown(org: Org, phone: Phone) -> StrictDevice:
    """Let the phone fetch and show its answers."""
    device = StrictDevice(org_id=org.id, id=phone.id, person_id=org.people[phone.author])
    await device.catch_up(org.pool, now=NOW)
    cursor = pull.opened(device.source(org.pool), device.cursor)
    assert isinstance(cursor, Cursor)
    async with org_transaction(org.pool, org.id) as conn:
        await forget_seen(conn, device.source(org.pool).holder, phone.next_n - 1, cursor)
    return device


async def count(org: Org, table: str) -> int:
    found: int = await looking.one(org, f"select count(*) from {table} where org_id = $1")
    return found


async def known(org: Org, id: UUID) -> bool:
    found: bool = await looking.one(
        org, "select exists (select from sync_outcome where org_id = $1 and command_id = $2)", id
    )
    return found


async def test_the_answer_that_a_phone_has_shown_goes_after_400_days_with_its_tombstone(org: Org, phone: Phone) -> None:
    id = await reported(org, phone)
    device = await shown(org, phone)
    await removed(org.pool, org.id, SOON)
    assert await known(org, id)
    assert (await removed(org.pool, org.id, LATE))["outcomes"] > 0
    assert not await known(org, id)
    assert (
        await looking.rows(org, "select 1 from sync_doc where org_id = $1 and kind = 'outcome' and id = $2", id) == []
    )
    await assert_device_equals_server(device, org.pool, now=LATE)


async def test_the_answer_that_no_phone_has_shown_stays_and_is_given_again(org: Org, phone: Phone) -> None:
    id = await reported(org, phone)
    await removed(org.pool, org.id, LATE)
    assert await known(org, id)
    # A phone that lay in a drawer for longer than a year asks again.
    (again,) = await phone.taken(now=LATE)
    assert (again.id, again.status) == (id, "applied")
    assert await count(org, "note") == 1


async def test_what_is_held_or_waits_in_quarantine_is_kept_however_old(org: Org, phone: Phone) -> None:
    held = phone.do(d.ClaimJob(job_id=await org.open_job(), visit_id=org.new_id()), after=(org.new_id(),))
    aside = phone.put({"id": org.new_id(), "name": "no_such_fact", "args": {}, "at": {"wall": NOW}})
    await phone.taken()
    await shown(org, phone)
    await removed(org.pool, org.id, LATE)
    assert await known(org, held) and await known(org, aside)
    assert await count(org, "sync_quarantine") == await count(org, "sync_held") == 1


async def test_quarantine_goes_long_after_somebody_decided_about_it(org: Org, phone: Phone) -> None:
    phone.put({"id": org.new_id(), "name": "no_such_fact", "args": {}, "at": {"wall": NOW}})
    await phone.taken()
    (entry,) = await looking.quarantined(org)
    await discard(org, entry["entry_id"], SOON)
    assert (await removed(org.pool, org.id, LATE))["quarantine"] == 0
    assert (await removed(org.pool, org.id, SOON + KEEP.quarantine + timedelta(seconds=1)))["quarantine"] == 1


async def discard(org: Org, entry_id: UUID, now: datetime) -> None:
    decision = Decision(command_id=org.new_id(), kind=ResolutionKind.DISCARDED)
    assert isinstance(await resolve(org.pool, org.actor("dan"), entry_id, decision, now=now), Resolved)


async def test_sessions_and_scopes_go_long_after_their_end(org: Org, phone: Phone) -> None:
    ends = phone.enrolled.sessions[org.people["amy"]].to_at
    assert (await removed(org.pool, org.id, ends + KEEP.sessions))["sessions"] == 0
    assert (await removed(org.pool, org.id, ends + KEEP.sessions + timedelta(seconds=1)))["sessions"] == 1
    scopes = await count(org, "sync_scope")
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute("update sync_scope set to_at = $2 where org_id = $1 and bucket = 'ref'", org.id, NOW)
    gone = (await removed(org.pool, org.id, LATE))["ended scopes"]
    assert gone > 0
    assert await count(org, "sync_scope") == scopes - gone


async def test_an_old_notice_leaves_the_phone(org: Org, phone: Phone) -> None:
    await ensure_life(org.pool)
    ids = [org.new_id() for _ in range(3)]
    for id, days in zip(ids, (100, 89, 0), strict=True):
        await tell(org, id, NOW - timedelta(days=days))
    device = StrictDevice(org_id=org.id, id=phone.id, person_id=org.people["amy"])
    await device.catch_up(org.pool, now=NOW)
    touched: set[str] = set()
    async for _ in retention.retain(org.pool, org.id, KEEP, now=NOW, poke=lambda _, buckets: touched.update(buckets)):
        pass
    assert touched == {f"me/{org.people['amy']}"}
    await device.catch_up(org.pool, now=NOW)
    assert {id for kind, id in device.documents if kind == "notice"} == set(ids[1:])
    assert {row["id"] for row in await stored(org, "notice")} == set(ids[1:])
    await assert_device_equals_server(device, org.pool, now=NOW)


async def stored(org: Org, kind: str) -> list[dict[str, object]]:
    return await looking.rows(org, "select id from sync_doc where org_id = $1 and kind = $2", kind)


async def tell(org: Org, id: UUID, at: datetime) -> None:
    async with org_transaction(org.pool, org.id) as conn:
        await conn.execute(
            "insert into notice (org_id, id, person_id, code, text, at, about) values ($1, $2, $3, 'ok', $4, $5, '')",
            org.id, id, org.people["amy"], {"en": "told", "zh": "告知"}, at,
        )  # fmt: skip
        await documents.write(conn, org.id, [("notice", id)])


async def test_tracks_go_after_a_month_and_the_last_place_with_them(org: Org) -> None:
    async with org_transaction(org.pool, org.id) as conn:
        for days in (40, 31, 29):
            at = NOW - timedelta(days=days)
            await conn.execute(
                "insert into position_track (org_id, person_id, at, lon_deg, lat_deg) values ($1, $2, $3, 1, 2)",
                org.id, org.people["amy"], at,
            )  # fmt: skip
        await conn.execute(
            "insert into position (org_id, person_id, lon_deg, lat_deg, at, received_at) values ($1, $2, 1, 2, $3, $3)",
            org.id, org.people["amy"], NOW - timedelta(days=29),
        )  # fmt: skip
    first = await removed(org.pool, org.id, NOW)
    assert (first["positions"], first["last places"]) == (2, 0)
    then = await removed(org.pool, org.id, NOW + timedelta(days=2))
    assert (then["positions"], then["last places"]) == (1, 1)


async def test_counting_what_is_due_removes_nothing_and_says_what_goes(org: Org, phone: Phone) -> None:
    await reported(org, phone)
    await shown(org, phone)
    lines = {line.kind: line.rows for line in await due(org.pool, org.id, KEEP, now=LATE)}
    again = {line.kind: line.rows for line in await due(org.pool, org.id, KEEP, now=LATE)}
    assert lines == again
    gone = await removed(org.pool, org.id, LATE)
    assert {kind: rows for kind, rows in lines.items() if rows} == {kind: rows for kind, rows in gone.items() if rows}
    assert gone["outcomes"] > 0


def test_settings_that_nobody_changed_keep_what_devices_need(settings: Settings) -> None:
    assert keep_of(settings) == KEEP
    for name, least in (
        ("ONSITE_KEEP_ENDED_DAYS", MEMORY.days),
        ("ONSITE_KEEP_OUTCOMES_DAYS", limits.COMMAND_MEMORY_DAYS),
    ):
        with pytest.raises(OperatorError, match=name):
            load_settings({"ONSITE_STATE_DIR": str(settings.state_dir), name: str(least - 1)})


async def test_the_page_on_what_is_kept_names_every_table_once(owner: asyncpg.Connection) -> None:
    tables = await owner.fetch(
        """select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'public' and c.relkind in ('r', 'p')
          and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e') order by 1 limit 1000"""
    )
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first_cells = [line.split("|")[1] for line in lines if line.startswith("| `")]
    named = re.findall(r"`(\w+)`", " ".join(first_cells))
    assert sorted(named) == sorted(row["relname"] for row in tables)


async def test_a_push_after_retention_knows_what_was_sent_before(org: Org, phone: Phone) -> None:
    await reported(org, phone)
    await shown(org, phone)
    await removed(org.pool, org.id, LATE)
    later = phone.do(note(org, await org.assigned_job(now=LATE)))
    answer = await phone.push(phone.pending(1), now=LATE)
    assert isinstance(answer, PushAnswer)
    assert [brief.id for brief in answer.outcomes] == [later]
    page = await pull.pull(
        StrictDevice(org_id=org.id, id=phone.id, person_id=None).source(org.pool), PullAsk(), now=LATE
    )
    assert page.acked_n == 2
