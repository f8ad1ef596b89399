"""CPU time that everybody under measurement has taken: servers, floors and database together; never the load generator's or our own.

Only one candidate works at a time, so what is added between two looks is its own. Unlike a rate it hardly depends on what else the
machine does.
"""

import contextlib
from collections.abc import Collection, Iterable

import psutil

from api import cluster
from api.cluster import Place


class Meter:
    """Reads the clocks of processes."""

    def __init__(self, place: Place, *, without: Collection[int]) -> None:
        self._place, self._without = place, without
        self._began_s = 0.0

    def start(self) -> None:
        """Remember how much was taken until now."""
        self._began_s = self._taken_s()

    def spent_s(self) -> float:
        """Give the CPU seconds taken since the start."""
        return self._taken_s() - self._began_s

    def _taken_s(self) -> float:
        pid = cluster.status(self._place).pid
        return _sum_s(psutil.Process().children(), self._without) + (_whole_s(psutil.Process(pid)) if pid else 0.0)


def _sum_s(processes: Iterable[psutil.Process], without: Collection[int]) -> float:
    return sum(_whole_s(each) for each in processes if each.pid not in without)


def _whole_s(process: psutil.Process) -> float:
    """Give the time of a process, of its children that ended, and of those that live."""
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        own = times.user + times.system + times.children_user + times.children_system
        return float(own) + _sum_s(process.children(), ())
    return 0.0
