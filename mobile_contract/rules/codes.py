"""Codes that are scanned: the numbers of GS1 on parts, and what stands in the QR code of an issue slip and of each copy of a form. Pure."""

import re
from decimal import Decimal
from typing import Final
from uuid import UUID

from msgspec import Struct

from mobile_contract.rules.exact import is_quantity, plain
from mobile_contract.schema.material import IssueSlip, RepairForm

# Capitals, digits and a few signs: the alphabet in which QR codes are smallest.
_SLIP: Final = re.compile(r"ONSITE:SLIP:1:([0-9A-F]{32}):([0-9A-F]{32}):([0-9A-F]{32}):([0-9.*/]{0,2000})")
_LINES_MAX: Final = 2000
_FORM: Final = re.compile(r"ONSITE:FORM:1:([0-9A-F]{32}):([0-9A-F]{32}):([123])")
_LINE: Final = re.compile(r"([0-9]{1,3})\*([0-9]{1,12}(?:\.[0-9]{1,6})?)")


class SlipCode(Struct, frozen=True):
    """What the code of a slip says: slip, job and request, and how much of which line; enough to report the receipt without a network.

    No lines: there are too many for a code that can still be scanned, and the slip's document has them.
    """

    slip_id: UUID
    job_id: UUID
    request_id: UUID
    lines: tuple[tuple[int, Decimal], ...]


class FormCode(Struct, frozen=True):
    """What the code of a copy of a form says."""

    form_id: UUID
    job_id: UUID
    copy_no: int


def is_gtin(text: str) -> bool:
    """Tell whether a number of 8, 12, 13 or 14 digits ends in its check digit (GS1: weights 3 and 1 from the right)."""
    if len(text) not in (8, 12, 13, 14) or not (text.isascii() and text.isdigit()):
        return False
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text)))
    return weighted % 10 == 0


def slip_code(slip: IssueSlip) -> str:
    """Write the text of a slip's QR code: `ONSITE:SLIP:1:<slip>:<job>:<request>:<line>*<quantity>/…`, ids as hex in capitals.

    Lines of more than 2,000 characters are left out.
    """
    lines = "/".join(f"{line.line_no}*{plain(line.quantity)}" for line in slip.lines)
    lines = lines if len(lines) <= _LINES_MAX else ""
    return f"ONSITE:SLIP:1:{_hex(slip.id)}:{_hex(slip.job_id)}:{_hex(slip.request_id)}:{lines}"


def read_slip_code(text: str) -> SlipCode | None:
    """Read the text of a slip's QR code; None for any other text."""
    found = _SLIP.fullmatch(text.strip())
    if found is None:
        return None
    lines: list[tuple[int, Decimal]] = []
    for part in found[4].split("/") if found[4] else ():
        line = _LINE.fullmatch(part)
        if line is None or not is_quantity(Decimal(line[2])):
            return None
        lines.append((int(line[1]), Decimal(line[2])))
    return SlipCode(UUID(found[1]), UUID(found[2]), UUID(found[3]), tuple(lines))


def form_code(form: RepairForm, copy_no: int) -> str:
    """Write the text of the QR code on a copy of a form: `ONSITE:FORM:1:<form>:<job>:<copy>`."""
    return f"ONSITE:FORM:1:{_hex(form.id)}:{_hex(form.job_id)}:{copy_no}"


def read_form_code(text: str) -> FormCode | None:
    """Read the text of the QR code on a copy of a form; None for any other text."""
    found = _FORM.fullmatch(text.strip())
    return FormCode(UUID(found[1]), UUID(found[2]), int(found[3])) if found is not None else None


def _hex(id: UUID) -> str:
    return id.hex.upper()
