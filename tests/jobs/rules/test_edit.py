"""Edits merge field by field: what one editor did not see is neither overwritten nor lost."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from jobs.result import Refused
from jobs.rules.edit import MOST_CONFLICTS, Editor, Merge, merge
from mobile_contract.schema.base import Priority
from mobile_contract.schema.decisions import FieldEdit
from mobile_contract.schema.job import Job, JobState

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
JOB = Job(
    id=UUID(int=1), number="1", type="repair", type_version=1, state=JobState.READY, reported_at=NINE, opened_at=NINE,
    title="Leak", description="Water on the road", address="1 Mill Lane",
)  # fmt: skip
EDITOR = Editor(UUID(int=5), UUID(int=6), NINE)


def merged(job: Job = JOB, **changes: tuple[str, str]) -> Merge:
    result = merge(job, {f: FieldEdit(was=was, set=new) for f, (was, new) in changes.items()}, EDITOR)
    assert isinstance(result, Merge)
    return result


def test_an_edit_of_what_the_editor_saw_is_set() -> None:
    result = merged(title=("Leak", "Burst main"))
    assert result.job.title == "Burst main"
    assert result.changed == {"title": ("Leak", "Burst main")}
    assert result.conflicts == ()


def test_an_edit_to_what_it_already_is_changes_nothing() -> None:
    result = merged(title=("Something older", "Leak"))
    assert result.job == JOB
    assert (result.changed, result.conflicts) == ({}, ())


def test_an_edit_of_what_somebody_else_changed_keeps_both_values() -> None:
    result = merged(title=("Older title", "Burst main"))
    assert result.job.title == "Leak"
    (conflict,) = result.job.conflicts
    assert (conflict.field, conflict.kept, conflict.offered, conflict.by) == (
        "title",
        "Leak",
        "Burst main",
        EDITOR.person_id,
    )


def test_fields_are_merged_each_on_its_own() -> None:
    result = merged(title=("Older title", "Burst main"), address=("1 Mill Lane", "2 Mill Lane"))
    assert result.job.title == "Leak"
    assert result.job.address == "2 Mill Lane"
    assert [c.field for c in result.conflicts] == ["title"]


def test_a_priority_becomes_a_priority() -> None:
    assert merged(priority=("normal", "urgent")).job.priority is Priority.URGENT


@pytest.mark.parametrize("field", ["state", "number", "lon_deg", "arrived_at"])
def test_no_other_field_can_be_edited(field: str) -> None:
    assert merge(JOB, {field: FieldEdit(was="", set="x")}, EDITOR) == Refused("field_not_editable", {"field": field})


@pytest.mark.parametrize(("field", "value"), [("priority", "soon"), ("title", "x" * 301), ("address", "x" * 301)])
def test_a_value_that_the_field_cannot_hold_is_refused_whole(field: str, value: str) -> None:
    changes = {"description": FieldEdit(was="Water on the road", set="More"), field: FieldEdit(was="", set=value)}
    assert merge(JOB, changes, EDITOR) == Refused("invalid", {"field": field})


def test_a_document_keeps_the_latest_conflicts_only() -> None:
    job = JOB
    for number in range(MOST_CONFLICTS + 5):
        job = merged(job, title=("never seen", f"title {number}")).job
    assert len(job.conflicts) == MOST_CONFLICTS
    assert job.conflicts[-1].offered == f"title {MOST_CONFLICTS + 4}"
