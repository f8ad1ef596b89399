"""The state and the times of a visit: the fold of its events, as one decision table. Pure; never drops an event.

Facts count when they happened (corrected time), decisions when the server took them. An event that does not fit the state is ignored
and the visit is flagged `out_of_order`; a cancelled visit keeps what is reported later, but does not come back to life. A withdrawn one does:
a withdrawal takes back the plan, and what the field did wins over a plan.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from jobs.event import Event, EventName
from mobile_contract.schema.job import Flag, Visit, VisitState

PLANNED = frozenset(
    {VisitState.TENTATIVE, VisitState.SCHEDULED, VisitState.DISPATCHED, VisitState.ACCEPTED, VisitState.DECLINED}
)
BOOKED = frozenset({VisitState.SCHEDULED, VisitState.DISPATCHED, VisitState.ACCEPTED})
UNDER_WAY = frozenset({VisitState.EN_ROUTE, VisitState.ON_SITE, VisitState.WORKING, VisitState.PAUSED})
FINISHED = frozenset({VisitState.COMPLETED, VisitState.FOLLOW_UP_NEEDED, VisitState.NO_ACCESS})
ENDED = FINISHED | {VisitState.CANCELLED}
OPEN = PLANNED - {VisitState.DECLINED} | UNDER_WAY

DONE = "done"
"""The result of a visit that did what it went for; any other result becomes the visit's reason."""


class Signal(StrEnum):
    """What an event says to the state; a plan and a completion say two different things."""

    # As text: an Enum\'s own hash is a call into Python, and a batch makes ten thousands.
    __hash__ = str.__hash__

    UNASSIGNED = "planned without anybody"
    PLANNED = "planned for somebody"
    ASSIGNED = "assigned"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    TRAVEL = "travel started"
    ARRIVAL = "arrived"
    PRESENCE = "made safe, or found not ours"
    WORK = "work started"
    PAUSE = "work paused"
    RESUME = "work resumed"
    NO_ACCESS = "no access"
    COMPLETED = "completed"
    FOLLOW_UP = "completed, follow-up needed"


class Row(Struct, frozen=True):
    """A row of the table: in one of these states the signal leads to `then` (None: the state stays); `flagged`: out of order."""

    signal: Signal
    states: frozenset[VisitState]
    then: VisitState | None
    flagged: bool = False


_S = VisitState
_ALIVE = PLANNED | UNDER_WAY
_SENT = frozenset({_S.DISPATCHED, _S.ACCEPTED})


def _plan(signal: Signal, then: VisitState) -> tuple[Row, ...]:
    """Plans move what has not begun, and never what a crew already does."""
    return (Row(signal, PLANNED, then), Row(signal, UNDER_WAY | ENDED, None))


