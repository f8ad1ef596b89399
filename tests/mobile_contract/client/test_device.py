"""The device as an app sees it: people and PINs, clocks, wiping, guards, being told to update."""

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from mobile_contract.client import Device, Response
from mobile_contract.client.clocks import SystemClock, sample
from mobile_contract.client.device import DeviceRefusal
from mobile_contract.limits import ANCHORS_KEPT
from mobile_contract.rules.guards import MissingCode
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.facts import AddNote, AnswerChecklist, CaptureSignature, CompleteVisit, UsePart
from mobile_contract.schema.job import Guards, JobType, Task
from mobile_contract.schema.messages import CommandEnvelope, PushAsk
from tests.mobile_contract.client.kit import JOB, VISIT, Phone, a_job, a_visit, assert_equal, enrolled
from tests.mobile_contract.client.office import Office

OTHER = UUID(int=0xE2)


@pytest.fixture
def office() -> Office:
    office = Office()
    office.put("job", a_job(), office.scope[1])
    office.put("visit", a_visit(), office.scope[1])
    office.sessions.append(office.grant(OTHER, UUID(int=0x61), "Wang"))
    return office


@pytest.fixture
def phone(tmp_path: Path, office: Office) -> Phone:
    return enrolled(tmp_path / "folder" / "d", office)


def test_a_device_that_is_not_enrolled_says_so(tmp_path: Path, office: Office) -> None:
    phone = Phone(tmp_path / "d", office)
    with pytest.raises(DeviceRefusal) as refusal:
        phone.note("early")
    assert refusal.value.code == "unauthenticated"
    assert phone.status().install is None


def test_the_file_is_for_its_owner_only(phone: Phone, tmp_path: Path) -> None:
    assert os.stat(tmp_path / "folder" / "d").st_mode & 0o077 == 0
    assert os.stat(tmp_path / "folder").st_mode & 0o077 == 0


def test_a_shift_changes_without_a_network_and_each_command_keeps_its_person(phone: Phone, office: Office) -> None:
    phone.note("by Li")
    phone.use(OTHER)
    phone.note("by Wang")
    phone.use(office.person)
    phone.note("by Li again")
    phone.synced()
    pushed = next(ask for _, ask in office.requests if isinstance(ask, PushAsk))
    assert [each.session.int for each in pushed.commands] == [0x51, 0x61, 0x51]


def test_a_pin_guards_a_person(phone: Phone, office: Office) -> None:
    phone.set_pin("2468")
    phone.use(OTHER)
    for wrong in (None, "", "1357"):
        with pytest.raises(DeviceRefusal, match="PIN"):
            phone.use(office.person, wrong)
    assert phone.use(office.person, "2468").name == "Li"
    assert b"2468" not in b"".join(path.read_bytes() for path in Path(phone.path).parent.iterdir())


def test_a_person_without_a_session_cannot_work_here(phone: Phone) -> None:
    with pytest.raises(DeviceRefusal) as refusal:
        phone.use(UUID(int=0xE9))
    assert refusal.value.code == "session_unknown"


def test_a_session_whose_time_is_over_still_takes_reports(phone: Phone, office: Office) -> None:
    phone.clock.pass_time(30 * 86_400)
    phone.use(OTHER)
    made = phone.note("late")
    phone.synced()
    assert office.effects == [made]


def test_of_several_sessions_the_one_of_now_is_used(phone: Phone, office: Office) -> None:
    past = msgspec.structs.replace(office.sessions[1], session_id=UUID(int=0x60), to_at=phone.clock.now)
    ahead = msgspec.structs.replace(office.sessions[1], session_id=UUID(int=0x62), from_at=office.sessions[1].to_at)
    office.sessions += [past, ahead]
    with phone.store.transaction():
        phone.store.keep_sessions(office.sessions)
    assert phone.use(OTHER).session_id == UUID(int=0x61)
    phone.clock.pass_time(9.5 * 86_400)
    assert phone.use(OTHER).session_id == UUID(int=0x61 + 1)


def test_new_sessions_are_fetched_now_and_then(phone: Phone, office: Office) -> None:
    phone.synced()
    newcomer = UUID(int=0xE3)
    office.sessions.append(office.grant(newcomer, UUID(int=0x71), "Zhao"))
    phone.synced()
    assert newcomer not in {session.person_id for session in phone.people()}
    office.zone = "Europe/Berlin"
    phone.clock.pass_time(7 * 3_600)
    phone.synced()
    assert newcomer in {session.person_id for session in phone.people()}
    install = phone.store.install()
    assert install is not None and install.zone == "Europe/Berlin"


def test_a_wipe_waits_until_the_queue_is_handed_in_and_leaves_only_why(phone: Phone, office: Office) -> None:
    phone.synced()
    made = phone.note("last words of the crew")
    office.order_wipe()
    office.fail(429, "too_many_requests", retry_after="900")
    report = phone.sync()
    assert not report.wiped
    assert phone.status().unsent == 1
    report = phone.sync()
    assert report.wiped
    assert office.effects == [made]
    status = phone.status()
    assert (status.install, status.commands, status.digests) == (None, [], {})
    assert status.tombstone is not None
    assert status.tombstone.reason == "device_revoked"
    with pytest.raises(DeviceRefusal) as refusal:
        phone.note("too late")
    assert refusal.value.code == "device_wiped"
    left = b"".join(path.read_bytes() for path in Path(phone.path).parent.iterdir())
    for secret in (b"osd_secret", b"last words", b"J-1", str(office.person).encode()):
        assert secret not in left


