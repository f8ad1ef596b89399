"""What a search has in it: the commands, the documents, the one move, how much goes wrong, and which safeguard is missing. No behaviour."""

from enum import StrEnum
from functools import cached_property
from typing import Final

from msgspec import Struct

PHONES: Final = (0, 1)
DOCUMENTS: Final = (0, 1)
LETTERS: Final = "XY"


class Safeguard(StrEnum):
    """What makes the protocol right, each to be switched off in turn."""

    DOCUMENT_LOCK = "the document's row is locked before its body is computed"
    DEDUPE = "a number that was taken is answered again and not executed"
    DEDUPE_BOUND = "numbers up to and including the last one taken are known"
    HOLE_CHECK = "a number beyond the next one is refused"
    OUTCOME_WITH_EFFECT = "the outcome is stored in the transaction of the effect"
    ANSWER_AFTER_COMMIT = "the answer leaves after the commit"
    POISON_ASIDE = "a command that cannot be executed is put aside"
    SNAPSHOT_CURSOR = "the cursor is the snapshot, not the highest number seen"
    LIFE_CHECK = "a cursor of another life is compared, not followed"
    COMPARE_CONTENT = "after another life a bucket is kept only where its digest is equal"
    DEL_ROWS = "a membership that ended is sent as `del`"
    GONE_IS_STAMPED = "a membership that ends gets the transaction's id"
    ONE_SNAPSHOT = "rows and cursor come from one snapshot"
    ACKED_IN_SNAPSHOT = "`acked_n` comes from the snapshot of the rows"
    PAGE_IS_ONE_TRANSACTION = "the phone applies a page in one local transaction"
    CURSOR_UNCHANGED = "a page is applied only at the cursor it was asked with"
    RESUME_AFTER_LIFE = "a phone hands in again what a new life has lost"
    KEPT_UNTIL_DURABLE = "a phone keeps what was acknowledged"
    ANSWER_OF_THIS_LIFE = "a phone takes no answer to what it asked in another life"


class Order(Struct, frozen=True, cache_hash=True):
    """One command: whose phone, which documents it changes, whether its handler raises."""

    phone: int
    touches: tuple[int, ...]
    poison: bool = False


class Scope(Struct, frozen=True, kw_only=True, dict=True, cache_hash=True):
    """A small world. `home` and `holds` say which buckets hold a document and which a phone holds: before the one move, and after it.

    `aborts`: transactions that die of themselves; `crashes` of the database; `restores` of the backup from the beginning.
    `joined`: steps and states that differ in nothing that matters are taken for one.
    """

    name: str
    orders: tuple[Order, ...]
    home: tuple[tuple[str, ...], tuple[str, ...]]
    home_after: tuple[tuple[str, ...], tuple[str, ...]]
    holds: tuple[tuple[str, ...], tuple[str, ...]]
    holds_after: tuple[tuple[str, ...], tuple[str, ...]]
    aborts: int = 1
    crashes: int = 1
    restores: int = 0
    joined: bool = True
    off: frozenset[Safeguard] = frozenset()

    def has(self, safeguard: Safeguard) -> bool:
        """Tell whether a safeguard is in place."""
        return safeguard not in self.off

    def commands_of(self, phone: int) -> tuple[int, ...]:
        """Name the commands of a phone in the order of its numbers, the first of which is 1."""
        return self._own[phone]

    @cached_property
    def _own(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(c for c, order in enumerate(self.orders) if order.phone == phone) for phone in PHONES)

    @property
    def moves(self) -> bool:
        """Tell whether there is a move."""
        return (self.home, self.holds) != (self.home_after, self.holds_after)

    def homes(self, moved: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Give the buckets of each document."""
        return self.home_after if moved else self.home

    def wanted(self, phone: int, moved: bool) -> tuple[str, ...]:
        """Give the buckets that a phone may hold."""
        return (self.holds_after if moved else self.holds)[phone]


_HOLDS: Final = (("a", "r"), ("b", "r"))

DOCUMENT_MOVES: Final = Scope(
    name="a document moves from one crew to the other",
    orders=(Order(0, (0,)), Order(0, (0, 1)), Order(1, (1,))),
    home=(("a",), ("r",)),
    home_after=(("b",), ("r",)),
    holds=_HOLDS,
    holds_after=_HOLDS,
)
PERSON_LEAVES: Final = Scope(
    name="a person leaves a crew",
    orders=(Order(0, (0,)), Order(0, (0, 1)), Order(1, (0, 1))),
    home=(("a",), ("a", "r")),
    home_after=(("a",), ("a", "r")),
    holds=(("a", "r"), ("a", "r")),
    holds_after=(("a", "r"), ("r",)),
    aborts=0,
)
POISON: Final = Scope(
    name="one command cannot be executed",
    orders=(Order(0, (0,), poison=True), Order(0, (0, 1)), Order(1, (1,))),
    home=(("a", "r"), ("r",)),
    home_after=(("b",), ("r",)),
    holds=_HOLDS,
    holds_after=_HOLDS,
    aborts=0,
)
RESTORED: Final = Scope(
    name="the database is restored, and nothing moves",
    orders=(Order(0, (0,)), Order(0, (1,)), Order(1, (1,))),
    home=(("a",), ("r",)),
    home_after=(("a",), ("r",)),
    holds=_HOLDS,
    holds_after=_HOLDS,
    aborts=0,
    crashes=0,
    restores=1,
)
SCOPES: Final = {"document": DOCUMENT_MOVES, "person": PERSON_LEAVES, "poison": POISON, "restored": RESTORED}
