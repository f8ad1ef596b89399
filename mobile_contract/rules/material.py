"""What the lines of material requests have come to. Pure folds of the moves: they give the same in whatever order the reports arrive."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mobile_contract.rules.exact import total
from mobile_contract.schema.approval import Approval, ApprovalState
from mobile_contract.schema.facts import RequestParts, TakeParts
from mobile_contract.schema.material import (
    NOTHING,
    IssueSlip,
    MaterialRequest,
    Part,
    PricedLine,
    RequestLine,
    RequestState,
    SlipLine,
)
from mobile_contract.schema.stock import MoveKind, StockMove

_KINDS = {
    MoveKind.ISSUED: "issued",
    MoveKind.RECEIVED: "received",
    MoveKind.TAKEN: "received",
    MoveKind.USED: "used",
    MoveKind.RETURNED: "returned",
}


class Slot(Struct):
    """A line that moves are told to."""

    request_id: UUID
    line: PricedLine

    @property
    def key(self) -> tuple[UUID, int]:
        """Name the line among those of a job."""
        return self.request_id, self.line.line_no


def numbered(lines: Iterable[PricedLine]) -> tuple[PricedLine, ...]:
    """Give every line its number, from 1; lines that have one keep it."""
    return tuple(
        line if line.line_no else replace(line, line_no=position) for position, line in enumerate(lines, start=1)
    )


def priced(line: RequestLine, line_no: int, part: Part | None) -> PricedLine:
    """Make a line of a request with what its part costs; one that a phone does not know costs nothing yet."""
    unit_cost, price = (part.unit_cost, part.price) if part is not None else (NOTHING, None)
    made = PricedLine(
        part_id=line.part_id, quantity=line.quantity, unit_cost=unit_cost, received=NOTHING, line_no=line_no
    )
    # What the customer was shown counts, whatever the catalogue says by now.
    return (
        replace(made, chargeable=True, price=price if line.price is None else line.price) if line.chargeable else made
    )


def new_request(
    command: RequestParts | TakeParts, lines: tuple[PricedLine, ...], approval: Approval
) -> MaterialRequest:
    """Make the request that waits for its approval; the approval says who asked, when and for how much."""
    taken = isinstance(command, TakeParts)
    return MaterialRequest(
        id=command.request_id,
        job_id=command.job_id,
        visit_id=command.visit_id,
        state=RequestState.WAITING_APPROVAL,
        lines=lines,
        amount=approval.amount if approval.own_amount is None else approval.own_amount,
        day_total=approval.amount,
        currency=approval.currency,
        requested_by=approval.asked_by,
        requested_at=approval.asked_at,
        urgent=True if isinstance(command, TakeParts) else command.urgent,
        approval_id=approval.id,
        allowance_id=approval.allowance_id,
        taken_at=approval.asked_at if taken else None,
    )


def with_decision(request: MaterialRequest, approval: Approval) -> MaterialRequest:
    """Put on a request's lines how much of each its approval gives, when all its steps are done; lines that no step named: as asked."""
    if approval.state is not ApprovalState.APPROVED:
        return request
    given = {line.line_no: line.quantity for line in approval.lines}
    lines = (replace(line, approved=given.get(line.line_no, line.quantity)) for line in numbered(request.lines))
    return replace(request, lines=tuple(lines))


def piece_id(move_id: UUID, position: int) -> UUID:
    """Name the move of one piece of a report that names several serials; the first has the report's own id."""
    return move_id if position == 0 else uuid5(move_id, f"piece/{position}")


def taken_move_id(request_id: UUID, line_no: int) -> UUID:
    """Name the move by which a line was taken at once; further pieces follow by `piece_id`."""
    return uuid5(request_id, f"taken/{line_no}")


def issued_move_id(slip_id: UUID, position: int) -> UUID:
    """Name the move of a line of an issue slip, by its place on the slip from 1; further pieces follow by `piece_id`."""
    return uuid5(slip_id, f"issued/{position}")


