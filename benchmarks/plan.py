"""How much is measured: sizes, rounds and seconds of a run. Owns numbers only."""

from typing import Final

from msgspec import Struct

SCENARIOS: Final = ("pull", "push", "rush", "growth")


class Plan(Struct, frozen=True, kw_only=True):
    """One run. Seconds are of one measurement of one candidate in one round; growth is in documents and devices of the organisation."""

    rounds: int
    seconds: float
    warm_up_s: float
    workers: int = 2
    peers: bool = True
    documents: int = 10_000
    pullers: int = 32
    commands: int = 1_000
    devices: int = 16
    commands_each: int = 200
    push_limit_s: float = 4.0
    rush_devices: int = 500
    rush_documents: int = 300
    rush_rounds: int = 3
    growth_rounds: int = 3
    growth_documents: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    growth_devices: tuple[int, ...] = (10, 100, 1_000, 10_000)


FULL: Final = Plan(rounds=5, seconds=1.0, warm_up_s=0.2)
QUICK: Final = Plan(
    rounds=2,
    seconds=0.6,
    warm_up_s=0.1,
    commands_each=100,
    push_limit_s=2.0,
    rush_rounds=1,
    growth_rounds=2,
    growth_documents=(10_000, 100_000),
    growth_devices=(10, 1_000),
)
TINY: Final = Plan(
    rounds=1,
    seconds=0.1,
    warm_up_s=0.0,
    workers=1,
    peers=False,
    documents=300,
    pullers=4,
    commands=100,
    devices=2,
    commands_each=50,
    push_limit_s=2.0,
    rush_devices=10,
    rush_documents=20,
    rush_rounds=1,
    growth_rounds=1,
    growth_documents=(300, 1_000),
    growth_devices=(5, 20),
)
