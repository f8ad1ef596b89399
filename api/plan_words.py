"""Proposals as they are shown: names, times, and words in the caller's language beside every code. Decides nothing.

A proposal is kept without words: they are put in when it is read, so that two languages see the same proposal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from geo.planning.explain import Explanation, Ground, OtherCrew
from geo.planning.measure import Move, MoveKind, PlanCost
from geo.planning.plan import Stop
from geo.planning.plan import StopKind as Kind
from geo.planning.reason_texts import GROUND_TEXTS, MOVE_TEXTS, RULE_TEXTS
from geo.travel import with_range
from jobs.planning import Made
from mobile_contract.errors import ERRORS, Language
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.dispatch import Hindrance, ReasonLine, UnassignedLine
from mobile_contract.schema.job import VisitLock
from mobile_contract.schema.planning import (
    BrokenLine,
    OtherCrewLine,
    PlanCostShown,
    PlanExplanation,
    PlanProposal,
    PlanSpot,
    PlanStep,
    PlanStepKind,
    PlanStop,
    StopKind,
)

EXPIRES_AFTER: Final = timedelta(hours=2)
Names = Mapping[UUID, str]
_STEPS: Final = {
    MoveKind.ASSIGNED: PlanStepKind.ADDED,
    MoveKind.REASSIGNED: PlanStepKind.REASSIGNED,
    MoveKind.RETIMED: PlanStepKind.MOVED,
    MoveKind.TAKEN_BACK: PlanStepKind.REMOVED,
    MoveKind.KEPT: PlanStepKind.KEPT,
}
_WORDS: Final[dict[str, LocalText]] = {
    **{rule.value: text for rule, text in RULE_TEXTS.items()},
    **{move.value: text for move, text in MOVE_TEXTS.items()},
    # A ground says why somebody has it; a rule of the same name why somebody has not.
    **{f"has_{ground.value}": text for ground, text in GROUND_TEXTS.items()},
}
_NOTES: Final = {
    "left_out": LocalText(
        en="{n} visits or jobs were left out: no place on the map, or a crew that is not on shift.",
        zh="有 {n} 个任务或工单未纳入：无坐标，或班组不在班。",
    )
}


def ids_named(made: Made) -> set[UUID]:
    """Name the crews and persons that a proposal speaks of."""
    owners = {crew.crew_id for crew in made.problem.crews} | {p.crew_id for p in made.problem.current}
    rows = made.laid.rows.values()
    return owners | {id for row in rows for id in (row.crew_id, row.person_id) if id is not None}


def proposal_of(made: Made, plan_id: UUID, names: Names) -> PlanProposal:
    """Write a proposal down, without words."""
    proposal = made.proposal
    changing = {p.crew_id for m in proposal.steps for p in (m.before, m.after) if p is not None}
    steps = [
        _step(made, move, names)
        for move in proposal.moves
        if move.kind is not MoveKind.KEPT or (move.after is not None and move.after.crew_id in changing)
    ]
    return PlanProposal(
        id=plan_id,
        version=proposal.version,
        kind=made.kind,
        made_at=proposal.made_at,
        expires_at=proposal.made_at + EXPIRES_AFTER,
        planner=", ".join(made.plan.planners),
        sources=tuple(made.problem.ways.sources),
        notes=(*made.laid.notes, *made.plan.notes),
        cost=_cost(proposal.cost),
        cost_now=None if proposal.cost_now is None else _cost(proposal.cost_now),
        disruption=proposal.disruption,
        standing=proposal.standing,
        disruption_share=round(proposal.disruption_share, 4),
        steps=tuple(sorted(steps, key=_order)),
        stops=tuple(_other_stops(made)),
        unassigned=tuple(_unassigned(made)),
        broken=tuple(BrokenLine(code=b.rule, text="", crew_id=b.crew_id, visit_id=b.visit_id) for b in made.broken),
    )


def explanation_of(found: Explanation, job_id: UUID, names: Names, persons: frozenset[UUID]) -> PlanExplanation:
    """Write an explanation down, without words."""
    return PlanExplanation(
        visit_id=found.visit_id,
        job_id=job_id,
        travel_s=found.travel_s,
        reasons=_grounds(found.grounds),
        others=tuple(_other(other, names, persons) for other in found.others),
        hindrances=tuple(Hindrance(code=rule, text="", candidates=n) for rule, n in found.hindrances),
        crew_id=_crew(found.crew_id, persons),
        person_id=_person(found.crew_id, persons),
        crew=_name(names, found.crew_id),
    )


def spoken(proposal: PlanProposal, language: Language) -> PlanProposal:
    """Put the words of a language into a proposal."""
    return replace(
        proposal,
        notes=tuple(_note(note, language) for note in proposal.notes),
        steps=tuple(replace(s, reasons=_said(s.reasons, language)) for s in proposal.steps),
        unassigned=tuple(replace(u, why=_hindered(u.why, language)) for u in proposal.unassigned),
        broken=tuple(replace(b, text=words(b.code, language)) for b in proposal.broken),
    )


def spoken_explanation(found: PlanExplanation, language: Language) -> PlanExplanation:
    """Put the words of a language into an explanation."""
    return replace(
        found,
        reasons=_said(found.reasons, language),
        others=tuple(replace(o, reasons=_said(o.reasons, language)) for o in found.others),
        hindrances=_hindered(found.hindrances, language),
    )


def words(code: str, language: Language) -> str:
    """Say a code of planning, or of the catalogue, in a language."""
    text = _WORDS.get(code)
    if text is None:
        return ERRORS[code].text(language)
    return text.zh if language is Language.ZH else text.en


def _step(made: Made, move: Move, names: Names) -> PlanStep:
    problem, laid = made.problem, made.laid
    before, after = move.before, move.after
    job, row = laid.jobs[move.visit_id], laid.rows.get(move.visit_id)
    frozen = before is not None and before.begin_s < problem.policy.freeze_s and move.visit_id not in made.plan.released
    explained = made.explained.get(move.visit_id)
    reasons = [ReasonLine(code=move.kind, text="")]
    if explained is not None:
        reasons += _grounds(explained.grounds)
        reasons += [ReasonLine(code=rule, text="") for rule, _ in explained.hindrances]
    spot = None
    if before is not None and row is not None:
        spot = PlanSpot(
            crew_id=row.crew_id,
            person_id=row.person_id,
            crew=_name(names, row.crew_id, row.person_id),
            begin_at=row.planned_start_at,
            end_at=row.planned_end_at,
        )
    return PlanStep(
        visit_id=move.visit_id,
        job_id=job.id,
        number=job.number,
        kind=_STEPS[move.kind],
        before=spot,
        after=None if after is None else _after(made, move.visit_id, names),
        frozen=frozen,
        locked=row is not None and isinstance(row.lock, VisitLock),
        late=move.visit_id in made.plan.late,
        reasons=tuple(reasons),
    )


def _after(made: Made, visit_id: UUID, names: Names) -> PlanSpot:
    """Give a visit's place in the plan; the begin is a range as wide as the way there is uncertain."""
    problem = made.problem
    route = next(r for r in made.plan.routes if any(s.visit_id == visit_id for s in r.stops))
    at = next(n for n, s in enumerate(route.stops) if s.visit_id == visit_id)
    stop = route.stops[at]
    day = next(d for d in problem.crews if (d.crew_id, d.day) == (route.crew_id, route.day))
    here = _place_before(made, route.stops[:at], day.start)
    there = next(v.place for v in problem.visits if v.id == visit_id)
    travel_s = problem.ways.travel_s[here][there]
    way = with_range(travel_s, 0.0, made.laid.table.source(here, there))
    leave_s = max(day.ready_s, day.shift.from_s, *(s.end_s for s in route.stops[:at]))
    # Whoever waits for the time that was agreed begins then, though the way be shorter.
    slack_s = max(0, stop.begin_s - leave_s - travel_s)
    early_s = 0 if slack_s else way.travel_s - way.low_s
    late_s = max(0.0, way.high_s - way.travel_s - slack_s)
    return PlanSpot(
        begin_at=problem.at(stop.begin_s),
        end_at=problem.at(stop.end_s),
        earliest_at=problem.at(round(stop.begin_s - early_s)),
        latest_at=problem.at(round(stop.begin_s + late_s)),
        travel_s=travel_s,
        source=way.source,
        crew_id=_crew(route.crew_id, made.laid.persons),
        person_id=_person(route.crew_id, made.laid.persons),
        crew=_name(names, route.crew_id),
    )


