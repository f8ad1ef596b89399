"""What is made of measurements: medians, ratios, verdicts, the page and the picture."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from benchmarks import page, plot, tables
from benchmarks.catalogue import GOALS, OURS, POCKETBASE, RAW
from benchmarks.measures import GrowthPoint, Results, Sample, Spread, load
from benchmarks.plan import TINY


def results(**values: dict[str, list[float]]) -> Results:
    """Make results: scenario → candidate → value by round."""
    samples = [
        Sample(scenario=scenario, candidate=name, round=number, value=value)
        for scenario, candidates in values.items()
        for name, rounds in candidates.items()
        for number, value in enumerate(rounds)
    ]
    machine = {"cores": "2", "memory_gib": "8", "system": "Linux"}
    return Results(at=datetime(2026, 3, 2, tzinfo=UTC), machine=machine, plan=TINY, samples=samples)


def test_a_ratio_is_taken_round_by_round() -> None:
    found = results(push_many={OURS: [10, 20, 90], RAW: [20, 20, 100]})
    assert found.ratio("push_many", OURS, RAW) == Spread(0.9, 0.5, 1.0)
    assert found.ratio("push_many", OURS, POCKETBASE) is None


def test_a_goal_is_judged_by_the_median() -> None:
    found = results(delta_100={OURS: [1.2, 1.2, 9.0], RAW: [1.0, 1.0, 1.0]}, push_many={OURS: [3], POCKETBASE: [1]})
    verdicts = {v.goal: v for v in tables.verdicts(found)}
    assert len(verdicts) == len(GOALS)
    met = {goal.text: v.met for goal, v in verdicts.items() if v.met is not None}
    assert met == {
        "pull after 100 changes: within 1.3 × the floor's latency": True,
        "push, 16 devices: at least 4 × PocketBase's batch": False,
    }


def test_the_page_has_a_place_for_every_section_and_keeps_its_words() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    made = page.sections(results(initial={OURS: [100.0], RAW: [200.0]}))
    for name, section in made.items():
        text = page.put(text, name, section)
    assert "0.50 (0.50–0.50)" in text
    assert "`make bench`" in text


def test_a_section_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="made: goals"):
        page.put("words", "goals", "| |")


def test_the_same_figures_draw_the_same_picture() -> None:
    found = results(initial={OURS: [100.0, 120.0], RAW: [20_000.0]}, push_1={OURS: [500.0]})
    points = [GrowthPoint("documents", size, OURS, "no change", 0, 0.5) for size in (10, 100)]
    found.growth.extend(points)
    drawn = plot.draw(found)
    assert drawn == plot.draw(found)
    root = ET.fromstring(drawn)  # it is well-formed
    assert len(root.findall(".//{*}rect")) > 4
    assert root.findall(".//{*}polyline")


def test_results_are_read_as_they_were_written(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "latest.json"
    found = results(initial={OURS: [100.0]})
    found.save(path)
    assert load(path) == found
