"""The fold of one visit, grown event by event: the same as `fold_visit`, without walking through the history for each event. Pure.

What comes in the order in which it happened costs one step of the table; what comes late has the visit walked again.
"""

from collections.abc import Iterable
from datetime import datetime

from jobs.event import Event, EventName
from jobs.rules.visit import DECIDED, Course, Signal, signal_of, take, tell, walk
from mobile_contract.schema.job import Visit


class Trip:
    """What is recorded of one visit. Events come with ascending seq."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.first: dict[EventName, Event] = {}
        self.last_hash = ""
        self.no_parts_declared = False
        self._own: list[Event] = []
        self._course = Course()
        self._called_off = False
        # The instant up to which the walk has come, and that of the latest decision in it; anew after an effective cancellation.
        self._reached: datetime | None = None
        self._decided: datetime | None = None
        # The visit that is as its events have it, as long as none says anything to its state.
        self._told: Visit | None = None
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Take in the event that was recorded next."""
        first = self.first.get(event.name)
        self._own.append(event)
        self.last_hash = event.hash
        self.no_parts_declared = self.no_parts_declared or bool(event.detail.get("no_parts_used"))
        if first is None or event.occurred_at < first.occurred_at:
            self.first[event.name] = event
        signal = signal_of(event)
        if event.name not in DECIDED and signal is None:
            return
        self._told = None
        if signal is Signal.CANCELLED and not self._called_off:
            self._called_off = True
            if not self._course.over:
                take(self._course, event)
                self._reached = self._decided = None
                return
        at = event.occurred_at
        if event.name in DECIDED:
            at = self._decided = event.received_at if self._decided is None else max(self._decided, event.received_at)
        if self._reached is not None and at < self._reached:
            self._course = walk(self._own)
            return
        self._reached = at
        take(self._course, event)

    @property
    def withdrawn(self) -> bool:
        """Tell whether the plan was taken back and nobody has reported from the visit since."""
        return self._course.withdrawn

    def tell(self, visit: Visit) -> Visit:
        """Give the visit as its events have it; the same object where it is so already."""
        if visit is self._told:
            return visit
        folded = tell(visit, self._course, self.first)
        if folded != visit:
            return folded
        self._told = visit
        return visit
