"""A phone names the same approvers as the server: random ladders, calendars, rosters and requests, through the real server and the real phone."""

import random
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from msgspec import Struct

from mobile_contract.client.made import Made
from mobile_contract.client.optimistic import show
from mobile_contract.registry import KINDS
from mobile_contract.rules.ladder import Asking, Known, approval_id, evaluate
from mobile_contract.schema import approval_commands as a
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.approval import (
    Approval,
    ApprovedLine,
    ApproverRef,
    Band,
    CalendarDay,
    Escalation,
    Policy,
    Scope,
    Step,
    StepRule,
    WorkCalendar,
    WorkingHours,
)
from mobile_contract.schema.base import Command, Document, LocalText
from mobile_contract.schema.material import MaterialRequest, RequestLine
from mobile_contract.schema.people import Duty, Role
from sync.transaction import org_transaction
from tests.arrange import NOW, ZONE, Assigned, Org, organisation
from tests.jobs import stored
from tests.jobs.approvals import one_band, shipped

ROLES = (Role.ENGINEER, Role.MANAGER, Role.DEPUTY_GM, Role.DUTY_CHIEF)
ROSTERS = ("duty_chief", "duty_engineer")
PEOPLE = ("eve", "max", "gus", "cho", "wes", "amy")
HELD = (
    *(
        "policy",
        "work_calendar",
        "duty",
        "district",
        "part",
        "job",
        "visit",
        "approval",
        "crew",
        "person",
        "delegation",
    ),
    *("material_request", "issue_slip", "stock_move"),
)


class PolicyPlan(Struct, frozen=True):
    """A policy by names: edges and the steps above each, where it holds, which calendar, whether the duty chief replaces it."""

    edges: tuple[str, ...]
    steps: tuple[tuple[tuple[tuple[str, ...], bool], ...], ...]
    scope: tuple[str, ...]
    calendar: str | None
    chief: bool
    roster: str
    escalates: bool


class Request(Struct, frozen=True):
    """Who asks for how much on which job, so many minutes after `NOW`."""

    by: str
    job: int
    quantity: str
    minutes: int


class Plan(Struct, frozen=True):
    """A works: its policies, days unlike their weekday, lines of rosters, and what is asked for."""

    policies: tuple[PolicyPlan, ...]
    days: tuple[tuple[int, int | None], ...]
    hours: tuple[tuple[int, int, int], ...]
    duties: tuple[tuple[str, str, int, int], ...]
    requests: tuple[Request, ...]


# "role:manager", "person:max", "duty:duty_chief"
approvers = st.sampled_from(
    [*(f"role:{role}" for role in ROLES), *(f"person:{name}" for name in PEOPLE), *(f"duty:{name}" for name in ROSTERS)]
)
steps = st.tuples(st.lists(approvers, min_size=1, max_size=3, unique=True).map(tuple), st.booleans())
policies = st.integers(0, 2).flatmap(
    lambda inner: st.builds(
        PolicyPlan,
        edges=st.lists(
            st.sampled_from(["25", "50", "50.01", "100", "100.01", "500"]), min_size=inner, max_size=inner, unique=True
        ).map(lambda edges: tuple(sorted(edges, key=Decimal))),
        steps=st.tuples(*[st.lists(steps, min_size=1, max_size=2).map(tuple) for _ in range(inner + 1)]),
        scope=st.sampled_from([(), ("site",), ("type",), ("west",), ("city",), ("type", "west"), ("site", "city")]),
        calendar=st.sampled_from([None, "work", "missing"]),
        chief=st.booleans(),
        roster=st.sampled_from(ROSTERS),
        escalates=st.booleans(),
    )
)
plans = st.builds(
    Plan,
    policies=st.lists(policies, min_size=1, max_size=3).map(tuple),
    days=st.lists(
        st.tuples(st.integers(0, 9), st.none() | st.integers(1, 7)), max_size=4, unique_by=lambda day: day[0]
    ).map(tuple),
    hours=st.lists(st.tuples(st.integers(1, 7), st.integers(0, 700), st.integers(701, 1440)), max_size=8).map(tuple),
    duties=st.lists(
        st.tuples(st.sampled_from(PEOPLE), st.sampled_from(ROSTERS), st.integers(-2000, 8000), st.integers(1, 4000)),
        max_size=6,
    ).map(tuple),
    requests=st.lists(
        st.builds(
            Request,
            by=st.sampled_from(["amy", "ali"]),
            job=st.integers(0, 2),
            quantity=st.sampled_from(["0.5", "2", "4", "4.0008", "8", "8.0008", "30"]),
            minutes=st.integers(0, 10_000),
        ),
        min_size=1,
        max_size=5,
    ).map(tuple),
)


class Ground(Struct, frozen=True):
    """An organisation with three jobs of a crew: at the site, in the west below a city, in the east."""

    org: Org
    jobs: tuple[Assigned, ...]
    city: UUID


_numbers = count(1)
_grounds: dict[int, Ground] = {}


