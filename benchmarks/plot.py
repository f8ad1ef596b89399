"""Draws the figures of a run as one SVG: rates side by side on a logarithmic scale, and what a pull costs as the organisation grows.

Written by hand, so that the same figures give the same bytes and a small file. Computes nothing that `measures` does not give.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.catalogue import BARE, KINTO, OURS, POCKETBASE, RAW, Kind
from benchmarks.growth import HUNDRED, NO_CHANGE
from benchmarks.measures import Results, Spread
from benchmarks.tables import measured

WIDTH: Final = 960
_COLOURS: Final = {OURS: "#0b6bcb", RAW: "#8a8f98", BARE: "#c9ced6", POCKETBASE: "#d98324", KINTO: "#7a5ba8"}
_LABELS: Final = {
    "initial": ("first pull", "documents/s"),
    "no_change_many": ("nothing new", "pulls/s, 32 at once"),
    "ten_changes_many": ("ten changes", "pulls/s, 32 at once"),
    "push_1": ("push", "commands/s, 1 phone"),
    "push_many": ("push", "commands/s, 16 phones"),
}
_TOP, _HEIGHT, _LEFT = 70, 300, 60
_FLOOR_DECADE: Final = 1


def draw(results: Results) -> str:
    """Draw everything that the run measured."""
    parts = [*_bars(results)]
    height = _TOP + _HEIGHT + 60
    if results.growth:
        parts += [*_growth(results, height + 20)]
        height += 290
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="12">\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _bars(results: Results) -> Iterator[str]:
    kinds = [kind for kind in measured(results) if kind.key in _LABELS]
    names = [name for name in _COLOURS if any(name in results.candidates(kind.key) for kind in kinds)]
    yield _text(_LEFT, 26, "Rates side by side (logarithmic; whiskers: least and greatest round)", size=15, bold=True)
    yield from _legend(names, 46)
    if not kinds:
        return
    top = max(math.ceil(math.log10(_greatest(results, kinds))), _FLOOR_DECADE + 1)
    y_of = _scale(_FLOOR_DECADE, top)
    for decade in range(_FLOOR_DECADE, top + 1):
        y = y_of(10**decade)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - 20}" y2="{y:.1f}" stroke="#e3e6ea"/>'
        yield _text(_LEFT - 8, y + 4, _short(10**decade), anchor="end", colour="#5a6068")
    group = (WIDTH - 20 - _LEFT) / len(kinds)
    for number, kind in enumerate(kinds):
        yield from _group(results, kind, names, (_LEFT + number * group, group, y_of))


def _group(
    results: Results, kind: Kind, names: Sequence[str], at: tuple[float, float, Callable[[float], float]]
) -> Iterator[str]:
    left, width, y_of = at
    title, unit = _LABELS[kind.key]
    middle, base = left + width / 2, _TOP + _HEIGHT
    yield _text(middle, base + 20, title, anchor="middle", bold=True)
    yield _text(middle, base + 36, unit, anchor="middle", colour="#5a6068", size=11)
    shown = [(name, spread) for name in names if (spread := results.spread(kind.key, name)) is not None]
    bar = min(width * 0.86 / max(len(shown), 1), 36)
    start = middle - bar * len(shown) / 2
    for number, (name, spread) in enumerate(shown):
        yield from _bar(start + number * bar, bar, (name, spread), y_of)


def _bar(x: float, bar: float, shown: tuple[str, Spread], y_of: Callable[[float], float]) -> Iterator[str]:
    name, spread = shown
    y, base, centre = y_of(spread.median), _TOP + _HEIGHT, x + bar / 2
    low, high = y_of(spread.least), y_of(spread.greatest)
    yield f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{bar - 2:.1f}" height="{max(base - y, 1):.1f}" fill="{_COLOURS[name]}"/>'
    yield f'<line x1="{centre:.1f}" y1="{low:.1f}" x2="{centre:.1f}" y2="{high:.1f}" stroke="#22262b"/>'
    yield _text(centre, min(y, high) - 4, _short(spread.median), anchor="middle", size=10)


def _growth(results: Results, top: float) -> Iterator[str]:
    yield _text(
        _LEFT,
        top,
        "A pull of one phone while its organisation grows (ms, median; band: least to greatest)",
        size=15,
        bold=True,
    )
    lines = [
        (what, name, colour, dash)
        for what, colour in ((NO_CHANGE, "#0b6bcb"), (HUNDRED, "#0a8f5b"))
        for name, dash in ((OURS, ""), (RAW, "5 4"))
    ]
    x = float(_LEFT)
    for what, name, colour, dash in lines:
        yield f'<line x1="{x}" y1="{top + 17}" x2="{x + 24}" y2="{top + 17}" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
        yield _text(x + 30, top + 21, f"{what}, {name}")
        x += 200
    highest = max(point.ms for point in results.growth)
    axes = [axis for axis in ("documents", "devices") if any(point.axis == axis for point in results.growth)]
    for number, axis in enumerate(axes):
        left = _LEFT + number * (WIDTH - _LEFT) / 2
        yield from _panel(results, axis, lines, (left, top + 40, (WIDTH - _LEFT) / 2 - 50, highest))


def _panel(
    results: Results, axis: str, lines: Sequence[tuple[str, str, str, str]], at: tuple[float, float, float, float]
) -> Iterator[str]:
    left, top, width, highest = at
    height = 170.0
    sizes = sorted({point.size for point in results.growth if point.axis == axis})
    step = _nice(highest)
    ceiling = step * math.ceil(highest / step)

    def x_of(size: int) -> float:
        return left + width * sizes.index(size) / max(len(sizes) - 1, 1)

    def y_of(ms: float) -> float:
        return top + height - height * ms / ceiling

    for number in range(round(ceiling / step) + 1):
        y = y_of(number * step)
        yield f'<line x1="{left}" y1="{y:.1f}" x2="{left + width:.1f}" y2="{y:.1f}" stroke="#e3e6ea"/>'
        yield _text(left - 8, y + 4, f"{number * step:g}", anchor="end", colour="#5a6068")
    for size in sizes:
        yield _text(x_of(size), top + height + 18, f"{size:,}", anchor="middle", colour="#5a6068")
    yield _text(left + width / 2, top + height + 36, f"{axis} in the organisation", anchor="middle", bold=True)
    for what, name, colour, dash in lines:
        found = results.growth_of(axis, name, what)
        if found:
            upper = [f"{x_of(size):.1f},{y_of(s.greatest):.1f}" for size, s in found.items()]
            lower = [f"{x_of(size):.1f},{y_of(s.least):.1f}" for size, s in reversed(found.items())]
            middle = [f"{x_of(size):.1f},{y_of(s.median):.1f}" for size, s in found.items()]
            yield f'<polygon points="{" ".join(upper + lower)}" fill="{colour}" opacity="0.12"/>'
            yield f'<polyline points="{" ".join(middle)}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'


def _legend(names: Sequence[str], y: float) -> Iterator[str]:
    x = float(_LEFT)
    for name in names:
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{_COLOURS[name]}"/>'
        yield _text(x + 18, y, name)
        x += 40 + 7.2 * len(name)


def _greatest(results: Results, kinds: Sequence[Kind]) -> float:
    found = (results.spread(kind.key, name) for kind in kinds for name in _COLOURS)
    return max(spread.greatest for spread in found if spread is not None)


def _scale(low: int, high: int) -> Callable[[float], float]:
    def y_of(value: float) -> float:
        share = (math.log10(max(value, 10**low)) - low) / (high - low)
        return _TOP + _HEIGHT * (1 - share)

    return y_of


def _nice(highest: float) -> float:
    raw = highest / 4
    unit = 10 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    return next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)


def _short(value: float) -> str:
    for bound, suffix in ((1e6, "M"), (1e3, "k")):
        if value >= bound:
            return f"{value / bound:.3g}{suffix}"
    return f"{value:.3g}"


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, bold: bool = False, colour: str = "#22262b"
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"{weight}>{escape(text)}</text>'
