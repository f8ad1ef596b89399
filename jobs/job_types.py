"""Read job types from TOML: those that come with Onsite and an operator's own. Loading them is the command `load_job_type`."""

from importlib.resources import files
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from mobile_contract.schema.base import Code, LocalText, Priority, Skill
from mobile_contract.schema.job import ArrivalLimit, Guards, JobType, TaskTemplate


class JobTypeFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job type as its file states it: without an organisation and so without an id."""

    code: Code
    version: int
    name: LocalText
    process: Code = ""
    duration_min: int = 60
    priority: Priority = Priority.NORMAL
    required_skills: tuple[Skill, ...] = ()
    tasks: tuple[TaskTemplate, ...] = ()
    guards: Guards = Guards()
    arrival_limits: tuple[ArrivalLimit, ...] = ()


def shipped(org_id: UUID) -> list[JobType]:
    """Read the shipped job types for an organisation, by code. The id of each follows from organisation, code and version."""
    found = (f for f in files("jobs.types").iterdir() if f.name.endswith(".toml"))
    return sorted((parse(f.read_text("utf-8"), org_id) for f in found), key=lambda t: t.code)


def parse(toml: str, org_id: UUID) -> JobType:
    """Read one job type from TOML text. Raises msgspec.ValidationError for a wrong or unknown field, DecodeError for bad TOML."""
    file = msgspec.toml.decode(toml, type=JobTypeFile)
    fields = {field: getattr(file, field) for field in JobTypeFile.__struct_fields__}
    return JobType(id=uuid5(org_id, f"job_type/{file.code}/{file.version}"), **fields)
