"""Arrays for PostgreSQL written as text. The driver looks at each element twice through an abstract base class, which costs more than all the rest.

Parameters that take them are declared `::text::uuid[]` and so on. Nothing here is SQL: the server reads each text as a value.
"""

from collections.abc import Iterable
from uuid import UUID


def uuids(values: Iterable[UUID | None]) -> str:
    """Write a uuid[]; None is null."""
    return "{" + ",".join(["null" if value is None else f"{value.int:032x}" for value in values]) + "}"


def numbers(values: Iterable[int]) -> str:
    """Write an array of whole numbers."""
    return "{" + ",".join(map(str, values)) + "}"


def booleans(values: Iterable[bool]) -> str:
    """Write a boolean[]."""
    return "{" + ",".join(["t" if value else "f" for value in values]) + "}"


def texts(values: Iterable[str]) -> str:
    """Write a text[]."""
    return "{" + ",".join([f'"{_escaped(value)}"' for value in values]) + "}"


def blobs(values: Iterable[bytes | None]) -> str:
    """Write a bytea[]; None is null."""
    return "{" + ",".join(["null" if value is None else f'"\\\\x{value.hex()}"' for value in values]) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"') if '"' in value or "\\" in value else value
