"""What a phone shows of parts before the server has answered: requests and who decides them, moves, what the van holds. Pure; guesses.

The same rules as the server's are asked (`mobile_contract.rules`); the answer is provisional, since others may have asked or moved
something meanwhile.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from mobile_contract.client.made import Made
from mobile_contract.rules.deciding import Decider, addressed, approved, claim_of, lines_fault, rejected
from mobile_contract.rules.exact import total
from mobile_contract.rules.ladder import (
    MATERIAL_REQUEST,
    Asking,
    Known,
    Verdict,
    amount_of,
    districts_of,
    evaluate,
    waiting_approval,
)
from mobile_contract.rules.material import lines_of_job, new_request, piece_id, priced, taken_move_id, with_decision
from mobile_contract.rules.request_states import with_lines
from mobile_contract.rules.stock import (
    Told,
    effect,
    level_id,
    personal_van_id,
    place_id,
    van_of_crews,
    with_received,
    with_sent,
)
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema import field_stock as t
from mobile_contract.schema.approval import Allowance, Approval, ApprovalState, Delegation, Policy, WorkCalendar
from mobile_contract.schema.base import Command, Document
from mobile_contract.schema.job import Job, Visit
from mobile_contract.schema.material import IssueSlip, MaterialRequest, Part
from mobile_contract.schema.people import Crew, Duty, Person
from mobile_contract.schema.place import District
from mobile_contract.schema.stock import (
    LocationKind,
    MoveKind,
    StockLevel,
    StockMove,
    StockTransfer,
    TransferState,
)

D = TypeVar("D", bound=Document)
Documents = Mapping[tuple[str, UUID], Document]
Changes = dict[tuple[str, UUID], Document | None]
NOTHING: Final = Decimal(0)


class Leg(Struct, frozen=True):
    """What kind of move, from where to where."""

    kind: MoveKind
    source: UUID
    target: UUID


def of_parts(documents: Documents, made: Made) -> Changes:
    """Give what a command changes about parts; most commands change nothing."""
    show = _SHOWN.get(type(made.command))
    return show(documents, made.command, made) if show is not None else {}


def van_of(documents: Documents, visit_id: UUID | None, made: Made) -> UUID:
    """Name the van of a person: that of the visit's crew where it is theirs, else of a crew of theirs, else what they carry themselves."""
    visit = documents.get(("visit", visit_id)) if visit_id is not None else None
    planned = visit.crew_id if isinstance(visit, Visit) else None
    vans = {crew.id: crew.van_id for crew in _all(documents, Crew)}
    own = [crew.id for crew in _all(documents, Crew) if made.person_id in crew.member_ids]
    return van_of_crews(planned, own, vans.get) or personal_van_id(made.org_id, made.person_id)


# what is asked for


def _request(documents: Documents, command: f.RequestParts | f.TakeParts, made: Made) -> Changes:
    # Without a policy the phone does not know the currency, so it shows nothing.
    policy = next((p for p in _all(documents, Policy) if p.subject == MATERIAL_REQUEST), None)
    if policy is None:
        return {}
    taken = isinstance(command, f.TakeParts)
    lines = tuple(
        priced(line, line_no, _part(documents, line.part_id)) for line_no, line in enumerate(command.lines, start=1)
    )
    verdict, asking = _verdict(documents, command, made, amount=amount_of(lines), currency=policy.currency)
    allowance_id = command.allowance_id if isinstance(command, f.TakeParts) else None
    approval = waiting_approval(verdict, asking, job_id=command.job_id, after_the_fact=taken, allowance_id=allowance_id)
    approval = addressed(approval, _all(documents, Delegation), made.at)
    request = new_request(command, lines, approval)
    changes: Changes = {("approval", approval.id): approval, ("material_request", request.id): request}
    if isinstance(command, f.TakeParts):
        changes |= _taken(documents, command, made) | _drawn(documents, command, amount=asking.amount)
    return changes | _refolded({**documents, **_present(changes)}, command.job_id)


def _verdict(
    documents: Documents, command: f.RequestParts | f.TakeParts, made: Made, *, amount: Decimal, currency: str
) -> tuple[Verdict, Asking]:
    job = documents.get(("job", command.job_id))
    asking = Asking(
        subject_id=command.request_id,
        amount=amount,
        currency=currency,
        at=made.at,
        zone=made.zone,
        asked_by=made.person_id,
        site_id=job.site_id if isinstance(job, Job) else None,
        job_type=job.type if isinstance(job, Job) else "",
        district_ids=districts_of(
            job.district_id if isinstance(job, Job) else None, lambda id: _district(documents, id)
        ),
    )
    known = Known(
        policies=tuple(_all(documents, Policy)),
        calendars=tuple(_all(documents, WorkCalendar)),
        duties=tuple(_all(documents, Duty)),
        approvals=tuple(a for a in _all(documents, Approval) if a.job_id == command.job_id),
    )
    return evaluate(known, asking), asking


