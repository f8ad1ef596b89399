"""Pages: applied whole or not at all, documents that go with their last membership, resets beside the old copy, repair."""

from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from mobile_contract.client import SyncReport, pages
from mobile_contract.client.pages import PageBroken, read_page
from mobile_contract.client.store import Install
from mobile_contract.schema.clock import CitedAnchor
from tests.mobile_contract.client.kit import Phone, a_job, a_note, a_visit, assert_equal, body_of, enrolled
from tests.mobile_contract.client.office import Office

ANCHOR = CitedAnchor(token="t", mono_ms=1, boot="b")


@pytest.fixture
def office() -> Office:
    office = Office()
    me = office.scope[1]
    office.put("job", a_job(), me)
    office.put("visit", a_visit(), me)
    for number in range(100, 110):
        office.put("note", a_note(number), me)
    return office


@pytest.fixture
def phone(tmp_path: Path, office: Office) -> Phone:
    return enrolled(tmp_path / "d", office)


def install_of(phone: Phone) -> Install:
    install = phone.store.install()
    assert install is not None
    return install


def test_a_first_sync_brings_everything_in_scope(phone: Phone, office: Office) -> None:
    phone.synced()
    assert_equal(phone, office)


@pytest.mark.parametrize("page_documents", [1, 2, 3, 7])
def test_pages_of_any_size_end_in_the_same_documents(phone: Phone, office: Office, page_documents: int) -> None:
    office.page_documents = page_documents
    report = phone.synced()
    assert report.pages >= 12 // page_documents
    assert_equal(phone, office)


def test_changes_and_deletions_follow(phone: Phone, office: Office) -> None:
    phone.synced()
    office.put("job", a_job(title="changed"), office.scope[1])
    office.remove("note", UUID(int=100))
    report = phone.synced()
    assert report.changes == 2
    assert_equal(phone, office)


def test_a_document_goes_with_its_last_membership_only(phone: Phone, office: Office) -> None:
    crew, me = "crew/1", office.scope[1]
    office.scope.append(crew)
    office.put("note", a_note(100), me, crew)
    phone.synced()
    office.put("note", a_note(100), crew)
    phone.synced()
    assert ("note", UUID(int=100)) in phone.documents()
    office.scope.remove(crew)
    phone.synced()
    assert ("note", UUID(int=100)) not in phone.documents()
    assert_equal(phone, office)


def test_scope_lost_between_two_pages_leaves_nothing(phone: Phone, office: Office) -> None:
    office.page_documents = 4
    phone._exchange._pull_page(phone_report(phone))
    assert len(phone.documents()) == 4
    office.scope = office.scope[:1]
    phone.synced()
    assert phone.documents() == {}


def test_scope_regained_fills_again(phone: Phone, office: Office) -> None:
    phone.synced()
    full, office.scope = office.scope, office.scope[:1]
    phone.synced()
    office.scope = full
    phone.synced()
    assert_equal(phone, office)


def phone_report(phone: Phone) -> SyncReport:
    return SyncReport()


def test_another_life_keeps_what_is_equal_and_resets_what_is_not(phone: Phone, office: Office) -> None:
    office.scope.append("ref")
    office.put("note", a_note(500), "ref")
    phone.synced()
    office.new_life(0)
    office.put("job", a_job(title="after the restore"), office.scope[1])
    report = phone.synced()
    assert report.resets == 1
    assert_equal(phone, office)


def test_a_reset_shows_the_old_copy_until_the_new_one_is_whole(phone: Phone, office: Office) -> None:
    phone.synced()
    before = phone.documents()
    office.new_life(0)
    office.remove("note", UUID(int=100))
    office.put("note", a_note(101, "other"), office.scope[1])
    office.page_documents = 4
    phone._exchange._pull_page(phone_report(phone))
    phone._exchange._pull_page(phone_report(phone), compare=True)
    assert phone.documents() == before
    phone.synced()
    assert_equal(phone, office)
    assert phone.store.rows("select * from staged") == []


