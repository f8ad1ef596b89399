"""The queue: nothing lost, nothing twice, whatever the network and the server make of it."""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from mobile_contract import limits
from mobile_contract.client import Response, SyncReport, queue
from mobile_contract.client.device import DeviceRefusal
from mobile_contract.schema.decisions import AcceptVisit, ClaimJob
from mobile_contract.schema.facts import AddNote, ArriveOnSite
from mobile_contract.schema.job import OpenJob, VisitState
from mobile_contract.schema.messages import CommandEnvelope, PullAsk, PushAsk
from mobile_contract.schema.outcome import OutcomeStatus
from tests.mobile_contract.client.kit import JOB, VISIT, Phone, a_job, a_visit, assert_equal, enrolled
from tests.mobile_contract.client.office import START, Office


@pytest.fixture
def office() -> Office:
    office = Office()
    office.put("job", a_job(), office.scope[1])
    office.put("visit", a_visit(), office.scope[1])
    return office


@pytest.fixture
def phone(tmp_path: Path, office: Office) -> Phone:
    phone = enrolled(tmp_path / "d", office)
    phone.synced()
    office.requests.clear()
    return phone


def pushes(office: Office) -> list[PushAsk]:
    return [ask for name, ask in office.requests if isinstance(ask, PushAsk)]


def numbers(phone: Phone) -> list[int]:
    return [each.n for each in queue.kept(phone.store)]


def test_commands_are_numbered_from_one_and_take_effect_in_order(phone: Phone, office: Office) -> None:
    made = [phone.note(str(i)) for i in range(5)]
    assert numbers(phone) == [1, 2, 3, 4, 5]
    report = phone.synced()
    assert (report.pushed, report.settled) == (5, 5)
    assert office.effects == made


def test_a_lost_answer_is_made_good_by_sending_the_same_bytes(phone: Phone, office: Office) -> None:
    made = phone.note("once")
    office.lose_next_answer()
    phone.synced()
    assert office.effects == [made]
    assert len(pushes(office)) == 2
    assert pushes(office)[0].commands == pushes(office)[1].commands


def test_an_answer_for_a_prefix_is_followed_by_the_rest(phone: Phone, office: Office) -> None:
    office.prefix = 2
    made = [phone.note(str(i)) for i in range(5)]
    phone.synced()
    assert office.effects == made
    assert [ask.commands[0].n for ask in pushes(office)] == [1, 3, 5]


def test_a_push_stays_within_count_and_bytes(phone: Phone, office: Office) -> None:
    for i in range(230):
        phone.note(f"{i} " + "x" * 2_000)
    phone.synced()
    assert len(office.effects) == 230
    for ask in pushes(office):
        assert len(ask.commands) <= limits.PUSH_COMMANDS
        assert sum(len(each.cmd) for each in ask.commands) <= limits.PUSH_BYTES
        assert len(msgspec.json.encode(ask)) <= limits.PUSH_BODY_BYTES


def test_a_batch_that_cannot_be_read_is_halved_until_the_one_command_is_skipped(phone: Phone, office: Office) -> None:
    made = [phone.note(str(i)) for i in range(9)]
    office.unreadable = {made[4]}
    phone.synced()
    assert office.effects == made
    assert {id: stored.brief.status for id, stored in office.stored.items() if id == made[4]} == {
        made[4]: OutcomeStatus.QUARANTINED
    }
    skips = [skip for ask in pushes(office) for skip in ask.skips]
    assert [(skip.n, skip.id) for skip in skips] == [(5, made[4])]
    assert phone.status().unsent == 0


def test_a_skip_stays_a_skip_when_its_answer_is_lost(phone: Phone, office: Office) -> None:
    made = phone.note("poison")
    office.unreadable = {made}
    office.faults = [lambda: None, office_loses(office)]
    phone.synced()
    assert office.effects == [made]
    assert phone.status().commands[0].code == "skipped"


def office_loses(office: Office) -> Callable[[], Response | None]:
    def lose() -> Response | None:
        office.lose_next_answer()
        return None

    return lose


def test_a_new_life_of_the_server_loses_nothing_that_was_acknowledged(phone: Phone, office: Office) -> None:
    made = [phone.note(str(i)) for i in range(6)]
    phone.synced()
    office.new_life(2)
    late = phone.note("after the restore")
    phone.synced()
    assert office.effects == [*made, late]
    assert_equal(phone, office)


def test_a_new_life_is_noticed_by_a_pull_too(phone: Phone, office: Office) -> None:
    made = [phone.note(str(i)) for i in range(6)]
    phone.synced()
    office.new_life(3)
    phone.synced()
    assert office.effects == made
    assert_equal(phone, office)


