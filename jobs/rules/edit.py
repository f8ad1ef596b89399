"""Merge edits of a job's descriptive fields, each on its own: nobody's words are lost and nobody overwrites unseen. Pure."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from jobs.result import Refused
from mobile_contract.schema.base import Priority
from mobile_contract.schema.decisions import FieldEdit
from mobile_contract.schema.job import EditConflict, Job

_LONGEST = {"title": 300, "description": 8000, "address": 300, "priority": 80}
EDITABLE = frozenset(_LONGEST)
MOST_CONFLICTS = 50
"""A document shows this many conflicts, the latest; the events keep them all."""


class Editor(Struct, frozen=True):
    """Who edits, by which command, when the server took it."""

    person_id: UUID | None
    command_id: UUID
    at: datetime


class Merge(Struct, frozen=True):
    """What became of the edits: the job, the fields that changed (old value, new value), and the conflicts that are new."""

    job: Job
    changed: dict[str, tuple[str, str]]
    conflicts: tuple[EditConflict, ...]


def merge(job: Job, changes: Mapping[str, FieldEdit], editor: Editor) -> Merge | Refused:
    """Merge `{field: {was, set}}` into a job: equal `was` → set; already `set` → nothing; else the job's value stays beside the offered one."""
    for field, edit in changes.items():
        if field not in EDITABLE:
            return Refused("field_not_editable", {"field": field})
        if len(edit.set) > _LONGEST[field] or (field == "priority" and edit.set not in list(Priority)):
            return Refused("invalid", {"field": field})
    changed: dict[str, tuple[str, str]] = {}
    conflicts: list[EditConflict] = []
    for field, edit in sorted(changes.items()):
        now = str(getattr(job, field))
        if now == edit.set:
            continue
        if now == edit.was:
            changed[field] = (now, edit.set)
        else:
            conflicts.append(_conflict(field, now, edit.set, editor))
    values = {field: Priority(new) if field == "priority" else new for field, (_, new) in changed.items()}
    kept = (*job.conflicts, *conflicts)[-MOST_CONFLICTS:]
    return Merge(replace(job, **values, conflicts=kept), changed, tuple(conflicts))


def _conflict(field: str, kept: str, offered: str, editor: Editor) -> EditConflict:
    return EditConflict(
        field=field, kept=kept, offered=offered, by=editor.person_id, at=editor.at, command_id=editor.command_id
    )
