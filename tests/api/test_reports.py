"""The weekly report of material: the right week, the right sums, files that are safe to open; and how a day was reconciled."""

import csv
import io
import zipfile
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import asyncpg
import pytest
from python_calamine import CalamineWorkbook

from api.sheets import Table, as_csv, as_xlsx
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.material import Part
from mobile_contract.schema.reconciliation_commands import ReconcileDay
from mobile_contract.schema.stock_commands import ReverseMove
from tests.api.office import Office, office
from tests.api.serving import Site
from tests.arrange import NOW, Assigned
from tests.jobs.reconciling import TODAY

FORMULA = '=HYPERLINK("http://evil","click")'
SUNDAY_END = NOW + timedelta(days=6, hours=13, minutes=59)
"""A minute before the week's last midnight in Shanghai."""


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    return await office(still, pool, seed, "wes", "eve", "amy", "cal")


def using(desk: Office, job: Assigned, code: str, quantity: str) -> f.UsePart:
    return f.UsePart(
        job_id=job.job_id,
        visit_id=job.visit_id,
        move_id=desk.org.new_id(),
        part_id=desk.org.parts[code],
        quantity=Decimal(quantity),
    )


async def tell(desk: Office, *commands: Command, by: str = "amy", at: datetime = NOW) -> None:
    await desk.org.ok(*commands, by=by, now=at)


async def part(desk: Office, code: str, name: LocalText, **more: Any) -> None:
    desk.org.parts[code] = desk.org.new_id()
    made = Part(id=desk.org.parts[code], code=code, name=name, unit_cost=Decimal("0.1"), **more)
    await tell(desk, d.SavePart(part=made), by="wes")


def sums(found: Any) -> dict[str, str]:
    return {each["key"]: each["cost"] for each in found}


async def test_a_week_is_summed_by_part_class_crew_and_type_of_job(desk: Office) -> None:
    await part(desk, "cable", LocalText(en="Cable", zh="电缆"), unit="m", part_class="cable")
    job, other = await desk.org.assigned_job("alpha"), await desk.org.assigned_job("beta")
    await tell(desk, using(desk, job, "clamp", "2"), using(desk, job, "clamp", "1"), using(desk, job, "cable", "0.3"))
    await tell(desk, using(desk, other, "clamp", "1"), by="bob")
    report = await desk.get("/reports/material", by="wes")
    assert (report["week"], report["from_day"], report["to_day"]) == ("2026-W10", "2026-03-02", "2026-03-08")
    assert (report["currency"], report["cost"]) == ("CNY", "50.03")
    lines = {(line["part_code"], line["crew"]): line for line in report["lines"]}
    assert set(lines) == {("clamp", "Alpha"), ("clamp", "Beta"), ("cable", "Alpha")}
    clamps = lines[("clamp", "Alpha")]
    assert (clamps["uses"], clamps["quantity"], clamps["cost"], clamps["job_type"]) == (2, "3", "37.50", "repair")
    assert lines[("cable", "Alpha")]["cost"] == "0.03"
    assert {each["key"]: each["quantity"] for each in report["by_part"]} == {"clamp": "4", "cable": "0.3"}
    assert sums(report["by_class"]) == {"general": "50.00", "cable": "0.03"}
    assert sums(report["by_crew"]) == {"Alpha": "37.53", "Beta": "12.50"}
    assert sums(report["by_job_type"]) == {"repair": "50.03"}


async def test_a_use_belongs_to_the_week_in_which_it_happened_and_a_reversed_one_to_none(desk: Office) -> None:
    job = await desk.org.assigned_job()
    wrong = using(desk, job, "pump", "5")
    await tell(desk, using(desk, job, "clamp", "1"), at=SUNDAY_END)
    await tell(desk, using(desk, job, "clamp", "1"), at=SUNDAY_END + timedelta(minutes=1))
    await tell(desk, wrong)
    await tell(desk, ReverseMove(move_id=wrong.move_id, reason="never built in"), by="wes")
    for week in ("2026-W10", "2026-W11"):
        assert (await desk.get("/reports/material", by="wes", week=week))["cost"] == "12.50"
    assert (await desk.get("/reports/material", by="wes", week="2026-W12"))["lines"] == []


async def test_a_report_is_narrowed_by_crew_type_and_class(desk: Office) -> None:
    await part(desk, "cable", LocalText(en="Cable"), unit="m", part_class="cable")
    job, other = await desk.org.assigned_job("alpha"), await desk.org.assigned_job("beta")
    await tell(desk, using(desk, job, "clamp", "1"), using(desk, job, "cable", "10"))
    await tell(desk, using(desk, other, "clamp", "2"), by="bob")

    async def cost(**asked: Any) -> str:
        found: str = (await desk.get("/reports/material", by="wes", **asked))["cost"]
        return found

    assert await cost(crew=str(desk.org.crews["beta"])) == "25.00"
    assert await cost(part_class="cable") == "1.0"
    assert await cost(job_type="survey") == "0"


