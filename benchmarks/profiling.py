"""Where the time of a hot path goes: the server's own work by what it does, and the database's by statement.

A sampler looks at the one worker process from outside; the database counts its statements. Measures no rate: the sampler slows the server.
"""

import asyncio
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import asyncpg
import psutil
from msgspec import Struct

from api import cluster
from api.settings import Settings
from benchmarks import ground, load, phone, pulls, pushes, serving
from benchmarks.ground import Ground
from benchmarks.load import Driver, Load, Outcome
from benchmarks.plan import FULL, Plan
from benchmarks.serving import Server

SECONDS: Final = 8
_RATE_HZ: Final = 200
_STATEMENTS: Final = """
select regexp_replace(query, '\\s+', ' ', 'g') query, calls, total_exec_time ms from pg_stat_statements
where dbid = (select oid from pg_database where datname = $1) order by total_exec_time desc limit 12"""

# The first group that any frame matches, looking from the innermost frame outwards.
GROUPS: Final = (
    ("compression", r"sync/wire\.py.*|zstandard|gzip\.py", r"encode \(sync/wire|zstd|compress|gzip"),
)


class Share(Struct, frozen=True):
    """A part of the worker's busy time."""

    group: str
    share: float


class Profile(Struct, frozen=True, kw_only=True):
    """What one request costs: CPU of the worker and of the database, the worker's by group, the database's statements by time."""

    path: str
    unit: str
    per_second: float
    worker_us: float
    database_us: float
    shares: tuple[Share, ...]
    statements: tuple[tuple[str, float, float], ...]
