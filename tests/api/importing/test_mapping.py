"""Mapping files: what they can say, and what is answered when they say it wrong."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from api.importing.fields import Noun
from api.importing.mapping import fit, read_mapping
from api.importing.readers import SourceRow, SourceTable
from api.importing.rows import identify
from api.importing.values import MappedRow, map_row
from api.operator_error import OperatorError
from mobile_contract.schema.base import Skill
from tests.api.importing.files import mapping_of


def table_of(*rows: dict[str, str]) -> SourceTable:
    listed = tuple(SourceRow(number=n, cells=cells) for n, cells in enumerate(rows, start=2))
    return SourceTable(form="test", columns=tuple(dict.fromkeys(c for row in rows for c in row)), rows=listed)


def mapped(noun: Noun, toml: str, **cells: str) -> MappedRow:
    table = table_of(cells)
    fitted = fit(mapping_of(toml), noun, table)
    return map_row(identify(table.rows, fitted, noun)[0], noun, fitted, "Asia/Shanghai")


def test_columns_named_like_fields_need_no_mapping() -> None:
    row = mapped(Noun.SITES, "", Code="S-1", 地址="长安街", Longitude="116.4", LAT="39.9")
    assert row.values == {"code": "S-1", "address": "长安街", "lon_deg": 116.4, "lat_deg": 39.9}


def test_values_constants_defaults_and_joined_columns() -> None:
    toml = """
    [fields]
    job_type = { value = "repair" }
    priority = { column = "class", values = { "1" = "urgent" }, otherwise = "low", default = "normal" }
    title = { columns = ["kind", "pipe"], separator = ", ", default = "Leak" }
    """
    assert mapped(Noun.JOBS, toml, kind="SPLIT", pipe="C.I.", **{"class": "1"}).values == {
        "job_type": "repair", "title": "SPLIT, C.I.", "priority": "urgent",
    }  # fmt: skip
    assert mapped(Noun.JOBS, toml, kind="", pipe="", **{"class": "7"}).values["priority"] == "low"
    empty = mapped(Noun.JOBS, toml, kind="", pipe="", **{"class": ""})
    assert (empty.text("priority"), empty.text("title")) == ("normal", "Leak")


def test_lines_of_a_template_whose_columns_are_all_empty_are_left_out() -> None:
    toml = """
    [fields]
    job_type = { value = "repair" }
    [fields.description]
    template = '''
    {remarks}
    Pipe: {size} {material}
    Soil: {soil}
    Imported.'''
    """.replace("\n    ", "\n")
    row = mapped(Noun.JOBS, toml, remarks="FOUND", size="", material="C.I.", soil="")
    assert row.text("description") == "FOUND\nPipe:  C.I.\nImported."


@pytest.mark.parametrize(
    ("text", "rule", "instant"),
    [
        ("1-Jan-10", 'formats = ["%d-%b-%y"]', datetime(2009, 12, 31, 16, tzinfo=UTC)),
        ("2010-01-01", "", datetime(2009, 12, 31, 16, tzinfo=UTC)),
        ("2010-01-01T08:30:00Z", "", datetime(2010, 1, 1, 8, 30, tzinfo=UTC)),
        (
            "01.02.2010 10:00",
            'formats = ["%d.%m.%Y %H:%M"], zone = "Europe/Berlin"',
            datetime(2010, 2, 1, 9, tzinfo=UTC),
        ),
        ("2010-07-01", 'formats = ["%d-%b-%y"]', datetime(2010, 6, 30, 16, tzinfo=UTC)),
        ("32-Foo-10", 'formats = ["%d-%b-%y"]', None),
        ("0001-01-01", "", None),
    ],
)
def test_dates_are_read_in_their_format_and_zone(text: str, rule: str, instant: datetime | None) -> None:
    toml = (
        f'[fields]\njob_type = {{ value = "repair" }}\nreported_at = {{ column = "on"{", " + rule if rule else ""} }}'
    )
    row = mapped(Noun.JOBS, toml, on=text)
    assert row.values["reported_at"] == instant
    assert [note.code for note in row.notes] == ([] if instant else ["value_unreadable"])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12.50", "12.50"), ("12,50", "12.50"), ("1 234,5", "1234.5"), ("1,234.50", "1234.50"), ("1.234,50", "1234.50"),
        ("1,234", None), ("NaN", None), ("1e999", None), ("twelve", None),
    ],
)  # fmt: skip
def test_numbers_are_exact_and_never_guessed(text: str, number: str | None) -> None:
    row = mapped(Noun.PARTS, "", code="P", unit_cost=text)
    assert row.values["unit_cost"] == (Decimal(number) if number else None)
    assert bool(row.unreadable) is (number is None)


def test_units_are_converted_by_a_factor() -> None:
    row = mapped(Noun.PARTS, '[fields]\nunit_cost = { column = "cents", factor = "0.01" }', code="P", cents="1250")
    assert row.values["unit_cost"] == Decimal("12.50")


def test_roles_skills_and_truth_are_read() -> None:
    row = mapped(
        Noun.PEOPLE, "", code="7", name="Lin", roles="Technician; crew lead",
        skills="pipe_repair:2:2027-02-01;welding", crew_lead="是", active="No",
    )  # fmt: skip
    assert row.values["roles"] == ("technician", "crew_lead")
    expiry = datetime(2027, 1, 31, 16, tzinfo=UTC)
    assert row.values["skills"] == (Skill(code="pipe_repair", level=2, expires_at=expiry), Skill(code="welding"))
    assert (row.values["crew_lead"], row.values["active"]) == (True, False)


def test_texts_beyond_the_contract_are_cut_and_flagged() -> None:
    row = mapped(Noun.JOBS, "", job_type="repair", description="x" * 9000, address="y" * 301)
    assert (len(row.text("description")), len(row.text("address"))) == (8000, 300)
    assert [note.code for note in row.notes] == ["text_cut", "text_cut"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('[fields]\ntitel = "a"', "jobs have no field 'titel'; did you mean 'title'"),
        ('[fields]\ntitle = "adress"', "no column 'adress'; did you mean 'address'"),
        ('[fields]\ntitle = { column = "a", value = "b" }', "say one of column, columns, template and value"),
        ('key = ["nr"]', "no column 'nr'"),
        ('noun = "sites"', "the mapping is for sites; the command says jobs"),
        ('[fields]\nreported_at = { column = "a", zone = "Mars/Base" }', "no IANA time zone"),
        ('[fields]\nreported_at = { column = "a", formats = ["%Q"] }', "no date format"),
    ],
)
def test_a_mapping_that_does_not_fit_says_what_would(toml: str, said: str) -> None:
    with pytest.raises(OperatorError, match=said):
        fit(mapping_of(toml), Noun.JOBS, table_of({"a": "1", "address": "2", "job_type": "repair"}))


def test_a_required_field_from_nowhere_is_answered_with_all_fields() -> None:
    with pytest.raises(
        OperatorError, match=r"no column says what job_type is.\nThe file has the columns leak"
    ) as error:
        fit(mapping_of(""), Noun.JOBS, table_of({"leak": "1"}))
    assert "reported_at: a date or a date with a time" in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("noun = 'jobs'\nfieds = {}", "unknown field `fieds`"),
        ("[fields.title]\ncolum = 'a'", "a field is a column's name or a table of"),
        ("[fields", "is not TOML"),
    ],
)
def test_a_mapping_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(OperatorError, match=said):
        read_mapping(path)


def test_the_key_is_for_jobs_only() -> None:
    with pytest.raises(OperatorError, match="known by their code"):
        fit(mapping_of('key = ["a"]'), Noun.SITES, table_of({"a": "1", "code": "2"}))


def test_identity_does_not_depend_on_order_or_ignored_columns() -> None:
    toml = 'ignore = ["exported"]\n[fields]\nexternal_ref = "id"\njob_type = { value = "repair" }'
    first = (
        {"id": "1", "a": "x", "exported": "mon"},
        {"id": "1", "a": "x", "exported": "mon"},
        {"id": "1", "a": "y", "exported": "mon"},
    )
    again = (
        {"exported": "tue", "a": "y", "id": "1"},
        {"a": "x", "exported": "tue", "id": "1"},
        {"a": "x", "exported": "wed", "id": "1"},
    )

    def identities(rows: tuple[dict[str, str], ...]) -> list[tuple[str, str, int]]:
        table = table_of(*rows)
        fitted = fit(mapping_of(toml), Noun.JOBS, table)
        return sorted((r.key, r.content, r.occurrence) for r in identify(table.rows, fitted, Noun.JOBS))

    assert identities(first) == identities(again)
    assert sorted(occurrence for _, _, occurrence in identities(first)) == [1, 1, 2]
