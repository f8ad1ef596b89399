"""Random days through all planners: the checker finds no broken rule. `python -m tests.geo.planning` plays a thousand."""

from __future__ import annotations

import time

from geo.planning.solver_process import SolverProcess
from tests.geo.planning.playing import play_many


def test_no_rule_is_broken_on_random_days() -> None:
    played = list(play_many(0, 60, until=time.monotonic() + 20.0))
    assert [p for p in played if p.broken] == []
    assert sum(p.unassigned for p in played) < sum(p.visits for p in played) / 2


def test_no_rule_is_broken_when_vroom_plans() -> None:
    with SolverProcess() as solver:
        played = list(play_many(500, 12, until=time.monotonic() + 20.0, solver=solver))
    assert [p for p in played if p.broken] == []
