"""Answers to commands: outcomes for the device, notices for the person."""

from enum import StrEnum
from uuid import UUID

from mobile_contract.schema.base import Code, Document, Instant, Line, LocalText, Value


class OutcomeStatus(StrEnum):
    """Final, but for `held`."""

    # As text: an Enum\'s own hash is a call into Python, and a batch makes ten thousands.
    __hash__ = str.__hash__

    APPLIED = "applied"
    MERGED = "merged"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"
    HELD = "held"


class ResolutionKind(StrEnum):
    """What became of a quarantined command."""

    APPLIED = "applied"
    CORRECTED = "corrected"
    DISCARDED = "discarded"


class Resolution(Value, frozen=True, kw_only=True):
    """Who ended a quarantine, how and when."""

    kind: ResolutionKind
    by: UUID | None = None
    at: Instant


class Outcome(Document, frozen=True, kw_only=True):
    """The durable answer to a command (`id` is the command's); details go to the author's notice."""

    status: OutcomeStatus
    code: Code = "ok"
    n: int | None = None
    flags: tuple[str, ...] = ()
    resolution: Resolution | None = None


class Notice(Document, frozen=True, kw_only=True):
    """Something a person should know: why a command was refused or put aside, who was faster, what was decided."""

    person_id: UUID
    code: Code
    text: LocalText
    at: Instant
    job_id: UUID | None = None
    command_id: UUID | None = None
    about: Line = ""


class DeviceState(Document, frozen=True, kw_only=True):
    """What the server thinks of a device: its name, and whether it must wipe itself."""

    name: Line
    revoked: bool = False
    wipe: bool = False
