"""What the auditor remembers: what was queued, told and held. Checks nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from tests.simulation.backend import Content, Key, OpenJob, Stored, Truth, Witness
from tests.simulation.phones import Holdings
from tests.simulation.reading import Page

FINAL: Final = frozenset({"applied", "merged", "rejected", "quarantined"})
TOOK_EFFECT: Final = frozenset({"applied", "merged"})
NOTHING: Final = Truth(buckets={}, deleted=frozenset(), outcomes={}, effects={}, quarantine={}, last_n={})


class Violation(AssertionError):
    """Something that must hold did not. `invariant` is I1 to I16."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant


@dataclass
class Queued:
    """A command as it was seen in a phone's file for the first time. `at` is true time."""

    id: UUID
    sha256: bytes
    person_id: UUID | None
    at: datetime
    phones: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Acknowledged:
    """A command of which the server said what became of it."""

    device_id: UUID
    n: int
    status: str
    at: datetime


@dataclass
class Watched:
    """A phone as the auditor follows it. `order`: its commands as they were queued; `learned`: the last status it had of each;
    `stale`: what differs in buckets that are still to be sent anew;
    `came_in`: under which device and life a document came."""

    order: list[UUID] = field(default_factory=list)
    learned: dict[UUID, str | None] = field(default_factory=dict)
    holdings: Holdings | None = None
    wiped_after: int | None = None
    last: "Heard | None" = None
    stale: dict[str, str] = field(default_factory=dict)
    came_in: dict[Key, tuple[UUID | None, str | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Heard:
    """A page as it left, with what held in its snapshot."""

    page: Page
    witness: Witness
    names: tuple[str, ...]


class Memory:
    """Everything the auditor knows."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.now: datetime | None = None
        self.truth = NOTHING
        self.canaries: dict[bytes, UUID] = {}
        self.queued: dict[UUID, Queued] = {}
        self.watched: dict[str, Watched] = {}
        self.heard: dict[int, list[Heard]] = {}
        self.names_at: dict[tuple[UUID, str | None], tuple[str, ...]] = {}
        self.ended_at: dict[tuple[UUID, str | None], tuple[int, tuple[str, ...]]] = {}
        self.acknowledged: dict[UUID, Acknowledged] = {}
        self.durable_n: dict[UUID, int] = {}
        self.final: dict[UUID, str] = {}
        self.versions: dict[Key, Content] = {}
        self.held: set[UUID] = set()
        self.times_checked: set[UUID] = set()
        self.returns = 0
        self.removed = 0
        self.returned_with: dict[UUID, str] = {}

    def stored(self, truth: Truth, id: UUID) -> Stored | None:
        """Find the outcome of a command by its id or, where the bytes in which the id stood were harmed, by those bytes."""
        stored, queued = truth.outcomes.get(id), self.queued.get(id)
        if stored is not None or queued is None:
            return stored
        return next((each for each in truth.outcomes.values() if each.sha256 == queued.sha256), None)

    def check(self, invariant: str, holds: object, text: str) -> None:
        """Count a check, and raise where it fails."""
        self.counts[invariant] += 1
        if not holds:
            raise Violation(invariant, text)

    def opens(self, job: OpenJob) -> None:
        """Remember a text that only those may read who may read the job."""
        self.canaries[job.description.encode()] = job.job_id

    def cloned(self, phone: str, twin: str) -> None:
        """Remember that a phone knows what another one knew."""
        original = self.watched[phone]
        self.watched[twin] = Watched(list(original.order), dict(original.learned), last=original.last)


def keys_of(witness: Witness) -> dict[Key, Content]:
    """Join what a holder may see."""
    return {key: content for bucket in witness.wants for key, content in witness.buckets[bucket].items()}


def contents(buckets: Mapping[str, Mapping[Key, Content]]) -> dict[Key, Content]:
    """Join the documents of buckets."""
    return {key: content for documents in buckets.values() for key, content in documents.items()}
