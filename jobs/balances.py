"""How much of a part a van holds, loaded under a lock. Knows no rule: a balance is the fold of all moves, whatever job they belong to.

Derived rows lock after the jobs (protocol §5): the van's row protects the sum of its moves, so that two jobs cannot both see the last part.
A van that is no row yet is made by the command that needs it; the second of two such transactions runs anew.
"""

from collections.abc import Sequence
from typing import cast

import asyncpg

from jobs.context import Deed
from jobs.stock_locations import van_of
from jobs.work import Work
from mobile_contract.schema.base import Command
from mobile_contract.schema.facts import ReceivePart, ReturnPart, UsePart

VAN_COMMANDS = (ReceivePart, UsePart, ReturnPart)

_BALANCES = "select location_id, part_id, balance from stock_balances($1, $2, $3)"


async def load_balances(conn: asyncpg.Connection, work: Work, batch: Sequence[tuple[Command, Deed]]) -> None:
    """Lock the vans that the batch moves parts of and load what they hold; the caller has loaded crews and visits."""
    moved = [(cast(ReceivePart | UsePart | ReturnPart, c), deed) for c, deed in batch if type(c) in VAN_COMMANDS]
    pairs = sorted({(van_of(work, c, deed), c.part_id) for c, deed in moved})
    if not pairs:
        return
    found = await conn.fetch(_BALANCES, work.org.org_id, [p[0] for p in pairs], [p[1] for p in pairs])
    work.balances = {(row["location_id"], row["part_id"]): row["balance"] for row in found}
