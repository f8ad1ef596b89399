"""Codes that are scanned: check digits, and the texts of QR codes that survive being written and read."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobile_contract.rules.codes import form_code, is_gtin, read_form_code, read_slip_code, slip_code
from mobile_contract.rules.repair_form import copies_of
from mobile_contract.schema.material import IssueSlip, RepairForm, SlipLine

NOW = datetime(2026, 11, 24, tzinfo=UTC)
_QUANTITIES = st.decimals("0.000001", "999999", places=6)


@pytest.mark.parametrize("text", ["4006381333931", "96385074", "036000291452", "10012345678902"])
def test_a_number_with_its_check_digit_is_one(text: str) -> None:
    assert is_gtin(text)
    assert not is_gtin(text[:-1] + str((int(text[-1]) + 1) % 10))


@pytest.mark.parametrize("text", ["", "0000000", "4006381333931 ", "400638133393A", "٤٠٠٦٣٨١٣"])
def test_anything_else_is_none(text: str) -> None:
    assert not is_gtin(text)


# A busy machine is no fault of the rule.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.uuids(), st.uuids(), st.uuids(), st.lists(st.tuples(st.integers(1, 200), _QUANTITIES), min_size=1, max_size=9)
)
def test_what_a_slips_code_says_is_read_back(
    slip_id: UUID, job_id: UUID, request_id: UUID, lines: list[tuple[int, Decimal]]
) -> None:
    slip = IssueSlip(
        id=slip_id,
        number="S",
        job_id=job_id,
        request_id=request_id,
        store_id=UUID(int=1),
        lines=tuple(
            SlipLine(line_no=no, part_id=UUID(int=2), quantity=q, unit_cost=Decimal(1), from_location_id=UUID(int=1))
            for no, q in lines
        ),
        issued_at=NOW,
    )
    read = read_slip_code(slip_code(slip))
    assert read is not None
    assert (read.slip_id, read.job_id, read.request_id, list(read.lines)) == (slip_id, job_id, request_id, lines)


@given(st.uuids(), st.uuids(), st.integers(1, 3))
def test_what_a_copys_code_says_is_read_back(form_id: UUID, job_id: UUID, copy_no: int) -> None:
    form = RepairForm(id=form_id, number="F", job_id=job_id, shift="day", opened_at=NOW, copies=copies_of(None))
    read = read_form_code(form_code(form, copy_no))
    assert read is not None
    assert (read.form_id, read.job_id, read.copy_no) == (form_id, job_id, copy_no)


_ID = "0" * 31 + "1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org/",
        f"ONSITE:SLIP:2:{_ID}:{_ID}:{_ID}:1*2",
        f"ONSITE:SLIP:1:{_ID}:{_ID}:{_ID}",
        f"ONSITE:SLIP:1:{_ID}:{_ID}:{_ID}:1*0",
        f"ONSITE:SLIP:1:{_ID}:{_ID}:{_ID}:1*2/",
        f"ONSITE:SLIP:1:{_ID}:{_ID}:{_ID}:1*1.0000001",
        f"ONSITE:SLIP:1:{_ID[1:]}:{_ID}:{_ID}:1*2",
        f"ONSITE:FORM:1:{_ID}:{_ID}:4",
    ],
)
def test_another_text_is_no_code_of_ours(text: str) -> None:
    assert read_slip_code(text) is None
    assert read_form_code(text) is None


@given(st.text(max_size=200))
def test_no_text_that_is_scanned_breaks_the_reader(text: str) -> None:
    assert read_slip_code(text) is None or text.strip().startswith("ONSITE:SLIP")
    assert read_form_code(text) is None or text.strip().startswith("ONSITE:FORM")
