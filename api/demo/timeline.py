"""What happens next in a played day: people's doings in order of time. Moves the clock; knows nothing of what they do.

A doing is an iterator that acts, then yields how many minutes pass until it goes on; it ends when it is through.
"""

import heapq
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta

from api.demo.virtual_time import VirtualClock

Doing = Iterator[float]


class Timeline:
    """An agenda. With several hands, doings of the same `tick` that are not `alone` happen at once, each in a thread."""

    def __init__(self, clock: VirtualClock, *, hands: int = 1, tick: timedelta = timedelta()) -> None:
        self._clock, self._hands, self._tick = clock, hands, tick
        self._agenda: list[tuple[datetime, int, Doing, bool]] = []
        self._order = itertools.count()

    def add(self, at: datetime, doing: Doing, *, alone: bool = False) -> None:
        """Enter a doing; what is entered for the past happens now."""
        heapq.heappush(self._agenda, (max(at, self._clock.now()), next(self._order), doing, alone))

    def run(self, until: datetime) -> None:
        """Let everything happen that is due before an instant; the clock stands there in the end."""
        with ExitStack() as stack:
            threads = stack.enter_context(ThreadPoolExecutor(self._hands)) if self._hands > 1 else None
            while self._agenda and self._agenda[0][0] < until:
                batch = self._next_batch(until)
                self._clock.move_to(batch[0][0])
                doings = [doing for _, doing, _ in batch]
                pauses = list(threads.map(_step, doings)) if threads and len(batch) > 1 else [*map(_step, doings)]
                for (at, doing, alone), minutes in zip(batch, pauses, strict=True):
                    if minutes is not None:
                        again = max(at, self._clock.now()) + timedelta(minutes=max(minutes, 0.01))
                        heapq.heappush(self._agenda, (again, next(self._order), doing, alone))
        self._clock.move_to(until)

    def _next_batch(self, until: datetime) -> list[tuple[datetime, Doing, bool]]:
        at, _, doing, alone = heapq.heappop(self._agenda)
        batch = [(at, doing, alone)]
        last = min(at + self._tick, until)
        while not alone and self._hands > 1 and self._agenda and self._agenda[0][0] < last and not self._agenda[0][3]:
            next_at, _, next_doing, _ = heapq.heappop(self._agenda)
            batch.append((next_at, next_doing, False))
        return batch


def _step(doing: Doing) -> float | None:
    return next(doing, None)
