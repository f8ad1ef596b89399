"""The pages of a warehouse after years: with 100,000 movements every list walks an index, and none reads a large table from end to end."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from api.database import open_pool, owner_connection
from api.settings import Settings
from api.store import master_lists, stock_lists, warehouse_lists
from jobs.store.tables import columns_of
from mobile_contract.schema import facts as f
from mobile_contract.schema import listing_masters as lm
from mobile_contract.schema import listing_stock as ls
from mobile_contract.schema.stock import MoveKind
from sync.life import ensure_life
from sync.transaction import org_transaction
from tests.api.warehouse import warehouse
from tests.arrange import NOW, Org, organisation

MOVES: Final = 100_000
SEED: Final = 20260302
# What grows with the years: none of these may be read from end to end.
LARGE: Final = frozenset({"stock_move", "stock_level", "material_request", "issue_slip", "approval", "shift"})
# What a page may look at: more, and it sorts or skips most of what it reads.
ROWS_MAX: Final = 5_000
_SPOTS: Final = "create temp table spot as select row_number() over (order by id) - 1 i, id from stock_location where org_id = $1 and code like '_-%'"  # fmt: skip
_PIECES: Final = "create temp table piece as select row_number() over (order by id) - 1 i, id from part where org_id = $1 and code like 'p-%'"  # fmt: skip
_LEVELS: Final = """
insert into stock_level (org_id, id, location_id, part_id, quantity, reserved, reorder_point)
select $1, gen_random_uuid(), s.id, p.id, 5, 0, case when (s.i + p.i) % 50 = 0 then 6 end from spot s, piece p"""


@dataclass(frozen=True)
class Busy:
    """A warehouse after years of work: the organisation, a connection's source, a bin, a part and a job of many."""

    org: Org
    pool: asyncpg.Pool
    place: UUID
    part: UUID
    job: UUID


@pytest.fixture(scope="module")
async def busy(own_settings: Settings) -> AsyncIterator[Busy]:
    pool = await open_pool(own_settings)
    try:
        await ensure_life(pool)
        org = await organisation(pool, SEED)
        places = await warehouse(org)
        job = await org.assigned_job()
        await places.receive("main", "clamp", "100")
        await places.issued(job, await places.approved(job, ("clamp", "1"), by="eve"))
        await places.report(job, f.ReturnPart, "clamp", "1")
        async with owner_connection(own_settings) as owner:
            await _years_pass(owner, org)
            spot = await owner.fetchrow("select s.id place, p.id part from spot s, piece p where s.i = 7 and p.i = 7")
        assert spot is not None
        yield Busy(org, pool, spot["place"], spot["part"], job.job_id)
    finally:
        await pool.close()


async def _years_pass(owner: asyncpg.Connection, org: Org) -> None:
    """Multiply what one job left, by the database itself: nobody has years to wait for commands."""

    async def many(kind: str, count: int, beside: str = "", /, **said: str) -> None:
        given = {"id": "gen_random_uuid()", **said}
        shown = [given.get(column, f"t.{column}") for column in columns_of(kind)]
        await owner.execute(
            f"insert into {kind} (org_id, {', '.join(columns_of(kind))}) select t.org_id, {', '.join(shown)}"
            f" from (select * from {kind} where org_id = $1 limit 1) t, generate_series(1, {count}) n {beside}",
            org.id,
        )

    at = f"'{(NOW - timedelta(days=700)).isoformat()}'::timestamptz + n * interval '10 minutes'"
    await many("part", 300, code="'p-' || n")
    await many("stock_location", 60, code="'b-' || n", kind="'bin'", parent_id="null")
    await many("stock_location", 60, code="'v-' || n", kind="'van'", parent_id="null")
    await owner.execute(_SPOTS, org.id)
    await owner.execute(_PIECES, org.id)
    await owner.execute(_LEVELS, org.id)
    await many(
        "stock_move",
        MOVES,
        "join spot a on a.i = n * 7 % 120 join spot b on b.i = (n * 11 + 1 + n / 120) % 120 join piece p on p.i = n % 300",
        part_id="p.id",
        from_location_id="a.id",
        to_location_id="b.id",
        occurred_at=at,
        kind="'shipped'",
        job_id="null",
        serial="case when n % 10 = 0 then 'SN-' || n else '' end",
    )
    waits = "n % 500 = 0"
    await many(
        "material_request", 20_000, state=f"case when {waits} then 'approved' else 'closed' end", requested_at=at
    )
    await many("issue_slip", 20_000, issued_at=at, received_at=f"case when not {waits} then {at} end")
    await many("approval", 20_000, state=f"case when {waits} then 'waiting' else 'approved' end", asked_at=at)
    await owner.execute(
        "insert into shift (org_id, id, person_id, from_at, to_at) select $1, gen_random_uuid(), $2,"
        " $3::timestamptz + n * interval '1 hour', $3::timestamptz + (n + 8) * interval '1 hour' from generate_series(1, 20000) n",
        org.id,
        org.people["amy"],
        NOW - timedelta(days=700),
    )
    for kind in sorted({*LARGE, "part", "stock_location"}):
        await owner.execute(f"analyze {kind}")


