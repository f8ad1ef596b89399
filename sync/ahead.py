"""Reads the next page of a device that is being filled while it takes the one before: it and the database need not wait for each other.

Only frames are kept, for seconds and of a few devices; head, cursor and time of a page are made when it is asked for. Whoever asks is the one
for whom it was read. What was read ahead is never the last word: the page says that there is more, and what it missed comes with the next.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from msgspec import Struct

from sync import pull
from sync.gate import Gate
from sync.pull import Onward, Source
from sync.reading import Holder, Read

log = logging.getLogger("onsite.pull")
PAGES: Final = 4
"""How many pages a process keeps, of 2 MiB at most each."""
KEEP_S: Final = 10.0


class _Kept(Struct, eq=False):
    holder: Holder
    task: "asyncio.Task[Read]"
    ending: asyncio.TimerHandle


class Ahead:
    """Keeps what was read ahead, by the cursor with which it will be asked for. `clock` gives the time of each page."""

    def __init__(self, gate: Gate, clock: Callable[[], datetime]) -> None:
        self._gate, self._clock = gate, clock
        self._kept: dict[str, _Kept] = {}

    def begin(self, source: Source, onward: Onward, *, further: bool = False) -> None:
        """Read the page at which a device will go on, where there is a place for it; nobody waits in line for what nobody has asked for.

        With `further`, for a device that keeps up, the page after it follows as soon as it is read: the database need not wait while it is
        packed and travels.
        """
        kept = self._kept.get(onward.token)
        if kept is not None:
            if further and kept.task.done():
                self._go_on(source, onward, kept.task)
            return
        if len(self._kept) >= PAGES or self._gate.full:
            return
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._read(source, onward))
        task.add_done_callback(_told)
        if further:
            task.add_done_callback(lambda done: self._go_on(source, onward, done))
        self._kept[onward.token] = _Kept(source.holder, task, loop.call_later(KEEP_S, self._drop, onward.token))

    def keeps(self, token: str | None) -> bool:
        """Tell whether a page was read for who asks with this cursor."""
        return token in self._kept

    async def take(self, source: Source, token: str | None) -> Read | None:
        """Give what was read for a device that asks with this cursor; None where nothing was, and then it is to be read now."""
        kept = None if token is None else self._kept.get(token)
        if token is None or kept is None or kept.holder != source.holder:
            return None
        del self._kept[token]
        kept.ending.cancel()
        try:
            return await kept.task
        except Exception:
            return None

    async def _read(self, source: Source, onward: Onward) -> Read:
        async with self._gate.enter():
            return await pull.look_on(source, onward, self._clock())

    def _go_on(self, source: Source, onward: Onward, done: "asyncio.Task[Read]") -> None:
        """Go on from a page that was read, unless another one of its device is kept already."""
        others = any(kept.holder == source.holder and token != onward.token for token, kept in self._kept.items())
        if others or done.cancelled() or done.exception() is not None:
            return
        after = pull.onward_from(source, onward.cursor, done.result())
        if after is not None:
            self.begin(source, after)

    def _drop(self, token: str) -> None:
        self._kept.pop(token).task.cancel()


def _told(task: "asyncio.Task[Read]") -> None:
    # Whatever it was, whoever asks has it read again and is told then.
    if not task.cancelled() and task.exception() is not None:
        log.info("nothing was read ahead after %s", type(task.exception()).__name__)
