"""What is known of the past of a (location, part) when something is booked there: later counts, later moves. Decides nothing."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from mobile_contract.rules.exact import total
from mobile_contract.rules.stock import Moment, moment_of_count


class CountMark(Struct, frozen=True, array_like=True):
    """A count of the part at the location."""

    as_of: datetime
    count_id: UUID


class LaterMove(Struct, frozen=True, array_like=True):
    """A stored move since the instant that was asked for; `effect` is what it added to the location."""

    occurred_at: datetime
    count_id: UUID | None
    effect: Decimal


class Timeline(Struct, frozen=True):
    """Counts and moves of a part at a location since the earliest instant that the batch books there.

    `since`: that instant. `later` is loaded only where a count asks for a balance of the past. `crews`: who has the van, told where the
    level is new.
    """

    since: datetime
    counts: tuple[CountMark, ...] = ()
    later: tuple[LaterMove, ...] = ()
    crews: tuple[UUID, ...] = ()

    def moved_after(self, moment: Moment) -> Decimal:
        """Sum what the stored moves after a moment added."""
        return total(
            move.effect
            for move in self.later
            if (moment_of_count(move.occurred_at, move.count_id) if move.count_id else (move.occurred_at, 0, 0))
            > moment
        )
