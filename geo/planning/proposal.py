"""Proposals: a plan with what it changes, what it costs and the version it was made from; and what became of one meanwhile.

A proposal changes nothing. What crews did in the field wins over it: a move whose visit is no longer what it was is overtaken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from geo.planning.measure import Move, MoveKind, PlanCost, cost_of, moves
from geo.planning.plan import Plan
from geo.planning.problem import Planned, Problem


class Proposal(Struct, frozen=True, kw_only=True):
    """A plan beside the one that stands. `disruption` counts standing visits that get another crew, another time or none."""

    made_at: datetime
    version: str
    plan: Plan
    moves: tuple[Move, ...]
    disruption: int
    standing: int
    cost: PlanCost
    cost_now: PlanCost | None

    @property
    def disruption_share(self) -> float:
        """Give the share of standing visits that change; 0 where none stood."""
        return self.disruption / self.standing if self.standing else 0.0

    @property
    def steps(self) -> tuple[Move, ...]:
        """Give the moves that change something."""
        return tuple(move for move in self.moves if move.kind is not MoveKind.KEPT)


class Settlement(Struct, frozen=True):
    """What a proposal is still worth: it holds as a whole only while the version is the one it was made from."""

    holds: bool
    valid: tuple[Move, ...]
    overtaken: tuple[Move, ...]


def propose(problem: Problem, plan: Plan, *, now_plan: Plan | None = None) -> Proposal:
    """Make a proposal of a plan; `now_plan` is the standing one, for its cost."""
    made = moves(problem, plan)
    return Proposal(
        made_at=problem.now,
        version=problem.version or version_of(problem.current),
        plan=plan,
        moves=made,
        disruption=sum(move.before is not None and move.kind is not MoveKind.KEPT for move in made),
        standing=len(problem.current),
        cost=cost_of(problem, plan),
        cost_now=None if now_plan is None else cost_of(problem, now_plan),
    )


def version_of(current: Iterable[Planned], marks: Iterable[tuple[UUID, str]] = ()) -> str:
    """Name a state of the plan: who has what and when, and a mark per visit (its state and plan version); order does not matter."""
    lines = [f"{p.visit_id.hex} {p.crew_id.hex} {p.day} {p.begin_s}" for p in current]
    lines += [f"{visit_id.hex} {mark}" for visit_id, mark in marks]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:32]


def settle(proposal: Proposal, *, version: str, current: Iterable[Planned], gone: Iterable[UUID] = ()) -> Settlement:
    """Tell what is left of a proposal: `current` is the plan that stands by now, on the proposal's own clock.

    `gone` are visits that crews have begun, accepted elsewhere, finished or lost. A move is overtaken when its visit is gone or no
    longer has the crew and time that the move starts from.
    """
    now = {planned.visit_id: planned for planned in current}
    away = set(gone)
    valid: list[Move] = []
    overtaken: list[Move] = []
    for move in proposal.steps:
        lost = move.visit_id in away or now.get(move.visit_id) != move.before
        (overtaken if lost else valid).append(move)
    return Settlement(version == proposal.version and not overtaken, tuple(valid), tuple(overtaken))
