"""The clerk's desk at the command line: signs in, sees what waits, hands out, takes back, counts, reconciles; in both languages, and plainly when refused."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from api.cli import build
from api.operator_error import OperatorError
from api.settings import Settings
from api.stock_issue import many, pairs, quantity_of
from mobile_contract.schema import facts as f
from sync.transaction import org_transaction
from tests.api.office import give_login, slug_of
from tests.api.serving import PASSWORD, Site, in_a_thread
from tests.api.warehouse import Warehouse, stocked_warehouse
from tests.arrange import Org, organisation


@pytest.fixture(scope="module")
def served(settings: Settings) -> Iterator[tuple[str, Site]]:
    with in_a_thread(settings) as running:
        yield running


@pytest.fixture
async def store(pool: asyncpg.Pool, seed: int) -> Warehouse:
    return await stocked_warehouse(await organisation(pool, seed))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Whoever imported the console first decided how wide it is.
    monkeypatch.setattr("api.console.console._width", 200)
    return tmp_path / "desk"


async def signed_in(
    served: tuple[str, Site], org: Org, state: Path, *, login: str = "wes", language: str = "en"
) -> Result:
    url, site = served
    await give_login(site, org, login)
    args = ["stock", "sign-in", login, "--org", await slug_of(org), "--url", url, "--language", language]
    return CliRunner().invoke(build(), [*args, "--password-stdin", "--state", str(state)], input=f"{PASSWORD}\n")


def ran(state: Path, *args: str) -> str:
    """Run a command that must succeed and give what it printed, blanks counted once."""
    done = CliRunner().invoke(build(), ["stock", *args, "--state", str(state)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return "\n".join(" ".join(line.split()) for line in done.output.splitlines())


def refused(state: Path, *args: str) -> str:
    """Run a command that must be refused and give the reason."""
    with pytest.raises(OperatorError) as refusal:
        CliRunner().invoke(build(), ["stock", *args, "--state", str(state)], catch_exceptions=False)
    return str(refusal.value)


async def test_a_day_at_the_desk(served: tuple[str, Site], store: Warehouse, state: Path) -> None:
    org = store.org
    assert "Signed in as wes" in (await signed_in(served, org, state)).output
    assert (state / "stock-desk.json").stat().st_mode & 0o077 == 0
    job = await org.assigned_job()
    await store.approved(job, ("clamp", "3"), ("pump", "1"), by="gus")
    number = await number_of(org, job.job_id)
    assert "│ to pick │ 1 │" in ran(state, "queues")
    queue = ran(state, "queue", "pick")
    assert re.search(rf"│ {number} │ approved │ clamp │ 3 │ main 50 │", queue)
    assert "│ pump │ 1 │ A-01 5 │" in queue
    assert "Nothing waits here." in ran(state, "queue", "hand-over")
    said = ran(state, "issue", number, "--line", "1=2", "--line", "2=1", "--store", "main")
    assert f"Done. {number}: 2 clamp, 1 pump" in said
    assert "│ clamp │ 1 │ main 48 │" in ran(state, "queue", "pick")
    assert f"Done. {number}: 1 clamp" in ran(state, "issue", number)
    out = ran(state, "queue", "hand-over")
    assert [out.count("│ clamp │ 2 │"), out.count("│ clamp │ 1 │"), out.count("│ pump │ 1 │")] == [1, 1, 1]
    assert "Nothing approved is open" in refused(state, "issue", number)
    await store.report(job, f.ReturnPart, "clamp", "1.5")
    assert f"│ {number} │ clamp │ 1.5 │" in ran(state, "queue", "receive-back")
    assert f"Done. {number}: 1" in ran(state, "receive-back", number, "--into", "A-02")
    assert "│ A-02 │ clamp │ clamp │ 1.5 │" in ran(state, "at", "main")
    assert "Done. main: 1" in ran(state, "count", "main", "clamp=46", "--note", "one is split")
    moves = ran(state, "moves", "main", "--part", "clamp")
    assert re.search(r"│ counted │ clamp │ -1 │ 46 │ main → count_difference │", moves)
    assert "│ received" not in moves
    assert "│ opening" not in moves


async def number_of(org: Org, job_id: object) -> str:
    async with org_transaction(org.pool, org.id) as conn:
        return str(await conn.fetchval("select number from job where org_id = $1 and id = $2", org.id, job_id))


async def test_a_refusal_is_said_in_the_clerks_language(
    served: tuple[str, Site], store: Warehouse, state: Path
) -> None:
    await signed_in(served, store.org, state, language="zh")
    assert "│ 待拣货 │ 0 │" in ran(state, "queues")
    assert "暂无待办。" in ran(state, "queue", "pick")
    job = await store.org.assigned_job()
    await store.approved(job, ("valve", "1"), by="gus")
    assert "No place has 1 of valve" in refused(state, "issue", await number_of(store.org, job.job_id))
    told = refused(state, "count", "main", "clamp=9", "--as-of", "2999-01-01")
    assert re.search(r"[\u4e00-\u9fff].*as_of_future", told), told


async def test_whoever_may_not_see_the_queues_is_told_so_and_sees_no_cost(
    served: tuple[str, Site], store: Warehouse, state: Path
) -> None:
    await signed_in(served, store.org, state, login="dan")
    assert "You may not do this. (forbidden)" in refused(state, "queues")
    assert "Value" not in ran(state, "at", "main")
    assert "│ 12.5 │" not in ran(state, "part", "clamp")


async def test_nobody_is_signed_in_before_and_after(served: tuple[str, Site], store: Warehouse, state: Path) -> None:
    assert "Nobody is signed in" in refused(state, "queues")
    await signed_in(served, store.org, state)
    ran(state, "sign-out")
    assert "Nobody is signed in" in refused(state, "queues")


async def test_a_sign_in_that_has_run_out_is_renewed_and_one_that_is_spoilt_asks_anew(
    served: tuple[str, Site], store: Warehouse, state: Path
) -> None:
    await signed_in(served, store.org, state)
    path = state / "stock-desk.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({**known, "access_token": "spoilt"}))
    assert "Queues" in ran(state, "queues")
    assert json.loads(path.read_text())["refresh_token"] != known["refresh_token"]
    path.write_text(json.dumps({**known, "access_token": "spoilt", "refresh_token": "spoilt"}))
    assert "Sign in again" in refused(state, "queues")


async def test_a_wrong_password_and_a_silent_server_are_said_plainly(
    served: tuple[str, Site], store: Warehouse, state: Path
) -> None:
    url, site = served
    await give_login(site, store.org, "wes")
    common = ["stock", "sign-in", "wes", "--org", await slug_of(store.org), "--password-stdin", "--state", str(state)]
    for address, said in ((url, "login_failed"), ("http://127.0.0.1:9", "does not answer")):
        with pytest.raises(OperatorError, match=said):
            CliRunner().invoke(build(), [*common, "--url", address], input="wrong\n", catch_exceptions=False)


async def test_parts_are_found_by_barcode_code_and_words(
    served: tuple[str, Site], store: Warehouse, state: Path
) -> None:
    await signed_in(served, store.org, state)
    assert "│ A-01 │ pump │" in ran(state, "part", "pump")
    assert "No part is called" in refused(state, "part", "(01)09521234543213")
    assert "│ A-01 │ bin │ Shelf A-01 │ main │" in ran(state, "places", "A-")


@pytest.mark.parametrize("text", ["1", "=2", "1=", "x=2"])
def test_a_line_that_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(OperatorError, match="--line"):
        pairs("--line", [text])


def test_lines_and_quantities_are_read_exactly() -> None:
    assert many("--serial", ["1=A", "2=B", "1=C"]) == {1: ["A", "C"], 2: ["B"]}
    assert quantity_of("2.50") == Decimal("2.50")
    for text in ("-1", "many", "1e99", ""):
        with pytest.raises(OperatorError):
            quantity_of(text)