def test_what_is_durable_is_forgotten_and_never_missed(phone: Phone, office: Office) -> None:
    made = [phone.note(str(i)) for i in range(6)]
    office.durable_n = 4
    phone.synced()
    assert numbers(phone) == [5, 6]
    office.new_life(4)
    phone.synced()
    assert office.effects == made


def test_without_a_durable_number_commands_stay_fourteen_days(phone: Phone, office: Office) -> None:
    phone.note("kept")
    phone.synced()
    office.now += timedelta(days=13.9)
    phone.synced()
    assert numbers(phone) == [1]
    office.now += timedelta(days=1)
    phone.synced()
    assert numbers(phone) == []


def test_a_restore_older_than_what_the_device_keeps_leaves_no_hole(phone: Phone, office: Office) -> None:
    office.durable_n = 3
    made = [phone.note(str(i)) for i in range(6)]
    phone.synced()
    office.new_life(1)
    office.durable_n = 1
    phone.synced()
    assert office.effects == [made[0], *made[3:]]
    assert numbers(phone) == [2, 3, 4]
    last = phone.note("goes on")
    phone.synced()
    assert office.effects[-1] == last
    assert phone.status().unsent == 0


def test_a_cloned_phone_enrols_anew_and_hands_everything_in_under_the_same_ids(tmp_path: Path, office: Office) -> None:
    phone = enrolled(tmp_path / "d", office)
    phone.synced()
    shared = phone.note("before the clone")
    phone.store.close()
    (tmp_path / "clone").write_bytes((tmp_path / "d").read_bytes())
    phone, clone = Phone(tmp_path / "d", office, seed=3), Phone(tmp_path / "clone", office, seed=2)
    first = phone.note("from the first")
    other = clone.note("from the clone")
    phone.synced()
    report = clone.sync()
    assert report.stopped == "device_forked"
    assert clone.status().unsent == 1
    office.device_id, office.last_n = UUID(int=0xD2), 0
    office.scope[0] = f"dev/{office.device_id}"
    for stored in office.stored.values():
        stored.n = -stored.n
    office.sessions = [office.grant(office.person, UUID(int=0x52), "Li")]
    clone.enrol("second code", "clone")
    clone.synced()
    assert office.effects == [shared, first, other]
    assert all(each.session == UUID(int=0x52) for each in pushes(office)[-1].commands)
    assert clone.status().unsent == 0


def test_numbers_taken_by_a_clone_do_not_settle_commands_of_this_phone(tmp_path: Path, office: Office) -> None:
    phone = enrolled(tmp_path / "d", office)
    phone.store.close()
    (tmp_path / "clone").write_bytes((tmp_path / "d").read_bytes())
    phone, clone = Phone(tmp_path / "d", office, seed=3), Phone(tmp_path / "clone", office, seed=2)
    for i in range(3):
        phone.note(f"first {i}")
    phone.synced()
    mine = clone.note("mine")
    clone._exchange.pull(SyncReport())
    assert [each.id for each in queue.shown_on_top(clone.store)] == [mine]
    assert clone.sync().stopped == "device_forked"


def test_a_command_over_32_kib_is_refused_before_it_is_stored(phone: Phone) -> None:
    with pytest.raises(DeviceRefusal) as refusal:
        phone.do(AddNote(job_id=JOB, visit_id=VISIT, note_id=UUID(int=1), text="水" * 8_000 + "x" * 8_900))
    assert refusal.value.code in ("command_too_large", "invalid")
    assert numbers(phone) == []


def test_a_held_decision_is_shown_until_it_is_released(phone: Phone, office: Office) -> None:
    phone.synced()
    office.decide = lambda cmd: OutcomeStatus.HELD if cmd.name == "accept_visit" else OutcomeStatus.APPLIED
    accepted = phone.do(AcceptVisit(job_id=JOB, visit_id=VISIT, plan_version=1))
    phone.synced()
    assert phone.shown()["visit", VISIT] == a_visit(VisitState.ACCEPTED)
    assert office.projection()["visit", VISIT] == phone.documents()["visit", VISIT]
    office.settle(accepted.id, OutcomeStatus.REJECTED, "plan_changed")
    phone.synced()
    assert phone.shown()["visit", VISIT] == a_visit()
    assert [(each.status, each.code) for each in phone.status().commands] == [(OutcomeStatus.REJECTED, "plan_changed")]


def test_a_command_is_shown_until_the_documents_have_it(phone: Phone, office: Office) -> None:
    phone.synced()
    phone.do(ArriveOnSite(job_id=JOB, visit_id=VISIT))
    phone._exchange.push(SyncReport())
    assert phone.status().unsent == 0
    shown = phone.shown()["visit", VISIT]
    assert getattr(shown, "state", None) is VisitState.ON_SITE
    phone.synced()
    assert phone.shown()["visit", VISIT] == a_visit()