Ask = Callable[[asyncpg.Connection, Busy, str | None], Awaitable[Any]]


def moves(**said: str) -> Ask:
    """Ask for movements; `place`, `part` and `job` stand for those of the fixture."""

    def ask(conn: asyncpg.Connection, b: Busy, cursor: str | None) -> Awaitable[Any]:
        known = {"location": b.place, "part": b.part, "job": b.job}
        given: dict[str, Any] = {name: known.get(name, value) for name, value in said.items()}
        if "kind" in given:
            given["kind"] = (MoveKind(given["kind"]),)
        return stock_lists.list_moves(conn, b.org.id, ls.MoveFilter(cursor=cursor, **given), with_cost=True)

    return ask


def balances(*, past: bool = False, **said: str) -> Ask:
    """Ask for balances."""

    def ask(conn: asyncpg.Connection, b: Busy, cursor: str | None) -> Awaitable[Any]:
        given: dict[str, Any] = {name: {"location": b.place, "part": b.part}[name] for name in said}
        asked = ls.BalanceFilter(cursor=cursor, as_of=NOW if past else None, **given)
        return stock_lists.list_balances(conn, b.org.id, asked, with_cost=True)

    return ask


LISTS: Final[dict[str, Ask]] = {
    "movements": moves(),
    "movements at a place": moves(location=""),
    "movements of a part": moves(part=""),
    "movements of a part at a place": moves(location="", part=""),
    "movements on a job": moves(job=""),
    "movements of a serial": moves(serial="SN-500"),
    "movements of a kind at a place": moves(location="", kind="shipped"),
    "what lies anywhere": balances(),
    "what lies at a place": balances(location=""),
    "where a part lies": balances(part=""),
    "what lay at a place": balances(location="", past=True),
    "where a part lay": balances(part="", past=True),
    "what lay there of a part": balances(location="", part="", past=True),
    "parts": lambda c, b, cur: master_lists.list_parts(c, b.org.id, lm.PartFilter(cursor=cur), with_cost=True),
    "places": lambda c, b, cur: stock_lists.list_locations(c, b.org.id, ls.LocationFilter(cursor=cur)),
    "shifts": lambda c, b, cur: master_lists.list_shifts(c, b.org.id, lm.SpanFilter(cursor=cur)),
    "to approve": lambda c, b, cur: warehouse_lists.list_to_approve(
        c, b.org.actor("wes"), ls.ApproveQueueFilter(cursor=cur, limit=20)
    ),
    "to pick": lambda c, b, cur: warehouse_lists.list_to_pick(c, b.org.id, ls.PickQueueFilter(cursor=cur, limit=20)),
    "to hand over": lambda c, b, cur: warehouse_lists.list_to_hand_over(
        c, b.org.id, ls.HandOverQueueFilter(cursor=cur, limit=20)
    ),
    "to receive back": lambda c, b, cur: warehouse_lists.list_to_receive_back(c, b.org.id, ls.ReturnQueueFilter()),
    "exceptions": lambda c, b, cur: warehouse_lists.list_exceptions(c, b.org.id, ls.ExceptionFilter()),
    "the queues' counts": lambda c, b, cur: warehouse_lists.count_queues(c, b.org.id),
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_walks_an_index(busy: Busy, name: str) -> None:
    async with org_transaction(busy.pool, busy.org.id) as conn:
        seen: list[Any] = []
        conn.add_query_logger(seen.append)
        first = await LISTS[name](conn, busy, None)
        cursor = getattr(first, "next", None)
        if cursor is not None:
            await LISTS[name](conn, busy, cursor)
        conn.remove_query_logger(seen.append)
        for record in seen:
            # A prepared statement that is used often is planned once for all values: that plan has to do as well.
            for mode in ("force_custom_plan", "force_generic_plan"):
                await conn.execute(f"set local plan_cache_mode = {mode}")
                await _assert_by_index(conn, record, f"{name}, {mode}")


async def _assert_by_index(conn: asyncpg.Connection, record: Any, name: str) -> None:
    (row,) = await conn.fetch(f"explain (analyze, format json) {record.query}", *record.args)
    nodes = list(_nodes(json.loads(row[0])[0]["Plan"]))
    whole = {n["Relation Name"] for n in nodes if n["Node Type"] == "Seq Scan" and n.get("Actual Loops") != 0}
    assert whole & LARGE == set(), f"{name} reads {whole & LARGE} from end to end\n{record.query}"
    most = max(node["Actual Rows"] * node["Actual Loops"] for node in nodes)
    assert most <= ROWS_MAX, f"{name} looks at {most} rows\n{record.query}"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


async def test_a_list_whose_index_is_gone_is_found_out(busy: Busy, own_settings: Settings) -> None:
    async with owner_connection(own_settings) as owner:
        seen: list[Any] = []
        owner.add_query_logger(seen.append)
        await LISTS["movements"](owner, busy, None)
        owner.remove_query_logger(seen.append)
        ending = owner.transaction()
        await ending.start()
        await owner.execute("drop index stock_move_occurred_at_idx")
        with pytest.raises(AssertionError, match="movements"):
            await _assert_by_index(owner, seen[0], "movements")
        await ending.rollback()
