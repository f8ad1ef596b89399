"""The rows of the model's tables. Values are never changed, only replaced."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct

from mobile_contract.schema.clock import ClockSample
from tests.simulation.backend import Key


class View(Protocol):
    """Somewhere rows are read: a transaction, or a snapshot."""

    def read(self, table: str, key: Any) -> Any:
        """Read a row; None when there is none."""
        ...

    def scan(self, table: str) -> Iterator[tuple[Any, Any]]:
        """Read all rows."""
        ...


class Job(Struct, frozen=True):
    """A job: `over` is "", "cancelled" or "closed"."""

    title: str
    description: str
    district_id: UUID
    over: str = ""
    on_hold: bool = False


class Visit(Struct, frozen=True):
    """A visit of a job."""

    crew_id: UUID | None
    person_id: UUID | None
    state: str = "dispatched"
    plan_version: int = 1


class Spell(Struct, frozen=True):
    """A time in which a person belongs to a crew."""

    crew_id: UUID
    from_at: datetime
    to_at: datetime | None = None


class Device(Struct, frozen=True):
    """An install: whose it is, its secret, how far its queue is taken."""

    holder: UUID
    secret: str
    name: str
    last_n: int = 0
    revoked: bool = False


class Session(Struct, frozen=True):
    """Whose deeds a device reports, and when."""

    device_id: UUID
    person_id: UUID
    from_at: datetime
    to_at: datetime


class Outcome(Struct, frozen=True):
    """The stored answer to a command. `holders`: the devices in whose bucket it stands; it leaves once it was shown."""

    device_id: UUID | None
    n: int | None
    digest: bytes
    status: str
    code: str
    decided_at: datetime
    resolution: str = ""
    holders: tuple[UUID, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    suspect: bool = False

    @property
    def resolved(self) -> bool:
        """Tell whether what follows may go on."""
        return self.status in ("applied", "merged", "rejected") or bool(self.resolution)


class Ask(Struct, frozen=True):
    """A command to be executed, with whose it is. `barred` says why it cannot be judged."""

    id: UUID
    name: str
    args: dict[str, Any]
    digest: bytes
    raw: bytes
    device_id: UUID | None
    person_id: UUID | None
    n: int | None
    after: tuple[UUID, ...] = ()
    barred: str = ""
    revoked: bool = False
    cause: UUID | None = None
    at: ClockSample | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    suspect: bool = False
    held_at: datetime | None = None


class Doc(Struct, frozen=True):
    """A document as it is stored, and the buckets that hold it."""

    ver: int
    h: int
    body: bytes | None
    buckets: tuple[str, ...]


class Member(Struct, frozen=True):
    """A membership: the transaction that wrote it last."""

    xid: int
    h: int
    gone: bool
    at: datetime


Projected = dict[Key, tuple[bytes, tuple[str, ...]]]
"""Documents with their bodies and buckets."""
