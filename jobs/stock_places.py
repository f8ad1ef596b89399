"""Whether a location can be used for what a command wants of it. Books nothing."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from jobs.result import Refused
from jobs.work import Work
from mobile_contract.schema.stock import LocationKind, StockLocation

SHELVES: Final = frozenset({LocationKind.STORE, LocationKind.BIN})
HOLDING: Final = SHELVES | {LocationKind.VAN}
"""Kinds of location that somebody keeps: a warehouse its shelves, a crew its van."""


def place_fault(work: Work, field: str, id: UUID, kinds: Collection[LocationKind]) -> Refused | None:
    """Say why a location cannot be used: `unknown_reference`, `location_wrong` (its kind is none of these), `location_inactive`."""
    location = work.get(StockLocation, id)
    if location is None:
        return Refused("unknown_reference", {"field": field})
    if location.kind not in kinds:
        return Refused("location_wrong", {"field": field, "kind": location.kind.value})
    return None if location.active else Refused("location_inactive", {"field": field})


def store_of(work: Work, id: UUID) -> UUID:
    """Name the store that a location belongs to: a bin's store, else itself."""
    location = work.get(StockLocation, id)
    return id if location is None or location.parent_id is None else location.parent_id
