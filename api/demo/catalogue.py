"""The demo's catalogue: the parts of the played day and what a works of this kind keeps beside them, 300 in all, with prices and barcodes.

Invented. The barcodes begin with 952, which GS1 keeps for examples: they are nobody's.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from uuid import UUID, uuid5

from biip.checksums import gs1_standard_check_digit
from msgspec import Struct

from api.demo.cast import PARTS, PartLine
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.decisions import SavePart
from mobile_contract.schema.material import Part

_CENT: Final = Decimal("0.01")
_MARKUP: Final = Decimal("1.30")
_EXAMPLES: Final = "952"


class Family(Struct, frozen=True):
    """Parts that differ in their size: what one of size 0 would cost, and how much a unit of size adds."""

    code: str
    en: str
    zh: str
    part_class: str
    base: str
    per_size: str
    sizes: tuple[int, ...]
    unit: str = "pcs"
    serialised: bool = False
    lot_tracked: bool = False
    mark: str = "DN{}"


_PIPE: Final = (20, 25, 32, 40, 50, 63, 75, 90, 110, 125, 160, 200)
_FLANGE: Final = (50, 65, 80, 100, 125, 150, 200, 250, 300)
FAMILIES: Final = (
    Family("elbow-90", "PE elbow 90°", "PE 弯头 90°", "fitting", "1.20", "0.14", _PIPE),
    Family("elbow-45", "PE elbow 45°", "PE 弯头 45°", "fitting", "1.10", "0.13", _PIPE),
    Family("tee", "PE tee", "PE 三通", "fitting", "1.80", "0.21", _PIPE),
    Family("socket", "Electrofusion socket", "电熔套筒", "fitting", "3.40", "0.22", _PIPE),
    Family("cap", "PE end cap", "PE 管帽", "fitting", "0.90", "0.09", _PIPE),
    Family("reducer", "PE reducer", "PE 异径管", "fitting", "1.60", "0.17", _PIPE),
    Family("union", "Pipe union", "活接头", "fitting", "1.90", "0.16", (15, 20, 25, 32, 40, 50, 65, 80)),
    Family("saddle", "Tapping saddle", "鞍座", "fitting", "14.00", "0.31", _PIPE),
    Family("flange", "Steel flange", "钢法兰", "fitting", "9.00", "0.42", _FLANGE),
    Family("adapter", "Flange adapter", "法兰接头", "fitting", "16.00", "0.61", _FLANGE),
    Family("valve-gate", "Resilient gate valve", "软密封闸阀", "valve", "60.00", "1.90", _FLANGE),
    Family("valve-check", "Check valve", "止回阀", "valve", "40.00", "1.10", _FLANGE),
    Family("valve-butterfly", "Butterfly valve", "蝶阀", "valve", "52.00", "1.40", _FLANGE),
    Family("strainer", "Y strainer", "Y 型过滤器", "valve", "28.00", "0.90", _FLANGE),
    Family("joint", "Expansion joint", "伸缩节", "fitting", "35.00", "0.85", _FLANGE),
    Family("gasket-epdm", "EPDM gasket", "三元乙丙垫片", "general", "0.60", "0.02", _FLANGE),
    Family("clamp-steel", "Stainless repair clamp", "不锈钢修补器", "fitting", "24.00", "0.55", (*_FLANGE, 350, 400)),
    Family("pipe-steel", "Galvanised pipe", "镀锌钢管", "pipe", "4.00", "0.38", (15, 20, 25, 32, 40, 50, 65, 80), unit="m"),
    Family("pipe-pe100", "PE100 pipe", "PE100 管", "pipe", "2.10", "0.19", _PIPE, unit="m"),
    Family("pipe-ppr", "PP-R pipe", "PP-R 管", "pipe", "1.40", "0.12", (20, 25, 32, 40, 50, 63), unit="m"),
    Family("cable-yjv-3x", "Power cable YJV 3×", "电缆 YJV 3×", "cable", "2.20", "1.35", (2, 4, 6, 10, 16, 25, 35), unit="m", mark="{} mm²"),
    Family("cable-rvv-2x", "Cable RVV 2×", "电缆 RVV 2×", "cable", "0.80", "0.70", (1, 2, 4, 6), unit="m", mark="{} mm²"),
    Family("wire-bv", "Wire BV", "导线 BV", "cable", "0.40", "0.45", (1, 2, 4, 6, 10, 16), unit="m", mark="{} mm²"),
    Family("meter-ultra", "Ultrasonic water meter", "超声波水表", "meter", "180.00", "3.20", (15, 20, 25, 32, 40), serialised=True),
    Family("meter-gas-g", "Gas meter G", "燃气表 G", "meter", "95.00", "22.00", (1, 2, 4, 6, 10), serialised=True, mark="{}"),
    Family("meter-power-", "Energy meter", "电能表", "meter", "70.00", "1.10", (20, 40, 60, 80, 100), serialised=True, mark="{} A"),
    Family("breaker-", "Circuit breaker", "断路器", "general", "7.00", "0.35", (6, 10, 16, 20, 25, 32, 40, 63), mark="{} A"),
    Family("lamp-", "LED lamp", "LED 灯", "general", "5.00", "0.60", (5, 9, 12, 18, 24, 36), mark="{} W"),
    Family("bolt-m", "Bolt set", "螺栓组", "general", "0.40", "0.22", (8, 10, 12, 20, 24, 27, 30), mark="M{}"),
    Family("band-", "Hose clip", "喉箍", "general", "0.30", "0.04", (16, 20, 25, 32, 40, 50, 60), mark="{} mm"),
    Family("trap-", "Bottle trap", "存水弯", "general", "6.00", "0.15", (32, 40, 50)),
    Family("sealant-", "Sealant", "密封胶", "general", "3.00", "0.03", (100, 300, 600), lot_tracked=True, mark="{} ml"),
    Family("epoxy-", "Epoxy putty", "环氧胶泥", "general", "6.00", "0.05", (50, 100, 200), lot_tracked=True, mark="{} g"),
)  # fmt: skip


class Item(Struct, frozen=True, kw_only=True):
    """A part of the catalogue, by number."""

    number: int
    code: str
    en: str
    zh: str
    unit: str
    part_class: str
    unit_cost: Decimal
    serialised: bool = False
    lot_tracked: bool = False

    @property
    def gtin(self) -> str:
        """Give its GTIN-13, an example of GS1's."""
        payload = f"{_EXAMPLES}{self.number:09}"
        return f"{payload}{gs1_standard_check_digit(payload)}"

    @property
    def lot(self) -> str:
        """Give the lot that lies on the shelf; none for what is not tracked by lot."""
        return f"L-{self.number:03}" if self.lot_tracked else ""

    def serials(self, count: int) -> tuple[str, ...]:
        """Give the serials of the first pieces that came; none for what has none."""
        return tuple(f"{self.code.upper()}-{n:04}" for n in range(1, count + 1)) if self.serialised else ()

    def part(self, org_id: UUID) -> Part:
        """Give the document."""
        return Part(
            id=part_id(org_id, self.code),
            code=self.code,
            name=LocalText(en=self.en, zh=self.zh),
            unit=self.unit,
            unit_cost=self.unit_cost,
            serialised=self.serialised,
            lot_tracked=self.lot_tracked,
            gtins=(self.gtin,),
            part_class=self.part_class,
            price=(self.unit_cost * _MARKUP).quantize(_CENT, ROUND_HALF_UP),
        )


