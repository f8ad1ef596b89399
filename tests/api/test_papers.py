"""Slips and forms on paper: looked at as pictures, their codes read back; the list of copies that are still out."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import httpx
import pypdfium2
import pytest
import zxingcpp

from mobile_contract.rules.codes import read_form_code, read_slip_code
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.base import LocalText
from tests.api.office import Office, office
from tests.api.paging import every_item
from tests.api.serving import Site
from tests.arrange import NOW
from tests.jobs.material_scene import Scene, scene

_SCALE = 3


@pytest.fixture
async def desk(still: Site, pool: asyncpg.Pool, seed: int) -> Office:
    """Give an organisation with its dispatcher and its storekeeper signed in."""
    return await office(still, pool, seed, "wes")


@pytest.fixture
async def at(desk: Office) -> Scene:
    """Give a store with a part of Chinese name, and a job."""
    made = await scene(desk.org)
    await made.catalogue("DN25", name=LocalText(en="Pipe clamp", zh="管夹"))
    return made


def seen(answer: httpx.Response) -> tuple[list[str], dict[str, str]]:
    """Look at a PDF: the text of each page, and what stands in the codes of the first one as a picture."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    document = pypdfium2.PdfDocument(answer.content)
    texts = [page.get_textpage().get_text_bounded() for page in document]
    picture = document[0].render(scale=_SCALE).to_pil()
    return texts, {str(found.format): found.text for found in zxingcpp.read_barcodes(picture)}


async def test_a_slip_is_printed_in_both_languages_with_codes_that_can_be_scanned(desk: Office, at: Scene) -> None:
    request_id = await at.approved(at.line("DN25", "2.5"), at.line("pump", 1))
    slip = await at.issued(request_id, crew_id=desk.org.crews["alpha"])
    (text,), codes = seen(await desk.raw(f"/issue-slips/{slip.id}/pdf"))
    for shown in ("领料单", slip.number, "管夹 Pipe clamp", "2.5 pcs", "Alpha", "main"):
        assert shown in text, text
    assert "12.5" not in text
    assert codes["Code 128"] == slip.number
    code = read_slip_code(codes["QR Code"])
    assert code is not None
    assert (code.slip_id, code.job_id, code.request_id) == (slip.id, at.job.job_id, request_id)
    assert code.lines == ((1, Decimal("2.5")), (2, Decimal(1)))


async def test_the_same_slip_is_not_drawn_again_for_whoever_has_it(desk: Office, at: Scene) -> None:
    slip = await at.issued(await at.approved(at.line("DN25", 1)))
    first = await desk.raw(f"/issue-slips/{slip.id}/pdf")
    assert first.headers["content-disposition"] == f'inline; filename="slip-{slip.number}.pdf"'
    again = await desk.raw(f"/issue-slips/{slip.id}/pdf", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await desk.raw(f"/issue-slips/{slip.id}/pdf")).content == first.content


async def test_a_form_has_a_page_for_each_copy_that_says_where_it_goes_until_when(desk: Office, at: Scene) -> None:
    await at.asked(at.line("DN25", 2, chargeable=True, price=Decimal("18.50")))
    form = m.OpenForm(job_id=at.job.job_id, form_id=at.org.new_id())
    await at.org.ok(form, by="dan", now=NOW)
    texts, codes = seen(await desk.raw(f"/repair-forms/{form.form_id}/pdf"))
    for text, keeper, copy_no in zip(texts, ("客服台", "工程值班室", "仓库"), (1, 2, 3), strict=True):
        assert keeper in text and f"{copy_no} of 3" in text
        assert "18.50" in text and "37.00 CNY" in text
    assert ["2026-03-02 17:00" in text for text in texts] == [True, True, False]
    code = read_form_code(codes["QR Code"])
    assert code is not None and (code.form_id, code.job_id, code.copy_no) == (form.form_id, at.job.job_id, 1)


