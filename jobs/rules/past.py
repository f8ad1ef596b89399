"""How a visit, and a job by its visits, stood at an instant: the folds of what had happened by then, grown in the order in which things happened. Pure.

`jobs.rules.trip` grows in the order in which events were recorded. Here a late report stands where it happened, so most events go behind all
others; only what turns earlier ones round (a cancellation, a decision recorded in another order) has the visit walked again.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from jobs.event import Event, EventName
from jobs.rules.visit import BOOKED, DECIDED, FINISHED, UNDER_WAY, Course, Signal, signal_of, take, tell, walk
from mobile_contract.schema.job import Visit


class VisitPast:
    """What had happened of one visit. Events come by when they count, then by seq."""

    def __init__(self) -> None:
        self.own: list[Event] = []
        self._first: dict[EventName, Event] = {}
        self._course = Course()
        self._reached: tuple[datetime, int] | None = None
        self._decided_seq = 0
        self._cancelled_seq: int | None = None

    def add(self, event: Event, at: datetime) -> None:
        """Take in the event that counts next, at an instant."""
        self.own.append(event)
        first = self._first.get(event.name)
        if first is None or (event.occurred_at, event.seq) < (first.occurred_at, first.seq):
            self._first[event.name] = event
        reached, self._reached = self._reached, (at, event.seq)
        if self._turns_round(event) or (reached is not None and reached > self._reached):
            self._course = walk(sorted(self.own, key=lambda e: e.seq))
            self._reached = (at, max(e.seq for e in self.own))
        else:
            take(self._course, event)

    def tell(self, visit: Visit) -> Visit:
        """Give the visit as it stood; its plan stays as it is given."""
        return tell(visit, self._course, self._first)

    def _turns_round(self, event: Event) -> bool:
        """Tell whether an event changes how those before it are walked through."""
        inverted = self._cancelled_seq is not None and event.seq < self._cancelled_seq
        if event.name in DECIDED:
            inverted = inverted or event.seq < self._decided_seq
            self._decided_seq = max(self._decided_seq, event.seq)
        if signal_of(event) is Signal.CANCELLED:
            self._cancelled_seq = event.seq if self._cancelled_seq is None else min(self._cancelled_seq, event.seq)
            return True
        return inverted


class Standing:
    """The visits of a job as they stood. What the job's table looks at is at hand, however many visits there are."""

    def __init__(self) -> None:
        self.visits: dict[UUID, Visit] = {}
        self._under_way: set[UUID] = set()
        self._booked: set[UUID] = set()
        self._finished: list[tuple[datetime, UUID]] = []

    def put(self, visit: Visit) -> None:
        """Have a visit stand so from now."""
        before = self.visits.get(visit.id)
        if before is not None:
            self._under_way.discard(visit.id)
            self._booked.discard(visit.id)
            if (end := _finished(before)) is not None:
                del self._finished[bisect_left(self._finished, end)]
        self.visits[visit.id] = visit
        if visit.state in UNDER_WAY:
            self._under_way.add(visit.id)
        if visit.state in BOOKED:
            self._booked.add(visit.id)
        if (end := _finished(visit)) is not None:
            insort(self._finished, end)

    def telling(self) -> Sequence[Visit]:
        """Give the visits that say to the job's table what all of them do: one under way, one booked, the one that finished last."""
        ids = [*list(self._under_way)[:1], *list(self._booked)[:1], *(id for _, id in self._finished[-1:])]
        return [self.visits[id] for id in ids]


def _finished(visit: Visit) -> tuple[datetime, UUID] | None:
    return (visit.ended_at, visit.id) if visit.state in FINISHED and visit.ended_at is not None else None
