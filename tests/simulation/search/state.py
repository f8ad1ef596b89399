"""One state of the small world: what is stored at the server, what runs there, what each phone stores, what is under way. No behaviour.

Commands are counted from 0 over both phones, numbers `n` from 1 on each phone. Everything hashes and compares by value.
"""

from msgspec import Struct

Members = tuple[tuple[str, int], ...]
"""(bucket, document), sorted."""


class Row(Struct, frozen=True, cache_hash=True):
    """A membership as the server stores it."""

    bucket: str
    document: int
    xid: int
    gone: bool


class Computed(Struct, frozen=True, cache_hash=True):
    """A document as a transaction computed it: the commands in its body, the buckets it belongs to."""

    document: int
    body: tuple[int, ...]
    buckets: tuple[str, ...]


class Tx(Struct, frozen=True, cache_hash=True):
    """An open transaction. `phone` None: the dispatcher's move. `locked`: it holds its documents' locks until its end."""

    xid: int
    phone: int | None
    taken: tuple[int, ...]
    locked: bool = False
    computed: tuple[Computed, ...] = ()


class Server(Struct, frozen=True, cache_hash=True):
    """What is committed, and what is open. `log`: the commands in the order in which they took effect or were put aside.

    `taken`: the highest n of each phone; `documents`: (ver, body) of each; `flushed`: the highest transaction id that no crash gives
    out again.
    """

    life: int = 1
    next_xid: int = 1
    flushed: int = 0
    log: tuple[int, ...] = ()
    moved: bool = False
    taken: tuple[int, int] = (0, 0)
    documents: tuple[tuple[int, tuple[int, ...]], ...] = ((1, ()), (1, ()))
    rows: tuple[Row, ...] = ()
    open: tuple[Tx, ...] = ()


class Cursor(Struct, frozen=True, cache_hash=True):
    """A snapshot with its life and the buckets held: what is below `xmax` and not in `open` was visible."""

    life: int
    xmax: int
    open: tuple[int, ...]
    buckets: tuple[str, ...]

    def saw(self, xid: int) -> bool:
        """Tell whether what a transaction wrote was visible in the snapshot."""
        return xid < self.xmax and xid not in self.open


class Truth(Struct, frozen=True, cache_hash=True):
    """What a phone ought to hold as of a snapshot, computed from the deeds and never from the tables. For the proof alone."""

    members: Members
    bodies: tuple[tuple[int, tuple[int, ...]], ...]
    acked_n: int


class Page(Struct, frozen=True, cache_hash=True):
    """A page under way. `whole`: buckets sent anew; `puts`: (document, ver, body, buckets)."""

    asked: Cursor | None
    cursor: Cursor
    acked_n: int
    whole: tuple[str, ...]
    puts: tuple[tuple[int, int, tuple[int, ...], tuple[str, ...]], ...]
    dels: Members
    truth: Truth


class Phone(Struct, frozen=True, cache_hash=True):
    """What a phone stores. `answered`: its n with an answer; `told`, `holes`: answers that may be on their way to it."""

    cursor: Cursor | None = None
    members: Members = ()
    bodies: tuple[tuple[int, int, tuple[int, ...]], ...] = ()
    answered: tuple[int, ...] = ()
    last_n: int = 0
    acked_n: int = 0
    told: tuple[int, ...] = ()
    holes: tuple[int, ...] = ()
    page: Page | None = None
    truth: Truth = Truth((), (), 0)


class World(Struct, frozen=True, cache_hash=True):
    """A state. `aborts`, `crashes`, `restores`: how many are left; `restored`: what was acknowledged may be lost until it is handed in again."""

    server: Server
    phones: tuple[Phone, Phone]
    aborts: int
    crashes: int
    restores: int
    restored: bool = False
