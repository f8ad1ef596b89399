"""Gauges of the whole server: what waits, what is late, how long the oldest transaction has been open. Asked at a scrape, every 15 s at most.

Sums over all organisations; nothing here tells one from another.
"""

import asyncio
from datetime import datetime
from typing import Any, Final

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, Gauge

EVERY_S: Final = 15.0
WITHIN_S: Final = 3.0
# Every pull rescans what changed since the oldest open transaction began: beyond this it is felt, and the log says so.
SPAN_WARN: Final = 100_000

_SELECT: Final = "select held, quarantine, overdue, unsent, device_lag_s, transaction_span from onsite_gauges($1)"
_GAUGES: Final = {
    "held": ("onsite_held_decisions", "Decisions that wait for what they follow."),
    "quarantine": ("onsite_quarantine_open", "Reports put aside that nobody has decided about."),
    "overdue": ("onsite_arrivals_overdue", "Open jobs at which nobody has arrived in time."),
    "unsent": ("onsite_commands_unsent", "Commands that devices said they had not sent."),
    "device_lag_s": ("onsite_device_lag_seconds", "Time since the device that is furthest behind last fetched."),
    "transaction_span": (
        "onsite_transaction_span",
        "Transactions begun since the oldest open one (xmax - xmin); alert when it stays high.",
    ),
}

log = structlog.get_logger()


class Gauges:
    """The gauges of one process; with several workers the freshest value of any counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauges = {name: _gauge(*said, registry) for name, said in _GAUGES.items()}
        self._up = _gauge("onsite_database_up", "Whether the figures could be asked for.", registry)
        self._asked_at = -EVERY_S
        self._asking = asyncio.Lock()

    async def refresh(self, pool: asyncpg.Pool, *, now: datetime) -> None:
        """Ask for the figures, unless that was done within 15 s. A database that does not answer is told by `onsite_database_up`."""
        loop = asyncio.get_running_loop()
        async with self._asking:
            if loop.time() - self._asked_at < EVERY_S:
                return
            self._asked_at = loop.time()
            try:
                async with asyncio.timeout(WITHIN_S):
                    row: Any = await pool.fetchrow(_SELECT, now)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("gauges_failed", error=type(error).__name__)
                self._up.set(0)
                return
        self._up.set(1)
        for name, gauge in self._gauges.items():
            gauge.set(float(row[name]))
        if row["transaction_span"] > SPAN_WARN:
            log.warning("transaction_open_too_long", span=row["transaction_span"])


def _gauge(name: str, text: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(name, text, registry=registry, multiprocess_mode="mostrecent")
