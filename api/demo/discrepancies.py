"""Five repairs of the demo's month that do not agree with their papers, one of each kind. Each is wrong in one way and in no other."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import uuid5

from api.demo.catalogue import Item
from api.demo.founding import Founded
from api.demo.repairs import Draw, Repair
from api.demo.shelves import SERIALS, Shelves
from mobile_contract.schema.reconciliation import ExceptionKind

_APART: Final = timedelta(minutes=7)


def seeded(where: Shelves, begin: datetime, founded: Founded, source: random.Random) -> dict[str, Repair]:
    """Make the repairs, by the exception that a reconciliation has to find in each."""
    city = founded.city
    assert city is not None  # the demo has a city
    catalogue = where.catalogue
    meter, last = catalogue["meter-20"], SERIALS - 1
    serials = meter.serials(SERIALS)
    wrong: dict[str, dict[str, Any]] = {
        # One of three clamps is neither built in nor given back.
        ExceptionKind.SHORT: {"draws": (_draw(catalogue["clamp-150"], 3, 2),), "title": "Burst main"},
        # Three couplings are said to be built in where two were given out.
        ExceptionKind.OVER: {"draws": (_draw(catalogue["coupling-100"], 2, 3),), "title": "Leak at a coupling"},
        # The crew is called off, and says that it used something all the same.
        ExceptionKind.UNKNOWN_JOB: {"carried": (("ptfe", Decimal(2)),), "called_off": True, "title": "Dripping stopcock"},
        # Nobody signed, and nobody said why.
        ExceptionKind.MISSING_SIGNATURE: {"draws": (_draw(catalogue["valve-25"], 1, 1),), "signed": False, "title": "Valve stuck"},
        # Another meter was built in than the one that was given out.
        ExceptionKind.SERIAL_MISMATCH: {
            "draws": (Draw(item=meter, issued=Decimal(1), used=Decimal(1), serials=serials[last:], used_serials=("MX-88231",)),),
            "title": "Meter stopped",
        },
    }  # fmt: skip
    return {
        kind: Repair(
            id=uuid5(founded.org_id, f"month/{begin:%Y-%m-%d}/{kind}"),
            site=source.choice(city.sites),
            crew=founded.crews[number],
            begin=begin + number * _APART,
            **said,
        )
        for number, (kind, said) in enumerate(wrong.items())
    }


def _draw(item: Item, issued: int, used: int) -> Draw:
    return Draw(item=item, issued=Decimal(issued), used=Decimal(used))