def test_a_decision_waits_for_the_undecided_one_before_it(phone: Phone, office: Office) -> None:
    offered = OpenJob(id=UUID(int=0x77), number="J-7", type="repair", reported_at=START)
    office.put("open_job", offered, office.scope[1])
    phone.synced()
    claim = phone.do(ClaimJob(job_id=offered.id, visit_id=UUID(int=0x78)))
    accept = phone.do(AcceptVisit(job_id=offered.id, visit_id=UUID(int=0x78), plan_version=1))
    fact = phone.do(ArriveOnSite(job_id=JOB, visit_id=VISIT))
    envelopes = [msgspec.json.decode(each.cmd, type=CommandEnvelope) for each in (claim, accept, fact)]
    assert [each.after for each in envelopes] == [(), (claim.id,), ()]
    assert envelopes[2].base == 1
    phone.synced()
    later = phone.do(AcceptVisit(job_id=offered.id, visit_id=UUID(int=0x78), plan_version=1))
    assert msgspec.json.decode(later.cmd, type=CommandEnvelope).after == ()


def test_seen_n_is_told_only_up_to_the_first_outcome_that_is_open(phone: Phone, office: Office) -> None:
    office.decide = lambda cmd: OutcomeStatus.HELD if cmd.name == "accept_visit" else OutcomeStatus.APPLIED
    phone.note("one")
    accepted = phone.do(AcceptVisit(job_id=JOB, visit_id=VISIT, plan_version=1))
    phone.note("three")
    phone.synced()
    phone.synced()
    seen = [ask.seen_n for _, ask in office.requests if isinstance(ask, PullAsk)]
    assert seen[-1] == 1
    office.settle(accepted.id, OutcomeStatus.APPLIED)
    phone.synced()
    phone.synced()
    assert [ask.seen_n for _, ask in office.requests if isinstance(ask, PullAsk)][-1] == 3


def test_a_refused_push_does_not_stop_the_pull(phone: Phone, office: Office) -> None:
    phone.synced()
    phone.note("too much today")
    office.put("job", a_job(title="changed"), office.scope[1])
    office.fail(429, "quota_exceeded", retry_after="3600")
    report = phone.sync()
    assert (report.stopped, report.pages) == ("quota_exceeded", 1)
    assert report.retry_after_s == 3600
    assert getattr(phone.shown()["job", JOB], "title", "") == "changed"
    assert phone.status().unsent == 1


@pytest.mark.parametrize("seed", range(8))
def test_each_command_takes_effect_once_under_lost_requests_and_answers(tmp_path: Path, seed: int) -> None:
    office, source = Office(), random.Random(seed)
    office.lose_answers = source
    phone, made = enrolled_through(tmp_path / "d", office), []
    for i in range(40):
        made.append(phone.note(f"{seed} {i}"))
        office.prefix = source.randint(1, 4)
        if source.random() < 0.2:
            office.lose_next_request() if source.random() < 0.5 else office.fail(503, "busy", retry_after="1")
        if source.random() < 0.1:
            office.new_life(source.randint(max(0, office.last_n - 5), office.last_n))
        if source.random() < 0.5:
            phone.sync()
    office.lose_answers = None
    office.faults.clear()
    phone.synced()
    assert sorted(office.effects) == sorted(made), f"seed {seed}"
    assert office.effects == made, f"seed {seed}"
    assert_equal(phone, office)


def enrolled_through(path: Path, office: Office) -> Phone:
    losing, office.lose_answers = office.lose_answers, None
    phone = enrolled(path, office)
    office.lose_answers = losing
    return phone


def test_a_command_whose_bytes_were_harmed_does_not_stop_what_is_shown(phone: Phone, office: Office) -> None:
    phone.synced()
    phone.do(ArriveOnSite(job_id=JOB, visit_id=VISIT))
    phone.note("harmed")
    with phone.store.transaction():
        phone.store.run("update command set cmd = substr(cmd, 1, 30) where n = 2")
    assert getattr(phone.shown()["visit", VISIT], "state", None) is VisitState.ON_SITE


def test_a_number_that_is_given_anew_is_not_taken_for_durable(phone: Phone, office: Office) -> None:
    office.durable_n = 3
    made = [phone.note(str(i)) for i in range(6)]
    phone.synced()
    # The server comes back from an older backup and does not know yet what would survive the next disaster.
    office.new_life(1)
    office.durable_n = None
    phone.synced()
    assert numbers(phone) == [2, 3, 4]
    office.new_life(1)
    phone.synced()
    assert office.effects == [made[0], *made[3:]]
