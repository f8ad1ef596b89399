"""`onsite stock reconcile` and `resolve`: a day's slips, forms and uses compared, and what does not agree ended. Never touches the database."""

from typing import Annotated

import typer

from api.commands.stock import DEFAULT_STATE, State, opened, say, stock
from mobile_contract.schema.reconciliation import ResolveAction


def register(app: typer.Typer) -> None:
    """Add these commands to the noun `stock`."""
    stock.command()(reconcile)
    stock.command()(resolve)


def reconcile(
    day: Annotated[
        str, typer.Argument(help="A day: 2026-03-01, today or yesterday. Default: the one after the last reconciled.")
    ] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """Compare a day's slips, forms and uses, and show what does not agree. Again: the same, brought up to date.

    Examples:

        onsite stock reconcile

        onsite stock reconcile 2026-03-01
    """
    from api import stock_queues, stock_view
    from api.console import console
    from mobile_contract.schema.reconciliation_commands import ReconcileDay
    from mobile_contract.schema.report import ReconciliationShown

    with opened(state) as desk:
        local = desk.day(day) if day else stock_queues.next_day(desk)
        with console.status(str(local)):
            desk.send(ReconcileDay(day=local))
        shown = desk.get("/reports/reconciliation", ReconciliationShown, day=local.isoformat())
        console.print(stock_view.reconciled(stock_queues.view_of(desk), shown), markup=False, soft_wrap=True)
        found = stock_queues.queue_table(desk, "exceptions", 200, day=local.isoformat())
        if found is not None:
            console.print(found)


def resolve(
    exception: Annotated[str, typer.Argument(help="The exception: its id, or the beginning of it.")],
    action: Annotated[ResolveAction, typer.Argument(help="How it ends; the list of exceptions says what is possible.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    quantity: Annotated[str, typer.Option(help="How much of it. Default: all.")] = "",
    serial: Annotated[list[str] | None, typer.Option(help="Which pieces.")] = None,
    right_serial: Annotated[str, typer.Option(help="For rebook: the serial that it should have been.")] = "",
    move: Annotated[
        str, typer.Option(help="For reverse and rebook: the movement's id. Default: the only one it can be.")
    ] = "",
    to_job: Annotated[str, typer.Option(help="For rebook: the number of the job that it belongs to.")] = "",
    place: Annotated[
        str, typer.Option(help="For book_issue: where it came from. Default: where most of it lies.")
    ] = "",
    state: State = DEFAULT_STATE,
) -> None:
    """End an exception by a movement that completes or reverses what was booked, with a reason.

    Examples:

        onsite stock resolve 5b1f33c2 book_return --reason "found in the van"

        onsite stock resolve 5b1f33c2 accept --reason "customer was away, called on the phone"
    """
    from uuid import UUID

    from api import stock_queues
    from api.stock_issue import quantity_of
    from mobile_contract.schema.reconciliation_commands import ResolveException

    with opened(state) as desk:
        found = stock_queues.find_exception(desk, exception)
        undoes = action in (ResolveAction.REVERSE, ResolveAction.REBOOK)
        issues = action is ResolveAction.BOOK_ISSUE
        command = ResolveException(
            exception_id=found.id,
            action=action,
            reason=reason,
            quantity=quantity_of(quantity) if quantity else None,
            serials=tuple(serial or ()),
            serial=right_serial or None,
            move_id=UUID(move) if move else stock_queues.find_mistake(desk, found) if undoes else None,
            to_job_id=desk.job(to_job).id if to_job else None,
            location_id=desk.place(place).id if place else stock_queues.place_that_has(desk, found) if issues else None,
        )
        say(desk, desk.send(command), f"{found.kind} {action}")
