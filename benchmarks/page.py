"""Writes what a run found into docs/performance.md, between markers, and its plot beside it. The words around them are written by hand."""

import re
from pathlib import Path
from typing import Final

from benchmarks import plot, tables
from benchmarks.catalogue import CANDIDATES, OURS
from benchmarks.growth import HUNDRED, NO_CHANGE
from benchmarks.measures import Results
from benchmarks.profiling import Profile
from benchmarks.serving import ROOT
from benchmarks.tables import markdown, measured

PAGE: Final = ROOT / "docs" / "performance.md"
PICTURE: Final = ROOT / "docs" / "pictures" / "performance.svg"
_LEAST_SHARE: Final = 0.01


def write(results: Results, page: Path = PAGE, picture: Path = PICTURE) -> None:
    """Replace the page's figures and the picture."""
    text = page.read_text(encoding="utf-8")
    for name, made in sections(results).items():
        text = put(text, name, made)
    page.write_text(text, encoding="utf-8")
    picture.write_text(plot.draw(results), encoding="utf-8")


def put(text: str, name: str, made: str) -> str:
    """Replace what stands between the markers of a section. Raises ValueError when there are none."""
    pattern = re.compile(rf"(<!-- made: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the page has no place for {name!r}: put `<!-- made: {name} -->` and `<!-- end -->` into it")
    return pattern.sub(lambda found: f"{found[1]}{made}\n{found[2]}", text)


def sections(results: Results) -> dict[str, str]:
    """Write the sections by name."""
    return {
        "machine": _machine(results),
        "goals": _goals(results),
        "side by side": _side_by_side(results),
        "ratios": _ratios(results),
        "cpu": _cpu(results),
        "answers": _answers(results),
        "growth": _growth(results),
        "memory": _memory(results),
    }


def _machine(results: Results) -> str:
    m = dict(results.machine)
    head = f"{m.pop('cores')} cores, {m.pop('memory_gib')} GiB, {m.pop('system')}"
    with_versions = ", ".join(f"{name} {version}" for name, version in m.items())
    plan = results.plan
    lines = [
        f"One run on {results.at:%d %B %Y}: {head}; {with_versions}.",
        f"{plan.rounds} rounds of {plan.seconds:g} s per candidate.",
        *(f"**Left out:** {remark}." for remark in results.remarks),
    ]
    return "\n".join(lines)


def _goals(results: Results) -> str:
    rows = [
        (
            v.mark,
            v.goal.text,
            f"{v.goal.sense} {v.goal.bound:g}" + ("" if v.goal.against else " bytes"),
            "not measured" if v.found is None else tables.found_text(v),
        )
        for v in tables.verdicts(results)
    ]
    return "\n".join(
        ["| | goal | bound | found |", "|---|---|---:|---:|", *("| " + " | ".join(row) + " |" for row in rows)]
    )


def _side_by_side(results: Results) -> str:
    names = [n for n in CANDIDATES if any(n in results.candidates(k.key) for k in measured(results))]
    rows = []
    for kind in measured(results):
        cells = [f"{kind.title} [{kind.unit}]"]
        for name in names:
            spread = results.spread(kind.key, name)
            cells.append(
                ""
                if spread is None
                else f"{spread.median:,.{kind.digits}f} <br><small>{spread.least:,.{kind.digits}f}–{spread.greatest:,.{kind.digits}f}</small>"
            )
        rows.append(tuple(cells))
    return markdown(("", *names), rows)


def _ratios(results: Results) -> str:
    names = [n for n in CANDIDATES if n != OURS and any(n in results.candidates(k.key) for k in measured(results))]
    rows = []
    for kind in measured(results):
        ratios = [results.ratio(kind.key, OURS, name) for name in names]
        sense = "more is better" if kind.more_is_better else "less is better"
        rows.append((f"{kind.title} ({sense})", *("" if r is None else tables.of_ratio(r) for r in ratios)))
    return markdown(("Onsite ÷", *names), rows)


