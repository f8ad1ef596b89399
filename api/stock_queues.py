"""The clerk's queues as tables, and finding the one exception or movement that the clerk means. Reads over REST; sends nothing."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from rich.table import Table

from api import stock_view
from api.console import console
from api.operator_error import OperatorError
from api.stock_desk import Desk, ids_of
from api.stock_view import View
from mobile_contract.schema.listing_stock import (
    ApproveQueue,
    BalancePage,
    ExceptionPage,
    HandOverQueue,
    MovePage,
    PickQueue,
    ReturnQueue,
)
from mobile_contract.schema.reconciliation import ExceptionKind, StockException
from mobile_contract.schema.report import ReconciliationShown
from mobile_contract.schema.stock import LocationKind, MoveKind

_MOST: Final = 200
_DAYS_BACK: Final = 62
# What an exception of a kind is a mistake of, when it is one: a use that should not be, or an issue that nobody used.
_MISTAKES: Final = {
    ExceptionKind.OVER: (MoveKind.USED,),
    ExceptionKind.UNKNOWN_JOB: (MoveKind.USED,),
    ExceptionKind.SERIAL_MISMATCH: (MoveKind.USED,),
    ExceptionKind.SHORT: (MoveKind.ISSUED,),
}


class Shown(Struct, frozen=True):
    """A queue: its path, what a page of it is, and how it is laid out."""

    path: str
    page: Any
    lay_out: Callable[[View, Any], Table]


QUEUES: Final[dict[str, Shown]] = {
    "approve": Shown("to-approve", ApproveQueue, lambda view, page: stock_view.to_approve(view, page.items)),
    "pick": Shown("to-pick", PickQueue, stock_view.to_pick),
    "hand-over": Shown("to-hand-over", HandOverQueue, lambda view, page: stock_view.to_hand_over(view, page.items)),
    "receive-back": Shown("to-receive-back", ReturnQueue, lambda view, page: stock_view.to_receive_back(view, page.items)),
    "exceptions": Shown("exceptions", ExceptionPage, lambda view, page: stock_view.exceptions(view, page.items)),
}  # fmt: skip


def view_of(desk: Desk, names: dict[str, str] | None = None) -> View:
    """Say how to show things to whoever is signed in."""
    return View(language=desk.language, zone=desk.known.zone, names=ids_of(names or {}), width=console.width)


def queue_table(desk: Desk, name: str, most: int, **narrowed: Any) -> Table | None:
    """Lay out the first of a queue; None when nothing waits in it."""
    shown = QUEUES[name]
    page = desk.get(f"/warehouse/{shown.path}", shown.page, limit=min(most, _MOST), **narrowed)
    return shown.lay_out(view_of(desk, page.names), page) if page.items else None


def find_exception(desk: Desk, text: str) -> StockException:
    """Find an open exception by its id or the beginning of it. Raises OperatorError."""
    wanted = text.replace("-", "").lower()
    found = [e for e in desk.items("/warehouse/exceptions", ExceptionPage, most=5000) if e.id.hex.startswith(wanted)]
    if len(found) != 1:
        raise OperatorError(
            f"{len(found)} open exceptions begin with {text!r}. All of them: onsite stock queue exceptions"
        )
    exception: StockException = found[0]
    return exception


def find_mistake(desk: Desk, exception: StockException) -> UUID:
    """Find the one movement that an exception can be a mistake of. Raises OperatorError where there is none or more than one."""
    kinds = _MISTAKES.get(exception.kind, ())
    asked = {"job": str(exception.job_id), "part": str(exception.part_id), "kind": [str(kind) for kind in kinds]}
    page = desk.get("/stock/moves", MovePage, limit=_MOST, **asked)
    undone = {move.reverses_id for move in desk.get("/stock/moves", MovePage, limit=_MOST, job=asked["job"]).items}
    extra = set(exception.serials_extra)
    found = [m for m in page.items if m.id not in undone and (not extra or m.serial in extra)]
    if len(found) != 1:
        ids = ", ".join(f"{move.id} ({move.quantity:f})" for move in found) or "none"
        raise OperatorError(f"Name the movement with --move; it can be: {ids}.")
    return found[0].id


def place_that_has(desk: Desk, exception: StockException) -> UUID:
    """Find the store or bin that has most of what an exception is about. Raises OperatorError where none has any."""
    lying = desk.items("/stock/balances", BalancePage, most=_MOST, part=str(exception.part_id))
    shelves = [
        each for each in lying if each.location_kind in (LocationKind.STORE, LocationKind.BIN) and each.quantity > 0
    ]
    if not shelves:
        raise OperatorError("No store has any of it. Name the one that gave it out with --place, once it is counted.")
    best: UUID = max(shelves, key=lambda each: each.quantity).location_id
    return best


def next_day(desk: Desk) -> date:
    """Find the local day after the last one that was reconciled, yesterday at the latest; yesterday where none was for two months."""
    yesterday = day = desk.day("yesterday")
    for _ in range(_DAYS_BACK):
        shown = desk.get("/reports/reconciliation", ReconciliationShown, day=day.isoformat())
        if shown.reconciliation is not None:
            return min(day + timedelta(days=1), yesterday)
        day -= timedelta(days=1)
    return yesterday
