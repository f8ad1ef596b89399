"""The shipped job types: readable, complete in both languages, and the same for everyone who loads them."""

from importlib.resources import files
from uuid import UUID

import msgspec
import pytest

from jobs.job_types import parse, shipped
from mobile_contract.schema.job import AnswerKind, JobType

ORG = UUID(int=1)


def test_five_types_are_shipped() -> None:
    assert [t.code for t in shipped(ORG)] == ["inspection", "make_safe", "meter_exchange", "repair", "survey"]


def test_ids_follow_from_organisation_code_and_version() -> None:
    assert [t.id for t in shipped(ORG)] == [t.id for t in shipped(ORG)]
    assert {t.id for t in shipped(ORG)}.isdisjoint(t.id for t in shipped(UUID(int=2)))


@pytest.mark.parametrize("job_type", shipped(ORG), ids=lambda t: t.code)
def test_a_shipped_type_speaks_both_languages_and_has_a_sound_checklist(job_type: JobType) -> None:
    assert job_type.name.en and job_type.name.zh
    codes = [task.code for task in job_type.tasks]
    assert len(codes) == len(set(codes)) >= 5
    assert any(task.mandatory for task in job_type.tasks)
    for task in job_type.tasks:
        assert task.label.en and task.label.zh
        assert (task.answer_kind is AnswerKind.CHOICE) == (len(task.choices) > 1)


@pytest.mark.parametrize("job_type", shipped(ORG), ids=lambda t: t.code)
def test_nothing_in_a_file_is_misspelt_and_lost(job_type: JobType) -> None:
    text = files("jobs.types").joinpath(f"{job_type.code}.toml").read_text("utf-8")
    assert contains(msgspec.to_builtins(msgspec.structs.replace(job_type)), msgspec.toml.decode(text))


def contains(known: object, said: object) -> bool:
    """Everything said is known; a default that is left out of the encoding is taken as known."""
    if isinstance(said, dict):
        assert isinstance(known, dict)
        defaults = {"answer_kind": "yes_no", "level": 1, "priority": "normal", "duration_min": 60}
        return all(contains(known.get(k, defaults.get(k)), v) for k, v in said.items())
    if isinstance(said, list):
        assert isinstance(known, list | tuple)
        return len(known) == len(said) and all(map(contains, known, said))
    return known == said


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="colour"):
        parse('code = "x"\nversion = 1\ncolour = "red"\n[name]\nen = "X"\n', ORG)