def in_force(moves: Iterable[StockMove]) -> list[StockMove]:
    """Leave out what was reversed, and the reversals."""
    known = list(moves)
    reversed_ids = {move.reverses_id for move in known if move.reverses_id is not None}
    return [move for move in known if move.reverses_id is None and move.id not in reversed_ids]


def lines_of_job(
    requests: Iterable[MaterialRequest], moves: Iterable[StockMove], slips: Iterable[IssueSlip] = ()
) -> dict[UUID, tuple[PricedLine, ...]]:
    """Tell what became of every line of a job's requests, by request.

    A move belongs to the line it names; else to the lines of its part in the request it names, filled in their order; else, when it is a
    use or a return, to whatever of the part the job's requests have received, oldest request first. What is over in a request goes to its
    last line of the part; what no request knows of belongs to none.
    """
    asked = sorted(requests, key=lambda r: (r.requested_at, r.id))
    slots = [
        Slot(request.id, replace(line, reserved=_told(line.reserved), picked=_told(line.picked)))
        for request in asked
        for line in numbered(request.lines)
    ]
    of_slip = {slip.id: slip.request_id for slip in slips}
    told: dict[str, list[StockMove]] = {name: [] for name in _KINDS.values()}
    for move in in_force(moves):
        if move.kind in _KINDS:
            request_id = move.request_id or (of_slip.get(move.slip_id) if move.slip_id is not None else None)
            told[_KINDS[MoveKind(move.kind)]].append(replace(move, request_id=request_id))
    _tell(slots, "issued", told["issued"], lambda line: line.quantity)
    _tell(slots, "received", told["received"], lambda line: line.quantity)
    _tell(slots, "used", told["used"], lambda line: line.received, strays=True)
    _tell(slots, "returned", told["returned"], lambda line: max(NOTHING, line.received - line.used), strays=True)
    return {
        request.id: tuple(slot.line for slot in slots if slot.request_id == request.id) for request in asked
    }  # fmt: skip


def slip_with_receipts(slip: IssueSlip, slips: Sequence[IssueSlip], moves: Iterable[StockMove]) -> IssueSlip:
    """Mark what of a slip has come: receipts that name it, then those that name only its request, oldest slip first.

    `slips` are all of its request; `received_at` is when the last receipt happened that made it complete.
    """
    receipts = sorted((m for m in in_force(moves) if m.kind == MoveKind.RECEIVED), key=lambda m: (m.occurred_at, m.id))
    own = [m for m in receipts if m.slip_id == slip.id]
    filled, loose = (
        _fill(slip.lines, own),
        [m for m in receipts if m.slip_id is None and m.request_id == slip.request_id],
    )
    for earlier in sorted(slips, key=lambda s: (s.issued_at, s.id)):
        mine = earlier.id == slip.id
        named = [m for m in receipts if m.slip_id == earlier.id]
        before = filled if mine else _fill(earlier.lines, named)
        after, loose = _fill_loose(before, loose)
        if mine:
            filled = after
            break
    complete = all(line.received >= line.quantity for line in filled)
    last = max(
        (m.occurred_at for m in receipts if m.slip_id == slip.id or m.request_id == slip.request_id), default=None
    )
    return replace(slip, lines=filled, received_at=last if complete else None)


def open_quantity(line: PricedLine, lines: Iterable[PricedLine]) -> Decimal:
    """Tell how much of an approved line is still to be issued: what was granted, less what another part stands in for, less what went out."""
    return max(NOTHING, wanted(line, lines) - line.issued)


def wanted(line: PricedLine, lines: Iterable[PricedLine]) -> Decimal:
    """Tell how much of a line is to come by itself: what was granted (else what was asked), less what another part stands in for."""
    granted = line.quantity if line.approved is None else line.approved
    instead = total(other.quantity for other in lines if other.substitute_for == line.line_no)
    return max(NOTHING, granted - instead)


