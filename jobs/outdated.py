"""Whether what an exception says of a part on a job still holds, by the job's moves as they are now. Ends nothing and books nothing.

The sums are those of `jobs.store.day_sums`, of one part on one job.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final
from uuid import UUID

from jobs.rules.reconcile import JobPart
from jobs.stock_locations import COUNT_DIFFERENCE, TRANSIT, place_id
from jobs.work import Work
from mobile_contract.rules.exact import total
from mobile_contract.rules.material import in_force
from mobile_contract.schema.material import Part
from mobile_contract.schema.reconciliation import ExceptionKind, StockException
from mobile_contract.schema.stock import NOTHING, MoveKind, StockMove

_WRITTEN_OFF: Final = frozenset({MoveKind.SCRAPPED, MoveKind.COUNTED})


def outdated(work: Work, exception: StockException) -> bool:
    """Tell whether material moved since, so that the difference is another one; whatever is about no part on a job is never outdated.

    The work must hold all moves of the job.
    """
    if exception.job_id is None or exception.part_id is None or exception.difference is None:
        return False
    moves = [m for m in in_force(work.of_job(StockMove, exception.job_id)) if m.part_id == exception.part_id]
    now = _summed(work.org.org_id, exception.job_id, exception.part_id, moves)
    part = work.get(Part, exception.part_id)
    if part is not None and part.serialised and _other_serials(work.org.org_id, exception, moves):
        return True
    match exception.kind:
        case ExceptionKind.SHORT:
            on_road = max(NOTHING, exception.in_transit or NOTHING)
            counted = part is not None and not part.serialised and now.drawn - now.spent != exception.difference
            return counted or max(NOTHING, now.in_transit) != on_road
        case ExceptionKind.OVER:
            # What the van carried for no job may have covered some of it: it is never more than the excess.
            return part is not None and not part.serialised and now.excess < exception.difference
        case ExceptionKind.TAKEN_NOT_ISSUED:
            return now.not_issued != exception.difference
        case _:
            return False


def _summed(org_id: UUID, job_id: UUID, part_id: UUID, moves: Iterable[StockMove]) -> JobPart:
    known = list(moves)
    lost, transit = place_id(org_id, COUNT_DIFFERENCE), place_id(org_id, TRANSIT)

    def of(kind: MoveKind) -> Decimal:
        return total(m.quantity for m in known if m.kind == kind)

    return JobPart(
        job_id=job_id,
        part_id=part_id,
        issued=of(MoveKind.ISSUED),
        received=of(MoveKind.RECEIVED),
        taken=of(MoveKind.TAKEN),
        used=of(MoveKind.USED),
        returned=of(MoveKind.RETURNED),
        written_off=total(_off(m, lost) for m in known if m.kind in _WRITTEN_OFF),
        in_transit=total(
            m.quantity if m.to_location_id == transit else -m.quantity
            for m in known
            if transit in (m.to_location_id, m.from_location_id)
        ),
    )


def _other_serials(org_id: UUID, exception: StockException, moves: Iterable[StockMove]) -> bool:
    """Tell whether a serial that was missing turned up since, or one too many is accounted for."""
    lost = place_id(org_id, COUNT_DIFFERENCE)
    issued: dict[str, Decimal] = {}
    taken: dict[str, Decimal] = {}
    spent: dict[str, Decimal] = {}
    sums = {MoveKind.ISSUED: issued, MoveKind.TAKEN: taken, MoveKind.USED: spent, MoveKind.RETURNED: spent}
    for move in moves:
        into = spent if move.kind in _WRITTEN_OFF else sums.get(MoveKind(move.kind))
        if into is not None:
            quantity = _off(move, lost) if into is spent else move.quantity
            into[move.serial] = total([into.get(move.serial, NOTHING), quantity])

    def off(serial: str) -> Decimal:
        drawn = max(issued.get(serial, NOTHING), taken.get(serial, NOTHING))
        return drawn - spent.get(serial, NOTHING)

    missing = exception.serials_missing if exception.kind is not ExceptionKind.OVER else ()
    extra = exception.serials_extra if exception.kind is not ExceptionKind.SHORT else ()
    return any(off(serial) <= 0 for serial in missing) or any(off(serial) >= 0 for serial in extra)


def _off(move: StockMove, lost: UUID) -> Decimal:
    """Give what a move accounts for; what came out of the table of count differences counts the other way."""
    return -move.quantity if move.from_location_id == lost else move.quantity
