"""What a device hands in, taken apart: the batch first, then each command by itself, so that one bad command never spoils the others.

Pure. Owns the limits of a batch and of a command. Never judges what a command asks.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, TypeVar, cast
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta, Raw, Struct

from mobile_contract import limits
from mobile_contract.digest import command_digest
from mobile_contract.schema.clock import ClockSample
from mobile_contract.schema.messages import CommandEnvelope, Skip
from sync.ask import storable

T = TypeVar("T")

UNREADABLE: Final = "unreadable"
_N_MAX: Final = (1 << 62) - 1
_NAME_CHARS: Final = 80
_BROKEN: Final = (msgspec.MsgspecError, ValueError, RecursionError)
# PostgreSQL has no text with a NUL in it.
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Item(Struct, frozen=True, kw_only=True):
    """One command of a batch. `barred` says why it cannot be judged (a code), else it is empty.

    `cmd` are its bytes as they came (none for a skip), `digest` their SHA-256. `session` is None where it is no UUID.
    """

    n: int
    id: UUID
    name: str
    digest: bytes
    cmd: bytes = b""
    args: bytes = b""
    after: tuple[UUID, ...] = ()
    at: ClockSample | None = None
    session: UUID | None = None
    barred: str = ""


class Line(Struct, frozen=True):
    """One command of a batch as it travels: its number, its bytes, its session."""

    n: Annotated[int, Meta(ge=1, le=_N_MAX)]
    cmd: Raw
    session: Raw = Raw(b"null")


class HandedIn(Struct, frozen=True):
    """A batch: the device's clocks at sending (None: unreadable) and its lines by ascending n, one of each."""

    sent: ClockSample | None
    lines: tuple[Line | Skip, ...]


class Refusal(Struct, frozen=True):
    """A batch that was not taken: a code of the catalogue, figures for the device, and when to come again."""

    code: str
    about: dict[str, str] = {}
    retry_after_s: int | None = None


class _Outer(Struct, frozen=True):
    sent: Raw = Raw(b"null")
    commands: tuple[Raw, ...] = ()
    skips: tuple[Raw, ...] = ()


class _Known(Struct, frozen=True):
    """What can still be told of a command whose envelope is broken."""

    id: UUID | None = None
    name: str = UNREADABLE


def read_batch(body: bytes) -> HandedIn | Refusal:
    """Take a batch apart; `read_items` reads its lines.

    Refusal `batch_unreadable` where the envelope cannot be read, `batch_too_large` beyond the limits, `device_forked` where one number
    has two commands. One line that cannot be read makes the batch unreadable: without a number it has no place in the queue, and the device
    finds it by halves.
    """
    try:
        outer = msgspec.json.decode(body, type=_Outer)
        if len(outer.commands) + len(outer.skips) > limits.PUSH_COMMANDS:
            return Refusal("batch_too_large", {"commands": str(limits.PUSH_COMMANDS)})
        lines = [msgspec.json.decode(line, type=Line) for line in outer.commands]
        skips = [msgspec.json.decode(skip, type=Skip) for skip in outer.skips]
    except _BROKEN:
        return Refusal("batch_unreadable")
    if len(lines) > 1 and sum(len(bytes(line.cmd)) for line in lines) > limits.PUSH_BYTES:
        return Refusal("batch_too_large", {"bytes": str(limits.PUSH_BYTES)})
    if any(skip.n > _N_MAX for skip in skips):
        return Refusal("batch_unreadable")
    return _in_order(_read(outer.sent, ClockSample), [*lines, *skips])


def read_items(device_id: UUID, lines: Iterable[Line | Skip]) -> list[Item]:
    """Read lines of a batch, each by itself; in their order."""
    return [_item(device_id, line) if type(line) is Line else _skipped(cast(Skip, line)) for line in lines]


def _in_order(sent: ClockSample | None, lines: Sequence[Line | Skip]) -> HandedIn | Refusal:
    by_n: dict[int, Line | Skip] = {}
    for line in lines:
        first = by_n.setdefault(line.n, line)
        if first is not line and _digest(first) != _digest(line):
            return Refusal("device_forked")
    return HandedIn(sent, tuple(by_n[n] for n in sorted(by_n)))


def _digest(line: Line | Skip) -> bytes:
    return bytes.fromhex(line.sha256) if isinstance(line, Skip) else command_digest(bytes(line.cmd))


def _item(device_id: UUID, line: Line) -> Item:
    cmd = bytes(line.cmd)
    digest = command_digest(cmd)
    session = _read(line.session, UUID)
    envelope = _read(cmd, CommandEnvelope)
    if envelope is None or (b"\\u0000" in cmd and _NUL.search(cmd)) or len(cmd) > limits.COMMAND_BYTES:
        known = _read(cmd, _Known) or _Known()
        return Item(
            n=line.n,
            id=known.id or uuid5(device_id, f"{line.n}/{digest.hex()}"),
            name=storable(known.name)[:_NAME_CHARS] or UNREADABLE,
            digest=digest,
            cmd=cmd,
            session=session,
            barred="command_too_large" if len(cmd) > limits.COMMAND_BYTES else "invalid",
        )
    return Item(
        n=line.n,
        id=envelope.id,
        name=envelope.name,
        digest=digest,
        cmd=cmd,
        args=bytes(envelope.args),
        after=envelope.after,
        at=envelope.at,
        session=session,
    )


def _skipped(skip: Skip) -> Item:
    return Item(n=skip.n, id=skip.id, name="skip", digest=_digest(skip), barred="skipped")


def _read(raw: Raw | bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(raw, type=kind)
    except _BROKEN:
        return None
