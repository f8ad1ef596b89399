"""Sheets of paper as PDF: a page of A4 with a font that has Chinese, tables, boxes to sign in, QR and Code 128. Knows no noun of the trade.

The same sheet gives the same bytes: its date is that of what it shows.
"""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from typing import Final

import barcode
import segno
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

_FONT: Final = "cjk"
_FONT_FILE: Final = files("cvttf_NotoSansCJK_Regular") / "NotoSansCJKtc-Regular.otf"
_MARGIN_MM: Final = 14.0
_WIDTH_MM: Final = 210.0 - 2 * _MARGIN_MM
_BOTTOM_MM: Final = 297.0 - _MARGIN_MM
_LINE_MM: Final = 5.2
_TEXT_PT: Final = 9.5
_SMALL_PT: Final = 7.5
_TITLE_PT: Final = 18.0
_QUIET_MODULES: Final = 10
_BARS_MAX: Final = 24


class Paper:
    """A sheet that grows from top to bottom; more pages come by themselves."""

    def __init__(self, title: str, at: datetime) -> None:
        self._pdf = FPDF(format="A4")
        self._pdf.set_creation_date(at)
        self._pdf.set_title(title)
        self._pdf.set_margin(_MARGIN_MM)
        self._pdf.set_auto_page_break(auto=True, margin=_MARGIN_MM)
        self._pdf.add_font(_FONT, fname=str(_FONT_FILE))

    def page(self, title: str, beside: str) -> None:
        """Begin a page: a title, and beside it in small what it belongs to."""
        self._pdf.add_page()
        self._size(_TITLE_PT)
        self._pdf.cell(_WIDTH_MM, 10, title, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._size(_SMALL_PT)
        self._pdf.cell(_WIDTH_MM, _LINE_MM, beside, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._pdf.ln(2)

    def codes(self, qr: str, number: str, *, size_mm: float = 34.0) -> None:
        """Draw a QR code at the right of the head and a Code 128 of the number under it; what follows begins at the left beside them.

        A number that Code 128 cannot say, or only in bars too fine to scan, stands there as text.
        """
        top = self._pdf.get_y()
        left = _MARGIN_MM + _WIDTH_MM - size_mm
        self._qr(qr, left, top, size_mm)
        self._bars(number, left - 14, top + size_mm + 2, size_mm + 14)

    def fields(self, pairs: Sequence[tuple[str, str]], *, width_mm: float = 128.0) -> None:
        """Write names and values below each other, values wrapped."""
        for name, value in pairs:
            self._size(_SMALL_PT)
            self._pdf.cell(34, _LINE_MM, name)
            self._size(_TEXT_PT)
            self._pdf.multi_cell(width_mm - 34, _LINE_MM, value or "—", new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")

    def below(self, y_mm: float) -> None:
        """Go on below a height, if the sheet has not come so far."""
        self._pdf.set_y(max(self._pdf.get_y(), y_mm))

    def table(self, heads: Sequence[str], shares: Sequence[float], rows: Sequence[Sequence[str]]) -> None:
        """Draw a table; the head is repeated on each page. Columns get their share of the width, numbers stand at the right."""
        self._size(_TEXT_PT)
        with self._pdf.table(
            width=_WIDTH_MM,
            col_widths=tuple(shares),
            line_height=_LINE_MM,
            first_row_as_headings=True,
            headings_style=FontFace(emphasis="", fill_color=(232, 232, 232)),
            text_align="LEFT",
            padding=1,
        ) as table:
            for row in (heads, *rows):
                table.row(list(row))
        self._pdf.ln(3)

    def sign(self, names: Sequence[str]) -> None:
        """Draw boxes to sign in, beside each other, each with its name."""
        height, gap = 18.0, 4.0
        if self._pdf.get_y() + height + 8 > _BOTTOM_MM:
            self._pdf.add_page()
        width = (_WIDTH_MM - gap * (len(names) - 1)) / len(names)
        top = self._pdf.get_y() + 2
        self._size(_SMALL_PT)
        for position, name in enumerate(names):
            left = _MARGIN_MM + position * (width + gap)
            self._pdf.rect(left, top, width, height)
            self._pdf.set_xy(left + 1, top + height - _LINE_MM)
            self._pdf.cell(width - 2, _LINE_MM, name)
        self._pdf.set_xy(_MARGIN_MM, top + height + 3)

    def note(self, text: str) -> None:
        """Write a small remark over the whole width."""
        self._size(_SMALL_PT)
        self._pdf.multi_cell(_WIDTH_MM, 4.2, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self._pdf.ln(1)

    def pdf(self) -> bytes:
        """Give the file; only the glyphs that are used are in it."""
        return bytes(self._pdf.output())

    def _qr(self, text: str, left: float, top: float, size: float) -> None:
        matrix = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
        module = size / len(matrix)
        self._pdf.set_fill_color(0)
        for y, row in enumerate(matrix):
            for x, dark in enumerate(row):
                if dark:
                    self._pdf.rect(left + x * module, top + y * module, module, module, style="F")

    def _bars(self, text: str, left: float, top: float, width: float) -> None:
        sayable = text.isascii() and text.isprintable() and len(text) <= _BARS_MAX
        bits: str = barcode.get("code128", text).build()[0] if sayable else ""
        module = width / (len(bits) + 2 * _QUIET_MODULES)
        start = left + _QUIET_MODULES * module
        self._pdf.set_fill_color(0)
        run = 0
        for at, bit in enumerate([*bits, "0"]):
            if bit == "1":
                run += 1
            elif run:
                self._pdf.rect(start + (at - run) * module, top, run * module, 11, style="F")
                run = 0
        position = self._pdf.get_x(), self._pdf.get_y()
        self._size(_SMALL_PT)
        self._pdf.set_xy(left, top + 11)
        self._pdf.cell(width, 4, text, align="C")
        self._pdf.set_xy(*position)

    def _size(self, points: float) -> None:
        self._pdf.set_font(_FONT, size=points)