def test_a_reset_begun_twice_ends_with_the_second_copy(phone: Phone, office: Office) -> None:
    phone.synced()
    office.new_life(0)
    office.remove("note", UUID(int=100))
    office.page_documents = 4
    phone._exchange._pull_page(phone_report(phone))
    phone._exchange._pull_page(phone_report(phone), compare=True)
    office.new_life(0)
    office.remove("note", UUID(int=101))
    phone.synced()
    assert_equal(phone, office)


@pytest.mark.parametrize("spoil", ["cut", "hash", "order", "number", "twice", "empty"])
def test_a_broken_page_changes_nothing(phone: Phone, office: Office, spoil: str) -> None:
    phone.synced()
    before, cursor = phone.documents(), install_of(phone).cursor
    office.put("job", a_job(title="new"), office.scope[1])
    good = office.post("/sync/v1/pull", msgspec.json.encode({"cursor": cursor}), {}, 1).body
    lines = good.splitlines()
    bad = {
        "cut": b"\n".join(lines[:-1]),
        "hash": good.replace(b'"new"', b'"old"'),
        "order": b"\n".join(reversed(lines)),
        "number": good.replace(b'"b":[1]', b'"b":[7]'),
        "twice": b"\n".join([lines[0], *lines]),
        "empty": b"",
    }[spoil]
    with pytest.raises(PageBroken):
        pages.PageApplier(phone.store, install_of(phone), phone.clock.wall()).apply(read_page(bad), ANCHOR)
    assert (phone.documents(), install_of(phone).cursor) == (before, cursor)
    phone.synced()
    assert_equal(phone, office)


def test_a_page_asked_for_before_another_one_was_applied_is_left_aside(phone: Phone, office: Office) -> None:
    phone.synced()
    old = install_of(phone)
    office.put("job", a_job(title="first"), office.scope[1])
    late = office.post("/sync/v1/pull", msgspec.json.encode({"cursor": old.cursor}), {}, 1).body
    office.put("job", a_job(title="second"), office.scope[1])
    phone.synced()
    assert pages.PageApplier(phone.store, old, phone.clock.wall()).apply(read_page(late), ANCHOR).stale
    assert_equal(phone, office)


def test_fields_that_only_a_newer_app_knows_are_kept_and_digested(phone: Phone, office: Office) -> None:
    body = body_of(a_job())[:-1] + b', "later": [1.50,  null]}'
    office.put_bytes("job", a_job().id, body, office.scope[1])
    phone.synced()
    assert phone.documents()["job", a_job().id][1] == body
    assert phone.shown()["job", a_job().id] == a_job()


def test_kinds_that_only_a_newer_app_knows_are_kept_and_not_shown(phone: Phone, office: Office) -> None:
    office.put_bytes("hologram", UUID(int=9), b'{"id":"x"}', office.scope[1])
    phone.synced()
    assert_equal(phone, office)
    assert ("hologram", UUID(int=9)) not in phone.shown()


@pytest.mark.parametrize(
    "harm",
    [
        "delete from member where kind = 'note' and id like '%6_'",
        "update document set body = cast('{}' as blob) where kind = 'job'",
        "insert into member select kind, '00000000-0000-0000-0000-0000000000ff', bucket from member where kind = 'job';",
    ],
)
def test_a_difference_is_found_by_digest_and_repaired_by_ranges(phone: Phone, office: Office, harm: str) -> None:
    phone.synced()
    with phone.store.transaction():
        phone.store.run(harm)
        phone.store.run("insert or ignore into document select kind, id, 1, cast('{}' as blob) from member")
    assert pages.digest(phone.store, office.scope[1]) != office.digest(office.scope[1])
    office.put("note", a_note(120), office.scope[1])
    report = phone.synced()
    assert report.repaired == (office.scope[1],)
    assert_equal(phone, office)
    assert phone.synced().repaired == ()


def test_the_golden_page_is_read_and_applied(tmp_path: Path) -> None:
    vector = Path(pages.__file__).parents[1] / "vectors" / "page.ndjson"
    phone = enrolled(tmp_path / "d", Office())
    applied = pages.PageApplier(phone.store, install_of(phone), phone.clock.wall()).apply(
        read_page(vector.read_bytes()), ANCHOR
    )
    assert applied.differ == ()
    assert install_of(phone).cursor == "opaque-cursor"
    assert {kind for kind, _ in phone.documents()} == {"job", "note"}
