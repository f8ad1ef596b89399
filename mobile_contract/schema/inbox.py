"""The inbox of what could not be applied, as the console sees it. Owns shapes only; whoever may look is the edge's question."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from mobile_contract.schema.base import Code, Instant
from mobile_contract.schema.outcome import OutcomeStatus, ResolutionKind


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command that was put aside: who sent it, when it happened, why it waits, and its arguments as far as they can be read."""

    entry_id: UUID
    name: str
    reason: Code
    received_at: Instant
    command_id: UUID | None = None
    person_id: UUID | None = None
    device_id: UUID | None = None
    n: int | None = None
    job_id: UUID | None = None
    occurred_at: Instant | None = None
    detail: dict[str, str] = {}
    args: Raw | UnsetType = UNSET
    resolution: ResolutionKind | None = None
    resolved_by: UUID | None = None
    resolved_at: Instant | None = None


class EntryPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the inbox, oldest first; `next` is the key after which the next page begins."""

    items: tuple[Entry, ...]
    next: str | None = None


class ResolveAsk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """End an entry: apply it as it is, correct it (then `args`, and `name` for another command), or discard it."""

    kind: ResolutionKind
    name: Annotated[str, Meta(max_length=80)] = ""
    args: Raw | UnsetType = UNSET


class ResolveAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The entry as it is now, and what became of the command in its place (nothing: discarded)."""

    entry: Entry
    status: OutcomeStatus | None = None
    code: Code = "ok"
    flags: tuple[str, ...] = ()
