"""The judge's part about vans and stores: whether a crew has the parts that its visits take. Shares no code with the planners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from uuid import UUID

from geo.planning.plan import Stop, StopKind
from geo.planning.problem import CrewDay, Problem
from geo.planning.rules import Rule


def broken_parts(problem: Problem, day: CrewDay, stops: Sequence[Stop]) -> Iterator[tuple[Rule, UUID | None]]:
    """Yield visits whose parts the van lacks by then, and stops at stores that are closed."""
    visits = {visit.id: visit for visit in problem.visits}
    stores = {store.id: store for store in problem.stores}
    held: dict[UUID, Decimal] = {}
    for count in day.parts:
        held[count.part_id] = held.get(count.part_id, Decimal(0)) + count.quantity
    fetched: set[UUID] = set()
    for stop in stops:
        if stop.kind is StopKind.STORE:
            store = stores.get(stop.store_id) if stop.store_id else None
            if store is None:
                continue
            if store.windows and not any(w.from_s <= stop.begin_s <= w.to_s for w in store.windows):
                yield Rule.STORE, None
            fetched.update(store.part_ids)
        elif stop.visit_id is not None:
            short = False
            for need in visits[stop.visit_id].parts:
                held[need.part_id] = held.get(need.part_id, Decimal(0)) - need.quantity
                short = short or (held[need.part_id] < 0 and need.part_id not in fetched)
            if short:
                yield Rule.PARTS, stop.visit_id
