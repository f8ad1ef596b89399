"""Approval policies as TOML files: those that come with Onsite, and how any other is read. Loads nothing: `save_policy` does.

A file names people, sites and districts by their codes, so that it can be written by hand and used by more than one organisation.
"""

from collections.abc import Iterable, Mapping
from datetime import time
from decimal import Decimal
from importlib.resources import files
from typing import Annotated
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta, Struct, field

from mobile_contract.schema.approval import (
    ApproverRef,
    Band,
    Escalation,
    Policy,
    Scope,
    Step,
    StepRule,
    Weekday,
    WorkingHours,
)
from mobile_contract.schema.base import Code, Currency
from mobile_contract.schema.people import Role


class Hours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Working hours of some weekdays (1 = Monday … 7), local time; `24:00` is written as the `to` 00:00."""

    weekdays: tuple[Weekday, ...]
    begin: time = field(name="from")
    end: time = field(name="to")


class Approver(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role, a person by code, or a roster (with the role for when nobody is on it)."""

    role: Role | None = None
    person: Code | None = None
    duty: Code | None = None


class FileStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step: any of these approvers, or all of them."""

    any_of: tuple[Approver, ...] = ()
    all_of: tuple[Approver, ...] = ()


class FileBand(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amounts in `(above, up_to]`, and either a role or steps."""

    above: Decimal
    up_to: Decimal | None = None
    role: Role | None = None
    steps: tuple[FileStep, ...] = ()


class FileScope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it holds, by codes."""

    sites: tuple[Code, ...] = ()
    job_types: tuple[Code, ...] = ()
    districts: tuple[Code, ...] = ()


class FileEscalation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may decide too, after how many minutes."""

    after_min: Annotated[int, Meta(ge=1, le=100_000)]
    to: Approver


class PolicyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy as its file states it; without a currency it is in the organisation's."""

    code: Code
    version: Annotated[int, Meta(ge=1)]
    subject: Code
    bands: tuple[FileBand, ...]
    currency: Currency | None = None
    scope: FileScope | None = None
    calendar: Code | None = None
    working_hours: tuple[Hours, ...] = ()
    duty_chief_after_hours: bool = True
    after_hours_duty: Code = "duty_chief"
    escalation: FileEscalation | None = None
    active: bool = True


class Codes(Struct, frozen=True, kw_only=True):
    """What the codes in a file mean in an organisation."""

    people: Mapping[str, UUID] = {}
    sites: Mapping[str, UUID] = {}
    districts: Mapping[str, UUID] = {}


class UnknownCode(LookupError):
    """A file names what the organisation does not have."""

    def __init__(self, what: str, code: str) -> None:
        super().__init__(f"there is no {what} with the code {code}")


def shipped_policies(org_id: UUID, currency: str) -> tuple[Policy, ...]:
    """Read the shipped policies for an organisation and its ISO 4217 currency, by code. The ids follow from both, code and version."""
    here = sorted((f for f in files(__name__).iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(policy_of(read_policy(f.read_bytes()), org_id, currency, Codes()) for f in here)


def read_policy(raw: bytes) -> PolicyFile:
    """Read a policy file. Raises msgspec.DecodeError (ValidationError among them) that says what is wrong where."""
    return msgspec.toml.decode(raw, type=PolicyFile)


def policy_of(file: PolicyFile, org_id: UUID, currency: str, codes: Codes) -> Policy:
    """Make the policy that a file states for an organisation; the same file gives the same id. Raises UnknownCode."""
    currency = file.currency or currency
    scope, escalation = file.scope, file.escalation
    return Policy(
        id=uuid5(org_id, f"policy/{file.code}/{file.version}/{currency}"),
        code=file.code,
        version=file.version,
        subject=file.subject,
        currency=currency,
        bands=tuple(_band(band, codes) for band in file.bands),
        working_hours=hours_of(file.working_hours),
        duty_chief_after_hours=file.duty_chief_after_hours,
        scope=_scope(scope, codes) if scope else None,
        calendar=file.calendar,
        after_hours_duty=file.after_hours_duty,
        escalation=Escalation(after_min=escalation.after_min, to=_ref(escalation.to, codes)) if escalation else None,
        active=file.active,
    )


def codes_in(file: PolicyFile) -> tuple[set[str], set[str], set[str]]:
    """Name the codes of the people, sites and districts in a file."""
    named = [ref for band in file.bands for step in band.steps for ref in (*step.any_of, *step.all_of)]
    if file.escalation is not None:
        named.append(file.escalation.to)
    scope = file.scope or FileScope()
    return {ref.person for ref in named if ref.person is not None}, set(scope.sites), set(scope.districts)


def hours_of(lines: Iterable[Hours]) -> tuple[WorkingHours, ...]:
    """Turn lines of hours into working hours, one for each weekday named."""
    return tuple(
        WorkingHours(weekday=day, from_min=_minute(hours.begin), to_min=_minute(hours.end) or 24 * 60)
        for hours in lines
        for day in hours.weekdays
    )


def _band(band: FileBand, codes: Codes) -> Band:
    steps = tuple(
        Step(
            approvers=tuple(_ref(ref, codes) for ref in step.all_of or step.any_of),
            rule=StepRule.ALL_OF if step.all_of else StepRule.ANY_OF,
        )
        for step in band.steps
    )
    return Band(above=band.above, up_to=band.up_to, role=band.role, steps=steps)


def _ref(ref: Approver, codes: Codes) -> ApproverRef:
    person_id = None if ref.person is None else _found(codes.people, "person", ref.person)
    return ApproverRef(role=ref.role, person_id=person_id, duty=ref.duty)


def _scope(scope: FileScope, codes: Codes) -> Scope:
    return Scope(
        site_ids=tuple(_found(codes.sites, "site", code) for code in scope.sites),
        job_types=scope.job_types,
        district_ids=tuple(_found(codes.districts, "district", code) for code in scope.districts),
    )


def _found(known: Mapping[str, UUID], what: str, code: str) -> UUID:
    if code not in known:
        raise UnknownCode(what, code)
    return known[code]


def _minute(local: time) -> int:
    return local.hour * 60 + local.minute
