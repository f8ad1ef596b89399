"""Turns a row's texts into values of our fields by the mapping's rules. Decides nothing about a row: what could not be read is noted."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from api.importing.fields import FIELDS, Field, Holds, Noun
from api.importing.mapping import FieldRule, Fitted, plain_code
from api.importing.notes import Fate, Note
from api.importing.rows import Identified
from mobile_contract.rules.exact import is_exact
from mobile_contract.schema.base import Skill

Value = str | bool | float | Decimal | datetime | tuple[str, ...] | tuple[Skill, ...] | None
LINE_CHARS: Final = 300
PROSE_CHARS: Final = 8000
CODE_CHARS: Final = 80
_TRUTH: Final = {
    **dict.fromkeys(("true", "yes", "y", "1", "x", "t", "是", "有"), True),
    **dict.fromkeys(("false", "no", "n", "0", "f", "否", "无"), False),
}
_CUT: Final = " …"


class MappedRow(Struct, frozen=True, kw_only=True):
    """A row as our fields. A field that is not mapped is absent from `values`; an empty or unreadable one is None there."""

    row: Identified
    values: dict[str, Value]
    notes: tuple[Note, ...]
    unreadable: frozenset[str] = frozenset()

    def text(self, name: str) -> str:
        """Give a text; '' when the field is not mapped or empty."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def flag(self, code: str, detail: str = "", *, refused: bool = False) -> Note:
        """Make a note about this row."""
        fate = Fate.REFUSED if refused else Fate.FLAGGED
        return Note(row=self.row.number, key=self.row.key, fate=fate, code=code, detail=detail[:300])


def codes_in(row: MappedRow, name: str) -> tuple[str, ...]:
    """Give the codes of a field; none when it is not mapped or empty."""
    value = row.values.get(name)
    return tuple(code for code in value if isinstance(code, str)) if isinstance(value, tuple) else ()


class _Unreadable(Exception):
    """Carries what is wrong with a text out of the readers; never leaves this module."""


def map_row(row: Identified, noun: Noun, fitted: Fitted, zone: str) -> MappedRow:
    """Read every mapped field of a row. `zone` is the IANA zone of dates and times that name none."""
    empty = MappedRow(row=row, values={}, notes=())
    notes = [empty.flag(code) for code in row.source.odd]
    values: dict[str, Value] = {}
    unreadable: set[str] = set()
    for field in FIELDS[noun]:
        rule = fitted.rules.get(field.name)
        if rule is None:
            continue
        text = rule.text_of(row.source.cells)
        cut = _fitting(field, text)
        if cut != text:
            notes.append(empty.flag("text_cut", f"{field.name}: {len(text):,} characters"))
        try:
            values[field.name] = _value(field, cut, rule, zone) if cut else None
        except _Unreadable as fault:
            values[field.name] = None
            unreadable.add(field.name)
            if field.holds is not Holds.DEGREES:
                notes.append(empty.flag("value_unreadable", f"{field.name}: {fault}"))
    return MappedRow(row=row, values=values, notes=tuple(notes), unreadable=frozenset(unreadable))


def _fitting(field: Field, text: str) -> str:
    """Shorten prose and lines to what the contract holds; a line has no line breaks."""
    if field.holds is Holds.PROSE:
        return text if len(text) <= PROSE_CHARS else text[: PROSE_CHARS - len(_CUT)] + _CUT
    if field.holds is Holds.LINE:
        line = " ".join(text.split("\n")) if "\n" in text else text
        return line if len(line) <= LINE_CHARS else line[: LINE_CHARS - len(_CUT)] + _CUT
    return text


