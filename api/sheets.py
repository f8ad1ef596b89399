"""Tables as files for a spreadsheet: CSV and XLSX. Owns what makes them safe to open; knows no report.

A text that a spreadsheet would take for a formula stays a text: in CSV an apostrophe stands before it, in XLSX the cell says that it is one.
Numbers are numbers in both. XLSX has no exact decimals, its format is binary floating point of 15 digits: whoever adds up cents to the
last one reads the CSV or the JSON.
"""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Struct

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Also those that a spreadsheet skips before it looks: tab, carriage return, line feed; and the full-width forms.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_WIDTH_MAX: Final = 60
_SHEET_NAME_MAX: Final = 31

Cell = str | int | Decimal | None


class Table(Struct, frozen=True, kw_only=True):
    """A table with a name, the heads of its columns, and rows as long as they."""

    name: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


def as_csv(table: Table) -> bytes:
    """Write a table as CSV (RFC 4180) in UTF-8, with the mark by which spreadsheets know it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([_plain(head) for head in table.heads])
    writer.writerows([_plain(cell) for cell in row] for row in table.rows)
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(tables: Sequence[Table]) -> bytes:
    """Write a workbook with one sheet for each table: heads stay in sight and can be filtered by."""
    # Imported at the first workbook: no worker needs it to start.
    import xlsxwriter

    out = io.BytesIO()
    # Without a temporary file; and no text becomes a formula, a link or a number, whatever it begins with.
    told = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, told) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        for table in tables:
            sheet = book.add_worksheet(table.name[:_SHEET_NAME_MAX])
            for column, head in enumerate(table.heads):
                sheet.write_string(0, column, head, bold)
                sheet.set_column(column, column, _width(table, column))
            for number, row in enumerate(table.rows, start=1):
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        sheet.write_string(number, column, cell)
                    elif cell is not None:
                        sheet.write_number(number, column, cell)
            sheet.freeze_panes(1, 0)
            sheet.autofilter(0, 0, max(len(table.rows), 1), len(table.heads) - 1)
    return out.getvalue()


def _plain(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return "" if cell is None else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def _width(table: Table, column: int) -> int:
    longest = max((_columns(_plain(row[column])) for row in table.rows[:200]), default=0)
    return min(max(longest, _columns(table.heads[column])) + 2, _WIDTH_MAX)


def _columns(text: str) -> int:
    """Count the columns that a text takes: a Chinese character takes two."""
    return sum(2 if character >= "\u2e80" else 1 for character in text)
