"""The log: one line per request and per command, for people or for machines. Never names, texts, places or secrets.

Lines of libraries go the same way; a traceback shows code, never the values of variables.
"""

import logging
import logging.config
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO, TypeAlias
from uuid import UUID

import asyncpg
import msgspec
import structlog

from api.settings import Settings
from mobile_contract.ids import uuid_text

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]


def configure_logs(settings: Settings) -> None:
    """Set up structlog and the standard library's logging for this process; lines go to standard error."""
    as_json = settings.log_format == "json"
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = (
        [structlog.processors.ExceptionRenderer(_told), structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_write)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": _Lines,
                    "write": _write_json if as_json else _write_text,
                    # The layers below log with the standard library: what they add to a line are its fields.
                    "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": settings.log_level.upper()},
            "loggers": {
                # Ours is the one line per request; httpx would log addresses with their queries.
                "uvicorn.access": {"handlers": [], "propagate": False},
                "httpx": {"level": "WARNING"},
                # A timer says itself what it did.
                "apscheduler": {"level": "WARNING"},
            },
        }
    )


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Writes any record by structlog's processors; but the `lines` of a record, one each, by hand: those of requests and commands.

    There are thousands of them a second, and the general way costs more than what a pull or a command does to the database.
    """

    def __init__(self, write: Callable[[str, str, Mapping[str, object]], str], **more: Any) -> None:
        super().__init__(**more)
        self._write_line = write

    def format(self, record: logging.LogRecord) -> str:
        """Write a record's line, or its lines."""
        lines: Sequence[Mapping[str, object]] | None = getattr(record, "lines", None)
        if lines is None:
            return super().format(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return "\n".join(
            self._write_line(at, record.levelname.lower(), {"event": record.msg, **line}) for line in lines
        )


def _write_json(at: str, level: str, line: Mapping[str, object]) -> str:
    return msgspec.json.encode({**line, "level": level, "timestamp": at}).decode()


def _write_text(at: str, level: str, line: Mapping[str, object]) -> str:
    fields = " ".join(
        f"{name}={uuid_text(value).decode() if type(value) is UUID else value}"
        for name, value in sorted(line.items())
        if name != "event"
    )
    return f"{at} [{level:<9}] {line['event']:<30} {fields}"


def _write(out: TextIO, exc_info: ExcInfo) -> None:
    out.write("\n" + _told(exc_info))


def _told(exc_info: ExcInfo) -> str:
    """Write a traceback with its causes, the first one first. Of what PostgreSQL says only the message: its details quote the row."""
    error: BaseException | None = exc_info[1]
    told: list[str] = []
    while error is not None:
        said = error.args[0] if isinstance(error, asyncpg.PostgresError) and error.args else error
        frames = "".join(traceback.format_tb(error.__traceback__))
        told.insert(0, f"{frames}{type(error).__module__}.{type(error).__qualname__}: {said}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nwhich led to\n".join(told)
