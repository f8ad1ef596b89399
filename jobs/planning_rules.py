"""The rules by which an organisation plans: there is one set, and the defaults of the Struct where none was saved."""

from uuid import UUID, uuid5

import asyncpg

from jobs.store import rows
from jobs.store.rows import Want
from mobile_contract.schema.planning import PlanningRules


def planning_rules_id(org_id: UUID) -> UUID:
    """Name the rules of an organisation."""
    return uuid5(org_id, "planning_rules")


async def load_planning_rules(conn: asyncpg.Connection, org_id: UUID) -> PlanningRules:
    """Load the rules; the defaults where nobody saved any."""
    id = planning_rules_id(org_id)
    found = await rows.load(conn, org_id, [Want("planning_rules", "id", (id,))])
    document = found[0].document if found else None
    return document if isinstance(document, PlanningRules) else PlanningRules(id=id)
