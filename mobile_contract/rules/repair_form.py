"""Whose form in three copies it is, and until when each copy is due where it goes. Pure functions of the rules; reads no clock."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from mobile_contract.schema.material import CopyHolder, FormCopy, FormDue, RepairForm

KEEPERS: Final = {1: CopyHolder.SERVICE_DESK, 2: CopyHolder.DUTY_ROOM, 3: CopyHolder.STORE}
"""Who keeps each copy; the third stays with the store when material was drawn."""
STORE_COPY: Final = 3


def shift_at(dues: Iterable[FormDue], *, at: datetime, zone: str) -> FormDue | None:
    """Find the shift whose local span holds an instant; the first that fits, None without one."""
    local = at.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return next((due for due in dues if _holds(due, minute)), None)


def due_at(due: FormDue, *, opened_at: datetime, zone: str) -> datetime:
    """Tell when a form is due: the first time after its opening at which the local clock shows the shift's due time. In UTC."""
    here = ZoneInfo(zone)
    local = opened_at.astimezone(here)
    days, minute = divmod(due.due_min, 24 * 60)
    wall = time(minute // 60, minute % 60)
    day = local.date() + timedelta(days=days)
    candidates = (datetime.combine(day + timedelta(days=n), wall, here) for n in range(2))
    utc = opened_at.tzinfo
    return next(c.astimezone(utc) for c in candidates if c > local)


def copies_of(form_due_at: datetime | None) -> tuple[FormCopy, ...]:
    """Make the three copies of a form, all with the crew; the store's is not due until material is drawn."""
    return tuple(
        FormCopy(copy_no=no, goes_to=keeper, due_at=None if no == STORE_COPY else form_due_at)
        for no, keeper in KEEPERS.items()
    )


def with_draws(form: RepairForm, *, drawn: bool) -> RepairForm:
    """Bring a form up to whether material was drawn on its job: then its third copy is due with the others."""
    first = form.copies[0].due_at
    copies = tuple(replace(c, due_at=first if drawn else None) if c.copy_no == STORE_COPY else c for c in form.copies)
    return settled(replace(form, copies=copies, material_drawn=drawn))


def settled(form: RepairForm) -> RepairForm:
    """Set when the next copy is due: the earliest of those that are still out; None when none is."""
    out = [c.due_at for c in form.copies if c.due_at is not None and c.handed_at is None]
    return replace(form, next_due_at=min(out, default=None))


def _holds(due: FormDue, minute: int) -> bool:
    if due.from_min <= due.to_min:
        return due.from_min <= minute < due.to_min
    return minute >= due.from_min or minute < due.to_min
