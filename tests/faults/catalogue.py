"""A catalogue that fills pages: parts of some 600 bytes that every phone holds."""

from decimal import Decimal

from mobile_contract.schema import decisions as d
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.material import Part
from tests.arrange import FOUNDED, Org


async def catalogue(org: Org, count: int) -> None:
    """Give an organisation so many more parts, which every phone holds: more than two pages."""
    parts = [
        Part(
            id=org.new_id(),
            code=f"P-{number:05}",
            name=LocalText(en=f"part {number} " + "x" * 200),
            unit_cost=Decimal(1),
        )
        for number in range(count)
    ]
    for start in range(0, count, 500):
        await org.ok(*(d.SavePart(part=part) for part in parts[start : start + 500]), now=FOUNDED)