def _part(documents: Documents, id: UUID) -> Part | None:
    part = documents.get(("part", id))
    return part if isinstance(part, Part) else None


def _district(documents: Documents, id: UUID) -> District | None:
    district = documents.get(("district", id))
    return district if isinstance(district, District) else None


def _decide(documents: Documents, command: d.Approve | d.Reject, made: Made) -> Changes:
    approval = documents.get(("approval", command.approval_id))
    person = documents.get(("person", made.person_id)) if made.person_id is not None else None
    if not isinstance(approval, Approval) or not isinstance(person, Person):
        return {}
    if approval.state is not ApprovalState.WAITING:
        return {}
    decider = Decider(person_id=person.id, roles=frozenset(person.roles), at=made.at)
    delegations = _all(documents, Delegation)
    claim = claim_of(approval, decider, delegations)
    if claim is None:
        return {}
    request = documents.get(("material_request", approval.subject_id))
    if isinstance(command, d.Reject):
        decided = rejected(approval, claim, decider)
    else:
        asked = [line.quantity for line in request.lines] if isinstance(request, MaterialRequest) else []
        if lines_fault(command.lines, asked, approval.lines):
            return {}
        decided = approved(approval, claim, decider, command.lines)
    reason = decided.reason if decided.state is ApprovalState.WAITING else command.reason
    decided = addressed(replace(decided, reason=reason), delegations, made.at)
    changes: Changes = {("approval", decided.id): decided}
    if isinstance(request, MaterialRequest):
        changes["material_request", request.id] = with_decision(request, decided)
    return changes | _refolded({**documents, **_present(changes)}, approval.job_id)


# what moves


def _received(documents: Documents, command: f.ReceivePart, made: Made) -> Changes:
    van_id = van_of(documents, command.visit_id, made)
    return _reported(documents, command, made, Leg(MoveKind.RECEIVED, _place(made, LocationKind.TRANSIT), van_id))


def _used(documents: Documents, command: f.UsePart, made: Made) -> Changes:
    van_id = van_of(documents, command.visit_id, made)
    return _reported(documents, command, made, Leg(MoveKind.USED, van_id, _place(made, LocationKind.CUSTOMER)))


def _returned(documents: Documents, command: f.ReturnPart, made: Made) -> Changes:
    van_id = van_of(documents, command.visit_id, made)
    return _reported(documents, command, made, Leg(MoveKind.RETURNED, van_id, _place(made, LocationKind.RETURNED)))


def _reported(documents: Documents, command: Any, made: Made, leg: Leg) -> Changes:
    serials = command.serials or ((command.serial,) if command.serial else ())
    line = replace(_template(command, made, leg), part_id=command.part_id, slip_id=getattr(command, "slip_id", None))
    line = replace(line, request_id=command.request_id, line_no=command.line_no or None)
    changes = _booked(documents, _pieces(line, command.move_id, command.quantity, serials), made)
    return changes | _refolded({**documents, **_present(changes)}, command.job_id)


def _drawn(documents: Documents, command: f.TakeParts, *, amount: Decimal) -> Changes:
    allowance = documents.get(("allowance", command.allowance_id)) if command.allowance_id is not None else None
    if not isinstance(allowance, Allowance):
        return {}
    return {("allowance", allowance.id): replace(allowance, drawn=total([allowance.drawn, amount]))}


def _taken(documents: Documents, command: f.TakeParts, made: Made) -> Changes:
    leg = Leg(MoveKind.TAKEN, _place(made, LocationKind.TRANSIT), van_of(documents, command.visit_id, made))
    moves: list[StockMove] = []
    for line_no, line in enumerate(command.lines, start=1):
        move = replace(_template(command, made, leg), part_id=line.part_id, line_no=line_no, lot=line.lot)
        move = replace(move, request_id=command.request_id)
        moves += _pieces(move, taken_move_id(command.request_id, line_no), line.quantity, line.serials)
    return _booked(documents, moves, made)


def _template(command: Any, made: Made, leg: Leg) -> StockMove:
    """Make a move of nothing yet, with all that a report says of each of its pieces."""
    return StockMove(
        id=command.job_id,
        part_id=command.job_id,
        quantity=NOTHING,
        kind=leg.kind,
        from_location_id=leg.source,
        to_location_id=leg.target,
        job_id=command.job_id,
        visit_id=command.visit_id,
        unit_cost=NOTHING,
        occurred_at=made.at,
        recorded_at=made.at,
        actor_id=made.person_id,
        lot=getattr(command, "lot", ""),
    )


def _pieces(move: StockMove, move_id: UUID, quantity: Decimal, serials: tuple[str, ...]) -> list[StockMove]:
    if len(serials) < 2:
        return [replace(move, id=move_id, quantity=quantity, serial=serials[0] if serials else "")]
    return [
        replace(move, id=piece_id(move_id, position), quantity=Decimal(1), serial=serial)
        for position, serial in enumerate(serials)
    ]


