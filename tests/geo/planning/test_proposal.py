"""Proposals and explanations: what changes, from which version, in words of both languages."""

from __future__ import annotations

from uuid import UUID

import pytest
from msgspec.structs import replace

from geo.planning.explain import Ground, explain
from geo.planning.measure import MoveKind, cost_of
from geo.planning.problem import Planned, Window
from geo.planning.proposal import propose, settle, version_of
from geo.planning.reason_texts import GROUND_TEXTS, MOVE_TEXTS, RULE_TEXTS
from geo.planning.rules import Rule
from geo.travel import TravelSource
from mobile_contract.schema.base import Skill
from tests.geo.planning.days import morning
from tests.geo.planning.scene import HOUR, MIN, STEP, crew, leak, planned, repaired, standing, street, visit


def test_a_proposal_tells_what_changes_its_cost_its_source_and_its_version() -> None:
    day = standing(street([crew(0, 0), crew(1, 20)], [visit(n, n + 1) for n in range(4)]))
    news = replace(day, visits=(*day.visits, leak(50, 19)), version=version_of(day.current))
    now_plan = planned(day)
    made = propose(news, repaired(news), now_plan=now_plan)
    assert [(m.visit_id, m.kind) for m in made.steps] == [(news.visits[-1].id, MoveKind.ASSIGNED)]
    assert (made.disruption, made.disruption_share, made.standing) == (0, 0.0, 4)
    assert made.version == version_of(day.current)
    assert made.plan.sources == (TravelSource.STREET_GRAPH,)
    assert made.cost_now is not None
    assert made.cost.travel_s == made.cost_now.travel_s + STEP


def test_the_version_follows_who_when_and_state_but_not_the_order() -> None:
    a, b = (Planned(UUID(int=n), UUID(int=9), 60 * n) for n in (1, 2))
    assert version_of([a, b]) == version_of([b, a])
    others = [version_of([a]), version_of([a, replace(b, begin_s=1)]), version_of([a, b], [(a.visit_id, "accepted 2")])]
    assert len({version_of([a, b]), *others}) == 4


def test_what_crews_did_wins_over_a_stale_proposal() -> None:
    day = standing(street([crew(0, 0), crew(1, 20)], [visit(n, n + 1) for n in range(3)]))
    news = replace(day, visits=(*day.visits, leak(50, 4), visit(51, 21)), version=version_of(day.current))
    made = propose(news, repaired(news))
    taken = settle(made, version="another", current=day.current, gone=[news.visits[-2].id])
    assert not taken.holds
    assert [m.visit_id for m in taken.overtaken] == [news.visits[-2].id]
    assert news.visits[-1].id in {m.visit_id for m in taken.valid}
    assert settle(made, version=made.version, current=day.current).holds


def test_why_this_crew_why_not_that_one() -> None:
    gas = Skill(code="gas")
    job = visit(0, 2, skills=(gas,), windows=(Window(0, HOUR),))
    near, far = crew(0, 0, skills=(gas,)), crew(1, 6, skills=(gas,))
    unskilled, away = crew(2, 2), crew(3, 28, skills=(gas,))
    day = street([near, far, unskilled, away], [job])
    told = explain(day, planned(day), job.id)
    assert told.crew_id == near.crew_id
    assert told.grounds == (Ground.LEAST_EXTRA,)
    assert told.travel_s == 2 * STEP
    others = {o.crew_id: o for o in told.others}
    assert (others[far.crew_id].ground, others[far.crew_id].extra_travel_s) == (Ground.WOULD_COST_MORE, 4 * STEP)
    assert others[unskilled.crew_id].broken == (Rule.SKILL_MISSING,)
    assert others[away.crew_id].broken == (Rule.WINDOW,)
    assert told.others[0].crew_id == far.crew_id


def test_why_nobody_counts_what_stood_in_the_way() -> None:
    job = visit(0, 25, windows=(Window(0, 30 * MIN),))
    day = street([crew(0, 0), crew(1, 1), crew(2, 2, present=False)], [job])
    told = explain(day, planned(day), job.id)
    assert told.crew_id is None
    assert told.hindrances == ((Rule.WINDOW, 3), (Rule.NOT_PRESENT, 1))
    with pytest.raises(LookupError):
        explain(day, planned(day), UUID(int=1))


def test_whoever_has_a_visit_has_a_ground_and_the_frozen_one_says_so() -> None:
    for seed in range(8):
        day = morning(seed)
        plan = planned(day)
        for job in day.visits:
            told = explain(day, plan, job.id)
            assert (told.crew_id is None) == (told.grounds == ())
    day = standing(street([crew(0, 0), crew(1, 1)], [visit(0, 1)]))
    assert explain(day, repaired(day), day.visits[0].id).grounds == (Ground.FROZEN,)


def test_every_code_has_words_in_both_languages() -> None:
    for codes, texts in ((Rule, RULE_TEXTS), (Ground, GROUND_TEXTS), (MoveKind, MOVE_TEXTS)):
        assert set(texts) == set(codes)
        assert all(text.en and text.zh for text in texts.values())


def test_the_cost_counts_driving_waiting_and_the_way_home() -> None:
    day = street([crew(0, 0, end=0)], [visit(0, 2, windows=(Window(HOUR, 2 * HOUR),))])
    cost = cost_of(day, planned(day))
    assert (cost.travel_s, cost.waiting_s, cost.crews_used) == (4 * STEP, HOUR - 2 * STEP, 1)