async def ground_of(pool: asyncpg.Pool, seed: int) -> Ground:
    """Make the organisation once for all examples; each example brings policies of its own, newer than all before."""
    if id(pool) not in _grounds:
        org = await organisation(pool, seed)
        city, west = org.new_id(), org.districts["west"]
        square = '{"type":"Polygon","coordinates":[[[10,50],[10.1,50],[10.1,50.1],[10,50]]]}'
        async with org_transaction(pool, org.id) as conn:
            shape = await conn.fetchval(
                "select st_asgeojson(outline) from district where org_id = $1 and id = $2", org.id, west
            )
        above = d.SaveDistrict(district_id=city, code="city", name_en="City", outline_geojson=square)
        below = d.SaveDistrict(district_id=west, code="west", name_en="West", parent_id=city, outline_geojson=shape)
        at_site = org.new_id()
        await org.ok(above, by="ada")
        await org.ok(below, by="ada")
        await org.ok(d.OpenJob(job_id=at_site, job_type="survey", site_id=org.site, reported_at=NOW), by="dan")
        jobs = (
            Assigned(at_site, await org.assign(at_site)),
            await org.assigned_job(district="west"),
            await org.assigned_job(),
        )
        _grounds[id(pool)] = Ground(org, jobs, city)
    return _grounds[id(pool)]


def ref(org: Org, named: str) -> ApproverRef:
    kind, _, name = named.partition(":")
    if kind == "person":
        return ApproverRef(person_id=org.people[name])
    return ApproverRef(role=Role(name)) if kind == "role" else ApproverRef(duty=name)


def policy_of(ground: Ground, plan: PolicyPlan, number: int) -> Policy:
    org, edges = ground.org, [Decimal(edge) for edge in plan.edges]
    bands = tuple(
        Band(
            above=above,
            up_to=up_to,
            steps=tuple(
                Step(approvers=tuple(ref(org, n) for n in names), rule=StepRule.ALL_OF if all_of else StepRule.ANY_OF)
                for names, all_of in planned
            ),
        )
        for above, up_to, planned in zip([Decimal(0), *edges], [*edges, None], plan.steps, strict=True)
    )
    scope = Scope(
        site_ids=(org.site,) if "site" in plan.scope else (),
        job_types=("repair",) if "type" in plan.scope else (),
        district_ids=tuple(
            id for name, id in (("west", org.districts["west"]), ("city", ground.city)) if name in plan.scope
        ),
    )
    return Policy(
        id=org.new_id(),
        code=f"p{number % 4}",
        version=number,
        currency="CNY",
        bands=bands,
        working_hours=(WorkingHours(weekday=1, from_min=0, to_min=900),),
        duty_chief_after_hours=plan.chief,
        scope=scope if plan.scope else None,
        calendar=plan.calendar,
        after_hours_duty=plan.roster,
        escalation=Escalation(after_min=30, to=ApproverRef(role=Role.DEPUTY_GM)) if plan.escalates else None,
    )


def commands_of(ground: Ground, plan: Plan) -> list[Command]:
    org = ground.org
    first: date = NOW.date()
    calendar = WorkCalendar(
        id=org.districts["west"],
        code="work",
        name=LocalText(en="Work"),
        hours=tuple(WorkingHours(weekday=day, from_min=begin, to_min=end) for day, begin, end in plan.hours),
        days=tuple(CalendarDay(day=first + timedelta(days=n), as_weekday=weekday) for n, weekday in plan.days),
    )
    lines = [
        Duty(
            id=org.new_id(),
            person_id=org.people[name],
            from_at=NOW + timedelta(minutes=begin),
            to_at=NOW + timedelta(minutes=begin + length),
            roster=roster,
        )
        for name, roster, begin, length in plan.duties
    ]
    return [
        *(d.SavePolicy(policy=policy_of(ground, each, next(_numbers))) for each in plan.policies),
        a.SaveCalendar(calendar=calendar),
        *(d.SaveDuty(duty=line) for line in lines),
    ]


async def held_by_phone(org: Org, person: str) -> dict[tuple[str, UUID], Document]:
    """Read what the person's phone holds: the documents of its buckets, decoded from the bytes that it is sent."""
    async with org_transaction(org.pool, org.id) as conn:
        rows = await conn.fetch(
            """select distinct d.kind, d.id, d.body from sync_scope s
            join sync_member m on m.org_id = $1 and m.bucket = s.bucket and not m.gone
            join sync_doc d on d.org_id = $1 and d.kind = m.kind and d.id = m.id
            where s.org_id = $1 and s.person_id = $2 and s.to_at is null and d.kind = any($3)""",
            org.id,
            org.people[person],
            list(HELD),
        )
    return {(row["kind"], row["id"]): msgspec.json.decode(row["body"], type=KINDS[row["kind"]]) for row in rows}


