"""Reconciling a day and ending what it found. The match is `jobs.rules.reconcile`, what an end books is `jobs.resolving`.

An exception's id follows from what it is about: finding it again brings it up to date, and what holds no longer is settled.
"""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

from msgspec.structs import replace

from jobs.context import Deed
from jobs.event import EventName
from jobs.exception_names import reconciliation_id
from jobs.handlers.door import handles
from jobs.handlers.stock import reverse_move, undo_move
from jobs.outdated import outdated
from jobs.recording import record
from jobs.requests import refold
from jobs.resolving import Plan, plan
from jobs.result import Applied, Refused, Result
from jobs.rules.reconcile import Finding, reconcile
from jobs.stock import Booking, book_all
from jobs.stock_names import reversal_id
from jobs.work import Work
from mobile_contract.rules.exact import total
from mobile_contract.schema.job import Job
from mobile_contract.schema.reconciliation import (
    ACTIONS,
    PAPERS,
    ExceptionKind,
    ExceptionResolution,
    ExceptionState,
    KindCount,
    Reconciliation,
    ResolveAction,
    StockException,
)
from mobile_contract.schema.reconciliation_commands import ReconcileDay, ResolveException
from mobile_contract.schema.stock import MoveKind, StockMove
from mobile_contract.schema.stock_commands import ReverseMove

_JUDGED: Final = (
    "location_id", "subject_id", "issued", "on_form", "used", "returned", "written_off", "difference", "in_transit",
    "serials_missing", "serials_extra", "copies",
)  # fmt: skip
# Looked at whatever the day: the others without a job are of the day on which they moved.
_LASTING: Final = frozenset({ExceptionKind.VAN_BELOW_ZERO, ExceptionKind.TRANSFER_UNCONFIRMED})
_REBOOKED: Final = frozenset(
    {MoveKind.ISSUED, MoveKind.RECEIVED, MoveKind.TAKEN, MoveKind.USED, MoveKind.RETURNED, MoveKind.SCRAPPED}
)
_UNDOING: Final = frozenset({ResolveAction.REVERSE, ResolveAction.REBOOK})


def exception_id(org_id: UUID, finding: Finding, day: date) -> UUID:
    """Name an exception by what it is about: kind, job and part, or without a job the place and the paper, and of loose material the day."""
    about = (finding.kind, finding.job_id, finding.part_id)
    beside = () if finding.job_id else (finding.location_id, finding.subject_id)
    loose = (day,) if finding.kind is ExceptionKind.UNKNOWN_JOB and finding.job_id is None else ()
    return uuid5(org_id, "stock_exception/" + "/".join(str(each or "") for each in (*about, *beside, *loose)))


@handles(ReconcileDay)
def reconcile_day(work: Work, command: ReconcileDay, deed: Deed) -> Result:
    """Compare a day and keep what does not agree; what was found before and holds no longer is settled.

    Raises LookupError where a command over the same load moved material: the sums were made before.
    """
    if any(work.fresh_moves()):
        raise LookupError("material moved after the day was summed")
    gathered = work.days[command.day]
    reckoned = reconcile(gathered.material)
    found = {exception_id(work.org.org_id, finding, command.day): finding for finding in reckoned.findings}
    for id, finding in found.items():
        _keep(work, _made(id, finding, command.day, deed), deed)
    for known in work.all(StockException):
        looked_at = known.job_id in gathered.jobs or (
            known.job_id is None and (known.day == command.day or (known.kind in _LASTING and known.day < command.day))
        )
        if looked_at and known.id not in found and known.state is ExceptionState.OPEN:
            state = ExceptionState.RESOLVED if known.resolutions else ExceptionState.SETTLED
            work.put(replace(known, state=state, settled_at=deed.received_at))
    counts = Counter(finding.kind for finding in reckoned.findings)
    work.put(
        Reconciliation(
            id=reconciliation_id(work.org.org_id, command.day),
            day=command.day,
            reconciled_at=deed.received_at,
            reconciled_by=deed.person_id,
            moves=gathered.moves,
            jobs=len(gathered.jobs),
            matched=reckoned.matched,
            under_way=reckoned.under_way,
            found=tuple(KindCount(kind=kind, count=counts[kind]) for kind in ExceptionKind if counts[kind]),
        )
    )
    return Applied()


