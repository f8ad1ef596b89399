"""How each command of reconciliation is made in a world that lives through all commands: who sends it, after what has to go before."""

from datetime import date
from decimal import Decimal

from jobs.handlers.reconciliation import exception_id
from jobs.rules.reconcile import Finding
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command
from mobile_contract.schema.reconciliation import ExceptionKind, ResolveAction
from mobile_contract.schema.reconciliation_commands import ReconcileDay, ResolveException
from tests.sync.stock_cases import Case, World

DAY = date(2026, 3, 2)


async def _used(w: World) -> Finding:
    """Use a part that nobody issued."""
    job = await w.org.assigned_job()
    part_id = w.org.parts["clamp"]
    spent = f.UsePart(
        job_id=job.job_id, visit_id=job.visit_id, move_id=w.org.new_id(), part_id=part_id, quantity=Decimal(1)
    )
    await w.ok(spent)
    return Finding(kind=ExceptionKind.OVER, job_id=job.job_id, part_id=part_id)


async def reconcile_day(w: World) -> tuple[str, Command]:
    """Reconcile a day on which something is over."""
    await _used(w)
    return "wes", ReconcileDay(day=DAY)


async def resolve_exception(w: World) -> tuple[str, Command]:
    """End what was found."""
    finding = await _used(w)
    await w.ok(ReconcileDay(day=DAY), by="wes")
    id = exception_id(w.org.id, finding, DAY)
    return "wes", ResolveException(exception_id=id, action=ResolveAction.ACCEPT, reason="it was there")


CASES: dict[str, Case] = {"reconcile_day": reconcile_day, "resolve_exception": resolve_exception}