def judged(approval: Approval) -> dict[str, object]:
    """Take what the ladder said; delegates, and when it is escalated, are the server's."""
    names = (
        "subject",
        "amount",
        "own_amount",
        "after_hours",
        "policy_code",
        "policy_version",
        "steps",
        "role",
        "person_id",
    )
    return {name: getattr(approval, name) for name in (*names, "currency", "asked_by", "asked_at", "job_id")}


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(plan=plans)
async def test_a_phone_without_a_network_names_the_approvers_that_the_server_will(
    pool: asyncpg.Pool, seed: int, plan: Plan
) -> None:
    ground = await ground_of(pool, seed)
    org = ground.org
    note(f"seed {seed}")
    await org.ok(*commands_of(ground, plan), by="ada")
    for request in plan.requests:
        job, now = ground.jobs[request.job], NOW + timedelta(minutes=request.minutes)
        line = RequestLine(part_id=org.parts["clamp"], quantity=Decimal(request.quantity))
        command = f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=org.new_id(), lines=(line,))
        made = Made(command=command, person_id=org.people[request.by], at=now, org_id=org.id, zone=ZONE)
        shown = show(await held_by_phone(org, request.by), [made])
        guess = shown["approval", approval_id(command.request_id)]
        assert isinstance(guess, Approval)
        await org.ok(command, by=request.by, now=now)
        assert judged(guess) == judged(await stored.one(org, Approval, guess.id))


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        pytest.param({1: "1.5", 2: "0"}, {}, "ok", id="less at first, then as it was left"),
        pytest.param({1: "1.5"}, {1: "0.5"}, "ok", id="less and less"),
        pytest.param({}, {2: "0"}, "ok", id="less at last"),
        pytest.param({1: "1.5"}, {1: "2"}, "lines_invalid", id="more than was left"),
        pytest.param({1: "1.5"}, {1: "0.0000001"}, "lines_invalid", id="what nobody can count"),
    ],
)
async def test_a_phone_shows_of_a_step_what_the_server_will(
    org: Org, first: dict[int, str], second: dict[int, str], code: str
) -> None:
    await shipped(
        org, bands=one_band(*(Step(approvers=(ApproverRef(role=r),)) for r in (Role.MANAGER, Role.DEPUTY_GM)))
    )
    job, request_id = await org.assigned_job(), org.new_id()
    lines = tuple(RequestLine(part_id=org.parts[part], quantity=Decimal(2)) for part in ("clamp", "pump"))
    await org.ok(f.RequestParts(job_id=job.job_id, visit_id=job.visit_id, request_id=request_id, lines=lines), by="amy")
    for name, cut, answer in (("max", first, "ok"), ("gus", second, code)):
        command = d.Approve(
            job_id=job.job_id,
            approval_id=approval_id(request_id),
            lines=tuple(ApprovedLine(line_no=no, quantity=Decimal(much)) for no, much in cut.items()),
            reason="seen",
        )
        made = Made(command=command, person_id=org.people[name], at=NOW, org_id=org.id, zone=ZONE)
        shown = show(await held_by_phone(org, name), [made])
        (told,) = await org.send(command, by=name)
        assert told.code == answer
        assert shown["material_request", request_id] == await stored.one(org, MaterialRequest, request_id)
        assert shown["approval", approval_id(request_id)] == await stored.one(org, Approval, approval_id(request_id))


# Plans are large, and a busy machine draws them slowly: that says nothing about the ladder.
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(plan=plans, order=st.integers(0, 1000))
def test_the_order_in_which_documents_lie_says_nothing(plan: Plan, order: int) -> None:
    shuffling = random.Random(order)
    org = Org(
        id=UUID(int=1),
        pool=None,
        random=random.Random(1),
        site=UUID(int=2),
        contact=UUID(int=3),
        meter=UUID(int=4),
    )
    org.people.update({name: UUID(int=100 + n) for n, name in enumerate(PEOPLE)})
    org.districts.update(west=UUID(int=50), east=UUID(int=51))
    ground = Ground(org, (), UUID(int=52))
    policies = [policy_of(ground, each, n) for n, each in enumerate(plan.policies, 1)]
    saved = commands_of(ground, plan)
    calendars = [c.calendar for c in saved if isinstance(c, a.SaveCalendar)]
    duties = [c.duty for c in saved if isinstance(c, d.SaveDuty)]
    for request in plan.requests:
        asking = Asking(
            subject_id=UUID(int=9),
            amount=Decimal(request.quantity),
            currency="CNY",
            at=NOW + timedelta(minutes=request.minutes),
            zone=ZONE,
            asked_by=org.people["amy"],
            site_id=org.site,
            job_type="repair",
            district_ids=(org.districts["west"], ground.city),
        )
        first = evaluate(Known(policies=tuple(policies), calendars=tuple(calendars), duties=tuple(duties)), asking)
        for documents in (policies, duties):
            shuffling.shuffle(documents)
        assert (
            evaluate(Known(policies=tuple(policies), calendars=tuple(calendars), duties=tuple(duties)), asking) == first
        )
