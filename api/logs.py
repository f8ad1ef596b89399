"""The log: one line per request and per command, for people or for machines. Never names, texts, places or secrets.

Lines of libraries go the same way; a traceback shows code, never the values of variables.
"""

import logging
import logging.config
import sys
import traceback
from types import TracebackType
from typing import Any, TextIO, TypeAlias

import asyncpg
import structlog

from api.settings import Settings

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
                    "()": structlog.stdlib.ProcessorFormatter,
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
