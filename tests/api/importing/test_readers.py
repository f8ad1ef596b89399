"""Files as they come: marks, encodings, delimiters, odd quotes, short and long rows, dates of spreadsheets, GeoJSON with NaN."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from api.importing.readers import Reading, SourceTable, read_table
from api.operator_error import OperatorError
from tests.api.importing.files import write_geojson, write_xlsx


def read(path: Path, content: bytes | None = None, **reading: str | int) -> SourceTable:
    if content is not None:
        path.write_bytes(content)
    return read_table(path, Reading(**reading))  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese_text_is_read_in_the_encodings_of_spreadsheets(tmp_path: Path, encoding: str) -> None:
    table = read(tmp_path / "a.csv", "编号,地址\nA-1,长安街 1 号\n".encode(encoding))
    assert table.columns == ("编号", "地址")
    assert table.rows[0].cells == {"编号": "A-1", "地址": "长安街 1 号"}


def test_an_encoding_that_is_named_is_used(tmp_path: Path) -> None:
    assert (
        read(tmp_path / "a.csv", "code\nMüller\n".encode("cp1252"), encoding="cp1252").rows[0].cells["code"] == "Müller"
    )
    with pytest.raises(OperatorError, match="no encoding 'cp9'"):
        read(tmp_path / "a.csv", b"code\n1\n", encoding="cp9")


def test_bytes_that_are_no_text_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="Name its encoding in the mapping"):
        read(tmp_path / "a.csv", b"code\n\xff\xff\xff\n")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, mark: str) -> None:
    table = read(tmp_path / "a.csv", f'code{mark}"a, b; c"\n1{mark}"x{mark}y"\n'.encode())
    assert table.columns == ("code", "a, b; c")
    assert table.rows[0].cells["a, b; c"] == f"x{mark}y"


def test_quotes_within_cells_and_line_breaks_are_kept(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", b'id,remarks\r\n1,"6"" MAIN\r\nBROKE"\r\n2,6" MAIN\r\n')
    assert [row.cells["remarks"] for row in table.rows] == ['6" MAIN\nBROKE', '6" MAIN']
    assert [row.number for row in table.rows] == [2, 3]


def test_rows_that_are_too_short_or_long_are_kept_and_named(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", b"a,b\n1\n\n1,2,3\n1,2,\n")
    assert [(row.number, row.odd) for row in table.rows] == [(2, ("cells_missing",)), (4, ("cells_too_many",)), (5, ())]
    assert table.rows[1].cells == {"a": "1", "b": "2", "column 3": "3"}


def test_repeated_and_empty_column_names_become_distinct(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", b"size,,size\n1,2,3\n").columns == ("size", "column 2", "size.2")


def test_control_characters_never_get_in(tmp_path: Path) -> None:
    assert read(tmp_path / "a.csv", b"a,b\n x\x00\x07y ,2\n").rows[0].cells["a"] == "xy"


def test_a_quote_that_never_ends_is_said(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="never closed"):
        read(tmp_path / "a.csv", b'a,b\n1,"' + b"x" * 1_100_000)


def test_a_spreadsheet_gives_the_same_texts_as_a_csv(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["code", "n", "when", "yes", "none"],
        ["A<1>", 6, date(2013, 5, 15), True, None],
        ["B", 0.25, None, False, "x"],
    ]
    table = read(write_xlsx(tmp_path / "a.xlsx", rows))
    assert table.form == "spreadsheet, sheet 'Sheet one'"
    assert table.rows[0].cells == {"code": "A<1>", "n": "6", "when": "2013-05-15", "yes": "true", "none": ""}
    assert table.rows[1].cells == {"code": "B", "n": "0.25", "when": "", "yes": "false", "none": "x"}


def test_a_header_further_down_can_be_named(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [["List of parts", None], [None, None], ["code", "name"], ["P-1", "Clamp"]])
    table = read(path, header_row=3)
    assert (table.columns, table.rows[0].number) == (("code", "name"), 4)


def test_a_sheet_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="it has 'Sheet one'"):
        read(write_xlsx(tmp_path / "a.xlsx", [["code"], ["1"]]), sheet="Parts")


def test_a_broken_spreadsheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read as a spreadsheet"):
        read(tmp_path / "a.xlsx", b"PK\x03\x04 no")


def test_points_of_geojson_become_two_columns(tmp_path: Path) -> None:
    point = {"type": "Point", "coordinates": [116.4, 39.9]}
    table = read(write_geojson(tmp_path / "a.geojson", [({"id": 7, "tags": ["a"]}, point), ({"id": 8}, None)]))
    assert table.columns == ("id", "tags", "geometry.lon", "geometry.lat")
    assert table.rows[0].cells == {"id": "7", "tags": '["a"]', "geometry.lon": "116.4", "geometry.lat": "39.9"}
    assert table.rows[1].odd == ("geometry_missing",)


def test_geojson_with_nan_is_read_and_the_point_is_none(tmp_path: Path) -> None:
    text = b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":1},"geometry":{"type":"Point","coordinates":[NaN,1]}}]}'
    assert read(tmp_path / "a.geojson", text).rows[0].cells == {"id": "1"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.geojson", b"{", "not a GeoJSON FeatureCollection"),
        ("a.geojson", b'{"type":"Feature","features":[]}', "a FeatureCollection is needed"),
        ("a.geojson", b'{"type":"FeatureCollection","features":[]}', "no features"),
        ("a.geojson", b'{"type":"FeatureCollection","crs":{"name":"EPSG:4490"},"features":[]}', "EPSG:4326"),
        ("a.csv", b"", "no rows"),
        ("a.shp", b"x", "told by its ending"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(OperatorError, match=said):
        read(tmp_path / name, content)


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="No such file"):
        read(tmp_path / "a.csv")
