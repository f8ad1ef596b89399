"""When a phone is woken by itself, and when again: pure, so that every case can be tried. Asks no database and no clock."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from api.store.waking import Unseen

# A phone that is awake has looked by then, and told so (telemetry is written every five seconds).
PATIENCE: Final = timedelta(seconds=15)
# After the first push, the second: a push may be lost, and a battery saver may hold it.
AGAIN: Final = (timedelta(minutes=2), timedelta(minutes=8))
# Between any two pushes to a phone, whoever asks for them.
APART: Final = timedelta(seconds=30)
# What was dispatched earlier has been called about by telephone.
WITHIN: Final = timedelta(hours=1)


class Due(Struct, frozen=True):
    """A phone to be woken now, for the visit that was dispatched at `called_at`."""

    device_id: UUID
    called_at: datetime


def due_phones(unseen: Iterable[Unseen], *, now: datetime) -> list[Due]:
    """Pick the phones to be woken now, by device: for the latest visit that waits for each, three times at most."""
    latest: dict[UUID, Unseen] = {}
    for visit in unseen:
        known = latest.get(visit.device_id)
        if known is None or visit.dispatched_at > known.dispatched_at:
            latest[visit.device_id] = visit
    return [Due(id, latest[id].dispatched_at) for id in sorted(latest) if _is_due(latest[id], now)]


def _is_due(visit: Unseen, now: datetime) -> bool:
    if not visit.dispatched_at + PATIENCE <= now < visit.dispatched_at + WITHIN:
        return False
    if visit.woken_at is None:
        return True
    if now < visit.woken_at + APART:
        return False
    if visit.called_at != visit.dispatched_at:
        return True
    return visit.tries <= len(AGAIN) and now >= visit.woken_at + AGAIN[visit.tries - 1]
