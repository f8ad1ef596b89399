"""What is remembered of one request until its log line is written. Holds ids and codes only: no names, texts or places."""

from typing import Any
from uuid import UUID

from msgspec import Struct

_KEY = "onsite_record"


class Record(Struct, kw_only=True):
    """A request's line in the log. Routes fill in what they learn; the envelope writes it."""

    request_id: UUID
    method: str
    org_id: UUID | None = None
    actor: str = ""
    event: str = ""
    command_id: UUID | None = None
    code: str = ""


def put_record(scope: Any, record: Record) -> None:
    """Attach the record to a request's scope."""
    scope.setdefault("state", {})[_KEY] = record


def record_of(scope: Any) -> Record:
    """Give the record of a request's scope. Raises KeyError outside the envelope."""
    record: Record = scope["state"][_KEY]
    return record
