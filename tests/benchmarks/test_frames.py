"""The measurement of frames itself, with few jobs and few frames: every movement is made and yields frames. No figure is judged."""

import pytest

from api.settings import Settings
from benchmarks import frames


@pytest.mark.slow
async def test_each_movement_is_measured_beside_the_empty_map(settings: Settings, chromium_path: str) -> None:
    plan = frames.Plan(jobs=400, crews=3, rounds=2, frames=5, zooms=(14.0,))
    found = await frames.compare(settings, chromium_path, plan)
    assert [(one.what, one.zoom) for one in found] == [("pan", 14.0), ("drag a job", 14.0)]
    for one in found:
        assert [len(sample.took_ms) for sample in (*one.full, *one.empty)] == [5] * 4
        assert one.ratio > 0
        assert one.slow_ratio > 0
