"""Any commands in any order, by anybody, early or late: no handler raises, no fact is refused, and what is stored is the fold of what happened.

Runs handlers over a Work in memory: the same objects as in production, without the database under them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.context import Actor, Deed, Occurrence
from jobs.handlers import apply
from jobs.job_types import shipped
from jobs.result import Applied, Merged, PutAside, Refused
from jobs.rules.chain import broken_at
from jobs.rules.job import fold_job
from jobs.rules.visit import ENDED, fold_visit
from jobs.store.rows import Stored
from jobs.work import Organisation, Work
from mobile_contract.errors import ERRORS
from mobile_contract.registry import COMMANDS, Nature
from mobile_contract.schema import decisions as d
from mobile_contract.schema import facts as f
from mobile_contract.schema.base import Command, LocalText
from mobile_contract.schema.job import HoldReason, Job, JobState, Visit, VisitState
from mobile_contract.schema.people import Crew, CrewMember, Person, Role
from mobile_contract.schema.place import District

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
ORG = UUID(int=1)
DISTRICT = District(id=UUID(int=2), code="east", name=LocalText(en="East"))
JOBS = [UUID(int=10 + n) for n in range(2)]
VISITS = [UUID(int=20 + n) for n in range(3)]
CREWS = [UUID(int=30 + n) for n in range(2)]
DAN, AMY, BOB = PEOPLE = [UUID(int=40 + n) for n in range(3)]
ROLES = {DAN: Role.DISPATCHER, AMY: Role.TECHNICIAN, BOB: Role.CREW_LEAD}
HERE = (116.45, 39.95)

# Mostly one job and its visits, so that commands meet.
jobs, visits = st.sampled_from([JOBS[0]] * 5 + JOBS[1:]), st.sampled_from([VISITS[0]] * 2 + VISITS[1:])
crews = st.sampled_from(CREWS)
versions = st.sampled_from([1, 1, 2, 3])
words = st.sampled_from(["", "a", "b"])

facts: list[st.SearchStrategy[Command]] = [
    st.builds(kind, job_id=jobs, visit_id=visits)
    for kind in (f.StartTravel, f.ArriveOnSite, f.StartWork, f.PauseWork, f.ResumeWork, f.MakeSafe, f.ReportNotOurs)
]
facts += [
    st.builds(f.ReportNoAccess, job_id=jobs, visit_id=visits, reason=words),
    st.builds(
        f.CompleteVisit,
        job_id=jobs,
        visit_id=visits,
        follow_up=st.booleans(),
        result=st.sampled_from(["done", "cannot_complete"]),
    ),
    st.builds(f.ReportJob, job_id=jobs, job_type=st.sampled_from(["repair", "nonsense"]), title=words),
    st.builds(f.AddNote, job_id=jobs, visit_id=visits, note_id=st.uuids(), text=words),
]
edits = st.dictionaries(
    st.sampled_from(["title", "priority", "state"]),
    st.builds(d.FieldEdit, was=words, set=st.sampled_from(["a", "urgent"])),
    min_size=1,
)
decisions: list[st.SearchStrategy[Command]] = [
    st.builds(d.OpenJob, job_id=jobs, job_type=st.just("repair"), title=words, lon_deg=st.just(HERE[0]), lat_deg=st.just(HERE[1])),
    st.builds(d.RegisterRequest, request_id=visits, job_id=jobs, job_type=st.just("survey"), description=words),
    st.builds(d.LinkRequest, request_id=visits, job_id=jobs),
    st.builds(d.TriageJob, job_id=jobs, job_type=st.sampled_from([None, "survey"]), district_id=st.sampled_from([None, DISTRICT.id])),
    st.builds(d.EditJob, job_id=jobs, changes=edits),
    st.builds(d.MarkDuplicate, job_id=jobs, of_job_id=jobs),
    st.builds(
        d.PlanVisit, job_id=jobs, visit_id=visits, crew_id=st.none() | crews,
        planned_start_at=st.just(NINE), planned_end_at=st.sampled_from([NINE, NINE + timedelta(hours=1)]),
    ),
    st.builds(d.AssignVisit, job_id=jobs, visit_id=visits, crew_id=st.none() | crews, only_if_open=st.booleans()),
    st.builds(d.ReassignVisit, job_id=jobs, visit_id=visits, plan_version=versions, crew_id=crews),
    st.builds(d.HoldJob, job_id=jobs, reason=st.sampled_from(HoldReason)),
    st.builds(d.ReleaseJob, job_id=jobs),
    st.builds(d.CancelJob, job_id=jobs, reason=words),
    st.builds(d.CloseJob, job_id=jobs),
    st.builds(d.ReopenJob, job_id=jobs, reason=words),
]  # fmt: skip
answers: list[st.SearchStrategy[Command]] = [
    st.builds(d.ClaimJob, job_id=jobs, visit_id=visits),
    st.builds(d.AcceptVisit, job_id=jobs, visit_id=visits, plan_version=versions),
    st.builds(d.DeclineVisit, job_id=jobs, visit_id=visits, plan_version=versions, reason=words),
]
late_min = st.sampled_from([0, 0, 3, 20, 60])
told = st.tuples(st.one_of(*facts), st.sampled_from([AMY, AMY, BOB, DAN]), late_min)
asked = st.tuples(st.one_of(*decisions), st.sampled_from([DAN, DAN, AMY, BOB]), late_min)
claimed = st.tuples(st.one_of(*answers), st.sampled_from([AMY, BOB]), late_min)
stories = st.lists(st.one_of(told, asked, claimed), min_size=3, max_size=30)
opened = st.lists(decisions[0], min_size=1, max_size=2)


def work() -> Work:
    made = Work(Organisation(ORG, "Works", "Asia/Shanghai", "CNY", "en"))
    made.districts[HERE] = DISTRICT.id
    known: list[tuple[str, Any]] = [("district", DISTRICT), *(("job_type", t) for t in shipped(ORG))]
    known += [("person", Person(id=p, code=f"p{p.int}", name="P", roles=(ROLES[p],))) for p in PEOPLE]
    known += [("crew", Crew(id=c, code=f"c{c.int}", name="C")) for c in CREWS]
    known += [
        (
            "crew_member",
            CrewMember(id=UUID(int=50 + n), crew_id=CREWS[n], person_id=p, from_at=NINE - timedelta(days=9)),
        )
        for n, p in enumerate((AMY, BOB))
    ]
    made.adopt(Stored(kind, document) for kind, document in known)
    return made


def deed(number: int, person: UUID, delay_min: int) -> Deed:
    received = NINE + timedelta(minutes=number)
    return Deed(
        command_id=UUID(int=1000 + number),
        actor=Actor(org_id=ORG, person_id=person, roles=frozenset({ROLES[person]})),
        occurrence=Occurrence(at=received - timedelta(minutes=delay_min)),
        received_at=received,
    )


def play(first: list[Command], story: list[tuple[Command, UUID, int]]) -> Work:
    played = work()
    steps = [*((command, DAN, 0) for command in first), *story]
    for number, (command, person, delay_min) in enumerate(steps):
        before = {v.id: v for v in played.all(Visit)}
        result = apply(played, command, deed(number, person, delay_min))
        check_answer(command, person, result)
        check_state(played)
        for visit in played.all(Visit):
            was = before.get(visit.id)
            assert was is None or was.state is not VisitState.CANCELLED or visit.state is VisitState.CANCELLED
    return played


def check_answer(command: Command, person: UUID, result: object) -> None:
    assert isinstance(result, Applied | Merged | Refused | PutAside)
    assert result.code in ERRORS
    if COMMANDS[str(command.__struct_config__.tag)].nature is Nature.FACT and ROLES[person] is not Role.DISPATCHER:
        assert not isinstance(result, Refused)
        if isinstance(result, PutAside):
            assert result.code in {"unknown_job", "unknown_visit", "job_exists", "unknown_job_type", "id_reused"}


def check_state(played: Work) -> None:
    for job in played.all(Job):
        events, visits_of = played.events(job.id), played.of_job(Visit, job.id)
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        for visit in visits_of:
            folded = fold_visit(visit, events)
            assert (folded.state, folded.arrived_at, folded.ended_at) == (visit.state, visit.arrived_at, visit.ended_at)
            assert broken_at(e for e in events if e.visit_id == visit.id) is None
        assert fold_job(job, visits_of) == job
        if job.state is JobState.CANCELLED:
            assert all(v.state in ENDED | {VisitState.DECLINED, VisitState.TENTATIVE} or v.flags for v in visits_of)


@settings(max_examples=150, deadline=None)
@given(opened, stories)
def test_any_story_ends_in_the_fold_of_what_happened(
    first: list[Command], story: list[tuple[Command, UUID, int]]
) -> None:
    play(first, story)


@settings(max_examples=50, deadline=None)
@given(opened, stories)
def test_a_story_played_twice_ends_the_same(first: list[Command], story: list[tuple[Command, UUID, int]]) -> None:
    one, two = play(first, story), play(first, story)
    assert one.all(Job) == two.all(Job)
    assert one.all(Visit) == two.all(Visit)


@settings(max_examples=50, deadline=None)
@given(opened, stories)
def test_a_command_sent_again_at_once_changes_nothing_more(
    first: list[Command], story: list[tuple[Command, UUID, int]]
) -> None:
    played = play(first, story)
    if not story:
        return
    command, person, delay_min = story[-1]
    number = len(first) + len(story) - 1
    before = (played.all(Job), played.all(Visit))
    again = apply(played, command, deed(number, person, delay_min))
    if isinstance(again, Applied):
        assert again.code == "unchanged" or isinstance(
            command, d.ReassignVisit | d.PlanVisit | d.AssignVisit | d.LinkRequest
        )
        assert (played.all(Job), played.all(Visit)) == before