async def test_a_long_slip_goes_on_over_more_pages(desk: Office, at: Scene) -> None:
    lines = [at.line("DN25", 1) for _ in range(45)]
    slip = await at.issued(await at.approved(*lines))
    texts, codes = seen(await desk.raw(f"/issue-slips/{slip.id}/pdf"))
    assert len(texts) >= 3
    assert all("物料" in text for text in texts)
    code = read_slip_code(codes["QR Code"])
    assert code is not None and len(code.lines) == 45


@pytest.mark.parametrize("number", ["表单-0001", "7" * 80, "\u0001"])
async def test_a_number_of_printed_paper_that_no_barcode_can_say_stands_there_as_text(
    desk: Office, at: Scene, number: str
) -> None:
    form = m.OpenForm(job_id=at.job.job_id, form_id=at.org.new_id(), number=number)
    await at.org.ok(form, by="dan", now=NOW)
    texts, codes = seen(await desk.raw(f"/repair-forms/{form.form_id}/pdf"))
    assert len(texts) == 3 and list(codes) == ["QR Code"]


async def test_a_slip_with_more_lines_than_a_code_can_hold_names_itself_alone(desk: Office, at: Scene) -> None:
    request_id = await at.approved(at.line("DN25", 50))
    line = m.IssueLine(line_no=1, quantity=Decimal("0.123456"))
    slip = await at.issued(request_id, *[line] * 200)
    _, codes = seen(await desk.raw(f"/issue-slips/{slip.id}/pdf"))
    code = read_slip_code(codes["QR Code"])
    assert code is not None and (code.slip_id, code.lines) == (slip.id, ())


async def test_papers_that_do_not_exist_or_are_somebody_elses_are_unknown(
    desk: Office, at: Scene, still: Site, pool: asyncpg.Pool, seed: int
) -> None:
    slip = await at.issued(await at.approved(at.line("DN25", 1)))
    other = await office(still, pool, seed + 1)
    for path, code in (
        (f"/issue-slips/{slip.id}/pdf", "unknown_slip"),
        (f"/repair-forms/{slip.id}/pdf", "unknown_form"),
    ):
        answer = await other.raw(path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_forms_that_are_out_come_by_when_they_are_due_and_the_overdue_ones_alone(desk: Office, at: Scene) -> None:
    opened = []
    for hours in (9, 0, -24):
        form = m.OpenForm(job_id=at.job.job_id, form_id=at.org.new_id())
        await at.org.ok(form, by="dan", now=NOW + timedelta(hours=hours))
        opened.append(form.form_id)
    done = m.OpenForm(job_id=at.job.job_id, form_id=at.org.new_id())
    await at.org.ok(done, by="dan", now=NOW)
    for copy_no in (1, 2):
        await at.org.ok(m.HandInCopy(job_id=at.job.job_id, form_id=done.form_id, copy_no=copy_no), by="cal")
    listed = await every_item(desk, "/repair-forms", limit=1)
    assert [UUID(item["id"]) for item in listed] == [opened[2], opened[1], opened[0]]
    page = await desk.get("/repair-forms", overdue="true")
    assert [UUID(item["id"]) for item in page["items"]] == [opened[2]]
    assert len(page["names"]) == 1
    page = await desk.get("/repair-forms", shift="middle")
    assert [UUID(item["id"]) for item in page["items"]] == [opened[0]]


async def test_a_job_shows_its_slips_and_forms(desk: Office, at: Scene) -> None:
    slip = await at.issued(await at.approved(at.line("DN25", 1)))
    form = m.OpenForm(job_id=at.job.job_id, form_id=at.org.new_id())
    await at.org.ok(form, by="dan")
    shown = await desk.get(f"/jobs/{at.job.job_id}")
    assert [UUID(item["id"]) for item in shown["issue_slips"]] == [slip.id]
    assert [UUID(item["id"]) for item in shown["repair_forms"]] == [form.form_id]
