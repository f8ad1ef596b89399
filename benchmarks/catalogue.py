"""The names of scenarios and candidates, their units, and the goals they are held to. Owns words and bounds, no figure."""

from typing import Final, Literal

from msgspec import Struct

OURS: Final = "Onsite"
ONE_WORKER: Final = "Onsite, 1 worker"
PLAIN: Final = "Onsite, uncompressed"
RAW: Final = "raw asyncpg"
BARE: Final = "bare Litestar"
KINTO: Final = "Kinto"
POCKETBASE: Final = "PocketBase"
CANDIDATES: Final = (OURS, ONE_WORKER, PLAIN, RAW, BARE, KINTO, POCKETBASE)


class Kind(Struct, frozen=True, kw_only=True):
    """A scenario: what is done, in which unit it is told, whether more is better, and what one unit of work is."""

    key: str
    title: str
    unit: str
    more_is_better: bool
    digits: int = 0
    work: str = "pull"


class Goal(Struct, frozen=True, kw_only=True):
    """A bound on a ratio (ours to `against`, round by round, its median counts), or on bytes of an answer where `against` is empty."""

    text: str
    scenario: str
    against: str
    bound: float
    sense: Literal["at least", "at most"]


KINDS: Final = (
    Kind(
        key="initial",
        title="First pull of all documents, one device",
        unit="documents/s",
        more_is_better=True,
        work="document",
    ),
    Kind(key="delta_100", title="Pull after 100 changes, one device", unit="ms", more_is_better=False, digits=2),
    Kind(key="delta_10", title="Pull after 10 changes, one device", unit="ms", more_is_better=False, digits=2),
    Kind(key="no_change_1", title="Pull without changes, one device", unit="ms", more_is_better=False, digits=2),
    Kind(key="no_change_many", title="Pulls without changes, 32 connections", unit="pulls/s", more_is_better=True),
    Kind(key="ten_changes_many", title="Pulls of 10 changes, 32 connections", unit="pulls/s", more_is_better=True),
    Kind(
        key="push_1", title="Push of field reports, one device", unit="commands/s", more_is_better=True, work="command"
    ),
    Kind(
        key="push_many",
        title="Push of field reports, 16 devices at once",
        unit="commands/s",
        more_is_better=True,
        work="command",
    ),
    Kind(
        key="rush",
        title="Morning rush: 500 devices at once, 300 documents each",
        unit="s until the last one has everything",
        more_is_better=False,
        digits=2,
        work="device",
    ),
)

GOALS: Final = (
    Goal(
        text="first pull: at least 60 % of the floor's rows per second",
        scenario="initial",
        against=RAW,
        bound=0.6,
        sense="at least",
    ),
    Goal(text="first pull: at least twice Kinto", scenario="initial", against=KINTO, bound=2.0, sense="at least"),
    Goal(
        text="no-change pulls, 32 connections: at least PocketBase's empty list",
        scenario="no_change_many",
        against=POCKETBASE,
        bound=1.0,
        sense="at least",
    ),
    Goal(
        text="pulls of 10 changes, 32 connections: at least PocketBase",
        scenario="ten_changes_many",
        against=POCKETBASE,
        bound=1.0,
        sense="at least",
    ),
    Goal(
        text="pull after 100 changes: within 1.3 × the floor's latency",
        scenario="delta_100",
        against=RAW,
        bound=1.3,
        sense="at most",
    ),
    Goal(
        text="push, one device: at least half of raw asyncpg writing the same rows",
        scenario="push_1",
        against=RAW,
        bound=0.5,
        sense="at least",
    ),
    Goal(
        text="push, 16 devices: at least half of raw asyncpg writing the same rows",
        scenario="push_many",
        against=RAW,
        bound=0.5,
        sense="at least",
    ),
    Goal(
        text="push, 16 devices: at least 4 × PocketBase's batch",
        scenario="push_many",
        against=POCKETBASE,
        bound=4.0,
        sense="at least",
    ),
    Goal(
        text="pull after 10 changes: under 2 KB on the wire",
        scenario="delta_10",
        against="",
        bound=2_000,
        sense="at most",
    ),
)
