"""Writes what was measured of planning into docs/planning.md, between markers. The words around them are written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.page import put
from benchmarks.planning import Figures, Found, gap
from benchmarks.running_day import UrgentTimes
from benchmarks.serving import ROOT

PAGE: Final = ROOT / "docs" / "planning.md"
_UNITS: Final = {"solomon": "Solomon", "technicians": "Technicians"}


def write(figures: Figures, page: Path = PAGE) -> None:
    """Replace the page's figures."""
    text = page.read_text(encoding="utf-8")
    for name, made in sections(figures).items():
        text = put(text, name, made)
    page.write_text(text, encoding="utf-8")


def sections(figures: Figures) -> dict[str, str]:
    """Write the sections by name."""
    solomon = [f for f in figures.found if f.case.kind == "solomon"]
    technicians = [f for f in figures.found if f.case.kind == "technicians"]
    return {
        "planning: machine": f"{figures.at:%d %B %Y}; {figures.machine}.",
        "planning: summary": summary(figures.found),
        "planning: solomon": table(solomon, ("distance",)),
        "planning: technicians": table([f for f in technicians if f.case.depot], ("distance", "duration")),
        "planning: own parts": table([f for f in technicians if not f.case.depot], ("distance",)),
        "planning: urgent": urgent(figures.urgent),
    }


def summary(found: Iterable[Found]) -> str:
    """Give the median and the greatest gap of each planner and limit, over the instances measured."""
    rows: dict[tuple[str, str, float, bool], list[Found]] = {}
    for one in found:
        rows.setdefault((one.case.kind, one.case.planner, one.case.limit_s, one.case.depot), []).append(one)
    lines = [
        "| set | planner | seconds | instances | median gap | greatest gap | visits nobody reaches | broken rules |"
    ]
    lines.append("|---|---|---:|---:|---:|---:|---:|---:|")
    for (kind, planner, limit_s, depot), many in sorted(rows.items()):
        gaps = [gap(one) for one in many if not one.unserved]
        shown = ("–", "–") if not gaps else (f"{median(gaps):+.2f} %", f"{max(gaps):+.2f} %")
        name = _UNITS[kind] + ("" if depot else ", own parts only")
        unserved, broken = sum(one.unserved for one in many), sum(one.broken for one in many)
        lines.append(
            f"| {name} | {planner} | {limit_s:g} | {len(many)} | {shown[0]} | {shown[1]} | {unserved} | {broken} |"
        )
    return "\n".join(lines)


def table(found: Iterable[Found], columns: tuple[str, ...]) -> str:
    """Lay out instances in rows, planners and limits in columns; what was not measured stays empty."""
    many = list(found)
    runs = sorted({(one.case.planner, one.case.limit_s) for one in many})
    names = sorted({one.case.instance for one in many})
    head = [f"{planner}, {limit_s:g} s" for planner, limit_s in runs]
    lines = ["| instance | best known | " + " | ".join(head) + " |", "|---|---:|" + "---:|" * len(head)]
    for name in names:
        mine = {(one.case.planner, one.case.limit_s): one for one in many if one.case.instance == name}
        any_one = next(iter(mine.values()))
        best = f"{any_one.best_distance:,.1f}"
        if "duration" in columns:
            best += f"<br><small>{any_one.best_duration or 0:,.1f}</small>"
        lines.append(f"| {name} | {best} | " + " | ".join(_cell(mine.get(run), columns) for run in runs) + " |")
    return "\n".join(lines) if many else "Not measured."


def urgent(times: UrgentTimes | None) -> str:
    """Tell about the urgent visits."""
    if times is None:
        return "Not measured."
    return (
        f"{times.leaks} leaks, one at a time, into {times.visits} visits of {times.crews} crews: insertion takes {times.median_ms:g} ms "
        f"of processor time (median; greatest {times.greatest_ms:g} ms); "
        f"{100 * times.most_changed_by_insertion:.1f} % of the standing visits change at most, "
        f"{100 * times.most_changed_by_repair:.1f} % after the whole repair ({times.whole_repair_ms / 1000:.1f} s of the clock); "
        f"{times.unserved} leaks that nobody reaches, {times.broken} broken rules."
    )


def _cell(found: Found | None, columns: tuple[str, ...]) -> str:
    if found is None:
        return ""
    text = f"{found.distance:,.1f} ({gap(found):+.2f} %)"
    if "duration" in columns:
        text += f"<br><small>{found.duration:,.1f}; {found.depot_trips} trips</small>"
    return text + (f"<br>**{found.unserved} not reached**" if found.unserved else "")
