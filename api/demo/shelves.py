"""The demo's warehouse: a store with bins, what lies where, and what came in. Makes commands, sends none."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from api.demo.catalogue import Item, items, part_id
from jobs.material_rules import shipped_rules
from mobile_contract.schema.base import Command
from mobile_contract.schema.decisions import SaveStockLocation
from mobile_contract.schema.material_commands import SaveMaterialRules
from mobile_contract.schema.stock import LocationKind, StockLocation
from mobile_contract.schema.stock_commands import OpenStock, PricedStockLine, ReceiveStock, SetReorderPoint

BINS: Final = tuple(f"{row}-{shelf:02}" for row in "ABCD" for shelf in range(1, 7))
# What every van carries without being asked for it, and how much of it comes at the beginning of a month.
CONSUMABLES: Final = {"ptfe": 30, "gasket-100": 20, "bolt-m16": 20, "seal": 40}
CONSUMABLES_BIN: Final = "A-01"
_LOOSE: Final = Decimal(600)
_PIECES: Final = Decimal(240)
SERIALS: Final = 24
_REORDER_AT: Final = Decimal(25)


class Shelves(Struct, frozen=True):
    """Where things lie: ids of the store and its bins by code, and the bin of each part. What is measured or weighed lies in the store itself."""

    org_id: UUID
    store_id: UUID
    bins: dict[str, UUID]
    catalogue: dict[str, Item]

    def place_of(self, code: str) -> UUID:
        """Name the place where a part lies."""
        item = self.catalogue[code]
        if item.unit != "pcs":
            return self.store_id
        return self.bins[CONSUMABLES_BIN if code in CONSUMABLES else BINS[item.number % len(BINS)]]


def shelves(org_id: UUID) -> Shelves:
    """Name the warehouse of an organisation, without looking."""
    store_id = uuid5(org_id, "stock_location/store")
    bins = {code: uuid5(org_id, f"stock_location/bin-{code}") for code in BINS}
    return Shelves(org_id, store_id, bins, {item.code: item for item in items()})


def furnish(where: Shelves) -> list[Command]:
    """Make the bins, and the store the default one."""
    made: list[Command] = [
        SaveStockLocation(
            location=StockLocation(
                id=id, code=code, kind=LocationKind.BIN, name=f"Shelf {code}", parent_id=where.store_id
            )
        )
        for code, id in where.bins.items()
    ]
    rules = replace(shipped_rules(where.org_id), default_store_id=where.store_id)
    return [*made, SaveMaterialRules(rules=rules)]


def fill(where: Shelves, salt: str) -> list[Command]:
    """Say what lay on every shelf when the ledger began."""
    by_place: dict[UUID, list[Item]] = {}
    for code, item in where.catalogue.items():
        by_place.setdefault(where.place_of(code), []).append(item)
    return [
        OpenStock(
            opening_id=uuid5(place, f"opening/{salt}"),
            location_id=place,
            lines=tuple(line for item in lying for line in _lines(where.org_id, item)),
            reference="stock-taking",
        )
        for place, lying in by_place.items()
    ]


def watch(where: Shelves) -> list[Command]:
    """Say when what goes fast is to be ordered anew."""
    return [
        SetReorderPoint(
            location_id=where.place_of(code),
            part_id=part_id(where.org_id, code),
            reorder_point=_REORDER_AT,
            reorder_quantity=_PIECES,
        )
        for code in CONSUMABLES
    ]


def delivery(where: Shelves, name: str, codes: Iterable[str], quantity: int) -> list[Command]:
    """Take a supplier's delivery of some parts in, each into its bin."""
    lines: dict[UUID, list[PricedStockLine]] = {}
    for code in codes:
        line = PricedStockLine(part_id=part_id(where.org_id, code), quantity=Decimal(quantity))
        lines.setdefault(where.place_of(code), []).append(line)
    return [
        ReceiveStock(receipt_id=uuid5(place, f"receipt/{name}"), location_id=place, lines=tuple(given), reference=name)
        for place, given in lines.items()
    ]


def _lines(org_id: UUID, item: Item) -> Iterator[PricedStockLine]:
    id, cost = part_id(org_id, item.code), item.unit_cost
    if item.serialised:
        for serial in item.serials(SERIALS):
            yield PricedStockLine(part_id=id, quantity=Decimal(1), serial=serial, unit_cost=cost)
    else:
        quantity = _PIECES if item.unit == "pcs" else _LOOSE
        yield PricedStockLine(part_id=id, quantity=quantity, lot=item.lot, unit_cost=cost)
