"""The log's lines: fields of every layer arrive, in both formats."""

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
import pytest
import structlog

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


def test_the_commands_of_a_transaction_are_a_line_each(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    commands = [{"org": UUID(int=1), "command": UUID(int=n), "code": "ok", "ms": 0.1, "actor": None} for n in (2, 3)]
    configure_logs(msgspec.structs.replace(settings, log_format="json", log_level="info"))
    logging.getLogger("onsite.command").info("command", extra={"lines": commands})
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["command"] for line in lines] == [str(UUID(int=2)), str(UUID(int=3))]
    assert all((line["event"], line["level"], line["code"]) == ("command", "info", "ok") for line in lines)
    assert all(datetime.fromisoformat(line["timestamp"]).tzinfo is not None for line in lines)
    configure_logs(msgspec.structs.replace(settings, log_format="console", log_level="info"))
    logging.getLogger("onsite.command").info("command", extra={"lines": commands})
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and all("[info     ] command  " in line and " code=ok " in line for line in said)
    configure_logs(msgspec.structs.replace(settings, log_level="error"))
    logging.getLogger("onsite.command").info("command", extra={"lines": commands})
    assert capsys.readouterr().err == ""


def test_the_scheduler_of_timers_does_not_speak_of_itself(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(msgspec.structs.replace(settings, log_level="info"))
    logging.getLogger("apscheduler.executors.default").info("Running job")
    assert "Running job" not in capsys.readouterr().err


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_what_the_database_says_of_a_row_stays_out_of_the_log(
    settings: Settings, owner: asyncpg.Connection, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logs(msgspec.structs.replace(settings, log_format=log_format))
    await owner.execute("drop table if exists told")
    await owner.execute("create temporary table told (n int not null, note text)")
    statement = "insert into told values (null, 'Mrs Lin\nwas not at home')"
    with pytest.raises(asyncpg.NotNullViolationError, match="Mrs Lin") as refused:
        await owner.execute(statement)
    try:
        raise LookupError("a fault of ours") from refused.value
    except LookupError:
        logging.getLogger("onsite.push").warning("chunk failed", exc_info=True)
    structlog.get_logger().error("fault", exc_info=refused.value)
    said = capsys.readouterr().err
    assert said.count("NotNullViolationError") == 2 and "a fault of ours" in said and "test_logs.py" in said
    assert "Lin" not in said and "at home" not in said