def test_a_wiped_device_can_be_enrolled_again(phone: Phone, office: Office) -> None:
    phone.synced()
    office.order_wipe()
    phone.sync()
    office.remove("device", office.device_id)
    office.scope.append(f"me/{office.person}")
    phone.enrol("new code", "phone")
    phone.synced()
    assert_equal(phone, office)
    assert phone.status().tombstone is None


def test_an_app_that_is_too_old_keeps_everything_and_remembers_why(phone: Phone, office: Office) -> None:
    phone.note("kept")
    office.fail(426, "upgrade_required")
    report = phone.sync()
    assert report.stopped == "upgrade_required"
    status = phone.status()
    assert status.unsent == 1
    assert status.install is not None
    assert status.install.upgrade
    phone.synced()
    status = phone.status()
    assert status.install is not None
    assert (status.unsent, status.install.upgrade) == (0, False)


def test_an_answer_that_makes_no_sense_changes_nothing(phone: Phone, office: Office) -> None:
    phone.note("kept")
    office.faults = [
        lambda: Response(200, {}, b"<html>portal</html>"),
        lambda: Response(200, {}, b"<html>portal</html>"),
    ]
    assert phone.sync().stopped == "answer_unreadable"
    assert phone.status().unsent == 1
    phone.synced()


def test_commands_that_the_server_would_not_read_are_not_queued(phone: Phone) -> None:
    with pytest.raises(DeviceRefusal) as refusal:
        phone.do(AddNote(job_id=JOB, visit_id=VISIT, note_id=VISIT, text="x" * 8_001))
    assert refusal.value.code == "invalid"
    assert phone.status().commands == []


def test_a_sample_cites_the_latest_anchor_of_this_boot(phone: Phone, office: Office) -> None:
    assert sample(phone.store, phone.clock).anchor is None
    phone.synced()
    phone.clock.pass_time(60)
    anchor = sample(phone.store, phone.clock).anchor
    assert anchor is not None
    assert anchor.mono_ms == phone.clock.mono - 60_000
    made = phone.do(AddNote(job_id=JOB, visit_id=VISIT, note_id=VISIT, text="x"))
    assert msgspec.json.decode(made.cmd, type=CommandEnvelope).at.anchor == anchor
    phone.clock.boot_name = "boot-2"
    assert sample(phone.store, phone.clock).anchor is None
    phone.clock.boot_name, phone.clock.mono = "boot-1", 5
    assert sample(phone.store, phone.clock).anchor is None


def test_the_last_twenty_anchors_are_kept(phone: Phone) -> None:
    for _ in range(ANCHORS_KEPT + 5):
        phone.clock.pass_time(1)
        phone.synced()
    assert phone.store.row("select count(*), max(mono_ms) from anchor") == (ANCHORS_KEPT, phone.clock.mono)


def test_what_a_job_misses_is_told_with_own_reports_counted(phone: Phone, office: Office) -> None:
    me = office.scope[1]
    guards = Guards(parts_declared=True, signature=True)
    office.put(
        "job_type", JobType(id=UUID(int=1), code="repair", version=1, name=LocalText(en="Repair"), guards=guards), me
    )
    task = Task(id=UUID(int=2), job_id=JOB, code="valve_closed", label=LocalText(en="Valve"), mandatory=True)
    office.put("task", task, me)
    phone.synced()
    codes = [MissingCode.TASK, MissingCode.PARTS, MissingCode.SIGNATURE]
    assert [each.code for each in phone.missing(JOB)] == codes
    refused, used = UUID(int=5), UUID(int=3)
    phone.do(AnswerChecklist(job_id=JOB, visit_id=VISIT, task_id=task.id, answer="yes"))
    phone.do(UsePart(job_id=JOB, visit_id=VISIT, move_id=used, part_id=UUID(int=4), quantity=Decimal(1)))
    phone.do(
        CaptureSignature(job_id=JOB, visit_id=VISIT, signature_id=refused, refused_reason="not at home", witness="Wang")
    )
    assert phone.missing(JOB) == []
    assert phone.missing(UUID(int=99)) == []


def test_an_incomplete_visit_can_still_be_reported(phone: Phone) -> None:
    assert phone.do(CompleteVisit(job_id=JOB, visit_id=VISIT)).n == 1


def test_a_folder_is_opened_with_the_clocks_of_this_machine(tmp_path: Path) -> None:
    device = Device.open(tmp_path / "state", url="http://127.0.0.1:9")
    assert device.status().install is None
    clock = SystemClock()
    assert clock.boot() == SystemClock().boot()
    assert 0 <= clock.mono_ms() <= clock.mono_ms()
    device.store.close()


def test_whoever_works_on_goes_on_in_the_session_that_takes_over(phone: Phone, office: Office) -> None:
    old = office.sessions[0]
    phone.clock.now = old.to_at - timedelta(hours=1)
    longer = msgspec.structs.replace(old, session_id=UUID(int=0x58), to_at=old.to_at + timedelta(days=7))
    tomorrow = msgspec.structs.replace(longer, session_id=UUID(int=0x59), from_at=old.to_at + timedelta(hours=9))
    office.sessions = [tomorrow]
    phone.synced()
    install = phone.status().install
    assert install is not None
    assert install.session_id == old.session_id
    office.sessions = [longer, tomorrow]
    phone.clock.now = old.to_at + timedelta(hours=6)
    phone.synced()
    install = phone.status().install
    assert install is not None
    assert install.session_id == longer.session_id
