"""Who does something and when it happened, as handed to rules and handlers. Reads no clock and no request."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from mobile_contract.schema.people import Role


class Via(StrEnum):
    """The way in."""

    PERSON = "person"
    DEVICE = "device"
    INTEGRATION = "integration"
    TIMER = "timer"
    OPERATOR = "operator"


class Actor(Struct, frozen=True, kw_only=True):
    """Who asks. An operator is the owner of the machine at the command line: it may do what an administrator may."""

    org_id: UUID
    person_id: UUID | None = None
    roles: frozenset[Role] = frozenset()
    device_id: UUID | None = None
    session_id: UUID | None = None
    via: Via = Via.PERSON
    active: bool = True


class Occurrence(Struct, frozen=True, kw_only=True):
    """When something happened: the best estimate `at` within [`not_before`, `not_after`], and what the device's own clock said."""

    at: datetime
    not_before: datetime | None = None
    not_after: datetime | None = None
    raw_at: datetime | None = None
    clock: str = "server"
    suspect: bool = False


class Deed(Struct, frozen=True, kw_only=True):
    """One command's circumstances. `on_behalf_of` and `cause`: a quarantined fact applied by hand keeps its author and its origin."""

    command_id: UUID
    actor: Actor
    occurrence: Occurrence
    received_at: datetime
    on_behalf_of: UUID | None = None
    cause: UUID | None = None
    after_unresolved: bool = False

    @property
    def person_id(self) -> UUID | None:
        """Name the person whose deed it is."""
        return self.on_behalf_of or self.actor.person_id