@handles(ResolveException)
def resolve_exception(work: Work, command: ResolveException, deed: Deed) -> Result:
    """End an exception, or a part of it, by moves with a reason."""
    exception = work.get(StockException, command.exception_id)
    if exception is None:
        return Refused("unknown_reference", {"field": "exception_id"})
    if exception.state is not ExceptionState.OPEN:
        return Refused("exception_closed", {"state": exception.state.value})
    if command.action not in ACTIONS[exception.kind]:
        return Refused("action_not_possible", {"actions": ", ".join(ACTIONS[exception.kind])})
    if command.to_job_id is not None and work.get(Job, command.to_job_id) is None:
        return Refused("unknown_reference", {"field": "to_job_id"})
    if outdated(work, exception):
        return Refused("exception_changed")
    planned = (
        _undo(work, command, exception, deed) if command.action in _UNDOING else plan(work, command, exception, deed)
    )
    if isinstance(planned, Refused):
        return planned
    booked = book_all(work, deed, planned.bookings)
    if not isinstance(booked, list):
        return booked if isinstance(booked, Refused) else Refused(booked.code, booked.detail)
    moves = [m for m in work.fresh_moves() if m.command_id == deed.command_id]
    resolved = _resolved(exception, command, planned, deed)
    last = replace(resolved.resolutions[-1], move_ids=tuple(sorted(move.id for move in moves)))
    work.put(replace(resolved, resolutions=(*resolved.resolutions[:-1], last)))
    for job_id in sorted({id for id in (exception.job_id, *(move.job_id for move in moves)) if id is not None}):
        _tell(work, job_id, command, deed)
    return Applied()


def _made(id: UUID, finding: Finding, day: date, deed: Deed) -> StockException:
    part = finding.part
    return StockException(
        id=id,
        kind=finding.kind,
        state=ExceptionState.OPEN,
        day=day,
        job_id=finding.job_id,
        part_id=finding.part_id,
        location_id=finding.location_id,
        subject_id=finding.subject_id,
        issued=part.issued if part else None,
        on_form=part.on_form if part else None,
        used=part.used if part else None,
        returned=part.returned if part else None,
        written_off=part.written_off if part else None,
        difference=finding.difference,
        in_transit=part.in_transit if part else None,
        serials_missing=finding.serials_missing,
        serials_extra=finding.serials_extra,
        copies=finding.copies,
        found_at=deed.received_at,
    )


def _keep(work: Work, fresh: StockException, deed: Deed) -> None:
    """Keep a finding: new, brought up to date, or open again. What somebody dealt with stays so while nothing about it changes."""
    known = work.get(StockException, fresh.id)
    if known is None:
        work.put(fresh)
        return
    same = all(getattr(known, field) == getattr(fresh, field) for field in _JUDGED)
    if known.state is ExceptionState.OPEN:
        if not same:
            work.put(_brought_up(known, fresh, deed))
    elif not (same and known.state is ExceptionState.RESOLVED and known.kind in PAPERS):
        work.put(replace(_brought_up(known, fresh, deed), state=ExceptionState.OPEN, day=fresh.day, settled_at=None))


def _brought_up(known: StockException, fresh: StockException, deed: Deed) -> StockException:
    return replace(known, changed_at=deed.received_at, **{field: getattr(fresh, field) for field in _JUDGED})