@pytest.mark.parametrize("week", ["2026-W54", "2026-W00", "2025-W53", "2026-10", "0000-W01", "W10"])
async def test_a_week_that_is_none_is_refused(desk: Office, week: str) -> None:
    answer = await desk.raw("/reports/material", by="wes", week=week)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_costs_are_not_for_everybody(desk: Office) -> None:
    for path in ("/reports/material", "/reports/material.csv", "/reports/material.xlsx"):
        assert (await desk.raw(path, by="cal")).status_code == 403
        assert (await desk.raw(path, by="amy")).status_code == 403
        assert (await desk.raw(path, by="eve")).status_code == 200


async def test_the_csv_says_the_same_and_a_formula_stays_a_text(desk: Office) -> None:
    await part(desk, "@sum(1)", LocalText(en=FORMULA, zh="电缆"), part_class="+1")
    job = await desk.org.assigned_job()
    await tell(desk, using(desk, job, "@sum(1)", "2"))
    answer = await desk.raw("/reports/material.csv", by="wes")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="material-2026-W10.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    heads, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert heads[:3] == ["Part", "Name", "Class"]
    assert row == ["'@sum(1)", f"'{FORMULA}", "'+1", "pcs", "Alpha", "repair", "1", "2", "0.2", "CNY"]
    chinese = await desk.raw("/reports/material.csv", by="wes", headers={"Accept-Language": "zh"})
    heads, row = csv.reader(io.StringIO(chinese.content.decode("utf-8-sig")))
    assert (heads[1], row[1]) == ("名称", "电缆")


async def test_the_workbook_has_numbers_as_numbers_and_no_formula(desk: Office) -> None:
    await part(desk, "=1+1", LocalText(en=FORMULA))
    job = await desk.org.assigned_job()
    await tell(desk, using(desk, job, "=1+1", "1.5"), using(desk, job, "clamp", "1"))
    answer = await desk.raw("/reports/material.xlsx", by="wes")
    assert answer.headers["content-disposition"] == 'attachment; filename="material-2026-W10.xlsx"'
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["Material used", "By part", "By class", "By crew", "By job type"]
    heads, first, second = book.get_sheet_by_name("Material used").to_python()
    assert heads[6:9] == ["Uses", "Quantity", "Cost"]
    assert first[:2] == ["=1+1", FORMULA]
    assert first[6:9] == [1.0, 1.5, 0.15]
    assert second[6:9] == [1.0, 1.0, 12.5]
    assert book.get_sheet_by_name("By crew").to_python()[1] == ["Alpha", "", 12.65, "CNY"]
    assert formulas_and_links(answer.content) == []


def formulas_and_links(workbook: bytes) -> list[str]:
    """Name what in a workbook's sheets is computed or leads elsewhere."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
        sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/sheet")]
        assert sheets
        elements = (each for name in sheets for each in ElementTree.fromstring(parts.read(name)).iter())
        return [each.tag for each in elements if each.tag.rpartition("}")[2] in ("f", "hyperlink")]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "＝1", "－1"])
def test_whatever_begins_like_a_formula_begins_with_an_apostrophe(text: str) -> None:
    made = as_csv(Table(name="t", heads=("a",), rows=[(text,)])).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(made, newline="")))[1] == [f"'{text}"]


def test_numbers_in_a_csv_are_plain_and_exact() -> None:
    numbers = (Decimal("-0.000001"), Decimal("1E+3"), Decimal("999999999999.999999"), 7, None)
    made = as_csv(Table(name="t", heads=("a",) * 5, rows=[numbers])).decode("utf-8-sig")
    assert made.splitlines()[1] == "-0.000001,1000,999999999999.999999,7,"


def test_a_table_without_rows_is_a_workbook_too() -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_xlsx([Table(name="空", heads=("a", "b"), rows=[])])))
    assert book.get_sheet_by_name("空").to_python() == [["a", "b"]]


async def test_how_a_day_was_reconciled(desk: Office) -> None:
    none = await desk.get("/reports/reconciliation", by="wes", day="2026-03-02")
    assert none == {"day": "2026-03-02"}
    job = await desk.org.assigned_job()
    await tell(desk, using(desk, job, "clamp", "1"))
    await tell(desk, ReconcileDay(day=TODAY), by="wes")
    told = await desk.get("/reports/reconciliation", by="wes", day="2026-03-02")
    assert told["still_open"] == [{"kind": "over", "count": 1}]
    assert told["reconciliation"]["found"] == [{"kind": "over", "count": 1}]
    assert (told["reconciliation"]["moves"], told["reconciliation"]["reconciled_by"]) == (
        1,
        str(desk.org.people["wes"]),
    )
    assert (await desk.raw("/reports/reconciliation", by="wes", day="2026-13-02")).status_code == 422
