"""Prometheus metrics of one process: requests, latency, the pool. Labels are routes and codes, never ids."""

import os
from collections.abc import Iterator
from typing import Final

import asyncpg
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.gauges import Gauges

MEDIA_TYPE: Final = "text/plain; version=0.0.4"
MULTIPROCESS_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS_S: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics of an application; further ones are added to `registry` by who owns them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.requests = Counter(
            "onsite_requests", "Requests answered.", ("method", "route", "status", "code"), registry=self.registry
        )
        self.seconds = Histogram(
            "onsite_request_seconds",
            "Time to the end of the answer.",
            ("route",),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "onsite_requests_in_flight", "Requests being answered.", registry=self.registry, multiprocess_mode="livesum"
        )
        self.commands = Counter(
            "onsite_commands", "Commands decided at the REST edge.", ("name", "status"), registry=self.registry
        )
        self.wakes = Counter("onsite_wakes", "Pushes that wake phones.", ("result",), registry=self.registry)
        self.gauges = Gauges(self.registry)

    def watch_pool(self, pool: asyncpg.Pool) -> None:
        """Report the database pool's size with each scrape."""
        self.registry.register(_PoolCollector(pool))

    def page(self) -> bytes:
        """Write all metrics as text; with several workers, the sum over them."""
        if os.environ.get(MULTIPROCESS_FOLDER):
            gathered = CollectorRegistry()
            multiprocess.MultiProcessCollector(gathered)  # type: ignore[no-untyped-call]
            return generate_latest(gathered)
        return generate_latest(self.registry)


class _PoolCollector(Collector):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily("onsite_pool_connections", "Database connections of this process.", labels=("state",))
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        gauge.add_metric(("idle",), idle)
        gauge.add_metric(("busy",), size - idle)
        gauge.add_metric(("limit",), self._pool.get_max_size())
        yield gauge
