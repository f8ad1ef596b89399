"""What an import did, in figures and row by row. Prints nothing: `api.commands.importing` shows it."""

import csv
import io
from collections import Counter
from typing import Final

from msgspec import Struct

from api.importing.notes import Fate, Note, message_of
from mobile_contract.errors import Language

COLUMNS: Final = ("row", "key", "outcome", "reason", "message", "detail")
# Spreadsheets run a cell that begins like this as a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t")


class Report(Struct, frozen=True, kw_only=True):
    """The outcome of an import. `waiting` are rows whose job awaits triage; `unread` the file's columns that nothing reads.

    `made`, `changed`, `unchanged` and `refused` add up to `rows`; a flagged row counts in one of them too.
    """

    rows: int
    made: int
    changed: int
    unchanged: int
    refused: int
    waiting: int
    notes: tuple[Note, ...]
    form: str = ""
    unread: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def flagged(self) -> int:
        """Count the rows that were taken and should be looked at."""
        refused = {note.row for note in self.notes if note.fate is Fate.REFUSED}
        return len({note.row for note in self.notes} - refused)

    @property
    def reasons(self) -> dict[tuple[Fate, str], int]:
        """Count the rows of each reason, refusals first, then the most frequent first."""
        counted = Counter({(note.fate, note.code, note.row) for note in self.notes})
        by_reason = Counter((fate, code) for fate, code, _ in counted)
        return dict(sorted(by_reason.items(), key=lambda item: (item[0][0] is not Fate.REFUSED, -item[1], item[0][1])))

    def count(self, code: str) -> int:
        """Count the rows that have a reason."""
        return len({note.row for note in self.notes if note.code == code})


def as_csv(report: Report, language: Language) -> bytes:
    """Write every note as CSV (UTF-8 with a mark, so that spreadsheets read it right), by row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for note in report.notes:
        writer.writerow(
            [note.row, _plain(note.key), note.fate, note.code, message_of(note.code, language), _plain(note.detail)]
        )
    return text.getvalue().encode("utf-8-sig")


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
