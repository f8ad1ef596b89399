"""For each command of reconciliation: what has to be there, and arguments that would succeed for whoever may send it. Never says who may."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from jobs.handlers.reconciliation import exception_id
from jobs.rules.reconcile import Finding
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command
from mobile_contract.schema.reconciliation import ExceptionKind, ResolveAction
from mobile_contract.schema.reconciliation_commands import ReconcileDay, ResolveException

if TYPE_CHECKING:
    from tests.security.scenes import Ground

DAY: Final = date(2026, 3, 2)


def _resolved(g: "Ground") -> Command:
    """Have a part used that nobody issued, and the day reconciled."""
    part = g.holder.parts["clamp"]
    spent = f.UsePart(job_id=g.job, visit_id=g.new(), move_id=g.new(), part_id=part, quantity=Decimal(1))
    g.ready().first(spent, ReconcileDay(day=DAY))
    finding = Finding(kind=ExceptionKind.OVER, job_id=g.job, part_id=part)
    return ResolveException(
        exception_id=exception_id(g.holder.id, finding, DAY), action=ResolveAction.ACCEPT, reason="it was there"
    )


SCENES: Final[dict[str, Callable[["Ground"], Command]]] = {
    "reconcile_day": lambda _: ReconcileDay(day=DAY),
    "resolve_exception": _resolved,
}
