"""What is recorded of one job, in the order in which it was recorded, so that nobody walks through the history to ask. Decides nothing."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from jobs.event import Event, EventName
from jobs.rules.trip import Trip
from mobile_contract.schema.base import Document

# Hashing a UUID is a call into Python; the number behind it is not.
_Deed = tuple[int | None, EventName, datetime, int | None]


class Journal:
    """The events of a job. Grows at its end only."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.events: list[Event] = []
        self.names: set[EventName] = set()
        # Events without a visit are a trip of their own: they have a chain too.
        self._trips: dict[int | None, Trip] = {}
        self._deeds: dict[_Deed, list[Event]] = {}
        # The job and its visits, the very objects, of which the one is as the others have it.
        self.settled: tuple[Document, ...] = ()
        for event in sorted(events, key=lambda e: e.seq):
            self.add(event)

    def add(self, event: Event) -> None:
        """Take in the event that was recorded next."""
        self.events.append(event)
        self.names.add(event.name)
        self.trip(event.visit_id).add(event)
        deed = (_number(event.visit_id), event.name, event.occurred_at, _number(event.actor_id))
        self._deeds.setdefault(deed, []).append(event)

    @property
    def next_seq(self) -> int:
        """Number the next event."""
        return self.events[-1].seq + 1 if self.events else 1

    def trip(self, visit_id: UUID | None) -> Trip:
        """Give what is recorded of a visit, be it nothing."""
        number = _number(visit_id)
        trip = self._trips.get(number)
        if trip is None:
            trip = self._trips[number] = Trip()
        return trip

    def deeds(self, visit_id: UUID, name: EventName, at: datetime, actor_id: UUID | None) -> Sequence[Event]:
        """List what a person reported on a visit under one name of one instant."""
        return self._deeds.get((visit_id.int, name, at, _number(actor_id)), ())


def _number(id: UUID | None) -> int | None:
    return None if id is None else id.int
