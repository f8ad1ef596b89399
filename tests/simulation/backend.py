"""What the world asks of a backend: the model of the protocol and the real stack are used alike. Owns shapes only.

A backend does nothing by itself: it goes one step when it is told to, and every instant is given to it. Bytes go in and come out as they
would over HTTP. What it says of itself (`Truth`, `Witness`) is for the auditor alone and has to be read by other means than the answers.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from msgspec import Struct

Key = tuple[str, UUID]
"""A document: kind and id."""

POISON: Final = "poison"
"""A note with this text makes its handler raise, after it has written something."""


class Request(Struct, frozen=True):
    """A device's request as it arrives: names of headers in lower case, the body not compressed."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(Struct, frozen=True):
    """An answer as it leaves: names of headers in lower case, the body not compressed."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class ServerDied(Exception):
    """The server fell over before it answered: no answer leaves, what was committed is there."""


class Content(Struct, frozen=True):
    """A document as it is."""

    ver: int
    body: bytes


class Witness(Struct, frozen=True, kw_only=True):
    """What held in the snapshot from which a pull or a repair was answered.

    `wants`: the buckets that the holder may hold; `buckets`: what is in them; `deleted`: documents that were and are no more;
    `acked_n`: the highest number of the device with a stored outcome; `commits`: grows with every commit that changed something (0: not
    told).
    """

    device_id: UUID
    wants: tuple[str, ...]
    buckets: Mapping[str, Mapping[Key, Content]]
    deleted: frozenset[Key]
    acked_n: int
    commits: int = 0


class Cost(Struct, frozen=True):
    """What answering took: documents read to find what moved, rows of `sync_member` and `sync_doc` written, rows of scope written."""

    documents_read: int = 0
    documents_written: int = 0
    scope_written: int = 0


class Handling(Protocol):
    """A request or a deed under way on the server."""

    witness: Witness | None
    cost: Cost

    def step(self) -> Answer | None:
        """Go one step further; give the answer once it leaves. Raises ServerDied after a crash. A step may do all the work."""
        ...


class Stored(Struct, frozen=True, kw_only=True):
    """The stored outcome of a command; `not_before`, `not_after`: when it happened, as the server corrected it (None: open, unknown)."""

    status: str
    code: str
    device_id: UUID | None
    n: int | None
    sha256: bytes
    not_before: datetime | None = None
    not_after: datetime | None = None
    suspect: bool = False


class Effect(Struct, frozen=True):
    """One time that a command changed the state. `order` grows with the commits; `person_id`: whose deed it counts as."""

    order: int
    person_id: UUID | None


class Truth(Struct, frozen=True, kw_only=True):
    """How things stand, committed, now.

    `buckets`: the projection of each bucket, computed anew; `effects`: by command; `quarantine`: SHA-256 of the bytes kept, by command;
    `last_n`: the highest number taken of each device.
    """

    buckets: Mapping[str, Mapping[Key, Content]]
    deleted: frozenset[Key]
    outcomes: Mapping[UUID, Stored]
    effects: Mapping[UUID, tuple[Effect, ...]]
    quarantine: Mapping[UUID, bytes]
    last_n: Mapping[UUID, int]


class Person(Struct, frozen=True):
    """A technician; `crew_id` is where they begin."""

    id: UUID
    name: str
    crew_id: UUID


class Setting(Struct, frozen=True, kw_only=True):
    """What a world begins with. `lag_s`: a commit counts as durable after this long (None: the server names no `durable_n`).

    Everybody is on shift from the beginning. Pages hold about `page_documents` documents, chunks of a push `chunk` commands.
    `parts` are in `ref`; each district has an open bucket in which all crews' members may claim.
    """

    seed: int
    org_id: UUID
    persons: tuple[Person, ...]
    crews: tuple[UUID, ...]
    districts: tuple[UUID, ...]
    parts: tuple[UUID, ...]
    page_documents: int
    chunk: int
    lag_s: int | None


class OpenJob(Struct, frozen=True, tag=True):
    """A dispatcher opens a job in a district; `description` must never leave with the reduced view."""

    job_id: UUID
    title: str
    description: str
    district_id: UUID


class Assign(Struct, frozen=True, tag=True):
    """A dispatcher sends a crew, or a person, by a visit; on a known visit it is sent anew."""

    job_id: UUID
    visit_id: UUID
    crew_id: UUID | None = None
    person_id: UUID | None = None


class Edit(Struct, frozen=True, tag=True):
    """A dispatcher gives a job another title."""

    job_id: UUID
    was: str
    title: str


class Cancel(Struct, frozen=True, tag=True):
    """A dispatcher cancels a job."""

    job_id: UUID


class Close(Struct, frozen=True, tag=True):
    """A dispatcher closes a job."""

    job_id: UUID


class Move(Struct, frozen=True, tag=True):
    """A person leaves their crew and joins another (None: no other)."""

    person_id: UUID
    crew_id: UUID | None


class Revoke(Struct, frozen=True, tag=True):
    """A device is revoked."""

    device_id: UUID


class SavePart(Struct, frozen=True, tag=True):
    """The store saves a part of the catalogue."""

    part_id: UUID
    name: str


class Resolve(Struct, frozen=True, tag=True):
    """A dispatcher ends the quarantine of a command: `applied` (by the command `by_id`) or `discarded`."""

    command_id: UUID
    by_id: UUID
    kind: str


Deed = OpenJob | Assign | Edit | Cancel | Close | Move | Revoke | SavePart | Resolve


class Return(StrEnum):
    """How the database comes back to an earlier state: a restored file system, a dump in another server, a promoted replica."""

    RESTORE = "restore"
    DUMP = "dump"
    FAILOVER = "failover"


class Backend(Protocol):
    """The server's side. `can` names the optional deeds among the methods below that this backend supports."""

    can: frozenset[str]

    def begin(self, setting: Setting, at: datetime) -> None:
        """Arrange the organisation."""
        ...

    def code(self, holder: UUID, at: datetime) -> str:
        """Make a one-time code that enrols a device of a person or of a crew."""
        ...

    def receive(self, request: Request, at: datetime) -> Handling:
        """Take in a device's request; nothing is done before its first step. Any bytes may come."""
        ...

    def deed(self, deed: Deed, at: datetime) -> Handling:
        """Take in an office's deed; the answer's body is JSON with `status` and `code`."""
        ...

    def clock(self, at: datetime) -> None:
        """Say what time it is; handlings under way see it from their next step on."""
        ...

    def tick(self, at: datetime) -> None:
        """Fire the timers."""
        ...

    def retain(self, at: datetime) -> int:
        """Remove what has been gone for long; give how many rows."""
        ...

    def crash(self, at: datetime) -> None:
        """Kill the database without warning and start it again: handlings under way die, what was committed stays."""
        ...

    def restart(self, at: datetime) -> None:
        """Restart the database in an orderly way: handlings under way die."""
        ...

    def backup(self, at: datetime) -> int:
        """Keep the state of now; give its number."""
        ...

    def come_back(self, backup: int, how: Return, at: datetime) -> None:
        """Go back to a kept state: what was committed since is lost, handlings under way die."""
        ...

    def truth(self, at: datetime) -> Truth:
        """Tell how things stand."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...
