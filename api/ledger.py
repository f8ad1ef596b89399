"""What is noted of every request once it is answered: metrics, and a line of the log. Never reads a body and never refuses."""

import asyncio
import logging
from typing import Any, Final

from prometheus_client import Counter, Histogram

from api.metrics import Metrics
from api.record import Record

_KNOWN_MAX: Final = 2_000

log = logging.getLogger("onsite.request")


class Ledger:
    """Notes the requests of one process."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lines: list[dict[str, Any]] = []
        # Finding a metric by its labels takes longer than counting.
        self._known: dict[tuple[str, str, int, str], tuple[Counter, Histogram]] = {}

    def begin(self) -> None:
        """Note that a request is being answered."""
        self._metrics.in_flight.inc()

    def leave(self) -> None:
        """Note that somebody else answers it."""
        self._metrics.in_flight.dec()

    def end(self, record: Record, route: str, *, status: int, seconds: float) -> None:
        """Note that it was answered; `status` 0: it was not."""
        self._metrics.in_flight.dec()
        code = record.code or ("ok" if 0 < status < 400 else "aborted")
        counted, timed = self._of(record.method, route, status, code)
        counted.inc()
        timed.observe(seconds)
        line: dict[str, Any] = {
            "event": record.event or "request",
            "request_id": str(record.request_id),
            "method": record.method,
            "route": route,
            "status": status,
            "code": code,
            "ms": round(seconds * 1000, 1),
        }
        if record.org_id is not None:
            line["org"] = str(record.org_id)
        if record.actor:
            line["actor"] = record.actor
        if record.command_id is not None:
            line["command_id"] = str(record.command_id)
        self._lines.append(line)
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_soon(self._tell)

    def _of(self, method: str, route: str, status: int, code: str) -> tuple[Counter, Histogram]:
        key = method, route, status, code
        known = self._known.get(key)
        if known is None:
            known = (
                self._metrics.requests.labels(method, route, str(status), code),
                self._metrics.seconds.labels(route),
            )
            # A method is what a caller says it is.
            if len(self._known) < _KNOWN_MAX:
                self._known[key] = known
        return known

    def _tell(self) -> None:
        """Write the lines of this turn of the loop at once: each by itself would cost more than a look into the database."""
        lines, self._lines = self._lines, []
        log.info("request", extra={"lines": lines})
