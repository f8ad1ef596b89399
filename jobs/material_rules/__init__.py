"""The rules of material that come with Onsite, as a TOML file. Reads them; who loads them into an organisation sends `save_material_rules`."""

from datetime import time
from functools import cache, lru_cache
from importlib.resources import files
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct, field

from mobile_contract.schema.base import Code
from mobile_contract.schema.material import ClassTolerance, FormDue, MaterialRules


class Shift(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Forms opened in a local span, which may pass midnight, and the local time at which they are due."""

    shift: Code
    begin: time = field(name="from")
    end: time = field(name="to")
    due: time


class ShippedRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules as their file states them: without an organisation, so without id and store."""

    price_before_work: bool
    tolerances: tuple[ClassTolerance, ...]
    form_dues: tuple[Shift, ...]


@lru_cache(1024)
def rules_id(org_id: UUID) -> UUID:
    """Name the rules of an organisation; there is one set of them."""
    return uuid5(org_id, "material_rules")


@lru_cache(1024)
def shipped_rules(org_id: UUID) -> MaterialRules:
    """Read the shipped rules for an organisation."""
    shipped = _shipped()
    return MaterialRules(
        id=rules_id(org_id),
        price_before_work=shipped.price_before_work,
        tolerances=shipped.tolerances,
        form_dues=tuple(
            FormDue(shift=s.shift, from_min=_minute(s.begin), to_min=_minute(s.end), due_min=_minute(s.due))
            for s in shipped.form_dues
        ),
    )


@cache
def _shipped() -> ShippedRules:
    return msgspec.toml.decode((files(__name__) / "plaza.toml").read_bytes(), type=ShippedRules)


def _minute(local: time) -> int:
    return local.hour * 60 + local.minute
