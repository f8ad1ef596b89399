"""The messages of pull, push and repair, with the names of the protocol. Owns shapes only, never a rule.

Unknown fields are ignored everywhere here, so that a newer minor version of either side is understood. Frames of a
page are told apart by `frame`; in an answer each is one line of NDJSON.
"""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from mobile_contract import limits
from mobile_contract.schema.base import Instant, Position, Sha256, Version
from mobile_contract.schema.clock import ClockSample
from mobile_contract.schema.outcome import OutcomeStatus

Bucket = Annotated[
    str, Meta(min_length=1, max_length=limits.BUCKET_NAME_CHARS, description="`dev/<device>`, `me/<person>`, `ref`, …")
]
Hex64 = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", description="Unsigned 64 bits, big-endian, 16 hex digits.")]
Count = Annotated[int, Meta(ge=0)]
Sequence = Annotated[int, Meta(ge=1, description="A command's number on its install; consecutive from 1.")]
RangeIndex = Annotated[int, Meta(ge=0, le=limits.REPAIR_RANGES - 1, description="The last byte of the document's id.")]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that crosses the wire as a JSON object."""


class BucketDigest(Struct, frozen=True, array_like=True):
    """`[count, xor]` over the documents of a bucket."""

    n: Count
    x: Hex64


class RangeSum(Struct, frozen=True, array_like=True):
    """`[range, count, xor]` over the documents of a bucket whose ids end in that byte. Empty ranges are left out."""

    r: RangeIndex
    n: Count
    x: Hex64


class PullAsk(Message, frozen=True, kw_only=True):
    """What a device asks of a pull.

    `digests` are its own per bucket, sent when the last answer said `compare`; `check` asks for the server's in
    `end`; `seen_n` is the highest n whose outcome the device has shown; `unsent` counts its commands without an answer;
    `wait_s` > 0 is a long poll (at most 55 s count).
    """

    cursor: str | None = None
    digests: dict[str, BucketDigest] | None = None
    check: bool = False
    seen_n: Count = 0
    unsent: Count = 0
    wait_s: Count = 0


class Begin(Message, frozen=True, kw_only=True, tag_field="frame", tag="begin"):
    """The head of a page.

    `buckets` are those held after this page in the order that `b` counts (left out when unchanged); `add` and
    `reset` begin to be filled, `keep` are adopted as they are, `drop` go with all their memberships. `compare`
    asks the device to pull again with `digests`, since its cursor cannot be followed.
    """

    life: UUID
    server_time: Instant
    anchor: str
    buckets: tuple[Bucket, ...] | UnsetType = UNSET
    add: tuple[Bucket, ...] = ()
    keep: tuple[Bucket, ...] = ()
    reset: tuple[Bucket, ...] = ()
    drop: tuple[Bucket, ...] = ()
    compare: bool = False


class Put(Message, frozen=True, kw_only=True, tag_field="frame", tag="put"):
    """A document and the buckets (by index) that hold it. `h` is taken over the bytes of `body` as they stand."""

    b: tuple[Count, ...]
    kind: str
    id: UUID
    ver: Version
    h: Hex64
    body: Raw


class Del(Message, frozen=True, kw_only=True, tag_field="frame", tag="del"):
    """Memberships that ended; the document goes with its last one."""

    b: tuple[Count, ...]
    kind: str
    id: UUID


class Mend(Message, frozen=True, kw_only=True, tag_field="frame", tag="mend"):
    """Ranges of bucket `b` that follow whole: a membership in them that no later `put` of the page names is gone."""

    b: Count
    ranges: tuple[RangeIndex, ...]


class End(Message, frozen=True, kw_only=True, tag_field="frame", tag="end"):
    """The foot of a page: only now is it applied, in one local transaction.

    `acked_n` is the highest n with a stored outcome; `more` says that another page waits; `digests` are the
    server's after this page, for some buckets; `warnings` are codes, such as a scope near its limit.
    """

    cursor: str | None
    acked_n: Count
    more: bool
    digests: dict[str, BucketDigest] | UnsetType = UNSET
    warnings: tuple[str, ...] = ()


Frame = Begin | Put | Del | Mend | End


class RepairAsk(Message, frozen=True, kw_only=True):
    """Range sums of one bucket as the device holds it at `cursor`. A bucket that is not held is answered with a plain page."""

    cursor: str | None = None
    bucket: Bucket
    sums: Annotated[tuple[RangeSum, ...], Meta(max_length=limits.REPAIR_RANGES)] = ()


class PushCommand(Message, frozen=True, kw_only=True):
    """One queued command. The bytes of `cmd` are kept and re-sent as they are: its digest is taken over them. At most 32 KiB."""

    n: Sequence
    session: UUID
    cmd: Raw


class Skip(Message, frozen=True, kw_only=True):
    """Stands in for a command that the server could not read: its number, its id and the SHA-256 of its `cmd`."""

    n: Sequence
    id: UUID
    sha256: Sha256


class PushAsk(Message, frozen=True, kw_only=True):
    """What a device hands in: at most 200 commands, 256 KiB. Commands and skips together are consecutive by n."""

    sent: ClockSample
    commands: Annotated[tuple[PushCommand, ...], Meta(max_length=limits.PUSH_COMMANDS)] = ()
    skips: Annotated[tuple[Skip, ...], Meta(max_length=limits.PUSH_COMMANDS)] = ()


class CommandEnvelope(Message, frozen=True, kw_only=True):
    """The inside of `cmd`.

    `base` is the `ver` of the document the command was made from; `after` names commands it follows (chains of at
    most 50); `at` are the device's clocks at capture.
    """

    id: UUID
    name: Annotated[str, Meta(min_length=1, max_length=80)]
    args: Raw
    base: Version | None = None
    after: Annotated[tuple[UUID, ...], Meta(max_length=limits.AFTER_CHAIN)] = ()
    at: ClockSample


class OutcomeBrief(Message, frozen=True, kw_only=True):
    """What became of one command; its details come by pull."""

    n: Sequence
    id: UUID
    status: OutcomeStatus
    code: str = "ok"


class PushAnswer(Message, frozen=True, kw_only=True):
    """The answer to a push, after its last commit; it may cover a prefix of what was asked.

    `last_n` is the highest n with a stored outcome, `durable_n` the highest that outlives the loss of the primary
    (null: not known; the device keeps acknowledged commands for 14 days).
    """

    last_n: Count
    outcomes: tuple[OutcomeBrief, ...]
    server_time: Instant
    durable_n: Count | None = None


class PositionsAsk(Message, frozen=True, kw_only=True):
    """Where the device's current person was, in any order. Lossy: never queued for long, never sent twice on purpose."""

    positions: Annotated[tuple[Position, ...], Meta(max_length=limits.POSITIONS)]


class PositionsAnswer(Message, frozen=True, kw_only=True):
    """How many positions were taken; those of nobody's session, or too old, were not."""

    taken: Count
