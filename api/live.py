"""Tells the pages of the office that something changed: a bare poke after each commit, no content. Pages also poll, so nothing depends on it."""

from collections.abc import AsyncIterator, Iterable
from typing import Final
from uuid import UUID

from sync.execute import Poke
from sync.pokes import Ear, Pokes

# No bucket of sync: every commit of the organisation touches it.
CONSOLE: Final = "console"
KEEP_ALIVE_S: Final = 20.0
# A stream ends before its access token would: the page comes again with a new one and is asked who it is.
STREAM_S: Final = 600.0

_POKE: Final = b"event: poke\ndata: {}\n\n"
_KEEP_ALIVE: Final = b": still here\n\n"


def telling_console(pokes: Pokes) -> Poke:
    """Make the poke that also reaches the office's pages."""

    def poke(org_id: UUID, buckets: Iterable[str]) -> None:
        pokes.poke(org_id, [*buckets, CONSOLE])

    return poke


def telling(*pokes: Poke) -> Poke:
    """Make one poke of several, which are told in order."""

    def poke(org_id: UUID, buckets: Iterable[str]) -> None:
        touched = tuple(buckets)
        for each in pokes:
            each(org_id, touched)

    return poke


async def stream(pokes: Pokes, org_id: UUID, *, owner: UUID) -> AsyncIterator[bytes]:
    """Give server-sent events: a poke at once and after each change, comments in between; ends after ten minutes.

    Ends earlier when its owner (a person, a key) has opened 6 others since.

    Raises sync.pokes.Crowded before the first event.
    """
    with pokes.listen(org_id, [CONSOLE], owner=owner) as ear:
        yield _POKE
        async for event in _events(ear):
            yield event


async def _events(ear: Ear) -> AsyncIterator[bytes]:
    left_s = STREAM_S
    while left_s > 0 and not ear.over:
        heard = await ear.heard(KEEP_ALIVE_S)
        # A busy organisation pokes all the time: a second between two is soon enough for eyes, and the page sees to that.
        yield _POKE if heard else _KEEP_ALIVE
        left_s -= 1.0 if heard else KEEP_ALIVE_S
