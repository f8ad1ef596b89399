"""Commands of the store about requests, issue slips, forms and the rules of an organisation; asked for, checked, possibly refused."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from mobile_contract.schema.base import Code, Command, Line, Quantity, Value
from mobile_contract.schema.material import LineNo, MaterialRules

_Few = Meta(max_length=200)


class LineQuantity(Value, frozen=True, kw_only=True):
    """How much of a line of a request."""

    line_no: LineNo
    quantity: Quantity


class ReserveParts(Command, frozen=True, kw_only=True, tag="reserve_parts"):
    """Set parts of an approved request aside at a store: exactly `quantity` of each line named; without lines whatever is still to be issued.

    `store_id` left out: the organisation's default store. A quantity of 0 lets a line go.
    """

    job_id: UUID
    request_id: UUID
    store_id: UUID | None = None
    lines: Annotated[tuple[LineQuantity, ...], _Few] = ()


class PickParts(Command, frozen=True, kw_only=True, tag="pick_parts"):
    """Say what was fetched from the shelves for a request: exactly `quantity` of each line named; without lines all that is to be issued."""

    job_id: UUID
    request_id: UUID
    lines: Annotated[tuple[LineQuantity, ...], _Few] = ()


class IssueLine(Value, frozen=True, kw_only=True):
    """What leaves the store for a line of a request; a part with serials names one per piece. `bin_id`: from that bin of the store."""

    line_no: LineNo
    quantity: Quantity
    lot: Line = ""
    serials: Annotated[tuple[Line, ...], _Few] = ()
    bin_id: UUID | None = None


class IssueParts(Command, frozen=True, kw_only=True, tag="issue_parts"):
    """Hand parts of an approved request out of a store, with a slip of its own; without lines whatever is still to be issued.

    `crew_id` or `person_id`: who takes it along. `form_id` with `copy_kept`: copy 3 of that form stayed with the store.
    """

    job_id: UUID
    request_id: UUID
    slip_id: UUID
    store_id: UUID | None = None
    crew_id: UUID | None = None
    person_id: UUID | None = None
    lines: Annotated[tuple[IssueLine, ...], _Few] = ()
    form_id: UUID | None = None
    copy_kept: bool = False


class SubstitutePart(Command, frozen=True, kw_only=True, tag="substitute_part"):
    """Give another part, one of the catalogue's substitutes, for what is still to be issued of a line; it may not cost more."""

    job_id: UUID
    request_id: UUID
    line_no: LineNo
    part_id: UUID
    quantity: Quantity


class CloseRequest(Command, frozen=True, kw_only=True, tag="close_request"):
    """End a request: nothing more is issued on it, what was set aside is free again. What is still reported of its parts counts all the same."""

    job_id: UUID
    request_id: UUID
    reason: Line = ""


class TakeBackLine(Value, frozen=True, kw_only=True):
    """What a store takes back of what crews returned on a job."""

    move_id: UUID
    part_id: UUID
    quantity: Quantity
    lot: Line = ""
    serial: Line = ""


class TakeBackParts(Command, frozen=True, kw_only=True, tag="take_back_parts"):
    """Take what a crew returned from a job into a store."""

    job_id: UUID
    store_id: UUID | None = None
    lines: Annotated[tuple[TakeBackLine, ...], Meta(min_length=1, max_length=200)]


class OpenForm(Command, frozen=True, kw_only=True, tag="open_form"):
    """Begin a repair form in three copies for a job. `shift` left out: that of the local time; `number` left out: the server gives it."""

    job_id: UUID
    form_id: UUID
    visit_id: UUID | None = None
    shift: Code | None = None
    number: Code | None = None


class HandInCopy(Command, frozen=True, kw_only=True, tag="hand_in_copy"):
    """Record that a copy of a form has come to whoever keeps it; `handed_by` brought it."""

    job_id: UUID
    form_id: UUID
    copy_no: Annotated[int, Meta(ge=1, le=3)]
    handed_by: UUID | None = None


class SaveMaterialRules(Command, frozen=True, kw_only=True, tag="save_material_rules"):
    """Replace the rules by which an organisation handles material. There is one set of them, whatever id the command names."""

    rules: MaterialRules
