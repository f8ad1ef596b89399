"""How many are inside at once. Knows neither what they do there nor HTTP.

Whoever would wait for a place for long is sent away to come again.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Final

from sync.pokes import Crowded

__all__ = ["Crowded", "Gate"]

# Who is sent away comes again two seconds later at the earliest, and has cost a request: a rush of a whole morning is over in that time.
LINE_S: Final = 4.0
# How many wait behind each place; a wait holds a request of some hundred bytes.
_LINE_EACH: Final = 64


class Gate:
    """Lets 2 × cores in at once. A short line may form, since a pull takes milliseconds; behind it callers are sent away."""

    def __init__(self, inside: int | None = None, *, line: int | None = None, line_s: float = LINE_S) -> None:
        self.limit = inside or 2 * (os.cpu_count() or 1)
        self.line = _LINE_EACH * self.limit if line is None else line
        self.line_s = line_s
        self._free = asyncio.Semaphore(self.limit)
        self._waiting = 0

    @property
    def full(self) -> bool:
        """Tell whether whoever comes now would have to wait."""
        return self._free.locked()

    @contextlib.asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Be inside for the block. Raises Crowded when there is no place, nor one to be expected soon."""
        if not self._free.locked():
            await self._free.acquire()
        else:
            await self._line_up()
        try:
            yield
        finally:
            self._free.release()

    async def _line_up(self) -> None:
        if self._waiting >= self.line:
            raise Crowded
        self._waiting += 1
        try:
            async with asyncio.timeout(self.line_s):
                await self._free.acquire()
        except TimeoutError:
            raise Crowded from None
        finally:
            self._waiting -= 1