def _place_before(made: Made, stops: Sequence[Stop], start: int) -> int:
    for stop in reversed(stops):
        if stop.visit_id is not None:
            return next(v.place for v in made.problem.visits if v.id == stop.visit_id)
        if stop.store_id is not None:
            return next(s.place for s in made.problem.stores if s.id == stop.store_id)
    return start


def _other_stops(made: Made) -> Iterable[PlanStop]:
    problem = made.problem
    for route in made.plan.routes:
        for stop in route.stops:
            if stop.kind is not Kind.VISIT:
                yield PlanStop(
                    kind=StopKind.BREAK if stop.kind is Kind.BREAK else StopKind.STORE,
                    crew_id=_crew(route.crew_id, made.laid.persons),
                    person_id=_person(route.crew_id, made.laid.persons),
                    begin_at=problem.at(stop.begin_s),
                    end_at=problem.at(stop.end_s),
                    store_id=stop.store_id,
                )


def _unassigned(made: Made) -> Iterable[UnassignedLine]:
    told: set[UUID] = set()
    for visit_id in made.left:
        if made.laid.jobs[visit_id].id in told:
            continue
        told.add(made.laid.jobs[visit_id].id)
        job, explained = made.laid.jobs[visit_id], made.explained.get(visit_id)
        why = () if explained is None else explained.hindrances
        yield UnassignedLine(
            job_id=job.id,
            number=job.number,
            why=tuple(Hindrance(code=rule, text="", candidates=n) for rule, n in why),
        )


