"""Commands that alone ran into the time limit of a statement, counted across requests. In memory: a restart begins anew.

One such fault may pass, so the queue waits for it. One that comes again and again is the command's own, and nothing may block a queue.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

TIMES: Final = 5
# A database that is slow for everybody for a while must not put honest commands aside.
SPAN: Final = timedelta(minutes=10)
_REMEMBERED: Final = 10_000


def ran_over(error: BaseException) -> bool:
    """Tell whether a statement was ended by its time limit (or by an operator's hand)."""
    return isinstance(error, asyncpg.QueryCanceledError)


class Overruns:
    """When each command first ran over, and how often since; the 10,000 latest."""

    def __init__(self) -> None:
        self._seen: OrderedDict[UUID, tuple[datetime, int]] = OrderedDict()

    def add(self, command_id: UUID, now: datetime) -> bool:
        """Note that a command ran over once more; True: five times, over at least ten minutes, so that waiting no longer helps."""
        first_at, times = self._seen.pop(command_id, (now, 0))
        self._seen[command_id] = (first_at, times + 1)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return times + 1 >= TIMES and now - first_at >= SPAN
