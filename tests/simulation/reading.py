"""How the auditor reads what crossed the wire: plain JSON and SHA-256, after the words of the protocol. Shares nothing with either side."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.simulation.backend import Key


@dataclass(frozen=True)
class Frame:
    """A `put` or `del`: the buckets by name; `line` are its bytes."""

    put: bool
    buckets: tuple[str, ...]
    key: Key
    ver: int
    h: str
    line: bytes


@dataclass(frozen=True)
class Page:
    """A page as it crossed the wire. `names`: the buckets held after it, None when it does not say."""

    life: str
    names: tuple[str, ...] | None
    begun: tuple[str, ...]
    keep: tuple[str, ...]
    drop: tuple[str, ...]
    compare: bool
    numbered: tuple[tuple[bool, tuple[int, ...], Key, int, str, bytes], ...]
    mended: bool
    cursor: str | None
    acked_n: int
    more: bool
    digests: Mapping[str, tuple[int, str]]

    @property
    def idle(self) -> bool:
        """Tell whether the page says nothing new."""
        return not (self.numbered or self.mended or self.begun or self.keep or self.drop or self.compare or self.more)

    def frames(self, names: tuple[str, ...]) -> Iterable[Frame]:
        """Name the buckets of the frames, where `names` are those held after the page."""
        for put, numbers, key, ver, h, line in self.numbered:
            yield Frame(put, tuple(names[n] for n in numbers), key, ver, h, line)


def read_page(body: bytes) -> Page:
    """Read a page. Raises ValueError or KeyError for what is none."""
    lines = [line for line in body.split(b"\n") if line]
    begin, *frames, end = (json.loads(line) for line in lines)
    if begin["frame"] != "begin" or end["frame"] != "end":
        raise ValueError("a page begins with begin and ends with end")
    numbered = tuple(
        (f["frame"] == "put", tuple(f["b"]), (f["kind"], UUID(f["id"])), f.get("ver", 0), f.get("h", ""), line)
        for f, line in zip(frames, lines[1:-1], strict=True)
        if f["frame"] in ("put", "del")
    )
    return Page(
        life=begin["life"],
        names=tuple(begin["buckets"]) if "buckets" in begin else None,
        begun=(*begin.get("add", ()), *begin.get("reset", ())),
        keep=tuple(begin.get("keep", ())),
        drop=tuple(begin.get("drop", ())),
        compare=begin.get("compare", False),
        numbered=numbered,
        mended=any(f["frame"] == "mend" for f in frames),
        cursor=end["cursor"],
        acked_n=end["acked_n"],
        more=end["more"],
        digests={bucket: (n, x) for bucket, (n, x) in end.get("digests", {}).items()},
    )


@dataclass(frozen=True)
class Told:
    """An outcome as a push was told it."""

    n: int
    id: UUID
    status: str
    code: str


def read_push(body: bytes) -> tuple[int, int | None, list[Told]]:
    """Read the answer to a push: the last number, the last durable number, the outcomes."""
    answer: dict[str, Any] = json.loads(body)
    told = [Told(o["n"], UUID(o["id"]), o["status"], o.get("code", "ok")) for o in answer["outcomes"]]
    return answer["last_n"], answer.get("durable_n"), told


def document_hash(key: Key, ver: int, body: bytes) -> int:
    """Hash a document: the first 8 bytes of SHA-256 over kind, id, ver in decimal and the body's bytes, joined by NUL."""
    kind, id = key
    joined = b"\0".join((kind.encode(), str(id).encode(), str(ver).encode(), body))
    return int.from_bytes(hashlib.sha256(joined).digest()[:8], "big")


def digest(hashes: Iterable[int]) -> tuple[int, str]:
    """Digest a bucket: count and XOR in 16 hex digits."""
    count = xor = 0
    for h in hashes:
        count, xor = count + 1, xor ^ h
    return count, f"{xor:016x}"


def sha256(content: bytes) -> bytes:
    """Digest bytes."""
    return hashlib.sha256(content).digest()
