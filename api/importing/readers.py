"""Reads CSV, GeoJSON and spreadsheets into rows of text. Owns what a readable file is; never knows what a column means.

A file that cannot be read as a whole raises OperatorError; what is odd about one row is kept with the row.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from api.importing.cells import Cell, text_of
from api.operator_error import OperatorError

FILE_BYTES_MAX: Final = 128 * 1024 * 1024
ROWS_MAX: Final = 500_000
COLUMNS_MAX: Final = 500
CELL_CHARS_MAX: Final = 1_000_000
# GeoJSON points become these two columns.
LON_COLUMN: Final = "geometry.lon"
LAT_COLUMN: Final = "geometry.lat"

_TEXT: Final = {".csv", ".tsv", ".txt"}
_JSON: Final = {".geojson", ".json"}
_SHEETS: Final = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# Anything that is not UTF-8 and comes out whole as this is most likely a Chinese spreadsheet's export.
_ENCODINGS: Final = ("utf-8", "gb18030")
_DELIMITERS: Final = ",;\t|"
_LON_LAT_CRS: Final = ("CRS84", "4326")


class Reading(Struct, frozen=True, kw_only=True):
    """How to read a file; what is empty is found out."""

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_row: int = 0


class SourceRow(Struct, frozen=True, kw_only=True):
    """A row as the file has it. `number` is the row of a spreadsheet (the header is row 1) or the place of a feature from 1.

    `cells` are texts by column; `geometry` is GeoJSON; `odd` are codes of what is odd about the row.
    """

    number: int
    cells: dict[str, str]
    geometry: bytes = b""
    odd: tuple[str, ...] = ()


class SourceTable(Struct, frozen=True, kw_only=True):
    """A file's columns and rows, and what kind of file it is, for people."""

    form: str
    columns: tuple[str, ...]
    rows: tuple[SourceRow, ...]


class _Geometry(Struct, frozen=True):
    type: str
    coordinates: msgspec.Raw = msgspec.Raw(b"[]")


class _Feature(Struct, frozen=True):
    geometry: msgspec.Raw = msgspec.Raw(b"null")
    properties: dict[str, msgspec.Raw] | None = None
    id: str | int | None = None


class _Collection(Struct, frozen=True):
    type: str
    features: list[msgspec.Raw]
    crs: object = None


def read_table(path: Path, reading: Reading) -> SourceTable:
    """Read a file by its ending. Raises OperatorError when it is missing, too large, of another kind, or not what its ending says."""
    suffix = path.suffix.lower()
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            raise OperatorError(
                f"{path} has {size / 1e6:,.0f} MB; split it into files of {FILE_BYTES_MAX / 1e6:,.0f} MB."
            )
        if suffix in _SHEETS:
            return _read_sheet(path, reading)
        raw = path.read_bytes()
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror or error}.") from error
    if suffix in _TEXT:
        return _read_csv(raw, reading, str(path))
    if suffix in _JSON:
        return _read_geojson(raw, str(path))
    known = ", ".join(sorted(_TEXT | _JSON | _SHEETS))
    raise OperatorError(f"{path.name}: what kind of file it is, is told by its ending; known are {known}.")


def _read_csv(raw: bytes, reading: Reading, name: str) -> SourceTable:
    text, encoding = _decoded(raw, reading.encoding, name)
    delimiter = reading.delimiter or _delimiter_of(text)
    csv.field_size_limit(CELL_CHARS_MAX)
    try:
        # Not `strict`: people write quotes inside cells, and a reader that refuses them loses the row.
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise OperatorError(
            f"{name} cannot be read as CSV with the delimiter {delimiter!r}: {error}. "
            "A quotation mark that is never closed does this; the mapping may name another `delimiter`."
        ) from error
    columns, rows = _rows_of(records, reading, name)
    return SourceTable(form=f"CSV, {encoding}", columns=columns, rows=rows)


def _decoded(raw: bytes, encoding: str, name: str) -> tuple[str, str]:
    marked = next((found for bom, found in _BOMS if raw.startswith(bom)), "")
    tried = [encoding] if encoding else [marked] if marked else list(_ENCODINGS)
    for candidate in tried:
        try:
            return raw.decode(candidate), candidate
        except UnicodeDecodeError:
            continue
        except LookupError as error:
            raise OperatorError(
                f"there is no encoding {candidate!r}; write for example encoding = 'gb18030'."
            ) from error
    raise OperatorError(
        f"{name} is not text in {' or '.join(tried)}. Name its encoding in the mapping, for example encoding = 'cp1252'."
    )


def _delimiter_of(text: str) -> str:
    """Take what separates most of the first line, quoted parts aside."""
    first = text.lstrip().split("\n", 1)[0]
    outside = "".join(first.split('"')[::2])
    counted = {mark: outside.count(mark) for mark in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda mark: counted[mark])
    return best if counted[best] else ","


