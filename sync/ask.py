"""A command as it came in, before anything is decided about it."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from jobs.context import Actor, Deed, Occurrence, Via
from jobs.result import PutAside, Refused
from mobile_contract.registry import COMMANDS, Nature, decode_args
from mobile_contract.schema.base import Command
from mobile_contract.schema.outcome import OutcomeStatus, ResolutionKind
from sync.outcomes import Answer

_ERROR_CHARS = 300


class Ask(Struct, frozen=True, kw_only=True):
    """A command to execute.

    `raw` are the bytes received (a device's `cmd`, else the arguments), `digest` their SHA-256, `args` the arguments as JSON.
    `n` is a device's sequence number; `expected_ver` an explicit If-Match on the job; `released`: it was held and may go on now.
    `barred` is the code for which it is not judged at all: a fact goes to quarantine, a decision is refused. `ends` says what its
    effect means for the quarantined command `cause`.
    """

    id: UUID
    name: str
    args: bytes
    digest: bytes
    raw: bytes
    actor: Actor
    occurrence: Occurrence
    received_at: datetime
    after: tuple[UUID, ...] = ()
    n: int | None = None
    cause: UUID | None = None
    on_behalf_of: UUID | None = None
    expected_ver: int | None = None
    released: bool = False
    barred: str = ""
    ends: ResolutionKind | None = None

    @property
    def is_fact(self) -> bool:
        """Tell whether the command reports."""
        return is_fact(self.name)

    def deed(self, *, after_unresolved: bool = False) -> Deed:
        """Give the circumstances that handlers see."""
        return Deed(
            command_id=self.id,
            actor=self.actor,
            occurrence=self.occurrence,
            received_at=self.received_at,
            on_behalf_of=self.on_behalf_of,
            cause=self.cause,
            after_unresolved=after_unresolved,
        )

    def answer(
        self,
        status: OutcomeStatus,
        code: str,
        now: datetime,
        *,
        flags: tuple[str, ...] = (),
        detail: dict[str, str] | None = None,
    ) -> Answer:
        """Make the answer to this command."""
        return Answer(
            command_id=self.id,
            name=self.name,
            digest=self.digest,
            status=status,
            code=code,
            flags=flags,
            detail=detail or {},
            device_id=self.actor.device_id,
            n=self.n,
            actor_id=self.actor.person_id,
            cause=self.cause,
            received_at=self.received_at,
            decided_at=now,
        )


def digest_of(name: str, args: bytes) -> bytes:
    """Digest a command that came without an envelope of its own: SHA-256 over name and arguments, joined by NUL."""
    return hashlib.sha256(name.encode() + b"\0" + args).digest()


def is_fact(name: str) -> bool:
    """Tell whether a command reports; a name that nobody knows counts as a report, so that it is kept whole."""
    line = COMMANDS.get(name)
    return line is None or line.nature is Nature.FACT


def decode(name: str, args: bytes, via: Via) -> Command | Refused | PutAside:
    """Read a command's arguments; what cannot be read is refused (a decision) or put aside whole (a fact)."""
    try:
        return decode_args(name, args)
    except KeyError:
        return PutAside("unknown_command") if via is Via.DEVICE else Refused("unknown_command")
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        detail = {"error": storable(str(error))[:_ERROR_CHARS]}
        return PutAside("invalid", detail) if is_fact(name) else Refused("invalid", detail)


def told_name(name: str) -> str:
    """Give a command's name as logs show it: one that nobody knows is the device's text, and may say anything."""
    return name if name in COMMANDS else "unknown"


def storable(text: str) -> str:
    """Replace what PostgreSQL cannot store in a text: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
