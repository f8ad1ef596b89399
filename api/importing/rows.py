"""Which row is which: identity by source, key, content and occurrence, so that a file read twice makes nothing twice. Reads no value."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from api.importing.fields import KEY_FIELDS, Noun
from api.importing.mapping import Fitted, plain_code
from api.importing.readers import SourceRow

# Places stay apart though some be empty, so that a lot is never taken for a serial.
_BETWEEN: Final = " / "


class Identified(Struct, frozen=True, kw_only=True):
    """A row with its identity. `content` is the SHA-256 of its cells; `occurrence` counts identical rows from 1.

    `twins` is how many rows of the file have the same key; `first_row` and `first_of_key` are the numbers of the first row that is
    identical, and of the first with the same key.
    """

    source: SourceRow
    key: str
    content: str
    occurrence: int
    twins: int
    first_row: int
    first_of_key: int

    @property
    def number(self) -> int:
        """Give the row's number in the file."""
        return self.source.number


def identify(rows: Sequence[SourceRow], fitted: Fitted, noun: Noun) -> list[Identified]:
    """Give every row its identity; the order of rows and columns does not matter, nor do the columns that the mapping ignores.

    The key of a job are its key columns; anything else is known by its code, what lies somewhere by place, part, lot and serial.
    """
    seen: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], int] = {}
    keyed = [(row, _key(row, fitted, noun), _content(row, fitted)) for row in rows]
    twins = Counter(key for _, key, _ in keyed)
    heads: dict[str, int] = {}
    identified: list[Identified] = []
    for row, key, content in keyed:
        seen[key, content] += 1
        first.setdefault((key, content), row.number)
        heads.setdefault(key, row.number)
        identified.append(
            Identified(
                source=row,
                key=key,
                content=content,
                occurrence=seen[key, content],
                twins=twins[key] if key else 1,
                first_row=first[key, content],
                first_of_key=heads[key] if key else row.number,
            )
        )
    return identified


def id_of(org_id: UUID, noun: Noun, source: str, row: Identified) -> UUID:
    """Make the id of what a row becomes: the same row of the same source always gives the same."""
    return uuid5(org_id, "\x1f".join(("import", noun, source, row.key, row.content, str(row.occurrence))))


def content_of(said: object) -> str:
    """Hash what a row says, as our fields or as cells: SHA-256 in hex."""
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def _key(row: SourceRow, fitted: Fitted, noun: Noun) -> str:
    if noun is not Noun.JOBS:
        rules = (fitted.rules.get(name) for name in KEY_FIELDS[noun])
        texts = [plain_code(rule.text_of(row.cells)) if rule is not None else "" for rule in rules]
        return _BETWEEN.join(texts).rstrip(_BETWEEN)
    cells = [row.cells.get(column, "") for column in fitted.key]
    return " ".join(cells) if any(cells) else ""


def _content(row: SourceRow, fitted: Fitted) -> str:
    """Hash what the row says: filled cells by column, and the geometry."""
    cells = sorted((name, cell) for name, cell in row.cells.items() if cell and name not in fitted.ignore)
    return content_of([cells, row.geometry])