def _cpu(results: Results) -> str:
    names = [n for n in CANDIDATES if any(results.medians(k.key, n, "cpu_us") for k in measured(results))]
    rows = []
    for kind in measured(results):
        cells = []
        for name in names:
            spread, ratio = results.cpu(kind.key, name), results.cpu_ratio(kind.key, OURS, name)
            beside = "" if ratio is None or name == OURS else f" ({ratio.median:.2f})"
            cells.append("" if spread is None else f"{spread.median:,.0f}{beside}")
        rows.append((f"{kind.title}, per {kind.work}", *cells))
    return markdown(("CPU µs (Onsite ÷ this)", *names), rows)


def _answers(results: Results) -> str:
    rows = []
    for kind in measured(results):
        for name in results.candidates(kind.key):
            p50, p99 = (results.medians(kind.key, name, field) for field in ("p50_ms", "p99_ms"))
            wire, share = (results.medians(kind.key, name, field) for field in ("wire_bytes", "generator_share"))
            peak = results.medians(kind.key, name, "peak_mib")
            mine = [s for s in results.samples if (s.scenario, s.candidate) == (kind.key, name)]
            rows.append(
                (
                    kind.title,
                    name,
                    *("" if v is None else f"{v:,.2f}" for v in (p50, p99)),
                    "" if wire is None else f"{wire:,.0f}",
                    str(sum(s.failures for s in mine) or ""),
                    str(sum(s.refused for s in mine) or ""),
                    "" if share is None else f"{share:.0%}",
                    "" if peak is None else f"{peak:,.0f}",
                )
            )
    head = (
        "",
        "",
        "p50 ms",
        "p99 ms",
        "bytes",
        "failed",
        "told to come later",
        "load generator's core",
        "peak RSS MiB",
    )
    return markdown(head, rows)


def _growth(results: Results) -> str:
    rows = []
    for axis in ("documents", "devices"):
        sizes = sorted({p.size for p in results.growth if p.axis == axis})
        for what in (NO_CHANGE, HUNDRED):
            for name in dict.fromkeys(p.candidate for p in results.growth):
                found = results.growth_of(axis, name, what)
                cells = [f"{s:,}: {found[s].median:.2f} ({found[s].least:.2f}–{found[s].greatest:.2f})" for s in sizes]
                if found:
                    cpu = results.growth_cpu(axis, name, what)
                    ends = found[sizes[-1]].median / found[sizes[0]].median
                    taken = " · ".join(f"{cpu[s]:,.0f}" for s in sizes)
                    rows.append((axis, what, name, " · ".join(cells), f"{ends:.2f}", taken))
    if not rows:
        return "Not measured in this run."
    return markdown(
        ("grows", "pull of", "", "ms at each size (least–greatest)", "last ÷ first", "CPU µs at each size"), rows
    )


def _memory(results: Results) -> str:
    rows = [(m.server, m.when, f"{m.rss_mib:,.0f}", f"{m.pss_mib:,.0f}") for m in results.memory]
    return markdown(("", "when", "RSS MiB", "PSS MiB"), rows)


def of_profile(found: Profile) -> str:
    """Write where the time of a path goes as two tables."""
    head = (
        f"One worker, {found.per_second:,.0f} {found.unit}s per second: per {found.unit} {found.worker_us:,.0f} µs of the worker's CPU "
        f"and {found.database_us:,.0f} µs of the database's."
    )
    groups = [
        (name, f"{share:.0%}", f"{share * found.worker_us:,.1f}")
        for name, share in found.groups
        if share >= _LEAST_SHARE
    ]
    total = sum(each.ms for each in found.statements) or 1.0
    statements = [
        (
            f"`{each.text.replace('|', chr(92) + '|')}`",
            f"{each.calls:,}",
            f"{1000 * each.ms / each.calls:,.0f}",
            f"{each.ms / total:.0%}",
        )
        for each in found.statements
        if each.ms / total >= _LEAST_SHARE
    ]
    of_worker = markdown(("the worker", "share", f"µs per {found.unit}"), groups)
    of_database = markdown(("the database's statements", "calls", "µs each", "share"), statements)
    return f"{head}\n\n{of_worker}\n\n{of_database}"


def put_profile(path: str, made: str, page: Path = PAGE) -> None:
    """Put a profile's tables into the page."""
    page.write_text(put(page.read_text(encoding="utf-8"), f"profile {path}", made), encoding="utf-8")
