"""`onsite device`: what a technician types, what it does to the device, and what is said when it cannot be done."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from typer.testing import CliRunner

from api.cli import build
from api.operator_error import OperatorError
from mobile_contract.client import Device
from mobile_contract.registry import decode_args
from mobile_contract.schema.base import LocalText
from mobile_contract.schema.job import Guards, JobType, OpenJob, Task, Visit, VisitState
from mobile_contract.schema.messages import CommandEnvelope
from mobile_contract.schema.place import Meter
from tests.mobile_contract.client.kit import JOB, VISIT, a_job, a_visit
from tests.mobile_contract.client.loopback import served
from tests.mobile_contract.client.office import START, Office

Onsite = Callable[..., str]
OFFER = OpenJob(id=UUID(int=0x70), number="J-70", type="repair", title="Leak at the gate", reported_at=START)


@pytest.fixture
def office() -> Office:
    office, me = Office(), ""
    me = office.scope[1]
    guards = Guards(parts_declared=True)
    office.put("job", a_job(title="Burst main", address="Jiefang Rd 1"), me)
    office.put("visit", a_visit(), me)
    office.put("open_job", OFFER, me)
    office.put(
        "job_type", JobType(id=UUID(int=1), code="repair", version=1, name=LocalText(en="Repair"), guards=guards), me
    )
    office.put("task", Task(id=UUID(int=2), job_id=JOB, code="valve_closed", label=LocalText(en="Valve")), me)
    office.put("meter", Meter(id=UUID(int=3), site_id=UUID(int=4), serial="SN-4711"), me)
    return office


@pytest.fixture
def onsite(office: Office, tmp_path: Path) -> Iterator[Onsite]:
    with served(office) as url:

        def run(*words: str) -> str:
            done = CliRunner().invoke(
                build(), ["device", *words, "--state", str(tmp_path / "phone")], terminal_width=200
            )
            if done.exception is not None and not isinstance(done.exception, SystemExit):
                raise done.exception
            return " ".join(done.output.split())

        run("enrol", f"onsite://enrol?server={url}&code=abc", "--name", "Van 3")
        run("sync")
        yield run


def last_command(tmp_path: Path) -> tuple[str, object]:
    device = Device.open(tmp_path / "phone")
    envelope = msgspec.json.decode(device.status().commands[-1].cmd, type=CommandEnvelope)
    device.close()
    return envelope.name, decode_args(envelope.name, bytes(envelope.args))


def test_times_are_shown_in_the_organisations_zone(
    onsite: Onsite, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        office.put("job", a_job(arrival_due_at=START), office.scope[1])
        onsite("sync")
        assert "16:00" in onsite("jobs")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_working_day_at_the_command_line(onsite: Onsite, office: Office) -> None:
    assert "Burst main" in onsite("jobs")
    said = onsite("do", "arrive_on_site", "--job", "J-1")
    assert "Queued as number 1" in said
    assert "state dispatched → on_site" in said
    assert "J-1*" in onsite("jobs")
    assert "unsent 1" in onsite("status")
    assert "1 of 1 sent commands answered" in onsite("sync", "--check")
    status = onsite("status")
    assert "unsent 0" in status
    assert "applied" in status
    assert len(office.effects) == 1


def test_names_stand_in_for_ids(onsite: Onsite, tmp_path: Path) -> None:
    onsite("do", "answer_checklist", "--job", "J-1", "task=valve_closed", "answer=yes")
    assert getattr(last_command(tmp_path)[1], "task_id", None) == UUID(int=2)
    onsite("do", "read_meter", "--job", "J-1", "meter=SN-4711", "value=1234.5")
    name, args = last_command(tmp_path)
    assert (name, getattr(args, "meter_id", None), str(getattr(args, "value", ""))) == (
        "read_meter",
        UUID(int=3),
        "1234.5",
    )
    assert getattr(args, "visit_id", None) == VISIT


def test_new_things_get_ids_and_versions_are_filled_in(onsite: Onsite, tmp_path: Path) -> None:
    onsite("do", "claim_job", "--job", "J-70")
    assert getattr(last_command(tmp_path)[1], "job_id", None) == OFFER.id
    onsite("do", "accept_visit", "--job", "J-1")
    assert getattr(last_command(tmp_path)[1], "plan_version", None) == 1
    onsite("do", "add_note", "--job", "J-1", "text=gate is locked", 'position={"lon_deg": 119.9, "lat_deg": 30.1}')
    position = getattr(last_command(tmp_path)[1], "position", None)
    assert position is not None
    assert (position.lon_deg, position.lat_deg) == (119.9, 30.1)


def test_a_visit_is_not_completed_by_mistake(onsite: Onsite) -> None:
    with pytest.raises(OperatorError, match="Say which parts were used"):
        onsite("do", "complete_visit", "--job", "J-1")
    assert "Queued" in onsite("do", "complete_visit", "--job", "J-1", "no_parts_used=true")


def test_an_incomplete_visit_can_be_reported_on_purpose(onsite: Onsite) -> None:
    assert "completed" in onsite("do", "complete_visit", "--job", "J-1", "--anyway")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("do", "arive_on_site", "--job", "J-1"), "Did you mean arrive_on_site"),
        (("do", "arrive_on_site", "--job", "J-9"), "holds no job 'J-9'"),
        (("do", "arrive_on_site", "--job", "J-1", "who=me"), "has no field who"),
        (("do", "arrive_on_site", "--job", "J-1", "now"), "key=value"),
        (("do", "add_note", "--job", "J-1"), "text"),
        (
            ("do", "answer_checklist", "--job", "J-1", "task=nothing", "answer=yes"),
            "0 documents answer to task=nothing",
        ),
        (("do", "read_meter", "--job", "J-1", "meter=SN-4711", "value=much"), "value"),
        (("use", "Nobody"), "may work here"),
    ],
)
def test_what_cannot_be_done_says_what_to_write(onsite: Onsite, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(OperatorError) as error:
        onsite(*words)
    assert said in str(error.value)


def test_several_open_visits_have_to_be_told_apart(onsite: Onsite, office: Office) -> None:
    other = Visit(id=UUID(int=0x21), job_id=JOB, state=VisitState.ACCEPTED)
    office.put("visit", other, office.scope[1])
    onsite("sync")
    with pytest.raises(OperatorError, match=str(other.id)):
        onsite("do", "start_travel", "--job", "J-1")
    assert "en_route" in onsite("do", "start_travel", "--job", "J-1", "--visit", str(other.id))


def test_another_person_takes_over(onsite: Onsite, office: Office) -> None:
    office.sessions.append(office.grant(UUID(int=0xE2), UUID(int=0x61), "Wang"))
    onsite("enrol", "another")
    assert "Wang" in onsite("use")
    assert "Wang is working now" in onsite("use", "Wang")
    onsite("use", "--set-pin", "2468")
    onsite("use", "Li")
    with pytest.raises(OperatorError, match="PIN"):
        onsite("use", "Wang", "--pin", "1")


def test_a_folder_that_is_no_device_says_how_to_make_it_one(tmp_path: Path) -> None:
    done = CliRunner().invoke(build(), ["device", "sync", "--state", str(tmp_path)])
    assert isinstance(done.exception, OperatorError)
    assert "onsite device enrol CODE" in str(done.exception)


def test_a_server_that_is_away_loses_nothing(onsite: Onsite, office: Office) -> None:
    onsite("do", "arrive_on_site", "--job", "J-1")
    office.fail(426, "upgrade_required")
    onsite("sync")
    assert "update the app" in onsite("status")
    onsite("sync")
    assert len(office.effects) == 1
