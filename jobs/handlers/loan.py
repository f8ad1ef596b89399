"""Tools and samples lent against a deposit: what is out, what the nights cost, what came back. Keeps no money, only what was agreed."""

from decimal import Decimal

from msgspec.structs import replace

from jobs.context import Deed
from jobs.handlers.door import handles
from jobs.result import Applied, Refused, Result
from jobs.stock import Booking, book
from jobs.stock_locations import LOAN, place
from jobs.stock_names import lent_move_id
from jobs.stock_places import SHELVES, place_fault
from jobs.work import Work
from mobile_contract.rules.exact import is_exact, total
from mobile_contract.rules.stock import nights, overnight_charge
from mobile_contract.schema.people import Person
from mobile_contract.schema.stock import MoveKind, StockLoan, StockMove
from mobile_contract.schema.stock_commands import LendStock, TakeBackLoan

_SAID = (
    "location_id",
    "part_id",
    "quantity",
    "lot",
    "serial",
    "borrower",
    "person_id",
    "deposit",
    "overnight_charge",
    "due_at",
)


@handles(LendStock)
def lend_stock(work: Work, command: LendStock, deed: Deed) -> Result:
    """Lend a part; refused where the store does not have it free."""
    fault = place_fault(work, "location_id", command.location_id, SHELVES) or _money_fault(
        deposit=command.deposit, overnight_charge=command.overnight_charge
    )
    if fault is not None:
        return fault
    if command.person_id is not None and work.get(Person, command.person_id) is None:
        return Refused("unknown_reference", {"field": "person_id"})
    known = work.get(StockLoan, command.loan_id)
    if known is not None:
        same = all(getattr(known, field) == getattr(command, field) for field in _SAID)
        return Applied(code="unchanged") if same else Refused("id_reused")
    booking = Booking(
        kind=MoveKind.LENT,
        part_id=command.part_id,
        quantity=command.quantity,
        source=command.location_id,
        target=place(work, LOAN),
        move_id=lent_move_id(command.loan_id),
        loan_id=command.loan_id,
        serial=command.serial,
        lot=command.lot,
        reason=command.borrower,
    )
    booked = book(work, deed, booking)
    if not isinstance(booked, StockMove):
        return booked
    said = {field: getattr(command, field) for field in _SAID}
    work.put(StockLoan(id=command.loan_id, currency=work.org.currency, lent_at=deed.occurrence.at, **said))
    return Applied()


@handles(TakeBackLoan)
def take_back_loan(work: Work, command: TakeBackLoan, deed: Deed) -> Result:
    """Take back what was lent, with its nights charged; more than is out, or more deposit than was paid, is refused."""
    loan = work.get(StockLoan, command.loan_id)
    if loan is None:
        return Refused("unknown_reference", {"field": "loan_id"})
    fault = _money_fault(deposit_returned=command.deposit_returned)
    if fault is not None:
        return fault
    before = work.get(StockMove, command.move_id)
    if before is not None:
        same = (before.loan_id, before.kind, before.quantity) == (loan.id, MoveKind.LOAN_BACK, command.quantity)
        return Applied(code="unchanged") if same else Refused("id_reused")
    out, held = total([loan.quantity, -loan.returned]), total([loan.deposit, -loan.deposit_returned])
    if command.quantity > out:
        return Refused("loan_exceeded", {"field": "quantity", "left": str(out)})
    if command.deposit_returned > held:
        return Refused("loan_exceeded", {"field": "deposit_returned", "left": str(held)})
    booking = Booking(
        kind=MoveKind.LOAN_BACK,
        part_id=loan.part_id,
        quantity=command.quantity,
        source=place(work, LOAN),
        target=loan.location_id,
        move_id=command.move_id,
        loan_id=loan.id,
        serial=loan.serial,
        lot=loan.lot,
        reason=command.reason,
    )
    booked = book(work, deed, booking)
    if not isinstance(booked, StockMove):
        return booked
    spent = nights(loan.lent_at, deed.occurrence.at, work.org.zone)
    returned = total([loan.returned, command.quantity])
    work.put(
        replace(
            loan,
            returned=returned,
            charge=total([loan.charge, overnight_charge(loan.overnight_charge, spent, command.quantity)]),
            deposit_returned=total([loan.deposit_returned, command.deposit_returned]),
            returned_at=deed.occurrence.at if returned == loan.quantity else None,
        )
    )
    return Applied()


def _money_fault(**amounts: Decimal) -> Refused | None:
    for field, amount in amounts.items():
        if not (is_exact(amount) and amount >= 0):
            return Refused("number_invalid", {"field": field})
    return None