def _tell(
    slots: list[Slot],
    name: str,
    moves: list[StockMove],
    room: Callable[[PricedLine], Decimal],
    *,
    strays: bool = False,
) -> None:
    """Set what the moves of one kind tell of each line; `strays`: moves without a request count where the part was received."""
    amounts = {slot.key: NOTHING for slot in slots}
    by_request: dict[tuple[UUID, UUID], Decimal] = {}
    by_part: dict[UUID, Decimal] = {}
    parts = {slot.key: slot.line.part_id for slot in slots}
    asked = {(slot.request_id, slot.line.part_id) for slot in slots}
    for move in moves:
        request_id = move.request_id
        if request_id is not None and parts.get((request_id, move.line_no or 0)) == move.part_id:
            named = (request_id, move.line_no or 0)
            amounts[named] = total([amounts[named], move.quantity])
        elif request_id is not None and (request_id, move.part_id) in asked:
            key = (request_id, move.part_id)
            by_request[key] = total([by_request.get(key, NOTHING), move.quantity])
        elif strays:
            by_part[move.part_id] = total([by_part.get(move.part_id, NOTHING), move.quantity])
    last = {(slot.request_id, slot.line.part_id): slot.key for slot in slots}
    for slot in slots:
        rest = by_request.get((slot.request_id, slot.line.part_id), NOTHING)
        here = min(rest, max(NOTHING, room(slot.line) - amounts[slot.key]))
        here = rest if last[slot.request_id, slot.line.part_id] == slot.key else here
        if rest:
            by_request[slot.request_id, slot.line.part_id] = rest - here
        amounts[slot.key] = total([amounts[slot.key], here])
    for slot in slots:
        rest = by_part.get(slot.line.part_id, NOTHING)
        here = min(rest, max(NOTHING, room(slot.line) - amounts[slot.key]))
        if here:
            by_part[slot.line.part_id] = rest - here
            amounts[slot.key] = total([amounts[slot.key], here])
        slot.line = replace(slot.line, **{name: _told(amounts[slot.key])})


def _fill(lines: Iterable[SlipLine], receipts: Iterable[StockMove]) -> tuple[SlipLine, ...]:
    """Put receipts that name a slip on its lines: by number and part, else by part; what is over stays with the last."""
    known = list(lines)
    amounts = [NOTHING] * len(known)
    for move in receipts:
        fitting = [i for i, line in enumerate(known) if line.part_id == move.part_id]
        exact = [i for i in fitting if known[i].line_no == move.line_no and _same_piece(known[i], move)] or [
            i for i in fitting if known[i].line_no == move.line_no
        ]
        rest = move.quantity
        for i in (candidates := exact or fitting):
            here = rest if i == candidates[-1] else min(rest, max(NOTHING, known[i].quantity - amounts[i]))
            amounts[i], rest = total([amounts[i], here]), rest - here
    return tuple(replace(line, received=_told(amount)) for line, amount in zip(known, amounts, strict=True))


def _fill_loose(lines: tuple[SlipLine, ...], receipts: list[StockMove]) -> tuple[tuple[SlipLine, ...], list[StockMove]]:
    """Put receipts that name no slip where something is still to come; gives the lines and what of the receipts is left."""
    left: list[StockMove] = []
    filled = list(lines)
    for move in receipts:
        rest = move.quantity
        for i, line in enumerate(filled):
            if line.part_id == move.part_id:
                here = min(rest, max(NOTHING, line.quantity - line.received))
                filled[i], rest = replace(line, received=line.received + here), rest - here
        if rest > 0:
            left.append(msgspec.structs.replace(move, quantity=rest))
    return tuple(filled), left


def _same_piece(line: SlipLine, move: StockMove) -> bool:
    return (not move.lot or line.lot == move.lot) and (not move.serial or move.serial in line.serials)


def _told(amount: Decimal) -> Decimal:
    # The default itself: what is nought is left out of the document, however it came to be nought.
    return amount or NOTHING
