"""Lays figures out: for the terminal and as Markdown, the same rows. Computes nothing that `measures` does not give."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from rich.table import Table

from benchmarks.catalogue import GOALS, KINDS, OURS, Goal, Kind
from benchmarks.measures import Results, Spread

HEAD: Final = ("", "median", "least–greatest", "Onsite ÷ this", "p99 ms", "CPU µs", "bytes", "failed")


class Verdict(Struct, frozen=True):
    """A goal and what became of it; `found` None: not measured in this run."""

    goal: Goal
    found: Spread | None

    @property
    def met(self) -> bool | None:
        """Tell whether the median meets the bound."""
        if self.found is None:
            return None
        if self.goal.sense == "at least":
            return self.found.median >= self.goal.bound
        return self.found.median <= self.goal.bound

    @property
    def mark(self) -> str:
        """Show it by one sign."""
        return {True: "✓", False: "✗", None: "–"}[self.met]


def rows(results: Results, kind: Kind) -> Iterator[tuple[str, ...]]:
    """Give a row of texts per candidate of a scenario."""
    for name in results.candidates(kind.key):
        spread = results.spread(kind.key, name)
        assert spread is not None
        ratio = results.ratio(kind.key, OURS, name)
        p99, wire = results.medians(kind.key, name, "p99_ms"), results.medians(kind.key, name, "wire_bytes")
        failed = sum(s.failures for s in results.samples if (s.scenario, s.candidate) == (kind.key, name))
        yield (
            name,
            f"{spread.median:,.{kind.digits}f}",
            f"{spread.least:,.{kind.digits}f}–{spread.greatest:,.{kind.digits}f}",
            "" if ratio is None or name == OURS else of_ratio(ratio),
            "" if p99 is None else f"{p99:,.1f}",
            "" if (cpu := results.cpu(kind.key, name)) is None else f"{cpu.median:,.0f}",
            "" if wire is None else f"{wire:,.0f}",
            str(failed or ""),
        )


def of_ratio(ratio: Spread) -> str:
    """Write a ratio with its spread."""
    return f"{ratio.median:.2f} ({ratio.least:.2f}–{ratio.greatest:.2f})"


def verdicts(results: Results) -> list[Verdict]:
    """Judge each goal by the median of the ratios of the rounds."""
    found = []
    for goal in GOALS:
        if goal.against:
            ratio = results.ratio(goal.scenario, OURS, goal.against)
        else:
            bytes_ = results.medians(goal.scenario, OURS, "wire_bytes")
            ratio = None if bytes_ is None else Spread(bytes_, bytes_, bytes_)
        found.append(Verdict(goal, ratio))
    return found


def measured(results: Results) -> list[Kind]:
    """List the scenarios that this run has figures of."""
    return [kind for kind in KINDS if results.candidates(kind.key)]


def for_terminal(results: Results) -> Iterator[Table]:
    """Give a table per scenario, the goals last."""
    for kind in measured(results):
        table = Table(*HEAD, title=f"{kind.title} [{kind.unit}]", title_justify="left", box=None)
        for row in rows(results, kind):
            table.add_row(*row, style="bold" if row[0] == OURS else "")
        yield table
    memory = Table("", "when", "RSS MiB", "PSS MiB", title="Memory of the server", title_justify="left", box=None)
    for each in results.memory:
        memory.add_row(each.server, each.when, f"{each.rss_mib:,.0f}", f"{each.pss_mib:,.0f}")
    if results.memory:
        yield memory
    goals = Table("", "goal", "bound", "found", title="Goals", title_justify="left", box=None)
    for verdict in verdicts(results):
        goals.add_row(
            verdict.mark,
            verdict.goal.text,
            f"{verdict.goal.sense} {verdict.goal.bound:g}",
            "not measured" if verdict.found is None else found_text(verdict),
        )
    yield goals


def found_text(verdict: Verdict) -> str:
    """Write what was found for a goal."""
    assert verdict.found is not None
    return of_ratio(verdict.found) if verdict.goal.against else f"{verdict.found.median:,.0f}"


def markdown(head: Sequence[str], lines: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]) -> str:
    """Write a Markdown table: the first column to the left, the others to the right."""
    rules = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in [tuple(head), tuple(rules), *lines])