def _value(field: Field, text: str, rule: FieldRule, zone: str) -> Value:
    match field.holds:
        case Holds.NUMBER:
            return _number(text, rule)
        case Holds.DEGREES:
            return _degrees(text)
        case Holds.INSTANT:
            return _instant(text, rule, zone)
        case Holds.TRUTH:
            if text.lower() not in _TRUTH:
                raise _Unreadable(f"{text[:40]!r} is neither yes nor no")
            return _TRUTH[text.lower()]
        case Holds.CHOICE:
            return _choice(text, field)
        case Holds.ROLES:
            return tuple(dict.fromkeys(_choice(word, field) for word in _words(text)))
        case Holds.CODES:
            return tuple(dict.fromkeys(_code(word) for word in _words(text)))
        case Holds.SKILLS:
            return tuple(_skill(word, zone) for word in _words(text))
        case Holds.CODE:
            return _code(text)
    return text


def _code(text: str) -> str:
    code = plain_code(text)
    if len(code) > CODE_CHARS:
        raise _Unreadable(f"{code[:40]!r}… is longer than {CODE_CHARS} characters")
    return code


def _choice(text: str, field: Field) -> str:
    word = re.sub(r"[\s\-]+", "_", text.strip().lower())
    if word not in field.choices:
        raise _Unreadable(f"{text[:40]!r} is none of {', '.join(field.choices)}")
    return word


def _words(text: str) -> list[str]:
    return [word for part in re.split(r"[;；,，|、\n]", text) if (word := part.strip())]


def _number(text: str, rule: FieldRule) -> Decimal:
    """Read an exact number; a decimal comma is understood, a number with both marks only when it is plain which is which."""
    plain = text.replace("\u00a0", "").replace(" ", "").replace("'", "")
    if "," in plain and "." in plain:
        last = max(plain.rfind(","), plain.rfind("."))
        plain = plain[:last].replace(",", "").replace(".", "") + "." + plain[last + 1 :]
    elif re.fullmatch(r"-?\d{1,3}(,\d{3})+", plain):
        raise _Unreadable(f"{text[:40]!r} may have a decimal comma or a thousands comma")
    try:
        number = Decimal(plain.replace(",", ".")) * (rule.factor if rule.factor is not None else 1)
    except InvalidOperation as error:
        raise _Unreadable(f"{text[:40]!r} is no number") from error
    if not is_exact(number):
        raise _Unreadable(f"{text[:40]!r} cannot be counted with")
    return number


def _degrees(text: str) -> float:
    """Read degrees as they are, NaN included; `geo.coordinates` judges them."""
    try:
        return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError as error:
        raise _Unreadable(f"{text[:40]!r} is no number") from error


def _instant(text: str, rule: FieldRule, zone: str) -> datetime:
    """Read a date (then 00:00) or a time; one that names no zone is in the rule's zone, else the organisation's."""
    moment = _with_formats(text, rule.formats) if rule.formats else _iso(text)
    if moment is None:
        tried = ", ".join(rule.formats) or "ISO 8601; the mapping may name `formats`"
        raise _Unreadable(f"{text[:40]!r} is no date as {tried}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(rule.zone or zone))
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise _Unreadable(f"{text[:40]!r} is out of range") from error


def _with_formats(text: str, formats: tuple[str, ...]) -> datetime | None:
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added by the caller
        except ValueError:
            continue
    # A spreadsheet's own dates arrive as ISO 8601, whatever format the texts beside them have.
    return _iso(text)


def _iso(text: str) -> datetime | None:
    try:
        if re.fullmatch(r"\d{4}-?\d{2}-?\d{2}", text):
            return datetime.combine(date.fromisoformat(text), time())
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _skill(text: str, zone: str) -> Skill:
    """Read `code`, `code:level` or `code:level:expiry`; the expiry is a date, the first day without the skill."""
    code, level, expiry = (*(part.strip() for part in text.split(":", 2)), "", "")[:3]
    if not code or not re.fullmatch(r"[1-9]?", level):
        raise _Unreadable(f"{text[:40]!r} is no skill as pipe_repair:2:2027-01-31 (levels are 1 to 9)")
    expires_at = _instant(expiry, FieldRule(), zone) if expiry else None
    return Skill(code=_code(code), level=int(level or 1), expires_at=expires_at)