def _read_sheet(path: Path, reading: Reading) -> SourceTable:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        sheet = reading.sheet or book.sheet_names[0]
        if sheet not in book.sheet_names:
            raise OperatorError(f"{path.name} has no sheet {sheet!r}; it has {', '.join(map(repr, book.sheet_names))}.")
        records = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except (CalamineError, IndexError) as error:
        raise OperatorError(f"{path} cannot be read as a spreadsheet: {error}. Open it and save it anew.") from error
    columns, rows = _rows_of(records, reading, path.name)
    return SourceTable(form=f"spreadsheet, sheet {sheet!r}", columns=columns, rows=rows)


def _rows_of(
    records: Sequence[Sequence[Cell]], reading: Reading, name: str
) -> tuple[tuple[str, ...], tuple[SourceRow, ...]]:
    """Split records into header and rows; rows without any text are left out, and keep their numbers."""
    numbered = [(number, [text_of(cell) for cell in record]) for number, record in enumerate(records, start=1)]
    filled = [(number, cells) for number, cells in numbered if any(cells) and number >= reading.header_row]
    if not filled:
        raise OperatorError(f"{name} has no rows.")
    (_, header), *rest = filled
    if len(rest) > ROWS_MAX or len(header) > COLUMNS_MAX:
        raise OperatorError(
            f"{name} has {len(rest):,} rows of {len(header)} columns; split it ({ROWS_MAX:,}, {COLUMNS_MAX})."
        )
    while header and not header[-1]:
        header.pop()
    columns = _distinct(header)
    return columns, tuple(_row(number, cells, columns) for number, cells in rest)


def _row(number: int, cells: list[str], columns: tuple[str, ...]) -> SourceRow:
    odd: list[str] = []
    if len(cells) < len(columns):
        odd.append("cells_missing")
    if any(cells[len(columns) :]):
        odd.append("cells_too_many")
    named = dict(zip(columns, cells, strict=False))
    # What stands beyond the header still tells one row from another.
    named.update({f"column {i}": cell for i, cell in enumerate(cells[len(columns) :], len(columns) + 1) if cell})
    return SourceRow(number=number, cells=named, odd=tuple(odd))


def _distinct(header: Iterable[str]) -> tuple[str, ...]:
    """Name every column once: an empty name becomes `column 3`, a repeated one `size.2`."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for place, given in enumerate(header, start=1):
        name = " ".join(given.split()) or f"column {place}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return tuple(names)


def _read_geojson(raw: bytes, name: str) -> SourceTable:
    try:
        collection = _collection(raw.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise OperatorError(f"{name} is not a GeoJSON FeatureCollection: {error}.") from error
    if collection.type != "FeatureCollection":
        raise OperatorError(f"{name} is a GeoJSON {collection.type!r}; a FeatureCollection is needed.")
    if collection.crs is not None and not any(known in str(collection.crs) for known in _LON_LAT_CRS):
        raise OperatorError(f"{name} is not in longitude and latitude; export it again in WGS 84 (EPSG:4326).")
    if not collection.features:
        raise OperatorError(f"{name} has no features.")
    if len(collection.features) > ROWS_MAX:
        raise OperatorError(f"{name} has {len(collection.features):,} features; split it ({ROWS_MAX:,}).")
    rows = tuple(_feature(number, raw) for number, raw in enumerate(collection.features, start=1))
    columns = dict.fromkeys(column for row in rows for column in row.cells)
    return SourceTable(form="GeoJSON", columns=tuple(columns), rows=rows)


def _collection(raw: bytes) -> _Collection:
    """Decode a collection; NaN and Infinity, which are no JSON but are written by some programs, become null."""
    try:
        return msgspec.json.decode(raw, type=_Collection)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        lenient = json.loads(raw, parse_constant=lambda _: None)
        return msgspec.json.decode(msgspec.json.encode(lenient), type=_Collection)


def _feature(number: int, raw: msgspec.Raw) -> SourceRow:
    try:
        feature = msgspec.json.decode(raw, type=_Feature)
    except msgspec.MsgspecError:
        return SourceRow(
            number=number, cells={"feature": bytes(raw)[:200].decode(errors="replace")}, odd=("feature_unreadable",)
        )
    cells = {name: _property(value) for name, value in (feature.properties or {}).items()}
    if feature.id is not None:
        cells.setdefault("id", str(feature.id))
    geometry = bytes(feature.geometry)
    if geometry == b"null":
        return SourceRow(number=number, cells=cells, odd=("geometry_missing",))
    point = _point(geometry)
    return SourceRow(number=number, cells={**cells, **point}, geometry=geometry)


def _property(raw: msgspec.Raw) -> str:
    value = msgspec.json.decode(raw)
    if value is None or isinstance(value, str | int | float | bool):
        return text_of(value)
    return text_of(bytes(raw).decode())


def _point(geometry: bytes) -> dict[str, str]:
    """Give longitude and latitude of a Point as two cells; none for another geometry."""
    try:
        shape = msgspec.json.decode(geometry, type=_Geometry)
        if shape.type != "Point":
            return {}
        lon, lat, *_ = msgspec.json.decode(shape.coordinates, type=list[float])
    except (msgspec.MsgspecError, ValueError):
        return {}
    return {LON_COLUMN: text_of(lon), LAT_COLUMN: text_of(lat)}
