"""What a device does after its server came back from a backup, its bytes were harmed, or scope was lost in mid-page. Found by simulation."""

from pathlib import Path
from uuid import UUID

import pytest

from mobile_contract.client import SyncReport, queue
from mobile_contract.client.queue import Draft
from mobile_contract.schema.messages import PushAsk
from mobile_contract.schema.outcome import OutcomeStatus
from tests.mobile_contract.client.kit import Phone, a_job, a_visit, assert_equal, enrolled
from tests.mobile_contract.client.office import START, Office


@pytest.fixture
def office() -> Office:
    office = Office()
    office.put("job", a_job(), office.scope[1])
    office.put("visit", a_visit(), office.scope[1])
    return office


@pytest.fixture
def phone(tmp_path: Path, office: Office) -> Phone:
    return enrolled(tmp_path / "d", office)


def twin_of(phone: Phone, path: Path, office: Office) -> Phone:
    copy = Phone(path, office, seed=2)
    phone.store._db.backup(copy.store._db)
    return copy


def pushed(office: Office) -> list[PushAsk]:
    return [ask for _, ask in office.requests if isinstance(ask, PushAsk)]


def test_a_command_that_the_server_took_under_another_id_becomes_a_skip(phone: Phone, office: Office) -> None:
    before = phone.note("before")
    install = phone.store.install()
    assert install is not None and install.session_id is not None
    harmed = Draft(
        id=UUID(int=0x77),
        session_id=install.session_id,
        name="add_note",
        job_id=None,
        # The id in the bytes is another one than the queue's: a bit fell over in memory.
        cmd=phone.store.rows("select cmd from command")[0][0].replace(
            str(before).encode(), str(UUID(int=0x78)).encode()
        ),
        made_at=START,
    )
    with phone.store.transaction():
        n = queue.add(phone.store, harmed)
    after = phone.note("after")
    report = phone.sync()
    assert report.stopped == ""
    assert phone.status().unsent == 0
    assert queue.numbered(phone.store, n).skipped
    assert office.effects == [before, UUID(int=0x78), after]


def test_loss_is_noticed_when_the_first_page_comes_after_it(phone: Phone, office: Office) -> None:
    made = [phone.note(str(i)) for i in range(3)]
    phone._exchange.push(SyncReport())
    office.new_life(1)
    phone.synced()
    assert office.effects == made


def test_a_number_lost_in_a_restore_and_taken_by_a_clone_is_noticed(
    phone: Phone, office: Office, tmp_path: Path
) -> None:
    phone.note("shared")
    phone.synced()
    clone = twin_of(phone, tmp_path / "clone", office)
    mine = phone.note("mine, lost in the restore")
    phone.synced()
    office.new_life(1)
    clone.note("the clone's, under the same number")
    clone.synced()
    report = phone.sync()
    assert report.stopped == "device_forked"
    assert [each.id for each in queue.kept(phone.store) if each.status is None] == [mine]


def test_a_clone_takes_the_number_before_the_first_page_of_all(phone: Phone, office: Office, tmp_path: Path) -> None:
    clone = twin_of(phone, tmp_path / "clone", office)
    phone.note("mine, lost in the restore")
    phone._exchange.push(SyncReport())
    office.new_life(0)
    clone.note("the clone's, under the same number")
    clone.synced()
    assert phone.sync().stopped == "device_forked"


def test_a_push_begins_with_the_last_answered_command(phone: Phone, office: Office, tmp_path: Path) -> None:
    phone.note("shared")
    phone.synced()
    clone = twin_of(phone, tmp_path / "clone", office)
    phone.note("mine, lost in the restore")
    phone.synced()
    office.new_life(1)
    clone.note("the clone's, under the same number")
    clone.synced()
    # It pushes before it learns of the new life: with what follows alone the loss would go unnoticed.
    phone.note("what follows")
    assert phone.sync().stopped == "device_forked"


