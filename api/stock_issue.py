"""What a clerk means by "issue this job": which lines, from which bins, with which serials and lots. Reads over REST, makes commands, sends none."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from msgspec import Struct
from uuid_utils.compat import uuid7

from api.operator_error import OperatorError
from api.stock_desk import Desk, ids_of
from api.stock_view import still_open
from mobile_contract.rules.exact import is_exact
from mobile_contract.schema.listing import CrewPage, JobDetail
from mobile_contract.schema.listing_stock import BalanceLine, PickQueue
from mobile_contract.schema.material import MaterialRequest, PricedLine
from mobile_contract.schema.material_commands import IssueLine, IssueParts

_MOST: Final = 200


class Wanted(Struct, frozen=True, kw_only=True):
    """What the clerk said, by line number: quantities, bins, serials, lots; and for all lines crew, store and form. Empty: find out."""

    lines: Mapping[int, str] = {}
    places: Mapping[int, str] = {}
    serials: Mapping[int, Sequence[str]] = {}
    lots: Mapping[int, str] = {}
    crew: str = ""
    store: str = ""
    form: str = ""


class Made(Struct, frozen=True):
    """A command to send, the slip that it makes, and in words what it is about."""

    command: IssueParts
    slip_id: UUID
    about: str


def pairs(option: str, given: Sequence[str] | None) -> dict[int, str]:
    """Read options such as `1=2.5`. Raises OperatorError."""
    return {line: values[-1] for line, values in many(option, given).items()}


def many(option: str, given: Sequence[str] | None) -> dict[int, list[str]]:
    """Read options such as `1=SN-7`, several for one line. Raises OperatorError."""
    found: dict[int, list[str]] = {}
    for text in given or ():
        line, mark, value = text.partition("=")
        if not (mark and value and line.isdecimal()):
            raise OperatorError(f"{option} {text!r}: write the line's number and what it has, as {option} 1=2.")
        found.setdefault(int(line), []).append(value)
    return found


def quantity_of(text: str) -> Decimal:
    """Read a quantity. Raises OperatorError."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not (is_exact(number) and number >= 0):
        raise OperatorError(f"{text!r} is no quantity.")
    return number


def commands(desk: Desk, number: str, wanted: Wanted) -> Iterator[Made]:
    """Make a command for each request of a job of which something is open. Raises OperatorError where nothing is, or it cannot be found out."""
    job = desk.job(number)
    store_id = desk.place(wanted.store).id if wanted.store else None
    page = desk.get("/warehouse/to-pick", PickQueue, job=str(job.id), limit=_MOST)
    if not page.items:
        raise OperatorError(f"Nothing approved is open for {number}. What is: onsite stock queue pick")
    names = ids_of(page.names)
    crew_id, form_id = _crew(desk, wanted.crew, job.crew_id), _form(desk, job.id, wanted.form)
    for request in page.items:
        lines = tuple(_lines(desk, request, wanted, (page.stock, names)))
        slip_id = uuid7()
        command = IssueParts(
            job_id=job.id,
            request_id=request.id,
            slip_id=slip_id,
            store_id=store_id,
            crew_id=crew_id,
            person_id=None if crew_id else job.person_id,
            lines=lines,
            form_id=form_id,
            copy_kept=form_id is not None,
        )
        parts = {line.line_no: names.get(line.part_id, "") for line in request.lines}
        about = ", ".join(f"{line.quantity:f} {parts[line.line_no]}" for line in lines)
        yield Made(command, slip_id, f"{number}: {about}")


def _lines(
    desk: Desk, request: MaterialRequest, wanted: Wanted, known: tuple[Sequence[BalanceLine], Mapping[UUID, str]]
) -> Iterator[IssueLine]:
    stock, names = known
    for line in request.lines:
        quantity = quantity_of(wanted.lines[line.line_no]) if line.line_no in wanted.lines else still_open(line)
        if not quantity or (wanted.lines and line.line_no not in wanted.lines):
            continue
        yield IssueLine(
            line_no=line.line_no,
            quantity=quantity,
            lot=wanted.lots.get(line.line_no, ""),
            serials=tuple(wanted.serials.get(line.line_no, ())),
            bin_id=_bin(desk, line, wanted, (quantity, stock, names)),
        )


def _bin(
    desk: Desk,
    line: PricedLine,
    wanted: Wanted,
    known: tuple[Decimal, Sequence[BalanceLine], Mapping[UUID, str]],
) -> UUID | None:
    """Find the place that has enough: the one named, the store itself (None), or the bin with the most."""
    quantity, stock, names = known
    if line.line_no in wanted.places:
        return desk.place(wanted.places[line.line_no]).id
    lying = [each for each in stock if each.part_id == line.part_id]
    enough = [each for each in lying if each.quantity >= quantity]
    if not enough:
        there = ", ".join(f"{each.location_code} {each.quantity:f}" for each in lying) or "none"
        name = names.get(line.part_id, str(line.part_id))
        raise OperatorError(
            f"No place has {quantity:f} of {name} (there is: {there}). Issue less with --line {line.line_no}=…"
        )
    best = max(enough, key=lambda each: (each.location_kind == "store", each.quantity))
    return None if best.location_kind == "store" else best.location_id


def _crew(desk: Desk, code: str, of_job: UUID | None) -> UUID | None:
    if not code:
        return of_job
    found = [crew for crew in desk.items("/crews", CrewPage, most=_MOST) if crew.code == code]
    if not found:
        raise OperatorError(f"There is no crew {code!r}.")
    id: UUID = found[0].id
    return id


def _form(desk: Desk, job_id: UUID, number: str) -> UUID | None:
    if not number:
        return None
    forms = desk.get(f"/jobs/{job_id}", JobDetail).repair_forms
    found = next((form.id for form in forms if form.number == number), None)
    if found is None:
        known = ", ".join(form.number for form in forms) or "none"
        raise OperatorError(f"The job has no form {number!r}; it has {known}.")
    return found