TABLE: tuple[Row, ...] = (
    *_plan(Signal.UNASSIGNED, _S.TENTATIVE),
    Row(Signal.PLANNED, PLANNED - _SENT, _S.SCHEDULED),
    Row(Signal.PLANNED, _SENT, _S.DISPATCHED),
    Row(Signal.PLANNED, UNDER_WAY | ENDED, None),
    *_plan(Signal.ASSIGNED, _S.DISPATCHED),
    *_plan(Signal.CLAIMED, _S.ACCEPTED),
    *_plan(Signal.ACCEPTED, _S.ACCEPTED),
    Row(Signal.DECLINED, PLANNED, _S.DECLINED),
    Row(Signal.DECLINED, UNDER_WAY | ENDED, None, flagged=True),
    Row(Signal.CANCELLED, _ALIVE, _S.CANCELLED),
    Row(Signal.CANCELLED, ENDED, None),
    *_plan(Signal.WITHDRAWN, _S.CANCELLED),
    # A paused crew may leave for a part and come back within the same trip.
    Row(Signal.TRAVEL, PLANNED | {_S.EN_ROUTE, _S.PAUSED}, _S.EN_ROUTE),
    Row(Signal.TRAVEL, frozenset({_S.ON_SITE, _S.WORKING}) | FINISHED, None, flagged=True),
    Row(Signal.ARRIVAL, PLANNED | {_S.EN_ROUTE, _S.ON_SITE}, _S.ON_SITE),
    # The second of a crew reports the arrival again while the first works.
    Row(Signal.ARRIVAL, frozenset({_S.WORKING, _S.PAUSED}), None),
    Row(Signal.ARRIVAL, FINISHED, None, flagged=True),
    # Whoever makes safe is on site, though the arrival itself is still to be reported.
    Row(Signal.PRESENCE, PLANNED | {_S.EN_ROUTE}, _S.ON_SITE),
    Row(Signal.PRESENCE, UNDER_WAY - {_S.EN_ROUTE} | FINISHED, None),
    Row(Signal.WORK, _ALIVE, _S.WORKING),
    Row(Signal.WORK, FINISHED, None, flagged=True),
    Row(Signal.PAUSE, frozenset({_S.WORKING, _S.PAUSED}), _S.PAUSED),
    Row(Signal.PAUSE, (_ALIVE | FINISHED) - {_S.WORKING, _S.PAUSED}, None, flagged=True),
    Row(Signal.RESUME, UNDER_WAY, _S.WORKING),
    Row(Signal.RESUME, PLANNED | FINISHED, None, flagged=True),
    Row(Signal.NO_ACCESS, _ALIVE | {_S.NO_ACCESS}, _S.NO_ACCESS),
    Row(Signal.NO_ACCESS, frozenset({_S.COMPLETED, _S.FOLLOW_UP_NEEDED}), None, flagged=True),
    # Work that was done is done, even where nobody let the crew in at first: the latest completion decides.
    Row(Signal.COMPLETED, _ALIVE | {_S.COMPLETED, _S.FOLLOW_UP_NEEDED}, _S.COMPLETED),
    Row(Signal.COMPLETED, frozenset({_S.NO_ACCESS}), _S.COMPLETED, flagged=True),
    Row(Signal.FOLLOW_UP, _ALIVE | {_S.COMPLETED, _S.FOLLOW_UP_NEEDED}, _S.FOLLOW_UP_NEEDED),
    Row(Signal.FOLLOW_UP, frozenset({_S.NO_ACCESS}), _S.FOLLOW_UP_NEEDED, flagged=True),
    *(
        Row(signal, frozenset({_S.CANCELLED}), None)
        for signal in (
            Signal.TRAVEL,
            Signal.ARRIVAL,
            Signal.PRESENCE,
            Signal.WORK,
            Signal.PAUSE,
            Signal.RESUME,
            Signal.NO_ACCESS,
            Signal.COMPLETED,
            Signal.FOLLOW_UP,
        )
    ),
)

_TURN: dict[tuple[Signal, VisitState], Row] = {(row.signal, state): row for row in TABLE for state in row.states}

_SIGNALS: dict[EventName, Signal] = {
    EventName.VISIT_ASSIGNED: Signal.ASSIGNED,
    EventName.VISIT_CLAIMED: Signal.CLAIMED,
    EventName.VISIT_ACCEPTED: Signal.ACCEPTED,
    EventName.VISIT_DECLINED: Signal.DECLINED,
    EventName.VISIT_CANCELLED: Signal.CANCELLED,
    EventName.TRAVEL_STARTED: Signal.TRAVEL,
    EventName.ARRIVED: Signal.ARRIVAL,
    EventName.MADE_SAFE: Signal.PRESENCE,
    EventName.FOUND_NOT_OURS: Signal.PRESENCE,
    EventName.WORK_STARTED: Signal.WORK,
    EventName.WORK_PAUSED: Signal.PAUSE,
    EventName.WORK_RESUMED: Signal.RESUME,
    EventName.NO_ACCESS: Signal.NO_ACCESS,
}
DECIDED = frozenset(name for name in EventName if name.startswith("visit_")) - {
    EventName.VISIT_FOUND,
    EventName.VISIT_COMPLETED,
}


def signal_of(event: Event) -> Signal | None:
    """Read what an event says to the state; None for an event that says nothing to it."""
    if event.name is EventName.VISIT_PLANNED:
        return Signal.PLANNED if event.detail.get("crew_id") or event.detail.get("person_id") else Signal.UNASSIGNED
    if event.name is EventName.VISIT_COMPLETED:
        return Signal.FOLLOW_UP if event.detail.get("follow_up") else Signal.COMPLETED
    if event.name is EventName.VISIT_CANCELLED and "plan_version" in event.detail:
        # Whoever withdraws names the plan that is taken back; whoever cancels takes back the visit, whatever its plan.
        return Signal.WITHDRAWN
    return _SIGNALS.get(event.name)


