"""What a run found: samples per scenario, candidate and round, their medians, spreads and ratios. Measures nothing itself."""

import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import psutil
from msgspec import Struct

from benchmarks.floor import Ran
from benchmarks.load import Outcome
from benchmarks.plan import Plan

RESULTS: Final = Path(__file__).parent / "results" / "latest.json"


class Sample(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measurement. `value` is in the scenario's unit; latencies are of single answers (floor: statements or transactions).

    `cpu_us`: CPU time per unit of work (document, pull, command, device) of all who had a part in it, the database too.
    """

    scenario: str
    candidate: str
    round: int
    value: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    answers: int = 0
    failures: int = 0
    wire_bytes: float | None = None
    generator_share: float | None = None
    cpu_us: float | None = None
    refused: int = 0
    peak_mib: float | None = None


class Spread(Struct, frozen=True):
    """A median with the least and the greatest of the rounds."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Sum up at least one value."""
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))


class Memory(Struct, frozen=True):
    """What a server weighed: all its processes, resident and proportional (shared pages counted once)."""

    server: str
    when: str
    rss_mib: float
    pss_mib: float


class GrowthPoint(Struct, frozen=True):
    """What a pull of one device cost (ms, median of a measurement; CPU µs) when its organisation had so many documents or devices."""

    axis: str
    size: int
    candidate: str
    what: str
    round: int
    ms: float
    cpu_us: float = 0.0


class Results(Struct, frozen=True, kw_only=True):
    """A whole run. `machine` names cores, memory and versions, never the machine itself; `remarks` are what was left out and why."""

    at: datetime
    machine: dict[str, str]
    plan: Plan
    samples: list[Sample] = []
    memory: list[Memory] = []
    growth: list[GrowthPoint] = []
    remarks: list[str] = []

    def values(self, scenario: str, candidate: str) -> list[float]:
        """Give the values of a candidate by round; empty when it was not measured."""
        return [s.value for s in self.samples if s.scenario == scenario and s.candidate == candidate]

    def spread(self, scenario: str, candidate: str) -> Spread | None:
        """Give median and spread; None when it was not measured."""
        found = self.values(scenario, candidate)
        return Spread.of(found) if found else None

    def cpu(self, scenario: str, candidate: str) -> Spread | None:
        """Give the CPU microseconds per unit of work; None when it was not measured."""
        found = [s.cpu_us for s in self.samples if s.scenario == scenario and s.candidate == candidate]
        known = [value for value in found if value]
        return Spread.of(known) if known else None

    def cpu_ratio(self, scenario: str, one: str, other: str) -> Spread | None:
        """Give the ratio of the medians of CPU time of two candidates; None where one is missing."""
        ours, theirs = self.cpu(scenario, one), self.cpu(scenario, other)
        if ours is None or theirs is None:
            return None
        return Spread(ours.median / theirs.median, ours.least / theirs.greatest, ours.greatest / theirs.least)

    def ratio(self, scenario: str, one: str, other: str) -> Spread | None:
        """Give the ratio of two candidates, round by round; None where one is missing."""
        pairs = zip(self.values(scenario, one), self.values(scenario, other), strict=False)
        ratios = [a / b for a, b in pairs if b]
        return Spread.of(ratios) if ratios else None

    def medians(self, scenario: str, candidate: str, field: str) -> float | None:
        """Give the median of another field of the samples; None where there is none."""
        found = [getattr(s, field) for s in self.samples if s.scenario == scenario and s.candidate == candidate]
        found = [value for value in found if value is not None]
        return statistics.median(found) if found else None

    def growth_of(self, axis: str, candidate: str, what: str) -> dict[int, Spread]:
        """Give what a pull cost at each size (ms)."""
        points = [p for p in self.growth if (p.axis, p.candidate, p.what) == (axis, candidate, what)]
        return {size: Spread.of(p.ms for p in points if p.size == size) for size in sorted({p.size for p in points})}

    def growth_cpu(self, axis: str, candidate: str, what: str) -> dict[int, float]:
        """Give the CPU microseconds of a pull at each size, server and database together."""
        points = [p for p in self.growth if (p.axis, p.candidate, p.what) == (axis, candidate, what)]
        sizes = sorted({p.size for p in points})
        return {size: statistics.median(p.cpu_us for p in points if p.size == size) for size in sizes}

    def candidates(self, scenario: str) -> list[str]:
        """Name who was measured, in the order of the first round."""
        return list(dict.fromkeys(s.candidate for s in self.samples if s.scenario == scenario))

    def save(self, path: Path = RESULTS) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def load(path: Path = RESULTS) -> Results:
    """Read what a run wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


class Label(Struct, frozen=True):
    """Which measurement it is: scenario, candidate, round."""

    scenario: str
    candidate: str
    round: int


def of_outcome(label: Label, value: float, outcome: Outcome, *, units: float | None = None) -> Sample:
    """Make a sample of what the load generator reports, the value given in the scenario's unit; `units` of work: as many as answers."""
    return Sample(
        scenario=label.scenario,
        candidate=label.candidate,
        round=label.round,
        value=value,
        p50_ms=quantile_ms(outcome.latencies_s, 0.5),
        p99_ms=quantile_ms(outcome.latencies_s, 0.99),
        answers=outcome.answers,
        failures=outcome.failures,
        wire_bytes=outcome.bytes_in / max(outcome.answers, 1),
        generator_share=outcome.cpu_s / outcome.elapsed_s,
        cpu_us=1e6 * outcome.served_cpu_s / (units or max(outcome.all_answers, 1)),
    )


def of_ran(label: Label, value: float, ran: Ran, *, units: float | None = None) -> Sample:
    """Make a sample of what a floor reports; `units` of work: as many as statements or transactions."""
    return Sample(
        scenario=label.scenario,
        candidate=label.candidate,
        round=label.round,
        value=value,
        p50_ms=quantile_ms(ran.latencies_s, 0.5),
        p99_ms=quantile_ms(ran.latencies_s, 0.99),
        answers=len(ran.latencies_s),
        cpu_us=1e6 * ran.cpu_s / (units or max(ran.all_works, 1)),
    )


def quantile_ms(latencies_s: Sequence[float], share: float) -> float | None:
    """Give a quantile of latencies in milliseconds; None without any."""
    if not latencies_s:
        return None
    ordered = sorted(latencies_s)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000


def machine(versions: dict[str, str]) -> dict[str, str]:
    """Describe the machine by what matters and what names nobody."""
    return {
        "cores": str(psutil.cpu_count()),
        "memory_gib": str(round(psutil.virtual_memory().total / 2**30)),
        "system": platform.system(),
        "python": platform.python_version(),
        **versions,
    }
