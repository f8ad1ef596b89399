"""The harness itself, with tiny sizes and without peers: every part yields complete, sane rows. No figure is judged."""

import pytest

from benchmarks import page, plot
from benchmarks.catalogue import BARE, KINDS, ONE_WORKER, OURS, PLAIN, RAW
from benchmarks.measures import Results
from benchmarks.plan import SCENARIOS, TINY
from benchmarks.run import parts, play

BESIDE = {
    "initial": {OURS, PLAIN, RAW},
    "delta_100": {OURS, PLAIN, RAW, BARE},
    "delta_10": {OURS, PLAIN, RAW, BARE},
    "no_change_1": {OURS, PLAIN, RAW, BARE},
    "no_change_many": {OURS, ONE_WORKER, PLAIN, RAW, BARE},
    "ten_changes_many": {OURS, ONE_WORKER, PLAIN, RAW, BARE},
    "push_1": {OURS, RAW},
    "push_many": {OURS, RAW},
    "rush": {OURS, RAW},
}


@pytest.fixture(scope="module")
def results() -> Results:
    """Play everything once."""
    return play(TINY, list(parts()), lambda scenario, candidate, number: None)


def test_the_parts_are_those_that_the_plan_names() -> None:
    assert tuple(parts()) == SCENARIOS


def test_every_scenario_has_a_row_of_each_candidate_and_no_failed_answer(results: Results) -> None:
    assert {kind.key: set(results.candidates(kind.key)) for kind in KINDS} == BESIDE
    assert results.remarks == []
    for sample in results.samples:
        assert sample.value > 0, sample
        assert sample.answers > 0, sample
        assert sample.failures == 0, sample
        assert sample.cpu_us is not None, sample


def test_what_travels_is_counted(results: Results) -> None:
    whole = results.medians("initial", OURS, "wire_bytes")
    plain = results.medians("initial", PLAIN, "wire_bytes")
    nothing = results.medians("no_change_1", OURS, "wire_bytes")
    assert whole is not None and plain is not None and nothing is not None
    assert nothing < whole < plain
    assert plain > TINY.documents * 560


def test_growth_is_measured_at_every_size(results: Results) -> None:
    for axis, sizes in (("documents", TINY.growth_documents), ("devices", TINY.growth_devices)):
        for name in (OURS, RAW):
            for what in ("no change", "100 changes"):
                found = results.growth_of(axis, name, what)
                assert len(found) == len(sizes), (axis, name, what)
                assert max(found) >= max(sizes)


def test_memory_is_weighed(results: Results) -> None:
    assert {weight.server for weight in results.memory} == {OURS, BARE}
    assert all(weight.rss_mib >= weight.pss_mib > 1 for weight in results.memory)


def test_page_and_picture_are_made_of_a_run(results: Results) -> None:
    assert "Pull without changes" in page.sections(results)["side by side"]
    assert "polyline" in plot.draw(results)