def test_a_hole_after_a_restore_does_not_hide_a_clone(phone: Phone, office: Office, tmp_path: Path) -> None:
    phone.note("shared")
    phone.synced()
    clone = twin_of(phone, tmp_path / "clone", office)
    mine = [phone.note(f"mine {i}, lost in the restore") for i in range(3)]
    phone.synced()
    office.new_life(1)
    clone.note("the clone's, under the number of my first")
    clone.synced()
    phone.note("what follows")
    assert phone.sync().stopped == "device_forked"
    clone.store.close()
    assert {each.id for each in queue.kept(phone.store)} >= set(mine)


def test_an_answered_command_that_leaves_no_room_does_not_stop_the_next(phone: Phone, office: Office) -> None:
    phone.note("水" * 2_500)
    phone.synced()
    for i in range(31):
        phone.note(f"{i}" + "水" * 2_600)
    phone.synced()
    assert phone.status().unsent == 0


def test_the_wall_clock_makes_nothing_be_forgotten(phone: Phone, office: Office) -> None:
    made = phone.note("kept")
    phone.synced()
    phone.clock.now = phone.clock.now.replace(year=2031)
    phone.synced()
    office.new_life(0)
    phone.synced()
    assert office.effects == [made]


def test_a_bucket_that_is_lost_while_it_is_filled_does_not_stop_the_next(phone: Phone, office: Office) -> None:
    crew = "crew/1"
    office.scope.append(crew)
    for i in range(8):
        office.put_bytes("part", UUID(int=0x900 + i), b'{"x":1}', crew)
    office.page_documents = 5
    phone._exchange._pull_page(SyncReport())
    office.scope[-1] = "ref"
    office.put_bytes("part", UUID(int=0xA00), b'{"x":2}', "ref")
    phone.synced()
    assert_equal(phone, office)


def test_a_new_copy_that_another_life_cut_short_is_never_shown(phone: Phone, office: Office) -> None:
    office.scope.append("ref")
    for i in range(9):
        office.put_bytes("part", UUID(int=0x900 + i), b'{"x":1}', "ref")
    phone.synced()
    office.new_life(0)
    for i in range(9):
        office.put_bytes("part", UUID(int=0x900 + i), b'{"x":2}', "ref")
    office.page_documents = 5
    phone._exchange._pull_page(SyncReport())
    phone._exchange._pull_page(SyncReport(), compare=True)
    assert phone.store.rows("select count(*) from staged")[0][0] > 0
    # Another life, in which more urgent buckets are filled before this one is begun again.
    office.new_life(0)
    for i in range(12):
        office.put_bytes("note", UUID(int=0xB00 + i), b'{"x":3}', office.scope[1])
    phone._exchange._pull_page(SyncReport())
    phone._exchange._pull_page(SyncReport(), compare=True)
    assert sum(kind == "part" for kind, _ in phone.documents()) == 9
    phone.synced()
    assert_equal(phone, office)


def test_a_session_that_the_server_lost_is_replaced_and_the_queue_goes_with_it(phone: Phone, office: Office) -> None:
    phone.synced()
    lost, known = office.sessions[0].session_id, UUID(int=0x52)
    office.sessions = [office.grant(office.person, known, "Li")]
    office.fail(403, "session_unknown")
    report = phone.sync()
    assert report.stopped == ""
    install = phone.store.install()
    assert install is not None and install.session_id == known
    phone.note("in the new session")
    phone.synced()
    assert [each.session for each in pushed(office)[-1].commands][-1] == known
    assert lost not in {session.session_id for session in phone.store.sessions()}


def test_without_a_session_of_the_person_somebody_has_to_say_who_works(phone: Phone, office: Office) -> None:
    office.sessions = []
    office.fail(403, "session_unknown")
    assert phone.sync().stopped == ""
    install = phone.store.install()
    assert install is not None and install.session_id is None


def test_a_final_answer_stays_while_it_is_asked_for_again(phone: Phone, office: Office) -> None:
    phone.note("one")
    phone.synced()
    office.new_life(1)
    phone.synced()
    assert [each.status for each in queue.kept(phone.store)] == [OutcomeStatus.APPLIED]
