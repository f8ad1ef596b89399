"""Commands that alone ran into the time limit of a statement, counted across requests. In memory: a restart begins anew.

One such fault may pass, so the queue waits for it. One that comes again and again is the command's own, and nothing may block a queue.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from msgspec import Struct

TIMES: Final = 5
# A database that is slow for everybody for a while must not put honest commands aside.
SPAN: Final = timedelta(minutes=10)
# What ran over in one bad hour says nothing about another: only a phone that comes less than every other day begins anew each time.
LIFE: Final = timedelta(days=2)
_REMEMBERED: Final = 10_000


def ran_over(error: BaseException) -> bool:
    """Tell whether a statement was ended by its time limit (or by an operator's hand)."""
    return isinstance(error, asyncpg.QueryCanceledError)


class _Seen(Struct, frozen=True):
    first_at: datetime
    last_at: datetime
    times: int


class Overruns:
    """When each command first ran over, and how often since; the 10,000 latest, and none that did not within two days."""

    def __init__(self) -> None:
        # By the last time, the longest ago first.
        self._seen: OrderedDict[UUID, _Seen] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, command_id: UUID, now: datetime) -> bool:
        """Note that a command ran over once more; True: five times, over at least ten minutes, so that waiting no longer helps.

        Times between which more than two days passed are not added up.
        """
        self._forget(now)
        seen = self._seen.pop(command_id, _Seen(now, now, 0))
        seen = self._seen[command_id] = _Seen(seen.first_at, now, seen.times + 1)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return seen.times >= TIMES and now - seen.first_at >= SPAN

    def _forget(self, now: datetime) -> None:
        while self._seen and now - next(iter(self._seen.values())).last_at > LIFE:
            self._seen.popitem(last=False)
