"""What an application's routes work with: one frozen Struct, made at start-up. Holds no request and no state of the trade."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from msgspec import Struct, field

from api.flood import Flood
from api.metrics import Metrics
from api.oidc import Oidc
from api.passwords import Passwords
from api.planning_desk import PlanningDesk
from api.settings import Settings
from api.waking.waker import Waker
from sync.gate import Gate
from sync.keyring import Keyring
from sync.overruns import Overruns
from sync.pokes import Pokes
from sync.telemetry import Telemetry
from sync.waiting import Waiting

Clock = Callable[[], datetime]
Poke = Callable[[UUID, Iterable[str]], None]


def replay_gate() -> Gate:
    """Make the gate of replays: one is some ten thousands of rows, folded by a thread that takes turns with those who serve."""
    return Gate(2, line=8, line_s=10.0)


class Services(Struct, frozen=True, kw_only=True):
    """The settings, the database, keys and clocks of one application. `poke` tells listeners which buckets changed, after a commit."""

    settings: Settings
    pool: asyncpg.Pool
    keyring: Keyring
    passwords: Passwords
    oidc: Oidc | None
    metrics: Metrics
    clock: Clock
    poke: Poke
    pokes: Pokes
    waiting: Waiting
    telemetry: Telemetry
    flood: Flood
    waker: Waker
    overruns: Overruns
    planning: PlanningDesk
    replays: Gate = field(default_factory=replay_gate)

    def __repr__(self) -> str:
        return "Services()"


def system_clock() -> datetime:
    """Read the time: aware, UTC."""
    return datetime.now(UTC)


def no_listeners(org_id: UUID, buckets: Iterable[str]) -> None:
    """Poke nobody."""
