"""What a material request has come to. Pure folds of receipts: they give the same in whatever order the reports arrive."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

import msgspec

from mobile_contract.rules.exact import total
from mobile_contract.schema.approval import ApprovalState
from mobile_contract.schema.material import PricedLine, RequestState
from mobile_contract.schema.stock import StockMove


class MoveKind(StrEnum):
    """What a crew did with a part."""

    RECEIVED = "received"
    USED = "used"
    RETURNED = "returned"


def lines_with_receipts(lines: Iterable[PricedLine], receipts: Iterable[StockMove]) -> tuple[PricedLine, ...]:
    """Set each line's `received` from the receipts booked on the request.

    Lines of one part fill in their order; the last of them takes what is over.
    """
    asked = tuple(lines)
    left = {line.part_id: Decimal(0) for line in asked}
    for move in receipts:
        if move.part_id in left:
            left[move.part_id] = total([left[move.part_id], move.quantity])
    last = {line.part_id: position for position, line in enumerate(asked)}
    filled: list[PricedLine] = []
    for position, line in enumerate(asked):
        rest = left[line.part_id]
        here = rest if last[line.part_id] == position else min(rest, line.quantity)
        left[line.part_id] = rest - here
        filled.append(msgspec.structs.replace(line, received=here))
    return tuple(filled)


def request_state(approval: ApprovalState, lines: Iterable[PricedLine]) -> RequestState:
    """Tell a request's state: what was not approved stays so whatever was taken; an approved one follows its receipts."""
    if approval is ApprovalState.WAITING:
        return RequestState.WAITING_APPROVAL
    if approval is ApprovalState.REJECTED:
        return RequestState.REJECTED
    asked = list(lines)
    if all(line.received >= line.quantity for line in asked):
        return RequestState.RECEIVED
    return RequestState.PARTLY_RECEIVED if any(line.received > 0 for line in asked) else RequestState.APPROVED
