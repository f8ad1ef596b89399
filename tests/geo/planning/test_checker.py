"""The judge itself: a good plan passes, and each rule finds the plan that breaks it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from geo.planning.checker import check
from geo.planning.plan import Plan, Route, Stop, StopKind
from geo.planning.problem import Break, Lock, PartCount, Planned, Problem, Store, Window
from geo.planning.rules import Rule
from mobile_contract.schema.base import Skill
from mobile_contract.schema.job import LockKind
from tests.geo.planning.scene import DAY, HOUR, MIN, NOW, STEP, crew, plan_of, stop, street, visit

VALVE = UUID(int=0x90)
STORE = Store(id=UUID(int=0x5), place=1, part_ids=(VALVE,), windows=(Window(0, 2 * HOUR),))
GAS = Skill(code="gas", level=2)
LUNCH = Break(2 * HOUR, 3 * HOUR, 30 * MIN)
C0, C1 = UUID(int=0xC0), UUID(int=0xC1)


def rest(begin_s: int, long_s: int = 30 * MIN) -> Stop:
    """Write down a break."""
    return Stop(kind=StopKind.BREAK, begin_s=begin_s, end_s=begin_s + long_s)


def fetch(begin_s: int) -> Stop:
    """Write down a stop at the store."""
    return Stop(kind=StopKind.STORE, begin_s=begin_s, end_s=begin_s + 900, store_id=STORE.id)


def one(
    *, begin_s: int = STEP, crew_changes: dict[str, object] | None = None, **changes: object
) -> tuple[Problem, Plan]:
    """Plan one visit at the next place for one crew."""
    job = visit(0, 1, **changes)
    problem = street([crew(0, 0, **(crew_changes or {}))], [job], stores=[STORE])
    return problem, plan_of(problem, [stop(job, begin_s)])


def test_a_good_plan_breaks_nothing() -> None:
    assert check(*one()) == ()


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        pytest.param(one(begin_s=STEP - 1), Rule.TRAVEL, id="there before it can be"),
        pytest.param(one(crew_changes={"ready_s": MIN}), Rule.TRAVEL, id="leaves before it is free"),
        pytest.param(one(windows=(Window(2 * STEP, 3 * STEP),)), Rule.WINDOW, id="before the window"),
        pytest.param(one(windows=(Window(0, STEP - 1),)), Rule.WINDOW, id="after the window"),
        pytest.param(one(released_s=STEP + 1), Rule.NOT_RELEASED, id="before it is released"),
        pytest.param(one(due_s=STEP - 1), Rule.DUE, id="late and not told"),
        pytest.param(one(crew_changes={"shift": Window(0, HOUR)}), Rule.SHIFT, id="work after the shift"),
        pytest.param(
            one(crew_changes={"shift": Window(0, HOUR + STEP + 1), "end": 0}), Rule.SHIFT, id="home after the shift"
        ),
        pytest.param(one(crew_changes={"shift": Window(STEP, DAY.to_s)}), Rule.TRAVEL, id="leaves before the shift"),
        pytest.param(one(crew_changes={"present": False}), Rule.NOT_PRESENT, id="absent"),
        pytest.param(one(crew_changes={"breaks": (LUNCH,)}), Rule.BREAK, id="no break"),
        pytest.param(one(skills=(GAS,)), Rule.SKILL_MISSING, id="no skill"),
        pytest.param(
            one(skills=(GAS,), crew_changes={"skills": (Skill(code="gas", level=1),)}),
            Rule.SKILL_LEVEL_LOW,
            id="level too low",
        ),
        pytest.param(
            one(
                skills=(GAS,),
                crew_changes={"skills": (Skill(code="gas", level=3, expires_at=NOW + timedelta(hours=1)),)},
            ),
            Rule.SKILL_EXPIRED,
            id="certificate expires before the end",
        ),
        pytest.param(
            one(district_ids=(UUID(int=1),), crew_changes={"district_ids": (UUID(int=2),)}),
            Rule.TERRITORY,
            id="elsewhere",
        ),
        pytest.param(one(crew_id=C1), Rule.SAME_TECHNICIAN, id="another technician than before"),
        pytest.param(one(lock=Lock(kind=LockKind.RESOURCE, crew_id=C1)), Rule.LOCKED_CREW, id="locked to another"),
        pytest.param(
            one(lock=Lock(kind=LockKind.TIME, at=Window(HOUR, HOUR))), Rule.LOCKED_TIME, id="locked to another time"
        ),
        pytest.param(
            one(lock=Lock(kind=LockKind.TIME_RANGE, at=Window(HOUR, 2 * HOUR))), Rule.LOCKED_TIME, id="out of the range"
        ),
        pytest.param(
            one(lock=Lock(kind=LockKind.BOTH, crew_id=C1, at=Window(STEP, STEP))), Rule.LOCKED_CREW, id="both, crew"
        ),
        pytest.param(
            one(lock=Lock(kind=LockKind.BOTH, crew_id=C0, at=Window(HOUR, HOUR))), Rule.LOCKED_TIME, id="both, time"
        ),
        pytest.param(one(parts=(PartCount(VALVE, Decimal(1)),)), Rule.PARTS, id="not in the van"),
        pytest.param(
            one(
                parts=(PartCount(VALVE, Decimal("1.5")),),
                crew_changes={"parts": (PartCount(VALVE, Decimal("1.4")),)},
            ),
            Rule.PARTS,
            id="not enough in the van",
        ),
    ],
)
def test_each_rule_of_a_day_finds_what_breaks_it(made: tuple[Problem, Plan], rule: Rule) -> None:
    assert {broken.rule for broken in check(*made)} == {rule}


def test_work_must_take_its_time_and_setup_is_spared_only_at_the_same_place() -> None:
    first, second = visit(0, 1, setup_s=600), visit(1, 1, setup_s=600)
    problem = street([crew(0, 0)], [first, second])
    after = STEP + HOUR + 600
    assert check(problem, plan_of(problem, [stop(first, STEP), stop(second, after, setup=False)])) == ()
    short = plan_of(problem, [stop(first, STEP, setup=False), stop(second, after, setup=False)])
    assert [b.rule for b in check(problem, short)] == [Rule.WORK_TIME]


@pytest.mark.parametrize(
    ("breaks", "good"),
    [
        ([rest(2 * HOUR)], True),
        ([rest(2 * HOUR - 1)], False),
        ([rest(3 * HOUR + 1)], False),
        ([rest(2 * HOUR, 29 * MIN)], False),
        ([rest(2 * HOUR), rest(2 * HOUR + 30 * MIN)], False),
    ],
)
def test_a_break_is_taken_once_in_its_span_and_in_full(breaks: list[Stop], good: bool) -> None:
    job = visit(0, 1)
    problem = street([crew(0, 0, breaks=(LUNCH,))], [job])
    found = check(problem, plan_of(problem, [stop(job, STEP), *breaks]))
    assert {b.rule for b in found} == (set() if good else {Rule.BREAK})


def test_driving_goes_on_before_a_break_but_not_during_it() -> None:
    job = visit(0, 15)
    problem = street([crew(0, 0, breaks=(LUNCH,))], [job])
    assert check(problem, plan_of(problem, [rest(2 * HOUR), stop(job, 3 * HOUR)])) == ()
    assert [b.rule for b in check(problem, plan_of(problem, [rest(2 * HOUR), stop(job, 3 * HOUR - 1)]))] == [
        Rule.TRAVEL
    ]


def test_a_stop_at_an_open_store_brings_the_parts_and_a_closed_one_is_found() -> None:
    job = visit(0, 1, parts=(PartCount(VALVE, Decimal(3)),))
    problem = street([crew(0, 0)], [job], stores=[STORE])
    assert check(problem, plan_of(problem, [fetch(STEP), stop(job, STEP + 900)])) == ()
    assert [b.rule for b in check(problem, plan_of(problem, [stop(job, STEP), fetch(STEP + HOUR)]))] == [Rule.PARTS]
    late = plan_of(problem, [fetch(2 * HOUR + 1), stop(job, 3 * HOUR)])
    assert [b.rule for b in check(problem, late)] == [Rule.STORE]
    unknown = Stop(kind=StopKind.STORE, begin_s=STEP, end_s=STEP + 900, store_id=UUID(int=0xBAD))
    assert Rule.STORE in {b.rule for b in check(problem, plan_of(problem, [unknown, stop(job, STEP + 900)]))}


def test_every_visit_comes_once() -> None:
    problem, plan = one()
    job = problem.visits[0]
    assert [b.rule for b in check(problem, replace(plan, routes=(Route(C0, 0, ()),)))] == [Rule.FORGOTTEN]
    assert Rule.PLANNED_TWICE in {b.rule for b in check(problem, replace(plan, unassigned=(job.id,)))}
    stranger = replace(plan, unassigned=(UUID(int=7),))
    assert [b.rule for b in check(problem, stranger)] == [Rule.UNKNOWN]
    nobody = replace(plan, routes=(*plan.routes, Route(UUID(int=0xBAD), 0, ())))
    assert [b.rule for b in check(problem, nobody)] == [Rule.UNKNOWN]
    twice = replace(plan, routes=(*plan.routes, Route(C0, 0, ())))
    assert [b.rule for b in check(problem, twice)] == [Rule.PLANNED_TWICE]


def test_who_is_told_as_late_is_late() -> None:
    problem, plan = one(due_s=STEP - 1)
    assert check(problem, replace(plan, late=(problem.visits[0].id,))) == ()
    problem, plan = one(due_s=STEP)
    assert [b.rule for b in check(problem, replace(plan, late=(problem.visits[0].id,)))] == [Rule.DUE]


def test_two_crews_begin_together_or_not_at_all() -> None:
    first = visit(0, 1)
    second = visit(1, 1, together_with=first.id)
    problem = street([crew(0, 0), crew(1, 2)], [first, second])
    assert check(problem, plan_of(problem, [stop(first, STEP)], [stop(second, STEP)])) == ()
    apart = plan_of(problem, [stop(first, STEP)], [stop(second, STEP + 1)])
    alone = plan_of(problem, [stop(first, STEP)], [])
    same = plan_of(problem, [stop(first, STEP), stop(second, STEP + HOUR)], [])
    for plan in (apart, alone, same):
        assert [b.rule for b in check(problem, plan)] == [Rule.TOGETHER]


def test_a_crew_that_waits_for_relief_stays_until_it_comes() -> None:
    relief, other = visit(0, 3), visit(1, 4)
    problem = street([crew(0, 3, waits_for=relief.id), crew(1, 5)], [relief, other])
    come = 2 * STEP
    assert check(problem, plan_of(problem, [stop(other, come + STEP)], [stop(relief, come)])) == ()
    early = plan_of(problem, [stop(other, come + STEP - 1)], [stop(relief, come)])
    assert [b.rule for b in check(problem, early)] == [Rule.TRAVEL]
    never = plan_of(problem, [stop(other, STEP)], [])
    assert Rule.WAITS_FOR_RELIEF in {b.rule for b in check(problem, never)}
    itself = plan_of(problem, [stop(relief, 0)], [])
    assert Rule.WAITS_FOR_RELIEF in {b.rule for b in check(problem, itself)}


class TestFrozen:
    """What begins within the freeze horizon."""

    first, second = visit(0, 1), visit(1, 2)
    problem = street(
        [crew(0, 0), crew(1, 4)],
        [first, second],
        current=[Planned(first.id, C0, STEP), Planned(second.id, C0, 3 * HOUR)],
    )

    def test_it_stays_and_the_rest_may_move(self) -> None:
        assert check(self.problem, plan_of(self.problem, [stop(self.first, STEP)], [stop(self.second, 2 * STEP)])) == ()

    @pytest.mark.parametrize(
        "rows",
        [
            pytest.param(([], [stop(first, 3 * STEP)]), id="another crew"),
            pytest.param(([stop(first, STEP + 1)], []), id="later without need"),
            pytest.param(([stop(second, 2 * STEP), stop(first, 3 * STEP + HOUR)], []), id="something before it"),
            pytest.param(([], []), id="nobody"),
        ],
    )
    def test_it_does_not_move(self, rows: tuple[list[Stop], list[Stop]]) -> None:
        assert Rule.FROZEN in {b.rule for b in check(self.problem, plan_of(self.problem, *rows))}

    def test_not_earlier_either(self) -> None:
        told = replace(self.problem, current=(Planned(self.first.id, C0, 2 * STEP),))
        plan = plan_of(told, [stop(self.first, STEP)], [stop(self.second, 2 * STEP)])
        assert [b.rule for b in check(told, plan)] == [Rule.FROZEN]

    def test_it_is_let_go_only_where_it_cannot_be_kept(self) -> None:
        plan = plan_of(self.problem, [], [stop(self.first, 3 * STEP)], released=(self.first.id,))
        assert [b.rule for b in check(self.problem, plan)] == [Rule.FROZEN]
        busy = replace(self.problem, crews=(crew(0, 0, ready_s=9 * HOUR), self.problem.crews[1]))
        assert check(busy, plan) == ()

    def test_only_what_was_frozen_is_told_as_let_go(self) -> None:
        plan = plan_of(
            self.problem, [stop(self.first, STEP)], [stop(self.second, 2 * STEP)], released=(self.second.id,)
        )
        assert [b.rule for b in check(self.problem, plan)] == [Rule.FROZEN]


def test_the_judge_shares_no_code_with_those_it_judges() -> None:
    import ast
    from pathlib import Path

    folder = Path(__file__).resolve().parents[3] / "geo" / "planning"
    allowed = {"plan", "problem", "rules", "checker", "checker_day", "checker_frozen", "checker_van"}
    for name in ("checker", "checker_day", "checker_frozen", "checker_van"):
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        modules = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert {m.removeprefix("geo.planning.") for m in modules if m.startswith("geo.planning")} <= allowed


def test_every_rule_has_a_test_here() -> None:
    from pathlib import Path

    text = Path(__file__).read_text(encoding="utf-8")
    assert [rule for rule in Rule if f"Rule.{rule.name}" not in text] == []
