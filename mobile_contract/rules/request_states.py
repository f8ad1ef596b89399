"""The state of a material request: one table, read from the top. Pure; nobody sets a state by hand, on the phone or on the server."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mobile_contract.rules.material import wanted
from mobile_contract.schema.approval import Approval, ApprovalState
from mobile_contract.schema.material import MaterialRequest, PricedLine, RequestState


class Sight(Struct, frozen=True):
    """What the table looks at: whether the request was closed, what was decided (None: nobody was asked), the lines that are to come."""

    closed: bool
    decided: ApprovalState | None
    live: tuple[tuple[PricedLine, Decimal], ...]

    def each(self, name: str) -> bool:
        """Tell whether of every line as much was issued, received … as is to come."""
        return all(getattr(line, name) >= due for line, due in self.live)

    def some(self, name: str) -> bool:
        """Tell whether anything was reserved, picked, issued … at all."""
        return any(getattr(line, name) > 0 for line, _ in self.live)

    def settled(self) -> bool:
        """Tell whether all that came was used or returned."""
        return self.each("received") and all(line.used + line.returned >= line.received for line, _ in self.live)


class Row(Struct, frozen=True):
    """The state that a request is in when `holds`; `when` says it in words."""

    state: RequestState
    when: str
    holds: Callable[[Sight], bool]


_S = RequestState
TABLE: Final[tuple[Row, ...]] = (
    Row(_S.CLOSED, "it was closed", lambda s: s.closed),
    Row(_S.REQUESTED, "nobody was asked to decide yet", lambda s: s.decided is None),
    Row(
        _S.WAITING_APPROVAL, "it waits for a decision, whatever was taken", lambda s: s.decided is ApprovalState.WAITING
    ),
    Row(
        _S.REJECTED,
        "it was rejected, or every line was, whatever was taken",
        lambda s: s.decided is not ApprovalState.APPROVED or not s.live,
    ),
    Row(
        _S.USED,
        "all that is to come was received, and used or returned; something was used",
        lambda s: s.settled() and s.some("used"),
    ),
    Row(_S.RETURNED, "all that is to come was received, and returned", lambda s: s.settled()),
    Row(_S.RECEIVED, "all that is to come was received", lambda s: s.each("received")),
    Row(_S.PARTLY_RECEIVED, "something was received", lambda s: s.some("received")),
    Row(_S.ISSUED, "all that is to come was issued", lambda s: s.each("issued")),
    Row(_S.PARTLY_ISSUED, "something was issued", lambda s: s.some("issued")),
    Row(_S.PICKING, "something was fetched from the shelves", lambda s: s.some("picked")),
    Row(_S.RESERVED, "something is set aside", lambda s: s.some("reserved")),
    Row(_S.APPROVED, "else", lambda s: True),
)


def request_state(decided: ApprovalState | None, lines: Iterable[PricedLine], *, closed: bool = False) -> RequestState:
    """Tell a request's state. To come is what was granted of a line, less what another part stands in for; lines of nothing do not count."""
    known = tuple(lines)
    due = tuple((line, wanted(line, known)) for line in known)
    sight = Sight(closed, decided, tuple((line, quantity) for line, quantity in due if quantity > 0))
    return next(row.state for row in TABLE if row.holds(sight))


def with_lines(request: MaterialRequest, lines: tuple[PricedLine, ...], approval: Approval | None) -> MaterialRequest:
    """Put on a request what became of its lines (`lines_of_job`), and the state that follows with what was decided about it."""
    decided = approval.state if approval is not None else None
    return replace(request, lines=lines, state=request_state(decided, lines, closed=request.closed_at is not None))
