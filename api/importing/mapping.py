"""Mapping files: which of other people's columns, values and formats are our fields. Owns their TOML and what is wrong with one.

    source = "water-main-leaks"          # part of each row's identity: never change it between two imports
    key = ["leak_id"]                    # column(s) that name a row; default: those of external_ref (jobs only)
    ignore = ["exported_at"]             # columns that may change without making it another row

    [fields]
    address = "address"                                              # a column
    job_type = { value = "repair" }                                  # the same for all rows
    reported_at = { column = "reported_on", formats = ["%d-%b-%y"] } # a date as it is written there
    priority = { column = "class", values = { "1" = "urgent" }, otherwise = "normal" }
    unit_cost = { column = "cents", factor = "0.01" }
    title = { columns = ["leak_type", "pipe_type"], separator = ", " }
    description = { template = "{remarks}\\nPipe: {pipe_type}" }       # lines whose columns are all empty are left out

Without a mapping a column is taken for the field that it is named like.
"""

import difflib
import re
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from api.importing.fields import FIELDS, KEY_FIELDS, Field, Noun, field_of
from api.importing.readers import Reading, SourceTable
from api.operator_error import OperatorError
from mobile_contract.rules.exact import is_exact
from mobile_contract.schema.base import Code, Datum, Quantity

PLACEHOLDER: Final = re.compile(r"\{([^{}\n]+)\}")


class FieldRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a field comes from: one of `value`, `column`, `columns`, `template`; then `values` (`otherwise` for those not listed), then `factor`.

    `default` stands where all of that is empty; `formats` and `zone` read dates.
    """

    value: str | int | float | bool | None = None
    column: str = ""
    columns: tuple[str, ...] = ()
    separator: str = " "
    template: str = ""
    values: dict[str, str] = {}
    otherwise: str = ""
    default: str = ""
    formats: tuple[str, ...] = ()
    zone: str = ""
    factor: Quantity | None = None

    def sources(self) -> tuple[str, ...]:
        """Name the columns that the rule reads."""
        return (*([self.column] if self.column else []), *self.columns, *PLACEHOLDER.findall(self.template))

    def text_of(self, cells: Dict[str, str]) -> str:
        """Give the text that the rule makes of a row's cells, before it is read as a value."""
        if self.value is not None:
            given = str(self.value).lower() if isinstance(self.value, bool) else str(self.value)
        elif self.template:
            given = "\n".join(_lines(cells, self.template)).strip()
        elif self.columns:
            given = self.separator.join(text for column in self.columns if (text := cells.get(column, "")))
        else:
            given = cells.get(self.column, "")
        if given and self.values:
            given = self.values.get(given, self.otherwise or given)
        return given or self.default


class Mapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping file; what it leaves out is found out or has our default."""

    noun: Noun | None = None
    source: Code | None = None
    key: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    datum: Datum = Datum.WGS84
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_row: int = 0
    fields: dict[str, str | FieldRule] = {}

    def reading(self) -> Reading:
        """Say how the file is to be read."""
        return Reading(encoding=self.encoding, delimiter=self.delimiter, sheet=self.sheet, header_row=self.header_row)


class Fitted(Struct, frozen=True, kw_only=True):
    """A mapping fitted to a noun and to a file's columns: a rule per mapped field, the key's columns, the columns that nothing reads."""

    rules: dict[str, FieldRule]
    key: tuple[str, ...]
    ignore: frozenset[str]
    unread: tuple[str, ...]


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises OperatorError that names the place and says what would be right."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Mapping)
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
    except msgspec.ValidationError as error:
        raise OperatorError(
            f"{path}: {error}. A mapping has {', '.join(Mapping.__struct_fields__)}; "
            f"a field is a column's name or a table of {', '.join(FieldRule.__struct_fields__)}."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} is not TOML: {error}.") from error


def fit(mapping: Mapping, noun: Noun, table: SourceTable) -> Fitted:
    """Fit a mapping to a file. Raises OperatorError for a field or column that does not exist, and for a required field from nowhere."""
    if mapping.noun is not None and mapping.noun is not noun:
        raise OperatorError(f"the mapping is for {mapping.noun}; the command says {noun}.")
    given = {name: FieldRule(column=rule) if isinstance(rule, str) else rule for name, rule in mapping.fields.items()}
    for name, rule in given.items():
        field = field_of(noun, name)
        if field is None:
            raise OperatorError(f"{noun} have no field {name!r}{_meant(name, [f.name for f in FIELDS[noun]])}.")
        _check_rule(field, rule, table.columns)
    if mapping.key and noun is not Noun.JOBS:
        known_by = ", ".join(KEY_FIELDS[noun])
        raise OperatorError(f"`key` is for jobs; {noun} are known by their {known_by}: map these fields.")
    for column in (*mapping.key, *mapping.ignore):
        _check_column(column, table.columns, "the mapping's key or ignore")
    taken = {column for rule in given.values() for column in rule.sources()}
    by_name = {_plain(column): column for column in reversed(table.columns) if column not in taken}
    found = {f.name: by_name[n] for f in FIELDS[noun] if f.name not in given and (n := _named_like(f, by_name))}
    rules = {**given, **{name: FieldRule(column=column) for name, column in found.items()}}
    missing = [f.name for f in FIELDS[noun] if f.required and f.name not in rules]
    if missing:
        raise OperatorError(_unmapped(noun, missing, table.columns))
    key = mapping.key or tuple(c for name in KEY_FIELDS[noun] if name in rules for c in rules[name].sources())
    read = {column for rule in rules.values() for column in rule.sources()} | {*key, *mapping.ignore}
    unread = tuple(column for column in table.columns if column not in read)
    return Fitted(rules=rules, key=key, ignore=frozenset(mapping.ignore), unread=unread)


def plain_code(text: str) -> str:
    """Write a code with single spaces, so that the same code is written in one way."""
    return " ".join(text.split())


def _lines(cells: Dict[str, str], template: str) -> list[str]:
    """Fill a template in; a line that names columns and finds them all empty is left out."""
    lines = []
    for line in template.strip("\n").split("\n"):
        columns = PLACEHOLDER.findall(line)
        if not columns or any(cells.get(column) for column in columns):
            lines.append(PLACEHOLDER.sub(lambda found: cells.get(found[1], ""), line))
    return lines


def _check_rule(field: Field, rule: FieldRule, columns: tuple[str, ...]) -> None:
    where = f"field {field.name}"
    ways = [bool(rule.column), bool(rule.columns), bool(rule.template), rule.value is not None]
    if sum(ways) > 1 or (not any(ways) and not rule.default):
        raise OperatorError(f"{where}: say one of column, columns, template and value.")
    for column in rule.sources():
        _check_column(column, columns, where)
    if rule.factor is not None and not is_exact(rule.factor):
        raise OperatorError(f"{where}: factor {rule.factor} is no number that can be counted with.")
    if rule.zone:
        try:
            ZoneInfo(rule.zone)
        except (KeyError, ValueError, OSError) as error:
            raise OperatorError(f"{where}: {rule.zone!r} is no IANA time zone, as Europe/Berlin is.") from error
    for form in rule.formats:
        try:
            datetime.strptime(datetime(2000, 1, 1).strftime(form), form)  # noqa: DTZ001, DTZ007 - only the form is tried
        except ValueError as error:
            raise OperatorError(f"{where}: {form!r} is no date format ({error}); %d-%b-%y reads 1-Jan-10.") from error


def _check_column(column: str, columns: tuple[str, ...], where: str) -> None:
    if column not in columns:
        raise OperatorError(f"{where}: the file has no column {column!r}{_meant(column, columns)}.")


def _meant(word: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known[:40])}"


def _named_like(field: Field, by_name: dict[str, str]) -> str | None:
    return next((name for name in (field.name, *field.also) if name in by_name), None)


def _plain(column: str) -> str:
    return re.sub(r"[\s\-]+", "_", column.strip().lower())


def _unmapped(noun: Noun, missing: list[str], columns: tuple[str, ...]) -> str:
    known = "\n".join(f"  {f.name}: {f.holds}{' (required)' if f.required else ''}" for f in FIELDS[noun])
    return (
        f"no column says what {', '.join(missing)} is.\nThe file has the columns {', '.join(columns[:60])}.\n"
        f"Fields of {noun}:\n{known}\n"
        "Name the columns in a mapping file and pass it with --mapping, for example:\n  [fields]\n"
        f'  {missing[0]} = "{columns[0]}"\n'
        f'  {missing[0]} = {{ value = "the same for all rows" }}'
    )
