"""What a dispatcher's lock on a visit forbids. Pure; owns that question only."""

from jobs.result import Refused
from mobile_contract.schema.job import LockKind, Visit, VisitLock

FIXES_WHO = frozenset({LockKind.RESOURCE, LockKind.BOTH})
FIXES_TIME = frozenset({LockKind.TIME, LockKind.BOTH})


def broken_lock(before: Visit, after: Visit) -> Refused | None:
    """Refuse a change of plan that a visit's lock forbids (`visit_locked`); what already lies outside its lock may stay where it is."""
    lock = before.lock
    if lock is None:
        return None
    who = (before.crew_id, before.person_id) != (after.crew_id, after.person_id)
    moved = before.planned_start_at != after.planned_start_at
    if (who and lock.kind in FIXES_WHO) or (moved and not in_time(lock, after)):
        return Refused("visit_locked", {"lock": lock.kind.value})
    return None


def in_time(lock: VisitLock, visit: Visit) -> bool:
    """Tell whether a visit's planned start is one that a lock allows; one that is not planned yet breaks none."""
    start = visit.planned_start_at
    if lock.kind is LockKind.RESOURCE or start is None:
        return True
    return (lock.from_at is None or lock.from_at <= start) and (lock.to_at is None or start <= lock.to_at)


def whole_lock(lock: VisitLock, visit: Visit) -> VisitLock | Refused:
    """Complete a lock for a visit: the planned start where an exact time is left out. `lock_invalid` where it would fix nothing."""
    if lock.kind in FIXES_WHO and visit.crew_id is None and visit.person_id is None:
        return Refused("lock_invalid", {"field": "kind"})
    if lock.kind is LockKind.RESOURCE:
        return VisitLock(kind=lock.kind)
    if lock.kind is LockKind.TIME_RANGE:
        spans = lock.from_at is not None and lock.to_at is not None and lock.from_at < lock.to_at
        return lock if spans else Refused("lock_invalid", {"field": "to_at"})
    at = lock.from_at or visit.planned_start_at
    return (
        Refused("lock_invalid", {"field": "from_at"}) if at is None else VisitLock(kind=lock.kind, from_at=at, to_at=at)
    )