def _booked(documents: Documents, moves: Iterable[StockMove], made: Made) -> Changes:
    """Show moves, and what they make of the vans that the phone knows."""
    changes: Changes = {}
    vans = {crew.van_id for crew in _all(documents, Crew)} | {personal_van_id(made.org_id, made.person_id)}
    for move in moves:
        if ("stock_move", move.id) in documents:
            continue
        part = documents.get(("part", move.part_id))
        changes["stock_move", move.id] = replace(move, unit_cost=part.unit_cost) if isinstance(part, Part) else move
        for location_id in {move.from_location_id, move.to_location_id} & vans:
            level = _level({**documents, **_present(changes)}, location_id, move.part_id)
            moved = replace(level, quantity=total([level.quantity, effect(move, location_id)]))
            changes["stock_level", level.id] = moved
    return changes


def _handed_over(documents: Documents, command: t.HandOverParts, made: Made) -> Changes:
    van_id = van_of(documents, None, made)
    known = _transfer(documents, command.transfer_id)
    if known.shipped_at is not None:
        return {}
    told = Told(location_id=van_id, lines=command.lines, at=made.at, by=made.person_id)
    left = with_sent(known, told, to_location_id=command.to_location_id)
    return _transferred(documents, left, [(van_id, x.part_id, -x.quantity) for x in command.lines])


def _taken_over(documents: Documents, command: t.TakeOverParts, made: Made) -> Changes:
    van_id = van_of(documents, None, made)
    known = _transfer(documents, command.transfer_id)
    if known.confirmed_at is not None:
        return {}
    told = Told(location_id=van_id, lines=command.lines, at=made.at, by=made.person_id)
    came = with_received(known, told, from_location_id=command.from_location_id)
    return _transferred(documents, came, [(van_id, x.part_id, x.quantity) for x in command.lines])


def _transferred(documents: Documents, transfer: StockTransfer, moved: Iterable[tuple[UUID, UUID, Decimal]]) -> Changes:
    changes: Changes = {("stock_transfer", transfer.id): transfer}
    for location_id, part_id, quantity in moved:
        level = _level({**documents, **_present(changes)}, location_id, part_id)
        changes["stock_level", level.id] = replace(level, quantity=total([level.quantity, quantity]))
    return changes


def _counted(documents: Documents, command: t.CountVan, made: Made) -> Changes:
    van_id = van_of(documents, None, made)
    levels = [(_level(documents, van_id, line.part_id), line.quantity) for line in command.lines]
    return {("stock_level", x.id): replace(x, quantity=quantity, counted_at=made.at) for x, quantity in levels}


# what follows


def _refolded(documents: Documents, job_id: UUID) -> Changes:
    """Bring a job's requests up to its moves and decisions, as the server does."""
    requests = [r for r in _all(documents, MaterialRequest) if r.job_id == job_id]
    moves = [m for m in _all(documents, StockMove) if m.job_id == job_id]
    lines = lines_of_job(requests, moves, [s for s in _all(documents, IssueSlip) if s.job_id == job_id])
    changes: Changes = {}
    for request in requests:
        approval = documents.get(("approval", request.approval_id)) if request.approval_id is not None else None
        decided = approval if isinstance(approval, Approval) else None
        changes["material_request", request.id] = with_lines(request, lines[request.id], decided)
    return changes


def _level(documents: Documents, location_id: UUID, part_id: UUID) -> StockLevel:
    id = level_id(location_id, part_id)
    known = documents.get(("stock_level", id))
    return known if isinstance(known, StockLevel) else StockLevel(id=id, location_id=location_id, part_id=part_id)


def _transfer(documents: Documents, id: UUID) -> StockTransfer:
    known = documents.get(("stock_transfer", id))
    return known if isinstance(known, StockTransfer) else StockTransfer(id=id, state=TransferState.SHIPPED)


def _place(made: Made, kind: LocationKind) -> UUID:
    return place_id(made.org_id, kind)


def _all(documents: Documents, kind: type[D]) -> list[D]:
    return [document for document in documents.values() if isinstance(document, kind)]


def _present(changes: Changes) -> dict[tuple[str, UUID], Document]:
    return {key: document for key, document in changes.items() if document is not None}


_SHOWN: Final[dict[type[Command], Callable[[Documents, Any, Made], Changes]]] = {
    f.RequestParts: _request,
    f.TakeParts: _request,
    f.ReceivePart: _received,
    f.UsePart: _used,
    f.ReturnPart: _returned,
    t.HandOverParts: _handed_over,
    t.TakeOverParts: _taken_over,
    t.CountVan: _counted,
    d.Approve: _decide,
    d.Reject: _decide,
}
