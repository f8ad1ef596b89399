"""The evidence chain of a visit: each event carries the hash of its content and of the event recorded before it. Pure.

Content = the event's fields but `hash`, as JSON with sorted keys, instants in UTC. The server makes the chain, in commit order.
"""

from collections.abc import Iterable
from datetime import UTC
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from jobs.event import Event

_INSTANTS = ("occurred_at", "not_before", "not_after", "raw_at", "received_at")


def seal(event: Event, previous_hash: str) -> Event:
    """Link an event to its predecessor ("" for the first of a visit): sets `previous_hash` and `hash`."""
    content = asdict(event)
    content["previous_hash"] = previous_hash
    return replace(event, previous_hash=previous_hash, hash=_hash(content))


def hash_of(event: Event) -> str:
    """Compute the hash that an event must carry, in lower-case hex."""
    return _hash(asdict(event))


def _hash(content: dict[str, Any]) -> str:
    del content["hash"]
    for name in _INSTANTS:
        if content[name] is not None:
            content[name] = content[name].astimezone(UTC)
    return sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def broken_at(events: Iterable[Event]) -> Event | None:
    """Find the first event of one visit whose hash or link is wrong; None when the chain holds."""
    previous = ""
    for event in sorted(events, key=lambda e: e.seq):
        if event.previous_hash != previous or hash_of(event) != event.hash:
            return event
        previous = event.hash
    return None