def step(state: VisitState, signal: Signal) -> Row:
    """Find the row of the table for a state and a signal; every pair has exactly one."""
    return _TURN[(signal, state)]


def fold_visit(visit: Visit, events: Iterable[Event]) -> Visit:
    """Compute a visit's state, times, reason and the flags `out_of_order` and `not_ours` from its events.

    Who goes and when is the plan: it stays as the visit has it. Other flags stay too. Events of other visits are left aside. `Trip` folds
    the same event by event.
    """
    own = sorted((e for e in events if e.visit_id == visit.id), key=lambda e: e.seq)
    first: dict[EventName, Event] = {}
    for event in sorted(own, key=lambda e: (e.occurred_at, e.seq)):
        first.setdefault(event.name, event)
    return tell(visit, walk(own), first)


def tell(visit: Visit, course: "Course", first: Mapping[EventName, Event]) -> Visit:
    """Write a course into a visit; `first` holds the event of each name that happened first."""
    flags = set(visit.flags) - {Flag.OUT_OF_ORDER, Flag.NOT_OURS}
    if course.flagged:
        flags.add(Flag.OUT_OF_ORDER)
    if EventName.FOUND_NOT_OURS in first:
        flags.add(Flag.NOT_OURS)
    travel, work, safe = (first.get(n) for n in (EventName.TRAVEL_STARTED, EventName.WORK_STARTED, EventName.MADE_SAFE))
    arrival = first.get(EventName.ARRIVED)
    return replace(
        visit,
        state=course.state,
        dispatched_at=course.dispatched_at,
        travel_started_at=travel.occurred_at if travel else None,
        arrived_at=arrival.occurred_at if arrival else None,
        arrival_recorded_at=arrival.received_at if arrival else None,
        work_started_at=work.occurred_at if work else None,
        made_safe_at=safe.occurred_at if safe else None,
        ended_at=course.ended_at,
        reason=course.reason,
        flags=tuple(sorted(flags)),
    )


class Course(Struct):
    """Where the walk through the events stands."""

    state: VisitState = VisitState.TENTATIVE
    flagged: bool = False
    dispatched_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    withdrawn: bool = False

    @property
    def over(self) -> bool:
        """Tell whether a cancellation would come too late; a visit that was only withdrawn can still be cancelled."""
        return self.state in ENDED and not self.withdrawn


def walk(own: Sequence[Event]) -> Course:
    """Walk through a visit's events (by seq) in the order in which things happened; what comes after an effective cancellation comes after it, whenever it happened."""
    cancelled = next((e for e in own if signal_of(e) is Signal.CANCELLED), None)
    if cancelled is not None:
        before = _through(Course(), [e for e in own if e.seq < cancelled.seq])
        if not before.over:
            take(before, cancelled)
            return _through(before, [e for e in own if e.seq > cancelled.seq])
    return _through(Course(), own)


def _through(course: Course, events: Sequence[Event]) -> Course:
    for event in _as_happened(events):
        take(course, event)
    return course


def _as_happened(events: Sequence[Event]) -> list[Event]:
    """Order facts by their corrected time, decisions by the time the server took them; seq settles ties and the order of decisions."""
    keyed: list[tuple[datetime, int, Event]] = []
    latest: datetime | None = None
    for event in events:
        at = event.occurred_at
        if event.name in DECIDED:
            # Two transactions may take their lock in another order than they read the clock.
            at = latest = event.received_at if latest is None else max(latest, event.received_at)
        keyed.append((at, event.seq, event))
    return [event for _, _, event in sorted(keyed, key=lambda k: k[:2])]


def take(course: Course, event: Event) -> None:
    """Go one event further."""
    signal = signal_of(event)
    if signal is None:
        return
    # A withdrawn visit is one that is planned for nobody, until somebody reports from it.
    row = step(_S.TENTATIVE if course.withdrawn else course.state, signal)
    course.flagged = course.flagged or row.flagged
    if row.then is None:
        return
    course.state, course.withdrawn = row.then, signal is Signal.WITHDRAWN
    course.reason = _reason(event)
    if signal in (Signal.ASSIGNED, Signal.CLAIMED):
        course.dispatched_at = event.received_at
    course.ended_at = None
    if row.then in ENDED:
        course.ended_at = event.received_at if row.then is _S.CANCELLED else event.occurred_at


def _reason(event: Event) -> str:
    result = event.detail.get("result", DONE)
    return str(event.detail.get("reason", "") if result == DONE else result)
