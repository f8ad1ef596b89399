"""Stock: where material is and how it moved. Quantities and money are exact decimals; a move is never changed."""

from uuid import UUID

from mobile_contract.schema.base import Code, Document, Instant, Line, Quantity


class StockMove(Document, frozen=True, kw_only=True):
    """A signed movement between two locations; never changed, a mistake is a reversing move."""

    part_id: UUID
    quantity: Quantity
    kind: Code
    from_location_id: UUID
    to_location_id: UUID
    job_id: UUID | None = None
    visit_id: UUID | None = None
    request_id: UUID | None = None
    serial: Line = ""
    unit_cost: Quantity
    occurred_at: Instant
    recorded_at: Instant
    actor_id: UUID | None = None


class StockLocation(Document, frozen=True, kw_only=True):
    """Where material can be: a store, a van, in transit, installed at customers."""

    code: Code
    kind: Code
    name: Line = ""