def _undo(work: Work, command: ResolveException, exception: StockException, deed: Deed) -> Plan | Refused:
    """Reverse the move that is named, and book it anew where it belongs when it is to be rebooked."""
    mistake = work.get(StockMove, command.move_id)
    if mistake is None or (exception.part_id, exception.job_id) not in (
        (mistake.part_id, mistake.job_id),
        (mistake.part_id, None),
    ):
        return Refused("unknown_reference", {"field": "move_id"})
    # Whoever ends exceptions may not reverse just any move: without a job it is one of the place that the exception is about.
    if exception.job_id is None and exception.location_id not in (mistake.from_location_id, mistake.to_location_id):
        return Refused("unknown_reference", {"field": "move_id"})
    if work.get(StockMove, reversal_id(mistake.id)) is not None:
        return Refused("move_not_reversible", {"kind": mistake.kind.value})
    anew: tuple[Booking, ...] = ()
    if command.action is ResolveAction.REBOOK:
        if command.to_job_id is None and command.serial is None:
            return Refused("unknown_reference", {"field": "to_job_id"})
        if mistake.kind not in _REBOOKED:
            return Refused("move_not_reversible", {"kind": mistake.kind.value})
        anew = (_rebooked(mistake, command, deed),)
    # What is booked anew takes its place: whoever received it keeps it.
    undo = undo_move if anew else reverse_move
    reversed_ = undo(work, ReverseMove(move_id=mistake.id, reason=command.reason), deed)
    if not isinstance(reversed_, Applied):
        return reversed_ if isinstance(reversed_, Refused) else Refused("move_not_reversible")
    difference = exception.difference
    dealt_with = None if difference is None else min(difference, mistake.quantity)
    return Plan(bookings=anew, quantity=dealt_with, serials=(mistake.serial, command.serial or mistake.serial))


def _rebooked(mistake: StockMove, command: ResolveException, deed: Deed) -> Booking:
    elsewhere = command.to_job_id is not None and command.to_job_id != mistake.job_id
    return Booking(
        kind=mistake.kind,
        part_id=mistake.part_id,
        quantity=mistake.quantity,
        source=mistake.from_location_id,
        target=mistake.to_location_id,
        move_id=uuid5(deed.command_id, "rebooked"),
        job_id=command.to_job_id or mistake.job_id,
        visit_id=None if elsewhere else mistake.visit_id,
        request_id=None if elsewhere else mistake.request_id,
        slip_id=None if elsewhere else mistake.slip_id,
        line_no=None if elsewhere else mistake.line_no,
        serial=mistake.serial if command.serial is None else command.serial,
        lot=mistake.lot,
        reason=command.reason,
        unit_cost=mistake.unit_cost,
        occurred_at=mistake.occurred_at,
    )


def _resolved(exception: StockException, command: ResolveException, planned: Plan, deed: Deed) -> StockException:
    """Take what was dealt with off what is missing; it is resolved when nothing is left."""
    resolution = ExceptionResolution(
        action=command.action,
        reason=command.reason,
        quantity=planned.quantity,
        by=deed.person_id,
        at=deed.received_at,
    )
    told = replace(exception, resolutions=(*exception.resolutions, resolution), changed_at=deed.received_at)
    if planned.quantity is None or exception.difference is None or planned.quantity >= exception.difference:
        return replace(told, state=ExceptionState.RESOLVED)
    gone = set(planned.serials)
    return replace(
        told,
        difference=total([exception.difference, -planned.quantity]),
        in_transit=None if exception.in_transit is None else max(Decimal(0), exception.in_transit - planned.quantity),
        serials_missing=tuple(serial for serial in exception.serials_missing if serial not in gone),
        serials_extra=tuple(serial for serial in exception.serials_extra if serial not in gone),
    )


def _tell(work: Work, job_id: UUID, command: ResolveException, deed: Deed) -> None:
    """Bring a job's requests and slips up to its moves, and record on it what was corrected and why."""
    job = work.get(Job, job_id)
    if job is None:
        return
    refold(work, job_id)
    detail = {"exception_id": command.exception_id, "action": command.action.value, "reason": command.reason}
    record(work, job, deed, EventName.STOCK_CORRECTED, detail=detail)
