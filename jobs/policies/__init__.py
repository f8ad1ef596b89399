"""The approval policies that come with Onsite, as TOML files. Reads them; who loads them into an organisation sends `save_policy`."""

from datetime import time
from importlib.resources import files
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct, field

from mobile_contract.schema.approval import Band, Policy, WorkingHours
from mobile_contract.schema.base import Code


class Hours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Working hours of some weekdays (1 = Monday … 7), local time."""

    weekdays: tuple[int, ...]
    begin: time = field(name="from")
    end: time = field(name="to")


class ShippedPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy as its file states it: without an organisation, so without currency and id."""

    code: Code
    version: int
    subject: Code
    bands: tuple[Band, ...]
    working_hours: tuple[Hours, ...] = ()
    duty_chief_after_hours: bool = True


def shipped_policies(org_id: UUID, currency: str) -> tuple[Policy, ...]:
    """Read the shipped policies for an organisation and its ISO 4217 currency, by code. The ids follow from both, code and version."""
    here = sorted((f for f in files(__name__).iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(_policy(msgspec.toml.decode(f.read_bytes(), type=ShippedPolicy), org_id, currency) for f in here)


def _policy(shipped: ShippedPolicy, org_id: UUID, currency: str) -> Policy:
    return Policy(
        id=uuid5(org_id, f"policy/{shipped.code}/{shipped.version}/{currency}"),
        code=shipped.code,
        version=shipped.version,
        subject=shipped.subject,
        currency=currency,
        bands=shipped.bands,
        working_hours=tuple(
            WorkingHours(weekday=day, from_min=_minute(hours.begin), to_min=_minute(hours.end))
            for hours in shipped.working_hours
            for day in hours.weekdays
        ),
        duty_chief_after_hours=shipped.duty_chief_after_hours,
    )


def _minute(local: time) -> int:
    return local.hour * 60 + local.minute
