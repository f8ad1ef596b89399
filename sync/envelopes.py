"""What a device hands in, taken apart: the batch first, then each command by itself, so that one bad command never spoils the others.

Pure. Owns the limits of a batch and of a command. Never judges what a command asks.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Annotated, Final, TypeVar
from uuid import UUID, uuid5

import msgspec
from msgspec import Meta, Raw, Struct

from mobile_contract import limits
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


class HandedIn(Struct, frozen=True):
    """A batch: the device's clocks at sending (None: unreadable) and its commands by ascending n."""

    sent: ClockSample | None
    items: tuple[Item, ...]


class Refusal(Struct, frozen=True):
    """A batch that was not taken: a code of the catalogue, figures for the device, and when to come again."""

    code: str
    about: dict[str, str] = {}
    retry_after_s: int | None = None


class _Outer(Struct, frozen=True):
    sent: Raw = Raw(b"null")
    commands: tuple[Raw, ...] = ()
    skips: tuple[Raw, ...] = ()


class _Line(Struct, frozen=True):
    n: Annotated[int, Meta(ge=1, le=_N_MAX)]
    cmd: Raw
    session: Raw = Raw(b"null")


class _Known(Struct, frozen=True):
    """What can still be told of a command whose envelope is broken."""

    id: UUID | None = None
    name: str = UNREADABLE


def read_batch(device_id: UUID, body: bytes) -> HandedIn | Refusal:
    """Take a batch apart.

    Refusal `batch_unreadable` where the envelope cannot be read, `batch_too_large` beyond the limits, `device_forked` where one number
    has two commands. One line that cannot be read makes the batch unreadable: without a number it has no place in the queue, and the device
    finds it by halves.
    """
    try:
        outer = msgspec.json.decode(body, type=_Outer)
        if len(outer.commands) + len(outer.skips) > limits.PUSH_COMMANDS:
            return Refusal("batch_too_large", {"commands": str(limits.PUSH_COMMANDS)})
        lines = [msgspec.json.decode(line, type=_Line) for line in outer.commands]
        skips = [msgspec.json.decode(skip, type=Skip) for skip in outer.skips]
    except _BROKEN:
        return Refusal("batch_unreadable")
    if len(lines) > 1 and sum(len(bytes(line.cmd)) for line in lines) > limits.PUSH_BYTES:
        return Refusal("batch_too_large", {"bytes": str(limits.PUSH_BYTES)})
    items = [*(_item(device_id, line) for line in lines), *(_skipped(skip) for skip in skips)]
    if any(item.n > _N_MAX for item in items):
        return Refusal("batch_unreadable")
    return _in_order(_read(outer.sent, ClockSample), items)


def _in_order(sent: ClockSample | None, items: Sequence[Item]) -> HandedIn | Refusal:
    by_n: dict[int, Item] = {}
    for item in items:
        if by_n.setdefault(item.n, item).digest != item.digest:
            return Refusal("device_forked")
    return HandedIn(sent, tuple(by_n[n] for n in sorted(by_n)))


def _item(device_id: UUID, line: _Line) -> Item:
    cmd = bytes(line.cmd)
    digest = hashlib.sha256(cmd).digest()
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
    return Item(n=skip.n, id=skip.id, name="skip", digest=bytes.fromhex(skip.sha256), barred="skipped")


def _read(raw: Raw | bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(raw, type=kind)
    except _BROKEN:
        return None