def items() -> tuple[Item, ...]:
    """List the whole catalogue; the parts of the played day come first, under the codes and costs that they have there."""
    return (*_played(), *_kept())


def part_id(org_id: UUID, code: str) -> UUID:
    """Name a part of the demo."""
    return uuid5(org_id, f"part/{code}")


def save_parts(org_id: UUID) -> list[Command]:
    """Make the commands that save the whole catalogue."""
    return [SavePart(part=item.part(org_id)) for item in items()]


def _played() -> Iterator[Item]:
    for number, line in enumerate(PARTS, start=1):
        yield Item(
            number=number,
            code=line.code,
            en=line.en,
            zh=line.zh,
            unit=line.unit,
            part_class=_class_of(line),
            unit_cost=Decimal(line.cost),
            serialised=line.serialised,
        )


def _kept() -> Iterator[Item]:
    number = len(PARTS)
    for family in FAMILIES:
        for size in family.sizes:
            number += 1
            cost = Decimal(family.base) + Decimal(family.per_size) * size
            marked = family.mark.format(size)
            yield Item(
                number=number,
                code=f"{family.code}{size}" if family.code[-1] in "-xmg" else f"{family.code}-{size}",
                en=f"{family.en} {marked}",
                zh=f"{family.zh} {marked}",
                unit=family.unit,
                part_class=family.part_class,
                unit_cost=cost.quantize(_CENT, ROUND_HALF_UP),
                serialised=family.serialised,
                lot_tracked=family.lot_tracked,
            )


def _class_of(line: PartLine) -> str:
    if line.serialised:
        return "meter"
    return {"pipe": "pipe", "valve": "valve"}.get(line.code.partition("-")[0], "general")
