"""The log's lines: fields of every layer arrive, in both formats."""

import json
import logging
from collections.abc import Iterator

import msgspec
import pytest

from api.logs import configure_logs
from api.settings import Settings


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Leave the root logger to the other tests as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_what_a_lower_layer_adds_to_a_line_are_its_fields(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(msgspec.structs.replace(settings, log_format="json", log_level="info"))
    logging.getLogger("onsite.command").info("command", extra={"command": "c-1", "code": "unchanged"})
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["event"], line["command"], line["code"], line["level"]) == ("command", "c-1", "unchanged", "info")


def test_the_scheduler_of_timers_does_not_speak_of_itself(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(msgspec.structs.replace(settings, log_level="info"))
    logging.getLogger("apscheduler.executors.default").info("Running job")
    assert "Running job" not in capsys.readouterr().err
