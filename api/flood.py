"""The first, cheap limit on calls that anybody may make: per address, in this process, before the database is asked.

It is what stands against a flood for organisations that do not exist; the limits that count are in the database.
"""

from datetime import datetime, timedelta
from typing import Final

from api.problems import ProblemError

# A whole office signs in from one address in the morning.
BURST: Final = 600
EVERY: Final = timedelta(milliseconds=100)
ADDRESSES_MAX: Final = 20_000


class Flood:
    """Lets each address make 600 calls at once and ten a second after that."""

    def __init__(self) -> None:
        self._free_at: dict[str, datetime] = {}

    def admit(self, address: str, *, now: datetime) -> None:
        """Take one place of an address. Raises ProblemError (too_many_requests) with Retry-After."""
        free_at = max(self._free_at.get(address, now), now)
        wait = free_at - now - EVERY * (BURST - 1)
        if wait > timedelta(0):
            raise too_many(wait)
        if len(self._free_at) >= ADDRESSES_MAX:
            self._free_at = {known: at for known, at in self._free_at.items() if at > now}
        if len(self._free_at) < ADDRESSES_MAX or address in self._free_at:
            self._free_at[address] = free_at + EVERY


def too_many(wait: timedelta) -> ProblemError:
    """Make the refusal that says how long to wait."""
    return ProblemError("too_many_requests", headers={"Retry-After": str(max(1, -(-wait // timedelta(seconds=1))))})