def _other(other: OtherCrew, names: Names, persons: frozenset[UUID]) -> OtherCrewLine:
    codes = [ReasonLine(code=rule, text="") for rule in other.broken]
    grounds = () if other.ground is None else _grounds([other.ground])
    return OtherCrewLine(
        day=other.day,
        reasons=(*codes, *grounds),
        extra_travel_s=other.extra_travel_s,
        crew_id=_crew(other.crew_id, persons),
        person_id=_person(other.crew_id, persons),
        crew=_name(names, other.crew_id),
    )


def _crew(owner: UUID | None, persons: frozenset[UUID]) -> UUID | None:
    return None if owner in persons else owner


def _person(owner: UUID | None, persons: frozenset[UUID]) -> UUID | None:
    return owner if owner in persons else None


def _name(names: Names, *ids: UUID | None) -> str:
    return next((names[id] for id in ids if id is not None and id in names), "")


def _cost(cost: PlanCost) -> PlanCostShown:
    return PlanCostShown(**{field: getattr(cost, field) for field in PlanCostShown.__struct_fields__})


def _grounds(grounds: Iterable[Ground]) -> tuple[ReasonLine, ...]:
    return tuple(ReasonLine(code=f"has_{ground.value}", text="") for ground in grounds)


def _said(reasons: Iterable[ReasonLine], language: Language) -> tuple[ReasonLine, ...]:
    return tuple(replace(r, text=words(r.code, language)) for r in reasons)


def _hindered(why: Iterable[Hindrance], language: Language) -> tuple[Hindrance, ...]:
    return tuple(replace(h, text=words(h.code, language)) for h in why)


def _note(note: str, language: Language) -> str:
    code, _, number = note.partition(":")
    text = _NOTES.get(code)
    if text is None:
        return note
    return (text.zh if language is Language.ZH else text.en).format(n=number)


def _order(step: PlanStep) -> tuple[bool, str, str, str]:
    spot = step.after or step.before
    begin = "" if spot is None or spot.begin_at is None else spot.begin_at.isoformat()
    return (step.kind is PlanStepKind.KEPT, "" if spot is None else spot.crew, begin, step.visit_id.hex)
