"""A store's day to reconcile: jobs whose parts are issued, received, used; and short words for what is found and how it ends."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import material_commands as m
from mobile_contract.schema.reconciliation import ExceptionState, Reconciliation, ResolveAction, StockException
from mobile_contract.schema.reconciliation_commands import ReconcileDay, ResolveException
from mobile_contract.schema.stock import LocationKind, StockLocation, StockMove
from sync.outcomes import Answer
from tests.arrange import NOW, Assigned
from tests.jobs import stored
from tests.jobs.material_scene import Scene

TODAY = date(2026, 3, 2)
EVENING = NOW + timedelta(hours=8)


async def drawn(scene: Scene, code: str, quantity: str | int, *, received: bool = True, **issue: Any) -> None:
    """Have some of a part asked for, approved, issued and received for the scene's job."""
    request_id = await scene.approved(scene.line(code, quantity))
    line = m.IssueLine(line_no=1, quantity=Decimal(quantity), serials=issue.pop("serials", ()))
    slip = await scene.issued(request_id, line, **issue)
    if received:
        for serial in line.serials or ("",):
            each = 1 if serial else quantity
            told = scene.moving(f.ReceivePart, code, each, request_id=request_id, slip_id=slip.id, serial=serial)
            await scene.org.ok(told, by="amy")


async def used(scene: Scene, code: str, quantity: str | int, *, now: datetime = NOW, **more: Any) -> UUID:
    """Have a part used; gives the move."""
    told = scene.moving(f.UsePart, code, quantity, **more)
    assert isinstance(told, f.UsePart)
    await scene.org.ok(told, by="amy", now=now)
    return told.move_id


async def returned(scene: Scene, code: str, quantity: str | int, **more: Any) -> None:
    """Have a part given back."""
    await scene.org.ok(scene.moving(f.ReturnPart, code, quantity, **more), by="amy")


async def ended(scene: Scene, *, now: datetime = NOW + timedelta(minutes=30)) -> None:
    """End the work on the scene's job."""
    await scene.org.ok(scene.fact(f.StartWork), scene.fact(f.CompleteVisit), by="amy", now=now)


async def next_job(scene: Scene, crew: str = "alpha") -> Assigned:
    """Go on with another job."""
    scene.job = await scene.org.assigned_job(crew)
    return scene.job


async def called_off(scene: Scene, *, now: datetime = NOW) -> None:
    """Cancel the scene's job."""
    await scene.org.ok(d.CancelJob(job_id=scene.job.job_id, reason="twice"), by="dan", now=now)


async def another_store(scene: Scene) -> UUID:
    """Save a second store."""
    depot = StockLocation(id=scene.org.new_id(), code="depot", kind=LocationKind.STORE)
    await scene.org.ok(d.SaveStockLocation(location=depot), by="wes")
    return depot.id


async def reconciled(scene: Scene, day: date = TODAY, *, now: datetime = EVENING) -> list[StockException]:
    """Reconcile a day; gives the exceptions that are open, by kind."""
    await scene.org.ok(ReconcileDay(day=day), by="wes", now=now)
    return [e for e in await exceptions(scene) if e.state is ExceptionState.OPEN]


async def exceptions(scene: Scene) -> list[StockException]:
    """List all exceptions, by kind and difference."""
    found = await stored.every(scene.org, StockException)
    return sorted(found, key=lambda e: (e.kind, e.difference or Decimal(0), str(e.job_id)))


async def summary(scene: Scene) -> Reconciliation:
    """Give the one reconciliation that there is."""
    (found,) = await stored.every(scene.org, Reconciliation)
    return found


async def resolve(
    scene: Scene, exception: StockException, action: ResolveAction, *, by: str = "wes", **more: Any
) -> Answer:
    """Ask for an exception to end."""
    if "quantity" in more:
        more["quantity"] = Decimal(more["quantity"])
    command = ResolveException(exception_id=exception.id, action=action, reason="asked the crew", **more)
    return await scene.told(command, by=by, now=EVENING + timedelta(minutes=5))


async def moves_of(scene: Scene, exception: StockException) -> list[StockMove]:
    """Give the moves that an exception's end has booked."""
    now = await stored.one(scene.org, StockException, exception.id)
    booked = {id for resolution in now.resolutions for id in resolution.move_ids}
    return [move for move in await stored.every(scene.org, StockMove) if move.id in booked]
