"""Cells of files as text: one spelling for one value, whatever kind of file it came from. Knows no column and no noun."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import Decimal

Cell = str | int | float | bool | datetime | date | time | timedelta | Decimal | None

# PostgreSQL stores no NUL, and no other control character says anything to a reader; line breaks and tabs stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
# Integers beyond this are not exact in a spreadsheet.
_EXACT = 2**53


def text_of(cell: Cell) -> str:
    """Write a cell as text: NFC, no control characters, no space around it; whole numbers without a point, times as ISO 8601; '' for none."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < _EXACT else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    text = cell if isinstance(cell, str) else str(cell)
    return unicodedata.normalize("NFC", _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))).strip()
